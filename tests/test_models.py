"""The methods on the networks as configured: who moves in a step, by what gradient, and which parts are alive.

The central test freezes every player but one, takes one plain SGD step and compares what moved with the gradient of
that player's own objective, written down here once more from the paper and torch.distributions.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from idgan_sc.config import Run, resolve
from idgan_sc.models import GAN, BetaVAE, FactorVAE, Method, build, convolutions
from idgan_sc.models.codes import draw_prior
from idgan_sc.training.log import Log

BATCH, PAIRS, LR = 4, 20, 0.01


def settings_of(
    config: dict[str, Any], preset: str, system: str, variant: str = "main", **changes: Any
) -> dict[str, Any]:
    """The settings of a run; batch and number of pairs are the only ones made smaller."""
    settings = resolve(config, Run(preset, "dsprites", system, variant, 0)) | {"batch": BATCH}
    return settings | ({"pairs": PAIRS} if "pairs" in settings else {}) | changes


def new(config: dict[str, Any], settings: dict[str, Any], preset: str) -> Method:
    vae = None
    if settings.get("code") == "vae":
        vae = build(settings_of(config, preset, settings["vae"]), 1, 5, "", "cpu")
        assert not isinstance(vae, GAN)
    return build(settings, 1, 0, "scratch", "cpu", vae)


def batch(settings: dict[str, Any], number: int = 0) -> Tensor:
    size = settings["image_size"]
    return torch.rand((BATCH, 1, size, size), generator=torch.Generator().manual_seed(number))


def weights(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def plain_sgd(method: Method, moving: str) -> None:
    """Replace Adam: one player moves by -LR times its gradient, the others by nothing."""
    for name, optimiser in method.optimisers.items():
        group = [p for g in optimiser.param_groups for p in g["params"]]
        method.optimisers[name] = torch.optim.SGD(group, LR if name == moving else 0.0)  # type: ignore[assignment]


def assert_moved(before: list[Tensor], network: nn.Module, expected: list[Tensor]) -> None:
    for old, now, change in zip(before, network.parameters(), expected, strict=True):
        torch.testing.assert_close(now.detach() - old, change, rtol=1e-6, atol=1e-12)
    assert sum(change.norm() for change in expected) > 1e-7


# ----------------------------------------------------------------------------- the objectives, once more from the paper
def info(q: Tensor | tuple[Tensor, Tensor], c: Tensor) -> Tensor:
    law = Normal(q, 1.0) if isinstance(q, Tensor) else Normal(q[0], (0.5 * q[1]).exp())
    return -law.log_prob(c).sum(1).mean()


def contrastive(r: Tensor, s: Tensor, tau1: float, tau2: float) -> Tensor:
    terms = []
    for i in range(len(r)):
        others = torch.tensor([j for j in range(len(r)) if j != i])
        log_denominator = torch.logsumexp(r[others] @ r[i] / tau2, 0)
        positives = [j for j in others.tolist() if s[j] == s[i]]
        terms.append(log_denominator - torch.stack([r[i] @ r[p] / tau1 for p in positives]).mean())
    return torch.stack(terms).mean()


class Game:
    """What a GAN's players minimise in its next step, computed with networks and draws of a twin."""

    def __init__(self, twin: GAN, x: Tensor) -> None:
        self.twin, self.x, self.settings = twin, x, twin.settings
        self.g, self.d = twin.networks["generator"], twin.networks["discriminator"]
        self.e = twin.networks.get("pair")
        for network in (self.d, self.e):
            if network is not None:
                convolutions.power_iteration(network)
        self.c = twin.draw_codes(x)
        self.z = draw_prior((len(x), self.settings["z_dim"]), self.settings["prior"], twin.streams["noise"])
        self.pairs = twin.draw_pairs(x, self.c) if self.e is not None else None

    def q(self, fake: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        learned = self.d(fake)[1]
        return self.twin.vae(fake) if learned is None else learned  # type: ignore[misc]

    def discriminator(self) -> Tensor:
        fake = self.g(self.z, self.c).detach()
        loss = -torch.sigmoid(self.d(self.x)[0]).log().mean() - (1 - torch.sigmoid(self.d(fake)[0])).log().mean()
        if self.settings["q"] == "learned":
            loss = loss + self.settings["lambda_info"] * info(self.q(fake), self.c)
        return loss

    def pair(self) -> Tensor:
        assert self.pairs is not None and self.e is not None
        z, c = torch.cat([self.pairs.z] * 2), torch.cat([self.pairs.c1, self.pairs.c2])
        r = self.e(*self.g(z, c).chunk(2))
        if self.settings["pair_loss"] == "cross_entropy":
            return -r.log_softmax(1).gather(1, self.pairs.s[:, None]).mean()
        torch.testing.assert_close(r.norm(dim=1), torch.ones(len(r)))
        return contrastive(r, self.pairs.s, self.settings["tau_numerator"], self.settings["tau_denominator"])

    def generator(self) -> Tensor:
        fake = self.g(self.z, self.c)
        loss = -torch.sigmoid(self.d(fake)[0]).log().mean() + self.settings["lambda_info"] * info(self.q(fake), self.c)
        return loss + (self.settings["alpha"] * self.pair() if self.e is not None else 0)

    def own(self, player: str) -> Tensor:
        """A player's objective; the pair network's is weighted by α where one backward moves it together with G."""
        if player == "pair":
            return self.pair() * (1 if self.settings["pair_step"] == "separate" else self.settings["alpha"])
        return {"generator": self.generator, "discriminator": self.discriminator}[player]()


def descend(network: nn.Module, objective: Callable[[], Tensor], steps: int) -> list[Tensor]:
    """The change of a network's weights after plain gradient steps on an objective."""
    before = weights(network)
    for _ in range(steps):
        gradients = torch.autograd.grad(objective(), list(network.parameters()))
        with torch.no_grad():
            for p, gradient in zip(network.parameters(), gradients, strict=True):
                p.sub_(LR * gradient)
    return [now.detach() - old for now, old in zip(network.parameters(), before, strict=True)]


GANS = [
    ("infogan", "main"),
    ("infogan_cr", "main"),  # separate
    ("infogan_cr", "same_pairs"),  # joint
    ("idgan_sc_prior", "main"),
    ("idgan_sc_prior", "separate"),
    ("idgan_sc_prior", "keep_sc"),
    ("idgan_sc_prior", "tau_literal"),
    ("idgan", "main"),
    ("idgan", "frozen_q"),
    ("idgan_sc", "main"),
    ("idgan_sc", "frozen_q"),
]
PLAYERS = ["generator", "discriminator", "pair"]
CASES = [(*gan, player) for gan in GANS for player in PLAYERS if player != "pair" or gan[0] not in ("infogan", "idgan")]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("preset", ["test", pytest.param("paper", marks=pytest.mark.long)])
@pytest.mark.parametrize(("system", "variant", "player"), CASES)
def test_a_player_moves_by_its_own_gradient_and_the_others_stay(
    shipped: dict[str, Any], preset: str, system: str, variant: str, player: str
) -> None:
    settings = settings_of(shipped, preset, system, variant)
    method, twin = new(shipped, settings, preset), new(shipped, settings, preset)
    assert isinstance(method, GAN) and isinstance(twin, GAN)
    assert set(method.networks) == set(method.optimisers) == set(PLAYERS) - (set() if method.regularised else {"pair"})
    frozen = None if method.vae is None else copy.deepcopy(method.vae.state_dict())

    # A first step in which nothing moves: what it leaves in `.grad` must not leak into the second.
    plain_sgd(method, "nobody")
    method.step(batch(settings, 1))
    Game(twin, batch(settings, 1))
    before = {name: weights(network) for name, network in method.networks.items()}
    plain_sgd(method, player)
    method.step(batch(settings, 2))

    game = Game(twin, batch(settings, 2))
    steps = settings["generator_steps"] if player == "generator" else 1
    assert_moved(
        before[player], method.networks[player], descend(twin.networks[player], lambda: game.own(player), steps)
    )
    for name, network in method.networks.items():
        if name != player:
            assert all(torch.equal(old, now) for old, now in zip(before[name], network.parameters(), strict=True)), name
    if method.vae is not None and frozen is not None:
        assert all(torch.equal(frozen[name], tensor) for name, tensor in method.vae.state_dict().items())


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("preset", ["test", "paper"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_beta_vae_moves_by_the_gradient_of_equation_1(
    shipped: dict[str, Any], preset: str, likelihood: str
) -> None:
    settings = settings_of(shipped, preset, "beta_vae", likelihood=likelihood)
    method, twin = new(shipped, settings, preset), new(shipped, settings, preset)
    x = batch(settings)
    before = {name: weights(network) for name, network in method.networks.items()}
    plain_sgd(method, "vae")
    method.step(x)
    loss = negative_elbo(twin, x, settings["beta"])[0]
    for name in ("encoder", "decoder"):
        gradients = torch.autograd.grad(loss, list(twin.networks[name].parameters()), retain_graph=True)
        assert_moved(before[name], method.networks[name], [-LR * gradient for gradient in gradients])


def negative_elbo(twin: Method, x: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """-log p(x|c) + weight × KL, and the sampled codes."""
    mean, logvar = twin.networks["encoder"](x)
    posterior = Normal(mean, (0.5 * logvar).exp())
    c = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=twin.streams["noise"])
    logits = twin.networks["decoder"](c)
    if twin.settings["likelihood"] == "bernoulli":
        log_p = Bernoulli(logits=logits, validate_args=False).log_prob(x)
    else:
        log_p = Normal(torch.sigmoid(logits), 1.0).log_prob(x)
    kl = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    return -log_p.flatten(1).sum(1).mean() + weight * kl, c


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("preset", ["test", "paper"])
@pytest.mark.parametrize("player", ["vae", "critic"])
def test_factor_vae_and_its_critic_move_by_their_own_gradients(
    shipped: dict[str, Any], preset: str, player: str
) -> None:
    settings = settings_of(shipped, preset, "factor_vae")
    method, twin = new(shipped, settings, preset), new(shipped, settings, preset)
    assert isinstance(method, FactorVAE) and isinstance(twin, FactorVAE)
    plain_sgd(method, "nobody")
    method.step(batch(settings, 1))  # what it leaves in `.grad` must not leak into the next step
    for network in twin.networks.values():
        network.requires_grad_(True)
    _, c = negative_elbo(twin, batch(settings, 1), 1.0)
    twin.permute(c)
    before = {name: weights(network) for name, network in method.networks.items()}
    plain_sgd(method, player)
    method.step(batch(settings, 2))

    elbo, c = negative_elbo(twin, batch(settings, 2), 1.0)
    critic = twin.networks["critic"]
    ratio = critic(c).log_softmax(1)
    loss = elbo + settings["gamma"] * (ratio[:, 0] - ratio[:, 1]).mean()
    permuted = twin.permute(c)
    assert torch.equal(permuted.sort(0).values, c.sort(0).values) and not torch.equal(permuted, c)
    own = -0.5 * (critic(c.detach()).log_softmax(1)[:, 0] + critic(permuted.detach()).log_softmax(1)[:, 1]).mean()
    for name, network in method.networks.items():
        if (name == "critic") == (player == "critic"):
            objective = own if player == "critic" else loss
            gradients = torch.autograd.grad(objective, list(twin.networks[name].parameters()), retain_graph=True)
            assert_moved(before[name], network, [-LR * gradient for gradient in gradients])
        else:
            assert all(torch.equal(old, now) for old, now in zip(before[name], network.parameters(), strict=True))


# --------------------------------------------------------------------------------------------------- order and schedule
@pytest.mark.parametrize("variant", ["main", "separate"])
def test_the_pair_network_moves_once_a_step_however_often_g_moves(shipped: dict[str, Any], variant: str) -> None:
    settings = settings_of(shipped, "test", "idgan_sc_prior", variant, generator_steps=3)
    method = new(shipped, settings, "test")
    moves = dict.fromkeys(method.optimisers, 0)
    for name, optimiser in method.optimisers.items():
        optimiser.register_step_post_hook(lambda *_, name=name: moves.__setitem__(name, moves[name] + 1))
    method.step(batch(settings))
    assert moves == {"discriminator": 1, "generator": 3, "pair": 1}


@pytest.mark.parametrize("variant", ["main", "separate"])
def test_pair_start_delays_the_regulariser(shipped: dict[str, Any], variant: str) -> None:
    settings = settings_of(shipped, "test", "idgan_sc_prior", variant, pair_start=2)
    method, without = new(shipped, settings, "test"), new(shipped, settings | {"pair_rule": "none"}, "test")
    first = weights(method.networks["pair"])
    for number in range(2):
        assert "loss_pair" not in method.step(batch(settings, number))
        without.step(batch(settings, number))
    assert all(torch.equal(a, b) for a, b in zip(first, method.networks["pair"].parameters(), strict=True))
    for name in ("generator", "discriminator"):
        assert all(map(torch.equal, weights(method.networks[name]), weights(without.networks[name]))), name
    assert "loss_pair" in method.step(batch(settings, 2))
    assert not any(torch.equal(a, b) for a, b in zip(first, method.networks["pair"].parameters(), strict=True))


@pytest.mark.parametrize("system", ["infogan_cr", "idgan_sc_prior"])
def test_without_weight_the_regulariser_leaves_g_and_d_as_infogan_has_them_but_for_batch_statistics(
    shipped: dict[str, Any], system: str
) -> None:
    settings = settings_of(shipped, "test", system, alpha=0.0)
    method = new(shipped, settings, "test")
    infogan = new(shipped, settings_of(shipped, "test", "infogan"), "test")
    for number in range(3):
        method.step(batch(settings, number))
        infogan.step(batch(settings, number))
    for name in ("generator", "discriminator"):
        for a, b in zip(weights(method.networks[name]), weights(infogan.networks[name]), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_no_loss_asks_which_image_a_distilled_code_came_from(shipped: dict[str, Any]) -> None:
    """With a learned Q the images may be shuffled against their codes: D never sees them together (ledger row 14)."""
    settings = settings_of(shipped, "test", "idgan")
    method, other, third = (new(shipped, settings, "test") for _ in range(3))
    assert isinstance(method, GAN) and isinstance(other, GAN) and isinstance(third, GAN)
    x = batch(settings)
    c = third.draw_codes(x)
    assert (c - c.flip(0)).abs().max() > 0.1  # they are different codes
    method.draw_codes = other.draw_codes = lambda _: c  # type: ignore[method-assign]
    rows, shuffled = method.step(x), other.step(x.flip(0))
    assert set(rows) == set(shuffled) and {"loss_d", "loss_info", "loss_g"} <= set(rows)
    for name in ("loss_d", "loss_info", "loss_g"):
        torch.testing.assert_close(rows[name], shuffled[name], rtol=1e-5, atol=1e-6)


def test_singular_vectors_are_renewed_once_a_step(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "paper", "idgan_sc_prior")  # two steps of G
    method, twin = new(shipped, settings, "paper"), new(shipped, settings, "paper")
    method.step(batch(settings))
    for name in ("discriminator", "pair"):
        convolutions.power_iteration(twin.networks[name])
        for key, buffer in twin.networks[name].named_buffers():
            assert torch.equal(buffer, method.networks[name].get_buffer(key)), key


def test_equal_seeds_begin_alike_and_other_seeds_or_stages_do_not(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "infogan")
    first, same = (build(settings, 1, 3, "a", "cpu") for _ in range(2))
    others = [build(settings, 1, 4, "a", "cpu"), build(settings, 1, 3, "b", "cpu")]
    one = lambda method: weights(method.networks["generator"])[0]  # noqa: E731
    assert torch.equal(one(first), one(same))
    assert not any(torch.equal(one(first), one(other)) for other in others)
    log, again = first.step(batch(settings)), same.step(batch(settings))
    assert {name: value.item() for name, value in log.items()} == {name: value.item() for name, value in again.items()}


# ---------------------------------------------------------------------------------------------------------- interface
@pytest.mark.parametrize(
    ("system", "variant"),
    [("beta_vae", "main"), ("factor_vae", "main"), ("infogan", "main"), ("idgan_sc", "main"), ("idgan_sc", "frozen_q")],
)
def test_every_method_encodes_and_generates(shipped: dict[str, Any], system: str, variant: str) -> None:
    settings = settings_of(shipped, "test", system, variant)
    method = new(shipped, settings, "test")
    x, k = batch(settings), settings["c_dim"]
    codes = method.encode(x)
    assert codes.shape == (BATCH, k)
    if variant == "frozen_q":
        assert isinstance(method, GAN) and method.vae is not None and torch.equal(codes, method.vae(x)[0])
    drawn = method.generate(torch.zeros(BATCH, settings.get("z_dim", 1)), codes)
    assert drawn.shape == x.shape and drawn.min() >= 0 and drawn.max() <= 1
    assert all(value.ndim == 0 and torch.isfinite(value) for value in method.step(x).values())


def test_what_the_log_says_of_codes_and_pairs_is_measured_on_them(shipped: dict[str, Any]) -> None:
    settings = settings_of(shipped, "test", "idgan_sc_prior")
    method, twin = new(shipped, settings, "test"), new(shipped, settings, "test")
    x = batch(settings)
    log = method.step(x)
    convolutions.power_iteration(twin.networks["discriminator"])
    sd = twin.encode(x).std(0)
    assert [log[f"q_sd_{j + 1}"].item() for j in range(5)] == pytest.approx(sd.tolist(), rel=1e-3)
    assert {"loss_d", "loss_g", "loss_info", "loss_pair", "pair_accuracy", "cos_within", "cos_between"} <= set(log)
    assert log["loss_pair"] == pytest.approx(math.log(PAIRS - 1), rel=0.05)  # r nearly collapsed at the start


# ------------------------------------------------------------------------------------------------------ alive or not
def bars(c: Tensor) -> Tensor:
    """A fixed "generator": in the j-th strip of the image a bar whose place is code j, (m, k) -> (m, 1, 32, 32)."""
    k = c.shape[1]
    columns = torch.linspace(-2.5, 2.5, 32)
    strip = torch.exp(-((columns - c[:, :, None]) ** 2) / 0.1)  # (m, k, 32)
    rows = strip.repeat_interleave(32 // k, dim=1)
    return nn.functional.pad(rows, (0, 0, 0, 32 - rows.shape[1]))[:, None]


@pytest.mark.parametrize("system", ["idgan_sc_prior", "infogan_cr"])
def test_the_pair_network_as_it_starts_learns_separable_pairs(shipped: dict[str, Any], system: str) -> None:
    """Not a matter of course: with other first values r collapses and stays so (ledger rows 1 and 39)."""
    settings = settings_of(shipped, "desk", system, pairs=64, batch=64, pair_step="separate", pair_rule="change_one")
    assert settings.get("tau_numerator", 0.1) == settings.get("tau_denominator", 0.1) == 0.1
    method = new(shipped, settings, "desk")
    assert isinstance(method, GAN)
    x = torch.zeros(64, 1, 32, 32)
    losses = []
    for _ in range(90):
        convolutions.power_iteration(method.networks["pair"])
        pairs = method.draw_pairs(x, x)
        losses.append(method.pair_network_step((bars(pairs.c1), bars(pairs.c2)), pairs.s)["loss_pair_own"].item())
    chance = math.log(63) if system == "idgan_sc_prior" else math.log(5)
    assert losses[0] > chance - 0.1
    assert sum(losses[-10:]) / 10 < chance - 1


@pytest.mark.parametrize("rule", ["change_one", "keep_one"])
def test_a_collapsed_r_is_reported(shipped: dict[str, Any], rule: str) -> None:
    settings = settings_of(shipped, "test", "idgan_sc_prior", pair_rule=rule)
    method = new(shipped, settings, "test")
    out = method.networks["pair"].out
    assert isinstance(out, nn.Linear)
    with torch.no_grad():
        out.weight.zero_()
        out.bias.fill_(1.0)
    row = {name: value.item() for name, value in method.step(batch(settings)).items()}
    assert any("r has collapsed" in sentence for sentence in method.warnings(row))
    assert not any("r has collapsed" in sentence for sentence in method.warnings(row | {"cos_between": 0.98}))


def test_codes_that_q_does_not_use_are_reported_by_number(shipped: dict[str, Any]) -> None:
    method = new(shipped, settings_of(shipped, "test", "infogan"), "test")
    row = {f"q_sd_{j + 1}": sd for j, sd in enumerate([0.4, 0.049, 0.051, 0.0, 0.3])}
    (sentence,) = method.warnings(row)
    assert "2, 4" in sentence and method.warnings(dict.fromkeys(row, 0.06)) == []


@pytest.mark.parametrize("system", ["beta_vae", "factor_vae"])
def test_a_collapsed_posterior_is_reported(shipped: dict[str, Any], system: str) -> None:
    method = new(shipped, settings_of(shipped, "test", system), "test")
    assert isinstance(method, BetaVAE | FactorVAE)
    row = {f"kl_{j + 1}": 0.009 for j in range(10)}
    assert "collapsed" in method.warnings(row)[0]
    assert method.warnings(row | {"kl_3": 0.011, "kl_7": 2.0}) == []


def test_a_warning_comes_once_and_after_200_steps(shipped: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    method = new(shipped, settings_of(shipped, "test", "infogan"), "test")
    log = Log(Run("test", "dsprites", "infogan", "main", 3), 50)
    said = []
    for step in range(50, 501, 50):
        dead = {"q_sd_1": 0.01, "q_sd_2": 0.01 if step % 100 else 0.09}  # the second comes and goes
        row = {"step": float(step)} | dead
        log.warn(row, method.warnings(row))
        said.append(capsys.readouterr().err)
    assert [step for step, text in zip(range(50, 501, 50), said, strict=True) if text] == [200]
    assert "infogan" in said[3] and "step 0" in said[3]
