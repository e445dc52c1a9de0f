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
from idgan_sc.records.results import Results
from idgan_sc.training import checkpoint
from idgan_sc.training.stacked import Stack
from idgan_sc.training.train import train, train_seeds

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan_sc")


def method_on(device: str, config: dict, system: str):
    settings = configuration.resolve(config, Run("test", "dsprites", system, "main", 0))
    vae_settings = configuration.resolve(config, Run("test", "dsprites", "beta_vae", "main", 0))
    vae = build(vae_settings, 1, 0, "", device) if settings.get("code") == "vae" else None
    return build(settings, 1, 0, "", device, vae)


def images(device: str, method) -> torch.Tensor:
    shape = (method.settings["batch"], 1, 32, 32)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
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


# ------------------------------------------------------------------------------------------------------- as a user does
OUTPUTS = ("weights.safetensors", "curve.npz", "log.csv")


@pytest.fixture
def on_gpu(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    config["compute"]["device"] = "cuda"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return config


def strike_in_step(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a SIGTERM within the number-th step of a GAN from now."""
    step, calls = GAN.step, itertools.count(1)

    def striking(self: GAN, x: torch.Tensor) -> dict[str, torch.Tensor]:
        log = step(self, x)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGTERM)
        return log

    monkeypatch.setattr(GAN, "step", striking)


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
@pytest.mark.parametrize("system", ["infogan_stage_a", "idgan_sc"])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    system: str, seeds: list[int], on_gpu: dict[str, Any], new_root: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    arm, whole, broken = Run("test", "dsprites", system, "main", 0), new_root("whole"), new_root("broken")
    expected = train_seeds(job(on_gpu, arm, whole), seeds)
    strike_in_step(3, monkeypatch)
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
