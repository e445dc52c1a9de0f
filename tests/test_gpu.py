"""What must hold on a CUDA device; skipped without one. None of this has been run yet."""

import copy

import numpy as np
import pytest
import torch

from idgan_sc import checkpoint
from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.data.images import open_images
from idgan_sc.data.tensors import DeviceImages, loader
from idgan_sc.models import build
from idgan_sc.stacked import Stack
from idgan_sc.train import train, train_seeds

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
    first, second = (train(config, run, new_root(name)) for name in ("first", "second"))
    assert (first / "weights.safetensors").read_bytes() == (second / "weights.safetensors").read_bytes()


def test_the_same_seeds_stacked_give_the_same_bytes(small_config, new_root):
    config = copy.deepcopy(small_config)
    config["compute"]["device"] = "cuda"
    arm = Run("test", "dsprites", "idgan_sc_prior", "main", 0)
    first, second = (train_seeds(config, arm, [0, 1], new_root(name)) for name in ("first", "second"))
    for one, other in zip(first, second, strict=True):
        assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
