"""The drawn faces: each known factor can be measured in the images, and the same seed gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from idgan_sc.data.faces import FACTORS, prepare, render
from idgan_sc.data.images import sample_classes
from idgan_sc.files import DataError

MIDDLE = {"background": 5, "fringe": 2, "azimuth": 4, "light": 4, "expression": 4}


def sweep(factor: str, **others: int) -> np.ndarray:
    """One person with all values of a factor, `(values, 64, 64, 3)` in [0, 1]."""
    rows = []
    for value in range(FACTORS.sizes[FACTORS.names.index(factor)]):
        classes = {**MIDDLE, **others, factor: value}
        rows.append([classes[name] for name in FACTORS.names])
    return render(np.array(rows)) / 255


def lips(images: np.ndarray) -> np.ndarray:
    """Where the lower half of the face is redder than skin, `(n, 22, 64)`."""
    red, green, _ = np.moveaxis(images[:, 38:60], 3, 0)
    return red > 1.9 * green


def mouth_bend(mouth: np.ndarray) -> float:
    """How many pixels the corners stand above the upper edge of the middle."""
    columns = np.flatnonzero(mouth.any(axis=0))
    corners = np.nonzero(mouth[:, columns[[0, -1]]])[0].mean()
    return float(np.argmax(mouth[:, 31]) - corners)


def test_background_is_the_wall_s_brightness() -> None:
    corners = sweep("background")[:, 8:24, [0, 63]].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(corners, FACTORS.values[0], rtol=0.1)


def test_fringe_covers_the_forehead() -> None:
    forehead = sweep("fringe")[:, 13:31, 27:37].mean(axis=(1, 2, 3))
    assert (np.diff(forehead) < -0.005).all()


def test_azimuth_turns_the_face_and_its_sign_is_the_direction() -> None:
    images = sweep("azimuth")
    np.testing.assert_allclose(images, images[::-1, :, ::-1], atol=1.5 / 255)  # the mirror image at the opposite angle
    places = [np.nonzero(mouth)[1].mean() for mouth in lips(images)]
    assert (np.diff(places) > 1).all() and places[4] == pytest.approx(31.5, abs=0.1)
    widths = [np.ptp(np.nonzero(mouth)[1]) for mouth in lips(images)]
    assert widths[4] > widths[0] + 3  # foreshortened


def test_light_comes_from_a_side() -> None:
    face = sweep("light")[:, 24:50, 20:44].mean(axis=3)
    difference = face[:, :, 12:].mean(axis=(1, 2)) - face[:, :, :12].mean(axis=(1, 2))
    assert (np.diff(difference) > 0.01).all()
    assert difference[4] == pytest.approx(0, abs=0.005)


def test_expression_bends_and_opens_the_mouth() -> None:
    images = sweep("expression")
    bend = [mouth_bend(mouth) for mouth in lips(images)]
    assert np.corrcoef(bend, FACTORS.values[4])[0, 1] > 0.9 and bend[0] < -3 and bend[-1] > 2
    white = (images[:, 38:60, 22:42].min(axis=3) > 0.7).sum(axis=(1, 2))
    assert white[4] == 0 and (np.diff(white[4:]) >= 0).all() and white[-1] > 15  # teeth
    brows = images[:, 20:34, 20:44].mean(axis=3)
    assert np.abs(brows[0] - brows[-1]).mean() > 0.01


def test_every_factor_can_be_read_from_random_faces() -> None:
    """Held-out R² of a ridge regression from 32×32 pixels; whom the faces show is unknown to it."""
    rng = np.random.default_rng(0)
    classes = sample_classes(FACTORS, 1200, rng)
    small = render(classes, rng).reshape(1200, 32, 2, 32, 2, 3).mean(axis=(2, 4)).reshape(1200, -1) / 255
    reader = RidgeCV(np.logspace(0, 3, 7)).fit(small[:900], classes[:900])
    rest = classes[900:] - reader.predict(small[900:])
    r2 = dict(zip(FACTORS.names, 1 - (rest**2).mean(axis=0) / classes[900:].var(axis=0), strict=True))
    least = {"background": 0.95, "fringe": 0.65, "azimuth": 0.9, "light": 0.9, "expression": 0.7}
    assert all(r2[name] > least[name] for name in least), r2


def test_people_differ_by_their_seed_only() -> None:
    classes = np.repeat([[5, 3, 4, 4, 4]], 2, axis=0)
    same, people = render(classes), render(classes, np.random.default_rng(1))
    np.testing.assert_array_equal(same[0], same[1])
    assert np.abs(people[0].astype(float) - people[1]).mean() > 5
    np.testing.assert_array_equal(people, render(classes, np.random.default_rng(1)))
    assert render(classes[:0]).shape == (0, 64, 64, 3)


def test_the_data_set(tmp_path: Path) -> None:
    first, second, other = (prepare(tmp_path / name, n=20, seed=seed) for name, seed in [("a", 0), ("b", 0), ("c", 1)])
    assert (first.name, first.shape, first.n, first.discrete) == ("faces", (3, 64, 64), 20, ())
    assert first.factor_names == ("background", "fringe", "azimuth", "light", "expression")
    assert first.sha256 == second.sha256 != other.sha256
    assert first.batch(np.arange(3), 64).shape == (3, 3, 64, 64)
    assert first.batch(np.arange(3), 32).shape == (3, 3, 32, 32)


def test_other_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="faces has no source 'real': choose procedural"):
        prepare(tmp_path, "real")
    with pytest.raises(DataError, match="reads no file"):
        prepare(tmp_path, file=tmp_path / "x")
