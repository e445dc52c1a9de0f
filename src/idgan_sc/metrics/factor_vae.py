"""FactorVAE score: does holding one factor still hold one code still? (Kim & Mnih 2018, Sec. 2.)

Each group of images shares one factor's value; the code that varies least in the group, relative to its spread
over all images, casts the group's vote. Where the definition divides 0 by 0 (a constant code) the code casts no
vote by default; `strict=True` keeps the reference's arithmetic, in which a constant code wins every vote.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_labels, moving


def infogan_cr_votes(
    std_codes: npt.ArrayLike, groups: npt.ArrayLike, labels: npt.ArrayLike, *, strict: bool = False
) -> Array:
    """Votes (D, K) of the groups (M, L, D) with fixed factors `labels` (M,); `std_codes` (S, D) give the scale."""
    std_codes, groups = as_codes(std_codes), as_codes(groups, ndim=3)
    labels = as_labels(labels, len(groups))
    _same_codes(std_codes, groups)
    usable = np.ones(std_codes.shape[1], dtype=bool) if strict else moving(std_codes)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (groups / std_codes.std(axis=0)).std(axis=1)  # (M, D)
    return _count(spread, usable, labels).T


def infogan_cr_score(
    std_codes: npt.ArrayLike, groups: npt.ArrayLike, labels: npt.ArrayLike, *, strict: bool = False
) -> float:
    """Share of votes that a code casts for its most frequent factor: Σ_d max_k V[d, k] / M.

    Range: chance (a training score: about .29 for ten codes and 500 votes on five factors) to 1; 0 when every code
    is constant. Invariant to permutation, sign and scale of the codes.

    >>> rng = np.random.default_rng(0)
    >>> held = rng.normal(size=(20, 30, 2))
    >>> held[np.arange(20), :, np.arange(20) % 2] = 0.5  # the fixed factor's own code stands still
    >>> infogan_cr_score(rng.normal(size=(99, 2)), held, np.arange(20) % 2)
    1.0
    >>> infogan_cr_score(np.zeros((99, 2)), np.zeros((20, 30, 2)), np.arange(20) % 2)
    0.0
    """
    return vote_share(infogan_cr_votes(std_codes, groups, labels, strict=strict))


def infogan_cr_revised_score(
    std_codes: npt.ArrayLike, groups: npt.ArrayLike, labels: npt.ArrayLike, *, strict: bool = False
) -> float:
    """The score with only the K largest rows of the vote matrix counted: spreading over more codes costs.

    Equal to `infogan_cr_score` for D <= K. Range 0 to 1; invariances as there.

    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(99, 2)), rng.normal(size=(20, 30, 2)), np.arange(20) % 2
    >>> infogan_cr_revised_score(*noise) == infogan_cr_score(*noise)
    True
    """
    return revised_vote_share(infogan_cr_votes(std_codes, groups, labels, strict=strict))


def vote_share(votes: Array) -> float:
    """Share of the votes (D, K) that fall in the largest entry of their row; 0 without a vote.

    >>> vote_share(np.array([[3, 0], [1, 4]]))
    0.875
    """
    return float(votes.max(axis=1).sum() / votes.sum()) if votes.any() else 0.0


def revised_vote_share(votes: Array) -> float:
    """The same with only the K largest of the D row maxima.

    >>> revised_vote_share(np.array([[3, 0], [0, 4], [1, 0]]))
    0.875
    """
    largest = np.sort(votes.max(axis=1))[::-1][: votes.shape[1]]
    return float(largest.sum() / votes.sum()) if votes.any() else 0.0


def disentanglement_lib_votes(
    variance_codes: npt.ArrayLike,
    groups: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    threshold: float = 0.05,
    strict: bool = False,
) -> Array:
    """Votes (K, D) of the groups (M, B, D); codes with a global SD below `threshold` are pruned.

    Deviates: columns keep the codes' own numbers, where the reference renumbers after pruning.
    """
    variance_codes, groups = as_codes(variance_codes), as_codes(groups, ndim=3)
    labels = as_labels(labels, len(groups))
    _same_codes(variance_codes, groups)
    variance = variance_codes.var(axis=0, ddof=1)
    usable = np.sqrt(variance) >= threshold
    if not strict:
        usable &= moving(variance_codes)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = groups.var(axis=1, ddof=1) / variance  # (M, D)
    return _count(spread, usable, labels)


def disentanglement_lib_score(
    variance_codes: npt.ArrayLike,
    train: npt.ArrayLike,
    train_labels: npt.ArrayLike,
    test: npt.ArrayLike,
    test_labels: npt.ArrayLike,
    *,
    threshold: float = 0.05,
    strict: bool = False,
) -> float:
    """Accuracy on the `test` votes of the rule that training votes teach: each code means its commonest factor.

    Range: 1/K by chance to 1; 0 when no code is active. Invariant to permutation and sign, and to scale as long as
    no code crosses the pruning threshold, 0.05 in the study's configuration (counter-example: all codes times 1e-3).

    >>> rng = np.random.default_rng(0)
    >>> held, labels = rng.normal(size=(20, 30, 2)), np.arange(20) % 2
    >>> held[np.arange(20), :, labels] = 0.5
    >>> disentanglement_lib_score(rng.normal(size=(99, 2)), held, labels, held, labels)
    1.0
    >>> disentanglement_lib_score(np.zeros((99, 2)), held, labels, held, labels)
    0.0
    """
    taught = disentanglement_lib_votes(variance_codes, train, train_labels, threshold=threshold, strict=strict)
    cast = disentanglement_lib_votes(variance_codes, test, test_labels, threshold=threshold, strict=strict)
    return votes_accuracy(taught, cast)


def votes_accuracy(taught: Array, cast: Array) -> float:
    """Share of the votes `cast` (K, D) for the factor that each code's `taught` votes (K, D) favour.

    >>> votes_accuracy(np.eye(2), np.eye(2)), votes_accuracy(np.eye(2), np.eye(2)[::-1])
    (1.0, 0.0)
    """
    if taught.sum() == 0 or cast.sum() == 0:
        return 0.0
    meaning = taught.argmax(axis=0)  # (D,) factor of each code
    rows = meaning[meaning < len(cast)]
    return float(cast[rows, np.flatnonzero(meaning < len(cast))].sum() / cast.sum())


def _count(spread: Array, usable: Array, labels: Array) -> Array:
    """Votes (K, D): the usable code with the least spread (M, D) votes for the group's factor."""
    votes = np.zeros((int(labels.max()) + 1, spread.shape[1]), dtype=np.int64)
    if usable.any():
        # argmin over usable codes alone: it returns a NaN's index, as the strict mode must
        winners = np.flatnonzero(usable)[spread[:, usable].argmin(axis=1)]
        np.add.at(votes, (labels, winners), 1)
    return votes


def _same_codes(scale: Array, groups: Array) -> None:
    if scale.shape[-1] != groups.shape[-1]:
        raise ValueError(f"groups have {groups.shape[-1]} codes, the codes that give their scale {scale.shape[-1]}")
