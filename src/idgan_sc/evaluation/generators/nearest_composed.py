"""Find the nearest of all images that can be composed, without composing them.

The search is exact. The data set is `rooms`.

Before rounding, an image is y = Σ_p M_p C_p: maps of a view times colours. So |g − y|² = |g|² − 2 Σ_p ⟨g,
M_p⟩·C_p + Σ_pq ⟨M_p, M_q⟩ C_p·C_q. This needs of a generated image g only its products with the maps of every
view. All combinations of colours follow.

Rounding moves no pixel by more than half a level. This bounds the distance to the stored image. What the
bound cannot rule out is composed and compared.
"""

from collections.abc import Mapping
from math import prod

import numpy as np

from idgan_sc.data.images import Images
from idgan_sc.data.rooms import FACTORS, FLOOR, SIZE, SKY, SOLID, VIEWS, WALL, Composed
from idgan_sc.evaluation.generators.nearest_image import Matches
from idgan_sc.files import DataError

HUED = (FLOOR, WALL, SOLID)
CHUNK = 512  # images composed at a time

Array = np.ndarray


class ComposedMatcher:
    """Find the nearest image as `Matcher` does, over composed images.

    `norm` is the squared distance of a true image from the mean of all.

    Raises
    ------
    DataError
        If the images are not composed, or the size is neither theirs nor its half.
    """

    def __init__(self, images: Images, size: int) -> None:
        if not isinstance(images.pixels, Composed) or size not in (SIZE, SIZE // 2):
            raise DataError(f"images of {images.name} at {size}×{size} cannot be matched: rooms can")
        self.images, self.size = images, size
        maps = images.pixels.maps.reshape(prod(VIEWS), 4, size, SIZE // size, size, SIZE // size).mean((3, 5))
        self.maps = maps.reshape(-1, size * size) / 255  # (views · 4, size²)
        views = self.maps.reshape(prod(VIEWS), 4, -1)
        self.products = views @ views.transpose(0, 2, 1)  # (views, 4, 4): ⟨M_p, M_q⟩
        self.tables = images.pixels.tables / 255.0  # (4, 10, 3)
        mean = np.einsum("pc,ps->cs", self.tables.mean(1), views.mean(0))
        self.mean = mean.ravel()
        self.error = (
            0.5 / 255 * np.sqrt(3) * size
        )  # of the distance, by rounding: half a level in every pixel and channel

    def nearest(self, generated: Array) -> Matches:
        """The nearest true image of each of `generated`, (B, 3, size, size) in [0, 1]."""
        g = generated.reshape(len(generated), 3, -1).astype(np.float64)
        found = [self._search(one) for one in g]
        index, distance, norm = (np.array(part) for part in zip(*found, strict=True))
        return Matches(index, distance, norm)

    def _search(self, g: Array) -> tuple[int, float, float]:
        squares = self._squares(g)
        reach = np.sqrt(max(squares.min(), 0)) + 2 * self.error
        candidates = np.flatnonzero(squares <= reach**2)  # all images that may be the nearest once rounded
        distances = np.concatenate(
            [self._exact(g, candidates[first : first + CHUNK]) for first in range(0, len(candidates), CHUNK)]
        )
        best = int(candidates[distances.argmin()])
        x = self.images.batch(np.array([best]), self.size).ravel().astype(np.float64)
        return best, float(distances.min()), float(np.square(x - self.mean).sum())

    def _squares(self, g: Array) -> Array:
        """|g − y|² of every image before rounding, (N,) in the grid's order."""
        products = (self.maps @ g.T).reshape(-1, 4, 3)  # (views, 4, 3): ⟨g, M_p⟩
        own = [
            -2 * np.einsum("vc,hc->hv", products[:, p], self.tables[p])
            + np.square(self.tables[p]).sum(1)[:, None] * self.products[:, p, p]
            + 2 * np.einsum("v,h->hv", self.products[:, p, SKY], self.tables[p] @ self.tables[SKY, 0])
            for p in HUED
        ]  # (hues, views) each
        total = own[0][:, None, None] + own[1][None, :, None] + own[2][None, None, :]  # (floor, wall, solid, views)
        for p, q, axis in ((FLOOR, WALL, 2), (FLOOR, SOLID, 1), (WALL, SOLID, 0)):
            both = 2 * np.einsum("hc,kc,v->hkv", self.tables[p], self.tables[q], self.products[:, p, q])
            total += np.expand_dims(both, axis)
        sky = self.tables[SKY, 0]
        total += -2 * products[:, SKY] @ sky + (sky @ sky) * self.products[:, SKY, SKY] + np.square(g).sum()
        return total.ravel()

    def _exact(self, g: Array, candidates: Array) -> Array:
        """|g − x|² in float64 of some true images."""
        x = self.images.batch(candidates, self.size).reshape(len(candidates), -1)
        return np.square(x - g.ravel()).sum(1)


def changed_classes(images: Images, first: Array, second: Array, tolerance: Mapping[str, int]) -> Array:
    """Tell which factors differ by more than `tolerance` steps between two images.

    The result is (B, K) booleans. Hues are a circle.
    """
    assert images.classes is not None
    steps = np.abs(images.classes[first].astype(int) - images.classes[second].astype(int))
    hues = FACTORS.sizes[0]
    steps[:, : len(HUED)] = np.minimum(steps[:, : len(HUED)], hues - steps[:, : len(HUED)])
    different: Array = steps > np.array([tolerance[name] for name in images.factor_names])
    return different
