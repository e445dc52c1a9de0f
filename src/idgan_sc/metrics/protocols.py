"""Define the three protocols for a user's own points.

Each protocol says which scores it offers, which ones it refuses and why, and how it computes them. A score that
fails does not stop the others. Its error becomes its reason.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from idgan_sc.metrics import cost
from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.progress import Progress
from idgan_sc.metrics.reading import Points, label
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw, draw_disentanglement_lib, draw_infogan_cr
from idgan_sc.metrics.scoring import (
    CARBONNEAU_BINS,
    CARBONNEAU_METRICS,
    CARBONNEAU_THRESHOLD,
    DISENTANGLEMENT_LIB_METRICS,
    METRICS,
    MORE_METRICS,
    carbonneau_evaluation,
    disentanglement_lib_evaluation,
    infogan_cr_evaluation,
    points_evaluation,
)

GROUPED = {"factor_vae", "factor_vae_revised", "beta_vae"}
HELD = {"z_diff", "z_min_var"}  # the review's groups, of points that share a class or a bin
FORESTS = {"dci", "dci_completeness", "dci_rf"}
GAPS = {"sap", "sap_continuous", "sap_trees", "mig", "jemmig", "infoc"}  # between codes
ANY_FACTORS = GAPS | {"explicitness", "explicitness_separate", "infoe", "irs", "total_correlation", "dci_es"}
ANY_FACTORS |= {"mcc_pearson", "mcc_spearman", "dci_informativeness", "dci_informativeness_train"}
BOOSTED = {"dci", "dci_completeness", "dci_informativeness", "dci_informativeness_train"}
TRAINED = {"sap_continuous", "mig", "modularity"}  # look at no point that tests
LARGE = 1e15  # codes beyond which an error is probably an overflow
RAW = {"beta_vae", "z_diff"}  # logistic regression on raw codes, whose solvers stand still beyond 1e25
STEEP, SQUARED = 1e25, 1e150  # the square of the second is the largest number
TREE_GAP, STEPS = 1e-7, 1000  # of scikit-learn's trees: the least gap that they split; steps that a code's range needs
UNSQUARED = {"mig", "mig_sup", "dcimig", "jemmig", "modularity", "irs", "mcc_spearman"}

Outcome = tuple[dict[str, float], dict[str, str]]  # scores, and the reasons of those that failed


@dataclass(frozen=True)
class Protocol:
    """What a protocol offers, and how it scores points."""

    name: str
    known: tuple[str, ...]
    default: tuple[str, ...]
    classes: frozenset[str]  # scores that predict a factor's classes, which a continuous one has not
    forests: frozenset[str]  # scores that need depths
    unsquared: frozenset[str]  # scores that take codes of any size
    prunes: Mapping[str, float]  # scores that leave out a code, and the SD below which they do
    score: Callable[[Points, Sequence[str], Sequence[int], np.random.Generator, Progress], Outcome]
    costs: Callable[[Sequence[int]], Mapping[str, cost.Estimate]]


def refusals(protocol: Protocol, names: Iterable[str], points: Points, depths: Sequence[int]) -> dict[str, str]:
    """Why some scores cannot be computed on these points."""
    reasons = {name: _reason(protocol, name, points, depths) for name in names}
    return {name: why for name, why in reasons.items() if why}


def _reason(protocol: Protocol, name: str, points: Points, depths: Sequence[int]) -> str:
    """Why this metric cannot be computed; empty if it can."""
    n, k = points.ranks.shape
    if n < 2:
        return "no two points have all their factors"
    if not k:
        return "no factor takes two values: " + "; ".join(points.left_out.values())
    if k < 2 and name not in (ANY_FACTORS - (BOOSTED if protocol.name == "disentanglement_lib" else set())):
        return "it compares factors, and there is one"
    if points.codes.shape[1] < 2 and (name in GAPS or (name.startswith("dci") and name != "dci_es")):
        return "it compares codes, and there is one"
    return _values_reason(protocol, name, points, depths)


def _values_reason(protocol: Protocol, name: str, points: Points, depths: Sequence[int]) -> str:
    if why := _scale_reason(protocol, name, points.codes):
        return why
    if name in GROUPED and (why := single_value(points)):
        return why
    if name in protocol.classes and points.continuous:
        return f"{_label(points, points.continuous[0])} is continuous: it has no classes to predict"
    if name in protocol.forests and not depths:
        given = points.ranks.shape[1] + len(points.left_out)
        return f"its random forests need `depths`, one for each of the {given} factors; dci_lasso needs none"
    return ""


def single_value(points: Points) -> str:
    """Say why no groups can be drawn.

    The reason names the first factor with a value that only one point has. Without a reason the text is empty.
    """
    single = [k for k, ranks in enumerate(points.ranks.T) if np.bincount(ranks).min() < 2]
    return f"{_label(points, single[0])} has a value that only one point has: no group can share it" if single else ""


def _scale_reason(protocol: Protocol, name: str, codes: Array) -> str:
    """Say why the codes are too large or too small.

    The references would give them the score of constant codes.
    """
    largest = float(max(abs(codes.min()), abs(codes.max())))
    if largest > STEEP and (name in RAW or (name, protocol.name) == ("explicitness", "infogan_cr")):
        return (
            f"logistic regression on raw codes stands still where they reach {largest:.0e}: divide them by a constant"
        )
    if name in BOOSTED and protocol.name == "disentanglement_lib" and not _told_apart(codes):
        return "its trees read codes in single precision, in which these hardly differ: give each code mean 0 and SD 1"
    if name in protocol.unsquared:
        return ""
    if largest > SQUARED:
        return f"squares of codes that reach {largest:.0e} are too large for a number: divide them by a constant"
    if 0 < largest < 1 / SQUARED:
        return f"squares of codes that reach {largest:.0e} are too small for a number: multiply them by a constant"
    return ""


def _told_apart(codes: Array) -> bool:
    """Tell whether trees in single precision see the codes move.

    They need `STEPS` steps within the range of one code. Constant codes pass.
    """
    with np.errstate(over="ignore"):
        span, size = np.ptp(codes, axis=0), np.abs(codes).max(axis=0)
        steps = span / np.maximum(TREE_GAP, size * np.finfo(np.float32).eps)
    return bool((steps[span > 0] >= STEPS).any() or not (span > 0).any())


def _label(points: Points, k: int) -> str:
    return label(points.names[k])


def computed(known: Mapping[str, Callable[[Any], float]], evaluation: Any, names: Iterable[str]) -> Outcome:
    """Compute the scores of an evaluation, each by itself.

    The scores of an evaluation, each by itself; one that fails or is no number has a reason instead.
    """
    values, failed = {}, {}
    for name in names:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", RuntimeWarning)  # an overflow shows in the score
                warnings.filterwarnings("error", message=".*failed to converge after 0")  # not a step was made
                value = known[name](evaluation)
        except ValueError as error:  # says what is wrong
            failed[name] = first_line(error)
        except Exception as error:
            failed[name] = f"it fails on these codes ({type(error).__name__}: {first_line(error)})"
        else:
            if np.isfinite(value):
                values[name] = value
            else:
                failed[name] = f"it gives {value} on these codes"
    return values, failed


def first_line(error: Exception) -> str:
    """What an error says, in one line; its kind if it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _explained(outcome: Outcome, codes: Array) -> Outcome:
    """The reasons, with the likely cause where codes are very large."""
    values, failed = outcome
    largest = float(np.abs(codes).max(initial=0.0))
    cause = f": they reach {largest:.0e}, divide them by a constant" if largest > LARGE else ""
    return values, {name: why + cause for name, why in failed.items()}


# ---- InfoGAN-CR, and the scores that have a paper but no protocol


def _infogan_cr(
    points: Points, names: Sequence[str], depths: Sequence[int], rng: np.random.Generator, progress: Progress
) -> Outcome:
    votes, forests = _streams(rng, 2)
    own, more = [name for name in names if name in METRICS], [name for name in names if name in MORE_METRICS]
    outcome: Outcome = {}, {}
    classes = points.classes()
    if own:
        draw = all_points(points.ranks, GROUPED.isdisjoint(own), votes)
        evaluation = infogan_cr_evaluation(
            points.codes,
            classes,
            points.values,
            draw,
            rng=forests,
            depths=depths,
            forest_depths=depths,
            discrete=points.categories,
        )
        outcome = computed(METRICS, replace(evaluation, progress=progress), own)
    if more:
        found = points_evaluation(
            points.codes, classes, points.values, rng=forests.spawn(1)[0], discrete=points.categories
        )
        values, failed = computed(MORE_METRICS, replace(found, progress=progress), more)
        outcome = outcome[0] | values, outcome[1] | failed
    return _explained(outcome, points.codes)


def all_points(ranks: Array, no_groups: bool, rng: np.random.Generator) -> Draw:
    """Draw all points once, and the reference's groups.

    There are 500 groups of 100. No group is drawn if no metric needs one.
    """
    points = np.arange(len(ranks))
    if no_groups:
        return Draw(points[:0, None], points[:0], points, points)
    draw = draw_infogan_cr(ranks, groups=500, group_size=100, std=len(points), points=0, rng=rng)
    return replace(draw, std=points, points=points)


# ---- disentanglement_lib


def _disentanglement_lib(
    points: Points, names: Sequence[str], depths: Sequence[int], rng: np.random.Generator, progress: Progress
) -> Outcome:
    split, votes, trees = _streams(rng, 3)
    classes, (train, test) = points.classes(), train_and_test(len(points.codes), split)
    reasons = {name: _split_refusal(name, points, classes[train], classes[test]) for name in names}
    failed = {name: why for name, why in reasons.items() if why}
    wanted = [name for name in names if name not in failed]
    if not wanted:
        return {}, failed
    draw = split_points(points.ranks, train, test, GROUPED.isdisjoint(wanted), votes)
    evaluation = disentanglement_lib_evaluation(points.codes, classes, draw, rng=trees)
    values, broken = _explained(
        computed(DISENTANGLEMENT_LIB_METRICS, replace(evaluation, progress=progress), wanted), points.codes
    )
    return values, failed | broken


def train_and_test(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Split the points' numbers into training and test.

    Two thirds train, at most 10 000. The rest test, at most 5 000.
    """
    points = rng.permutation(n)
    cut = 2 * n // 3
    return points[:cut][:10_000], points[cut:][:5_000]


def _split_refusal(name: str, points: Points, train: Array, test: Array) -> str:
    """Say why this split does not allow the metric.

    The classes are (N, K). Without a reason the text is empty.
    """
    if name in GROUPED:
        return ""
    for k, (taught, asked) in enumerate(zip(train.T, test.T, strict=True)):
        if any(len(np.unique(part)) < 2 for part in ([taught] if name in TRAINED else [taught, asked])):
            return f"{_label(points, k)} takes one value only among the points that train or those that test"
        if name == "explicitness" and not np.isin(taught, asked).all():
            return f"{_label(points, k)} has a value that no point that tests has"
    return ""


def split_points(
    ranks: Array, train: Array, test: Array, no_groups: bool, rng: np.random.Generator
) -> DisentanglementLibDraw:
    """Split the points into training and test, and draw the study's votes.

    No vote is drawn if no metric needs one.
    """
    points = np.arange(len(ranks))
    if no_groups:
        none = np.empty((0, 0), dtype=np.int64)
        return DisentanglementLibDraw(none, none, none, none, none, none, none, none, points, train, test)
    draw = draw_disentanglement_lib(
        ranks, train_votes=10_000, eval_votes=5_000, batch_size=64, variance=10_000, train=0, test=0, rng=rng
    )
    return replace(draw, train=train, test=test)


# ---- the review


def _carbonneau(
    points: Points, names: Sequence[str], depths: Sequence[int], rng: np.random.Generator, progress: Progress
) -> Outcome:
    classes = points.review_classes(CARBONNEAU_BINS)
    evaluation = carbonneau_evaluation(points.codes, classes, points.values, rng=_streams(rng, 1)[0])
    return _explained(computed(CARBONNEAU_METRICS, replace(evaluation, progress=progress), names), points.codes)


def _streams(rng: np.random.Generator, n: int) -> list[np.random.Generator]:
    """Make one random stream for each draw.

    So no score depends on which other scores are requested.
    """
    try:
        return rng.spawn(n)
    except TypeError as error:
        raise ValueError("rng cannot be split into streams: make it by numpy.random.default_rng") from error


INFOGAN_CR = Protocol(
    "infogan_cr",
    known=(*METRICS, *MORE_METRICS),
    default=tuple(METRICS),
    classes=frozenset({"explicitness", "infoe"}),
    forests=frozenset(FORESTS),
    unsquared=frozenset(UNSQUARED),
    prunes={},
    score=_infogan_cr,
    costs=lambda depths: cost.INFOGAN_CR | cost.MORE | dict.fromkeys(FORESTS, cost.forests(depths)),
)
DISENTANGLEMENT_LIB = Protocol(
    "disentanglement_lib",
    known=tuple(DISENTANGLEMENT_LIB_METRICS),
    default=tuple(DISENTANGLEMENT_LIB_METRICS),
    classes=frozenset({"sap", "explicitness"} | BOOSTED),
    forests=frozenset(),
    unsquared=frozenset(UNSQUARED),
    prunes={"factor_vae": 0.05, "sap_continuous": 1e-6},
    score=_disentanglement_lib,
    costs=lambda depths: cost.DISENTANGLEMENT_LIB,
)
CARBONNEAU = Protocol(
    "carbonneau",
    known=tuple(CARBONNEAU_METRICS),
    default=tuple(CARBONNEAU_METRICS),
    classes=frozenset(),
    forests=frozenset(),
    unsquared=frozenset(set(CARBONNEAU_METRICS) - {"sap", "z_diff", "z_min_var", "z_max_var"}),
    prunes=dict.fromkeys(("z_min_var", "z_max_var"), CARBONNEAU_THRESHOLD),
    score=_carbonneau,
    costs=lambda depths: cost.CARBONNEAU,
)
