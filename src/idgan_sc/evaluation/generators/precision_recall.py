"""Measure precision and recall of generated images in a feature space.

The source is Kynkäänniemi et al. 2019, Eqs. 1 to 3. The code needs NumPy and SciPy.

Quality and variety are measured apart. A generator that drops modes keeps its precision and loses recall.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]
CHUNK = 1024  # rows of distances at a time


def precision_recall(real: npt.ArrayLike, generated: npt.ArrayLike, *, k: int) -> tuple[float, float]:
    """Return the precision and recall of generated points.

    Precision is the share of generated points within the manifold of the real ones. Recall is the share of real
    points within the manifold of the generated ones. Both range from 0 to 1.

    real (N, D) and generated (M, D) are features. The manifold of a set is estimated as the union of balls around
    its points. The radius of a ball is the distance to the k-th nearest other point of the set (k = 3 in the
    source). The border is part of the manifold. The source takes equally many of both, since a larger set has
    smaller balls.

    Raises
    ------
    ValueError
        If the features are not two finite arrays of equal width, or a set has no k other points.

    Examples
    --------
    >>> points = np.arange(20.0)[:, None]
    >>> precision_recall(points, points[:10], k=3), precision_recall(points, points + 100, k=3)
    ((1.0, 0.65), (0.0, 0.0))
    """
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(f"features must have shapes (N, D) and (M, D), got {real.shape} and {generated.shape}")
    if not (np.isfinite(real).all() and np.isfinite(generated).all()):
        raise ValueError("features contain NaN or infinity")
    if k < 1 or min(len(real), len(generated)) <= k:
        raise ValueError(
            f"{min(len(real), len(generated))} points have no {k} neighbours: give more points, or lower k"
        )
    return _covered(generated, real, k), _covered(real, generated, k)


def _covered(points: Array, manifold: Array, k: int) -> float:
    """Share of `points` within a ball of `manifold`."""
    radii = np.concatenate([np.partition(d, k, axis=1)[:, k] for d in _distances(manifold, manifold)])  # itself is 0
    return float(np.concatenate([(d <= radii).any(axis=1) for d in _distances(points, manifold)]).mean())


def _distances(a: Array, b: Array) -> Iterator[Array]:
    """Euclidean distances of all of `a`, some rows at a time, to all of `b`."""
    return (cdist(a[first : first + CHUNK], b) for first in range(0, len(a), CHUNK))
