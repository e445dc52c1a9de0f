"""What all VAEs share: an encoder, a decoder, and codes that are the posterior's means."""

from typing import Any

import torch
from torch import Tensor, nn

from idgan_sc.models import networks as nets
from idgan_sc.models.codes import DEAD_NATS


class VAE:
    """Hold an encoder, a decoder and their Adam optimiser.

    settings: at least c_dim, lr and adam_betas. A subclass adds `step` and what else it trains.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        streams: dict[str, torch.Generator],
        networks: dict[str, nn.Module],
    ) -> None:
        self.settings, self.streams, self.networks = settings, streams, networks
        for network in networks.values():
            nets.initialise(network, streams["weights"], streams["noise"].device)
        both = [*networks["encoder"].parameters(), *networks["decoder"].parameters()]
        self.optimisers = {"vae": torch.optim.Adam(both, settings["lr"], tuple(settings["adam_betas"]), fused=True)}
        self.steps_done = 0

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(c|x), each (B, k)."""
        return self.networks["encoder"](x)

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean (B, k)."""
        return self.posterior(x)[0]

    def generate(self, z: Tensor, c: Tensor) -> Tensor:
        """The decoder's mean image; a VAE has no noise, z is ignored."""
        return torch.sigmoid(self.networks["decoder"](c))

    def warnings(self, row: dict[str, float]) -> list[str]:
        """What in one row of the log shows that the posterior has collapsed."""
        active = sum(value > DEAD_NATS for name, value in row.items() if name.startswith("kl_"))
        return (
            []
            if active > 1
            else [f"only {active} codes are active (more than {DEAD_NATS} nat): the posterior has collapsed"]
        )
