"""Anything at all as tables, arrays and the referee's files: it is read as it is meant, or refused in one line."""

import copy
import io
import math
import shutil
import string
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from idgan_sc import config as configuration
from idgan_sc.config import ConfigError
from idgan_sc.data.arrays import ArrayFile
from idgan_sc.data.decode import endings
from idgan_sc.data.folder import prepare_folder
from idgan_sc.data.images import Factors, open_images, save_images
from idgan_sc.data.table import read_factors
from idgan_sc.evaluation.scorer import Own, scorer
from idgan_sc.files import DataError
from idgan_sc.metrics import referee, score
from idgan_sc.metrics.column import MISSING, Column, _number, absent, read_column
from idgan_sc.records.published import accepted
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.training import checkpoint
from idgan_sc.training.pool import pool_indices

PUBLISHED = Path(__file__).parents[1] / "results/desk/published/runs/dsprites/idgan_sc/main/0"
MANY, MOST = 1000, 300  # bytes of a file beyond which zeros are padding; contents of a file that are tried

FAST = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
SLOW = settings(FAST, max_examples=40)
NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
    st.fractions(max_denominator=50),
)
SPELT = st.one_of(
    NUMBERS.map(str),
    st.sampled_from(["1", "1.0", " 1", "+1", "1e0", "01", "1_0", "1,0", "٣", "inf", "-inf", "0x1", "1e400", "1e-400"]),
    st.sampled_from(
        ["true", "False", "yes", "NO", "2024-02-29", "2023-02-29", "2024-02-29 12:00", "2024-02-29T12:00Z"]
    ),
    st.sampled_from([*MISSING, "NaN", " ", "None", "\t"]),
    st.text(string.printable, max_size=6),
    st.text(max_size=4),
)
CELLS = st.one_of(
    NUMBERS,
    SPELT,
    st.none(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.complex_numbers(),
    st.binary(max_size=3),
    st.sampled_from([math.nan, math.inf, np.nan, np.float32(1), np.int8(1), np.datetime64("2020-01-01"), np.ma.masked]),
    st.tuples(st.integers()),
)
COLUMNS = st.one_of(
    *(st.lists(kind, min_size=2, max_size=12) for kind in (CELLS, NUMBERS, SPELT, st.booleans(), st.dates(), st.text()))
)


def objects(cells: list[Any]) -> np.ndarray:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def one_line(error: Exception) -> None:
    words = str(error)
    assert words and "\n" not in words.strip()
    assert len(words) < 500


def check_column(column: Column, cells: list[Any]) -> None:
    """Equal cells are one class, classes are numbered in the order of their values, and each has a label."""
    there = np.array([not absent(cell) for cell in cells], dtype=bool)
    np.testing.assert_array_equal(column.ranks >= 0, there)
    np.testing.assert_array_equal(np.isnan(column.values), ~there)
    count = int(column.ranks.max(initial=-1)) + 1
    assert set(column.ranks[there].tolist()) == set(range(count))
    assert len(column.labels) == count
    values = [column.values[column.ranks == rank][0] for rank in range(count)]
    assert values == sorted(values)
    known: dict[int, Any] = {}
    for rank, cell in zip(column.ranks.tolist(), cells, strict=True):
        if rank >= 0 and column.kind == "number" and (number := _number(cell)) is not None:
            assert known.setdefault(rank, number) == number  # two numbers in one class are equal, to the last digit


@FAST
@given(COLUMNS, st.sampled_from(["", "category", "number"]))
@example([True, 1], "")
@example(["a", "a "], "category")
@example([2**53, 2**53 + 1, 0.5], "")
@example(["1.0000000000000000001", "1"], "")
def test_a_column_of_anything_is_read_or_refused(cells: list[Any], declared: str) -> None:
    try:
        column = read_column(objects(cells), "factor 'a'", declared)
    except ValueError as error:
        one_line(error)
        return
    check_column(column, cells)


@FAST
@given(COLUMNS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_class(cells: list[Any], random: Any) -> None:
    order = list(range(len(cells)))
    random.shuffle(order)
    try:
        column = read_column(objects(cells), "factor")
    except ValueError:
        with pytest.raises(ValueError):
            read_column(objects([cells[i] for i in order]), "factor")
        return
    again = read_column(objects([cells[i] for i in order]), "factor")
    np.testing.assert_array_equal(column.ranks[order], again.ranks)
    assert column.kind == again.kind


TYPES = ["i1", "u1", "i8", "u8", "f2", "f4", "f8", "g", "c8", "?", "M8[D]", "m8[s]", "U3", "S3", "O", "V4"]


@SLOW
@given(st.sampled_from(TYPES), st.sampled_from(TYPES), st.integers(0, 3), st.integers(1, 4), st.data())
def test_arrays_of_any_type_and_shape_are_scored_or_refused(a: str, b: str, d: int, k: int, data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    n = data.draw(st.sampled_from([0, 1, 2, 30]))
    codes = rng.integers(0, 9, (n, d) if data.draw(st.booleans()) else (n,)).astype("i8").astype(a, casting="unsafe")
    factors = rng.integers(0, 3, (n, k)).astype("i8").astype(b, casting="unsafe")
    if data.draw(st.booleans()):
        factors = np.ma.masked_array(factors, rng.random(factors.shape) < 0.2)
    try:
        found = score(codes, factors, metrics=["mig", "sap", "factor_vae", "mcc_pearson"])
    except ValueError as error:
        one_line(error)
    else:
        assert all(np.isfinite(value) for value in found.values.values())
        str(found)


HEADERS = ["file,a,b", "file,a", "a,file", "", "file", "file,a,a", "\ufefffile,a"]
ROWS = st.lists(st.lists(SPELT, min_size=0, max_size=4), max_size=6)


@FAST
@given(rows=ROWS, comma=st.sampled_from(",;\t|"), header=st.sampled_from(HEADERS))
def test_a_table_of_anything_is_read_or_refused(rows: list[list[str]], comma: str, header: str, tmp_path: Path) -> None:
    lines = [header.replace(",", comma), *(comma.join([f"{i}.png", *row]) for i, row in enumerate(rows))]
    (tmp_path / "factors.csv").write_text("\n".join(lines), encoding="utf-8", newline="")
    check_table(tmp_path, [f"{i}.png" for i in range(len(rows))])


@FAST
@given(noise=st.binary(max_size=60), at=st.integers(0, 60))
def test_a_table_with_damaged_bytes_is_read_or_refused(noise: bytes, at: int, tmp_path: Path) -> None:
    whole = b"file,a,b\n0.png,1,x\n1.png,2,y\n2.png,1,x\n"
    (tmp_path / "factors.csv").write_bytes(whole[:at] + noise + whole[at:])
    check_table(tmp_path, ["0.png", "1.png", "2.png"])


def check_table(folder: Path, files: list[str]) -> None:
    try:
        found = read_factors(folder / "factors.csv", folder, files)
    except DataError as error:
        one_line(error)
        return
    assert found.factors is not None and found.classes is not None and found.classes.shape[0] == len(files)
    for k, values in enumerate(found.factors.values):
        assert list(values) == sorted(set(values)) and len(values) == found.factors.sizes[k]
        assert all(math.isfinite(value) for value in values)
        assert set(found.classes[:, k].tolist()) == set(range(len(values)))


@SLOW
@given(st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=20, max_size=30))
def test_a_table_gives_the_scores_of_its_numbers(rows: list[list[Any]]) -> None:
    class Stored:  # as the data set on disk has a table's classes and values
        factor_names, discrete, classes = ("a", "b"), (), np.zeros((len(rows), 2))

        def values(self, _: Any) -> np.ndarray:
            columns = [read_column(objects([str(row[k]) for row in rows]), "a") for k in (0, 1)]
            return np.stack([column.values for column in columns], axis=1)

    codes = np.random.default_rng(0).normal(size=(len(rows), 2))
    try:
        plain = score(codes, rows, metrics=["mig", "modularity"])
        own = Own(Stored(), np.arange(len(rows)), [0]).scores(codes, 0, ["mig", "modularity"])  # type: ignore[arg-type]
    except ValueError as error:
        one_line(error)
        return
    assert own == pytest.approx(plain.values, abs=1e-12)


# ---- sizes of the evaluation of a user's images
SIZES: dict[str, Callable[[Any], bool]] = {  # key -> whether a value can be meant
    "pool": lambda v: v == "all" or at_least(1)(v),
    "draws": lambda v: at_least(1)(v),
    "anchors": lambda v: at_least(2)(v),
    "probe_steps": lambda v: at_least(1)(v),
    "metrics": lambda v: isinstance(v, list) and len(v) > 0 and set(v) <= {"mig", "sap", "factor_vae"},
    **dict.fromkeys(("std", "points", "groups", "group_size"), lambda _: False),  # have no use
}
SIZE = st.one_of(
    st.sampled_from(["all", "some", None, True, 2.0, [], ["mig"], ["mig", "sap"], ["mgi"], -1, 0, 1, 2, 29, 30, 31]),
    st.integers(1, 70),
)
OF_OWN = st.dictionaries(st.sampled_from(list(SIZES)), SIZE, max_size=3)
LABELS_OF_30 = np.stack([np.arange(30) % 3, np.arange(30) // 3 % 2], axis=1)


def at_least(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


class Thirty:  # images as the scorer knows them
    n, name, factor_names, discrete, classes = 30, "own", ("a", "b"), (), LABELS_OF_30

    def values(self, indices: np.ndarray) -> np.ndarray:
        return LABELS_OF_30[indices].astype(float)


@pytest.fixture(scope="module")
def own_alone(shipped: dict[str, Any]) -> dict[str, Any]:
    """config.yaml with what a user's images at the preset `test` need, so that it is checked in a moment."""
    config = copy.deepcopy(shipped)
    config["presets"] = {"test": config["presets"]["test"] | {"datasets": {}}}
    config["preset"], config["runs"] = "test", {"own": {"infogan_stage_a": ["main"]}}
    config["presets"]["test"].pop("runs", None)
    for claim in config["claims"].values():
        for check in claim["checks"]:
            check.pop("presets", None)
    return config


@SLOW
@given(of_data=OF_OWN, here=OF_OWN)
@example(of_data={"pool": 1}, here={"anchors": 2})
@example(of_data={"pool": 31}, here={"anchors": 9})
@example(of_data={"pool": 2, "anchors": 2}, here={"metrics": ["mig"]})
def test_sizes_for_a_users_images_are_meant_or_refused(
    of_data: dict[str, Any], here: dict[str, Any], own_alone: dict[str, Any]
) -> None:
    """Sizes that pass give scores of the pool's images, or one line; all others are refused with their key."""
    config = copy.deepcopy(own_alone)
    config["datasets"]["own"]["evaluation"] = of_data
    config["presets"]["test"]["datasets"] = {"own": {"evaluation": here}}
    wrong = {key for sizes in (of_data, here) for key, value in sizes.items() if not SIZES[key](value)}
    sizes = {"pool": "all", "anchors": 64, **of_data, **here}
    too_many = not wrong and sizes["pool"] != "all" and sizes["anchors"] > sizes["pool"]
    try:
        configuration.validate(config)
    except ConfigError as error:
        one_line(error)
        assert too_many or any(key in str(error) for key in wrong)
        return
    assert not wrong and not too_many
    job = Results(config, "test", Path("nowhere")).job(configuration.Run("test", "own", "infogan_stage_a", "main", 0))
    images: Any = Thirty()
    try:
        indices = pool_indices(images, "test", job.settings["pool"])
    except DataError as error:
        one_line(error)
        assert job.settings["pool"] > 30
        return
    by = scorer(job, images, indices)
    codes = np.random.default_rng(0).normal(size=(len(indices), 3))
    with redirect_stderr(io.StringIO()):
        found = by.scores(codes, len(by.draws) - 1, job.results.evaluation("own")["metrics"])
    assert len(indices) < 20 or found
    assert all(np.isfinite(value) for value in found.values()) and np.isfinite(by.shares(codes)[1]).all()


TINY = referee.Sizes(6, 4, 20, 20, 6, 4, 4, 20, 20, 20, 20, 20, (4, 4))


@SLOW
@given(data=st.data())
def test_the_referees_files_are_refereed_or_refused_by_name(data: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(referee, "PROTOCOLS", {"infogan_cr": referee.PROTOCOLS["infogan_cr"][:5]})
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    n, k = data.draw(st.sampled_from([0, 2, 24])), data.draw(st.sampled_from([1, 2, 5]))
    shape = data.draw(st.sampled_from([(n, k), (n,), (n + 1, k), (n, k, 1)]))
    kinds = st.sampled_from(["i8", "f4", "U2", "?", "c8", "M8[D]", "S2"])
    arrays = {
        "codes": rng.integers(0, 9, (n, data.draw(st.integers(0, 3)))).astype(data.draw(kinds)),
        "factors": rng.integers(0, 3, shape).astype("i8").astype(data.draw(kinds)),
        "depths": np.array(data.draw(st.sampled_from([[2] * k, [2], [0.5] * k, [], [[2] * k], ["2"] * k]))),
        "forest_depths": np.full(k, 2),
        "discrete": np.array(data.draw(st.sampled_from([[], [0], [9], [0.5], [-1]]))),
        "values": rng.normal(size=data.draw(st.sampled_from([(n, k), (n, k + 1), (1,)]))),
    }
    for name in data.draw(st.sets(st.sampled_from([*arrays]))):
        del arrays[name]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    whole = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "one.npz").write_bytes(whole)
    try:
        referee._referee_file(tmp_path / "one.npz", sizes=TINY)
    except ValueError as error:
        assert "one.npz" in str(error)
        one_line(error)


def archive(path: Path) -> None:
    np.savez(path, codes=np.ones((2, 1)), factors=np.zeros((2, 1), int))


def whole_arrays(path: Path) -> None:
    file = ArrayFile(path)
    for key in sorted(file.names):
        file.whole(key)


def grid_file(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["codes"], file["factors"] = np.ones((2, 1)), np.zeros((2, 1), int)


def run_folder(path: Path) -> None:
    shutil.copyfile(PUBLISHED / "record.json", path)


def images_folder(path: Path) -> None:
    factors = Factors(("a",), (2,), ((0.0, 1.0),))
    chunk, classes = np.zeros((2, 8, 8, 1), np.uint8), np.array([[0], [1]])
    about = {"name": "own", "source": "test", "licence": "none", "shape": (1, 8, 8), "n": 2}
    save_images(path.parent, [chunk], **about, factors=factors, classes=classes)


def one_csv(path: Path) -> None:
    path.write_text("seed,value\n1,0.5\n2,0.25\n")


def accepted_sources(path: Path) -> None:
    path.write_text("trainings:\n  0123456789ab: why\nimages:\n  ab12: because\n")


def weights(path: Path) -> None:
    checkpoint.save(path, {"q/x": torch.ones(3), "q/y": torch.zeros(2, 2)}, {"fingerprint": "ab12"})


# A file that is read: what writes it, what reads it, and whether every change of it is noticed.
FILES: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], bool]] = {
    "one.npz": (archive, referee._read, False),
    "two.npz": (archive, whole_arrays, False),
    "one.h5": (grid_file, whole_arrays, False),
    "record.json": (run_folder, lambda path: read_record(path.parent), False),
    "dataset.json": (images_folder, lambda path: open_images(path.parent), False),
    "table.csv": (one_csv, lambda path: read_table(path, ["seed", "value"], "make it"), False),
    "accepted.yaml": (accepted_sources, lambda path: accepted(path.parent), False),
    "weights.safetensors": (weights, checkpoint.read, True),
}


@pytest.mark.parametrize("name", FILES)
def test_any_byte_of_a_file_may_be_damaged(name: str, tmp_path: Path) -> None:
    """Bytes changed in turn, and lengths: it is read, or refused in one line that names file or folder."""
    write, read, noticed = FILES[name]
    path = tmp_path / name
    write(path)
    whole, refused, tried = path.read_bytes(), 0, 0
    places = [place for place, byte in enumerate(whole) if byte or len(whole) < MANY]  # most zeros are padding
    changed = (whole[:p] + bytes([whole[p] ^ flip]) + whole[p + 1 :] for p in places for flip in (1, 0x55))
    contents = [*changed, *(whole[:p] for p in places[::5])]
    for content in contents if name.endswith(".npz") else contents[:: 1 + len(contents) // MOST]:
        path.write_bytes(content)
        tried += 1
        try:
            read(path)
        except ValueError as error:
            assert str(tmp_path) in str(error) or "cannot be stored" in str(error)
            one_line(error)
            refused += 1
    assert refused == tried if noticed else refused > tried / 5
    path.write_bytes(whole)
    read(path)


# ---- folders of images
COLOUR = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def encoded(array: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind, **options)
    return stream.getvalue()


PNG = encoded(COLOUR)
CONTENT: dict[str, bytes] = {
    "colour": PNG,
    "grey": encoded(COLOUR[..., 0]),
    "16 bits": encoded(COLOUR[..., 0].astype(np.uint16) * 257),
    "transparent": encoded(np.dstack([COLOUR, COLOUR[..., :1]])),
    "photograph": encoded(COLOUR, "JPEG"),
    "one pixel": encoded(COLOUR[:1, :1]),
    "32 bits": encoded(COLOUR[..., 0].astype(np.float32), "TIFF"),
    "animation": encoded(COLOUR, "GIF", save_all=True, append_images=[Image.fromarray(COLOUR[::-1])]),
    "cut short": PNG[: len(PNG) // 2],
    "no bytes": b"",
    "text": b"file,size\n",
}
STEMS = st.one_of(st.sampled_from(["a", "A", ".a", "a b", "a\nb", "é", "e\u0301", "-", "$(x)"]), st.text(max_size=5))
NAMES = st.tuples(STEMS, st.sampled_from([".png", ".PNG", ".jpg", ".tif", ".gif", ".txt", "", ".png.txt"]))
ENTRIES = st.dictionaries(
    NAMES, st.sampled_from([*CONTENT, "folder", "link", "broken link", "linked folder"]), max_size=6
)


def put(folder: Path, entries: dict[tuple[str, str], str]) -> dict[str, str]:
    """Make the entries that this system allows; what each name is."""
    made: dict[str, str] = {}
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "x.png").write_bytes(PNG)
    for (stem, ending), kind in entries.items():
        name = (stem + ending).replace("/", "_").replace("\0", "_").encode("utf-8", "replace").decode()
        path = folder / name
        if name in ("", ".", "..") or name in made:
            continue
        if kind in CONTENT:
            path.write_bytes(CONTENT[kind])
        elif kind == "folder":
            path.mkdir()
            (path / "in.png").write_bytes(PNG)
        else:
            targets = {"link": "elsewhere/x.png", "broken link": "gone", "linked folder": "elsewhere"}
            path.symlink_to(folder.parent / targets[kind])
        made[name] = kind
    return made


@SLOW
@given(entries=ENTRIES)
def test_a_folder_of_anything_is_read_or_refused(entries: dict[tuple[str, str], str], tmp_path: Path) -> None:
    """All images are read in the order of their names, and all else is counted, or one line says why not."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as place, redirect_stderr(io.StringIO()) as said:
        folder, out = Path(place) / "in", Path(place) / "out"
        folder.mkdir()
        made = put(folder, entries)
        shown = {f"{name}/in.png" if kind == "folder" else name: kind for name, kind in made.items()}
        shown = {name: kind for name, kind in shown.items() if kind not in ("broken link", "linked folder")}
        seen = {name: kind for name, kind in shown.items() if not name.startswith(".")}
        files = sorted(name for name in seen if Path(name).suffix.lower() in endings())
        try:
            images = prepare_folder(folder, out, size=8)
        except DataError as error:
            one_line(error)
            assert str(folder) in str(error) and not (out / "dataset.json").exists()
            unreadable = any(seen[name] not in READABLE for name in files)
            same = len(files) > 1 and len({LOOKS.get(seen[name], seen[name]) for name in files}) == 1
            assert not files or unreadable or "in colour" in str(error) or (same and "are the same" in str(error))
            return
        assert images.n == len(files) and all(seen[name] in READABLE for name in files)
        words = said.getvalue()
        for count, what in (
            (len(seen) - len(files), "files are of other kinds"),
            (len(shown) - len(seen), "files are hidden"),
            (list(made.values()).count("broken link"), "names lead to no file"),
            (list(made.values()).count("linked folder"), "folders are links"),
        ):
            assert (f"{count} {what}" in words) == (count > 0), what


LOOKS = {"folder": "colour", "link": "colour", "16 bits": "grey"}  # kinds whose images are those of another
READABLE = {"colour", "grey", "16 bits", "transparent", "photograph", "one pixel", "folder", "link"}
