"""β-VAE (Higgins et al. 2017): stage one of the paper, and a row of the comparison; Eq. (1)."""

from typing import Any

import torch
from torch import Tensor

from idgan_sc import networks as nets
from idgan_sc.codes import sample_posterior
from idgan_sc.descent import descend
from idgan_sc.objectives import beta_vae_loss, gaussian_kl, reconstruction

DEAD_NATS = 0.01  # a code with less KL than this carries nothing


class BetaVAE:
    """settings: c_dim, beta, likelihood, lr, adam_betas; image_shape (C, H, W)."""

    def __init__(
        self, settings: dict[str, Any], image_shape: tuple[int, int, int], streams: dict[str, torch.Generator]
    ):
        self.settings, self.streams = settings, streams
        channels, size, _ = image_shape
        self.networks = {
            "encoder": nets.ConvEncoder(size, channels, settings["c_dim"]),
            "decoder": nets.ConvDecoder(size, channels, settings["c_dim"]),
        }
        for network in self.networks.values():
            nets.initialise(network, streams["weights"], streams["noise"].device)
        parameters = [p for network in self.networks.values() for p in network.parameters()]
        self.optimisers = {
            "vae": torch.optim.Adam(parameters, settings["lr"], tuple(settings["adam_betas"]), fused=True)
        }

    def step(self, x: Tensor) -> dict[str, Tensor]:
        mean, logvar = self.networks["encoder"](x)
        logits = self.networks["decoder"](sample_posterior(mean, logvar, self.streams["noise"]))
        recon = reconstruction(x, logits, self.settings["likelihood"])
        kl = gaussian_kl(mean, logvar)  # (k,)
        loss = beta_vae_loss(recon, kl, self.settings["beta"])
        descend(loss, self.optimisers["vae"])
        log = {"loss": loss, "reconstruction": recon, **{f"kl_{j + 1}": kl[j] for j in range(len(kl))}}
        return {name: value.detach() for name, value in log.items()}

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(c|x), each (B, k)."""
        return self.networks["encoder"](x)

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x)[0]

    def generate(self, z: Tensor, c: Tensor) -> Tensor:
        """The decoder's mean image; a VAE has no noise, z is ignored."""
        return torch.sigmoid(self.networks["decoder"](c))

    def warnings(self, row: dict[str, float]) -> list[str]:
        live = sum(value > DEAD_NATS for name, value in row.items() if name.startswith("kl_"))
        return (
            [] if live > 1 else [f"only {live} codes are live (more than {DEAD_NATS} nat): the posterior has collapsed"]
        )
