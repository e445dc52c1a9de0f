"""The command line: one run from nothing to its scores, and mistakes answered in one line."""

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from idgan_sc import cli
from idgan_sc.data.images import open_images

Config = dict[str, Any]
SHIPPED = Path(__file__).parents[1] / "config.yaml"


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Path:
    """A results folder where `infogan_cr`, seed 7, is trained, encoded, scored and traversed at the `test` preset."""
    root = tmp_path_factory.mktemp("cli") / "results"
    (root / "data").mkdir(parents=True)
    (root / "data" / "dsprites").symlink_to(small_data)
    for command in ("train", "encode", "score", "traverse"):
        idgan_sc(
            command, "--preset", "test", "--dataset", "dsprites", "--system", "infogan_cr", "--seed", "7", out=root
        )
    return root


def idgan_sc(command: str, *options: str, out: Path | None = None, config: Path = SHIPPED) -> None:
    cli.main(["--config", str(config), command, *options, *(["--out", str(out)] if out else [])])


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a mistaken command is answered with."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        cli.main(list(arguments))
    assert exit_.value.code == 2
    return capsys.readouterr().err.removesuffix("\n")


def run_folder(root: Path, system: str = "infogan_cr") -> Path:
    return root / "runs" / "dsprites" / system / "main" / "7"


def test_settings_says_where_each_setting_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--config", str(SHIPPED), "settings", "--preset", "desk", "--system", "infogan_cr"])
    *settings, before = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    record = Path(SHIPPED.parent, "results/desk/published/runs/dsprites/infogan_cr/main/0/record.json")
    assert {row[0] for row in settings} == set(json.loads(record.read_text(encoding="utf-8"))["settings"])
    assert ["alpha", "0.2", "presets.desk.systems.infogan_cr"] in settings
    assert ["batch", "64", "families.gan"] in settings
    assert ["pool", "50000", "presets.desk.evaluation"] in settings
    assert ["source", "procedural", "presets.desk.datasets.dsprites"] in settings
    assert "dsprites/infogan_stage_a/main/0" in " ".join(before)


def test_settings_says_whose_steps_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    run = ["--system", "idgan_sc", "--variant", "sc_from_start"]
    cli.main(["--config", str(SHIPPED), "settings", "--preset", "desk", *run])
    (steps,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("steps")]
    assert steps.split(maxsplit=2)[1:] == ["23000", "presets.desk.families.gan, and the steps of idgan_stage_a"]


# ------------------------------------------------------------------------------------------------------------ one run
def test_train_trains_the_predecessor_and_writes_what_it_promises(scored: Path) -> None:
    assert {"weights.safetensors", "curve.npz", "log.csv", "record.json"} <= {
        p.name for p in run_folder(scored).iterdir()
    }
    assert (run_folder(scored, "infogan_stage_a") / "state.safetensors").exists()
    record = json.loads((run_folder(scored) / "record.json").read_text(encoding="utf-8"))
    assert (record["preset"], record["system"], record["seed"], record["settings"]["steps"]) == (
        "test",
        "infogan_cr",
        7,
        20,
    )


def test_encode_writes_a_code_for_every_image_of_the_pool(scored: Path) -> None:
    with np.load(run_folder(scored) / "codes.npz", allow_pickle=False) as file:
        codes, indices = file["q_mean"], file["indices"]
    assert codes.shape == (1000, 5) and np.isfinite(codes).all()
    assert len(set(indices)) == 1000 and (np.diff(indices) > 0).all()


def test_scores_are_one_row_a_metric_and_lie_between_0_and_1(scored: Path) -> None:
    scores = pd.read_csv(run_folder(scored) / "scores.csv")
    assert scores["metric"].tolist() == ["factor_vae", "beta_vae", "sap", "mig", "dci"]
    assert scores["value"].between(0, 1).all()
    assert scores[["system", "variant", "seed", "code", "k"]].drop_duplicates().to_numpy().tolist() == [
        ["infogan_cr", "main", 7, "q_mean", 5]
    ]
    curve = pd.read_csv(run_folder(scored) / "curve.csv")
    assert curve.groupby("step").size().to_dict() == {0: 2, 20: 2} and set(curve["metric"]) == {"factor_vae"}
    last = curve[(curve["step"] == 20) & (curve["draw"] == 0)]["value"].item()
    assert last == scores.loc[scores["metric"] == "factor_vae", "value"].item()


def test_traverse_sweeps_one_code_at_a_time(scored: Path) -> None:
    with np.load(run_folder(scored) / "traversal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["images"].shape == (4, 5, 10, 1, 32, 32) and arrays["pairs"].shape == (5, 4, 3, 1, 32, 32)
    assert arrays["samples"].shape == (64, 1, 32, 32) and arrays["images"].dtype == np.uint8
    assert arrays["association"].shape == (5, 5) and arrays["factor_names"].tolist() == [
        "shape", "scale", "orientation", "x", "y",
    ]  # fmt: skip
    shapes = json.loads((run_folder(scored) / "networks.json").read_text(encoding="utf-8"))["networks"]
    assert shapes.keys() == {"generator", "discriminator", "pair"}
    assert shapes["pair"]["layers"][-1]["shape"] == [5]


def test_steps_done_again_give_the_same_bytes(scored: Path) -> None:
    names = ["codes.npz", "scores.csv", "curve.csv", "traversal.npz", "networks.json", "weights.safetensors"]
    before = {name: (run_folder(scored) / name).read_bytes() for name in names}
    for command in ("train", "encode", "score", "traverse"):
        idgan_sc(command, "--preset", "test", "--system", "infogan_cr", "--seed", "7", out=scored)
    assert [name for name in names if (run_folder(scored) / name).read_bytes() != before[name]] == []


@pytest.mark.parametrize(("system", "names"), [("beta_vae", {"vae_mean", "vae_sample"}), ("idgan_sc", {"q_mean"})])
def test_other_systems_are_encoded_scored_and_traversed_too(
    system: str, names: set[str], config: Config, write_config: Callable[[Config], Path],
    finished: Callable[[str], Path], new_root: Callable[..., Path],
) -> None:  # fmt: skip
    root = new_root()
    shutil.copytree(finished(system).parents[3], root / "runs")
    for command in ("encode", "score", "traverse"):
        idgan_sc(command, "--system", system, out=root, config=write_config(config))
    folder = root / "runs" / "dsprites" / system / "main" / "0"
    assert names <= set(pd.read_csv(folder / "scores.csv")["code"])
    with np.load(folder / "traversal.npz", allow_pickle=False) as file:
        assert file["images"].shape[1] == 10


def test_data_renders_what_is_not_there_and_checks_what_is(
    new_root: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, small_data: Path
) -> None:
    idgan_sc("data", "--preset", "test", out=new_root())
    assert "2000 images of (1, 64, 64)" in capsys.readouterr().out
    root = tmp_path / "damaged"
    shutil.copytree(small_data, root / "data" / "dsprites")
    content = bytearray((root / "data" / "dsprites" / "images.npy").read_bytes())
    content[-1] ^= 1
    (root / "data" / "dsprites" / "images.npy").write_bytes(content)
    said = mistake(capsys, "--config", str(SHIPPED), "data", "--preset", "test", "--out", str(root))
    assert "images.npy is damaged" in said and "\n" not in said


def test_data_of_another_source_than_the_settings_is_refused(
    config: Config, write_config: Callable[[Config], Path], new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Settings that say `real` must not train on rendered images that happen to lie there."""
    config["presets"]["test"]["datasets"]["dsprites"]["source"] = "real"
    root = new_root()
    assert "procedural" in open_images(root / "data" / "dsprites").source
    said = mistake(
        capsys, "--config", str(write_config(config)), "train", "--system", "infogan_stage_a", "--out", str(root)
    )
    assert "\n" not in said and "source" in said


def test_data_of_other_settings_or_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images that an earlier renderer drew would be taken for today's."""
    root = tmp_path / "results"
    idgan_sc("data", "--preset", "test", out=root)
    idgan_sc("data", "--preset", "test", out=root)  # the same: taken as it is
    path = root / "data/dsprites/made_by.json"
    by = json.loads(path.read_text(encoding="utf-8"))
    assert by["source"] == "procedural"
    for text in (json.dumps(by | {"code": "0" * 12}), "{"):
        path.write_text(text, encoding="utf-8")
        said = mistake(capsys, "--config", str(SHIPPED), "data", "--preset", "test", "--out", str(root))
        assert "\n" not in said and "other settings or code" in said and "delete it" in said


def test_a_data_set_that_no_run_of_the_preset_uses_is_checked_too(
    config: Config, write_config: Callable[[Config], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config["presets"]["test"]["datasets"]["own"] = {"families": {"gan": {"image_size": 48}}}
    arguments = ["train", "--dataset", "own", "--system", "infogan_stage_a", "--out", str(tmp_path)]
    said = mistake(capsys, "--config", str(write_config(config)), *arguments)
    assert "image_size" in said and "48" in said and "\n" not in said


def test_what_cannot_be_refereed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "codes.npz").write_text("no archive")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["referee", str(tmp_path / "codes.npz"), "--to", str(tmp_path / "out")])
    assert stopped.value.code == 2 and "codes.npz is no .npz file" in capsys.readouterr().err


def test_the_referee_asks_for_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("idgan_sc.metrics.referee.main", lambda files, to: to.mkdir())
    cli.main(["referee", "codes.npz", "--to", "there"])
    assert (tmp_path / "there").is_dir()


def test_check_says_that_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    idgan_sc("check")
    assert re.search(
        r"nothing wrong\n(protocol of (paper|desk|released|rooms|second|correlated), \w+: [0-9a-f]{12}\n){10}$",
        capsys.readouterr().out,
    )


# ------------------------------------------------------------------------------------------------------------ mistakes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--preset", "qick", "--system", "infogan"], ["--preset qick", "quick"]),
        (["train", "--system", "infogna"], ["--system infogna", "infogan"]),
        (["train", "--system", "infogan", "--variant", "c11"], ["--variant c11"]),
        (["train", "--system", "infogan", "--variant", "tau_07"], ["tau_07", "infogan"]),
        (["train", "--system", "infogan", "--dataset", "sprites"], ["--dataset sprites"]),
        (["table", "table99", "--preset", "test"], ["table99"]),
        (["figure", "figure99", "--preset", "test"], ["figure99"]),
        (["data", "--preset", "test", "--factors", "factors.csv"], ["--factors", "--from-folder"]),
        (["data", "--preset", "test", "--crop", "9"], ["--crop", "--from-folder"]),
        (["train", "--system", "infogan", "--seeds", "0-1", "--from", "there"], ["--from", "one --seed"]),
        (["data", "--from-folder", "here", "--file", "there.npz"], ["--file", "leave it out"]),
        (["data", "--preset", ""], ["--preset ''", "is unknown"]),
    ],
)
def test_names_that_do_not_exist_are_named_in_one_line(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = mistake(capsys, "--config", str(SHIPPED), *arguments)
    assert "\n" not in said.strip() and said.startswith("idgan-sc: ") and all(word in said for word in words), said


@pytest.mark.parametrize(
    ("option", "value"), [("--crop", "3_2"), ("--crop", "0"), ("--from-folder", ""), ("--out", ""), ("--factors", "")]
)
def test_a_size_or_path_that_cannot_be_meant_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = mistake(capsys, "--config", str(SHIPPED), "data", f"{option}={value}")
    assert f"argument {option}" in said.splitlines()[-1]


def test_seeds_beyond_all_measure_are_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys, "--config", str(SHIPPED), "train", "--system", "infogan", "--seeds", "0-99999999999")
    assert "more than 100000 seeds" in said.splitlines()[-1]


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", ""])
def test_a_seed_is_a_number_from_0_on(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys, "--config", str(SHIPPED), "train", "--system", "infogan", f"--seed={seed}")
    assert "--seed" in said.splitlines()[-1]


@pytest.mark.parametrize("command", ["encode", "score", "traverse"])
def test_what_needs_a_finished_run_says_so(
    command: str, new_root: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", str(SHIPPED), command, "--preset", "test", "--system", "infogan", "--out", str(new_root())]
    said = mistake(capsys, *arguments)
    assert "\n" not in said and ("train" in said or "encode" in said)


def test_nothing_is_downloaded_for_a_run_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idgan_sc.training.prepare.ensure_images", lambda *_: pytest.fail("images were asked for"))
    run = ("--dataset", "celeba", "--system", "idgan_sc", "--preset", "paper", "--out", str(tmp_path / "out"))
    for command in ("encode", "traverse", "leakage", "card"):
        assert "celeba/idgan_sc/main/0 holds no finished run" in mistake(capsys, command, *run)
    assert "--dataset celeba: its images have no factors" in mistake(capsys, "score", *run)
    assert not (tmp_path / "out").exists()


def test_a_pool_too_small_to_score_is_refused_in_one_line(
    config: Config, write_config: Callable[[Config], Path], new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    config["presets"]["test"]["evaluation"] |= {"pool": 60, "std": 60}
    path, root = write_config(config), new_root()
    for command in ("train", "encode"):
        idgan_sc(command, "--system", "infogan_stage_a", out=root, config=path)
    arguments = ["--config", str(path), "score", "--system", "infogan_stage_a", "--out", str(root)]
    said = mistake(capsys, *arguments)
    assert "\n" not in said and "pool" in said


def test_traverse_before_encode_says_so(
    finished: Callable[[str], Path], new_root: Callable[..., Path], config: Config,
    write_config: Callable[[Config], Path], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root = new_root()
    folder = root / "runs" / "dsprites" / "infogan_stage_a" / "main" / "0"
    shutil.copytree(finished("infogan_stage_a"), folder)
    (folder / "codes.npz").unlink(missing_ok=True)
    arguments = ["--config", str(write_config(config)), "traverse", "--system", "infogan_stage_a", "--out", str(root)]
    said = mistake(capsys, *arguments)
    assert "\n" not in said and "codes.npz" in said


@pytest.mark.parametrize("name", ["codes.npz", "curve.npz"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_damaged_codes_are_refused_in_one_line(
    name: str, damage: str, scored: Path, new_root: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_root()
    shutil.copytree(run_folder(scored), run_folder(root))
    path = run_folder(root) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    damaged = {"truncated": path.read_bytes()[:-200], "empty": b"", "flipped": bytes(content), "text": b"codes"}
    path.write_bytes(damaged[damage])
    arguments = ["score", "--preset", "test", "--system", "infogan_cr", "--seed", "7", "--out", str(root)]
    said = mistake(capsys, "--config", str(SHIPPED), *arguments)
    assert "\n" not in said and name in said and "damaged" in said


def test_a_failed_training_is_one_line(
    config: Config, write_config: Callable[[Config], Path], new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    config["presets"]["test"]["families"]["gan"]["lr_generator"] = 1e38
    path, root = write_config(config), new_root()
    said = mistake(capsys, "--config", str(path), "train", "--system", "infogan", "--out", str(root))
    line = said.splitlines()[-1]  # below the progress bar
    assert line.startswith("idgan-sc: ") and "infogan_stage_a" in line and "seed 0" in line and "Traceback" not in said


def test_a_broken_configuration_is_one_line(
    shipped: Config, write_config: Callable[[Config], Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = copy.deepcopy(shipped)
    broken["families"]["gan"]["alpah"] = 2
    said = mistake(capsys, "--config", str(write_config(broken)), "check")
    assert "\n" not in said and "did you mean `alpha`?" in said
    said = mistake(capsys, "--config", str(tmp_path / "absent.yaml"), "check")
    assert "\n" not in said and "absent.yaml" in said


def test_the_installed_command_answers_on_stderr_with_a_status_that_is_not_0() -> None:
    command = [
        str(Path(sys.executable).with_name("idgan-sc")),
        "--config",
        str(SHIPPED),
        "train",
        "--system",
        "infogna",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, None) and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "infogna" in done.stderr


def test_a_grid_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = 3 * np.arange(66, dtype=np.uint8)[:, None, None] * np.ones((1, 64, 64), np.uint8)
    labels = [[x, y] for x in range(33) for y in range(2)]
    np.savez(tmp_path / "grid.npz", images=pixels, labels=labels)
    out = ("--preset", "test", "--out", str(tmp_path / "out"))
    cli.main(["data", "--from-grid", str(tmp_path / "grid.npz"), "--names", "x,y", *out])
    assert "66 images of (1, 64, 64), 66 images of the file grid.npz" in capsys.readouterr().out
    about = json.loads((tmp_path / "out/data/own/dataset.json").read_text())
    assert (about["factor_names"], about["factor_sizes"]) == (["x", "y"], [33, 2])
    assert "--names belongs to --from-grid" in mistake(capsys, "data", "--names", "x,y", *out)
    grid = ("--from-grid", str(tmp_path / "grid.npz"))
    assert "give one of them" in mistake(capsys, "data", *grid, "--from-folder", str(tmp_path), *out)
    assert "the data set digits is not made of your images" in mistake(
        capsys, "data", "--dataset", "digits", *grid, *out
    )


def test_fewer_images_than_training_and_evaluation_need_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64), dtype=np.uint8)
    np.savez(tmp_path / "grid.npz", images=pixels, labels=[[x, y] for x in range(3) for y in range(2)])
    (tmp_path / "one").mkdir()
    Image.fromarray(pixels[0]).save(tmp_path / "one" / "a.png")
    (tmp_path / "factors.csv").write_text("file,size\na.png,1\n")
    for words, found in (
        (["--from-grid", str(tmp_path / "grid.npz")], "grid.npz holds 6 images"),
        (["--from-folder", str(tmp_path / "one")], "one holds 1 images"),
        (["--from-folder", str(tmp_path / "one"), "--factors", str(tmp_path / "factors.csv")], "one holds 1 images"),
    ):
        said = mistake(capsys, "data", *words, "--preset", "test", "--out", str(tmp_path / "out"))
        assert said.endswith(f"{found}, training and evaluation at this preset need 64: add images"), said
    assert not list((tmp_path / "out").rglob("*.npy"))


def test_a_batch_that_the_images_cannot_fill_is_refused_before_any_training(
    config: Config, write_config: Callable[[Config], Path], new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Also of a run that the asked one builds on; before, a step took as many as there were."""
    config["presets"]["test"]["systems"]["beta_vae"] = {"batch": 2001}
    words = ["--config", str(write_config(config)), "train", "--system", "idgan_sc", "--out", str(new_root())]
    said = mistake(capsys, *words)
    assert "holds 2000 images, and a batch of dsprites/beta_vae/main/0 takes 2001: add images, or lower `batch`" in said
    assert not (Path(words[-1]) / "runs").exists()


@pytest.mark.parametrize("command", ["encode", "score", "traverse", "leakage", "card"])
@pytest.mark.parametrize(
    ("seed", "found"), [("0", "it is published: idgan_sc.load("), ("1", "seed 0 has some, idgan_")]
)
def test_a_published_run_is_named_where_none_is_trained(
    command: str, seed: str, found: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SHIPPED.parent)
    said = mistake(capsys, command, "--preset", "desk", "--system", "idgan_sc", "--seed", seed)
    assert found in said and f"results/desk/published/runs/dsprites/idgan_sc/main/{seed}" in said
    assert "train it first" not in said


def test_of_many_names_the_nearest_are_listed_and_where_all_are(capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys, "--config", str(SHIPPED), "encode", "--system", "infogna")
    assert f"choose one of infogan, infogan_cr, infogan_stage_a, … (17; `systems` in {SHIPPED} has all)" in said
    said = mistake(capsys, "--config", str(SHIPPED), "figure", "figure99", "--preset", "desk")
    assert said.count("figure") < 8 and "`idgan-sc figure` alone names all" in said
    idgan_sc("figure", "--preset", "desk")
    assert len(capsys.readouterr().out.split()) > 12


def test_without_a_command_it_says_what_to_type_first(capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys).splitlines()
    assert "idgan-sc --help" in said[0] and said[2] == "  idgan-sc demo"
    assert said[4].startswith("  idgan-sc train --preset test --system infogan ")


def test_the_help_of_every_command_says_what_it_reads_or_writes(capsys: pytest.CaptureFixture[str]) -> None:
    (commands,) = (action.choices for action in cli.parser()._actions if action.dest == "command")
    for name in commands:
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        assert re.search(r"^(Reads|Writes) ", capsys.readouterr().out, re.M), name


def test_completion_without_its_library_names_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    said = mistake(capsys, "--config", str(SHIPPED), "completion", "bash")
    assert "\n" not in said and "pip install '.[completion]'" in said


def test_the_shell_completes_commands_and_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    cli.main(["--config", str(SHIPPED), "completion", "bash"])
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    for words, wanted in (
        ("tr", "train traverse"),
        ("train --system infogan_c", "infogan_cr"),
        ("check --he", "--help"),
    ):
        typed = f"COMP_WORDS=(idgan-sc {words}); COMP_CWORD={len(words.split())}; COMPREPLY=(); _shtab_idgan_sc"
        asked = ["bash", "-c", f"source {script}; {typed}; echo ${{COMPREPLY[*]}}"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == wanted
