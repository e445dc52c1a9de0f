"""Runs of other people: what is packed, what is taken, where that is said, and everything that is refused."""

import copy
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import idgan_sc
from conftest import job, make_baselines, with_data
from idgan_sc import cli
from idgan_sc.config import Config, ConfigError, Run, without_factorial
from idgan_sc.evaluation.gather import gather_scores
from idgan_sc.evaluation.generators.scores import match
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, sha256
from idgan_sc.publish import submission
from idgan_sc.publish.origins import cost
from idgan_sc.publish.page import origins_table
from idgan_sc.publish.submission import accept_submission, submit
from idgan_sc.records.record import fingerprint, read_record
from idgan_sc.records.results import Results
from idgan_sc.report import tables
from idgan_sc.training.encode import encode

STAGE_A, RUN, VAE = (
    Run("test", "dsprites", system, "main", 0) for system in ("infogan_stage_a", "infogan", "beta_vae")
)
BUDGET = 60.0


@pytest.fixture(scope="module")
def evidence(small_config: Config) -> Config:
    config = copy.deepcopy(small_config)
    config["presets"]["test"] |= {"evidence": True, "runs": {"dsprites": {"infogan": ["main"], "beta_vae": ["main"]}}}
    config["presets"]["test"]["generated"] = {"images": 64, "pairs": 20}
    return config


@pytest.fixture(scope="module")
def theirs(
    evidence: Config, finished: Callable[[str], Path], small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Results of another person, who trained and scored a GAN with its stage A, and a β-VAE."""
    root = with_data(tmp_path_factory.mktemp("theirs") / "results", small_data)
    for run in (STAGE_A, RUN, VAE):
        shutil.copytree(finished(run.system), root / run.path)
        encode(job(evidence, run, root))
        score(job(evidence, run, root))
    match(job(evidence, RUN, root))
    return root


@pytest.fixture(scope="module")
def packed(evidence: Config, theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submit(Results(evidence, "test", theirs), str(RUN), "Jane Doe", tmp_path_factory.mktemp("sent") / "run.zip")


@pytest.fixture(scope="module")
def taken(evidence: Config, packed: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Our results after the run was taken, and what was said of it."""
    results = Results(evidence, "test", with_data(tmp_path_factory.mktemp("taken") / "ours", small_data))
    lines = list(accept_submission(results, packed, BUDGET))
    return replace(results, _records={}, _known={"lines": lines})


@pytest.fixture
def ours(evidence: Config, new_root: Callable[..., Path]) -> Results:
    return Results(evidence, "test", new_root("ours"))


def accept(results: Results, path: Path, seconds: float = BUDGET) -> list[str]:
    return list(accept_submission(results, path, seconds))


class Files(dict[str, bytes]):
    """The files of a submission by name, to change at will."""

    def json(self, name: str, of: Run = RUN) -> Any:
        return json.loads(self[f"{of.path}/{name}"])

    def set(self, name: str, content: bytes | dict[str, Any], of: Run = RUN) -> None:
        """Put a file in place of another, with its hash wherever a liar would change it too."""
        content = json.dumps(content).encode() if isinstance(content, dict) else content
        self[f"{of.path}/{name}"] = content
        digest = hashlib.sha256(content).hexdigest()
        for beside in ("record.json", "hashes.json"):
            noted = self.json(beside, of)
            table = noted["outputs"] if beside == "record.json" else noted
            table |= {key: digest for key in table if key == name or key.endswith(f" < {name}")}
            if name != beside:
                self[f"{of.path}/{beside}"] = json.dumps(noted).encode()

    def record(self, of: Run = RUN, **changes: Any) -> None:
        """Change entries of a record, and its fingerprint so that it fits them."""
        record = self.json("record.json", of) | changes
        before = [earlier["fingerprint"] for earlier in record["before"].values()]
        record["fingerprint"] = fingerprint(record["settings"], record["seed"], before, record["source"])
        self.set("record.json", {key: value for key, value in record.items() if value is not ...}, of)

    def arrays(self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]], of: Run = RUN) -> None:
        with np.load(io.BytesIO(self[f"{of.path}/{name}"]), allow_pickle=False) as found:
            changed = change({key: found[key] for key in found.files})
        file = io.BytesIO()
        np.savez(file, **changed)
        self.set(name, file.getvalue(), of)


def changed(path: Path, target: Path, change: Callable[[Files], object], lists: bool = True) -> Path:
    """A submission whose files were changed; `lists` if it also lists the new hashes."""
    with zipfile.ZipFile(path) as old:
        files = Files({name: old.read(name) for name in old.namelist()})
    manifest = json.loads(files.pop("submission.json"))
    change(files)
    if lists:
        manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("submission.json", json.dumps(manifest))
        for name, content in files.items():
            new.writestr(name, content)
    return target


def refused(results: Results, path: Path, words: str) -> None:
    """It is, in one line, and leaves nothing behind."""
    before = {path for path in results.root.rglob("*") if "data" not in path.parts}
    with pytest.raises(DataError, match=words) as error:
        accept(results, path)
    assert "\n" not in str(error.value)
    left = {path for path in results.root.rglob("*") if "data" not in path.parts} - before
    assert left <= {results.root / "probes"}


# ------------------------------------------------------------------------------------------------------ what is taken
def test_a_submitted_run_becomes_part_of_the_published_ones(taken: Results, theirs: Path) -> None:
    lines = taken._known["lines"]
    assert taken.is_published(RUN) and taken.is_published(STAGE_A)
    for words in (
        "codes are those of its weights",
        "submitted scores are at most 0 away",
        "the same bytes as recorded",
    ):
        assert sum(words in line for line in lines) == 2, words  # of the run and its stage A
    assert any("made anew from its weights: generator_scores.csv" in line for line in lines)
    folder = taken.root / "published" / RUN.path
    for name in ("scores.csv", "curve.csv", "association.csv", "generator_scores.csv", "log.csv"):
        assert (folder / name).read_bytes() == (theirs / RUN.path / name).read_bytes()
    assert idgan_sc.load(folder).generate(np.zeros((1, 5))).shape == (1, 1, 32, 32) and (folder / "card.md").exists()
    assert not {"weights.safetensors", "codes.npz", "curve.npz"} & {path.name for path in folder.iterdir()}


def test_its_origin_is_named_in_record_tables_and_page(taken: Results, packed: Path) -> None:
    record = read_record(taken.root / "published" / RUN.path)
    assert record["origin"]["by"] == "Jane Doe" and record["origin"]["submission"] == sha256(packed)
    assert any("first steps trained again" in line for line in record["origin"]["checked"])
    assert taken.origin([RUN]).startswith("commit ") and taken.origin([RUN]).endswith("submitted by Jane Doe")
    gather_scores(taken, allow_missing=True)
    make_baselines(taken.root)
    [table] = [path for path in tables.table3(taken) if path.suffix == ".md"]
    assert "submitted by Jane Doe" in table.read_text()
    costs = cost(taken)
    assert set(costs["origin"]) == {"submitted by Jane Doe"} and str(RUN) in set(costs["run"])
    assert "| submitted by Jane Doe |" in origins_table(costs)


def test_equal_runs_give_equal_files(evidence: Config, theirs: Path, packed: Path, tmp_path: Path) -> None:
    again = submit(Results(evidence, "test", theirs), str(RUN), "Jane Doe", tmp_path / "again.zip")
    assert again.read_bytes() == packed.read_bytes()


def test_a_stage_a_that_is_there_is_kept_and_an_older_run_replaced(ours: Results, theirs: Path, packed: Path) -> None:
    copied, old = (ours.root / "published" / run.path for run in (STAGE_A, RUN))
    shutil.copytree(theirs / STAGE_A.path, copied)
    kept = (copied / "record.json").read_bytes()
    old.mkdir(parents=True)
    (old / "left.csv").write_text("of an older run")
    assert not any(line.startswith(f"{STAGE_A}: ") for line in accept(ours, packed))
    assert (copied / "record.json").read_bytes() == kept
    assert ours.is_published(RUN) and not (old / "left.csv").exists()


def test_what_cannot_be_trained_here_is_named_and_what_can_be_made_is_made(
    ours: Results, theirs: Path, packed: Path, tmp_path: Path
) -> None:
    def elsewhere(files: Files) -> None:
        files.record(STAGE_A, device="cuda")
        files.record(seeds=[0, 1])
        table = pd.read_csv(io.BytesIO(files[f"{RUN.path}/generator_scores.csv"]))
        table["value"] += 0.3
        files.set("generator_scores.csv", table.to_csv(index=False).encode())

    lines = accept(ours, changed(packed, tmp_path / "x.zip", elsewhere))
    assert f"{STAGE_A}: first steps not trained again: they were made on cuda, which is not here" in lines
    assert any(f"{RUN}: first steps not trained again: trained as one with seeds [1]" in line for line in lines)
    assert any(f"{RUN}: made anew from its weights" in line and "at most 0.3 away" in line for line in lines)
    made, true = (root / RUN.path / "generator_scores.csv" for root in (ours.root / "published", theirs))
    assert made.read_bytes() == true.read_bytes()
    assert ours.is_published(RUN) and not {path.name for path in ours.root.iterdir()} - {"data", "probes", "published"}


# ---------------------------------------------------------------------------------------------------- what is refused
def forged_score(files: Files) -> None:
    table = pd.read_csv(io.BytesIO(files[f"{RUN.path}/scores.csv"]))
    table.loc[table["metric"] == "factor_vae", "value"] += 0.05
    files.set("scores.csv", table.to_csv(index=False).encode())


def forged_curve(files: Files) -> None:
    table = pd.read_csv(io.BytesIO(files[f"{RUN.path}/curve.csv"]))
    table.loc[len(table) - 1, "value"] = 0.99
    files.set("curve.csv", table.to_csv(index=False).encode())


def left_out_row(files: Files) -> None:
    table = pd.read_csv(io.BytesIO(files[f"{RUN.path}/scores.csv"]))
    files.set("scores.csv", table.iloc[1:].to_csv(index=False).encode())


def better_codes(files: Files) -> None:
    def better(arrays: dict[str, Any]) -> dict[str, Any]:
        return arrays | {"q_mean": arrays["q_mean"] + 0.05 * np.sign(arrays["q_mean"])}

    files.arrays("codes.npz", better)
    files.arrays("curve.npz", lambda a: a | {"codes": a["codes"] + 0.05 * np.sign(a["codes"])})


def chosen_pool(files: Files) -> None:
    files.arrays("codes.npz", lambda a: a | {"indices": np.sort(a["indices"] - a["indices"].min())})


def other_end(files: Files) -> None:
    files.arrays("curve.npz", lambda a: a | {"codes": a["codes"][::-1]})


def fewer_points(files: Files) -> None:
    files.arrays("curve.npz", lambda a: {"steps": a["steps"][1:], "codes": a["codes"][1:]})


def other_log(files: Files) -> None:
    head, first, *rows = files[f"{RUN.path}/log.csv"].decode().splitlines()
    step, value, *values = first.split(",")
    files.set("log.csv", "\n".join([head, ",".join([step, str(float(value) * 2), *values]), *rows, ""]).encode())


def other_setting(files: Files) -> None:
    files.record(settings=files.json("record.json")["settings"] | {"lambda_info": 0.5})


def pickled(files: Files) -> None:
    files.arrays("codes.npz", lambda a: a | {"q_mean": a["q_mean"].astype(object)})


def other_stage_a(files: Files) -> None:
    before = files.json("record.json")["before"]["start"] | {"weights": "0" * 64}
    files.record(before={"start": before})


LIES = {
    forged_score: "scores.csv is not what its codes give: q_mean, factor_vae.*recomputed",
    forged_curve: "curve.csv is not what its codes give",
    left_out_row: "scores.csv is not what its codes give: its rows are others",
    better_codes: "the codes are not those of its weights",
    chosen_pool: "other codes than those of the preset's pool",
    other_end: "the curve does not end where its codes are",
    fewer_points: "does not hold the points of the curve",
    other_log: "not what its settings and seed give.*every byte must be equal",
    other_setting: "has lambda_info 0.5, where preset test has",
    pickled: "is damaged",
    other_stage_a: "builds on another training than",
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_lies_are_refused_though_all_hashes_fit(
    lie: Callable[[Files], None], ours: Results, packed: Path, tmp_path: Path
) -> None:
    refused(ours, changed(packed, tmp_path / "lie.zip", lie), LIES[lie])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "0123456789ab"}, "source 0123456789ab, which is neither today's nor accepted"),
        ({"seed": 1, "seeds": [1]}, "is that of another run"),
        ({"system": "infogan_cr"}, "is that of another run"),
        ({"inputs": {"data/dsprites/images.npy": "0" * 64}}, "trained on other images"),
        ({"instructions": ...}, "does not name its environment: it lacks instructions"),
        ({"seconds": "a day"}, "of the wrong type: seconds"),
        ({"seconds": float("nan")}, "does not say how long it took"),
        ({"processor": "<script>alert(1)</script>"}, "plain words of one line are needed"),
        ({"commit": "a | b"}, "plain words of one line are needed"),
        ({"outputs": {"../../x": "0" * 64}}, "names files that are not the run's"),
        ({"before": {}}, "builds on another training than"),
    ],
)
def test_records_that_are_not_in_order_are_refused(
    changes: dict[str, Any], words: str, ours: Results, packed: Path, tmp_path: Path
) -> None:
    refused(ours, changed(packed, tmp_path / "x.zip", lambda files: files.record(**changes)), words)


@pytest.mark.parametrize(
    ("change", "lists", "words"),
    [
        (lambda files: files.update({"../../outside": b"x"}), True, "no file of a submitted run"),
        (lambda files: files.update({"/etc/outside": b"x"}), True, "no file of a submitted run"),
        (lambda files: files.update({f"{RUN.path}/model.pkl": b"x"}), True, "no file of a submitted run"),
        (lambda files: files.update({f"{VAE.path}/record.json": b"{}"}), True, "no file of a submitted run"),
        (lambda files: files.pop(f"{RUN.path}/weights.safetensors"), True, "lacks .*weights.safetensors"),
        (lambda files: files.pop(f"{RUN.path}/scores.csv"), False, "other files than it lists"),
        (lambda files: files.update({f"{RUN.path}/log.csv": b"step\n1\n"}), False, "is not what was packed"),
        (lambda files: files.update({f"{RUN.path}/log.csv": b"step\n1\n"}), True, "is damaged"),
        (lambda files: files.update({f"{RUN.path}/record.json": b"[" * 100_000}), True, "is damaged"),
        (lambda files: files.set("weights.safetensors", b"\x80\x04N."), True, "is damaged"),
        (lambda files: files.set("codes.npz", b"\x80\x04N."), True, "is damaged, or no submission"),
        (lambda files: files.update({f"{RUN.path}/log.csv": bytes(65 * 2**20)}), True, "would be larger"),
    ],
)
def test_hostile_and_damaged_files_are_refused(
    change: Callable[[Files], object], lists: bool, words: str, ours: Results, packed: Path, tmp_path: Path
) -> None:
    refused(ours, changed(packed, tmp_path / "x.zip", change, lists), words)
    assert not (tmp_path / "outside").exists()


def test_what_would_fill_the_disk_is_refused_before_it_is_unpacked(
    ours: Results, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "ALL", packed.stat().st_size // 2)
    refused(ours, packed, "would be larger than")


def test_a_file_that_is_cut_off_or_none_is_refused(ours: Results, packed: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(packed.read_bytes()[:-1000])
    (tmp_path / "text.zip").write_text("no archive")
    for name in ("cut.zip", "text.zip"):
        refused(ours, tmp_path / name, "is missing or damaged|is damaged, or no submission")
    refused(ours, tmp_path / "none.zip", "is missing: name the file that `idgan-sc submit` wrote")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as twice, pytest.warns(UserWarning, match="Duplicate"):
        for _ in range(2):
            twice.writestr("submission.json", "{}")
    refused(ours, tmp_path / "twice.zip", "two files of one name")


def test_a_run_that_is_there_or_builds_on_another_is_refused(
    ours: Results, taken: Results, theirs: Path, packed: Path
) -> None:
    refused(taken, packed, "holds this run already")
    shutil.copytree(theirs / STAGE_A.path, ours.root / STAGE_A.path)
    record = read_record(ours.root / STAGE_A.path)
    record["outputs"]["weights.safetensors"] = "0" * 64
    (ours.root / STAGE_A.path / "record.json").write_text(json.dumps(record))
    refused(ours, packed, "builds on another training of")


def test_only_evidence_that_is_planned_and_may_be_passed_on_is_taken(
    evidence: Config, small_config: Config, theirs: Path, packed: Path, ours: Results, tmp_path: Path
) -> None:
    for config, name, words in (
        (small_config, str(RUN), "preset test makes no evidence"),
        (evidence, "dsprites/infogan/main/7", "is no finished run below"),
    ):
        with pytest.raises((DataError, ConfigError), match=words):
            submit(Results(config, "test", theirs), name, "Jane Doe", tmp_path / "x.zip")
    refused(replace(ours, preset="quick"), packed, "is of preset 'test': give it with --preset")
    without = copy.deepcopy(evidence)
    without["presets"]["test"]["seeds"] = {"first": 1, "count": 1}
    refused(replace(ours, config=without), packed, "none of the runs that preset test publishes")
    with pytest.raises(DataError, match="none of the runs that preset test publishes"):
        submit(Results(without, "test", theirs), str(RUN), "Jane Doe", tmp_path / "x.zip")
    for by in ("<b>Jane</b>", "Jane\nDoe"):
        with pytest.raises(DataError, match="plain words of one line"):
            submit(Results(evidence, "test", theirs), str(RUN), by, tmp_path / "x.zip")
    own = copy.deepcopy(evidence)
    own["datasets"]["dsprites"]["source"] = "folder"
    own["presets"]["test"].get("datasets", {}).get("dsprites", {}).pop("source", None)
    with pytest.raises(DataError, match="must not be passed on"):
        submit(Results(own, "test", theirs), str(RUN), "Jane Doe", tmp_path / "x.zip")


def test_a_run_without_scores_is_not_packed(evidence: Config, theirs: Path, tmp_path: Path) -> None:
    root = tmp_path / "results"
    for run in (STAGE_A, RUN):
        shutil.copytree(theirs / run.path, root / run.path)
    (root / RUN.path / "scores.csv").unlink()
    with pytest.raises(DataError, match=r"lacks scores\.csv: `snakemake -- runs` makes them"):
        submit(Results(evidence, "test", root), str(RUN), "Jane Doe", tmp_path / "x.zip")
    (root / RUN.path / "curve.csv").write_text("damaged")
    with pytest.raises(DataError, match=r"curve\.csv is damaged"):
        submit(Results(evidence, "test", root), str(RUN), "Jane Doe", tmp_path / "x.zip")


def test_the_command_takes_a_file_or_a_commit(
    evidence: Config, theirs: Path, write_config: Callable[[Config], Path], tmp_path: Path, capsys: Any, new_root: Any
) -> None:
    place = ["--preset", "test", "--out"]
    before = ["--config", str(write_config(without_factorial(evidence)))]
    file = tmp_path / "run.zip"
    cli.main([*before, "submit", str(VAE), "--by", "Jane Doe", "--to", str(file), *place, str(theirs)])
    assert capsys.readouterr().out == f"{file}\n"
    root = new_root("commanded")
    cli.main([*before, "accept", str(file), *place, str(root)])
    assert f"{VAE}, by Jane Doe" in capsys.readouterr().out
    assert set(pd.read_csv(root / "published" / VAE.path / "scores.csv")["code"]) == {"vae_mean", "vae_sample"}
    for what, words in (("HEAD", "--reason is missing"), ("none.zip", "is missing: name the file")):
        with pytest.raises(SystemExit) as error:
            cli.main([*before, "accept", what, *place, str(root)])
        assert error.value.code == 2 and words in capsys.readouterr().err
