"""Find the highest FactorVAE score that a rotation of the codes can reach.

It shows what a rotation alone could still add. The score compares variances within groups. The variances of
rotated codes follow from each group's covariance, so trying a rotation is cheap.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import Array, as_codes, as_labels
from idgan_sc.metrics.factor_vae import vote_share

ANGLES = np.deg2rad(np.arange(0, 90, 5))  # a turn by 90 degrees only swaps two codes
STARTS = 4  # the codes as they are, and random rotations


def best_rotation(
    std_codes: npt.ArrayLike, groups: npt.ArrayLike, labels: npt.ArrayLike, rng: np.random.Generator
) -> Array:
    """Find the rotation (D, D) of codes with the highest FactorVAE score.

    The rotated codes are `codes @ rotation`. The groups (M, L, D) share the factor `labels` (M,). `std_codes`
    (S, D) give the scale, as in `infogan_cr_score`. The search begins at `STARTS` rotations. It turns planes of two
    codes by `ANGLES` while the score rises. The result is a local maximum, fitted to these groups. Judge it on
    other groups.

    >>> from idgan_sc.metrics.factor_vae import infogan_cr_score
    >>> rng = np.random.default_rng(0)
    >>> held = rng.normal(size=(40, 30, 2))
    >>> held[np.arange(40), :, np.arange(40) % 2] = 0.5  # the fixed factor stands still
    >>> turned = np.array([[1, -1], [1, 1]]) / 2**0.5
    >>> mixed = rng.normal(size=(99, 2)) @ turned, held @ turned
    >>> found = best_rotation(*mixed, np.arange(40) % 2, rng)
    >>> infogan_cr_score(*mixed, np.arange(40) % 2) < 1
    True
    >>> infogan_cr_score(*(codes @ found for codes in mixed), np.arange(40) % 2)
    1.0
    """
    std_codes, groups = as_codes(std_codes), as_codes(groups, ndim=3)
    labels = as_labels(labels, len(groups))
    size = groups.shape[2]
    centred = groups - groups.mean(axis=1, keepdims=True)
    within = centred.transpose(0, 2, 1) @ centred / groups.shape[1]
    whole = np.atleast_2d(np.cov(std_codes.T, bias=True))
    found = []
    for start in range(STARTS):
        turned = np.eye(size) if start == 0 else np.linalg.qr(rng.normal(size=(size, size)))[0]
        found.append(_climb(turned, within, whole, labels))
    return max(found, key=lambda pair: pair[0])[1]


def _climb(turned: Array, within: Array, whole: Array, labels: Array) -> tuple[float, Array]:
    """Turn one plane after another to its best angle until no turn helps."""
    best, improved = _score(turned, within, whole, labels), True
    while improved:
        improved = False
        for i, j in combinations(range(len(turned)), 2):
            for angle in ANGLES[1:]:
                tried = turned.copy()
                tried[:, i] = np.cos(angle) * turned[:, i] - np.sin(angle) * turned[:, j]
                tried[:, j] = np.sin(angle) * turned[:, i] + np.cos(angle) * turned[:, j]
                score = _score(tried, within, whole, labels)
                if score > best:
                    best, turned, improved = score, tried, True
    return best, turned


def _score(turned: Array, within: Array, whole: Array, labels: Array) -> float:
    """Compute the FactorVAE score of rotated codes from covariances.

    These are (M, D, D) within groups and (D, D) over all images.
    """
    total = np.einsum("id,ij,jd->d", turned, whole, turned)
    spread = np.einsum("id,mij,jd->md", turned, within, turned, optimize=True)
    votes = np.zeros((len(turned), int(labels.max()) + 1), dtype=np.int64)
    np.add.at(votes, ((spread / total).argmin(axis=1), labels), 1)
    return vote_share(votes)
