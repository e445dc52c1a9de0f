"""The nearest composed image, beside a search through all of them in a part of the grid, and what factors are told."""

from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data import rooms
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators import matching
from idgan_sc.evaluation.generators.nearest_composed import ComposedMatcher, changed_classes
from idgan_sc.files import DataError
from test_matcher import make_grid

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [pytest.param(64, marks=pytest.mark.long), 32])
def test_true_images_are_their_own_nearest(drawn: Images, size: int) -> None:
    chosen = RNG.integers(0, rooms.N, 12)
    found = matching.matcher(drawn, size).nearest(drawn.batch(chosen, size))
    np.testing.assert_array_equal(found.index, chosen)
    assert found.distance.max() < 1e-9 and (found.norm > 10).all()


@pytest.mark.parametrize("size", [64, 32])
def test_distances_are_those_of_the_images(drawn: Images, size: int) -> None:
    matcher = ComposedMatcher(drawn, size)
    g = RNG.random((3, size * size))
    some = RNG.integers(0, rooms.N, 400)
    x = drawn.batch(some, size).reshape(400, -1).astype(float)
    exact = np.sqrt(np.square(x - g.ravel()).sum(1))
    assert np.abs(np.sqrt(matcher._squares(g)[some]) - exact).max() <= matcher.error
    every = drawn.batch(np.arange(0, rooms.N, 997), size).astype(float)
    np.testing.assert_allclose(matcher.mean, every.reshape(len(every), -1).mean(0), atol=0.06)


def test_none_of_many_others_is_nearer(drawn: Images) -> None:
    """All views in the found colours, all colours of the found view, 10 000 others; of a mixture, and with noise."""
    both = drawn.batch(RNG.integers(0, rooms.N, 2), 32).astype(np.float64)
    generated = np.stack([0.6 * both[0] + 0.4 * both[1], np.clip(both[0] + RNG.normal(0, 0.2, both[0].shape), 0, 1)])
    found = ComposedMatcher(drawn, 32).nearest(generated)
    for g, index, distance in zip(generated, found.index, found.distance, strict=True):
        alike = np.arange(480) + index // 480 * 480, np.arange(1000) * 480 + index % 480
        others = np.unique(np.concatenate([*alike, RNG.integers(0, rooms.N, 10_000)]))
        squares = np.square(drawn.batch(others, 32) - g).sum((1, 2, 3))
        assert others[squares.argmin()] == index and squares.min() == pytest.approx(distance)


def test_factors_and_what_changes(drawn: Images) -> None:
    cells = np.array([[0, 3, 5, 2, 1, 7], [9, 3, 5, 3, 1, 7], [5, 4, 5, 7, 2, 14]])
    index = np.ravel_multi_index(tuple(cells.T), rooms.FACTORS.sizes)
    classes, values = matching.matched_factors(drawn, index)
    np.testing.assert_array_equal(classes, cells)
    np.testing.assert_allclose(values[0], [0, 0.3, 0.5, rooms.FACTORS.values[3][2], 1, 0])
    tolerance = {"floor": 1, "wall": 0, "object": 0, "scale": 1, "shape": 0, "orientation": 1}
    differs = changed_classes(drawn, index[[0, 0]], index[[1, 2]], tolerance)
    assert differs.tolist() == [[False] * 6, [True, True, False, True, True, True]]  # hue 0 is next to hue 9


def test_other_images_are_refused(tmp_path: Path, drawn: Images) -> None:
    sprites = make_grid(tmp_path, np.array([(0, 3, 4, 16, 16)]))
    with pytest.raises(DataError, match="images of dsprites at 64×64 cannot be matched: rooms can"):
        ComposedMatcher(sprites, 64)
    with pytest.raises(DataError, match="at 28×28 cannot be matched"):
        ComposedMatcher(drawn, 28)
