"""The RO-Crate of published results: every file and training is in it, and the profiles' own validators pass it."""

import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from idgan_sc import cli
from idgan_sc.config import Config
from idgan_sc.files import sha256
from idgan_sc.records.results import Results

ROOT = Path(__file__).parents[1]
DESK = ROOT / "results/desk"
RUNS = [f"dsprites/{system}/main/0" for system in ("infogan_stage_a", "infogan", "idgan_sc_prior")]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of desk's published runs, one of them as if somebody had submitted it."""
    root = tmp_path_factory.mktemp("few") / "desk"
    for run in RUNS:
        shutil.copytree(DESK / "published/runs" / run, root / "published/runs" / run)
    for name in ("data", "tables"):
        shutil.copytree(DESK / "published" / name, root / "published" / name)
    shutil.copy(DESK / "published/cost.csv", root / "published")
    shutil.copy(DESK / "accepted.yaml", root)
    path = root / "published/runs" / RUNS[1] / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"origin": {"by": "Jane Doe"}}))
    return root


@pytest.fixture(scope="module")
def crate(few: Path, shipped: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("rocrate")
    pytest.importorskip("mlcroissant")
    from idgan_sc.publish.crate import write_crate

    return write_crate(Results(shipped, "desk", few), ROOT, tmp_path_factory.mktemp("crate") / "crate")


@pytest.fixture(scope="module")
def entities(crate: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def ids(value: Any) -> set[str]:
    return {entity["@id"] for entity in (value if isinstance(value, list) else [value])}


def test_every_file_is_there_as_its_hash_says(crate: Path, few: Path, entities: dict[str, dict[str, Any]]) -> None:
    files = {name: e for name, e in entities.items() if "File" in e["@type"] and name != "ro-crate-metadata.json"}
    assert all(sha256(crate / name) == entity["sha256"] for name, entity in files.items())
    wanted = {f"results/desk/{path.relative_to(few)}" for path in few.rglob("*") if path.is_file()}
    assert wanted <= files.keys() and {"workflow/Snakefile", "config.yaml", "src/idgan_sc/cli.py"} <= files.keys()
    there = {str(path.relative_to(crate)) for path in crate.rglob("*") if path.is_file()}
    assert there == files.keys() | {"ro-crate-metadata.json"}


def test_every_training_is_an_action_as_its_record_tells(entities: dict[str, dict[str, Any]]) -> None:
    place = "results/desk/published/runs"
    for run in RUNS:
        train, measure = (entities[f"#{tool}/{run}"] for tool in ("train", "measure"))
        assert f"{place}/{run}/record.json" in ids(train["result"]) & ids(measure["object"])
        assert f"{place}/{run}/generator_scores.csv" in ids(measure["result"])
        record = json.loads((DESK / "published/runs" / run / "record.json").read_text())
        assert str(record["seconds"]) in train["description"] and record["commit"] in train["description"]
        assert {"config.yaml", "results/desk/data/dsprites/croissant.json"} <= ids(train["object"])
        assert (f"{place}/{RUNS[0]}/record.json" in ids(train["object"])) == (run != RUNS[0])
        agent = entities[train["agent"]["@id"]]
        assert (agent["@type"], agent["name"]) == (
            ("Person", "Jane Doe") if run == RUNS[1] else ("Organization", "The idgan-sc contributors")
        )
    assert {f"#train/{run}" for run in RUNS} <= ids(entities["./"]["mentions"])
    assert "results/desk/published/tables/table3.csv" in ids(entities["#workflow-run"]["result"])


@pytest.mark.parametrize("name", ["dsprites", "digits", "faces"])
def test_croissant_says_what_the_drawn_images_are(crate: Path, name: str) -> None:
    mlc = pytest.importorskip("mlcroissant")
    read = mlc.Dataset(crate / f"results/desk/data/{name}/croissant.json")
    described = json.loads((DESK / f"published/data/{name}.json").read_text())
    assert not read.metadata.issues.errors and not read.metadata.issues.warnings
    assert {file.id: file.sha256 for file in read.metadata.distribution} == described["sha256"]
    factors = list(read.records("factors"))
    assert [row["factors/name"] for row in factors] == described["factor_names"]
    assert [row["factors/classes"] for row in factors] == described["factor_sizes"]
    values = [row["factor_values/value"] for row in read.records("factor_values")]
    assert values == pytest.approx([value for values in described["factor_values"] for value in values])


def test_the_validator_of_the_profile_passes_it(crate: Path) -> None:
    services = pytest.importorskip("rocrate_validator.services")
    from rocrate_validator.models import Severity

    try:
        socket.create_connection(("w3id.org", 443), timeout=5).close()
    except OSError:
        pytest.skip("the validator fetches JSON-LD contexts from w3id.org")
    found = services.validate(
        services.ValidationSettings(
            rocrate_uri=str(crate),
            profile_identifier="provenance-run-crate-0.5",
            requirement_severity=Severity.REQUIRED,
        )
    )
    assert found.passed(), [issue.message for issue in found.get_issues()]


def test_a_missing_library_is_named_with_its_extra(few: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "rocrate.model", None)
    monkeypatch.setitem(sys.modules, "rocrate", None)
    monkeypatch.delitem(sys.modules, "idgan_sc.publish.crate", raising=False)
    with pytest.raises(SystemExit):
        cli.main(["--config", str(ROOT / "config.yaml"), "crate", "--preset", "desk", "--out", str(few)])
    words = "idgan-sc: crate needs the extra `crate` (rocrate is not installed): pip install '.[crate]'\n"
    assert capsys.readouterr().err == words


def test_what_is_there_or_empty_is_refused(few: Path, tmp_path: Path, capsys: Any) -> None:
    pytest.importorskip("rocrate")
    pytest.importorskip("mlcroissant")
    call = ["--config", str(ROOT / "config.yaml"), "crate", "--preset", "desk", "--to", str(tmp_path), "--out"]
    for out, words in ((few, "exists: delete it"), (tmp_path / "none", "holds no valid published run")):
        with pytest.raises(SystemExit):
            cli.main([*call, str(out)])
        assert words in capsys.readouterr().err
