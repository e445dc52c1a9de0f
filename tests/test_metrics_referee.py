"""The referee: every definition has its row, spreads and flips are counted right, files are written."""

import csv
from pathlib import Path

import numpy as np
import pytest

from idgan_sc.metrics import referee
from idgan_sc.metrics.definitions import PROTOCOLS

TINY = referee.Sizes(30, 10, 120, 300, 60, 30, 8, 120, 120, 120, 60, 60, (40, 40))


DEPTHS = {"depths": [3] * 3, "forest_depths": [4] * 3}


def pool() -> tuple[np.ndarray, np.ndarray]:
    classes = np.tile(np.stack(np.unravel_index(np.arange(24), (3, 4, 2)), axis=1), (10, 1))
    unit = (classes - classes.mean(axis=0)) / classes.std(axis=0)
    mix = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.4], [0.4, 0.0, 1.0]])
    return unit @ mix + 0.2 * np.random.default_rng(0).normal(size=unit.shape), classes


def rows_of(codes: np.ndarray, classes: np.ndarray) -> list[referee.Row]:
    depths = {"depths": (3, 3, 3), "forest_depths": (4, 4, 4)}
    return referee.referee(codes, classes, classes, np.random.default_rng(1), sizes=TINY, **depths)


@pytest.fixture(scope="module")
def rows() -> list[referee.Row]:
    return rows_of(*pool())


def test_every_definition_has_rows(rows: list[referee.Row]) -> None:
    for protocol, definitions in PROTOCOLS.items():
        for definition in definitions:
            found = [
                row
                for row in rows
                if (row["protocol"], row["metric"], row["regressor"], row["era"])
                == (protocol, definition.metric, definition.regressor, definition.era)
            ]
            assert {row["factors"] for row in found} == {"all", "without categories"}, definition
            assert len({row["scale"] for row in found}) == (3 if definition.scaled else 1)
    assert len({referee._key(row) for row in rows}) == len(rows)
    assert all(type(row["value"]) is float and np.isfinite(row["value"]) for row in rows)


def test_rows_agree_with_the_metrics_they_name(rows: list[referee.Row]) -> None:
    again = rows_of(*pool())
    assert again == rows
    whole = {(row["regressor"], row["part"]): row["value"] for row in rows if row["metric"] == "dci"}
    assert whole["Lasso", "disentanglement"] != whole["10 trees", "disentanglement"]


def test_spread_names_its_ends(rows: list[referee.Row]) -> None:
    spread = {(row["metric"], row["part"]): row for row in referee.spread(rows)}
    dci = [row["value"] for row in rows if (row["metric"], row["part"]) == ("dci", "disentanglement")]
    found = spread["dci", "disentanglement"]
    assert (found["definitions"], found["lowest"], found["highest"]) == (len(dci), min(dci), max(dci))


def row(metric: str, regressor: str, value: float) -> referee.Row:
    blank = dict.fromkeys(referee.DEFINITION, "") | {"metric": metric, "regressor": regressor, "part": "score"}
    return blank | {"code": "mean", "value": value}


def test_flips_are_counted_by_hand() -> None:
    tables = {
        "a": [row("dci", "Lasso", 0.5), row("dci", "forest", 0.9), row("mig", "", 0.1)],
        "b": [row("dci", "Lasso", 0.6), row("dci", "forest", 0.8), row("mig", "", 0.2)],
        "c": [row("dci", "Lasso", 0.7), row("dci", "forest", 0.95), row("mig", "", 0.2)],
    }
    # a < b < c under Lasso and b < a < c under the forest: one pair of three turns; MIG has one definition
    expected = {"metric": "dci", "part": "score", "definitions": 2, "comparisons": 3, "flips": 1, "rate": 1 / 3}
    assert referee.flips(tables) == [expected]


def test_main_refuses_a_file_without_factors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "one.npz", codes=pool()[0], labels=pool()[1], names=["a"])
    with pytest.raises(ValueError, match=r"one\.npz: the referee needs .* and factors is missing"):
        referee.main([tmp_path / "one.npz"], tmp_path / "out")
    assert f"{tmp_path / 'one.npz'}: not read: labels, names" in capsys.readouterr().err


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one\.npz is given twice"):
        referee.main([tmp_path / "one.npz", tmp_path / "one.npz"], tmp_path / "out")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"codes": pool()[0], "factors": pool()[1] + 1j}, "factor 0 holds complex numbers"),
        ({"codes": pool()[0], "factors": pool()[1][:-1], **DEPTHS}, "codes have .* rows and factors"),
        (
            {"codes": pool()[0] * np.nan, "factors": pool()[1], "depths": [3] * 3, "forest_depths": [4] * 3},
            "codes .*NaN",
        ),
        ({"codes": pool()[0], "factors": pool()[1], "discrete": [5], **DEPTHS}, "discrete 5: the factors are numbered"),
        ({"codes": pool()[0], "factors": pool()[1], "discrete": [True], **DEPTHS}, "discrete must be a list of whole"),
        ({"codes": pool()[0], "factors": pool()[1], "values": pool()[1][:, :2], **DEPTHS}, "classes and values must"),
        ({"codes": pool()[0], "factors": pool()[1]}, "5 depths for 3 factors: give one for each, and `discrete`"),
        ({"codes": pool()[0], "factors": pool()[1], "depths": [3] * 3}, "5 forest_depths for 3 factors"),
        ({"codes": pool()[0], "factors": pool()[1], **DEPTHS, "depths": [3, 0, 3]}, "depths must be 1 or more"),
        ({"codes": pool()[0].T, "factors": pool()[1].T, **DEPTHS}, "rows are points .* transpose both"),
        ({"codes": pool()[0], "factors": pool()[1], "values": pool()[1].T, **DEPTHS}, "transpose the values"),
        ({"codes": pool()[0], "factors": pool()[1], "values": pool()[1] / 0.0, **DEPTHS}, "values: factor . contains"),
        (
            {"codes": pool()[0], "factors": pool()[1], "values": np.where(pool()[1] == 1, np.nan, pool()[1]), **DEPTHS},
            "values are missing in [0-9]+ rows, first in row [0-9]+: leave those rows out",
        ),
        ({"codes": pool()[0], "factors": pool()[1], "categories": [1]}, "array named discrete: rename categories"),
        ({"codes": np.array([{}]), "factors": pool()[1]}, "damaged, or holds more than arrays of numbers"),
    ],
)
def test_main_names_the_file_that_cannot_be_refereed(tmp_path: Path, arrays: dict[str, object], said: str) -> None:
    np.savez(tmp_path / "one.npz", **arrays)
    with pytest.raises(ValueError, match=rf"one\.npz.*{said}"):
        referee.main([tmp_path / "one.npz"], tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"codes", b"PK and no archive"])
def test_main_refuses_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"one\.npz is (no .npz file|damaged)"):
        referee.main([tmp_path / "one.npz"], tmp_path / "out")


def test_a_constant_factor_and_a_definition_that_fails_lose_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    codes, classes = pool()
    rng = np.random.default_rng(1)
    options = {"depths": (3, 9, 3), "forest_depths": (4, 9, 4), "discrete": (0, 1), "sizes": TINY}
    constant = np.column_stack([classes[:, 0], np.zeros(len(classes), int), classes[:, 1]])
    single = np.column_stack([codes[:, :1], 1e-3 * codes[:, 1:]])  # one code that InfoMEC reads
    rows = referee.referee(single, constant, constant, rng, **options)
    said = capsys.readouterr().err
    assert "left out: factor 1 takes one value only" in said
    assert {row["protocol"] for row in rows} == set(PROTOCOLS)
    assert "mcc" in {row["metric"] for row in rows}


@pytest.mark.long
def test_main_writes_tables_and_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(referee.referee.__kwdefaults__, "sizes", TINY)
    codes, classes = pool()
    own = {"factors": classes, "depths": [3, 3, 3], "forest_depths": [4, 4, 4], "discrete": [0]}
    np.savez(tmp_path / "one.npz", codes=codes, sampled=codes + 0.1, **own)
    np.savez(tmp_path / "two.npz", codes=classes + 0.0, **own)
    referee.main([tmp_path / "one.npz", tmp_path / "two.npz"], tmp_path / "out")
    with (tmp_path / "out" / "referee.csv").open() as file:
        table = list(csv.DictReader(file))
    assert {(row["code"]) for row in table} == {"mean", "sampled"}
    assert len({row["representation"] for row in table}) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "referee.csv",
        "spread.csv",
        "flips.csv",
        "referee.png",
    }
