"""Full factor grids from .npz, .h5, MATLAB and NORB files: small files of the published forms, given and downloaded."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import importlib
import io
import re
import struct
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from idgan_sc.config import DATASETS
from idgan_sc.data import cars3d, celeba, dsprites, grid, smallnorb
from idgan_sc.data.grid import Release, check_full, prepare_file, prepare_release
from idgan_sc.data.images import Factors, Images
from idgan_sc.files import DataError
from test_fetch import Site, site  # noqa: F401  (the fixture)

RNG = np.random.default_rng(0)
FACTORS = Factors(
    ("hue", "size", "shape"), (4, 3, 2), ((0.0, 0.1, 0.2, 0.3), (0.75, 1.0, 1.25), (0.0, 1.0)), ("shape",)
)
CLASSES = np.array(list(np.ndindex(4, 3, 2)))
VALUES = np.stack([np.array(v)[CLASSES[:, k]] for k, v in enumerate(FACTORS.values)], axis=1)
PIXELS = RNG.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)


def write(path: Path, **arrays: Any) -> Path:
    """An .npz or .h5 file, by its ending."""
    if path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, chunks=True, compression="gzip")
    else:
        np.savez_compressed(path, **arrays)
    return path


def release(path: Path, labels: str | None = "labels", **changes: Any) -> Release:
    content = path.read_bytes()
    known = Release(
        "small", "http://127.0.0.1:9/small", hashlib.md5(content).hexdigest(), FACTORS, "none", labels=labels
    )
    return dataclasses.replace(known, size=len(content), **changes)


def check_images(images: Images) -> None:
    np.testing.assert_array_equal(images.pixels, PIXELS)
    np.testing.assert_array_equal(images.classes, CLASSES)
    np.testing.assert_allclose(images.values(np.arange(24)), VALUES)
    images.verify()


BOTH = pytest.mark.parametrize("ending", ["npz", "h5"])


# --------------------------------------------------------------------------------------------- published forms, by name
@BOTH
def test_a_grid_with_labels(ending: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{ending}", images=PIXELS, labels=VALUES)
    images = prepare_release(release(path), tmp_path / "out", file=path)
    check_images(images)
    assert (images.name, images.licence, images.discrete) == ("small", "none", ("shape",))
    assert images.source.startswith(f"a.{ending} with MD5 ")


@BOTH
def test_a_grid_without_labels_may_have_an_axis_for_each_factor(ending: str, tmp_path: Path) -> None:
    for number, pixels in enumerate((PIXELS, PIXELS.reshape(4, 3, 2, 64, 64, 3))):
        path = write(tmp_path / f"{number}.{ending}", images=pixels)
        check_images(prepare_release(release(path, labels=None), tmp_path / "out", file=path))


@BOTH
@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": PIXELS.reshape(2, 3, 4, 64, 64, 3)}, r"`images` is uint8 \(2, 3, 4, 64, 64, 3\), expected"),
        ({"images": PIXELS[:-1]}, r"`images` is uint8 \(23, 64, 64, 3\), expected"),
        ({"images": PIXELS / 255}, "`images` is float64"),
        ({"images": PIXELS.transpose(0, 3, 1, 2)}, r"`images` is uint8 \(24, 3, 64, 64\), expected"),
        ({"pictures": PIXELS}, "has no array `images` or `imgs`: it has labels, pictures"),
        ({"labels": VALUES[RNG.permutation(24)]}, r"not in the published order \(row \d+ has \w+ [\d.]+\)"),
        ({"labels": VALUES[np.arange(24).reshape(4, 3, 2).T.ravel()]}, "not in the published order"),
        ({"labels": VALUES[:, :2]}, r"`labels` is float64 \(24, 2\), expected numbers \(24, 3\)"),
        ({"labels": np.full((24, 3), "a", "S1")}, "expected numbers"),
    ],
)  # fmt: skip
def test_other_contents_are_refused(ending: str, arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    kept = {} if "pictures" in arrays else {"images": PIXELS}
    path = write(tmp_path / f"a.{ending}", **kept | {"labels": VALUES} | arrays)
    with pytest.raises(DataError, match=words):
        prepare_release(release(path), tmp_path / "out", file=path)
    assert not (tmp_path / "out" / "images.npy").exists()


@BOTH
def test_every_damage_is_one_line(ending: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{ending}", images=PIXELS, labels=VALUES)
    whole, known = path.read_bytes(), release(path)
    for damaged in (whole[: len(whole) // 2], whole[:-1], b"", whole[:3000] + b"?" + whole[3001:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="is not the file expected"):  # by its checksum, before it is opened
            prepare_release(known, tmp_path / "out", file=path)
        try:  # and where the checksum is that of the damaged file
            prepare_release(release(path), tmp_path / "out", file=path)
        except DataError as error:
            assert str(path) in str(error) and "\n" not in str(error)
    with pytest.raises(DataError, match=r"other\.txt is neither an \.npz nor an \.h5 file"):
        (tmp_path / "other.txt").write_text("hue,size")
        prepare_file(tmp_path / "other.txt", tmp_path / "out")
    with pytest.raises(DataError, match="none is not a file"):
        prepare_file(tmp_path / "none", tmp_path / "out")


@BOTH
def test_a_downloaded_grid(site: Site, ending: str, tmp_path: Path) -> None:  # noqa: F811
    path = write(tmp_path / f"a.{ending}", images=PIXELS, labels=VALUES)
    site.content, site.breaks = path.read_bytes(), 1
    known = release(path, url=site.url)
    for name in ("first", "second"):
        check_images(prepare_release(known, tmp_path / name, cache=tmp_path / "cache"))
    assert len(site.ranges) == 2  # broken off and resumed, then found in the cache
    site.content = site.content[:-1] + b"?"
    with pytest.raises(DataError, match="is not the file expected: md5"):
        prepare_release(known, tmp_path / "third")
    with pytest.raises(DataError, match="small has no source 'procedural': choose real, or the data set rooms"):
        prepare_release(known, tmp_path / "out", "procedural")


@BOTH
def test_images_are_never_whole_in_memory(ending: str, tmp_path: Path) -> None:
    n = 8000  # 98 MB
    many = Factors(("a", "b"), (n // 2, 2), (tuple(map(float, range(n // 2))), (0.0, 1.0)))
    path = write(tmp_path / f"a.{ending}", images=np.broadcast_to(PIXELS[:1], (n, 64, 64, 3)))
    known = release(path, labels=None, factors=many)
    tracemalloc.start()
    try:
        images = prepare_release(known, tmp_path / "out", file=path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert images.n == n and peak < 8 * grid.CHUNK * PIXELS[0].nbytes < PIXELS[0].nbytes * n
    assert isinstance(images.pixels.base, np.memmap)


# ------------------------------------------------------------------------------------------------------------ one's own
@BOTH
def test_ones_own_grid_in_any_order(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = RNG.permutation(24)
    labels = np.column_stack([VALUES, np.ones(24)])[order]
    names = np.array(["hue", "size", "shape", "colour"], "S6")
    path = write(tmp_path / f"a.{ending}", images=PIXELS[order], labels=labels, factor_names=names)
    images = prepare_file(path, tmp_path / "own")
    np.testing.assert_array_equal(images.pixels, PIXELS[order])
    np.testing.assert_allclose(images.values(np.arange(24)), VALUES[order])
    assert (images.name, images.factor_names, images.factor_sizes) == ("own", ("hue", "size", "shape"), (4, 3, 2))
    said = capsys.readouterr().err
    assert "factor size has 3 values from 0.75 to 1.25" in said and "pixels are 0 to 255, where 0 is black" in said
    assert "the factor colour has one value and is left out" in said
    assert prepare_file(path, tmp_path / "own", ["a", "b", "c", "d"]).factor_names == ("a", "b", "c")


@pytest.mark.parametrize("kind", ["bool", "uint8"])
def test_pixels_of_two_values_are_stored_as_bits(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bits = dsprites.render(np.array([[0, 3, 4, x, y] for x in (0, 31) for y in (0, 9, 31)])).astype(kind)
    labels = [[x, y] for x in (0, 31) for y in (0, 9, 31)]
    images = prepare_file(write(tmp_path / "a.npz", imgs=bits, latents_classes=labels), tmp_path / "own")
    assert images.packed and images.pixels.shape == (6, 512)
    np.testing.assert_array_equal(images.batch(np.arange(6), 64)[:, 0], bits)
    assert "pixels are 0 and 1, stored as bits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (RNG.integers(0, 3, (24, 64, 64), dtype=np.uint8), "all pixels are 0 to 2, where 0 is black and 255 white"),
        (RNG.integers(0, 2, (24, 64, 64, 3), dtype=np.uint8), "all pixels are 0 to 1, where 0 is black"),
        (RNG.integers(250, 256, (24, 64, 64, 3), dtype=np.uint8), "all pixels are 250 to 255"),
        (np.zeros((24, 64, 64), bool), "all 24 images are the same, so that nothing can be learned"),
        (np.repeat(PIXELS[:1], 24, axis=0), "all 24 images are the same"),
    ],
)
def test_pixels_of_which_nothing_can_be_learned_are_refused(images: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        prepare_file(write(tmp_path / "a.npz", images=images, labels=VALUES), tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_the_range_of_the_pixels_and_equal_images_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = RNG.integers(3, 101, (24, 64, 64), dtype=np.uint8)
    images[[0, 1, 9]], images[[5, 6]] = [[3]], [[100]]
    images[7] = images[5]
    path = write(tmp_path / "a.npz", images=images, labels=VALUES)
    prepare_file(path, tmp_path / "own")
    said = capsys.readouterr().err
    assert f"{path}: pixels are 3 to 100, where 0 is black and 255 white\n" in said
    assert f"{path}: 4 of 24 images are the same as an earlier one, first row 1 as row 0\n" in said


def test_too_few_images_are_refused_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", images=PIXELS, labels=VALUES[:-1])
    with pytest.raises(DataError, match=r"a\.npz holds 24 images, training and evaluation at this preset need 25"):
        prepare_file(path, tmp_path / "own", least=25)
    path = write(tmp_path / "b.npz", images=PIXELS, labels=np.ones((24, 2)))
    with pytest.raises(DataError, match=r"b\.npz: no column of `labels` takes two values"):
        prepare_file(path, tmp_path / "own")


def test_other_sizes_are_resized(tmp_path: Path) -> None:
    large = np.repeat(np.repeat(PIXELS[:, ::4, ::4], 8, axis=1), 8, axis=2)  # 128×128, in squares of 8
    images = prepare_file(write(tmp_path / "a.npz", images=large, labels=VALUES), tmp_path / "own")
    inner = images.pixels[:].reshape(24, 16, 4, 16, 4, 3)[:, :, 1:3, :, 1:3].astype(float).mean((2, 4))
    assert images.shape == (3, 64, 64) and np.abs(inner - PIXELS[:, ::4, ::4]).mean() < 6


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"images": PIXELS[:-1], "labels": VALUES[:-1]},
            "lacks the image of hue 0.3, size 1.25, shape 1: a full grid",
        ),
        ({"images": PIXELS[2:], "labels": VALUES[2:]}, "lacks the image of hue 0, size 0.75, shape 0 and 1 others"),
        ({"labels": VALUES[[0, *range(23)]]}, "lacks the image of hue 0.3, size 1.25, shape 1: a full grid"),
        (
            {"images": PIXELS[[*range(24), 5]], "labels": VALUES[[*range(24), 5]]},
            "has more than once the image of hue",
        ),
        (
            {"labels": RNG.normal(size=(24, 3))},
            "has 24 images, a full grid of its factors' values 13824",
        ),
        ({"labels": VALUES[:-1]}, "`images` has 24 rows and `labels` 23: they belong together"),
        ({"labels": np.where(VALUES == 1.25, np.nan, VALUES)}, "`labels` holds no number in row 4"),
        ({"labels": VALUES[:, 0]}, r"`labels` is float64 \(24,\), expected numbers \(N, K\)"),
        ({"labels": VALUES.astype(object)}, "expected numbers"),
        ({"images": PIXELS.transpose(0, 3, 1, 2)}, r"`images` is uint8 \(24, 3, 64, 64\), expected uint8 \(N, H, H\)"),
        ({"images": PIXELS[:, :, :32]}, r"`images` is uint8 \(24, 64, 32, 3\), expected"),
        ({"images": PIXELS / 255}, "`images` is float64"),
        (
            {"factor_names": np.array(["hue", "size", "hue"])},
            "3 names of factors, `labels` has 3 columns",
        ),
        ({"factor_names": np.array(["hue", "size", " "])}, "3 names of factors"),
        ({"factor_names": np.array("hue")}, "1 names of factors"),
        ({"factor_names": np.array([b"h\xff", b"s", b"t"])}, "`factor_names` holds a name that is no UTF-8"),
        ({"labels": VALUES.round().astype(np.int64) + 2**53}, "`labels` holds numbers too long for float64"),
    ],
)
def test_what_is_no_full_grid_is_refused(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    named = {"images": PIXELS, "labels": VALUES, "factor_names": np.array(FACTORS.names)} | arrays
    with pytest.raises(DataError, match=words):
        prepare_file(write(tmp_path / "a.npz", **named), tmp_path / "own")
    assert not (tmp_path / "own" / "images.npy").exists()


def test_labels_stored_column_by_column_and_names_as_h5py_writes_them(tmp_path: Path) -> None:
    turned = write(tmp_path / "a.npz", images=PIXELS, labels=np.asfortranarray(VALUES))
    assert prepare_file(turned, tmp_path / "own").factor_sizes == FACTORS.sizes
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["labels"], file["factor_names"] = PIXELS, VALUES, ["farbe", "größe", "form"]
    assert prepare_file(tmp_path / "a.h5", tmp_path / "other").factor_names == ("farbe", "größe", "form")


def test_the_grids_order() -> None:
    np.testing.assert_array_equal(grid.grid((4, 3, 2)), CLASSES)
    check_full(CLASSES, FACTORS, Path("it"))


# ---------------------------------------------------------------------------------------------------------- Cars3D
def car(number: int) -> np.ndarray:
    """Red is the car, green the side, blue the elevation."""
    views = np.zeros((128, 128, 3, 24, 4), np.uint8)
    views[:, :, 0], views[:, :, 1] = 50 * number, 10 * np.arange(24)[:, None]
    views[:, :, 2] = 60 * np.arange(4)
    return views


def cars_archive(path: Path, change: Callable[[dict[str, bytes]], Any] = lambda members: None) -> cars3d.Release:
    members = {"data/cars/list.txt": b"car_002_mesh\n", "data/sprites/a.mat": b"another set"}
    for number in (3, 1, 2):  # in no order
        stream = io.BytesIO()
        savemat(stream, {"im": car(number), "mask": np.zeros(3)})
        members[f"data/cars/car_{number:03d}_mesh.mat"] = stream.getvalue()
    change(members)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return cars3d.Release(md5=hashlib.md5(path.read_bytes()).hexdigest(), cars=3)


def test_cars3d(tmp_path: Path, site: Site) -> None:  # noqa: F811
    known = cars_archive(tmp_path / "a.tar.gz")
    images = cars3d.prepare(tmp_path / "out", file=tmp_path / "a.tar.gz", release=known)
    assert (images.n, images.shape, images.factor_sizes) == (3 * 96, (3, 64, 64), (3, 24, 4))
    assert images.classes is not None
    expected = (images.classes.astype(int) + np.array([1, 0, 0])) * [50, 10, 60]
    np.testing.assert_array_equal(images.pixels[:, 32, 32], expected)
    site.content = (tmp_path / "a.tar.gz").read_bytes()
    assert cars3d.prepare(tmp_path / "b", release=dataclasses.replace(known, url=site.url)).sha256 == images.sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: members.pop("data/cars/car_002_mesh.mat"), "holds 2 cars, expected 3"),
        (lambda members: members.update({"data/cars/car_002_mesh.mat": b"damaged"}), "cannot be read as a MATLAB file"),
        (
            lambda members: members.update({"data/cars/car_002_mesh.mat": other_mat()}),
            r"expected uint8 \(128, 128, 3",
        ),
    ],
)
def test_cars3d_of_other_content(change: Callable[[dict[str, bytes]], Any], words: str, tmp_path: Path) -> None:
    known = cars_archive(tmp_path / "a.tar.gz", change)
    with pytest.raises(DataError, match=words):
        cars3d.prepare(tmp_path / "out", file=tmp_path / "a.tar.gz", release=known)
    assert not (tmp_path / "out" / "images.npy").exists()


def other_mat() -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"im": car(1).transpose(0, 1, 2, 4, 3)})  # sides and elevations in the other order
    return stream.getvalue()


def test_a_damaged_archive(tmp_path: Path) -> None:
    cars_archive(tmp_path / "a.tar.gz")
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:-200])
    with pytest.raises(DataError, match="is not the file expected: md5"):
        cars3d.prepare(tmp_path / "out", file=tmp_path / "a.tar.gz")
    known = cars3d.Release(md5=hashlib.md5((tmp_path / "a.tar.gz").read_bytes()).hexdigest(), cars=3)
    with pytest.raises(DataError, match=r"cannot be read as a \.tar\.gz archive"):
        cars3d.prepare(tmp_path / "out", file=tmp_path / "a.tar.gz", release=known)


# ------------------------------------------------------------------------------------------------------- SmallNORB
NORB = (5, 10, 2, 3, 4)  # values of each factor, fewer than published


def matrix(array: np.ndarray) -> bytes:
    mark = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    shape = [*array.shape, 1, 1][: max(3, array.ndim)]
    return struct.pack(f"<ii{len(shape)}i", mark, array.ndim, *shape) + array.tobytes()


def norb(folder: Path, change: Callable[[dict[str, np.ndarray]], Any] = lambda arrays: None) -> smallnorb.Release:
    """Six files of the published form: in every image's middle the row of its half; the right camera's are black."""
    folder.mkdir()
    md5s = {}
    rows = int(np.prod(NORB)) // 2
    for half, instances in (("training", (4, 6, 7, 8, 9)), ("testing", (0, 1, 2, 3, 5))):
        cells = np.array(list(np.ndindex(5, 5, *NORB[2:])), np.int32)[RNG.permutation(rows)]
        info = np.column_stack([np.array(instances)[cells[:, 1]], cells[:, 2], 2 * cells[:, 3], cells[:, 4]])
        pixels = np.zeros((rows, 2, 96, 96), np.uint8)
        pixels[:, 0] = (cells @ [1, 5, 7, 11, 13] % 251)[:, None, None]
        arrays = {"dat": pixels, "cat": cells[:, 0].copy(), "info": info.astype(np.int32)}
        change(arrays)
        for (kind, array), (name, _) in zip(
            arrays.items(), smallnorb.Release().files[half == "testing"].values(), strict=True
        ):
            (folder / name).write_bytes(gzip.compress(matrix(array), 1))
            md5s[half, kind] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    found = {half: tuple(md5s[half, kind] for kind in ("dat", "cat", "info")) for half in ("training", "testing")}
    values = tuple(v[:size] for v, size in zip(smallnorb.FACTORS.values, NORB, strict=True))
    return smallnorb.Release(**found, factors=dataclasses.replace(smallnorb.FACTORS, sizes=NORB, values=values))  # type: ignore[arg-type]


def test_smallnorb(tmp_path: Path) -> None:
    known = norb(tmp_path / "files")
    images = smallnorb.prepare(tmp_path / "out", file=tmp_path / "files", release=known)
    assert (images.n, images.shape, images.factor_sizes) == (1200, (1, 64, 64), NORB)
    assert images.classes is not None
    classes = images.classes.astype(int)
    cells = classes.copy()
    cells[:, 1] = np.array([0, 1, 2, 3, 0, 4, 1, 2, 3, 4])[classes[:, 1]]  # its place in its half
    np.testing.assert_array_equal(images.pixels[:, 32, 32, 0], cells @ [1, 5, 7, 11, 13] % 251)
    assert images.values(np.arange(600))[:, 3].max() == 40 and set(classes[:600, 1]) == {4, 6, 7, 8, 9}
    name, _ = known.files[0]["info"]
    (tmp_path / "files" / name).write_bytes(b"another")
    with pytest.raises(DataError, match=r"training-info\.mat\.gz is not the file expected"):
        smallnorb.prepare(tmp_path / "out", file=tmp_path / "files", release=known)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays["info"].__setitem__((5, 2), 3), "a factor beyond its range in row 5"),
        (lambda arrays: arrays["info"].__setitem__((5, 0), 12), "a factor beyond its range in row 5"),
        (lambda arrays: arrays["info"].__setitem__(5, arrays["info"][6]), "lacks the image of category"),
        (lambda arrays: arrays.update(info=arrays["info"][:, :3].copy()), r"is \(600, 3\), expected \(600, 4\)"),
        (lambda arrays: arrays.update(cat=arrays["cat"].astype(np.uint8)), "is no matrix of the expected kind"),
    ],
)
def test_smallnorb_of_other_content(change: Callable[[dict[str, np.ndarray]], Any], words: str, tmp_path: Path) -> None:
    known = norb(tmp_path / "files", change)
    with pytest.raises(DataError, match=words):
        smallnorb.prepare(tmp_path / "out", file=tmp_path / "files", release=known)


# -------------------------------------------------------------------------------------------------------- what is known
@pytest.mark.parametrize(
    ("name", "n"),
    [("shapes3d", 480_000), ("mpi3d_toy", 1_036_800), ("mpi3d_realistic", 1_036_800), ("mpi3d_real", 1_036_800)],
)
def test_published_grids(name: str, n: int, tmp_path: Path) -> None:
    module = importlib.import_module(f"idgan_sc.data.{name}")
    known = module.RELEASE
    assert (known.name, int(np.prod(known.factors.sizes))) == (name, n) and len(known.md5) == 32
    assert [len(values) for values in known.factors.values] == list(known.factors.sizes)
    with pytest.raises(DataError, match="is not a file"):
        module.prepare(tmp_path, file=tmp_path / "none")


def test_h5_without_h5py_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(DataError, match=r"which h5py reads: pip install 'idgan-sc\[grids\]'"):
        prepare_file(tmp_path / "a.h5", tmp_path / "own")


def test_the_page_of_data_sets_names_them_all() -> None:
    """With the hashes that the code compares, and with pictures that are there."""
    page = (Path(__file__).parents[1] / "docs/datasets.md").read_text(encoding="utf-8")
    assert not [name for name in DATASETS if f"`{name}`" not in page]
    modules = [
        importlib.import_module(f"idgan_sc.data.{name}") for name in ("shapes3d", "mpi3d_toy", "mpi3d_realistic")
    ]
    modules.append(importlib.import_module("idgan_sc.data.mpi3d_real"))
    hashes = [module.RELEASE.md5 for module in modules]
    hashes += [cars3d.Release().md5, dsprites.RELEASE.md5, celeba.RELEASE.md5]
    assert not [md5 for md5 in hashes if md5 not in page]
    for picture in re.findall(r"\]\((datasets/\w+\.png)\)", page):
        assert (Path(__file__).parents[1] / "docs" / picture).is_file()
