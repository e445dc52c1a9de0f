"""Draws codes and noise, and generates images from them."""

import numpy as np
import torch
from torch import Tensor

from idgan_sc.data.images import Images
from idgan_sc.data.tensors import to_tensor
from idgan_sc.models import GAN, IBGAN, Method
from idgan_sc.models.codes import DEAD_NATS, draw_prior, sample_posterior
from idgan_sc.models.objectives import gaussian_kl
from idgan_sc.seeds import numpy_stream
from idgan_sc.training.encode import BATCH
from idgan_sc.training.pool import pool_indices

Array = np.ndarray


@torch.no_grad()
def generate(method: Method, z: Tensor, c: Tensor) -> Tensor:
    """G(z, c), a batch at a time: (n, C, H, W)."""
    return torch.cat([method.generate(*part) for part in zip(z.split(BATCH), c.split(BATCH), strict=True)])


@torch.no_grad()
def distilled(method: GAN, c: Tensor, generated: Tensor) -> float:
    """Measure how far a code keeps the meaning that the frozen β-VAE gave it.

    The codes c are (n, k) and G's images are (n, C, H, W). The measure is the correlation of c_k with the
    encoder's mean of G(z, c). It is the mean over the codes with more than DEAD_NATS in these images. It is 1 at
    best, and NaN if there is no such code.

    Eq. (5) asks only the learned Q to find c again. D never sees which image c came from. So G may show any code
    as anything, if only c has its distribution (ledger row 14).
    """
    mean, logvar = (torch.cat(part) for part in zip(*map(method.posterior, generated.split(BATCH)), strict=True))
    active = gaussian_kl(mean, logvar) > DEAD_NATS
    both = torch.stack([c[:, active], mean[:, active]]).double()
    both = both - both.mean(1, keepdim=True)
    covariance, variances = both.prod(0).mean(0), both.square().mean(1)
    return float((covariance / variances.prod(0).sqrt()).mean())


@torch.no_grad()
def draw_codes(method: Method, images: Images, preset: str, n: int, rng: torch.Generator) -> Tensor:
    """Draw codes c (n, k) as training does.

    They come from the prior, or are a sample of the frozen posterior of n images of the pool.

    IB-GAN's is a sample of its bottleneck, e(r|z).
    """
    return _drawn_twice(method, images, preset, n, rng)[0]


@torch.no_grad()
def _drawn_twice(method: Method, images: Images, preset: str, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw codes (n, k) twice.

    The two draws are independent draws of the prior or of IB-GAN's bottleneck, or come from the same n posteriors.
    """
    if isinstance(method, IBGAN):
        return _through_bottleneck(method, n, rng), _through_bottleneck(method, n, rng)
    if method.settings.get("code", "prior") == "prior":
        shape, prior = (n, method.settings["c_dim"]), method.settings.get("prior", "gaussian")
        return draw_prior(shape, prior, rng), draw_prior(shape, prior, rng)
    assert isinstance(method, GAN)
    pool = pool_indices(images, preset, method.settings["pool"])
    drawn = torch.randint(2**31, (1,), generator=rng, device=rng.device)
    chosen = numpy_stream(int(drawn), "generated").choice(pool, n)
    x = [images.batch(chosen[i : i + BATCH], method.settings["image_size"]) for i in range(0, n, BATCH)]
    posteriors = [method.posterior(to_tensor(part, str(method.device))) for part in x]
    mean, logvar = (torch.cat(part) for part in zip(*posteriors, strict=True))
    return sample_posterior(mean, logvar, rng), sample_posterior(mean, logvar, rng)


def _through_bottleneck(method: IBGAN, n: int, rng: torch.Generator) -> Tensor:
    mean, logvar = method.networks["bottleneck"](draw_noise(method, n, rng))
    return sample_posterior(mean, logvar, rng)


def draw_noise(method: Method, n: int, rng: torch.Generator) -> Tensor:
    """z (n, z_dim) of the prior; a VAE has none."""
    return draw_prior((n, method.settings.get("z_dim", 0)), method.settings.get("prior", "gaussian"), rng)
