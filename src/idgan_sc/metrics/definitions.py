"""Every published definition of each metric, for the referee: protocol, regressor or variant, scikit-learn era.

A definition gives the scores of its parts for several sets of factors at once, so that a forest is grown once whether
or not the categories count: each factor has a column of its own in the matrices, and only the counted ones are read.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from idgan_sc.metrics import (
    beta_vae,
    carbonneau_dci,
    dci,
    dci_es,
    dcimig,
    explicitness,
    factor_vae,
    infomec,
    irs,
    jemmig,
    mcc,
    mig,
    mig_sup,
    modularity,
    sap,
    total_correlation,
    z_diff,
    z_min_var,
)
from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.information import BINS, Tables, binned, entropy, mutual_information, tables, unit_binned
from idgan_sc.metrics.scoring import (
    CARBONNEAU_BINS,
    CARBONNEAU_THRESHOLD,
    Carbonneau,
    DisentanglementLib,
    InfoGANCR,
)

Parts = Callable[[Any, Sequence[Array]], list[dict[str, float]]]  # (evaluation, sets of factors) -> scores for each set


class Definition(NamedTuple):
    """One published way to compute a metric from its protocol's evaluation."""

    metric: str
    regressor: str  # or the variant, where nothing is regressed
    era: str  # the scikit-learn versions that compute it so
    scaled: bool  # whether the scale of the codes matters
    parts: Parts


def _per_factor(matrix: Callable[[Any], Array], **parts: Callable[[Array], float]) -> Parts:
    """Compute a matrix once and score only its counted factors.

    The last axis of the matrix is the factors. Each part is a score of the counted columns.
    """

    def scores(evaluation: Any, counted: Sequence[Array]) -> list[dict[str, float]]:
        whole = matrix(evaluation)
        return [{part: float(score(whole[..., keep])) for part, score in parts.items()} for keep in counted]

    return scores


def _refitted(score: Callable[..., float], votes: Callable[[Any], Sequence[tuple[Array, Array]]]) -> Parts:
    """Refit a score of (groups, labels) for each set of counted factors.

    Only the groups that fix a counted factor are kept.
    """

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


def _of_tables(of: Callable[[Any], Tables], score: Callable[[Tables], float]) -> Parts:
    """A score of the information that codes and the counted factors share."""

    def scores(evaluation: Any, counted: Sequence[Array]) -> list[dict[str, float]]:
        found = of(evaluation)
        parts = [
            Tables(found.mutual[:, keep], found.joint[:, keep], found.code, found.factor[keep]) for keep in counted
        ]
        return [{"score": score(part)} for part in parts]

    return scores


def _of_factors(score: Callable[[Any, Array], float]) -> Parts:
    """Recompute a score for each set of counted factors.

    The score receives the numbers of the counted factors.
    """
    return lambda evaluation, counted: [{"score": float(score(evaluation, keep))} for keep in counted]


def _with_bins(e: Carbonneau) -> Tables:
    codes = [unit_binned(column, CARBONNEAU_BINS) for column in e.codes.T.astype(np.float64)]
    return tables(codes, _bins_of(e.values))


def _bins_of(values: Array) -> Array:
    return np.stack([unit_binned(column, CARBONNEAU_BINS) for column in values.T.astype(np.float64)], axis=1)


def _z_diff(e: Carbonneau, keep: Array) -> float:
    train, test = e.pairs
    return z_diff.z_diff_score(e.codes, e.factors[:, keep], e.rng, batch_size=e.batch_size, train=train, test=test)


def _z_variance(score: Callable[..., float], factors_of: Callable[[Carbonneau], Array]) -> Parts:
    def of(e: Carbonneau, keep: Array) -> float:
        train, test = e.votes
        sizes = {"batch_size": e.batch_size, "train": train, "test": test}
        return score(e.codes, factors_of(e)[:, keep], e.rng, threshold=CARBONNEAU_THRESHOLD, **sizes)

    return _of_factors(of)


def _review(metric: str, score: Callable[[Tables], float]) -> tuple[Definition, Definition]:
    """Define a score of the review's ten bins in two variants.

    One variant bins the factors too. The other reads them as classes.
    """
    return (
        Definition(metric, "10 bins of codes and factors", ANY, False, _of_tables(_with_bins, score)),
        Definition(metric, "10 bins of codes", ANY, False, _of_tables(lambda e: e.tables, score)),
    )


def _twenty_bins(classes: Array) -> Array:
    return np.stack([binned(column.astype(np.float64)) for column in classes.T], axis=1)


CARBONNEAU = (
    *_review("mig", mig.carbonneau_mig),
    *_review("mig_sup", mig_sup.carbonneau_mig_sup),
    *_review("dcimig", dcimig.dcimig_of),
    *_review("jemmig", lambda table: jemmig.jemmig_of(table, CARBONNEAU_BINS)),
    *_review("modularity", lambda table: modularity.modularity_of(table.mutual)),
    Definition(
        "irs",
        "maximum, 10 bins",
        ANY,
        False,
        _of_factors(lambda e, keep: irs.irs_score(e.codes, _bins_of(e.values)[:, keep])),
    ),
    Definition(
        "irs", "maximum, classes", ANY, False, _of_factors(lambda e, keep: irs.irs_score(e.codes, e.factors[:, keep]))
    ),
    Definition(
        "sap",
        "R²",
        ANY,
        False,
        _per_factor(lambda e: sap.infogan_cr_matrix(e.codes, e.values, discrete=[]), score=sap.gap),
    ),
    Definition(
        "explicitness",
        "normalised, 0 to 1",
        ANY,
        False,
        _of_factors(lambda e, keep: explicitness.normalised_score(e.codes, e.factors[:, keep])),
    ),
    Definition(
        "explicitness",
        "separate, 0 to 1",
        ANY,
        False,
        _of_factors(lambda e, keep: explicitness.separate_score(e.codes, e.factors[:, keep])),
    ),
    Definition("dci", "Lasso, 8 alphas, 10 folds", ANY, False, _dci(lambda e: e.lasso.importance)),
    Definition(
        "dci",
        "Lasso, 8 alphas, stopped at an unused code",
        ANY,
        False,
        _per_factor(lambda e: e.lasso.importance, disentanglement=carbonneau_dci.stopped_disentanglement_score),
    ),
    Definition(
        "dci",
        "Lasso, 8 alphas, 10 folds",
        ANY,
        False,
        _per_factor(lambda e: e.lasso.informativeness, informativeness=np.mean),
    ),
    Definition("beta_vae", "Z-diff, chance 0", NEW, True, _of_factors(_z_diff)),
    Definition(
        "factor_vae",
        "Z-min variance, chance 0, pruned below 0.02",
        ANY,
        True,
        _z_variance(z_min_var.z_min_var_score, lambda e: e.factors),
    ),
    Definition(
        "z_max_var",
        "chance 0, 10 bins, pruned below 0.02",
        ANY,
        True,
        _z_variance(z_min_var.z_max_var_score, lambda e: _bins_of(e.values)),
    ),
)

MORE = (
    Definition(
        "infom",
        "nearest neighbours",
        ANY,
        False,
        _per_factor(lambda e: e.information, score=infomec.modularity_of),
    ),
    Definition(
        "infoc",
        "nearest neighbours",
        ANY,
        False,
        _per_factor(lambda e: e.information, score=lambda share: infomec.compactness_of(share, strict=len(share) == 1)),
    ),
    Definition(
        "infoe",
        "softmax, to its optimum",
        ANY,
        False,
        _of_factors(lambda e, keep: infomec.infoe_score(e.codes, e.classes[:, keep])),
    ),
    Definition(
        "infoe",
        "softmax, 100 steps",
        HERE,
        False,
        _of_factors(lambda e, keep: infomec.infoe_stopped_score(e.codes, e.classes[:, keep])),
    ),
    Definition(
        "infoe",
        "least squares",
        ANY,
        False,
        _of_factors(lambda e, keep: infomec.explained_variance_score(e.codes, e.values[:, keep])),
    ),
    Definition("mig_sup", "20 bins", ANY, False, _of_tables(lambda e: e.tables, mig_sup.mig_sup_of)),
    Definition("dcimig", "20 bins", ANY, False, _of_tables(lambda e: e.tables, dcimig.dcimig_of)),
    Definition(
        "jemmig", "20 bins", ANY, False, _of_tables(lambda e: e.tables, lambda table: jemmig.jemmig_of(table, BINS))
    ),
    Definition(
        "irs",
        "quantile .99, 20 bins",
        ANY,
        False,
        _of_factors(
            lambda e, keep: irs.irs_score(e.codes, _twenty_bins(e.classes[:, keep]), quantile=irs.LIB_QUANTILE)
        ),
    ),
    Definition(
        "mcc",
        "Pearson",
        ANY,
        False,
        _per_factor(lambda e: mcc.correlations(e.codes.astype(np.float64), e.values), score=mcc.assigned),
    ),
    Definition(
        "mcc",
        "Spearman",
        ANY,
        False,
        _per_factor(lambda e: mcc.correlations(mcc.ranked(e.codes), mcc.ranked(e.values)), score=mcc.assigned),
    ),
    Definition(
        "dci_es",
        "forests of depth 1 to 16",
        HERE,
        False,
        _of_factors(
            lambda e, keep: dci_es.dci_es_score(
                e.codes, e.values[:, keep], e.rng, discrete=np.flatnonzero(np.isin(keep, e.discrete)).tolist()
            )
        ),
    ),
    Definition(
        "total_correlation",
        "Gaussian, nats",
        ANY,
        False,
        _of_factors(lambda e, keep: total_correlation.gaussian_total_correlation(e.codes)),
    ),
)

PROTOCOLS = {
    "infogan_cr": INFOGAN_CR,
    "disentanglement_lib": DISENTANGLEMENT_LIB,
    "carbonneau": CARBONNEAU,
    "own paper": MORE,
}
