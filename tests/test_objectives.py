"""Every objective against a closed form or an independent computation, so that a missing term or a wrong sign shows."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from idgan_sc.models import objectives as obj

pytestmark = pytest.mark.usefixtures("float64")


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normal(rng: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=rng)


# ----------------------------------------------------------------------------------------------- Eq. (1) and FactorVAE
def test_bernoulli_reconstruction_sums_over_pixels_and_averages_over_the_batch(rng: torch.Generator) -> None:
    x, logits = torch.rand((3, 2, 4, 4), generator=rng).round(), normal(rng, 3, 2, 4, 4)
    expected = -Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1).mean()
    assert obj.reconstruction(x, logits, "bernoulli") == pytest.approx(expected.item())


def test_gaussian_reconstruction_is_the_normal_density_but_for_its_constant(rng: torch.Generator) -> None:
    x, logits = torch.rand((3, 2, 4, 4), generator=rng), normal(rng, 3, 2, 4, 4)
    log_density = Normal(torch.sigmoid(logits), 1.0).log_prob(x).flatten(1).sum(1).mean()
    constant = x[0].numel() * 0.5 * math.log(2 * math.pi)
    assert obj.reconstruction(x, logits, "gaussian") == pytest.approx(-log_density.item() - constant)


def test_kl_is_that_of_torch_distributions_in_each_dimension(rng: torch.Generator) -> None:
    mean, logvar = normal(rng, 6, 4), normal(rng, 6, 4)
    expected = kl_divergence(Normal(mean, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean(0)
    torch.testing.assert_close(obj.gaussian_kl(mean, logvar), expected)
    assert obj.gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0, 0]


def test_beta_vae_loss_weighs_the_summed_kl_by_beta() -> None:
    assert obj.beta_vae_loss(torch.tensor(10.0), torch.tensor([1.0, 2.0]), 8.0) == 10 + 8 * 3


def test_factor_vae_loss_has_the_kl_once_and_gamma_times_the_total_correlation() -> None:
    loss = obj.factor_vae_loss(torch.tensor(10.0), torch.tensor([1.0, 2.0]), torch.tensor(0.5), 40.0)
    assert loss == 10 + 3 + 40 * 0.5


def test_annealed_vae_holds_the_kl_at_its_capacity_from_both_sides() -> None:
    for kl, distance in ((torch.tensor([1.0, 2.0]), 2.0), (torch.tensor([4.0, 3.0]), 2.0), (torch.tensor([5.0]), 0.0)):
        assert obj.annealed_vae_loss(torch.tensor(10.0), kl, 100.0, 5.0) == 10 + 100 * distance


def test_minibatch_total_correlation_is_that_of_the_mixture_of_posteriors(rng: torch.Generator) -> None:
    """Each density of the batch's mixture, one after another, by torch.distributions."""
    mean, logvar = normal(rng, 5, 3), normal(rng, 5, 3)
    c = mean + (0.5 * logvar).exp() * normal(rng, 5, 3)
    expected = 0.0
    for i in range(5):
        single = [
            [Normal(mean[j, d], (0.5 * logvar[j, d]).exp()).log_prob(c[i, d]).exp() for d in range(3)] for j in range(5)
        ]
        joint = sum(math.prod(row) for row in single) / 5
        marginals = [sum(row[d] for row in single) / 5 for d in range(3)]
        expected += (math.log(joint) - sum(map(math.log, marginals))) / 5
    constant = (3 - 1) * math.log(5)  # of the means over the batch: without gradient, and left out
    assert obj.minibatch_total_correlation(c, mean, logvar).item() + constant == pytest.approx(expected)


def test_minibatch_total_correlation_of_independent_codes_is_small_and_of_equal_ones_large(
    rng: torch.Generator,
) -> None:
    mean, logvar = normal(rng, 400, 2), torch.full((400, 2), -2.0)
    noise = torch.exp(0.5 * logvar) * normal(rng, 400, 2)
    constant = math.log(400)
    apart = obj.minibatch_total_correlation(mean + noise, mean, logvar) + constant
    equal = mean[:, :1].expand(-1, 2)
    together = obj.minibatch_total_correlation(equal + noise, equal, logvar) + constant
    assert abs(apart) < 0.2 < 0.6 < together


def test_beta_tcvae_is_the_vae_at_beta_1_and_weighs_the_total_correlation_above() -> None:
    recon, kl, tc = torch.tensor(10.0), torch.tensor([1.0, 2.0]), torch.tensor(0.5)
    assert obj.beta_tcvae_loss(recon, kl, tc, 1.0) == obj.beta_vae_loss(recon, kl, 1.0)
    assert obj.beta_tcvae_loss(recon, kl, tc, 6.0) == 10 + 3 + 5 * 0.5


def test_dip_vae_counts_covariances_and_variances_that_are_not_those_of_the_unit_matrix() -> None:
    covariance = torch.tensor([[1.5, 0.2], [0.2, 1.0]])
    loss = obj.dip_vae_loss(torch.tensor(10.0), torch.tensor([1.0, 2.0]), covariance, 10.0, 100.0)
    assert loss.item() == pytest.approx(10 + 3 + 10 * 2 * 0.2**2 + 100 * 0.5**2)
    assert obj.dip_vae_loss(torch.tensor(10.0), torch.zeros(2), torch.eye(2), 10.0, 100.0) == 10


def test_covariances_of_means_and_of_codes(rng: torch.Generator) -> None:
    mean, logvar = normal(rng, 50, 3), normal(rng, 50, 3)
    torch.testing.assert_close(obj.codes_covariance(mean), torch.cov(mean.T, correction=0))
    draws = mean + (0.5 * logvar).exp() * normal(rng, 20_000, 50, 3)
    whole = torch.cov(draws.flatten(0, 1).T, correction=0)
    torch.testing.assert_close(obj.codes_covariance(mean, logvar), whole, rtol=0.02, atol=0.02)


def test_total_correlation_of_a_perfect_critic_is_the_true_one() -> None:
    """For a bivariate normal of correlation rho the total correlation is -log(1 - rho²)/2."""
    rho, n = 0.8, 400_000
    rng = torch.Generator().manual_seed(1)
    a = torch.randn(n, generator=rng)
    b = rho * a + math.sqrt(1 - rho**2) * torch.randn(n, generator=rng)
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]])
    joint = torch.distributions.MultivariateNormal(torch.zeros(2), covariance).log_prob(torch.stack([a, b], 1))
    product = Normal(0.0, 1.0).log_prob(a) + Normal(0.0, 1.0).log_prob(b)
    estimate = obj.total_correlation(torch.stack([joint, product], 1))
    assert estimate == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.01)


def test_critic_loss_is_the_mean_cross_entropy_of_joint_as_0_and_permuted_as_1(rng: torch.Generator) -> None:
    joint, permuted = normal(rng, 5, 2), normal(rng, 5, 2)
    right = Categorical(logits=joint).log_prob(torch.zeros(5)), Categorical(logits=permuted).log_prob(torch.ones(5))
    assert obj.total_correlation_critic_loss(joint, permuted) == pytest.approx(-torch.cat(right).mean().item())
    sure = torch.tensor([[30.0, -30.0]])
    assert obj.total_correlation_critic_loss(sure, -sure) < 1e-12 < 50 < obj.total_correlation_critic_loss(-sure, sure)


# -------------------------------------------------------------------------------------------------------- Eqs. (4), (5)
def test_discriminator_loss_is_equation_4_with_its_sign_turned(rng: torch.Generator) -> None:
    real, fake = normal(rng, 7), normal(rng, 7)
    value = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    assert obj.discriminator_loss(real, fake) == pytest.approx(-value.item())
    assert obj.discriminator_loss(torch.zeros(3), torch.zeros(3)) == pytest.approx(2 * math.log(2))


def test_generator_loss_is_the_non_saturating_one(rng: torch.Generator) -> None:
    fake = normal(rng, 7).requires_grad_()
    loss = obj.generator_adversarial_loss(fake)
    assert loss.item() == pytest.approx(-torch.sigmoid(fake).log().mean().item())
    sure_fake = torch.tensor([-40.0], requires_grad=True)
    obj.generator_adversarial_loss(sure_fake).backward()
    assert sure_fake.grad == pytest.approx(-1.0)  # the saturating form of Eq. (4) would give no gradient here


def test_info_loss_is_the_negative_log_density_of_a_unit_normal(rng: torch.Generator) -> None:
    c, mean = normal(rng, 6, 4), normal(rng, 6, 4)
    assert obj.info_loss(c, mean) == pytest.approx(-Normal(mean, 1.0).log_prob(c).sum(1).mean().item())


def test_info_loss_takes_the_variance_that_a_frozen_encoder_brings(rng: torch.Generator) -> None:
    c, mean, logvar = normal(rng, 6, 4), normal(rng, 6, 4), normal(rng, 6, 4)
    expected = -Normal(mean, (0.5 * logvar).exp()).log_prob(c).sum(1).mean()
    assert obj.info_loss(c, mean, logvar) == pytest.approx(expected.item())


# -------------------------------------------------------------------------------------------------- Eqs. (2), (3), (6)
def test_pair_cross_entropy_is_the_negative_log_probability_of_the_class(rng: torch.Generator) -> None:
    logits, s = normal(rng, 8, 5), torch.arange(8) % 5
    assert obj.pair_cross_entropy(logits, s) == pytest.approx(-Categorical(logits=logits).log_prob(s).mean().item())
    assert obj.pair_cross_entropy(torch.zeros(8, 5), s) == pytest.approx(math.log(5))


def test_generator_objective_adds_lambda_info_and_alpha_pair_as_losses() -> None:
    adversarial, info, pair = torch.tensor(1.0), torch.tensor(10.0), torch.tensor(100.0)
    assert obj.generator_objective(adversarial, info, pair, 0.05, 2.0) == pytest.approx(1 + 0.5 + 200)
    assert obj.generator_objective(adversarial, info, None, 0.05, 2.0) == pytest.approx(1.5)


def contrastive_by_loops(r: Tensor, s: Tensor, tau1: float, tau2: float) -> float:
    """Eq. (6) as it is written, one sum a loop, mean over the anchors that have a positive."""
    rows, classes = r.tolist(), s.tolist()

    def dot(i: int, j: int) -> float:
        return sum(a * b for a, b in zip(rows[i], rows[j], strict=True))

    terms = []
    for i in range(len(rows)):
        positives = [p for p in range(len(rows)) if p != i and classes[p] == classes[i]]
        if not positives:
            continue
        denominator = sum(math.exp(dot(i, j) / tau2) for j in range(len(rows)) if j != i)
        terms.append(-sum(math.log(math.exp(dot(i, p) / tau1) / denominator) for p in positives) / len(positives))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize(("tau1", "tau2"), [(0.1, 0.1), (0.07, 0.07), (0.07, 0.1), (0.1, 0.5)])
@pytest.mark.parametrize("classes", [[0, 1, 2, 0, 1, 2, 0, 1], [0, 0, 0, 0, 3, 3, 2, 2], [0, 0, 1, 2, 2, 2, 3, 4]])
def test_contrastive_loss_is_equation_6(rng: torch.Generator, tau1: float, tau2: float, classes: list[int]) -> None:
    r, s = torch.nn.functional.normalize(normal(rng, 8, 6), dim=1), torch.tensor(classes)
    loss = obj.supervised_contrastive_loss(r, s, tau1, tau2)
    assert loss == pytest.approx(contrastive_by_loops(r, s, tau1, tau2))


def unit(r: Tensor) -> Tensor:
    return torch.nn.functional.normalize(r, dim=1)


@pytest.mark.parametrize(
    ("name", "one_temperature", "literal"),
    [("random", 6.74, 6.34), ("collapsed", 5.95, 1.66), ("orthogonal", 4.33, 0.04)],
)
def test_contrastive_loss_has_the_known_values_at_the_papers_size(
    name: str, one_temperature: float, literal: float
) -> None:
    """m = 384 pairs of 5 classes: .07 over .07 and the literal .07 over .1 (ledger row 1)."""
    s = torch.arange(384) % 5
    rng = torch.Generator().manual_seed(0)
    r = {
        "random": unit(torch.randn(384, 128, generator=rng)),
        "collapsed": unit(torch.ones(384, 128)),
        "orthogonal": torch.eye(128)[s],
    }[name]
    assert obj.supervised_contrastive_loss(r, s, 0.07, 0.07) == pytest.approx(one_temperature, abs=0.006)
    # r is random in the first row, and the published value a mean over draws
    assert obj.supervised_contrastive_loss(r, s, 0.07, 0.1) == pytest.approx(literal, abs=0.01)


def test_collapsed_r_costs_exactly_log_m_minus_1_at_one_temperature() -> None:
    loss = obj.supervised_contrastive_loss(unit(torch.ones(128, 9)), torch.arange(128) % 5, 0.1, 0.1)
    assert loss == pytest.approx(math.log(127))


def test_anchors_without_a_positive_are_left_out(rng: torch.Generator) -> None:
    r = unit(normal(rng, 4, 3)).requires_grad_()
    lonely = obj.supervised_contrastive_loss(r, torch.arange(4), 0.1, 0.1)
    lonely.backward()
    assert lonely == 0 and r.grad is not None and bool((r.grad == 0).all())
    assert torch.isfinite(obj.supervised_contrastive_loss(r, torch.tensor([0, 0, 1, 2]), 0.07, 0.1))


def test_contrastive_gradient_pulls_one_class_together_and_pushes_classes_apart() -> None:
    r = unit(torch.tensor([[1.0, 0.2], [1.0, -0.2], [0.2, 1.0], [-0.2, 1.0]])).requires_grad_()
    s = torch.tensor([0, 0, 1, 1])
    obj.supervised_contrastive_loss(r, s, 0.1, 0.1).backward()
    assert r.grad is not None
    moved = unit((r - 0.01 * r.grad).detach())
    within, between = obj.cosines(moved, s)
    within_before, between_before = obj.cosines(r.detach(), s)
    assert within > within_before and between < between_before


# ------------------------------------------------------------------------------------------------- signs of being alive
def test_cosines_within_and_between_classes_by_loops(rng: torch.Generator) -> None:
    r, s = unit(normal(rng, 9, 4)), torch.arange(9) % 3
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    expected_within = [(r[i] @ r[j]).item() for i, j in pairs if s[i] == s[j]]
    expected_between = [(r[i] @ r[j]).item() for i, j in pairs if s[i] != s[j]]
    within, between = obj.cosines(r, s)
    assert within == pytest.approx(sum(expected_within) / len(expected_within))
    assert between == pytest.approx(sum(expected_between) / len(expected_between))


def test_nearest_mean_accuracy_is_1_for_separate_classes_and_chance_for_noise(rng: torch.Generator) -> None:
    s = torch.arange(4000) % 5
    assert obj.nearest_mean_accuracy(torch.eye(8)[s], s, 5) == 1
    assert obj.nearest_mean_accuracy(torch.eye(8)[(s + torch.arange(4000) // 2000) % 5], s, 5) == 0
    assert obj.nearest_mean_accuracy(unit(normal(rng, 4000, 16)), s, 5) == pytest.approx(0.2, abs=0.04)


def test_a_class_that_never_occurs_is_never_the_nearest() -> None:
    """Classes 0 and 1 of three, both far from where their second half lies: one of them is still the answer."""
    r = unit(torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [-1.0, 0.1]]))
    assert obj.nearest_mean_accuracy(r, torch.tensor([0, 1, 0, 1]), 3) > 0
