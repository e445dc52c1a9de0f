"""What must hold on a CUDA device; skipped without one."""

import copy
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import job
from idgan_sc import config as configuration
from idgan_sc import recompute
from idgan_sc.cli import main
from idgan_sc.config import Run
from idgan_sc.data.images import open_images
from idgan_sc.data.tensors import DeviceImages, loader
from idgan_sc.models import GAN, build
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Results
from idgan_sc.training import checkpoint
from idgan_sc.training.device import use_device
from idgan_sc.training.graphed import WARM_UP, Graphed, Recorder
from idgan_sc.training.stacked import Stack
from idgan_sc.training.train import train, train_seeds

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan_sc")


def method_on(device: str, config: dict, system: str):
    settings = configuration.resolve(config, Run("test", "dsprites", system, "main", 0))
    vae_settings = configuration.resolve(config, Run("test", "dsprites", "beta_vae", "main", 0))
    vae = build(vae_settings, 1, 0, "", device) if settings.get("code") == "vae" else None
    return build(settings, 1, 0, "", device, vae)


def images(device: str, method, number: int = 1) -> torch.Tensor:
    shape = (method.settings["batch"], 1, 32, 32)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(number))
    return x.to(device, memory_format=torch.channels_last)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_step_never_waits_for_the_device(shipped, system):
    method = method_on("cuda", shipped, system)
    x = images("cuda", method)
    method.step(x)  # the libraries' own set-up may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        method.step(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_step_of_stacked_seeds_never_waits_for_the_device(shipped, system):
    stack = Stack([method_on("cuda", shipped, system) for _ in range(2)])
    x = torch.stack([images("cuda", method) for method in stack.methods])
    stack.step(x)
    torch.cuda.set_sync_debug_mode("error")
    try:
        stack.step(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("size", [64, 32])
def test_unpacks_the_same_images(small_data, size):
    data, indices = open_images(small_data), np.arange(0, 2000, 7)
    on_gpu = DeviceImages(data, "cuda")
    on_gpu.batch(indices, size)
    torch.cuda.set_sync_debug_mode("error")
    try:
        x = on_gpu.batch(indices, size)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert x.is_cuda and torch.equal(x.cpu(), loader(data, "cpu")(indices, size))


@pytest.mark.parametrize("system", SYSTEMS)
def test_starts_from_the_same_weights_and_codes_alike(shipped, system):
    """Random numbers of the steps differ between devices; initial weights and encoding do not."""
    on_cpu, on_gpu = method_on("cpu", shipped, system), method_on("cuda", shipped, system)
    for name, tensor in checkpoint.network_tensors(on_cpu).items():
        torch.testing.assert_close(checkpoint.network_tensors(on_gpu)[name].cpu(), tensor)
    x = images("cpu", on_cpu)
    torch.testing.assert_close(on_gpu.encode(x.cuda()).cpu(), on_cpu.encode(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("system", ["beta_vae", "idgan_sc_prior"])
def test_the_same_seed_gives_the_same_bytes(small_config, new_root, system):
    config = copy.deepcopy(small_config)
    config["compute"]["device"] = "cuda"
    run = Run("test", "dsprites", system, "main", 0)
    first, second = (train(job(config, run, new_root(name))) for name in ("first", "second"))
    assert (first / "weights.safetensors").read_bytes() == (second / "weights.safetensors").read_bytes()


def test_the_same_seeds_stacked_give_the_same_bytes(small_config, new_root):
    config = copy.deepcopy(small_config)
    config["compute"]["device"] = "cuda"
    arm = Run("test", "dsprites", "idgan_sc_prior", "main", 0)
    first, second = (train_seeds(job(config, arm, new_root(name)), [0, 1]) for name in ("first", "second"))
    for one, other in zip(first, second, strict=True):
        assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()


OUTPUTS = ("weights.safetensors", "curve.npz", "log.csv")


@pytest.fixture
def on_gpu(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    config["compute"]["device"] = "cuda"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return config


# --------------------------------------------------------------------------------------------------------- CUDA graphs
GRAPHED = (*SYSTEMS, "annealed_vae", "beta_tcvae", "dip_vae_ii", "idgan", "ib_gan", "idgan_sc_released")
TOGETHER = [(system, stacked) for system in GRAPHED for stacked in (False, True)]
TOGETHER.remove(("ib_gan", True))  # these two are not stacked
TOGETHER.remove(("idgan_sc_released", True))


def several_on_gpu(config: dict[str, Any], system: str, stacked: bool):
    """Methods of one or two seeds, what makes a step of them, and whose step that is."""
    methods = [method_on("cuda", config, system) for _ in range(2 if stacked else 1)]
    stack = Stack(methods) if stacked else None
    make = stack.step if stack else lambda x: [methods[0].step(x[0])]
    return methods, make, stack.one_step.method if stack else methods[0]


@pytest.mark.parametrize(("system", "stacked"), TOGETHER)
def test_fifty_steps_replayed_are_fifty_steps(on_gpu: dict[str, Any], system: str, stacked: bool) -> None:
    """Bit for bit: a replay launches the kernels of the step, and draws the numbers that the step would draw."""
    on_gpu["systems"]["annealed_vae"]["capacity_steps"] = 4
    on_gpu["systems"]["idgan_sc_prior"]["pair_start"] = 5
    use_device(on_gpu)
    expected, make, _ = several_on_gpu(on_gpu, system, stacked)
    methods, remake, whose = several_on_gpu(on_gpu, system, stacked)
    streams = [stream for method in methods for stream in method.streams.values()]
    graphed = Graphed(remake, whose, Recorder(streams))
    for number in range(50):
        x = torch.stack([images("cuda", method, number) for method in methods])
        wanted = make(x)
        ((steps, found),) = [*graphed.step(x), *graphed.take()]
        assert steps == 1
        for row, other in zip(found, wanted, strict=True):
            assert {name: float(value) for name, value in row.items()} == {n: float(v) for n, v in other.items()}, (
                number
            )
    for method, other in zip(methods, expected, strict=True):
        for tensors in (checkpoint.network_tensors, checkpoint.moment_tensors, checkpoint.stream_tensors):
            one, two = tensors(method), tensors(other)
            assert one.keys() == two.keys() and [name for name in one if not torch.equal(one[name], two[name])] == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_replay_never_waits_for_the_device(on_gpu: dict[str, Any], system: str) -> None:
    methods, make, whose = several_on_gpu(on_gpu, system, False)
    graphed = Graphed(make, whose, Recorder(methods[0].streams.values()))
    x = images("cuda", methods[0])[None]
    for _ in range(WARM_UP + 1):
        graphed.step(x)
    torch.cuda.set_sync_debug_mode("error")
    try:
        graphed.step(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
@pytest.mark.parametrize("system", ["beta_vae", "infogan_stage_a", "idgan_sc"])
def test_a_training_by_replays_is_the_same_and_verify_makes_it_again(
    system: str, seeds: list[int], on_gpu: dict[str, Any], new_root: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    arm = Run("test", "dsprites", system, "main", 0)
    expected = train_seeds(job(on_gpu, arm, new_root("as it is")), seeds)
    on_gpu["compute"]["graph"] = True
    root = new_root("replayed")
    found = train_seeds(job(on_gpu, arm, root), seeds)
    for one, other in zip(expected, found, strict=True):
        assert [name for name in OUTPUTS if (one / name).read_bytes() != (other / name).read_bytes()] == []
        assert read_record(other)["graph"] and not read_record(one)["graph"]
    capsys.readouterr()
    assert recompute.verify(Results(on_gpu, arm.preset, root), arm)
    assert "the same bytes as recorded" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------------- as a user does
def strike_in_step(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a SIGTERM within the number-th step of a GAN from now."""
    step, calls = GAN.step, itertools.count(1)

    def striking(self: GAN, x: torch.Tensor) -> dict[str, torch.Tensor]:
        log = step(self, x)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGTERM)
        return log

    monkeypatch.setattr(GAN, "step", striking)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("seeds", [[0], [0, 1]])
@pytest.mark.parametrize("system", ["infogan_stage_a", "idgan_sc"])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    system: str, seeds: list[int], graph: bool, on_gpu: dict[str, Any], new_root: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    on_gpu["compute"]["graph"] = graph
    arm, whole, broken = Run("test", "dsprites", system, "main", 0), new_root("whole"), new_root("broken")
    expected = train_seeds(job(on_gpu, arm, whole), seeds)
    strike_in_step(4 if graph else 3, monkeypatch)  # the fourth is recorded
    with pytest.raises(SystemExit):
        train_seeds(job(on_gpu, arm, broken), seeds)
    found = train_seeds(job(on_gpu, arm, broken), seeds)
    for one, other in zip(expected, found, strict=True):
        assert [name for name in OUTPUTS if (one / name).read_bytes() != (other / name).read_bytes()] == []


@pytest.mark.parametrize("system", ["infogan_cr", "idgan_sc"])
def test_codes_scores_and_generated_images_follow_and_verify_finds_the_same_bytes(
    system: str, on_gpu: dict[str, Any], new_root: Callable[..., Path], write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root, path = new_root(), write_config(on_gpu)
    for command in ("train", "encode", "score", "match"):
        main(["--config", str(path), command, "--system", system, "--out", str(root)])
    run = Run("test", "dsprites", system, "main", 0)
    assert all((root / run.path / name).exists() for name in ("scores.csv", "generator_scores.csv"))
    capsys.readouterr()
    assert recompute.verify(Results(on_gpu, run.preset, root), run)
    assert "the same bytes as recorded" in capsys.readouterr().out
