"""Say what the costly scores cost before they start.

The cost is seconds on one core, from the numbers of points and classes.

The factors were measured by `benchmarks/metrics.py` on one core. They tell minutes from seconds, no more.
"""

import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from idgan_sc.metrics.progress import Progress, on_stderr, silent

LIMIT = 60.0  # seconds beyond which a score is computed only where it is asked for by name
WORTH_SAYING = 5.0
CHEAPER = {
    "explicitness": "'infoe', or fewer classes",
    "infoe": "fewer classes",
    "dci": "'dci_lasso'",
    "dci_completeness": "'dci_lasso'",
    "dci_rf": "'dci_lasso'",
    "dci_informativeness": "score()'s 'dci_lasso'",
    "dci_informativeness_train": "score()'s 'dci_lasso'",
    "dci_rf_completeness": "'dci_completeness', by Lasso",
    "dci_rf_informativeness": "'dci_informativeness', by Lasso",
    "sap_trees": "'sap'",
}
Estimate = Callable[[int, int, int, Sequence[int]], float]  # points, codes, factors, classes of each factor


def sort(points: int) -> float:
    """Steps of sorting so many points."""
    return points * float(np.log2(max(points, 2)))


def forests(depths: Sequence[int]) -> Estimate:
    """Estimate what forests cost.

    A tree of n points is hardly deeper than 2 log2 n, however deep it may grow.
    """
    return lambda n, d, k, classes: 8e-8 * sort(n) * d * sum(min(depth, 2 * np.log2(max(n, 2))) for depth in depths)


def rules(points: int, codes: int, factors: int, classes: Sequence[int]) -> float:
    """Estimate the seconds for one liblinear rule a class, and its ROC area.

    Many classes cost more than in proportion.
    """
    return 1.5e-7 * points * (codes + 6) * sum(count * (1 + count / 200) for count in classes)


def softmax(points: int, codes: int, factors: int, classes: Sequence[int]) -> float:
    """Estimate the seconds for softmax regression.

    It takes Newton steps where the weights are few enough for a Hessian. Otherwise it takes hundreds of plain
    steps.
    """
    return sum(points * count * (2e-8 * (codes + 1) if count * (codes + 1) < 1500 else 2e-6) for count in classes)


INFOGAN_CR: dict[str, Estimate] = {"explicitness": rules}
DISENTANGLEMENT_LIB: dict[str, Estimate] = {
    "explicitness": lambda n, d, k, classes: 1e-7 * min(n, 15_000) * (d + 6) * sum(classes)
} | {
    name: lambda n, d, k, classes: 2.7e-5 * min(2 * n / 3, 10_000) * d * sum(classes)
    for name in ("dci", "dci_completeness", "dci_informativeness", "dci_informativeness_train")
}
CARBONNEAU: dict[str, Estimate] = {
    "explicitness": lambda n, d, k, classes: 4e-8 * n * (d + 1) * sum(classes),
    "explicitness_separate": lambda n, d, k, classes: 4e-8 * n * (d + 1) * sum(classes),
    "sap_trees": lambda n, d, k, classes: d * k * (0.02 + 1e-6 * sort(n)),
} | {
    name: lambda n, d, k, classes: 3e-4 * sort(n) * d * k
    for name in ("dci_rf", "dci_rf_completeness", "dci_rf_informativeness")
}
MORE: dict[str, Estimate] = {
    "infoe": softmax,
    "dci_es": lambda n, d, k, classes: 3e-7 * sort(min(n, 10_000)) * d * k,
}


def too_costly(name: str, seconds: float) -> str:
    """Why a score is not computed unless it is asked for."""
    instead = f", or take {CHEAPER[name]}" if name in CHEAPER else ""
    return f"it takes about {spoken(seconds)}: ask for it by name in `metrics`{instead}"


def announced(costs: Iterable[tuple[str, float]]) -> Progress:
    """Say on stderr what scores will cost, if that is worth saying.

    Return how their progress is told.
    """
    dear = {name: seconds for name, seconds in costs if seconds >= WORTH_SAYING}
    if not dear:
        return silent
    listed = ", ".join(f"{name} about {spoken(s)}{_instead(name)}" for name, s in dear.items())
    print(f"these scores take long: {listed}", file=sys.stderr, flush=True)
    return on_stderr("a long score, factor by factor")


def _instead(name: str) -> str:
    return f" (cheaper: {CHEAPER[name]})" if name in CHEAPER else ""


def spoken(seconds: float) -> str:
    """Say a time in the unit that suits it.

    >>> spoken(12.3), spoken(600), spoken(9000)
    ('12 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
