"""FactorVAE (Kim and Mnih 2018), as the InfoGAN-CR repository trains its "FactorVAE (40.0)" row."""

from typing import Any

import torch
from torch import Tensor

from idgan_sc.models import networks as nets
from idgan_sc.models.codes import sample_posterior
from idgan_sc.models.descent import descend
from idgan_sc.models.objectives import (
    factor_vae_loss,
    gaussian_kl,
    reconstruction,
    total_correlation,
    total_correlation_critic_loss,
)
from idgan_sc.models.vae import VAE


class FactorVAE(VAE):
    """settings: c_dim, gamma, likelihood, lr, adam_betas, lr_tc, tc_betas; image_shape (C, H, W)."""

    def __init__(
        self, settings: dict[str, Any], image_shape: tuple[int, int, int], streams: dict[str, torch.Generator]
    ):
        channels, size, _ = image_shape
        networks = {
            "encoder": nets.FactorEncoder(size, channels, settings["c_dim"]),
            "decoder": nets.FactorDecoder(size, channels, settings["c_dim"]),
            "critic": nets.TotalCorrelationCritic(settings["c_dim"]),
        }
        super().__init__(settings, streams, networks)
        critic = networks["critic"].parameters()
        self.optimisers["critic"] = torch.optim.Adam(critic, settings["lr_tc"], tuple(settings["tc_betas"]), fused=True)

    def step(self, x: Tensor) -> dict[str, Tensor]:
        """One update of encoder and decoder, then of the critic; what they log."""
        critic = self.networks["critic"]
        mean, logvar = self.networks["encoder"](x)
        c = sample_posterior(mean, logvar, self.streams["noise"])
        recon = reconstruction(x, self.networks["decoder"](c), self.settings["likelihood"])
        kl = gaussian_kl(mean, logvar)
        tc = total_correlation(critic(c))
        loss = factor_vae_loss(recon, kl, tc, self.settings["gamma"])
        descend(loss, self.optimisers["vae"])

        c = c.detach()  # the same batch serves both steps, as in the InfoGAN-CR repository
        if "critic_codes" in self.settings:  # as the encoder that has just moved gives them
            with torch.no_grad():
                mean, logvar = self.networks["encoder"](x)
                c = sample_posterior(mean, logvar, self.streams["noise"])
        joint, marginals = critic(torch.cat([c, self.permute(c)])).chunk(2)
        critic_loss = total_correlation_critic_loss(joint, marginals)
        descend(critic_loss, self.optimisers["critic"])
        log = {"loss": loss, "reconstruction": recon, "total_correlation": tc, "critic_loss": critic_loss}
        log |= {f"kl_{j + 1}": kl[j] for j in range(len(kl))}
        return {name: value.detach() for name, value in log.items()}

    def permute(self, c: Tensor) -> Tensor:
        """Shuffle each dimension of c (B, k) over the batch on its own.

        The result is a sample of the product of marginals.
        """
        order = torch.rand(c.shape, generator=self.streams["noise"], device=c.device).argsort(0)
        return c.gather(0, order)
