"""Train the β-VAE of Eq. (1), the paper's stage one.

Source: Higgins et al. 2017. The β-VAE is also a row of the comparison.
"""

from typing import Any

import torch
from torch import Tensor

from idgan_sc.models import networks as nets
from idgan_sc.models.codes import sample_posterior
from idgan_sc.models.descent import descend
from idgan_sc.models.objectives import beta_vae_loss, gaussian_kl, reconstruction
from idgan_sc.models.vae import VAE


class BetaVAE(VAE):
    """settings: c_dim, beta, likelihood, lr, adam_betas; image_shape (C, H, W)."""

    def __init__(
        self, settings: dict[str, Any], image_shape: tuple[int, int, int], streams: dict[str, torch.Generator]
    ):
        channels, size, _ = image_shape
        networks = {
            "encoder": nets.ConvEncoder(size, channels, settings["c_dim"]),
            "decoder": nets.ConvDecoder(size, channels, settings["c_dim"]),
        }
        super().__init__(settings, streams, networks)

    def step(self, x: Tensor) -> dict[str, Tensor]:
        """One update of encoder and decoder; what it logs."""
        mean, logvar = self.networks["encoder"](x)
        logits = self.networks["decoder"](sample_posterior(mean, logvar, self.streams["noise"]))
        recon = reconstruction(x, logits, self.settings["likelihood"])
        kl = gaussian_kl(mean, logvar)  # (k,)
        loss = beta_vae_loss(recon, kl, self.settings["beta"])
        descend(loss, self.optimisers["vae"])
        log = {"loss": loss, "reconstruction": recon, **{f"kl_{j + 1}": kl[j] for j in range(len(kl))}}
        return {name: value.detach() for name, value in log.items()}
