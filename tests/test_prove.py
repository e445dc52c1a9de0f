"""`make prove`: runs trained again have the recorded bytes; a changed record, budget or claim is told."""

import copy
import doctest
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from idgan_sc import recompute
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.files import DataError, sha256
from idgan_sc.records.results import Results


@pytest.fixture
def proven(small_config: Config, finished: Callable[[str], Path]) -> tuple[Config, Path]:
    """A configuration whose C1 rests on one finished run, and the results that hold it."""
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["runs"] = {"dsprites": {"infogan": ["main"]}}
    return config, finished("infogan").parents[4]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(recompute).failed == 0


def test_a_run_comes_out_as_recorded(proven: tuple[Config, Path]) -> None:
    (proof,) = recompute.prove(Results(*_of(proven)), "C1", 3600, 0)
    assert proof.run == Run("test", "dsprites", "infogan", "main", 0)
    assert set(proof.equal) == {"weights.safetensors", "curve.npz", "log.csv"} and all(proof.equal.values())
    assert proof.words == "equal: weights.safetensors, curve.npz, log.csv" and not proof.failed


@pytest.mark.parametrize(
    ("key", "failed", "words"), [("seed", True, "differs: log.csv"), ("torch", False, "another kind")]
)
def test_a_changed_record_fails_on_the_same_kind_of_machine_only(
    key: str, failed: bool, words: str, proven: tuple[Config, Path], tmp_path: Path
) -> None:
    config, root = proven
    (tmp_path / "data").symlink_to(root / "data")
    for folder in (root / "runs").glob("dsprites/infogan*/main/0"):
        target = tmp_path / folder.relative_to(root)
        target.mkdir(parents=True)
        record = json.loads((folder / "record.json").read_text())
        if record["system"] == "infogan":
            record["outputs"]["log.csv"] = "0" * 64
            record |= {"torch": "0.0"} if key == "torch" else {}
        (target / "record.json").write_text(json.dumps(record))
    (proof,) = recompute.prove(Results(config, "test", tmp_path), "C1", 3600, 0)
    assert proof.failed == failed and words in proof.words


def test_the_first_stretch_is_proven_where_no_whole_run_fits(proven: tuple[Config, Path], tmp_path: Path) -> None:
    """Three of the five steps of stage A; its log has a row every three steps."""
    config, root = slow_copy(proven, tmp_path)
    (proof,) = recompute.prove(Results(config, "test", root), "C1", 65, 0)
    assert proof.run == Run("test", "dsprites", "infogan_stage_a", "main", 0)
    assert proof.words == "equal: the first 3 of 5 steps of log.csv" and not proof.failed


def test_a_stretch_that_differs_fails(proven: tuple[Config, Path], tmp_path: Path) -> None:
    config, root = slow_copy(proven, tmp_path)
    folder = root / "runs/dsprites/infogan_stage_a/main/0"
    lines = (folder / "log.csv").read_text().splitlines()
    lines[1] = lines[1][:-1] + str((int(lines[1][-1]) + 1) % 10)
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"log.csv is damaged .* restore it from the commit"):
        list(recompute.prove(Results(config, "test", root), "C1", 65, 0))
    record = json.loads((folder / "record.json").read_text())
    record["outputs"]["log.csv"] = sha256(folder / "log.csv")
    (folder / "record.json").write_text(json.dumps(record))
    (proof,) = recompute.prove(Results(config, "test", root), "C1", 65, 0)
    assert proof.failed and proof.words == "differs: the first 3 of 5 steps of log.csv"


def slow_copy(proven: tuple[Config, Path], root: Path) -> tuple[Config, Path]:
    """The records as a clone has them, their trainings said to take 100 seconds each."""
    (root / "data").symlink_to(proven[1] / "data")
    for folder in (proven[1] / "runs").glob("dsprites/infogan*/main/0"):
        target = root / folder.relative_to(proven[1])
        target.mkdir(parents=True)
        record = json.loads((folder / "record.json").read_text()) | {"seconds": 100.0}
        (target / "record.json").write_text(json.dumps(record))
        (target / "log.csv").write_bytes((folder / "log.csv").read_bytes())
    return proven[0], root


def test_a_budget_too_short_says_what_the_shortest_stretch_takes(proven: tuple[Config, Path], tmp_path: Path) -> None:
    config, root = slow_copy(proven, tmp_path)
    with pytest.raises(DataError, match=r"the budget of 5 s is too short: the first 3 steps of .* take 60 s"):
        list(recompute.prove(Results(config, "test", root), "C1", 5, 0))


def test_a_claim_without_runs_is_told(proven: tuple[Config, Path]) -> None:
    with pytest.raises(DataError, match="no run behind C9"):
        list(recompute.prove(Results(*_of(proven)), "C9", 60, 0))


@pytest.mark.parametrize("text", ["30", "m", "soon", ""])
def test_a_budget_without_unit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="such as 30m"):
        recompute.seconds(text)


def _of(proven: tuple[Config, Path]) -> tuple[Config, str, Path]:
    return proven[0], "test", proven[1]
