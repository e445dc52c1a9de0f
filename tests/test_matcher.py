"""The matcher against brute force, on true images, and what it says of symmetric shapes."""

from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data.dsprites import FACTORS, render
from idgan_sc.data.images import Images, open_images, save_images
from idgan_sc.evaluation.generators import nearest_image
from idgan_sc.evaluation.generators.nearest_image import Matcher, changed, factors_modulo_symmetry
from idgan_sc.files import DataError

TOLERANCE = {"shape": 0, "scale": 0, "orientation": 1, "x": 1, "y": 1}


@pytest.fixture(scope="module")
def images(small_data: Path) -> Images:
    return open_images(small_data)


@pytest.fixture(scope="module", params=[32, 64])
def small(request: pytest.FixtureRequest, images: Images) -> Matcher:
    return Matcher(images, request.param)


def make_grid(folder: Path, classes: np.ndarray) -> Images:
    packed = np.packbits(render(classes).reshape(len(classes), -1), axis=1)
    return save_images(
        folder, [packed], name="dsprites", source="procedural dSprites renderer", licence="MIT", shape=(1, 64, 64),
        n=len(classes), packed=True, factors=FACTORS, classes=classes,
    )  # fmt: skip


def brute_force(images: Images, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices and squared distances of the nearest images, in float64, the first of equals."""
    true = images.batch(np.arange(images.n), generated.shape[-1]).reshape(images.n, -1).astype(np.float64)
    distances = np.stack([((true - g) ** 2).sum(1) for g in generated.reshape(len(generated), -1).astype(np.float64)])
    return distances.argmin(1), distances.min(1)


def degraded(x: np.ndarray, kind: str) -> np.ndarray:
    """What generators do to sprites: blur, noise, half the light, two at once, or something else altogether."""
    rng = np.random.default_rng(1)
    changes = {
        "blur": (x + np.roll(x, 1, 2) + np.roll(x, 1, 3) + np.roll(x, -1, 2)) / 4,
        "noise": np.clip(x + 0.1 * rng.standard_normal(x.shape), 0, 1),
        "faint": x / 2,
        "two": np.maximum(x, x[::-1]),
        "empty": np.zeros_like(x),
        "uniform": rng.uniform(size=x.shape),
    }
    return changes[kind].astype(np.float32)


@pytest.mark.parametrize("kind", ["blur", "noise", "faint", "two", "empty", "uniform"])
def test_finds_what_brute_force_finds(small: Matcher, kind: str) -> None:
    x = degraded(small.images.batch(np.arange(0, 2000, 50), small.size), kind)
    index, distance = brute_force(small.images, x)
    found = small.nearest(x)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-12)


def test_finds_a_true_image_itself_at_distance_0(small: Matcher) -> None:
    index = np.arange(0, 2000, 20)
    found = small.nearest(small.images.batch(index, small.size))
    assert (found.distance == 0).all() and (found.relative == 0).all()
    same = small.images.pixels[found.index] == small.images.pixels[index]
    assert same.all() and (found.index <= index).all()  # a duplicate: the first of them


def test_bounds_are_bounds(small: Matcher) -> None:
    """Neither bound exceeds the distance of any image, beyond rounding."""
    x = degraded(small.images.batch(np.arange(5), small.size), "noise")
    g = x.reshape(5, -1).astype(np.float64)
    projected, rest = small._project(g, nearest_image.FINE)
    for b in range(5):
        exact = small._exact(g[b], np.arange(small.images.n))
        fine = small._fine(np.arange(small.images.n), projected[b], rest[b])
        assert (fine <= exact + 1e-3).all() and np.corrcoef(fine, exact)[0, 1] > 0.99


def test_gives_up_only_beyond_an_empty_image(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest_image, "MANY", 10)
    x = np.concatenate([degraded(images.batch(np.arange(20), 32), kind) for kind in ("blur", "two", "uniform")])
    index, distance = brute_force(images, x)
    found = Matcher(images, 32).nearest(x)
    given_up = np.isinf(found.distance)
    assert given_up[40:].all() and not given_up[:20].any()
    assert (distance[given_up] > found.norm[given_up]).all() and (found.relative[given_up] == 1).all()
    np.testing.assert_array_equal(found.index[~given_up], index[~given_up])


def test_counts_of_blocks(images: Images) -> None:
    words = nearest_image._words(images.pixels[:50])
    white = images.batch(np.arange(50), 64)[:, 0]
    for block in (nearest_image.COARSE, nearest_image.FINE):
        expected = white.reshape(50, 64 // block, block, -1, block).sum((2, 4)).reshape(50, -1)
        np.testing.assert_array_equal(nearest_image._block_counts(words, block), expected)
    quarters = images.batch(np.arange(50), 32) * 4
    np.testing.assert_array_equal(nearest_image._squares(words), (quarters**2).sum((1, 2, 3)))


def test_refuses_what_it_cannot_match(images: Images) -> None:
    with pytest.raises(DataError, match="16×16 cannot be matched"):
        Matcher(images, 16)


# ------------------------------------------------------------------------------------------------------------ symmetry
def orientations(folder: Path, shape: int) -> Images:
    return make_grid(folder, np.array([(shape, 3, orientation, 16, 16) for orientation in range(40)]))


@pytest.mark.parametrize(("shape", "turns"), [(0, 4), (1, 2), (2, 1)])
def test_orientation_is_below_the_period_of_the_shape(tmp_path: Path, shape: int, turns: int) -> None:
    classes, values = factors_modulo_symmetry(orientations(tmp_path, shape), np.arange(40))
    assert classes[39, 2] == classes[0, 2] == 0 and values[39, 2] == 0  # a full turn
    assert values[:, 2].max() < 2 * np.pi / turns
    assert classes[:, 2].max() == np.ceil(39 / turns) - 1
    raw = np.arange(39) * 2 * np.pi / 39
    period = 2 * np.pi / turns
    difference = np.abs(values[:39, 2] - raw % period)
    np.testing.assert_allclose(np.minimum(difference, period - difference), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "first", "second", "is_changed"),
    [
        (0, 0, 10, False),  # 92.3° of a square: a quarter of a step from 90°
        (0, 0, 5, True),
        (0, 0, 39, False),
        (1, 0, 20, False),  # 184.6° of an ellipse
        (1, 0, 10, True),
        (2, 0, 38, False),  # one step the other way round
        (2, 0, 20, True),
    ],
)
def test_change_of_orientation_is_around_the_circle(
    tmp_path: Path, shape: int, first: int, second: int, is_changed: bool
) -> None:
    differs = changed(orientations(tmp_path, shape), np.array([first]), np.array([second]), TOLERANCE)
    assert differs[0].tolist() == [False, False, is_changed, False, False]


def test_change_of_other_factors_is_beyond_the_tolerance(tmp_path: Path) -> None:
    rows = [(1, 2, 7, 10, 10), (0, 2, 7, 11, 10), (1, 3, 7, 12, 10), (2, 2, 7, 10, 31)]
    images = make_grid(tmp_path, np.array(rows))
    differs = changed(images, np.zeros(3, int), np.arange(1, 4), TOLERANCE)
    assert differs.tolist() == [[1, 0, 0, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]
