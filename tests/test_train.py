"""Training as a whole: the same bytes from the same seed, whatever interrupts it, and clear words where it stops."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import job
from idgan_sc import files
from idgan_sc.config import ConfigError, Run
from idgan_sc.files import DataError
from idgan_sc.models import GAN
from idgan_sc.records.machine import commit
from idgan_sc.records.record import read_record
from idgan_sc.source import training_source
from idgan_sc.training import checkpoint
from idgan_sc.training.batches import Batches
from idgan_sc.training.encode import load_run
from idgan_sc.training.log import TrainingFailed
from idgan_sc.training.pool import pool_indices
from idgan_sc.training.train import train

Config = dict[str, Any]
OUTPUTS = ("weights.safetensors", "curve.npz", "log.csv")


def run_of(system: str, seed: int = 0, variant: str = "main") -> Run:
    return Run("test", "dsprites", system, variant, seed)


def same_bytes(a: Path, b: Path, names: tuple[str, ...] = OUTPUTS) -> None:
    assert [name for name in names if (a / name).read_bytes() != (b / name).read_bytes()] == []


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.read(folder / "weights.safetensors")[0]


def with_predecessors(finished: Callable[[str], Path], system: str, root: Path, of: str | None = None) -> Path:
    """Copy the finished predecessors of a system (or `of` another) to a results folder; return the system's place."""
    source = finished(of or system).parents[4]
    for name in ("beta_vae", "idgan_stage_a", "infogan_stage_a"):
        if (source / run_of(name).path).exists():
            shutil.copytree(source / run_of(name).path, root / run_of(name).path)
    return root / run_of(system).path


def in_child(work: Callable[[], object]) -> int | None:
    """Do something in a process of its own, a copy of this one; return its exit status, negative for a signal."""
    child = start_child(work)
    child.join(60)
    return child.exitcode


def start_child(work: Callable[[], object]) -> multiprocessing.Process:
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    return child  # type: ignore[return-value]


def strike_in_step(number: int, strike: Callable[[], object]) -> None:
    """Let something happen within the number-th step of a GAN, in this process."""
    original, calls = GAN.step, 0

    def step(self: GAN, x: torch.Tensor) -> dict[str, torch.Tensor]:
        nonlocal calls
        calls += 1
        log = original(self, x)
        if calls == number:
            strike()
        return log

    GAN.step = step  # type: ignore[method-assign]


def interrupted(config: Config, system: str, root: Path, step: int, by: signal.Signals) -> int | None:
    def work() -> None:
        strike_in_step(step, lambda: os.kill(os.getpid(), by))
        train(job(config, run_of(system), root))

    return in_child(work)


# ----------------------------------------------------------------------------------------------------------- the bytes
@pytest.mark.parametrize("system", ["beta_vae", "factor_vae", "infogan_cr", "idgan_sc"])
def test_equal_seeds_give_equal_bytes_and_another_seed_other_weights(
    system: str, config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()
    again, other = train(job(config, run_of(system), root)), train(job(config, run_of(system, seed=1), root))
    same_bytes(again, finished(system))
    first = next(name for name in tensors(again) if name.endswith("weight"))
    assert not torch.equal(tensors(again)[first], tensors(other)[first])


def test_other_streams_of_one_seed_start_alike_and_go_another_way(
    finished: Callable[[str], Path], config: Config, new_root: Callable[..., Path]
) -> None:
    """They share the stage A and its first codes, and nothing drawn later; the neutral value leaves no trace."""
    place = with_predecessors(finished, "infogan", new_root())
    first, again = finished("infogan"), train(job(config, run_of("infogan", variant="again"), place.parents[4]))
    curves = [np.load(folder / "curve.npz")["codes"] for folder in (first, again)]
    np.testing.assert_array_equal(curves[0][0], curves[1][0])
    assert np.abs(curves[0][-1] - curves[1][-1]).max() > 0
    records = [read_record(folder) for folder in (first, again)]
    assert records[0]["before"] == records[1]["before"]
    assert "streams" not in records[0]["settings"] and records[1]["settings"]["streams"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"families": {"vae": {"log_every": 1}, "gan": {"log_every": 1}}},
        {"families": {"vae": {"curve_points": 8}, "gan": {"curve_points": 6}}},
        {"evaluation": {"pool": 77, "metrics": ["mig"]}},
    ],
)
def test_logs_and_evaluation_change_no_weight(
    change: dict[str, Any], config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    preset = config["presets"]["test"]
    for family, keys in change.get("families", {}).items():
        preset["families"][family] |= keys
    preset["evaluation"] |= change.get("evaluation", {})
    changed, unchanged = tensors(train(job(config, run_of("idgan_sc"), new_root()))), tensors(finished("idgan_sc"))
    assert changed.keys() == unchanged.keys()
    assert all(torch.equal(changed[name], unchanged[name]) for name in changed)


def test_how_often_a_checkpoint_is_written_changes_no_byte(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    config["compute"]["checkpoint_seconds"] = 1000
    same_bytes(train(job(config, run_of("infogan_cr"), new_root())), finished("infogan_cr"))


def test_predecessors_are_trained_and_named_in_the_record(finished: Callable[[str], Path]) -> None:
    folder = finished("idgan_sc")
    record = read_record(folder)
    assert {role: before["path"] for role, before in record["before"].items()} == {
        "start": "runs/dsprites/idgan_stage_a/main/0", "vae": "runs/dsprites/beta_vae/main/0",
    }  # fmt: skip
    for name, digest in record["outputs"].items():
        assert files.sha256(folder / name) == digest
    assert set(record["outputs"]) == set(OUTPUTS) and record["seed"] == 0
    before = [read_record(folder.parents[4] / row["path"])["settings"] for row in record["before"].values()]
    assert record["source"] == training_source(record["settings"], before, "dsprites")
    assert "state.safetensors" in read_record(folder.parents[4] / record["before"]["start"]["path"])["outputs"]


def test_stage_b_goes_on_from_the_weights_and_moments_of_stage_a(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    """With rates of nothing stage B ends with stage A's weights; E is its own beginning."""
    for key in ("lr_generator", "lr_discriminator", "lr_pair"):
        config["variants"]["main"][key] = 1e-30
    root = new_root()
    folder = with_predecessors(finished, "idgan_sc_prior", root)
    start = finished("infogan_stage_a")
    train(job(config, run_of("idgan_sc_prior"), root), {"start": start})
    a, b = tensors(start), tensors(folder)
    learned = [name for name in a if name.endswith(("weight", "bias")) and "deconv.2" not in name]
    assert all(torch.equal(a[name], b[name]) for name in learned)
    assert {name.split("/")[0] for name in b.keys() - a.keys()} == {"pair"}
    state = checkpoint.read(start / "state.safetensors")[0]
    counts = {float(t) for name, t in state.items() if name.startswith("adam/generator") and name.endswith("/step")}
    assert counts == {5.0}  # the steps of stage A


def test_the_curve_ends_with_the_codes_of_the_weights(finished: Callable[[str], Path], config: Config) -> None:
    folder = finished("infogan_cr")
    with np.load(folder / "curve.npz", allow_pickle=False) as curve:
        steps, codes = curve["steps"], curve["codes"]
    assert steps.tolist() == [0, 4, 7] and codes.shape == (3, 400, 5) and np.isfinite(codes).all()
    from idgan_sc.data.images import open_images
    from idgan_sc.training.encode import encode_pool

    images = open_images(folder.parents[4] / "data" / "dsprites")
    method = load_run(folder)
    np.testing.assert_array_equal(codes[-1], encode_pool(method, images, pool_indices(images, "test", 400), "cpu"))
    assert not np.array_equal(codes[0], codes[-1])


def test_the_log_has_a_row_every_few_steps_and_one_at_the_end(finished: Callable[[str], Path]) -> None:
    log = pd.read_csv(finished("idgan_sc") / "log.csv")
    assert log["step"].tolist() == [3, 6, 7] and log.columns[0] == "step"
    assert np.isfinite(log.to_numpy()).all()


def test_batches_visit_every_image_once_an_epoch_in_a_new_order() -> None:
    batches = Batches(10, 3, 0, "a")
    first, second = (np.concatenate([batches.next() for _ in range(3)]) for _ in range(2))
    assert len(set(first)) == len(set(second)) == 9 and first.tolist() != second.tolist()
    batches.next()
    resumed = Batches(10, 3, 0, "a")
    resumed.load(batches.tensors())
    for _ in range(5):
        assert batches.next().tolist() == resumed.next().tolist()


# ------------------------------------------------------------------------------------------------------- interruptions
@pytest.mark.parametrize("system", ["idgan_sc", "infogan_cr", "infogan_stage_a"])
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("step", [1, 5])
def test_an_interrupted_training_goes_on_and_ends_in_the_same_bytes(
    system: str, by: signal.Signals, step: int, config: Config, finished: Callable[[str], Path],
    new_root: Callable[..., Path],
) -> None:  # fmt: skip
    root = new_root()
    folder = root / run_of(system).path if system.endswith("_a") else with_predecessors(finished, system, root)
    status = interrupted(config, system, root, step, by)
    assert status == (143 if by == signal.SIGTERM else -signal.SIGKILL)
    assert not (folder / "record.json").exists()
    assert (folder / "checkpoint.safetensors").exists() == (by == signal.SIGTERM or step > 1)
    assert train(job(config, run_of(system), root)) == folder
    names = (*OUTPUTS, "state.safetensors") if system.endswith("_a") else OUTPUTS
    same_bytes(folder, finished(system), names)
    assert not [path.name for path in folder.iterdir() if "checkpoint" in path.name or path.name == ".curve"]


def test_a_delayed_regulariser_still_begins_in_time_after_an_interruption(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    config["systems"]["idgan_sc_prior"]["pair_start"] = 4
    one, other = new_root("one"), new_root("other")
    whole, cut = (with_predecessors(finished, "idgan_sc_prior", root, of="infogan_stage_a") for root in (one, other))
    train(job(config, run_of("idgan_sc_prior"), one))
    assert interrupted(config, "idgan_sc_prior", other, 3, signal.SIGTERM) == 143
    train(job(config, run_of("idgan_sc_prior"), other))
    same_bytes(whole, cut)
    assert pd.read_csv(cut / "log.csv")["loss_pair"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize("system", ["beta_vae", "factor_vae"])
def test_an_interrupted_vae_goes_on_too(
    system: str, config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()

    def work() -> None:
        from idgan_sc.models import BetaVAE, FactorVAE

        for method in (BetaVAE, FactorVAE):
            original = method.permute if method is FactorVAE else method.step

            def die_later(self: Any, x: torch.Tensor, original: Any = original) -> Any:
                self.calls = getattr(self, "calls", 0) + 1
                if self.calls == 4:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(self, x)

            setattr(method, original.__name__, die_later)
        train(job(config, run_of(system), root))

    assert in_child(work) == -signal.SIGKILL
    same_bytes(train(job(config, run_of(system), root)), finished(system))


def test_killed_before_any_file_gets_its_name_it_still_ends_in_the_same_bytes(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    """One process after another does some more moves of files than the last and is killed at the next."""
    config["presets"]["test"]["families"]["gan"]["steps"] = 2
    expected = with_predecessors(finished, "infogan", new_root("expected"))
    train(job(config, run_of("infogan"), expected.parents[4]))
    root = new_root()
    folder = with_predecessors(finished, "infogan", root)

    def work(moves: int) -> None:
        original, done = files.replace, 0

        def replace(temporary: Path, path: Path) -> None:
            nonlocal done
            if done == moves:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            original(temporary, path)

        files.replace = replace
        train(job(config, run_of("infogan"), root))

    statuses = []
    for moves in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        statuses.append(in_child(lambda moves=moves: work(moves)))  # type: ignore[misc]
        same_bytes(train(job(config, run_of("infogan"), root)), expected)
        if statuses[-1] == 0:
            break
    assert statuses[-1] == 0 and set(statuses[:-1]) == {-signal.SIGKILL} and len(statuses) > 8


def test_sigterm_to_the_command_leaves_a_checkpoint_and_status_143(
    config: Config,
    write_config: Callable[[Config], Path],
    finished: Callable[[str], Path],
    new_root: Callable[..., Path],
) -> None:
    config["presets"]["test"]["families"]["gan"]["steps"] = 100_000
    root = new_root()
    shutil.copytree(finished("infogan_stage_a"), root / run_of("infogan_stage_a").path)
    command = [sys.executable, "-m", "idgan_sc", "--config", str(write_config(config)), "train", "--system", "infogan"]
    process = subprocess.Popen([*command, "--out", str(root)], stderr=subprocess.PIPE, text=True)
    saved = root / run_of("infogan").path / "checkpoint.safetensors"
    until = time.monotonic() + 60
    while not saved.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143 and "Traceback" not in said
    assert "the same command goes on" in said and checkpoint.read(saved)[1]["step"] > 0


def test_of_two_trainings_of_one_run_the_second_waits_and_finds_it_finished(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path], tmp_path: Path
) -> None:
    root = new_root()
    folder = with_predecessors(finished, "infogan", root)
    training, waiting = tmp_path / "training", tmp_path / "waiting"

    def first() -> None:
        def hold() -> None:
            training.touch()
            while not waiting.exists():
                time.sleep(0.01)
            time.sleep(0.3)

        strike_in_step(2, hold)
        train(job(config, run_of("infogan"), root))

    def second() -> None:
        def never() -> None:
            raise AssertionError("the second process trained as well")

        strike_in_step(1, never)
        waiting.touch()
        train(job(config, run_of("infogan"), root))

    one = start_child(first)
    while not training.exists() and one.is_alive():
        time.sleep(0.01)
    assert in_child(second) == 0
    one.join(60)
    assert one.exitcode == 0
    same_bytes(folder, finished("infogan"))


# ------------------------------------------------------------------------------------------ what is not as it should be
def test_a_checkpoint_of_other_settings_is_left_with_a_word(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_root()
    folder = with_predecessors(finished, "infogan", root)
    config["variants"]["main"]["lambda_info"] = 0.5
    shutil.rmtree(root / run_of("infogan_stage_a").path)
    train(job(config, run_of("infogan_stage_a"), root))
    assert interrupted(config, "infogan", root, 4, signal.SIGTERM) == 143
    del config["variants"]["main"]["lambda_info"]
    shutil.rmtree(root / run_of("infogan_stage_a").path)
    capsys.readouterr()
    train(job(config, run_of("infogan"), root))
    assert "is of other settings or source: starting again" in capsys.readouterr().err
    same_bytes(folder, finished("infogan"))


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)


def change_step_in_header(path: Path) -> None:
    content = path.read_bytes()
    step = re.search(rb'\\"step\\": (\d)[,}]', content)
    assert step
    path.write_bytes(content[: step.start(1)] + b"9" + content[step.end(1) :])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip(path, 0.99),
        lambda path: flip(path, 0.5),
        lambda path: flip(path, 0.0),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        change_step_in_header,
    ],
    ids=["end flipped", "middle flipped", "first byte flipped", "truncated", "empty", "header altered"],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    damage: Callable[[Path], object], config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()
    folder = with_predecessors(finished, "infogan", root)
    assert interrupted(config, "infogan", root, 4, signal.SIGTERM) == 143
    damage(folder / "checkpoint.safetensors")
    with pytest.raises(DataError, match=r"checkpoint\.safetensors is damaged.*delete it") as error:
        train(job(config, run_of("infogan"), root))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "log.csv", "curve.npz", "state.safetensors"])
def test_a_damaged_or_missing_file_of_a_finished_run_is_named(
    name: str, config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()
    folder = root / run_of("infogan_stage_a").path
    shutil.copytree(finished("infogan_stage_a"), folder)
    flip(folder / name, 0.9)
    with pytest.raises(DataError, match=re.escape(name)):
        train(job(config, run_of("infogan"), root))
    (folder / name).unlink()
    with pytest.raises(DataError, match=re.escape(name)):
        train(job(config, run_of("infogan"), root))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"fingerprint": 3}', "\udcff"])
def test_a_damaged_record_is_refused_in_one_line(
    content: str, config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()
    folder = root / run_of("infogan_stage_a").path
    shutil.copytree(finished("infogan_stage_a"), folder)
    (folder / "record.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=r"record\.json|other settings") as error:
        train(job(config, run_of("infogan"), root))
    assert "\n" not in str(error.value)


def test_a_finished_run_of_other_settings_is_not_overwritten(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    root = new_root()
    shutil.copytree(finished("infogan_stage_a"), root / run_of("infogan_stage_a").path)
    config["presets"]["test"]["families"]["gan"]["lr_generator"] = 0.5
    with pytest.raises(DataError, match="other settings or source"):
        train(job(config, run_of("infogan_stage_a"), root))


def test_a_finished_run_of_another_preset_is_not_taken_for_it(
    finished: Callable[[str], Path], config: Config, new_root: Callable[..., Path]
) -> None:
    place = with_predecessors(finished, "infogan", new_root())
    shutil.copytree(finished("infogan"), place)
    record = json.loads((place / "record.json").read_text())
    (place / "record.json").write_text(json.dumps(record | {"preset": "desk"}))
    with pytest.raises(DataError, match=r"is of preset desk, not test: delete it"):
        train(job(config, run_of("infogan"), place.parents[4]))


def test_a_loss_that_is_not_finite_stops_the_run_and_is_named(config: Config, new_root: Callable[..., Path]) -> None:
    config["presets"]["test"]["families"]["gan"]["lr_generator"] = 1e38
    root = new_root()
    said = r"infogan_stage_a \(main\), seed 3, step \d+: `\w+` is (nan|-?inf)"
    with pytest.raises(TrainingFailed, match=said) as error:
        train(job(config, run_of("infogan_stage_a", seed=3), root))
    assert "\n" not in str(error.value)
    folder = root / run_of("infogan_stage_a", seed=3).path
    assert not (folder / "record.json").exists() and not (folder / "weights.safetensors").exists()


def test_an_evaluation_pool_beyond_the_data_set_is_refused(config: Config, new_root: Callable[..., Path]) -> None:
    config["presets"]["test"]["evaluation"]["pool"] = 5000
    with pytest.raises(DataError, match="pool 5000 exceeds the 2000 images"):
        train(job(config, run_of("infogan_stage_a"), new_root()))


def test_asking_for_an_absent_gpu_is_refused(
    config: Config, new_root: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config["compute"]["device"] = "cuda"
    with pytest.raises(ConfigError, match="device"):
        train(job(config, run_of("infogan_stage_a"), new_root()))


# -------------------------------------------------------------------------------------- predecessors from another place
def test_stage_a_from_another_folder_gives_the_same_weights(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    expected, root = finished("infogan_cr"), new_root()
    folder = train(job(config, run_of("infogan_cr"), root), {"start": finished("infogan_stage_a")})
    same_bytes(folder, expected)
    assert not (root / run_of("infogan_stage_a").path).exists()
    assert load_run(folder).settings == read_record(folder)["settings"]


def test_a_beta_vae_from_another_folder_serves_stage_a_as_well(
    config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    expected, root = finished("idgan_sc"), new_root()
    folder = train(job(config, run_of("idgan_sc"), root), {"vae": finished("beta_vae")})
    assert not (root / run_of("beta_vae").path).exists()
    same_bytes(folder, expected)
    assert load_run(folder).settings == read_record(folder)["settings"]


@pytest.mark.parametrize(("role", "other"), [("start", "idgan_stage_a"), ("start", "infogan"), ("vae", "infogan_cr")])
def test_a_predecessor_of_another_kind_is_refused(
    role: str, other: str, config: Config, finished: Callable[[str], Path], new_root: Callable[..., Path]
) -> None:
    system = "infogan_cr" if role == "start" else "idgan_stage_a"
    with pytest.raises((DataError, ConfigError)) as error:
        train(job(config, run_of(system), new_root()), {role: finished(other)})
    assert "\n" not in str(error.value) and str(finished(other)) in str(error.value)


def test_an_unfinished_predecessor_is_refused(config: Config, new_root: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        train(job(config, run_of("infogan"), new_root()), {"start": tmp_path / "nothing"})


def test_the_record_is_json_without_surprises(finished: Callable[[str], Path]) -> None:
    text = (finished("infogan_cr") / "record.json").read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    needed = "settings source fingerprint seed torch device threads seconds peak_memory_mb commit dirty inputs outputs"
    assert set(needed.split()) <= record.keys()


def test_a_record_says_whether_the_checkout_was_changed_but_not_by_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for name in ("src/package/code.py", "results/desk/published/scores.csv", "README.md", "config.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    monkeypatch.setattr("idgan_sc.records.machine.PACKAGE", tmp_path / "src/package")
    for names, dirty in (
        ((), False),
        (("results/desk/published/scores.csv", "README.md"), False),
        (("config.yaml",), True),
        (("src/package/code.py",), True),
    ):
        for name in names:
            (tmp_path / name).write_text("changed")
        commit.cache_clear()
        assert commit()["dirty"] is dirty
        git("checkout", ".")
    commit.cache_clear()
