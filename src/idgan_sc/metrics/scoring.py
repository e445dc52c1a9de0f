"""All metrics of one representation, by the name a table prints, under each protocol.

`METRICS`, `DISENTANGLEMENT_LIB_METRICS`, `CARBONNEAU_METRICS` (the review's code) and `MORE_METRICS` (each as its own
paper has it) map each name to a function of an evaluation: the codes that one draw looks at. What several metrics
share (a forest, the mutual information) is computed once per evaluation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

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
    sap_trees,
    total_correlation,
    z_diff,
    z_min_var,
)
from idgan_sc.metrics.checks import Array, as_codes, as_factors, finite
from idgan_sc.metrics.information import BINS, Tables, tables, tables_of, unit_binned
from idgan_sc.metrics.progress import Progress, silent
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw

E = TypeVar("E")  # one protocol's evaluation


@dataclass(frozen=True)
class InfoGANCR:
    """What the InfoGAN-CR protocol scores. Depths and categories are those of the data set's factors."""

    std: Array  # (S, D)
    groups: Array  # (M, L, D)
    group_labels: Array  # (M,)
    codes: Array  # (P, D)
    classes: Array  # (P, K)
    values: Array  # (P, K)
    depths: Sequence[int]  # of the headline forest, one a factor
    forest_depths: Sequence[int]  # of the other
    discrete: Sequence[int]  # factors that are categories
    seed: int  # of the forests
    progress: Progress = silent

    @property
    def votes(self) -> tuple[Array, Array, Array]:
        return self.std, self.groups, self.group_labels

    @cached_property
    def forest(self) -> Array:
        return self._forest(self.depths)

    @cached_property
    def other_forest(self) -> Array:
        return self._forest(self.forest_depths)

    def _forest(self, depths: Sequence[int]) -> Array:
        return dci.forest_importance(
            self.codes, self.values, depths=depths, trees=dci.TREES, seed=self.seed, progress=self.progress
        )


@dataclass(frozen=True)
class DisentanglementLib:
    """What the disentanglement_lib protocol scores."""

    variance: Array  # (S, D)
    train_votes: tuple[Array, Array]  # groups (M, B, D), labels (M,)
    eval_votes: tuple[Array, Array]
    train_pairs: tuple[Array, Array]  # pairs (M, B, 2, D), labels (M,)
    eval_pairs: tuple[Array, Array]
    train: tuple[Array, Array]  # codes (P, D), classes (P, K)
    test: tuple[Array, Array]
    boosted_points: tuple[int, int]  # how many of them, train and test, the boosted trees see (all, in the study)
    seed: int  # of the boosted trees
    progress: Progress = silent

    @cached_property
    def boosted(self) -> dci.Boosted:
        train, test = self.boosted_points
        taught, asked = [array[:train] for array in self.train], [array[:test] for array in self.test]
        return dci.boosted_importance(*taught, *asked, seed=self.seed, progress=self.progress)


@dataclass(frozen=True)
class Carbonneau:
    """What the protocol of the review scores, with the settings of its experiments."""

    codes: Array  # (N, D)
    factors: Array  # (N, K): classes, or ten bins of a continuous factor
    values: Array  # (N, K)
    seed: int  # of what is drawn, and of the forests
    batch_size: int = 200
    pairs: tuple[int, int] = (10_000, 5_000)  # batches of Z-diff, train and test
    votes: tuple[int, int] = (800, 800)  # of Z-min and Z-max variance
    settings: Sequence[tuple[int, float]] = carbonneau_dci.SETTINGS  # of the forests, the best of which is taken
    progress: Progress = silent

    @property
    def rng(self) -> np.random.Generator:
        """Return the same random stream for each score.

        So no score depends on which other scores are requested.
        """
        return np.random.default_rng(self.seed)

    @cached_property
    def tables(self) -> Tables:
        rows = np.ascontiguousarray(as_codes(self.codes).T)
        return tables([unit_binned(row, CARBONNEAU_BINS) for row in rows], self.factors)

    @cached_property
    def lasso(self) -> carbonneau_dci.Fitted:
        return carbonneau_dci.lasso_fitted(self.codes, self.values)

    @cached_property
    def forest(self) -> carbonneau_dci.Fitted:
        return carbonneau_dci.forest_fitted(
            self.codes, self.values, seed=self.seed, settings=self.settings, progress=self.progress
        )

    def z_diff(self) -> float:
        train, test = self.pairs
        return z_diff.z_diff_score(
            self.codes, self.factors, self.rng, batch_size=self.batch_size, train=train, test=test
        )

    def z_variance(self, score: Callable[..., float]) -> float:
        train, test = self.votes
        sizes = {"batch_size": self.batch_size, "train": train, "test": test}
        return score(self.codes, self.factors, self.rng, threshold=CARBONNEAU_THRESHOLD, **sizes)


@dataclass(frozen=True)
class Points:
    """What the scores without a protocol of their own look at: every point once."""

    codes: Array  # (N, D)
    classes: Array  # (N, K)
    values: Array  # (N, K)
    discrete: Sequence[int]  # factors that are categories
    seed: int
    progress: Progress = silent

    @property
    def rng(self) -> np.random.Generator:
        """Return the same random stream for each score.

        So no score depends on which other scores are requested.
        """
        return np.random.default_rng(self.seed)

    @cached_property
    def tables(self) -> Tables:
        return tables_of(self.codes, self.classes)

    @cached_property
    def information(self) -> Array:
        return infomec.active_information(self.codes, self.classes, self.rng)


CARBONNEAU_BINS, CARBONNEAU_THRESHOLD = 10, 0.02  # of codes; an SD below which a code casts no vote

METRICS: Mapping[str, Callable[[InfoGANCR], float]] = {
    "factor_vae": lambda e: factor_vae.infogan_cr_score(*e.votes),
    "factor_vae_revised": lambda e: factor_vae.infogan_cr_revised_score(*e.votes),
    "beta_vae": lambda e: beta_vae.infogan_cr_score(e.groups, e.group_labels),
    "sap": lambda e: sap.infogan_cr_score(e.codes, e.values, discrete=e.discrete),
    "mig": lambda e: mig.infogan_cr_score(e.codes, e.classes),
    "dci": lambda e: dci.disentanglement_score(e.forest),
    "dci_completeness": lambda e: dci.completeness_score(e.forest),
    "dci_lasso": lambda e: dci.disentanglement_score(dci.lasso_importance(e.codes, e.values)),
    "dci_rf": lambda e: dci.disentanglement_score(e.other_forest),
    "modularity": lambda e: modularity.infogan_cr_modularity_score(e.codes, e.classes),
    "explicitness": lambda e: modularity.infogan_cr_explicitness_score(e.codes, e.classes, progress=e.progress),
}

DISENTANGLEMENT_LIB_METRICS: Mapping[str, Callable[[DisentanglementLib], float]] = {
    "factor_vae": lambda e: factor_vae.disentanglement_lib_score(e.variance, *e.train_votes, *e.eval_votes),
    "beta_vae": lambda e: beta_vae.disentanglement_lib_score(*e.train_pairs, *e.eval_pairs),
    "sap": lambda e: sap.disentanglement_lib_score(*e.train, *e.test),
    "sap_continuous": lambda e: sap.disentanglement_lib_continuous_score(*e.train),
    "mig": lambda e: mig.disentanglement_lib_score(*e.train),
    "dci": lambda e: dci.disentanglement_lib_disentanglement_score(e.boosted.importance),
    "dci_completeness": lambda e: dci.disentanglement_lib_completeness_score(e.boosted.importance),
    "dci_informativeness_train": lambda e: float(e.boosted.train_accuracy.mean()),
    "dci_informativeness": lambda e: float(e.boosted.test_accuracy.mean()),
    "modularity": lambda e: modularity.disentanglement_lib_modularity_score(*e.train),
    "explicitness": lambda e: modularity.disentanglement_lib_explicitness_score(*e.train, *e.test, progress=e.progress),
}

CARBONNEAU_METRICS: Mapping[str, Callable[[Carbonneau], float]] = {
    "z_diff": lambda e: e.z_diff(),
    "z_min_var": lambda e: e.z_variance(z_min_var.z_min_var_score),
    "z_max_var": lambda e: e.z_variance(z_min_var.z_max_var_score),
    "irs": lambda e: irs.irs_score(e.codes, e.factors),
    "mig": lambda e: mig.carbonneau_mig(e.tables),
    "mig_sup": lambda e: mig_sup.carbonneau_mig_sup(e.tables),
    "dcimig": lambda e: dcimig.dcimig_of(e.tables),
    "jemmig": lambda e: jemmig.jemmig_of(e.tables, CARBONNEAU_BINS),
    "modularity": lambda e: modularity.modularity_of(e.tables.mutual),
    "sap": lambda e: sap.infogan_cr_score(e.codes, e.values, discrete=[]),
    "sap_trees": lambda e: sap_trees.sap_trees_score(e.codes, e.factors, progress=e.progress),
    "explicitness": lambda e: explicitness.normalised_score(e.codes, e.factors, progress=e.progress),
    "explicitness_separate": lambda e: explicitness.separate_score(e.codes, e.factors, progress=e.progress),
    "dci": lambda e: carbonneau_dci.disentanglement_score(e.lasso.importance),
    "dci_completeness": lambda e: dci.completeness_score(e.lasso.importance),
    "dci_informativeness": lambda e: float(e.lasso.informativeness.mean()),
    "dci_rf": lambda e: carbonneau_dci.disentanglement_score(e.forest.importance),
    "dci_rf_completeness": lambda e: dci.completeness_score(e.forest.importance),
    "dci_rf_informativeness": lambda e: float(e.forest.informativeness.mean()),
}

MORE_METRICS: Mapping[str, Callable[[Points], float]] = {
    "infom": lambda e: infomec.modularity_of(e.information),
    "infoe": lambda e: infomec.infoe_score(e.codes, e.classes, progress=e.progress),
    "infoc": lambda e: infomec.compactness_of(e.information),
    "mig_sup": lambda e: mig_sup.mig_sup_of(e.tables),
    "dcimig": lambda e: dcimig.dcimig_of(e.tables),
    "jemmig": lambda e: jemmig.jemmig_of(e.tables, BINS),
    "irs": lambda e: irs.irs_score(e.codes, e.classes),
    "mcc_pearson": lambda e: mcc.pearson_score(e.codes, e.values),
    "mcc_spearman": lambda e: mcc.spearman_score(e.codes, e.values),
    "dci_es": lambda e: dci_es.dci_es_score(e.codes, e.values, e.rng, discrete=e.discrete, progress=e.progress),
    "total_correlation": lambda e: total_correlation.gaussian_total_correlation(e.codes),
}


def score_codes(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    values: npt.ArrayLike,
    draw: Draw,
    *,
    rng: np.random.Generator,
    metrics: Iterable[str],
    depths: Sequence[int] = dci.IBGAN_DEPTHS,  # dSprites' factors: shape, scale, orientation, x, y
    forest_depths: Sequence[int] = dci.FOREST_DEPTHS,
    discrete: Sequence[int] = (0,),  # dSprites' shape
) -> dict[str, float]:
    """The InfoGAN-CR scores named in `metrics` (keys of METRICS) of the pool's codes (N, D).

    `classes` (N, K) are integer factors, `values` (N, K) the physical ones (dSprites: shape 0/1/2, scale .5 … 1,
    orientation 0 … 2π, x and y 0 … 1). `rng` seeds the forests; it is read once, whatever `metrics` asks for.
    """
    evaluation = infogan_cr_evaluation(
        codes, classes, values, draw, rng=rng, depths=depths, forest_depths=forest_depths, discrete=discrete
    )
    return {name: _named(METRICS, name)(evaluation) for name in metrics}


def score_codes_disentanglement_lib(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    draw: DisentanglementLibDraw,
    *,
    rng: np.random.Generator,
    metrics: Iterable[str],
) -> dict[str, float]:
    """The disentanglement_lib scores named in `metrics` (keys of DISENTANGLEMENT_LIB_METRICS) of the codes (N, D)."""
    evaluation = disentanglement_lib_evaluation(codes, classes, draw, rng=rng)
    return {name: _named(DISENTANGLEMENT_LIB_METRICS, name)(evaluation) for name in metrics}


def infogan_cr_evaluation(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    values: npt.ArrayLike,
    draw: Draw,
    *,
    rng: np.random.Generator,
    depths: Sequence[int],
    forest_depths: Sequence[int],
    discrete: Sequence[int],
) -> InfoGANCR:
    """The codes that `draw` looks at."""
    codes = finite(codes)
    classes, values = as_factors(classes, len(codes)), as_factors(values, len(codes))
    return InfoGANCR(
        std=codes[draw.std],
        groups=codes[draw.groups],
        group_labels=draw.group_labels,
        codes=codes[draw.points],
        classes=classes[draw.points],
        values=values[draw.points],
        depths=depths,
        forest_depths=forest_depths,
        discrete=discrete,
        seed=int(rng.integers(2**31)),
    )


def disentanglement_lib_evaluation(
    codes: npt.ArrayLike, classes: npt.ArrayLike, draw: DisentanglementLibDraw, *, rng: np.random.Generator
) -> DisentanglementLib:
    """The codes that `draw` looks at."""
    codes = finite(codes)
    classes = as_factors(classes, len(codes))
    return DisentanglementLib(
        variance=codes[draw.variance],
        train_votes=(codes[draw.train_groups], draw.train_group_labels),
        eval_votes=(codes[draw.eval_groups], draw.eval_group_labels),
        train_pairs=(codes[draw.train_pairs], draw.train_pair_labels),
        eval_pairs=(codes[draw.eval_pairs], draw.eval_pair_labels),
        train=(codes[draw.train], classes[draw.train]),
        test=(codes[draw.test], classes[draw.test]),
        boosted_points=(len(draw.train), len(draw.test)),
        seed=int(rng.integers(2**31)),
    )


def carbonneau_evaluation(
    codes: npt.ArrayLike, factors: npt.ArrayLike, values: npt.ArrayLike, *, rng: np.random.Generator
) -> Carbonneau:
    """Prepare all codes (N, D) and factors for the review's protocol.

    The factors are given as classes or bins (N, K) and as values (N, K).
    """
    codes = finite(codes)
    factors, values = as_factors(factors, len(codes)), as_factors(values, len(codes))
    return Carbonneau(codes, factors, values, seed=int(rng.integers(2**31)))


def points_evaluation(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    discrete: Sequence[int],
) -> Points:
    """Prepare all codes (N, D) and factors for scores of points.

    The factors are given as classes (N, K) and as values (N, K).
    """
    codes = finite(codes)
    classes, values = as_factors(classes, len(codes)), as_factors(values, len(codes))
    return Points(codes, classes, values, discrete, seed=int(rng.integers(2**31)))


def _named(known: Mapping[str, Callable[[E], float]], name: str) -> Callable[[E], float]:
    if name not in known:
        raise ValueError(f"no metric {name!r}; there are {', '.join(known)}")
    return known[name]
