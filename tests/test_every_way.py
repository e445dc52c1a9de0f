"""The same data give the same scores by every way: arrays, frames, a table of images, the referee, the command line."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idgan_sc.data.images import Images, save_images
from idgan_sc.data.table import read_factors
from idgan_sc.evaluation.scorer import Own
from idgan_sc.metrics import reading, referee, score

N = 240
RNG = np.random.default_rng(0)
COLUMNS: dict[str, np.ndarray] = {
    "size": RNG.integers(0, 4, N) * 0.5,
    "kind": np.array(["cat", "ant", "bee"])[RNG.integers(0, 3, N)],
    "flag": RNG.integers(0, 2, N).astype(bool),
    "day": np.datetime64("2024-02-27") + RNG.integers(0, 5, N),
    "serial": 2**53 + RNG.integers(0, 6, N),
}
RANKS = np.stack([np.unique(column, return_inverse=True)[1] for column in COLUMNS.values()], axis=1)
CODES = RANKS + 0.3 * np.random.default_rng(1).normal(size=RANKS.shape)
METRICS = ["mig", "sap", "dci_lasso", "modularity", "explicitness", "factor_vae", "beta_vae", "mcc_pearson"]
PLAIN = score(CODES, COLUMNS, metrics=METRICS)


def frame() -> Any:
    return pytest.importorskip("pandas").DataFrame(COLUMNS)


def text(column: np.ndarray) -> list[str]:
    return [str(cell) for cell in column]


WAYS: dict[str, Callable[[], Any]] = {
    "rows of objects": lambda: [list(row) for row in zip(*COLUMNS.values(), strict=True)],
    "rows of python's own": lambda: [list(row) for row in zip(*(c.tolist() for c in COLUMNS.values()), strict=True)],
    "strings": lambda: np.stack([text(column) for column in COLUMNS.values()], axis=1),
    "bytes": lambda: np.stack([text(column) for column in COLUMNS.values()], axis=1).astype("S"),
    "masked columns": lambda: {name: np.ma.masked_array(column) for name, column in COLUMNS.items()},
    "a structured array": lambda: np.rec.fromarrays(list(COLUMNS.values()), names=",".join(COLUMNS)),
    "a frame": frame,
    "a frame of nullable types": lambda: frame().convert_dtypes(),
    "a frame of strings": lambda: frame().astype(str),
    "a frame of objects": lambda: frame().astype(object),
    "larger integers": lambda: COLUMNS | {"serial": [int(x) + 2**80 for x in COLUMNS["serial"]]},
    "unsigned integers": lambda: COLUMNS | {"serial": COLUMNS["serial"].astype(np.uint64)},
    "a declared category": lambda: frame().astype({"kind": "category"}),
}


def own_images(folder: Path, rows: list[str], names: Iterable[str] = COLUMNS) -> Images:
    files = [f"{number:03d}.png" for number in range(N)]
    table = folder / "factors.csv"
    table.write_text("\n".join([",".join(["file", *names]), *(f"{f},{r}" for f, r in zip(files, rows, strict=True))]))
    found = read_factors(table, folder, files)
    pixels = np.zeros((N, 4, 4, 1), np.uint8)
    return save_images(
        folder / "own", [pixels], name="own", source="test", licence="none", shape=(1, 4, 4), n=N,
        factors=found.factors, classes=found.classes,
    )  # fmt: skip


def csv_rows() -> list[str]:
    return [",".join(row) for row in zip(*(text(column) for column in COLUMNS.values()), strict=True)]


@pytest.mark.parametrize("way", WAYS)
def test_whatever_holds_the_factors(way: str) -> None:
    found = score(CODES, WAYS[way](), metrics=METRICS)
    assert found == PLAIN
    assert list(found.factors.values()) == list(PLAIN.factors.values())


def test_a_table_of_images(tmp_path: Path) -> None:
    images = own_images(tmp_path, csv_rows())
    assert Own(images, np.arange(N), [0]).scores(CODES, 0, METRICS) == PLAIN.values
    assert images.discrete == ("kind",)
    half = np.arange(0, N, 2)
    of_half = score(CODES[half], {name: column[half] for name, column in COLUMNS.items()}, metrics=METRICS)
    assert Own(images, half, [0]).scores(CODES[half], 0, METRICS) == of_half.values


def test_a_factors_name_changes_no_score(tmp_path: Path) -> None:
    """Not even that of a factor of dSprites, whose forests have depths of their own."""
    found = []
    for names in (tuple(COLUMNS), ("scale", "x", "y", "orientation", "shape")):
        (tmp_path / names[0]).mkdir()
        images = own_images(tmp_path / names[0], csv_rows(), names[: len(COLUMNS)])
        found.append(Own(images, np.arange(N), [0]).scores(CODES, 0, ["dci"]))
    assert found[0] == found[1] != {}


def test_a_table_of_images_says_what_is_odd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = np.column_stack([CODES, np.ones(N)])
    Own(own_images(tmp_path, csv_rows()), np.arange(N), [0]).scores(still, 0, ["mig"])
    assert "odd: codes: column 5 takes one value only" in capsys.readouterr().err


def test_a_frame_that_was_written_as_a_table(tmp_path: Path) -> None:
    lines = frame().to_csv(index=False).splitlines()[1:]
    assert Own(own_images(tmp_path, lines), np.arange(N), [0]).scores(CODES, 0, METRICS) == PLAIN.values


@pytest.mark.long
def test_the_referee(tmp_path: Path) -> None:
    sizes = referee.Sizes(30, 10, 120, 300, 60, 30, 8, 120, 120, 120, 60, 60, (40, 40))
    strings = np.stack([text(column) for column in COLUMNS.values()], axis=1)
    rows = referee.referee(CODES, strings, None, np.random.default_rng(0), sizes=sizes, discrete=())
    found = {
        (row["metric"], row["regressor"], row["part"]): row["value"]
        for row in rows
        if row["protocol"] in ("infogan_cr", "own paper") and row["scale"] == 1 and row["factors"] == "all"
    }
    for metric, where in {
        "mig": ("mig", "20 bins", "score"),
        "sap": ("sap", "R² and SVM", "score"),
        "dci_lasso": ("dci", "Lasso", "disentanglement"),
        "modularity": ("modularity", "20 bins", "score"),
        "explicitness": ("explicitness", "one against rest", "score"),
        "mcc_pearson": ("mcc", "Pearson", "score"),
    }.items():
        assert found[where] == pytest.approx(PLAIN.values[metric], abs=1e-12), metric


def test_a_missing_factor_leaves_its_row_out_by_every_way(capsys: pytest.CaptureFixture[str]) -> None:
    gone = np.arange(N) < 60
    masked = {name: np.ma.masked_array(column, gone) for name, column in COLUMNS.items()}
    absent = {
        name: [None if g else cell for g, cell in zip(gone, c.tolist(), strict=True)] for name, c in COLUMNS.items()
    }
    expected = score(CODES[60:], {name: column[60:] for name, column in COLUMNS.items()}, metrics=METRICS)
    assert score(CODES, masked, metrics=METRICS) == score(CODES, absent, metrics=METRICS) == expected
    points, _ = referee._read_points(CODES, absent, None, [2] * 5, [2] * 5, ())
    np.testing.assert_array_equal(points.ranks, reading.read(CODES[60:], {n: c[60:] for n, c in COLUMNS.items()}).ranks)
    assert "left out: 60 rows in which a factor is missing" in capsys.readouterr().err
