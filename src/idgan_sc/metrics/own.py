"""Score your own codes in one call: whatever can be computed, and for the rest the reason why not.

Rows are points, so nothing has to lie on a full grid of factors: groups that share a factor's value are drawn among
the points that have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, finite
from idgan_sc.metrics.information import binned
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw, draw_disentanglement_lib, draw_infogan_cr
from idgan_sc.metrics.scoring import DISENTANGLEMENT_LIB_METRICS, METRICS, score_codes, score_codes_disentanglement_lib

REPEATS = 10  # a factor with fewer points than this per distinct value is taken as continuous
GROUPED = {"factor_vae", "factor_vae_revised", "beta_vae"}
FORESTS = {"dci", "dci_completeness", "dci_rf"}
GAPS = {"sap", "sap_continuous", "mig"}
NEEDS_CLASSES = {"explicitness"}
TRAINED = {"sap_continuous", "mig", "modularity"}  # look at no point that tests
BOOSTED = {"dci", "dci_completeness", "dci_informativeness", "dci_informativeness_train"}
NEEDS_CLASSES_LIB = {"sap", "explicitness"} | BOOSTED


class Scores(NamedTuple):
    """Scores by metric, and for each metric that cannot be computed the reason."""

    values: dict[str, float]
    refused: dict[str, str]


def score(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    *,
    rng: np.random.Generator | None = None,
    categories: Sequence[int] = (),
    depths: Sequence[int] | None = None,
    metrics: Sequence[str] = tuple(METRICS),
) -> Scores:
    """The InfoGAN-CR protocol's scores, on all points, of your codes (N, D) for your factors (N, K).

    `categories` names the factors that are categories (SAP then asks for accuracy); `depths` are those of DCI's random
    forests, one a factor (`dci` and `dci_rf` then agree), without which the forests refuse. A row with a missing (NaN)
    factor is left out. A factor that hardly repeats a value is taken as continuous: MIG and modularity put it in 20
    bins, and what needs its classes or groups of equal value refuses. `rng` defaults to one seeded with 0.

    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> scores = score(z, z, metrics=["mig", "factor_vae"])
    >>> sorted(scores.values), scores.refused
    (['mig'], {'factor_vae': 'factor 0 has a value that only one point has: no group can share it'})
    """
    metrics, categories = _names(metrics), _numbers(categories)
    votes, forests = _streams(rng, 2)
    codes, values = _complete_rows(codes, factors)
    if outside := [k for k in categories if not 0 <= k < values.shape[1]]:
        raise ValueError(f"category {outside[0]}: the factors are numbered 0 to {values.shape[1] - 1}")
    refused = _refused(metrics, codes, values, NEEDS_CLASSES)
    depths = () if depths is None else _numbers(depths)
    if len(depths) != values.shape[1]:
        why = f"a random forest needs its depths, one for each of the {values.shape[1]} factors"
        refused |= {name: why for name in metrics if name in FORESTS and name not in refused}
    wanted = [name for name in metrics if name not in refused]
    if not wanted:
        return Scores({}, refused)
    draw = _all_points(values, GROUPED.isdisjoint(wanted), votes)
    scores = score_codes(
        codes,
        _classes(values),
        values,
        draw,
        rng=forests,
        metrics=wanted,
        depths=depths,
        forest_depths=depths,
        discrete=categories,
    )
    return Scores(scores, refused)


def score_disentanglement_lib(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    *,
    rng: np.random.Generator | None = None,
    metrics: Sequence[str] = tuple(DISENTANGLEMENT_LIB_METRICS),
) -> Scores:
    """The disentanglement_lib protocol's scores of your codes (N, D) for your factors (N, K).

    Two thirds of the points train, a third tests, 10 000 and 5 000 at most; factors are treated as by `score`. The
    boosted trees of DCI take minutes.

    >>> z = np.random.default_rng(0).normal(size=(500, 2))
    >>> scores = score_disentanglement_lib(z, z, metrics=["sap", "sap_continuous"])
    >>> round(scores.values["sap_continuous"], 1), scores.refused
    (1.0, {'sap': 'factor 0 is continuous: it has no classes to predict'})
    """
    metrics = _names(metrics)
    split, votes, trees = _streams(rng, 3)
    codes, values = _complete_rows(codes, factors)
    refused = _refused(metrics, codes, values, NEEDS_CLASSES_LIB)
    if set(metrics) == refused.keys():
        return Scores({}, refused)
    classes, (train, test) = _classes(values), _split(len(values), split)
    reasons = {name: _split_refusal(name, classes[train], classes[test]) for name in metrics if name not in refused}
    refused |= {name: why for name, why in reasons.items() if why}
    wanted = [name for name in metrics if name not in refused]
    if not wanted:
        return Scores({}, refused)
    draw = _split_points(values, train, test, GROUPED.isdisjoint(wanted), votes)
    return Scores(score_codes_disentanglement_lib(codes, classes, draw, rng=trees, metrics=wanted), refused)


def _names(metrics: Iterable[str]) -> tuple[str, ...]:
    if isinstance(metrics, str):
        raise ValueError(f"metrics is a list of names, such as [{metrics!r}], not a name")
    return tuple(metrics)


def _numbers(numbers: npt.ArrayLike) -> tuple[int, ...]:
    return tuple(int(number) for number in np.ravel(numbers))


def _streams(rng: np.random.Generator | None, n: int) -> list[np.random.Generator]:
    """A stream for each thing that is drawn, so that no score depends on which others are asked for."""
    return (np.random.default_rng(0) if rng is None else rng).spawn(n)


def _complete_rows(codes: npt.ArrayLike, factors: npt.ArrayLike) -> tuple[Array, Array]:
    codes, values = finite(codes), np.asarray(factors, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(codes):
        raise ValueError(f"factors must have shape ({len(codes)}, K), got {values.shape}")
    complete = ~np.isnan(values).any(axis=1)
    return codes[complete], values[complete]


def _refused(metrics: Sequence[str], codes: Array, values: Array, needs_classes: set[str]) -> dict[str, str]:
    reasons = {name: _refusal(name, codes, values, needs_classes) for name in metrics}
    return {name: why for name, why in reasons.items() if why}


def _refusal(name: str, codes: Array, values: Array, needs_classes: set[str]) -> str:
    """Why this metric cannot be computed; empty if it can."""
    if len(values) < 2:
        return "no two points have all their factors"
    counts = [np.unique(column, return_counts=True)[1] for column in values.T]
    if constant := [k for k, count in enumerate(counts) if len(count) < 2]:
        return f"factor {constant[0]} takes one value only"
    if values.shape[1] < 2 and name not in GAPS | {"explicitness"}:
        return "it compares factors, and there is one"
    if codes.shape[1] < 2 and (name in GAPS or name.startswith("dci")):
        return "it compares codes, and there is one"
    if name in GROUPED and (single := [k for k, count in enumerate(counts) if count.min() < 2]):
        return f"factor {single[0]} has a value that only one point has: no group can share it"
    if name in needs_classes and (smooth := np.flatnonzero(_continuous(values))).size:
        return f"factor {smooth[0]} is continuous: it has no classes to predict"
    return ""


def _continuous(values: Array) -> Array:
    """Which factors (K,) hardly repeat a value."""
    return np.array([len(np.unique(column)) * REPEATS > len(column) for column in values.T])


def _classes(values: Array) -> Array:
    """Integer classes (N, K): a factor's distinct values in order, or its 20 bins if it is continuous."""
    numbers = [
        binned(column) if smooth else np.unique(column, return_inverse=True)[1]
        for column, smooth in zip(values.T, _continuous(values), strict=True)
    ]
    return np.stack(numbers, axis=1)


def _all_points(values: Array, no_groups: bool, rng: np.random.Generator) -> Draw:
    """All points once, and the reference's 500 groups of 100 unless no metric looks at them."""
    points = np.arange(len(values))
    if no_groups:
        return Draw(points[:0, None], points[:0], points, points)
    draw = draw_infogan_cr(_ranks(values), groups=500, group_size=100, std=len(points), points=0, rng=rng)
    return replace(draw, std=points, points=points)


def _split(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The numbers of the points that train and of those that test."""
    points = rng.permutation(n)
    cut = 2 * n // 3
    return points[:cut][:10_000], points[cut:][:5_000]


def _split_refusal(name: str, train: Array, test: Array) -> str:
    """Why this metric cannot be computed from points (N, K) so split; empty if it can."""
    if name in GROUPED:
        return ""
    for k, (taught, asked) in enumerate(zip(train.T, test.T, strict=True)):
        if any(len(np.unique(part)) < 2 for part in ([taught] if name in TRAINED else [taught, asked])):
            return f"factor {k} takes one value only among the points that train or those that test"
        if name == "explicitness" and not np.isin(taught, asked).all():
            return f"factor {k} has a value that no point that tests has"
    return ""


def _split_points(
    values: Array, train: Array, test: Array, no_groups: bool, rng: np.random.Generator
) -> DisentanglementLibDraw:
    """Points split in train and test, and the study's votes unless no metric looks at them."""
    points = np.arange(len(values))
    if no_groups:
        none = np.empty((0, 0), dtype=np.int64)
        return DisentanglementLibDraw(none, none, none, none, none, none, none, none, points, train, test)
    draw = draw_disentanglement_lib(
        _ranks(values), train_votes=10_000, eval_votes=5_000, batch_size=64, variance=10_000, train=0, test=0, rng=rng
    )
    return replace(draw, train=train, test=test)


def _ranks(values: Array) -> Array:
    return np.stack([np.unique(column, return_inverse=True)[1] for column in values.T], axis=1)
