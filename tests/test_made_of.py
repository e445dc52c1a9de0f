"""Files that belong to each other: whatever joins two compares what they were made of with what is there now."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from idgan_sc import cli
from idgan_sc.config import Run
from idgan_sc.data.folder import prepare_folder
from idgan_sc.evaluation.gather import _refuse_other_factors, gather_scores
from idgan_sc.evaluation.generators.factor_reader import trained_probe
from idgan_sc.evaluation.generators.traverse import traverse
from idgan_sc.evaluation.score import score
from idgan_sc.evaluation.unfinished import score_curve
from idgan_sc.files import DataError
from idgan_sc.metrics import score as score_arrays
from idgan_sc.publish import film, interactive
from idgan_sc.publish.card import write_card
from idgan_sc.records.record import note_hashes, verify_hash
from idgan_sc.records.results import Job, Results
from idgan_sc.report import agreement
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import FEW_CODES, encode
from idgan_sc.training.prepare import images_trained_on
from idgan_sc.training.train import train

Config = dict[str, Any]
OWN = Run("test", "own", "infogan_stage_a", "main", 0)


def draw_folder(root: Path, n: int = 120) -> Path:
    """Images of squares at n places of a grid, and their table."""
    (root / "images").mkdir(parents=True)
    rows = ["file,x,size,hue"]
    for i in range(n):
        x, size, hue = i % 5, i // 5 % 3, i // 15 % 2
        pixels = np.zeros((64, 64), np.uint8)
        pixels[10 : 20 + 8 * size, 10 * x : 10 * x + 12] = 120 + 100 * hue
        Image.fromarray(pixels).save(root / f"images/{i:03d}.png")
        rows.append(f"{i:03d}.png,{x},{size},{['dark', 'light'][hue]}")
    (root / "factors.csv").write_text("\n".join(rows) + "\n")
    return root


def prepared(root: Path) -> None:
    prepare_folder(root / "images", root / "out/data/own", root / "factors.csv")


@pytest.fixture(scope="module")
def finished(small_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained, encoded and scored run on a folder of images."""
    root = draw_folder(tmp_path_factory.mktemp("own"))
    prepared(root)
    job = job_of(small_config, root)
    train(job)
    encode(job)
    score(job)
    traverse(job)
    return root


def job_of(config: Config, root: Path) -> Job:
    return Job(Results(config, "test", root / "out"), OWN)


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_scores_are_those_of_score(finished: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(finished / "factors.csv")
    folder = finished / "out" / OWN.path
    with np.load(folder / "codes.npz") as stored:
        codes, indices = stored["q_mean"], stored["indices"]
    written = pandas.read_csv(folder / "scores.csv").set_index("metric")["value"]
    found = score_arrays(
        codes,
        table.drop(columns="file").iloc[indices].reset_index(drop=True),
        depths=[4, 4, 4],  # whatever the factors are called
        metrics=list(written.index),
    )
    assert dict(written) == pytest.approx(found.values, abs=1e-12)


def test_codes_of_fixed_images_are_small_and_scored_alike(finished: Path) -> None:
    folder = finished / "out" / OWN.path
    with np.load(folder / FEW_CODES) as stored:
        few = dict(stored)
    assert few["codes"].dtype == np.float16 and few["codes"].shape == (120, 5)
    with np.load(folder / "codes.npz") as stored:
        np.testing.assert_allclose(few["codes"], stored["q_mean"], atol=1e-3)  # all 120 images, in the same order
    assert few["factor_names"].tolist() == ["x", "size", "hue"] and few["discrete"].tolist() == [2]
    assert (folder / FEW_CODES).stat().st_size < 100_000


@pytest.mark.parametrize("step", [encode, score, traverse, write_card])
def test_other_images_are_said(step: Callable[[Job], Any], small_config: Config, place: Path) -> None:
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(place / "images/!first.png")
    with (place / "factors.csv").open("a") as table:
        table.write("!first.png,0,0,dark\n")
    prepared(place)
    with pytest.raises(DataError, match=r"was trained on other images than .* holds now: put those back"):
        step(job_of(small_config, place))


def test_weights_without_codes_are_not_joined_with_other_images(small_config: Config, place: Path) -> None:
    job = job_of(small_config, place)
    (job.folder / FEW_CODES).unlink()
    name, arrays = agreement.codes_of(job.results, OWN) or ("", {})
    assert name == "weights.safetensors" and len(arrays["codes"]) == 120
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(place / "images/000.png")
    prepared(place)
    with pytest.raises(DataError, match=r"was trained on other images than .* holds: put those back"):
        agreement.codes_of(job.results, OWN)


@pytest.mark.parametrize("step", [interactive._entry, film.Actor])
def test_a_traversal_of_other_weights_is_not_joined_with_these(
    step: Callable[..., Any], small_config: Config, place: Path
) -> None:
    job = job_of(small_config, place)
    note_hashes(job.folder, ["traversal.npz"], others={"weights.safetensors": "0" * 64})
    with pytest.raises(DataError, match=r"traversal\.npz was made of another weights\.safetensors than there is now"):
        step(job.results, OWN, job.folder)


def test_a_damaged_curve_is_said(small_config: Config, place: Path) -> None:
    job = job_of(small_config, place)
    with (job.folder / "curve.npz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match=r"curve\.npz is damaged \(its hash is not the recorded one\)"):
        score_curve(job, job.folder)


@pytest.mark.parametrize("step", [encode, score, traverse, write_card])
def test_other_settings_are_said(step: Callable[[Job], Any], small_config: Config, place: Path) -> None:
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["systems"]["infogan_stage_a"]["steps"] += 5
    with pytest.raises(DataError, match="is a run of other settings than the configuration's"):
        step(job_of(config, place))


def test_new_factors_of_the_same_images_are_scored_again(small_config: Config, place: Path) -> None:
    job = job_of(small_config, place)
    text = (place / "factors.csv").read_text()
    (place / "factors.csv").write_text(text.replace("hue", "shade").replace("dark", "black"))
    prepared(place)
    with pytest.raises(DataError, match=r"scores\.csv was made of another factors than there is now"):
        write_card(job)
    score(job)
    write_card(job)
    assert "shade" in (job.folder / "association.csv").read_text()


def test_codes_of_other_weights_are_said(small_config: Config, place: Path) -> None:
    job = job_of(small_config, place)
    (job.folder / "record.json").unlink()
    for path in (place / "images").iterdir():
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    prepared(place)
    train(job)  # the codes that lie there are of the first training
    for step in (score, traverse):
        with pytest.raises(DataError, match=r"codes\.npz was made of another weights\.safetensors than there is now"):
            step(job)
    encode(job)
    score(job)


def test_scores_of_other_codes_are_not_gathered(small_config: Config, place: Path) -> None:
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["runs"] = {"own": {"infogan_stage_a": ["main"]}}
    job = job_of(config, place)
    gather_scores(job.results)
    codes = job.folder / "codes.npz"
    with np.load(codes) as stored:
        arrays = dict(stored)
    np.savez(codes, **arrays | {"q_mean": arrays["q_mean"][::-1]})
    note_hashes(job.folder, ["codes.npz"])
    with pytest.raises(DataError, match=r"scores\.csv was made of another codes\.npz than there is now"):
        gather_scores(job.results)


def test_scores_against_other_factors_are_not_gathered(small_config: Config, place: Path) -> None:
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["runs"] = {"own": {"infogan_stage_a": ["main"]}}
    config["presets"]["test"]["seeds"] = {"first": 0, "count": 2}
    results = Results(config, "test", place / "out")
    first, second = results.planned[:2]
    shutil.copytree(results.job(first).folder, results.job(second).folder)
    _refuse_other_factors(results, [first, second])
    note_hashes(results.job(second).folder, ["scores.csv"], others={"factors": "0" * 64})
    with pytest.raises(DataError, match=rf"{second} was scored against other factors than {first}"):
        _refuse_other_factors(results, [first, second])


def test_images_that_are_replaced_are_said_and_their_runs_count_no_more(
    small_config: Config, place: Path, write_config: Callable[[Config], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["runs"] = {"own": {"infogan_stage_a": ["main"]}}
    results, run = Results(config, "test", place / "out"), job_of(small_config, place).folder
    words = ["--config", str(write_config(small_config)), "data", "--from-folder", str(place / "images"), "--factors"]
    words += [str(place / "factors.csv"), "--preset", "test", "--out", str(place / "out")]

    def said() -> str:
        cli.main(words)
        return capsys.readouterr().err

    assert "replaced" not in said()
    gather_scores(results)
    table = (place / "factors.csv").read_text()
    (place / "factors.csv").write_text(table.replace("dark", "deep"))
    assert "replaced" not in said()  # the names of a category's classes alone
    (place / "factors.csv").write_text(table.replace("000.png,0,", "000.png,4,"))
    found = said()
    assert f"{place / 'out/data/own'}: the factors that were there are replaced" in found
    assert f"1 runs trained on what was there are to be scored again; the first is {run}" in found
    with pytest.raises(
        DataError, match=r"was scored against other factors than .*data/own holds: run `idgan-sc score`"
    ):
        gather_scores(results)
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(place / "images/000.png")
    found = said()
    assert "own: 120 images (120 images of the folder images) that were there are replaced" in found
    assert "1 runs trained on what was there no longer count: delete them and train again, or put the images" in found
    with pytest.raises(DataError, match=r"main/0 was trained on other images than .*data/own holds: put those back"):
        gather_scores(results)


def test_what_was_never_noted_passes(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("a\n1\n")
    verify_hash(tmp_path, "scores.csv", "score again")
    note_hashes(tmp_path, ["scores.csv"], of=["codes.npz"])
    verify_hash(tmp_path, "scores.csv", "score again", {"factors": "0"})


def test_one_continuous_factor_refuses_only_what_needs_classes(
    small_config: Config, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(place / "factors.csv")
    table["phase"] = np.linspace(0, 1, len(table))
    table.to_csv(place / "factors.csv", index=False)
    prepared(place)
    job = job_of(small_config, place)
    score(job)
    written = set(pandas.read_csv(job.folder / "scores.csv")["metric"])
    assert written == {"mig", "sap", "dci"}
    said = capsys.readouterr().err
    assert said.count("left out: factor_vae: factor 'phase' has a value that only one point has") == 1
    assert not len(pandas.read_csv(job.folder / "curve.csv"))
    traverse(job)


def test_sizes_that_own_images_do_not_have_are_refused(small_config: Config) -> None:
    from idgan_sc.config import ConfigError, validate

    config = copy.deepcopy(small_config)
    config["datasets"]["own"]["evaluation"] = {"pool": "all", "points": 100}
    with pytest.raises(
        ConfigError, match="`points` has no use, since every image of the pool is scored once: remove it"
    ):
        validate(config)


def test_data_says_what_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = draw_folder(tmp_path, 75)
    words = ["--from-folder", str(root / "images"), "--factors", str(root / "factors.csv"), "--categories", "size"]
    cli.main(["data", *words, "--out", str(root / "out")])
    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "  x: number, 5 values, 0 to 4",
        "  size: category, 3 values: 0, 1, 2",
        "  hue: category, 2 values: dark, light",
    ]


def test_a_checkpoint_of_other_images_is_set_aside(
    small_config: Config, place: Path, write_config: Callable[[Config], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = job_of(small_config, place).folder
    (run / "checkpoint.safetensors").write_bytes(b"of the first images")
    words = ["--config", str(write_config(small_config)), "data", "--from-folder", str(place / "images"), "--factors"]
    words += [str(place / "factors.csv"), "--preset", "test", "--out", str(place / "out")]
    cli.main(words)
    assert (run / "checkpoint.safetensors").exists()
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(place / "images/000.png")
    cli.main(words)
    assert "began on other images and starts again" in capsys.readouterr().err
    assert not (run / "checkpoint.safetensors").exists()
    assert (run / "checkpoint-of-other-images.safetensors").read_bytes() == b"of the first images"


def test_a_predecessor_of_other_images_is_refused(small_config: Config, place: Path) -> None:
    job = job_of(small_config, place)
    images_trained_on(job.results, "own", job.folder)
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(place / "images/000.png")
    prepared(place)
    with pytest.raises(DataError, match=r"was trained on other images than .*data/own holds: put those back"):
        images_trained_on(job.results, "own", job.folder)


def test_a_network_that_read_other_factors_is_trained_again(
    small_config: Config, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copy.deepcopy(small_config)
    config["datasets"]["own"]["evaluation"] |= {"probe_steps": 3}
    results = job_of(config, place).results
    first = trained_probe(results, "own")
    assert [f.name for f in trained_probe(results, "own").factors] == [f.name for f in first.factors]
    assert "trained again" not in capsys.readouterr().err
    (place / "factors.csv").write_text((place / "factors.csv").read_text().replace("hue", "shade"))
    prepared(place)
    assert [f.name for f in trained_probe(results, "own").factors] == ["x", "size", "shade"]
    assert "was made of other images, factors or steps: it is trained again" in capsys.readouterr().err


def test_the_curve_of_a_training_of_other_settings_is_not_scored(small_config: Config, place: Path) -> None:
    config = copy.deepcopy(small_config)
    config["presets"]["test"]["systems"]["infogan_stage_a"]["steps"] += 5
    job = job_of(config, place)
    (job.folder / ".curve").mkdir()
    checkpoint.save(job.folder / ".curve/0.safetensors", {"codes": torch.zeros(120, 10)}, {"step": 0})
    with pytest.raises(DataError, match="is a run of other settings"):
        score_curve(job, job.folder)
    (job.folder / "record.json").unlink()
    checkpoint.save(job.folder / "checkpoint.safetensors", {}, {"fingerprint": "of another", "step": 3})
    with pytest.raises(DataError, match="is a training of other settings or source than today's"):
        score_curve(job, job.folder)
