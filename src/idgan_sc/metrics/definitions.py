"""Every published definition of each metric, for the referee: protocol, regressor or variant, scikit-learn era.

A definition gives the scores of its parts for several sets of factors at once, so that a forest is grown once whether
or not the categories count: each factor has a column of its own in the matrices, and only the counted ones are read.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from idgan_sc.metrics import beta_vae, dci, factor_vae, modularity, sap
from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.information import entropy, mutual_information
from idgan_sc.metrics.scoring import DisentanglementLib, InfoGANCR

Parts = Callable[[Any, Sequence[Array]], list[dict[str, float]]]  # (evaluation, sets of factors) -> scores for each set


class Definition(NamedTuple):
    """One published way to compute a metric from its protocol's evaluation."""

    metric: str
    regressor: str  # or the variant, where nothing is regressed
    era: str  # the scikit-learn versions that compute it so
    scaled: bool  # whether the scale of the codes matters
    parts: Parts


def _per_factor(matrix: Callable[[Any], Array], **parts: Callable[[Array], float]) -> Parts:
    """Parts of a matrix whose last axis is the factors: computed once, read for the factors that count."""

    def scores(evaluation: Any, counted: Sequence[Array]) -> list[dict[str, float]]:
        whole = matrix(evaluation)
        return [{part: float(score(whole[..., keep])) for part, score in parts.items()} for keep in counted]

    return scores


def _refitted(score: Callable[..., float], votes: Callable[[Any], Sequence[tuple[Array, Array]]]) -> Parts:
    """A score of (groups, labels) that is fitted anew to the groups that fix a counted factor."""

    def scores(evaluation: Any, counted: Sequence[Array]) -> list[dict[str, float]]:
        kept = [[array for pair in votes(evaluation) for array in _relabelled(*pair, keep)] for keep in counted]
        return [{"score": score(*arrays)} for arrays in kept]

    return scores


def _relabelled(groups: Array, labels: Array, keep: Array) -> tuple[Array, Array]:
    fixed = np.isin(labels, keep)
    return groups[fixed], np.searchsorted(keep, labels[fixed])


def _votes(e: InfoGANCR) -> Array:
    return factor_vae.infogan_cr_votes(e.std, e.groups, e.group_labels)  # (D, K)


def _lib_votes(threshold: float) -> Callable[[DisentanglementLib], Array]:
    def votes(e: DisentanglementLib) -> Array:
        of = factor_vae.disentanglement_lib_votes
        taught, cast = (of(e.variance, *pair, threshold=threshold) for pair in (e.train_votes, e.eval_votes))
        return np.stack([taught.T, cast.T])  # (2, D, K)

    return votes


def _lib_votes_accuracy(votes: Array) -> float:
    return factor_vae.votes_accuracy(votes[0].T, votes[1].T)


def _information(points: Callable[[Any], tuple[Array, Array]]) -> Callable[[Any], Array]:
    return lambda e: mutual_information(*points(e))


def _relative_information(points: Callable[[Any], tuple[Array, Array]]) -> Callable[[Any], Array]:
    return lambda e: mutual_information(*points(e)) / entropy(points(e)[1])


def _forest(depths: str, trees: int) -> Callable[[InfoGANCR], Array]:
    return lambda e: dci.forest_importance(e.codes, e.values, depths=getattr(e, depths), trees=trees, seed=e.seed)


def _linear(importance: Callable[..., Array]) -> Callable[[InfoGANCR], Array]:
    return lambda e: importance(e.codes, e.values)


def _dci(matrix: Callable[[Any], Array]) -> Parts:
    return _per_factor(matrix, disentanglement=dci.disentanglement_score, completeness=dci.completeness_score)


def _groups(e: InfoGANCR) -> list[tuple[Array, Array]]:
    return [(e.groups, e.group_labels)]


def _pairs(e: DisentanglementLib) -> list[tuple[Array, Array]]:
    return [e.train_pairs, e.eval_pairs]


def _points(e: InfoGANCR) -> tuple[Array, Array]:
    return e.codes, e.classes


def _train(e: DisentanglementLib) -> tuple[Array, Array]:
    return e.train


OLD, NEW, ANY, HERE = "scikit-learn <= 0.21", "scikit-learn >= 0.22", "any", "scikit-learn installed"
ONE_VS_REST, MULTINOMIAL = "one against rest", "multinomial"

INFOGAN_CR = (
    Definition(
        "factor_vae",
        "majority vote",
        ANY,
        False,
        _per_factor(_votes, score=factor_vae.vote_share, revised=factor_vae.revised_vote_share),
    ),
    Definition("beta_vae", ONE_VS_REST, OLD, True, _refitted(beta_vae.infogan_cr_score, _groups)),
    Definition("beta_vae", MULTINOMIAL, NEW, True, _refitted(beta_vae.infogan_cr_multinomial_score, _groups)),
    Definition(
        "sap",
        "R² and SVM",
        ANY,
        True,
        _per_factor(lambda e: sap.infogan_cr_matrix(e.codes, e.values, discrete=e.discrete), score=sap.gap),
    ),
    Definition("mig", "20 bins", ANY, False, _per_factor(_relative_information(_points), score=sap.gap)),
    Definition("dci", "Lasso", ANY, False, _dci(_linear(dci.lasso_importance))),
    Definition("dci", "LassoCV, 3 folds", OLD, False, _dci(_linear(dci.lasso_cv_importance))),
    Definition("dci", "LassoCV, 5 folds", HERE, False, _dci(_linear(dci.lasso_cv_today_importance))),
    Definition("dci", "10 trees, IB-GAN depths", OLD, False, _dci(lambda e: e.forest)),
    Definition("dci", "100 trees, IB-GAN depths", NEW, False, _dci(_forest("depths", 100))),
    Definition("dci", "10 trees", OLD, False, _dci(lambda e: e.other_forest)),
    Definition("dci", "100 trees", NEW, False, _dci(_forest("forest_depths", 100))),
    Definition("modularity", "20 bins", ANY, False, _per_factor(_information(_points), score=modularity.modularity_of)),
    Definition(
        "explicitness",
        ONE_VS_REST,
        OLD,
        True,
        _per_factor(lambda e: modularity.infogan_cr_areas(*_points(e)), score=np.mean),
    ),
    Definition(
        "explicitness",
        MULTINOMIAL,
        NEW,
        True,
        _per_factor(lambda e: modularity.infogan_cr_multinomial_areas(*_points(e)), score=np.mean),
    ),
)

DISENTANGLEMENT_LIB = (
    Definition("factor_vae", "pruned below 0.05", ANY, True, _per_factor(_lib_votes(0.05), score=_lib_votes_accuracy)),
    Definition("factor_vae", "not pruned", ANY, False, _per_factor(_lib_votes(0.0), score=_lib_votes_accuracy)),
    Definition("beta_vae", ONE_VS_REST, OLD, True, _refitted(beta_vae.disentanglement_lib_one_vs_rest_score, _pairs)),
    Definition("beta_vae", MULTINOMIAL, NEW, True, _refitted(beta_vae.disentanglement_lib_score, _pairs)),
    Definition(
        "sap",
        "SVM",
        ANY,
        True,
        _per_factor(lambda e: sap.disentanglement_lib_matrix(*e.train, *e.test), score=sap.gap),
    ),
    Definition(
        "sap",
        "R²",
        ANY,
        False,
        _per_factor(lambda e: sap.disentanglement_lib_continuous_matrix(*e.train), score=sap.gap),
    ),
    Definition("mig", "20 bins", ANY, False, _per_factor(_relative_information(_train), score=sap.gap)),
    Definition(
        "dci",
        "boosted trees",
        HERE,
        False,
        _per_factor(
            lambda e: e.boosted.importance,
            disentanglement=dci.disentanglement_lib_disentanglement_score,
            completeness=dci.disentanglement_lib_completeness_score,
        ),
    ),
    Definition(
        "dci", "boosted trees", HERE, False, _per_factor(lambda e: e.boosted.test_accuracy, informativeness=np.mean)
    ),
    Definition(
        "modularity",
        "20 bins, uninformed codes count 0",
        ANY,
        False,
        _per_factor(_information(_train), score=modularity.modularity_with_zeros),
    ),
    Definition(
        "explicitness",
        MULTINOMIAL,
        NEW,
        False,
        _per_factor(lambda e: modularity.disentanglement_lib_areas(*e.train, *e.test), score=np.mean),
    ),
)

PROTOCOLS = {"infogan_cr": INFOGAN_CR, "disentanglement_lib": DISENTANGLEMENT_LIB}
