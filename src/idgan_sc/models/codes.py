"""Draw the codes c and the pairs of codes (Sec. 2.2).

The codes come from a prior or from a frozen β-VAE.
"""

from typing import NamedTuple

import torch
from torch import Tensor

DEAD_NATS = 0.01  # a dimension of a VAE's code with less KL than this carries nothing


class Pairs(NamedTuple):
    """Hold m pairs of codes (m, k) that share a noise z (m, z_dim).

    s (m,) is the dimension that sets the two codes of a pair apart.
    """

    c1: Tensor
    c2: Tensor
    z: Tensor
    s: Tensor


def draw_prior(shape: tuple[int, int], prior: str, rng: torch.Generator) -> Tensor:
    """Independent draws of N(0, 1) (`gaussian`) or U(-1, 1) (`uniform`)."""
    if prior == "gaussian":
        return torch.randn(shape, generator=rng, device=rng.device)
    return 2 * torch.rand(shape, generator=rng, device=rng.device) - 1


def sample_posterior(mean: Tensor, logvar: Tensor, rng: torch.Generator) -> Tensor:
    """One draw of q(c|x) = N(mean, exp(logvar)), both (B, k)."""
    return mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=rng, device=mean.device)


def balanced_classes(m: int, dims: Tensor, rng: torch.Generator) -> Tensor:
    """Draw m classes from `dims` in random order, as evenly as possible.

    See ledger row 9.
    """
    cyclic = dims[torch.arange(m, device=dims.device) % len(dims)]
    return cyclic[torch.randperm(m, generator=rng, device=dims.device)]


def another_of_batch(base: Tensor, batch: int, rng: torch.Generator) -> Tensor:
    """Choose for each of m rows the row of another batch index.

    Row i comes from batch index i mod `batch`. Each row moves by a random cyclic shift that is never 0. So no pair
    has two equal images (ledger row 12).
    """
    m = len(base)
    images = min(batch, m)  # with fewer pairs than images, only these have a row
    shift = torch.randint(1, images, (m,), generator=rng, device=base.device)
    return base[(torch.arange(m, device=base.device) + shift) % images]


def recombine(base: Tensor, other: Tensor, s: Tensor, rule: str) -> Tensor:
    """Build the second code of each pair from two codes (m, k).

    `change_one` takes dimension s from `other`. `keep_one` takes all dimensions but s from it.
    """
    is_s = torch.arange(base.shape[1], device=base.device) == s[:, None]
    return torch.where(is_s if rule == "change_one" else ~is_s, other, base)
