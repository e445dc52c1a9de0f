"""Score whether one code stays constant when one factor is held (FactorVAE score).

Source: Kim & Mnih 2018, Sec. 2. Each group of images shares one factor's value. The vote of a group goes to the
code that varies least in it, relative to the code's spread over all images. For a constant code the definition
divides 0 by 0. By default such a code casts no vote. With `strict=True` it wins every vote, as in the
reference.
"""

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_labels, moving


def infogan_cr_votes(
    std_codes: npt.ArrayLike, groups: npt.ArrayLike, labels: npt.ArrayLike, *, strict: bool = False
) -> Array:
    """Count the votes (D, K) of the groups (M, L, D).

    `labels` (M,) are the fixed factors. `std_codes` (S, D) give the scale.
    """
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
    """Score how often each code votes for its most frequent factor.

    The score is Σ_d max_k V[d, k] / M. It ranges from chance to 1, and is 0 when every code is constant. Chance is
    that of a training score: about .29 for ten codes and 500 votes on five factors. The score does not change with
    permutation, sign or scale of the codes.

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
    """Score only the K largest rows of the vote matrix.

    Votes that spread over more codes lower the score. For D <= K it equals `infogan_cr_score`. It ranges from 0 to
    1 and has the same invariances.

    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(99, 2)), rng.normal(size=(20, 30, 2)), np.arange(20) % 2
    >>> infogan_cr_revised_score(*noise) == infogan_cr_score(*noise)
    True
    """
    return revised_vote_share(infogan_cr_votes(std_codes, groups, labels, strict=strict))


def vote_share(votes: Array) -> float:
    """Compute the share of votes (D, K) in the largest entry of each row.

    Without a vote it is 0.

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
    """Count the votes (K, D) of the groups (M, B, D).

    Codes with a global SD below `threshold` are pruned.

    Deviates: the columns keep the codes' own numbers. The reference renumbers them after pruning.
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
    """Score how well the training votes predict the `test` votes.

    Each code stands for the factor that it votes for most often in training. The score is the accuracy of that
    rule. It ranges from 1/K by chance to 1, and is 0 when no code is active. Permutation and sign do not change it.
    Scale does not change it as long as no code crosses the pruning threshold, which is 0.05 in the study's
    configuration (counter-example: all codes times 1e-3).

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
    """Compute the share of test votes that match each code's training factor.

    `cast` (K, D) are the test votes. `taught` (K, D) are the training votes: a code's factor is the one they
    favour.

    >>> votes_accuracy(np.eye(2), np.eye(2)), votes_accuracy(np.eye(2), np.eye(2)[::-1])
    (1.0, 0.0)
    """
    if taught.sum() == 0 or cast.sum() == 0:
        return 0.0
    meaning = taught.argmax(axis=0)  # (D,) factor of each code
    rows = meaning[meaning < len(cast)]
    return float(cast[rows, np.flatnonzero(meaning < len(cast))].sum() / cast.sum())


def _count(spread: Array, usable: Array, labels: Array) -> Array:
    """Count the votes (K, D) of all groups by factor and code.

    The usable code with the least spread (M, D) wins the group's vote for its factor.
    """
    votes = np.zeros((int(labels.max()) + 1, spread.shape[1]), dtype=np.int64)
    if usable.any():
        # argmin over usable codes alone: it returns a NaN's index, as the strict mode must
        winners = np.flatnonzero(usable)[spread[:, usable].argmin(axis=1)]
        np.add.at(votes, (labels, winners), 1)
    return votes


def _same_codes(scale: Array, groups: Array) -> None:
    if scale.shape[-1] != groups.shape[-1]:
        raise ValueError(f"groups have {groups.shape[-1]} codes, the codes that give their scale {scale.shape[-1]}")
