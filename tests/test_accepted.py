"""Source that makes the same numbers as today's counts, wherever it is asked whether a run, a baseline or images do."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import job
from idgan_sc import config as configuration
from idgan_sc import recompute
from idgan_sc.config import Config, Run, datasets_with_baseline, planned_runs, with_predecessors
from idgan_sc.files import DataError
from idgan_sc.records.published import (
    accepted,
)
from idgan_sc.records.record import baseline_fingerprint, fingerprint, protocol_hash, read_record
from idgan_sc.records.results import Results
from idgan_sc.source import images_source
from idgan_sc.training.pool import open_images_of
from idgan_sc.training.prepare import ensure_images
from idgan_sc.training.train import train

ROOT = Path(__file__).parents[1]
STAGE_A, STAGE_B = (Run("test", "dsprites", system, "main", 0) for system in ("infogan_stage_a", "infogan"))


def relabel(root: Path, run: Run, config: Config, source: str) -> None:
    """Make a finished run look as if another source had trained it."""
    path = root / run.path / "record.json"
    record = json.loads(path.read_text()) | {"source": source}
    before = [row["fingerprint"] for row in record["before"].values()]
    record["fingerprint"] = fingerprint(record["settings"], run.seed, before, source)
    path.write_text(json.dumps(record))


def accept(root: Path, proved_for: str = "", **lines: list[str]) -> None:
    """List older hashes as equal to today's source, or to another."""
    of_tests = Results(configuration.load(ROOT / "config.yaml"), "test", root)
    today = [of_tests.source(run) for run in with_predecessors(of_tests.config, of_tests.planned)]
    today += [of_tests.baseline_source("dsprites"), images_source("digits")]
    text = "".join(f"{kind}:\n" + "".join(f"  {line}: a reason\n" for line in names) for kind, names in lines.items())
    for_source = [proved_for] if proved_for else sorted(set(today))
    (root / "accepted.yaml").write_text(text + "proved_for:\n" + "".join(f'- "{one}"\n' for one in for_source))


@pytest.fixture
def old_stage_a(finished: Callable[[str], Path], new_root: Callable[..., Path], config: Config) -> Path:
    """Results whose stage A was trained by an older source."""
    root = new_root()
    shutil.copytree(finished("infogan_stage_a"), root / STAGE_A.path)
    relabel(root, STAGE_A, config, "oldoldoldold")
    return root


def test_a_training_of_accepted_source_is_finished_and_built_on(old_stage_a: Path, config: Config) -> None:
    with pytest.raises(DataError, match="other settings or source"):
        train(job(config, STAGE_A, old_stage_a))
    accept(old_stage_a, trainings=["oldoldoldold"])
    record = (old_stage_a / STAGE_A.path / "record.json").read_bytes()
    train(job(config, STAGE_B, old_stage_a))
    assert (old_stage_a / STAGE_A.path / "record.json").read_bytes() == record
    assert Results(config, STAGE_B.preset, old_stage_a).is_valid(STAGE_B, read_record(old_stage_a / STAGE_B.path))


def test_a_run_of_another_preset_is_refused_even_if_all_its_settings_are_the_same(
    old_stage_a: Path, config: Config
) -> None:
    """Each preset draws the images whose codes the curve keeps."""
    accept(old_stage_a, trainings=["oldoldoldold"])
    path = old_stage_a / STAGE_A.path / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"preset": "quick"}))
    results = Results(config, STAGE_A.preset, old_stage_a)
    for ask in (results.is_trained_here, results.training_params):
        with pytest.raises(DataError, match="trained for preset quick, which encodes other images than test"):
            ask(STAGE_A)
    with pytest.raises(DataError, match="delete that folder and train the run again"):
        open_images_of(job(config, STAGE_A, old_stage_a))


def test_the_workflow_trains_nothing_that_counts(old_stage_a: Path, config: Config) -> None:
    today = Results(config, STAGE_A.preset, Path()).expected(STAGE_A)
    assert Results(config, STAGE_A.preset, old_stage_a).training_params(STAGE_A) == today
    accept(old_stage_a, trainings=["oldoldoldold"])
    kept = read_record(old_stage_a / STAGE_A.path)["fingerprint"]
    assert Results(config, STAGE_A.preset, old_stage_a).training_params(STAGE_A) == kept != today


def test_what_was_accepted_counts_no_more_after_the_next_edit(old_stage_a: Path, config: Config) -> None:
    record = read_record(old_stage_a / STAGE_A.path)
    for source, counts in (("", True), ("aaaaaaaaaaaa", False)):
        accept(old_stage_a, source, trainings=["oldoldoldold"])
        assert Results(config, STAGE_A.preset, old_stage_a).is_valid(STAGE_A, record) == counts


def test_other_settings_are_never_accepted(old_stage_a: Path, config: Config) -> None:
    accept(old_stage_a, trainings=["oldoldoldold"])
    config["presets"]["test"]["families"]["gan"]["lambda_info"] = 0.5
    assert not Results(config, STAGE_A.preset, old_stage_a).is_valid(STAGE_A, read_record(old_stage_a / STAGE_A.path))
    with pytest.raises(DataError, match="other settings or source"):
        train(job(config, STAGE_A, old_stage_a))


@pytest.mark.parametrize("text", ["- a list\n", "trainings: text\n", "unknown:\n  a: b\n", "a: [\n"])
def test_a_damaged_list_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "accepted.yaml").write_text(text)
    with pytest.raises(DataError, match=r"accepted\.yaml") as error:
        accepted(tmp_path)
    assert "\n" not in str(error.value)


def test_images_of_accepted_source_are_taken_as_they_are(tmp_path: Path, config: Config) -> None:
    config["datasets"]["digits"]["n"] = 32
    first = ensure_images(Results(config, "test", tmp_path), "digits")
    note = tmp_path / "data/digits/made_by.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"code": "oldoldoldold"}))
    with pytest.raises(DataError, match="other settings or code"):
        ensure_images(Results(config, "test", tmp_path), "digits")
    accept(tmp_path, images=["oldoldoldold"])
    assert ensure_images(Results(config, "test", tmp_path), "digits").sha256 == first.sha256
    config["datasets"]["digits"]["n"] = 16
    with pytest.raises(DataError, match="other settings or code"):
        ensure_images(Results(config, "test", tmp_path), "digits")


def test_a_users_own_images_are_of_no_source(tmp_path: Path, config: Config) -> None:
    from PIL import Image

    from idgan_sc.data.folder import prepare_folder

    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.new("L", (64, 64), 80 * i).save(tmp_path / f"images/{i}.png")
    prepare_folder(tmp_path / "images", tmp_path / "data/own", None, 64, None)
    (tmp_path / "data/own/made_by.json").write_text(json.dumps({"source": "folder", "code": "oldoldoldold"}))
    assert ensure_images(Results(config, "test", tmp_path), "own").n == 3


def test_all_that_is_published_counts(shipped: Config) -> None:
    for preset, trainings, floors in (("desk", 210, 3), ("rooms", 24, 1), ("correlated", 8, 1)):
        root = ROOT / "results" / preset
        runs = with_predecessors(shipped, planned_runs(shipped, preset))
        assert len(runs) == trainings and all(Results(shipped, run.preset, root).is_published(run) for run in runs)
        found = [
            Results(shipped, preset, root).published_baseline(data) for data in datasets_with_baseline(shipped, preset)
        ]
        assert len(found) == floors and all(found)


def test_git_keeps_what_evidence_publishes(shipped: Config) -> None:
    presets = [name for name, row in shipped["presets"].items() if row["evidence"]]
    assert {"desk", "released", "paper"} <= set(presets)

    def ignored(path: str) -> bool:
        return subprocess.run(["git", "-C", str(ROOT), "check-ignore", "-q", path], check=False).returncode == 0

    if subprocess.run(["git", "-C", str(ROOT), "rev-parse"], capture_output=True, check=False).returncode:
        pytest.skip("no git checkout")
    for name in presets:
        for kept in ("accepted.yaml", "PROTOCOL.md", "published/claims.csv", "published/runs/a/b/c/0/record.json"):
            assert not ignored(f"results/{name}/{kept}")
        assert ignored(f"results/{name}/claims.csv") and ignored(f"results/{name}/runs/a/b/c/0/weights.safetensors")
    assert ignored("results/quick/accepted.yaml") or ignored("results/quick/claims.csv")


def test_the_registered_protocols_stand(shipped: Config) -> None:
    registered = {"dsprites": "af3185b00764", "digits": "4fc500a5d2d5", "faces": "6e2032b9a66a"}
    assert {data: protocol_hash(shipped, "desk", data) for data in registered} == registered


def baseline_of(root: Path, source: str, config: Config) -> str:
    return baseline_fingerprint(config, "test", "dsprites", source)


def test_a_baseline_of_accepted_source_is_valid(tmp_path: Path, config: Config) -> None:
    path = tmp_path / "floor/dsprites.csv"
    path.parent.mkdir()
    path.write_text(f"value,fingerprint\n1,{baseline_of(tmp_path, 'one+two', config)}\n")
    assert not Results(config, "test", tmp_path).is_valid_baseline("dsprites", path)
    accept(tmp_path, baselines=["one+two"])
    assert Results(config, "test", tmp_path).is_valid_baseline("dsprites", path)
    assert Results(config, "test", tmp_path).baseline_params("dsprites") == baseline_of(tmp_path, "one+two", config)
    changed: dict[str, Any] = config | {"generated": config["generated"] | {"images": 65}}
    changed["presets"]["test"]["generated"] = {}
    assert configuration.generated(changed, "test")["images"] == 65
    assert not Results(changed, "test", tmp_path).is_valid_baseline("dsprites", path)


@pytest.mark.long
def test_an_older_source_is_accepted_if_its_bytes_are_todays(config: Config, tmp_path: Path) -> None:
    """Trainings whose source is the same are not run; what an edit changes is refused."""
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "src", repository / "src", ignore=shutil.ignore_patterns("__pycache__"))
    config["presets"]["test"]["runs"] = {"faces": {"beta_vae": ["main"]}}
    config["presets"]["test"]["datasets"] = {"faces": {"n": 2000}}
    (repository / "config.yaml").write_text(yaml.safe_dump(configuration.without_factorial(config)))

    def accepted_with(name: str, before: str, after: str) -> tuple[list[str], Path]:
        path, results = repository / "src/idgan_sc" / name, Results(config, "test", tmp_path / "results")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != text
        for command in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "c"],
        ):
            subprocess.run(["git", "-C", str(repository), *command], check=True)
        path.write_text(text, encoding="utf-8")
        return list(recompute.accept(results, "HEAD", "a reason", 4, repository)), results.root / "accepted.yaml"

    said, path = accepted_with("metrics/checks.py", 'unmasked(codes, "codes")', "")
    assert "faces/beta_vae/main/0: the same source" in said and "faces: the same baseline" in said
    listed = yaml.safe_load(path.read_text())
    assert len(listed["baselines"]) == 1 and not listed["trainings"] and not listed["images"]
    path.unlink()
    with pytest.raises(DataError, match=r"of faces/beta_vae/main/0: the two sources make different bytes"):
        accepted_with("models/beta_vae.py", "kl = gaussian_kl(", "kl = 1.5 * gaussian_kl(")
    assert not path.exists()
