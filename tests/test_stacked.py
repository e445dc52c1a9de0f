"""Seeds trained as one are single runs up to rounding: weights, norms, moments, streams, logs and files."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from conftest import job
from idgan_sc.cli import main
from idgan_sc.config import ConfigError, Run, resolve, without_factorial
from idgan_sc.models import GAN, Method, build
from idgan_sc.recompute import verify
from idgan_sc.records.results import Results
from idgan_sc.training import checkpoint
from idgan_sc.training.stacked import Stack
from idgan_sc.training.train import train, train_seeds
from test_train import in_child, run_of, strike_in_step

SEEDS = (3, 8)
SYSTEMS = [
    ("beta_vae", "main"),
    ("factor_vae", "main"),
    ("infogan", "main"),
    ("infogan_cr", "main"),
    ("idgan_sc_prior", "main"),
    ("idgan_sc", "main"),
    ("idgan_sc", "frozen_q"),
]
QUICK = [("beta_vae", "main"), ("infogan", "main")]  # what the others do not show is little
LIGHT = [pytest.param(*case, marks=pytest.mark.long) if case not in QUICK else case for case in SYSTEMS]


def new(config: dict[str, Any], system: str, variant: str, seed: int, **changes: Any) -> Method:
    settings = resolve(config, Run("test", "dsprites", system, variant, 0)) | {"batch": 4} | changes
    vae = None
    if settings.get("code") == "vae":
        vae = build(resolve(config, Run("test", "dsprites", settings["vae"], "main", 0)), 1, seed, "vae", "cpu")
    return build(settings | ({"pairs": 8} if "pairs" in settings else {}), 1, seed, "test", "cpu", vae)


def batches(steps: int, size: int = 32) -> Tensor:
    """(steps, S, B, C, H, W)"""
    return torch.rand((steps, len(SEEDS), 4, 1, size, size), generator=torch.Generator().manual_seed(0))


def assert_equal_to_rounding(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """In double precision, where 50 steps take rounding from 1e-16 of a tensor's norm to 1e-13 (VAE) or 1e-7 (GAN).

    Single runs whose first weights differ by 1e-15 end as far apart as stacked and single ones.
    """
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        apart = (found[name] - tensor).double().norm()
        assert apart <= 1e-6 * tensor.double().norm() + 1e-9, (name, float(apart))


def restored(method: Method, fresh: Method) -> Method:
    tensors = {
        **checkpoint.network_tensors(method), **checkpoint.moment_tensors(method), **checkpoint.stream_tensors(method)
    }  # fmt: skip
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    checkpoint.load_networks(fresh, tensors, Path("state"))
    checkpoint.load_moments(fresh, tensors)
    checkpoint.load_streams(fresh, tensors)
    if isinstance(fresh, GAN):
        fresh.steps_done = 52
    return fresh


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("system", "variant"), LIGHT)
def test_fifty_steps_as_one_are_fifty_steps_alone(shipped: dict[str, Any], system: str, variant: str) -> None:
    """Two steps alone come first and last: moments and streams are handed over, and back as a checkpoint does it."""
    changes = {"generator_steps": 2, "pair_start": 5} if (system, variant) == ("idgan_sc_prior", "main") else {}
    alone, together = ([new(shipped, system, variant, seed, **changes) for seed in SEEDS] for _ in range(2))
    for number, x in enumerate(batches(54)):
        if number == 2:
            stack = Stack(together)
        if number == 52:
            together = [
                restored(m, new(shipped, system, variant, s, **changes)) for m, s in zip(together, SEEDS, strict=True)
            ]
        logs = [method.step(own) for method, own in zip(alone, x, strict=True)]
        if 2 <= number < 52:
            found = stack.step(x)
        else:
            found = [method.step(own) for method, own in zip(together, x, strict=True)]
        for expected, log in zip(logs, found, strict=True):
            assert_equal_to_rounding(log, expected)
    for one, other in zip(alone, together, strict=True):
        for tensors in (checkpoint.network_tensors, checkpoint.moment_tensors, checkpoint.stream_tensors):
            assert_equal_to_rounding(tensors(other), tensors(one))
        assert_equal_to_rounding({"codes": other.encode(x[0])}, {"codes": one.encode(x[0])})
    first, second = (checkpoint.network_tensors(method) for method in together)
    assert not any(torch.equal(first[name], second[name]) for name in first if name.endswith("weight"))


@pytest.mark.long
@pytest.mark.usefixtures("float64")
def test_the_networks_for_celeba_are_stacked_as_well(shipped: dict[str, Any]) -> None:
    alone, together = ([new(shipped, "infogan_cr", "main", seed, network="celeba") for seed in SEEDS] for _ in range(2))
    stack = Stack(together)
    for x in batches(3):
        for method, own in zip(alone, x, strict=True):
            method.step(own)
        stack.step(x)
    for one, other in zip(alone, together, strict=True):
        assert_equal_to_rounding(checkpoint.network_tensors(other), checkpoint.network_tensors(one))


def test_seeds_whose_pairs_differ_in_kind_are_refused(shipped: dict[str, Any]) -> None:
    methods = [new(shipped, "idgan_sc", "main", seed) for seed in SEEDS]
    assert isinstance(methods[1], GAN)
    methods[1].dims = methods[1].dims[:4]
    with pytest.raises(ConfigError, match="pair_dims: the seeds"):
        Stack(methods)


# ---------------------------------------------------------------------------------------------------------------- files
def test_every_seed_gets_the_folder_of_a_single_run(
    config: dict[str, Any], new_root: Callable[..., Path], write_config: Callable[..., Path]
) -> None:
    root, alone = new_root(), new_root("alone")
    path = write_config(without_factorial(config))
    main(["--config", str(path), "train", "--system", "idgan_sc", "--seeds", "0,1", "--out", str(root)])
    for seed in (0, 1):
        run = run_of("idgan_sc", seed)
        single = train(job(config, run, alone))
        record = json.loads((root / run.path / "record.json").read_text())
        expected = json.loads((single / "record.json").read_text())
        assert (
            record["fingerprint"] == expected["fingerprint"] and record["outputs"].keys() == expected["outputs"].keys()
        )
        assert (record["seeds"], expected["seeds"]) == ([0, 1], [seed])
        found, wanted = (checkpoint.read(f / "weights.safetensors")[0] for f in (root / run.path, single))
        assert found.keys() == wanted.keys()
        for name in [name for name in wanted if name.endswith("weight")]:  # 7 steps of Adam in single precision
            assert (found[name] - wanted[name]).norm() < 0.05 * wanted[name].norm(), name
    before = (root / run_of("idgan_sc", 0).path / "weights.safetensors").stat().st_mtime_ns
    main(["--config", str(path), "train", "--system", "idgan_sc", "--seed", "0", "--out", str(root)])
    assert (root / run_of("idgan_sc", 0).path / "weights.safetensors").stat().st_mtime_ns == before  # it is finished


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seeds", "0-1", "--seed", "3"], "--seed and --seeds cannot be given together"),
        (["--seeds", "5-3"], "'5-3' is no list of seeds: 5-3 runs backwards"),
        (["--seeds", "1,0-2"], "'1,0-2' names a seed twice: name each once"),
    ],
)
def test_seeds_that_make_no_sense_are_refused(
    options: list[str], said: str, config: dict[str, Any], write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = write_config(without_factorial(config))
    with pytest.raises(SystemExit):
        main(["--config", str(path), "train", "--system", "infogan", *options])
    assert said in capsys.readouterr().err


def test_interrupted_seeds_go_on_together_to_the_same_bytes(
    config: dict[str, Any], new_root: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    arm, whole, broken = run_of("infogan_stage_a"), new_root("whole"), new_root("broken")
    expected = train_seeds(job(config, arm, whole), [0, 1])

    def work() -> None:
        strike_in_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        train_seeds(job(config, arm, broken), [0, 1])

    assert in_child(work) == 128 + signal.SIGTERM
    found = train_seeds(job(config, arm, broken), [0, 1])
    assert "starting again" not in capfd.readouterr().err
    for one, other in zip(expected, found, strict=True):
        for name in ("weights.safetensors", "state.safetensors", "curve.npz", "log.csv"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_verify_trains_the_same_seeds_again(
    config: dict[str, Any], new_root: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_root()
    train_seeds(job(config, run_of("infogan"), root), [0, 1])
    assert verify(Results(config, run_of("infogan", 1).preset, root), run_of("infogan", 1))
    assert "the same bytes as recorded" in capsys.readouterr().out
