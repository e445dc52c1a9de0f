"""Systems beside the paper's seven: their updates against gradients written down once more, and few steps of each."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import idgan_sc
from conftest import with_data
from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, resolve
from idgan_sc.evaluation.gather import gather_related
from idgan_sc.evaluation.generators.scores import match
from idgan_sc.evaluation.generators.traverse import traverse
from idgan_sc.evaluation.score import score
from idgan_sc.models import GAN
from idgan_sc.models import objectives as obj
from idgan_sc.models.ib_gan import IBGAN
from idgan_sc.publish import interactive
from idgan_sc.publish.card import card
from idgan_sc.records.results import Job, Results
from idgan_sc.report.read import scored_codes
from idgan_sc.report.related import table_related
from idgan_sc.report.words import label
from idgan_sc.training import plan
from idgan_sc.training.encode import encode
from idgan_sc.training.train import train
from test_models import LR, assert_moved, batch, new, plain_sgd, settings_of, weights

VAES = ("vae", "annealed_vae", "beta_tcvae", "dip_vae_i", "dip_vae_ii")
GANS = ("idgan_released", "idgan_sc_released", "ib_gan")


def dip(mean: Tensor, logvar: Tensor, settings: dict[str, Any]) -> Tensor:
    covariance = torch.cov(mean.T, correction=0)
    if settings["dip_of"] == "codes":
        covariance = covariance + torch.diag(logvar.exp().mean(0))
    apart = covariance - torch.diag(covariance.diagonal())
    off, on = settings["dip_off_diagonal"], settings["dip_diagonal"]
    return off * apart.square().sum() + on * (covariance.diagonal() - 1).square().sum()


def penalty(system: str, settings: dict[str, Any], kl: Tensor, c: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """What each VAE adds to the negative log likelihood."""
    if system == "annealed_vae":
        return settings["gamma"] * (kl.sum() - settings["capacity"] * 50 / settings["capacity_steps"]).abs()
    if system == "beta_tcvae":
        log = torch.distributions.Normal(mean[None], (0.5 * logvar[None]).exp()).log_prob(c[:, None])  # (B, B, k)
        tc = (log.sum(2).exp().mean(1).log() - log.exp().mean(1).log().sum(1)).mean()
        return kl.sum() + (settings["beta"] - 1) * tc
    return kl.sum() + (dip(mean, logvar, settings) if system.startswith("dip") else 0)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("system", VAES)
def test_a_vae_moves_by_the_gradient_of_its_objective(shipped: dict[str, Any], system: str) -> None:
    settings = settings_of(shipped, "test", system)
    method, twin = new(shipped, settings, "test"), new(shipped, settings, "test")
    method.steps_done = 50
    x, before = batch(settings), {name: weights(network) for name, network in method.networks.items()}
    plain_sgd(method, "vae")
    method.step(x)
    mean, logvar = twin.networks["encoder"](x)
    c = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=twin.streams["noise"])
    logits = twin.networks["decoder"](c)
    log_p = torch.distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1).mean()
    posterior = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).mean(0)
    loss = -log_p + penalty(system, settings, kl, c, mean, logvar)
    for name in ("encoder", "decoder"):
        gradients = torch.autograd.grad(loss, list(twin.networks[name].parameters()), retain_graph=True)
        assert_moved(before[name], method.networks[name], [-LR * gradient for gradient in gradients])


@pytest.mark.usefixtures("float64")
def test_the_gradient_penalty_is_that_of_images_from_minus_one_to_one() -> None:
    weight = torch.randn((1, 3, 3), generator=torch.Generator().manual_seed(0))
    x = torch.rand((5, 1, 3, 3), generator=torch.Generator().manual_seed(1)).requires_grad_()
    logits = ((2 * x - 1).square() * weight).flatten(1).sum(1)  # gradient in [-1, 1]: 2 (2x - 1) weight
    expected = (2 * (2 * x - 1) * weight).square().flatten(1).sum(1).mean()
    assert obj.gradient_penalty(logits, x).item() == pytest.approx(expected.item())


def test_idgan_as_released_differs_from_the_papers_by_its_switches(shipped: dict[str, Any]) -> None:
    ours = resolve(shipped, Run("paper", "dsprites", "idgan", "main", 0))
    released = resolve(shipped, Run("paper", "dsprites", "idgan_released", "main", 0))
    assert "r1" not in ours and "average" not in ours and "optimiser" not in ours
    assert (released["r1"], released["average"], released["optimiser"], released["z_dim"]) == (10, 0.999, "rmsprop", 0)
    method = new(shipped, released | {"batch": 4}, "paper")
    assert isinstance(method, GAN)
    assert all(type(optimiser) is torch.optim.RMSprop for optimiser in method.optimisers.values())
    assert set(method.optimisers) == {"generator", "discriminator"}  # neither the average nor the encoder is trained


@pytest.mark.usefixtures("float64")
def test_d_descends_its_loss_and_the_penalty(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "idgan_released", r1=1000.0)
    method, twin = new(shipped, settings, "test"), new(shipped, settings, "test")
    x, before = batch(settings), weights(method.networks["discriminator"])
    plain_sgd(method, "discriminator")
    method.step(x)
    assert isinstance(twin, GAN)
    c = twin.draw_codes(x)
    fake = twin.networks["generator"](torch.zeros(len(x), 0), c).detach()
    real = x.clone().requires_grad_()
    d = twin.networks["discriminator"]
    adversarial = -torch.sigmoid(d(real)[0]).log().mean() - (1 - torch.sigmoid(d(fake)[0])).log().mean()
    (slope,) = torch.autograd.grad(d(real)[0].sum(), real, create_graph=True)
    loss = adversarial + 1000 * (slope / 2).square().sum((1, 2, 3)).mean()
    gradients = torch.autograd.grad(loss, list(d.parameters()))
    assert_moved(before, method.networks["discriminator"], [-LR * gradient for gradient in gradients])


@pytest.mark.usefixtures("float64")
def test_the_averaged_generator_is_the_mean_over_steps_and_generates(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "idgan_released", average=0.5)
    method = new(shipped, settings, "test")
    expected = weights(method.networks["generator"])
    for number in range(3):
        method.step(batch(settings, number))
        now = weights(method.networks["generator"])
        expected = [0.5 * mean + 0.5 * weight for mean, weight in zip(expected, now, strict=True)]
    torch.testing.assert_close(weights(method.networks["average"]), expected)
    z, c = torch.zeros(2, 0), torch.randn((2, settings["c_dim"]), generator=torch.Generator().manual_seed(0))
    assert isinstance(method, GAN)
    torch.testing.assert_close(method.generate(z, c), method.networks["average"](z, c))


def test_two_passes_of_g_normalise_the_images_of_a_pair_apart(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "infogan_cr")
    one, two = (new(shipped, settings | extra, "test") for extra in ({}, {"pair_passes": 2}))
    assert isinstance(one, GAN) and isinstance(two, GAN)
    x = batch(settings)
    pairs = one.draw_pairs(x, one.draw_codes(x))
    first, second = two.generate_pairs(pairs)
    torch.testing.assert_close(first, two.networks["generator"](pairs.z, pairs.c1))
    assert not torch.allclose(torch.cat([first, second]), torch.cat(one.generate_pairs(pairs)))


def test_factor_vaes_critic_can_learn_from_codes_of_the_encoder_as_it_is(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "factor_vae")
    same, again = (new(shipped, settings | extra, "test") for extra in ({}, {"critic_codes": "encoded_again"}))
    logs = [method.step(batch(settings)) for method in (same, again)]
    assert logs[0]["total_correlation"] == logs[1]["total_correlation"]
    assert logs[0]["critic_loss"] != logs[1]["critic_loss"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("player", ["generator", "bottleneck", "reconstructor", "discriminator"])
def test_ib_gan_moves_by_the_gradient_of_its_bounds(shipped: dict[str, Any], player: str) -> None:
    settings = settings_of(shipped, "test", "ib_gan", instance_noise=0.0)
    method, twin = new(shipped, settings, "test"), new(shipped, settings, "test")
    assert isinstance(method, IBGAN) and isinstance(twin, IBGAN)
    x, before = batch(settings), weights(method.networks[player])
    plain_sgd(method, player)
    method.step(x)
    for name in ("discriminator", "reconstructor"):  # singular vectors are renewed once a step
        from idgan_sc.models.convolutions import power_iteration

        power_iteration(twin.networks[name])
    z = torch.randn((len(x), settings["z_dim"]), generator=twin.streams["noise"])
    mean, logvar = twin.networks["bottleneck"](z)
    r = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=twin.streams["noise"])
    fake, d = twin.networks["generator"](z[:, :0], r), twin.networks["discriminator"]
    if player == "discriminator":
        both = d(torch.cat([x, fake.detach()]))[0]
        loss = -torch.sigmoid(both[: len(x)]).log().mean() - (1 - torch.sigmoid(both[len(x) :])).log().mean()
    else:
        information = 0.5 * (z - twin.networks["reconstructor"](fake)).square().sum(1).mean()
        kl = 0.5 * (mean.square() + logvar.exp() - logvar - 1).sum(1).mean()
        loss = -torch.sigmoid(d(fake)[0]).log().mean() + settings["lambda_info"] * information + settings["beta"] * kl
    gradients = torch.autograd.grad(loss, list(twin.networks[player].parameters()))
    assert_moved(before, method.networks[player], [-LR * gradient for gradient in gradients])


def test_ib_gans_noise_on_images_falls_to_nothing(shipped: dict[str, Any]) -> None:
    method = new(shipped, settings_of(shipped, "test", "ib_gan", instance_noise=0.2, noise_steps=100), "test")
    assert isinstance(method, IBGAN)
    grey, spreads = torch.full((64, 1, 32, 32), 0.5), []
    for method.steps_done in (0, 50):
        spreads.append(float(method.noisy(grey).std()))
    assert spreads == pytest.approx([0.2, 0.1], rel=0.05)
    method.steps_done = 100
    assert method.noisy(grey) is grey and 0 <= method.noisy(grey).min() <= method.noisy(grey).max() <= 1


def test_ib_gan_is_scored_by_the_code_behind_what_q_reads(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "ib_gan")
    method, x = new(shipped, settings, "test"), batch(settings)
    mean, _ = method.networks["bottleneck"](method.networks["reconstructor"](x))
    torch.testing.assert_close(method.encode(x), mean.detach())
    assert method.encode(x).shape == (len(x), settings["c_dim"])


# ------------------------------------------------------------------------------------- every system, whole, a few steps
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc", *VAES, *GANS)


@pytest.fixture(scope="module")
def every(shipped: Config, tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Results:
    """The preset `test_all`, in whose folder predecessors stay."""
    config = copy.deepcopy(shipped)
    config["compute"] |= {"device": "cpu", "checkpoint_seconds": 0}
    root = with_data(tmp_path_factory.mktemp("every") / "results", small_data)
    here = Results(config, "test_all", root)
    wanted = {run.system for run in [*here.planned, *configuration.related(config, "test_all")]}
    behind = {"infogan_stage_a", "idgan_stage_a"}
    assert wanted == set(SYSTEMS) and wanted | behind == set(config["systems"])
    return here


def made(every: Results, system: str) -> Job:
    """A run trained, encoded, scored, and matched if it is a related GAN: the paper's are matched elsewhere."""
    task = every.job(every.run("dsprites", system))
    if not (task.folder / "scores.csv").exists():
        for step in (train, encode, score, *((match,) if system in GANS else ())):
            step(task)
    return task


@pytest.mark.parametrize(
    "system", [pytest.param(name, marks=[pytest.mark.long] if name in SYSTEMS[:7] else []) for name in SYSTEMS]
)
def test_a_system_is_planned_trained_scored_loaded_and_shown(system: str, every: Results) -> None:
    task = made(every, system)
    (arm,) = (a for a in plan.planned_arms(every, [task.run], partial(plan.gpu_seconds, every.config, gpu="h200"))
              if a.first == task.run)  # fmt: skip
    assert arm.jobs == 3 and arm.seconds > 0 and arm.disk_mb > 0
    folder, k = task.folder, task.settings["c_dim"]
    model = idgan_sc.load(folder)
    images = model.generate(np.zeros((2, k), np.float32))
    assert images.shape == (2, 1, 32, 32) and 0 <= images.min() <= images.max() <= 1
    codes = np.load(folder / "codes.npz")[scored_codes(task.settings)[0]]
    assert codes.shape[1] == k and np.isfinite(codes).all()
    if system in GANS:
        traverse(task)
        layers, tensors = interactive.network(model.method.networks.get("average", model.method.networks["generator"]))
        assert layers[-1][0] == "squash" and interactive.pack(tensors)
    assert label(system) in "".join(path.read_text() for path in card(task) if path.suffix == ".md")
    aside = (folder / "weights.safetensors").rename(folder / "aside")  # as a clone has the run
    np.testing.assert_array_equal(idgan_sc.load(folder).encode(images), model.encode(images))
    aside.rename(folder / "weights.safetensors")


def test_related_systems_have_a_table_of_their_own(every: Results) -> None:
    """What is scored, beside what is printed of it; what is not, as not run yet."""
    made(every, "beta_tcvae")
    made(every, "ib_gan")
    gather_related(every, allow_missing=True)
    paths = table_related(every)
    table = pd.read_csv(paths[0]).set_index(["system", "variant", "code", "metric"])
    arms = {(system, variant) for system, names in every.config["related"]["runs"].items() for variant in names}
    assert {key[:2] for key in table.index} == arms
    there = table[~table["missing"]]
    assert {"beta_tcvae", "ib_gan"} <= {key[0] for key in there.index} <= {*VAES, *GANS}
    own = pd.read_csv(every.root / "runs/dsprites/beta_tcvae/main/0/scores.csv").set_index(["code", "metric"])["value"]
    row = there.loc[("beta_tcvae", "main", "vae_mean", "mig")]
    assert (row["mean"], row["source_mean"]) == (own["vae_mean", "mig"], 0.45)
    measured = pd.read_csv(every.root / "related/generator_scores.csv")
    assert "ib_gan" in set(measured["system"]) and ("ib_gan", "main", "generator", "mig") in table.index
    text = paths[1].read_text()
    assert "0.82†" in text and "InfoGAN-CR (α = 2), as released" in text
    assert "not run yet" in text and "missing" not in text
