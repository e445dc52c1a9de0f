"""What a run costs, counted without PyTorch, against the networks themselves; what the rules ask a scheduler for."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from conftest import kind_of
from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.models import build
from idgan_sc.models.networks import shapes
from idgan_sc.records.results import Results
from idgan_sc.training import plan


def example(name: str, settings: dict, channels: int) -> tuple[torch.Tensor, ...]:
    """Inputs of one of a method's networks, for two images."""
    size, k = settings["image_size"], settings["c_dim"]
    images = torch.zeros(2, channels, size, size)
    z_dim = 0 if settings.get("objective") == "ib" else settings.get("z_dim", 1)  # IB-GAN's G sees the code alone
    inputs = {
        "generator": (torch.zeros(2, z_dim), torch.zeros(2, k)),
        "pair": (images, images),
        "decoder": (torch.zeros(2, k),),
        "critic": (torch.zeros(2, k),),
    }
    return inputs.get(name, (images,))


def runs(config: dict, preset: str, dataset: str) -> list[Run]:
    chosen = []
    for system in config["systems"]:
        variants = [name for name in config["variants"] if configuration.applies(config, name, system)]
        chosen += [Run(preset, dataset, system, name, 0) for name in variants if not name.startswith("factorial")]
    return chosen


# How a step goes about its networks, whatever these are.
STEP = ("adam_betas", "optimiser", "generator_steps", "prior", "pair_bases", "pair_step", "pair_passes", "pair_dims",
        "vae_redraw", "critic_codes", "likelihood", "dip_of", "tc_betas", "correlation")  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "dataset", "size"),
    [
        *(("paper", "dsprites", size) for size in configuration.SIZES),
        *(pytest.param("paper", "celeba", size, marks=pytest.mark.long) for size in (32, 64)),
    ],
)
def test_what_a_network_costs_is_what_pytorch_counts(shipped, preset, dataset, size):
    """One row of the table stands for the networks of a family, and for one channel as for three."""
    channels = configuration.dataset_row(dataset).channels
    tolerance = 0.3 if channels == 3 else 0.15
    resolved = {
        run: configuration.resolve(shipped, run) | {"image_size": size} for run in runs(shipped, preset, dataset)
    }
    for run, settings in {kind_of(settings, *STEP): (run, settings) for run, settings in resolved.items()}.values():
        vae = None
        if settings.get("code") == "vae":
            before = configuration.resolve(shipped, Run(preset, dataset, "beta_vae", "main", 0)) | {"image_size": size}
            vae = build(before, channels, 0, "", "cpu")
        method = build(settings, channels, 0, "", "cpu", vae)
        counted_apart = {"average", "bottleneck"}  # a copy of G, and a network of a few thousand weights
        assert {p.network for p in plan.passes(settings)} - {"vae"} == set(method.networks) - counted_apart
        for name, network in method.networks.items():
            if name in counted_apart:
                continue
            rows, row = shapes(network, *example(name, settings, channels)), plan.network(settings, name)
            layers = [r for r in rows if r["multiply_adds"]]
            counted = {
                "multiply_adds": sum(r["multiply_adds"] for r in layers),
                "outputs": sum(np.prod(r["shape"]) for r in layers),
                "weights": sum(weight.numel() for weight in network.parameters()),
            }
            assert row._asdict() == pytest.approx(counted | {"layers": row.layers}, rel=tolerance), (str(run), name)
            assert abs(row.layers - len(layers)) <= 1


@pytest.mark.parametrize("system", ["beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan_sc"])
@pytest.mark.parametrize("generator_steps", [1, 2])
def test_passes_are_those_that_a_step_makes(shipped, system, generator_steps):
    """Forward passes are counted by hooks on a real step; backward is two a pass, one through a frozen network."""
    settings = configuration.resolve(shipped, Run("test", "dsprites", system, "main", 0))
    if "generator_steps" in settings:
        settings["generator_steps"] = generator_steps
    vae = build(configuration.resolve(shipped, Run("test", "dsprites", "beta_vae", "main", 0)), 1, 0, "", "cpu")
    method = build(settings, 1, 0, "", "cpu", vae if settings.get("code") == "vae" else None)
    seen = dict.fromkeys(method.networks, 0)

    def note(name):
        return lambda module, arguments, output: seen.__setitem__(name, seen[name] + len(arguments[0]))

    for name, network in method.networks.items():
        network.register_forward_hook(note(name))
    method.step(torch.rand(settings["batch"], 1, 32, 32))
    for name, images in seen.items():
        counted = [p for p in plan.passes(settings) if p.network == name]
        total = sum(p.images * p.times for p in counted)
        assert 2 * images <= total <= 3 * images, name
    if settings["family"] == "vae":
        return
    assert seen["generator"] == sum(p.images * p.times for p in plan.passes(settings) if p.network == "generator") / 3


def test_known_counts_of_the_protocol(shipped):
    """Giga-multiply-adds of one step at 64x64, batch 64, counted by hand layer by layer."""

    def gmacs(system: str, **changed: object) -> float:
        settings = configuration.resolve(shipped, Run("paper", "dsprites", system, "main", 0)) | changed
        return plan.step_multiply_adds(settings) / 1e9

    assert gmacs("beta_vae") == pytest.approx(3.1, rel=0.02)
    assert gmacs("infogan", generator_steps=1) == pytest.approx(5.6, rel=0.05)
    assert gmacs("idgan_sc_prior", generator_steps=1) == pytest.approx(34.4, rel=0.05)


def test_a_later_regulariser_costs_less(shipped):
    settings = configuration.resolve(shipped, Run("paper", "dsprites", "idgan_sc_prior", "main", 0))
    late = settings | {"pair_start": settings["steps"] // 2}
    none = settings | {"pair_start": settings["steps"]}
    full, half, plain = (plan.multiply_adds(s) for s in (settings, late, none))
    assert half == pytest.approx((full + plain) / 2)


def test_records_come_before_expectations(shipped, tmp_path):
    run = Run("paper", "dsprites", "beta_vae", "main", 0)
    expected = plan.resources(Results(shipped, run.preset, tmp_path), run)
    record = {
        "settings": configuration.resolve(shipped, run),
        "seconds": 36000.0,
        "peak_memory_mb": 3000,
        "device": "cpu",
    }
    path = tmp_path / run.path / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    assert plan.resources(Results(shipped, run.preset, tmp_path), run) == {
        "runtime": 1200,
        "mem_mb": 6000,  # twice as much
    }
    for other in ({"settings": {}}, {"device": "cuda"}):
        path.write_text(json.dumps(record | other))
        assert plan.resources(Results(shipped, run.preset, tmp_path), run) == expected
    path.write_text("damaged")
    assert plan.resources(Results(shipped, run.preset, tmp_path), run) == expected


def test_an_array_asks_for_its_longest_and_largest_member(shipped, tmp_path):
    arms = [Run("paper", "dsprites", system, "main", seed) for system in ("infogan", "idgan_sc") for seed in (0, 1)]
    each = [plan.resources(Results(shipped, run.preset, tmp_path), run) for run in arms]
    wanted = plan.largest(Results(shipped, "desk", tmp_path), arms)
    assert wanted == {name: max(row[name] for row in each) for name in ("runtime", "mem_mb")}
    assert each[0] != each[-1]


def test_evaluation_asks_for_what_its_sizes_imply(shipped):
    """At the protocol's sizes twice a minute or so, hence the least; with many more points in proportion to them."""
    vae, gan = (Run("paper", "dsprites", system, "main", 0) for system in ("beta_vae", "idgan_sc"))
    for minutes in (plan.encode_minutes, plan.score_minutes):
        assert plan.LEAST_EVALUATION <= minutes(shipped, vae) < 60
    large = copy.deepcopy(shipped)
    large["evaluation"] |= {"points": 72_000_000}
    assert plan.score_minutes(large, gan) == pytest.approx(2 * 7200 / 60, rel=0.01)
    assert plan.score_minutes(large, vae) == pytest.approx(4 * 7200 / 60, rel=0.01)


def test_a_run_that_was_trained_with_others_says_nothing_of_one_alone(shipped):
    record = {"settings": {"steps": 1}, "device": "cpu", "seed": 3}
    assert plan.comparable(record, {"steps": 1}, "cpu") and plan.comparable(
        record | {"seeds": [3]}, {"steps": 1}, "cpu"
    )
    assert not plan.comparable(record | {"seeds": [3, 4]}, {"steps": 1}, "cpu")


def test_needs_no_torch():
    code = "import idgan_sc.training.plan, sys; print([n for n in ('torch', 'numpy', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
