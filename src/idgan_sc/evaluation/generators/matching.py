"""Choose how the true images nearest to generated ones are found.

The data set decides it. The module also says what the nearest images tell of factors.
"""

from collections.abc import Mapping

import numpy as np

from idgan_sc.config import dataset_row
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators import nearest_image
from idgan_sc.evaluation.generators.nearest_composed import ComposedMatcher, changed_classes
from idgan_sc.evaluation.generators.nearest_image import Matcher

Array = np.ndarray
AnyMatcher = Matcher | ComposedMatcher


def matcher(images: Images, size: int) -> AnyMatcher:
    """What finds the nearest true images of a data set at a size."""
    return ComposedMatcher(images, size) if _composed(images) else Matcher(images, size)


def matched_factors(images: Images, index: Array) -> tuple[Array, Array]:
    """Return the classes and values, (B, K), of true images.

    Some sprites look the same when turned. Their orientation is given modulo that turn.
    """
    if not _composed(images):
        return nearest_image.factors_modulo_symmetry(images, index)
    assert images.classes is not None
    return images.classes[index].astype(np.int64), images.values(index)


def changed(images: Images, first: Array, second: Array, tolerance: Mapping[str, int]) -> Array:
    """Which factors differ by more than `tolerance` steps between two true images, (B, K) booleans."""
    differ = changed_classes if _composed(images) else nearest_image.changed
    return differ(images, first, second, tolerance)


def _composed(images: Images) -> bool:
    return dataset_row(images.name).reading == "compose"
