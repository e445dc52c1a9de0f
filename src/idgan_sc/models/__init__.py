"""Define the training methods and their common interface.

Each method owns its update: `step(x)` updates all its players once and returns its log.

Training and evaluation rely on this interface: `networks` and `optimisers` (dicts by player's name), `streams`
(dict of torch.Generator), `steps_done`, `step(x) -> dict of tensors`, `encode(x) -> codes (B, k)`,
`generate(z, c) -> images`, `warnings(row) -> list of sentences`.
"""

from typing import Any

from idgan_sc.models.beta_vae import BetaVAE
from idgan_sc.models.factor_vae import FactorVAE
from idgan_sc.models.gan import GAN
from idgan_sc.models.ib_gan import IBGAN
from idgan_sc.models.penalised_vae import DIPVAE, AnnealedVAE, BetaTCVAE, PenalisedVAE
from idgan_sc.seeds import torch_stream

Method = BetaVAE | FactorVAE | PenalisedVAE | GAN | IBGAN
METHODS: dict[str, Any] = {  # by the objective; a GAN without one is "gan"
    "beta": BetaVAE,
    "factor": FactorVAE,
    "annealed": AnnealedVAE,
    "beta_tc": BetaTCVAE,
    "dip": DIPVAE,
    "gan": GAN,
    "ib": IBGAN,
}


def build(
    settings: dict[str, Any], channels: int, seed: int, stage: str, device: str, vae: "Method | None" = None
) -> Method:
    """The method that `settings` describe, freshly initialised from the streams of (seed, stage).

    vae: the finished β-VAE whose frozen encoder gives the codes, where `code: vae` asks for one.
    """
    shape = (channels, settings["image_size"], settings["image_size"])
    streams = {
        "weights": torch_stream(seed, f"{stage}/weights"),
        "noise": torch_stream(seed, f"{stage}/noise", device),
        "pairs": torch_stream(seed, f"{stage}/pairs", device),
    }
    frozen = [] if vae is None else [vae.networks["encoder"].eval().requires_grad_(False)]
    made: Method = METHODS[settings.get("objective", "gan")](settings, shape, streams, *frozen)
    return made
