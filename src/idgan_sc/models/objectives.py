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
    """Compute the reconstruction loss -log p(x|c).

    It is summed over pixels and averaged over the batch. Images x (B, C, H, W) lie in [0, 1].

    `bernoulli` is the cross-entropy. `gaussian` is half the squared error of sigmoid(logits). It has unit variance
    and drops the constant.
    """
    if likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return 0.5 * F.mse_loss(torch.sigmoid(logits), x, reduction="sum") / len(x)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute KL(N(mean, exp(logvar)) || N(0, I)) in nats for each dimension.

    It maps (B, k) -> (k,) as a mean over the batch.
    """
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1).mean(0)


def beta_vae_loss(recon: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Eq. (1) with its sign turned: -E[log p(x|c)] + β KL; `kl` (k,) in nats."""
    return recon + beta * kl.sum()


def total_correlation(critic_logits: Tensor) -> Tensor:
    """Estimate the total correlation from the critic's logits (B, 2).

    It is KL(q(c) || prod q(c_j)), as in FactorVAE (Kim and Mnih 2018, Eq. 3).
    """
    return (critic_logits[:, 0] - critic_logits[:, 1]).mean()


def factor_vae_loss(recon: Tensor, kl: Tensor, tc: Tensor, gamma: float) -> Tensor:
    """FactorVAE (Kim and Mnih 2018, Eq. 2), minimised: -ELBO + γ TC."""
    return recon + kl.sum() + gamma * tc


def total_correlation_critic_loss(joint_logits: Tensor, permuted_logits: Tensor) -> Tensor:
    """FactorVAE's critic: cross-entropy of joint codes (class 0) against codes permuted a dimension (class 1)."""
    zeros = torch.zeros(len(joint_logits), dtype=torch.long, device=joint_logits.device)
    return 0.5 * (F.cross_entropy(joint_logits, zeros) + F.cross_entropy(permuted_logits, zeros + 1))


def annealed_vae_loss(recon: Tensor, kl: Tensor, gamma: float, capacity: float) -> Tensor:
    """Compute the Annealed VAE loss: -E[log p(x|c)] + γ |KL - C|.

    It is minimised. `kl` is (k,) and C is in nats. Source: Burgess et al. 2018, Eq. 8.
    """
    return recon + gamma * (kl.sum() - capacity).abs()


def beta_tcvae_loss(recon: Tensor, kl: Tensor, tc: Tensor, beta: float) -> Tensor:
    """Compute the β-TCVAE loss: -ELBO + (β - 1) TC.

    It is minimised. Source: Chen et al. 2018, Eq. 4 with α = γ = 1.
    """
    return recon + kl.sum() + (beta - 1) * tc


def minibatch_total_correlation(c: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """Estimate the total correlation by minibatch weighted sampling, in nats.

    It is KL(q(c) || prod q(c_j)) (Chen et al. 2018, App. C.1). All inputs are (B, k). c is one draw of each
    posterior N(mean, exp(logvar)). The batch's posteriors estimate q(c). The constants of the batch and of the
    number of images are left out, since they have no gradient.
    """
    density = _log_normal(c[:, None], mean[None], logvar[None])  # (B, B, k): of code i under posterior j
    joint = density.sum(2).logsumexp(1)
    marginals = density.logsumexp(1).sum(1)
    return (joint - marginals).mean()


def _log_normal(c: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * ((c - mean).square() * (-logvar).exp() + logvar + math.log(2 * math.pi))


def dip_vae_loss(recon: Tensor, kl: Tensor, covariance: Tensor, off_diagonal: float, diagonal: float) -> Tensor:
    """Compute the DIP-VAE loss: -ELBO plus penalties of the covariance (k, k).

    It is minimised. The penalties are those of a covariance that is not I (Kumar et al. 2018, Eqs. 6 and 7):

    λ_od Σ over i != j of cov_ij² + λ_d Σ (cov_ii - 1)².
    """
    variances = covariance.diagonal()
    between = covariance.square().sum() - variances.square().sum()
    return recon + kl.sum() + off_diagonal * between + diagonal * (variances - 1).square().sum()


def codes_covariance(mean: Tensor, logvar: Tensor | None = None) -> Tensor:
    """Compute the codes' covariance (k, k) over the batch.

    Without `logvar` it is that of the posterior means (DIP-VAE I). With `logvar` it is that of the codes (II): the
    covariance of the means plus the mean of the posteriors' own (Kumar et al. 2018, Eq. 5).
    """
    centred = mean - mean.mean(0)
    covariance = centred.T @ centred / len(mean)
    return covariance if logvar is None else covariance + logvar.exp().mean(0).diag()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Compute D's loss of Eq. (4).

    It is -E log D(x) - E log(1 - D(G(z, c))), minimised. The logits are (B,).
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def gradient_penalty(real_logits: Tensor, x: Tensor) -> Tensor:
    """Compute the R1 gradient penalty as ID-GAN's code does.

    It is E |∇ D(x)|² over real images in [-1, 1]. Images x (B, C, H, W) in [0, 1] need gradients. The gradient in
    [-1, 1] is half of that in [0, 1]. Mescheder et al. 2018 (Eq. 9) have half of this penalty.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), x, create_graph=True)
    return (0.5 * gradient).square().flatten(1).sum(1).mean()


def generator_adversarial_loss(fake_logits: Tensor) -> Tensor:
    """Eq. (4), G's side in its non-saturating form -E log D(G(z, c)).

    Deviates: the paper prints E log(1 - D(G(z, c))); every released code behind it trains this form.
    """
    return F.softplus(-fake_logits).mean()


def info_loss(c: Tensor, mean: Tensor, logvar: Tensor | None = None) -> Tensor:
    """Compute the information loss of Eq. (5): -E log Q(c|x).

    It is minimised. Q is a Gaussian. c and mean are (B, k). H(c) is a constant and dropped.

    With `logvar` None, Q has a fixed unit variance (InfoGAN-CR). ID-GAN's frozen encoder brings its own variance.
    """
    logvar = torch.zeros_like(mean) if logvar is None else logvar
    terms = (c - mean).square() * (-logvar).exp() + logvar + math.log(2 * math.pi)
    return 0.5 * terms.sum(1).mean()


def ib_gan_objective(
    adversarial: Tensor, z: Tensor, z_read: Tensor, kl: Tensor, lambda_info: float, beta: float
) -> Tensor:
    """Compute IB-GAN's loss for G, its encoder and Q.

    It is minimised: L_adv + λ |z - Q(G)|²/2 + β KL(e(r|z) || N(0, I)). The second term is the lower bound of the
    information, the third the upper bound. z and z_read are (B, d). kl (k,) is in nats. Source: Jeon et al. 2021,
    Eq. 10.
    """
    return adversarial + lambda_info * 0.5 * (z - z_read).square().sum(1).mean() + beta * kl.sum()


def pair_cross_entropy(logits: Tensor, s: Tensor) -> Tensor:
    """Compute the cross-entropy of H's guess of the dimension s.

    It is the third term of Eq. (2). s is the dimension that distinguishes the pair. The logits are (m, k).
    """
    return F.cross_entropy(logits, s)


def supervised_contrastive_loss(r: Tensor, s: Tensor, tau_numerator: float, tau_denominator: float) -> Tensor:
    """Compute the contrastive loss of Eq. (6), averaged over the anchors.

    It draws pairs of one class s together. r (m, d) are unit vectors, s (m,) classes. An anchor i contributes

    -1/|P(i)| sum over positives p of log [exp(r_i.r_p / τ₁) / sum over j != i of exp(r_i.r_j / τ₂)].

    Anchors without a positive are left out. Without any anchor the loss is 0.

    Deviates: averages over anchors where Eq. (6) sums (ledger row 3). The two temperatures may be one (row 1).
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
    """Compute the loss of G, Q and E: L_adv + λ L_info + α L_pair.

    It is minimised (Eqs. 2 and 3).

    Deviates: the last term of Eq. (3) has the opposite sign in print. That sign would drive the classes apart
    (ledger row 4).
    """
    return adversarial + lambda_info * info + (0 if pair is None else alpha * pair)


@torch.no_grad()
def cosines(r: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean cosine within classes and between classes.

    r (m, d) are unit vectors. If both means are near 1, r has collapsed.
    """
    similarity = r @ r.T
    same = s[:, None] == s[None, :]
    between = (similarity * ~same).sum() / (~same).sum().clamp(min=1)
    off_diagonal = same.sum() - len(r)
    within = ((similarity * same).sum() - similarity.diagonal().sum()) / off_diagonal.clamp(min=1)
    return within, between


@torch.no_grad()
def nearest_mean_accuracy(r: Tensor, s: Tensor, classes: int) -> Tensor:
    """Compute the accuracy of classifying pairs by the nearest class mean.

    The means are those of the first half of the pairs. The second half is classified. A class that is missing in
    the first half is never an answer.
    """
    half = len(r) // 2
    one_hot = (s[:half, None] == torch.arange(classes, device=s.device)).to(r.dtype)  # F.one_hot looks at its values
    means = F.normalize(one_hot.T @ r[:half], dim=1)  # (k, d)
    similarity = (r[half:] @ means.T).masked_fill(one_hot.sum(0) == 0, -torch.inf)  # (m - half, k)
    return (similarity.argmax(1) == s[half:]).float().mean()
