"""Choose the model that the other models resemble most (ModelCentrality).

Source: Lin et al. 2020, Sec. 4. No factors are needed. Each model's generator makes groups that hold one of its
own codes constant. Every model's encoder votes on these groups. This is the FactorVAE score with the codes as
ground truth. The winner is the medoid.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import factor_vae
from idgan_sc.metrics.checks import Array


def model_centrality_scores(agreement: npt.ArrayLike) -> Array:
    """Score how much each model agrees with the others.

    s_i = mean over j ≠ i of (A_ij + A_ji) / 2, shape (M,), of A (M, M): encoder i on what generator j made.

    The diagonal has no influence. Range about 1/K to 1; two models always tie.

    Examples
    --------
    >>> model_centrality_scores([[1.0, 0.8, 0.2], [0.6, 1.0, 0.5], [0.4, 0.5, 1.0]]).round(2).tolist()
    [0.5, 0.6, 0.4]
    """
    matrix = _square(agreement)
    mutual = (matrix + matrix.T) / 2
    return np.asarray((mutual.sum(axis=1) - mutual.diagonal()) / (len(mutual) - 1))


def best_first(agreement: npt.ArrayLike) -> list[int]:
    """Rank the models, the most central first.

    The models' numbers, the most central first; of equal ones the larger number first, as in the reference.

    Examples
    --------
    >>> best_first([[1.0, 0.8, 0.2], [0.6, 1.0, 0.5], [0.4, 0.5, 1.0]])
    [1, 0, 2]
    """
    return [int(i) for i in np.argsort(model_centrality_scores(agreement), kind="stable")[::-1]]


def agreement_matrix(
    std_codes: Sequence[Sequence[npt.ArrayLike]],
    groups: Sequence[Sequence[npt.ArrayLike]],
    labels: Sequence[npt.ArrayLike],
) -> Array:
    """Score each encoder on what each generator made.

    A (M, M): the FactorVAE score of encoder i's codes of what generator j made, labels[j] (G,) its held codes.

    `std_codes[i][j]` (S, D) are encoder i's codes of free samples of generator j, `groups[i][j]` (G, L, D) those of
    its groups.
    """
    score = factor_vae.infogan_cr_score
    return np.array(
        [
            [score(free, held, label) for free, held, label in zip(*rows, labels, strict=True)]
            for rows in zip(std_codes, groups, strict=True)
        ]
    )


def _square(agreement: npt.ArrayLike) -> Array:
    matrix = np.asarray(agreement, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2 or not np.isfinite(matrix).all():
        raise ValueError(f"agreement must be a finite square matrix of at least two models, got shape {matrix.shape}")
    return matrix
