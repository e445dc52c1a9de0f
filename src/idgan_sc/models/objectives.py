"""Equations (1)-(6) of the paper and the baselines' objectives, one pure function each.

Reductions, once for all: sum over pixels and latent dimensions, mean over the batch (or over anchors). β, γ, λ and α
mean nothing without them. Everything here is minimised; where the paper maximises, the sign is turned.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BETWEEN = "cos_between"  # the log's name of the mean cosine between classes


def reconstruction(x: Tensor, logits: Tensor, likelihood: str) -> Tensor:
    """-log p(x|c), summed over pixels, mean over the batch; x (B, C, H, W) in [0, 1].

    `bernoulli`: cross-entropy; `gaussian`: half the squared error of sigmoid(logits), unit variance, constant dropped.
    """
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return 0.5 * F.mse_loss(torch.sigmoid(logits), x, reduction="sum") / len(x)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, I)) in nats a dimension, (B, k) -> (k,): mean over the batch."""
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1).mean(0)


def beta_vae_loss(recon: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Eq. (1) with its sign turned: -E[log p(x|c)] + β KL; `kl` (k,) in nats."""
    return recon + beta * kl.sum()


def total_correlation(critic_logits: Tensor) -> Tensor:
    """FactorVAE (Kim and Mnih 2018, Eq. 3): estimate of KL(q(c) || prod q(c_j)) from the critic's logits (B, 2)."""
    return (critic_logits[:, 0] - critic_logits[:, 1]).mean()


def factor_vae_loss(recon: Tensor, kl: Tensor, tc: Tensor, gamma: float) -> Tensor:
    """FactorVAE (Kim and Mnih 2018, Eq. 2), minimised: -ELBO + γ TC."""
    return recon + kl.sum() + gamma * tc


def total_correlation_critic_loss(joint_logits: Tensor, permuted_logits: Tensor) -> Tensor:
    """FactorVAE's critic: cross-entropy of joint codes (class 0) against codes permuted a dimension (class 1)."""
    zeros = torch.zeros(len(joint_logits), dtype=torch.long, device=joint_logits.device)
    return 0.5 * (F.cross_entropy(joint_logits, zeros) + F.cross_entropy(permuted_logits, zeros + 1))


def annealed_vae_loss(recon: Tensor, kl: Tensor, gamma: float, capacity: float) -> Tensor:
    """Annealed VAE (Burgess et al. 2018, Eq. 8), minimised: -E[log p(x|c)] + γ |KL - C|; `kl` (k,), C in nats."""
    return recon + gamma * (kl.sum() - capacity).abs()


def beta_tcvae_loss(recon: Tensor, kl: Tensor, tc: Tensor, beta: float) -> Tensor:
    """β-TCVAE (Chen et al. 2018, Eq. 4 with α = γ = 1), minimised: -ELBO + (β - 1) TC."""
    return recon + kl.sum() + (beta - 1) * tc


def minibatch_total_correlation(c: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(c) || prod q(c_j)) by minibatch weighted sampling (Chen et al. 2018, App. C.1), in nats; all (B, k).

    c is one draw of each posterior N(mean, exp(logvar)); q(c) is estimated by the batch's posteriors. Constants of
    the batch and the number of images are left out: they have no gradient.
    """
    density = _log_normal(c[:, None], mean[None], logvar[None])  # (B, B, k): of code i under posterior j
    joint = density.sum(2).logsumexp(1)
    marginals = density.logsumexp(1).sum(1)
    return (joint - marginals).mean()


def _log_normal(c: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * ((c - mean).square() * (-logvar).exp() + logvar + math.log(2 * math.pi))


def dip_vae_loss(recon: Tensor, kl: Tensor, covariance: Tensor, off_diagonal: float, diagonal: float) -> Tensor:
    """DIP-VAE (Kumar et al. 2018, Eqs. 6 and 7), minimised: -ELBO + penalties of a covariance (k, k) that is not I.

    λ_od Σ over i != j of cov_ij² + λ_d Σ (cov_ii - 1)².
    """
    variances = covariance.diagonal()
    between = covariance.square().sum() - variances.square().sum()
    return recon + kl.sum() + off_diagonal * between + diagonal * (variances - 1).square().sum()


def codes_covariance(mean: Tensor, logvar: Tensor | None = None) -> Tensor:
    """Covariance (k, k) over the batch: of the posterior means (DIP-VAE I), or with `logvar` of the codes (II).

    The codes' covariance is that of the means plus the mean of the posteriors' own (Kumar et al. 2018, Eq. 5).
    """
    centred = mean - mean.mean(0)
    covariance = centred.T @ centred / len(mean)
    return covariance if logvar is None else covariance + logvar.exp().mean(0).diag()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Eq. (4), D's side, minimised: -E log D(x) - E log(1 - D(G(z, c))), logits (B,)."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def gradient_penalty(real_logits: Tensor, x: Tensor) -> Tensor:
    """R1 as ID-GAN's code has it: E |∇ D(x)|² over real images in [-1, 1]; x (B, C, H, W) in [0, 1] needs gradients.

    The gradient in [-1, 1] is half of that in [0, 1]. Mescheder et al. 2018 (Eq. 9) have half of this.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), x, create_graph=True)
    return (0.5 * gradient).square().flatten(1).sum(1).mean()


def generator_adversarial_loss(fake_logits: Tensor) -> Tensor:
    """Eq. (4), G's side in its non-saturating form -E log D(G(z, c)).

    Deviates: the paper prints E log(1 - D(G(z, c))); every released code behind it trains this form.
    """
    return F.softplus(-fake_logits).mean()


def info_loss(c: Tensor, mean: Tensor, logvar: Tensor | None = None) -> Tensor:
    """Eq. (5), minimised: -E log Q(c|x), Q a Gaussian; c and mean (B, k). H(c) is a constant and dropped.

    `logvar` None is Q's fixed unit variance (InfoGAN-CR); ID-GAN's frozen encoder brings its own.
    """
    logvar = torch.zeros_like(mean) if logvar is None else logvar
    terms = (c - mean).square() * (-logvar).exp() + logvar + math.log(2 * math.pi)
    return 0.5 * terms.sum(1).mean()


def ib_gan_objective(
    adversarial: Tensor, z: Tensor, z_read: Tensor, kl: Tensor, lambda_info: float, beta: float
) -> Tensor:
    """IB-GAN (Jeon et al. 2021, Eq. 10), G's side with its encoder and Q, minimised; z, z_read (B, d), kl (k,) in nats.

    L_adv + λ |z - Q(G)|²/2 (the lower bound of the information) + β KL(e(r|z) || N(0, I)) (the upper).
    """
    return adversarial + lambda_info * 0.5 * (z - z_read).square().sum(1).mean() + beta * kl.sum()


def pair_cross_entropy(logits: Tensor, s: Tensor) -> Tensor:
    """Third term of Eq. (2): cross-entropy of H's guess which dimension s distinguishes the pair; logits (m, k)."""
    return F.cross_entropy(logits, s)


def supervised_contrastive_loss(r: Tensor, s: Tensor, tau_numerator: float, tau_denominator: float) -> Tensor:
    """Eq. (6), mean over the anchors: pairs of one class s lie close; r (m, d) unit vectors, s (m,) classes.

    -1/|P(i)| sum over positives p of log [exp(r_i.r_p / τ₁) / sum over j != i of exp(r_i.r_j / τ₂)]. Anchors without a
    positive are left out; without any anchor the loss is 0.
    Deviates: mean over anchors where Eq. (6) sums (ledger row 3); the two temperatures may be one (row 1).
    """
    self_pair = torch.eye(len(r), dtype=torch.bool, device=r.device)
    similarity = r @ r.T  # (m, m)
    positive = (s[:, None] == s[None, :]) & ~self_pair
    count = positive.sum(1)
    log_denominator = (similarity / tau_denominator).masked_fill(self_pair, -torch.inf).logsumexp(1)
    attraction = (similarity * positive).sum(1) / (tau_numerator * count.clamp(min=1))
    anchors = count > 0
    return torch.where(anchors, log_denominator - attraction, 0).sum() / anchors.sum().clamp(min=1)


def generator_objective(
    adversarial: Tensor, info: Tensor, pair: Tensor | None, lambda_info: float, alpha: float
) -> Tensor:
    """Eqs. (2) and (3), the side of G (and of Q and E), minimised: L_adv + λ L_info + α L_pair.

    Deviates: the sign of the last term of Eq. (3) as printed would drive the classes apart (ledger row 4).
    """
    return adversarial + lambda_info * info + (0 if pair is None else alpha * pair)


@torch.no_grad()
def cosines(r: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cosine within and between classes, r (m, d) unit vectors: both near 1 is a collapsed r."""
    similarity = r @ r.T
    same = s[:, None] == s[None, :]
    between = (similarity * ~same).sum() / (~same).sum().clamp(min=1)
    off_diagonal = same.sum() - len(r)
    within = ((similarity * same).sum() - similarity.diagonal().sum()) / off_diagonal.clamp(min=1)
    return within, between


@torch.no_grad()
def nearest_mean_accuracy(r: Tensor, s: Tensor, classes: int) -> Tensor:
    """How often the nearest class mean of the first half of the pairs names the class of a pair of the second half.

    A class that the first half lacks is never an answer.
    """
    half = len(r) // 2
    one_hot = (s[:half, None] == torch.arange(classes, device=s.device)).to(r.dtype)  # F.one_hot looks at its values
    means = F.normalize(one_hot.T @ r[:half], dim=1)  # (k, d)
    similarity = (r[half:] @ means.T).masked_fill(one_hot.sum(0) == 0, -torch.inf)  # (m - half, k)
    return (similarity.argmax(1) == s[half:]).float().mean()
