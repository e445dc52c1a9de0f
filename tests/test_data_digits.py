"""The drawn digits: each known factor can be measured in the images, and the same seed gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.linear_model import LogisticRegression

from idgan_sc.data.digits import FACTORS, HANDS, N, prepare, render
from idgan_sc.data.images import sample_classes
from idgan_sc.files import DataError

MIDDLE = {"thickness": 4, "angle": 4, "width": 2}


def ink(digit: int, style: int, **classes: int) -> np.ndarray:
    """One unshaken digit as `(32, 32)` in [0, 1]."""
    row = [digit, style, *({**MIDDLE, **classes}[name] for name in FACTORS.names[2:])]
    return render(np.array([row]))[0, ..., 0] / 255


def sweep(digit: int, style: int, factor: str) -> list[np.ndarray]:
    return [ink(digit, style, **{factor: value}) for value in range(FACTORS.sizes[FACTORS.names.index(factor)])]


def shear(image: np.ndarray) -> float:
    """How far the ink moves to the right for each pixel upwards, from its second moments."""
    y, x = np.mgrid[:32, :32]
    weight = image / image.sum()
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    return float(-(weight * x * y).sum() / (weight * y * y).sum())


def holes(image: np.ndarray) -> int:
    """Parts of the ground that the ink encloses."""
    return int(label(np.pad(image, 1) < 0.5)[1]) - 1


@pytest.mark.parametrize("style", range(4))
def test_each_factor_can_be_measured(style: int) -> None:
    for digit in range(10):
        areas = [image.sum() for image in sweep(digit, style, "thickness")]
        assert (np.diff(areas) > 0).all() and areas[-1] > 2 * areas[0]
        slants = np.array([shear(image) for image in sweep(digit, style, "angle")])
        assert (np.diff(slants) > 0.05).all()
        tangents = np.tan(FACTORS.values[3])
        assert np.polyfit(tangents, slants, 1)[0] == pytest.approx(1, abs=0.2)
        if digit == 1:  # little more than a line, which has no width
            continue
        inked = [image.sum(axis=0) > 0.5 for image in sweep(digit, style, "width")]
        extents = [np.ptp(np.flatnonzero(columns)) for columns in inked]
        assert (np.diff(extents) >= 0).all() and extents[-1] > extents[0] + 3


def test_upright_digits_have_their_angle() -> None:
    for image, angle in zip(sweep(1, 0, "angle"), FACTORS.values[3], strict=True):
        assert np.arctan(shear(image)) == pytest.approx(angle, abs=0.03)


def test_an_independent_drawing_agrees() -> None:
    """The upright "1" is a line of 18 pixels with round ends."""
    thickness, tangent = FACTORS.values[2][4], np.tan(FACTORS.values[3][4])
    y, x = np.mgrid[:32, :32] + 0.5 - 16
    along = np.clip((y - tangent * x) / (1 + tangent**2), -9, 9)
    distance = np.hypot(x + tangent * along, y - along)
    np.testing.assert_allclose(ink(1, 0), np.clip(thickness / 2 - distance + 0.5, 0, 1), atol=0.005)


@pytest.mark.parametrize(
    ("hand", "expected"),
    [
        ("print", {0: 1, 1: 0, 2: 0, 4: 1, 6: 1, 7: 0, 8: 2, 9: 1}),
        ("cursive", {4: 0, 7: 0}),  # its 4 is open
        ("continental", {0: 2, 4: 0, 8: 2, 9: 1}),  # its 0 is crossed
        ("angular", {0: 1, 2: 0, 3: 0, 5: 0, 6: 1, 7: 0, 8: 2, 9: 1}),
    ],
)
def test_each_hand_has_its_forms(hand: str, expected: dict[int, int]) -> None:
    style = HANDS.index(hand)
    assert {digit: holes(ink(digit, style, thickness=2, width=4)) for digit in expected} == expected


def test_the_hands_differ() -> None:
    for digit in range(10):
        images = [ink(digit, style) for style in range(4)]
        different = [np.abs(a - b).sum() for i, a in enumerate(images) for b in images[:i]]
        assert min(different) > 10


def test_a_digit_can_be_read() -> None:
    rng = np.random.default_rng(0)
    classes = sample_classes(FACTORS, 3000, rng)
    pixels = render(classes, rng).reshape(3000, -1) / 255
    reader = LogisticRegression(C=0.05, max_iter=100).fit(pixels[:2400], classes[:2400, 0])
    assert reader.score(pixels[2400:], classes[2400:, 0]) > 0.85
    assert pixels.reshape(-1, 32, 32)[:, [0, -1]].mean() < 0.002  # little is cut off


def test_the_hand_shakes_by_its_seed_only() -> None:
    classes = np.repeat([[3, 1, 4, 4, 2]], 2, axis=0)
    steady, shaken = render(classes), render(classes, np.random.default_rng(1))
    np.testing.assert_array_equal(steady[0], steady[1])
    assert (shaken[0] != shaken[1]).any()
    np.testing.assert_array_equal(shaken, render(classes, np.random.default_rng(1)))
    assert render(classes[:0]).shape == (0, 32, 32, 1)


def test_the_data_set(tmp_path: Path) -> None:
    first, second, other = (prepare(tmp_path / name, n=60, seed=seed) for name, seed in [("a", 0), ("b", 0), ("c", 1)])
    assert (first.name, first.shape, first.n) == ("digits", (1, 32, 32), 60)
    assert first.discrete == ("digit", "style") and first.factor_names == FACTORS.names
    assert first.sha256 == second.sha256 != other.sha256
    assert first.batch(np.arange(3), 32).shape == (3, 1, 32, 32)
    assert 0.05 < first.batch(np.arange(60), 32).mean() < 0.25


def test_native_size_is_the_middle_and_cuts_next_to_no_ink(tmp_path: Path) -> None:
    padded, native = (prepare(tmp_path / str(cut), n=400, native=cut) for cut in (False, True))
    assert native.shape == (1, 28, 28)
    np.testing.assert_array_equal(native.pixels, padded.pixels[:, 2:30, 2:30])
    assert native.pixel_sum > 0.999 * padded.pixel_sum


def test_the_grid_is_drawn_evenly() -> None:
    assert np.prod(FACTORS.sizes) == N
    rng = np.random.default_rng(0)
    whole, more = sample_classes(FACTORS, N, rng), sample_classes(FACTORS, 2 * N + 5, rng)
    assert len(np.unique(whole, axis=0)) == N
    counts = np.unique(more, axis=0, return_counts=True)[1]
    assert len(counts) == N and set(counts) == {2, 3}
    assert sample_classes(FACTORS, 0, rng).shape == (0, 5)


def test_other_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="digits has no source 'real': choose procedural"):
        prepare(tmp_path, "real")
    with pytest.raises(DataError, match="reads no file"):
        prepare(tmp_path, file=tmp_path / "x")
