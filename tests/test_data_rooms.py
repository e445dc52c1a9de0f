"""The drawn rooms: what is composed, what each factor changes, and what the folder holds."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data import rooms, shapes3d
from idgan_sc.data.grid import grid
from idgan_sc.data.images import Images, open_images
from idgan_sc.data.rooms import FACTORS, SIZE, Composed, N, colours, compose
from idgan_sc.data.tensors import loader
from idgan_sc.files import DataError

RNG = np.random.default_rng(0)


def cell(**classes: int) -> int:
    """The index of an image; factors that are not named have their middle class."""
    middle = {name: size // 2 for name, size in zip(FACTORS.names, FACTORS.sizes, strict=True)}
    return int(np.ravel_multi_index(tuple((middle | classes).values()), FACTORS.sizes))


def test_the_grid_is_that_of_3d_shapes(drawn: Images) -> None:
    published = shapes3d.RELEASE.factors
    assert (FACTORS.sizes, FACTORS.values) == (published.sizes, published.values) and N == 480_000 == drawn.n
    np.testing.assert_array_equal(drawn.classes, grid(FACTORS.sizes))
    assert (drawn.shape, drawn.discrete) == ((3, 64, 64), ("shape",))


def test_the_folder_is_small_and_whole(drawn: Images) -> None:
    assert sum(path.stat().st_size for path in drawn.folder.iterdir()) < 12e6 < N * SIZE * SIZE * 3
    assert drawn.sha256.keys() == {"images.npy", "factors.npy", "colours.npy"}
    drawn.verify()
    assert isinstance(drawn.pixels, Composed) and isinstance(drawn.pixels.maps.base, np.memmap)


def test_sums_are_rounded_to_nearest() -> None:
    maps, colour = RNG.integers(0, 64, (5, 4, 8, 8), np.uint8), RNG.integers(0, 256, (5, 4, 3), np.uint8)
    exact = np.einsum("bphw,bpc->bhwc", maps.astype(float), colour.astype(float)) / 255
    np.testing.assert_array_equal(compose(maps, colour), np.floor(exact + 0.5))
    full = np.zeros((1, 4, 256, 256), np.uint8)  # every share of every colour
    full[0, 0] = np.arange(256)[:, None]
    for level in range(0, 256, 5):
        found = compose(full[..., :1], np.full((1, 4, 3), level, np.uint8))[0, :, 0, 0]
        np.testing.assert_array_equal(found, np.floor(np.arange(256) * level / 255 + 0.5))


def test_maps_never_overflow(drawn: Images) -> None:
    total = drawn.pixels.maps.sum(1, dtype=int)
    assert total.max() == 255 and (drawn.pixels.maps[:, rooms.SOLID].max((1, 2)) > 200).all()


def test_indexing_is_that_of_an_array(drawn: Images) -> None:
    few = RNG.integers(0, N, 7)
    images = drawn.pixels[few]
    assert images.shape == (7, 64, 64, 3) and images.dtype == np.uint8 and len(drawn.pixels) == N
    for row, index in enumerate(few):
        np.testing.assert_array_equal(drawn.pixels[int(index)], images[row])
    np.testing.assert_array_equal(drawn.pixels[5:9], drawn.pixels[np.arange(5, 9)])
    with pytest.raises(IndexError):
        drawn.pixels[np.array([N])]


def test_batches_at_both_sizes(drawn: Images) -> None:
    few = RNG.integers(0, N, 6)
    whole, half = drawn.batch(few, 64), drawn.batch(few, 32)
    np.testing.assert_allclose(whole, drawn.pixels[few].transpose(0, 3, 1, 2) / 255, rtol=1e-6)
    np.testing.assert_allclose(half, whole.reshape(6, 3, 32, 2, 32, 2).mean((3, 5)), atol=1e-6)
    np.testing.assert_array_equal(loader(drawn, "cpu")(few, 32).numpy(), half)


@pytest.mark.parametrize(("factor", "part"), [("floor", rooms.FLOOR), ("wall", rooms.WALL), ("object", rooms.SOLID)])
def test_a_hue_changes_its_part_alone(drawn: Images, factor: str, part: int) -> None:
    images = drawn.pixels[np.array([cell(**{factor: hue}) for hue in range(10)])].astype(int)
    changes = (images != images[0]).any((0, 3))
    share = drawn.pixels.maps[cell() % 480, part]
    np.testing.assert_array_equal(changes, share > 0)
    for hue in range(10):
        pure = images[hue][share == share.max()][0]
        found = colorsys.rgb_to_hsv(*(pure / 255))[0]
        assert min(abs(found - hue / 10), 1 - abs(found - hue / 10)) < 0.01


def test_the_solid_grows_and_the_room_turns(drawn: Images) -> None:
    for shape in range(4):
        maps = np.stack([drawn.pixels.maps[cell(scale=scale, shape=shape) % 480, rooms.SOLID] for scale in range(8)])
        area = (maps > 0).sum((1, 2))
        assert (np.diff(area) > 0).all() and 2.0 < area[-1] / area[0] < 3.6  # (1.25 / .75)² = 2.8, and nearer
    views = np.stack([drawn.pixels.maps[cell(shape=2, orientation=turn) % 480] for turn in range(15)])
    solid, wall = views[:, rooms.SOLID], views[:, rooms.WALL]
    assert np.abs(solid.astype(int) - solid[7]).max() < 80  # a ball looks the same but for its light
    assert all(np.abs(wall[turn].astype(int) - wall[turn + 1]).max() > 20 for turn in range(14))
    assert all(len(np.unique(views.reshape(15, -1)[pair, :], axis=0)) == 2 for pair in ([0, 14], [6, 7], [7, 8]))


def test_every_image_is_another(drawn: Images) -> None:
    maps = drawn.pixels.maps.reshape(480, -1)
    assert len(np.unique(maps, axis=0)) == 480 and len(np.unique(colours()[0], axis=0)) == 10
    assert (drawn.pixels.maps[:, :3].sum((2, 3)) > 0).all()  # floor, wall and solid are seen in all of them


@pytest.mark.long
def test_drawing_again_gives_the_same_bytes(drawn: Images, tmp_path: Path) -> None:
    assert rooms.prepare(tmp_path / "rooms").sha256 == drawn.sha256


def test_damage_and_other_sources_are_refused(drawn: Images, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rooms has no source 'real': choose procedural"):
        rooms.prepare(tmp_path, "real")
    for name in ("images.npy", "factors.npy", "dataset.json", "colours.npy"):
        (tmp_path / name).write_bytes((drawn.folder / name).read_bytes())
    assert open_images(tmp_path).n == N
    np.save(tmp_path / "colours.npy", colours()[:3])
    with pytest.raises(DataError, match=r"colours\.npy holds uint8 \(3, 10, 3\), expected uint8 \(4, 10, 3\)"):
        open_images(tmp_path)
    (tmp_path / "colours.npy").unlink()
    with pytest.raises(DataError, match=r"colours\.npy cannot be read"):
        open_images(tmp_path)
    text = (tmp_path / "dataset.json").read_text()
    for wrong in ('"name": "digits"', '"name": "nothing"', '"name": "../x"'):
        (tmp_path / "dataset.json").write_text(text.replace('"name": "rooms"', wrong))
        with pytest.raises(DataError, match=r"dataset\.json lacks or misstates an entry"):
            open_images(tmp_path)
