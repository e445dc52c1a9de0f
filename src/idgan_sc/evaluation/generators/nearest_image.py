"""Find the nearest true image of each generated one, exactly.

The search covers a whole grid of packed images (dSprites, Sec. 4.1).

The squared distance to all 737 280 images is bounded from below on two coarser grids. Only what the bounds
cannot rule out is compared pixel by pixel.

Let P be the orthonormal projection onto block averages. Let r = |x − Px| be what they miss. Then |g − x|² ≥
|Pg − Px|² + (r_g − r_x)². This is the Pythagorean theorem, then the triangle inequality on the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from idgan_sc.data.images import Images
from idgan_sc.files import DataError

SIDE = 64  # pixels of a stored image: a row is one 64-bit word
BATCH = 32  # generated images bounded at a time: 94 MB of bounds
CHUNK = 2048  # true images at a time
FEW, MANY = 256, 50_000  # candidates that are looked at first; and so many that the image may be like no sprite at all
COARSE, FINE = 8, 4  # stored pixels a side of a block: 8×8 and 16×16 blocks
# Float32 sums of at most 258 products are off by less than 258·2⁻²⁴ = 1.6e-5 of the sum of their sizes; what the exact
# comparison (float64) must see is everything within twice that.
SLACK = 4e-5

Array = np.ndarray
_BITS_1, _BITS_2, _BITS_4 = (np.uint64(int(byte * 8, 16)) for byte in ("55", "33", "0f"))


@dataclass(frozen=True)
class Matches:
    """Hold the nearest true image of each of B generated images.

    Of equally near images it is the first of the grid.
    """

    index: Array  # (B,) of the true image
    distance: Array  # (B,) |g − x|², float64; infinite where every sprite is farther than from an empty image
    norm: Array  # (B,) |x|²

    @property
    def relative(self) -> Array:
        """Return |g − x|² / |x|², (B,), at most 1.

        0 is a true image. 1 is no nearer to a sprite than an empty image is.
        """
        ratio: Array = np.minimum(self.distance / self.norm, 1)
        return ratio


class Matcher:
    """Find nearest images of `size` × `size` pixels.

    `size` is the stored size or its half (2×2 averages).

    Raises
    ------
    DataError
        If the images are not 64×64 and packed, or one of them is empty.
    """

    def __init__(self, images: Images, size: int) -> None:
        if not images.packed or images.shape != (1, SIDE, SIDE) or size not in (SIDE, SIDE // 2):
            raise DataError(f"images of {images.name} at {size}×{size} cannot be matched: packed 64×64 images can")
        self.images, self.size = images, size
        self.norm = np.empty(images.n)  # |x|²
        self.bounds = np.empty(((SIDE // COARSE) ** 2 + 2, images.n), np.float32)  # columns (Px, r, |x|²)
        for first in range(0, images.n, CHUNK):
            self._add(slice(first, first + CHUNK))
        if images.n and self.norm.min() <= 0:
            raise DataError(f"{images.folder} holds an empty image: nothing can be measured relative to it")

    def nearest(self, generated: Array) -> Matches:
        """The nearest true image of each of `generated`, (B, 1, size, size) in [0, 1]."""
        g = generated.reshape(len(generated), -1).astype(np.float64)
        found = [self._nearest_batch(g[first : first + BATCH]) for first in range(0, len(g), BATCH)]
        index, distance = (np.concatenate(part) for part in zip(*found, strict=True))
        return Matches(index, distance, self.norm[index])

    # --------------------------------------------------------------------------------------------------------- bounds
    def _add(self, rows: slice) -> None:
        words = _words(self.images.pixels[rows])
        self.norm[rows] = _squares(words) / 16 if self.size < SIDE else np.bitwise_count(words).sum(1)
        projected, rest = self._project_true(words, self.norm[rows], COARSE)
        self.bounds[:-2, rows] = projected.T
        self.bounds[-2, rows] = rest
        self.bounds[-1, rows] = self.norm[rows]

    def _project_true(self, words: Array, norm: Array, block: int) -> tuple[Array, Array]:
        """Px and r of true images: float32 (n, blocks), (n,)."""
        counts = _block_counts(words, block).astype(np.float32)
        squares = np.einsum("nd,nd->n", counts, counts).astype(np.float64)  # whole numbers below 2²⁴: exact
        scale = 1 / block if self.size == SIDE else 1 / (2 * block)
        return counts * np.float32(scale), np.sqrt(np.maximum(norm - squares * scale**2, 0))

    def _project(self, g: Array, block: int) -> tuple[Array, Array]:
        """Pg and r_g of generated images (B, size²): float32 (B, blocks), (B,)."""
        inner = block * self.size // SIDE
        blocks = g.reshape(len(g), self.size // inner, inner, -1, inner).sum((2, 4)).reshape(len(g), -1) / inner
        rest = np.sqrt(np.maximum((g**2).sum(1) - (blocks**2).sum(1), 0))
        return blocks.astype(np.float32), rest

    # --------------------------------------------------------------------------------------------------------- search
    def _nearest_batch(self, g: Array) -> tuple[Array, Array]:
        projected, rest = self._project(g, COARSE)
        query = np.concatenate([projected, rest[:, None], np.full((len(g), 1), -0.5)], axis=1).astype(np.float32)
        squares = (query[:, :-1].astype(np.float64) ** 2).sum(1)
        coarse = (-2 * query) @ self.bounds  # (B, N): the bound without the generated image's own square
        fine = self._project(g, FINE)
        found = [self._search(g[b], coarse[b], squares[b], fine[0][b], fine[1][b]) for b in range(len(g))]
        index, distance = zip(*found, strict=True)
        return np.array(index), np.array(distance)

    def _search(self, g: Array, coarse: Array, square: float, projected: Array, rest: float) -> tuple[int, float]:
        """Find the nearest true image of one generated image.

        The best image of each bound gives a distance. This distance rules out most of the others.
        """
        best = self._exact(g, np.array([coarse.argmin()]))[0]
        candidates = np.flatnonzero(coarse <= best - square + self._slack(g, best))
        if len(candidates) > MANY and (coarse - self.bounds[-1]).min() > self._slack(g, best) - square:
            return int(coarse.argmin()), float("inf")
        if len(candidates) > FEW:  # a few of them tell how many are worth a second look
            few = candidates[np.argpartition(coarse[candidates], FEW)[:FEW]]
            best = min(best, self._exact(g, few[[self._fine(few, projected, rest).argmin()]])[0])
            candidates = candidates[coarse[candidates] <= best - square + self._slack(g, best)]
        fine = self._fine(candidates, projected, rest)
        best = min(best, self._exact(g, candidates[[fine.argmin()]])[0])
        candidates = candidates[fine <= best + self._slack(g, best)]
        distances = self._exact(g, candidates)
        nearest = int(distances.argmin())
        return int(candidates[nearest]), float(distances[nearest])

    def _slack(self, g: Array, best: float) -> float:
        """Return how far rounding can lift a bound over a distance `best`.

        The images in question have |x| ≤ |g| + √best.
        """
        norm = float(np.sqrt((g**2).sum()))
        return SLACK * (2 * norm + float(np.sqrt(best))) ** 2

    def _fine(self, candidates: Array, projected: Array, rest: float) -> Array:
        """The tighter bound of |g − x|² for some true images."""
        bounds = np.empty(len(candidates))
        for first in range(0, len(candidates), CHUNK):
            chunk = candidates[first : first + CHUNK]
            own, r = self._project_true(_words(self.images.pixels[chunk]), self.norm[chunk], FINE)
            difference = own - projected
            bounds[first : first + CHUNK] = np.einsum("nd,nd->n", difference, difference) + (r - rest) ** 2
        return bounds

    def _exact(self, g: Array, candidates: Array) -> Array:
        """|g − x|² in float64 for some true images."""
        chunks = [candidates[i : i + CHUNK] for i in range(0, len(candidates), CHUNK)]
        squares = [(self.images.batch(c, self.size).reshape(len(c), -1) - g) ** 2 for c in chunks]
        return np.concatenate([s.sum(1) for s in squares])


# ------------------------------------------------------------------------------------------------- factors of a match
SYMMETRY = (4, 2, 1)  # turns of a square, an ellipse and a heart that leave it as it is
TURN = 39  # orientations of a full turn: the last of the 40 is the first again
SHAPE, ORIENTATION = 0, 2  # columns of dSprites' factors


def factors_modulo_symmetry(images: Images, index: Array) -> tuple[Array, Array]:
    """Classes and values, (B, 5), of true images, the orientation modulo the shape's symmetry.

    A square turned by 90°, an ellipse by 180° and a heart by 360° look the same, though no two of the 39 squares do:
    the orientation's value is the angle in [0, period), its class the number of whole steps of 1/39 turn in it.
    """
    assert images.classes is not None
    classes, values = images.classes[index].astype(np.int64), images.values(index)
    quarters = _quarter_steps(classes, _symmetry(classes))
    classes[:, ORIENTATION] = quarters // 4
    values[:, ORIENTATION] = quarters * (2 * np.pi / (4 * TURN))
    return classes, values


def changed(images: Images, first: Array, second: Array, tolerance: Mapping[str, int]) -> Array:
    """Which factors differ by more than `tolerance` steps between two true images, (B, 5) booleans.

    Orientations are compared on the circle, whose period is the shorter of the two shapes' where these differ.
    """
    assert images.classes is not None
    a, b = (images.classes[index].astype(np.int64) for index in (first, second))
    steps = np.abs(a - b).astype(np.float64)
    symmetry = np.maximum(_symmetry(a), _symmetry(b))
    around = np.abs(_quarter_steps(a, symmetry) - _quarter_steps(b, symmetry))
    steps[:, ORIENTATION] = np.minimum(around, 4 * TURN // symmetry - around) / 4
    different: Array = steps > np.array([tolerance[name] for name in images.factor_names])
    return different


def _symmetry(classes: Array) -> Array:
    return np.array(SYMMETRY)[classes[:, SHAPE]]


def _quarter_steps(classes: Array, symmetry: Array) -> Array:
    """Return the angle below a period, in quarters of a step.

    A step is 1/39 turn. The period of a square is 39 quarters.
    """
    return 4 * classes[:, ORIENTATION] % (4 * TURN // symmetry)


# -------------------------------------------------------------------------------------------------------- packed bits
def _words(packed: Array) -> Array:
    """View packed images (n, 512) as 64-bit words (n, 64), one a row.

    Eight neighbours of a row share a byte.
    """
    return np.ascontiguousarray(packed).view(np.uint64)


def _squares(words: Array) -> Array:
    """Sum the squared number of white pixels over the 2×2 blocks, (n,).

    For a block with n white pixels, n² = n + 2·(pairs of white pixels).
    """
    top, bottom = words[:, 0::2], words[:, 1::2]
    planes = [row >> np.uint64(s) & _BITS_1 for row in (top, bottom) for s in (0, 1)]  # a bit of each block
    pairs = [planes[i] & planes[j] for i in range(4) for j in range(i)]
    ones = np.bitwise_count(words).sum(1, dtype=np.int64)
    both: Array = sum(np.bitwise_count(pair).sum(1, dtype=np.int64) for pair in pairs)
    return ones + 2 * both


def _block_counts(words: Array, block: int) -> Array:
    """Count the white pixels of each block × block square, row by row.

    The result is (n, (64 / block)²) uint8. Many bits are counted at a time.
    """
    two = words - (words >> np.uint64(1) & _BITS_1)
    four = (two & _BITS_2) + (two >> np.uint64(2) & _BITS_2)  # a count in each half byte
    left, right = four >> np.uint64(4) & _BITS_4, four & _BITS_4
    parts = [left + right] if block == 8 else [left, right]
    sums = [_add_rows(part, block).view(np.uint8) for part in parts]  # (n, 64 / block · 8)
    return np.stack(sums, axis=2).reshape(len(words), -1)


def _add_rows(words: Array, rows: int) -> Array:
    """Sums of so many words at a time, (n, 64 / rows)."""
    total = words[:, 0::rows].copy()
    for i in range(1, rows):
        total += words[:, i::rows]
    return total
