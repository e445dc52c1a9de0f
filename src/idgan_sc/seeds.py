"""Create one random stream for each pair (run seed, purpose).

Drawing more from one stream never changes another.
"""

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def _sequence(seed: int, purpose: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])


def torch_stream(seed: int, purpose: str, device: str = "cpu") -> "torch.Generator":
    """A torch generator on `device` for one purpose, such as "scratch/weights" (stage, stream)."""
    import torch  # scores draw from NumPy alone

    state = int(_sequence(seed, purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(state)


def numpy_stream(seed: int, purpose: str) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(_sequence(seed, purpose))
