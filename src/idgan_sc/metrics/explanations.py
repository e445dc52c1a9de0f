"""Explain each score in a few lines.

`print(explain("mig"))` shows its formula, range, assumptions, what changes it, and the paper.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

MODULARITY, COMPACTNESS, EXPLICITNESS, WHOLE, OTHER = "modularity", "compactness", "explicitness", "whole", "no factors"
GROUPS = (MODULARITY, COMPACTNESS, EXPLICITNESS, WHOLE, OTHER)  # whole: several of the three in one number


class Explanation(NamedTuple):
    """One score in words."""

    name: str
    group: str  # of GROUPS
    formula: str
    range: str
    assumes: str
    changed_by: str
    paper: str

    def __str__(self) -> str:
        title = f"{self.name} ({self.group})"
        fields = {key.replace("_", " "): value for key, value in self._asdict().items() if key not in ("name", "group")}
        return "\n".join([title, *(f"  {key:11}{value}" for key, value in fields.items())])


_BINNED = "classes, or a continuous factor in equal bins"
_BINS = "number of points (plug-in bias grows as points fall), number of bins, one outlying code value"
_SCALE = "not permutation, sign or the codes' scale"
_PRUNED = _SCALE + ", but disentanglement_lib's leaves out codes of an SD below "
_VOTES = "groups that share a factor's value: each value needs two points"
_REGRESSOR = "the regressor above all: one representation scores .36 to .97 under five published choices"
_KIM = "Kim & Mnih, ICML 2018, arXiv 1802.05983"
_HSU = "Hsu et al., NeurIPS 2023, arXiv 2305.18378"
_EASTWOOD = "Eastwood & Williams, ICLR 2018"
_RIDGEWAY = "Ridgeway & Mozer, NeurIPS 2018, arXiv 1802.05312"
_KUMAR = "Kumar et al., ICLR 2018, arXiv 1711.00848"

EXPLANATIONS = {
    one.name: one
    for one in (
        Explanation(
            "factor_vae",
            MODULARITY,
            "share of groups whose least varying code votes for the factor that the group holds",
            "about 1/K by chance (a training score: more) to 1",
            _VOTES,
            "number of groups; " + _PRUNED + ".05",
            _KIM,
        ),
        Explanation(
            "factor_vae_revised",
            WHOLE,
            "factor_vae with only the K largest rows of votes counted: spreading over more codes costs",
            "0 to 1",
            _VOTES,
            "number of groups; " + _SCALE,
            _KIM + "; InfoGAN-CR's code",
        ),
        Explanation(
            "beta_vae",
            MODULARITY,
            "accuracy of a linear rule that names the shared factor from mean |code differences| of pairs",
            "about 1/K to 1",
            _VOTES,
            "the codes' scale (the penalty acts on raw codes), number of groups",
            "Higgins et al., ICLR 2017",
        ),
        Explanation(
            "sap",
            COMPACTNESS,
            "mean over factors of the gap between the two codes that predict it best: R², or a linear SVM's accuracy",
            "0 to 1 less chance; about .18 for perfect codes where an SVM reads forty classes",
            "numbers in order, or categories declared as such",
            "which factors are categories; the codes' scale, for those",
            _KUMAR,
        ),
        Explanation(
            "sap_continuous",
            COMPACTNESS,
            "sap with R² for every factor",
            "0 to 1",
            "numbers in order, categories too",
            "a category's numbering; " + _PRUNED + "1e-6",
            _KUMAR,
        ),
        Explanation(
            "sap_trees",
            COMPACTNESS,
            "sap with decision trees, their depth of 1 to 9 chosen by ten folds",
            "0 to 1 less chance",
            _BINNED,
            "few points a class; not a monotone map of a code",
            _KUMAR + "; the review, arXiv 2012.09276",
        ),
        Explanation(
            "mig",
            COMPACTNESS,
            "mean over factors of (I_best - I_second) / H(factor), I of binned codes; the review divides by H(code)",
            "0 to a ceiling set by the bins: .89 for perfect dSprites codes in 20",
            _BINNED,
            _BINS + "; " + _SCALE,
            "Chen et al., NeurIPS 2018, arXiv 1802.04942",
        ),
        Explanation(
            "mig_sup",
            MODULARITY,
            "mean over codes of (J_best - J_second) over factors, J = I / H(factor); the review divides by H(code)",
            "0 to a ceiling set by the bins; a code of noise adds a term near 0",
            _BINNED,
            _BINS + "; " + _SCALE,
            "Li et al., ICLR 2020, arXiv 2002.10549",
        ),
        Explanation(
            "dcimig",
            WHOLE,
            "sum over factors of the largest gap that one of its codes has, over the sum of the factors' entropies",
            "0 to a ceiling set by the bins",
            _BINNED,
            _BINS + "; not duplicated codes",
            "Sepliarskaia et al., arXiv 1910.05587",
        ),
        Explanation(
            "jemmig",
            WHOLE,
            "mean over factors of 1 - (H(factor, best code) - I_best + I_second) / (H(factor) + log bins)",
            "0 to 1; constant codes reach 1 - H / (H + log bins)",
            _BINNED,
            _BINS + "; " + _SCALE,
            "Do & Tran, ICLR 2020, arXiv 1908.09961",
        ),
        Explanation(
            "modularity",
            MODULARITY,
            "mean over codes of 1 - (sum of squared I with other factors) / ((K - 1) squared I with the best)",
            "0 to 1; noise scores .6 and more, so read it beside an informativeness",
            _BINNED,
            _BINS + "; whether a code without information counts 0 (disentanglement_lib) or not",
            _RIDGEWAY,
        ),
        Explanation(
            "explicitness",
            EXPLICITNESS,
            "mean ROC area of logistic rules that tell a factor's values apart from all codes",
            ".5 to 1; rescaled to 0 to 1 by the review",
            "classes with several points each",
            "the codes' scale (InfoGAN-CR's raw codes), solver, number of classes; hours for thousands of classes",
            _RIDGEWAY,
        ),
        Explanation(
            "explicitness_separate",
            EXPLICITNESS,
            "the review's second reading of explicitness: each rule's own area, not normalised over the values",
            "0 to 1; middle values of an ordered factor cannot be told by a linear rule",
            _BINNED,
            "number of classes",
            _RIDGEWAY + "; the review, arXiv 2012.09276",
        ),
        Explanation(
            "dci",
            MODULARITY,
            "mean over codes, weighted by use, of 1 - entropy (base K) of how a code's importance spreads over factors",
            "0 to 1",
            "each factor can be predicted from the codes; categories are regressed as numbers",
            _REGRESSOR,
            _EASTWOOD,
        ),
        Explanation(
            "dci_lasso",
            MODULARITY,
            "dci with the absolute coefficients of Lasso (alpha = .02) as importances",
            "0 to 1; pure noise may reach 1 by a single chance coefficient",
            "factors depend linearly on codes",
            "alpha; " + _SCALE,
            _EASTWOOD,
        ),
        Explanation(
            "dci_rf",
            MODULARITY,
            "dci with the impurity importances of random forests",
            "0 to 1; shallow trees saturate near 1",
            "each factor can be predicted from the codes",
            "depth and number of trees, seed",
            _EASTWOOD,
        ),
        Explanation(
            "dci_completeness",
            COMPACTNESS,
            "mean over factors of 1 - entropy (base D) of how a factor's importance spreads over codes",
            "0 to 1",
            "as dci",
            _REGRESSOR,
            _EASTWOOD,
        ),
        Explanation(
            "dci_rf_completeness",
            COMPACTNESS,
            "dci_completeness with the importances of random forests",
            "0 to 1",
            "as dci_rf",
            "depth and number of trees, seed",
            _EASTWOOD,
        ),
        Explanation(
            "dci_informativeness",
            EXPLICITNESS,
            "how well the regressors predict: test accuracy (disentanglement_lib), 1 - 12 mse (the review)",
            "0 to 1",
            "the review's: a factor uniform on its range, or the score is low",
            _REGRESSOR,
            _EASTWOOD,
        ),
        Explanation(
            "dci_informativeness_train",
            EXPLICITNESS,
            "dci_informativeness on the points that trained",
            "0 to 1, near 1 for any codes if points are few",
            "as dci",
            "number of points",
            _EASTWOOD,
        ),
        Explanation(
            "dci_rf_informativeness",
            EXPLICITNESS,
            "1 - 12 mse of random forests, on the points that trained",
            "0 to 1",
            "a factor uniform on its range",
            "number of points",
            _EASTWOOD,
        ),
        Explanation(
            "infom",
            MODULARITY,
            "(mean over active codes of J_best / sum of J - 1/K) / (1 - 1/K), J = I / H(factor) by nearest neighbours",
            "0 to 1; noise is rewarded, so read it beside infoe",
            "codes of comparable range: one twenty times narrower than the widest is not read",
            "the codes' relative scale, number of points",
            _HSU,
        ),
        Explanation(
            "infoc",
            COMPACTNESS,
            "(mean over factors of J_best / sum of J - 1/A) / (1 - 1/A) over the A active codes",
            "0 to 1",
            "as infom; at least two active codes",
            "the codes' relative scale, number of points",
            _HSU,
        ),
        Explanation(
            "infoe",
            EXPLICITNESS,
            "mean over factors of 1 - log loss of the best linear softmax rule / log of the number of classes",
            "0 to 1",
            "classes with several points each",
            "few points: a training score; not an invertible linear map of the codes",
            _HSU,
        ),
        Explanation(
            "irs",
            MODULARITY,
            "mean over codes, weighted by range, of 1 - the largest deviation left when one factor is held / at all",
            "at most 1; it grows where a value has few points",
            _BINNED,
            "single outliers (a maximum is read), the codes' relative scale",
            "Suter et al., ICML 2019, arXiv 1811.00007",
        ),
        Explanation(
            "mcc_pearson",
            WHOLE,
            "mean |correlation| of the pairs of codes and factors in the best one-to-one assignment",
            "0 to 1; too many or too few codes cost nothing",
            "numbers in order; a category counts as its number",
            "a curved map of a code; not its scale or shift",
            "Hyvärinen & Morioka, NeurIPS 2016",
        ),
        Explanation(
            "mcc_spearman",
            WHOLE,
            "mcc_pearson of ranks",
            "0 to 1",
            "numbers in order; a category counts as its number",
            "not a monotone map of a code",
            "Hyvärinen & Morioka, NeurIPS 2016",
        ),
        Explanation(
            "dci_es",
            EXPLICITNESS,
            "1 - 2 (area between loss and its minimum, over the depth of forests) / (span of depth x loss of chance)",
            "0 to 1, and 1 for codes that tell nothing",
            "probes of growing capacity; forests here",
            "the kind of probe and its range of depths",
            "Eastwood et al., ICLR 2023, arXiv 2210.00364",
        ),
        Explanation(
            "total_correlation",
            OTHER,
            "(sum of log variances - log determinant of the codes' covariance) / 2, in nats",
            "0 (uncorrelated) to infinity; lower is better",
            "codes near Gaussian",
            "not the codes' scale",
            "Locatello et al., ICML 2019, arXiv 1811.12359",
        ),
        Explanation(
            "z_diff",
            MODULARITY,
            "beta_vae on a fixed table of points: accuracy on other batches, rescaled so that chance is 0",
            "below 0 to 1",
            _VOTES,
            "the codes' scale",
            "Higgins et al., ICLR 2017; the review, arXiv 2012.09276",
        ),
        Explanation(
            "z_min_var",
            MODULARITY,
            "factor_vae on a fixed table of points: accuracy on other batches, rescaled so that chance is 0",
            "below 0 to 1",
            _VOTES,
            "codes with an SD below .02 cast no vote",
            _KIM + "; the review, arXiv 2012.09276",
        ),
        Explanation(
            "z_max_var",
            COMPACTNESS,
            "votes by the code that varies most where all factors but one are held; rescaled accuracy",
            "below 0 to 1; noise codes pull it to 0",
            "two points for each combination of the other factors: few factors, few bins",
            "number of bins, noise codes",
            "Kim et al., arXiv 1902.01568; the review, arXiv 2012.09276",
        ),
    )
}


def explain(name: str) -> Explanation:
    """What a score says, to be printed.

    Examples
    --------
    >>> print(explain("mcc_spearman"))
    mcc_spearman (whole)
      formula    mcc_pearson of ranks
      range      0 to 1
      assumes    numbers in order; a category counts as its number
      changed by not a monotone map of a code
      paper      Hyvärinen & Morioka, NeurIPS 2016
    """
    if not isinstance(name, str) or name not in EXPLANATIONS:
        raise ValueError(unknown(name, EXPLANATIONS))
    return EXPLANATIONS[name]


def unknown(name: object, known: Iterable[str]) -> str:
    """The line for a metric that is not there, with the likely one first."""
    names = list(known)
    near = get_close_matches(str(name).lower(), names, n=1)
    return f"no metric {name!r}; " + (f"perhaps {near[0]!r}: " if near else "") + f"there are {', '.join(names)}"
