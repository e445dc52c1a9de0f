"""Weight training images so that factors are correlated (Träuble et al. 2021).

The paper is "On disentangled representations learned from correlated data". Only the training pool is
weighted. The evaluation uses the full grid.
"""

from typing import Any

import numpy as np

from idgan_sc.data.images import Images
from idgan_sc.files import DataError


def pool_weights(images: Images, correlation: dict[str, Any] | None) -> np.ndarray | None:
    """Return how often each image is drawn.

    The weights are (N,) float64 and sum to 1. The result is None where all images are drawn alike.

    Let u and v be the places of two factors' classes in [0, 1]. A pair of factors multiplies the weight of an
    image by exp(−(strength · (u − v))² / 2). This is Eq. (1) of the paper, with strength = 1 / σ.

    correlation: `pairs` of names of factors, and `strength`.

    Raises
    ------
    DataError
        If the images have no such factor, or none at all.
    """
    if not correlation:
        return None
    if images.classes is None:
        raise DataError(f"`correlation`: the data set {images.name} has no factors")
    logarithm = np.zeros(images.n)
    for pair in correlation["pairs"]:
        places = []
        for name in pair:
            if name not in images.factor_names:
                known = ", ".join(images.factor_names)
                raise DataError(f"`correlation`: {images.name} has no factor `{name}`: one of {known}")
            k = images.factor_names.index(name)
            places.append(images.classes[:, k] / (images.factor_sizes[k] - 1))
        logarithm -= np.square(correlation["strength"] * (places[0] - places[1])) / 2
    weights = np.exp(logarithm)
    return weights / weights.sum()
