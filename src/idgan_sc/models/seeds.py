"""Create one random stream for each pair (run seed, purpose).

Drawing more from one stream never changes another.
"""

import zlib

import numpy as np
import torch


def _sequence(seed: int, purpose: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])


def torch_stream(seed: int, purpose: str, device: str = "cpu") -> torch.Generator:
    """A torch generator on `device` for one purpose ("weights", "batches", "noise", "pairs")."""
    state = int(_sequence(seed, purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(state)


def numpy_stream(seed: int, purpose: str) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(_sequence(seed, purpose))
