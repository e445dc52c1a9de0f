"""A finished run for use elsewhere: arrays in, arrays out; `idgan_sc.load` is the way in."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from idgan_sc.codes import draw_prior
from idgan_sc.encode import BATCH, load_run, to_tensor
from idgan_sc.seeds import torch_stream
from idgan_sc.traverse import REACH, SWEEP

Array = np.ndarray


class Model:
    """Encoder and generator of a finished run, in evaluation mode on the CPU.

    folder: `<results>/runs/<dataset>/<system>/<variant>/<seed>`, with a distilled run's β-VAE beside it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.method = load_run(folder)
        self.settings: dict[str, Any] = self.method.settings

    def encode(self, images: Array) -> Array:
        """Codes (B, k) of images (B, C, H, W) in [0, 1]: the mean of Q, or of a VAE's posterior."""
        parts = to_tensor(np.asarray(images, np.float32), "cpu").split(BATCH)
        with torch.no_grad():
            return torch.cat([self.method.encode(part) for part in parts]).numpy()

    def generate(self, codes: Array, noise: Array | None = None, seed: int = 0) -> Array:
        """Images (B, C, H, W) in [0, 1] of codes (B, k); noise (B, z_dim), drawn from `seed` where none is given."""
        c = torch.from_numpy(np.asarray(codes, np.float32))
        z = self._noise(len(c), seed) if noise is None else torch.from_numpy(np.asarray(noise, np.float32))
        parts = zip(z.split(BATCH), c.split(BATCH), strict=True)
        with torch.no_grad():
            return torch.cat([self.method.generate(*part) for part in parts]).numpy()

    def traverse(self, code: Array, dimension: int, values: Array | None = None, seed: int = 0) -> Array:
        """Images (S, C, H, W) of one code (k,) with `dimension` (from 0) set to each of `values`, all else fixed.

        values: ten from −2 to 2 standard deviations (a uniform code's range: −1 to 1) where none are given.
        """
        values = self.sweep() if values is None else np.asarray(values, np.float32)
        codes = np.repeat(np.asarray(code, np.float32)[None], len(values), axis=0)
        codes[:, dimension] = values
        noise = np.repeat(self._noise(1, seed).numpy(), len(values), axis=0)
        return self.generate(codes, noise)

    def sweep(self) -> Array:
        """The values of a traversal, as the figures have them."""
        uniform = self.settings.get("code") == "prior" and self.settings["prior"] == "uniform"
        reach = 1.0 if uniform else REACH
        return np.linspace(-reach, reach, SWEEP, dtype=np.float32)

    def _noise(self, n: int, seed: int) -> Tensor:
        settings = self.settings
        return draw_prior((n, settings.get("z_dim", 1)), settings.get("prior", "gaussian"), torch_stream(seed, "noise"))


def load(run: str | PathLike[str]) -> Model:
    """The model of a finished run's folder.

    Raises
    ------
    DataError
        If the folder holds no finished run, or its files are damaged.
    """
    return Model(Path(run).absolute())
