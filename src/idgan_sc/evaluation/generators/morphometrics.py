"""Measure thickness, slant and width of handwritten digits.

The definitions are those of Morpho-MNIST (Castro et al., JMLR 2019). They measure on real MNIST what Figures
5 and 6 show.

The image is enlarged four times and smoothed first, as that project's code does. The skeleton is
scikit-image's, and the distance to the edge is SciPy's.
"""

import numpy as np
from scipy import ndimage

SCALE = 4  # enlargement; lengths are divided by it
MASS = 0.01  # of the ink left out on either side of the width


def morphometrics(images: np.ndarray) -> dict[str, np.ndarray]:
    """Measure grey digits, (N, H, W) uint8.

    The result has `thickness` and `width` in pixels and `angle` in radians, (N,) each. The angle is positive
    where the digit leans right, as "/". An image without ink measures 0 throughout.
    """
    rows = np.array([_measure(image) for image in images]).reshape(len(images), 3)
    return dict(zip(("thickness", "angle", "width"), rows.T, strict=True))


def _measure(image: np.ndarray) -> tuple[float, float, float]:
    if image.max() - image.min() < 26:  # a tenth of the range: nothing is written here
        return 0.0, 0.0, 0.0
    enlarged = ndimage.zoom(image.astype(np.float64), SCALE, order=3, mode="nearest", grid_mode=True)
    grey = ndimage.gaussian_filter(enlarged, 2 * SCALE / 6).clip(0)
    ink = grey >= (grey.min() + grey.max()) / 2
    slant, width = _slant_and_width(grey)
    return _thickness(ink), slant, width


def _thickness(ink: np.ndarray) -> float:
    """Twice the mean distance from the skeleton to the edge."""
    from skimage.morphology import skeletonize

    skeleton = skeletonize(ink)
    return float(2 * ndimage.distance_transform_edt(ink)[skeleton].mean() / SCALE) if skeleton.any() else 0.0


def _slant_and_width(grey: np.ndarray) -> tuple[float, float]:
    """Return the shear that makes the ink upright, and the upright ink's width.

    The shear is given as an angle.
    """
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    weight = grey / grey.sum()
    dx, dy = x - (weight * x).sum(), y - (weight * y).sum()
    shear = (weight * dx * dy).sum() / (weight * dy**2).sum()
    upright = (x - shear * dy).ravel()
    order = upright.argsort()
    left, right = np.interp((MASS, 1 - MASS), weight.ravel()[order].cumsum(), upright[order])
    return float(np.arctan(-shear)), float((right - left) / SCALE)
