"""A sheet of a data set's images, to see what became of them."""

from pathlib import Path

import numpy as np
import torch
from torchvision.utils import make_grid, save_image

from idgan_sc.data.images import Images
from idgan_sc.files import write_atomic

ACROSS, DOWN = 8, 3


def write_preview(images: Images, path: Path | None = None) -> Path:
    """Write `preview.png`: random images of the data set, as they are stored.

    It goes into the data set's folder, or to `path`.
    """
    chosen = np.random.default_rng(0).permutation(images.n)[: ACROSS * DOWN]
    tiles = torch.from_numpy(images.batch(np.sort(chosen), images.shape[1]))  # (n, C, H, W)
    grid = make_grid(tiles, nrow=ACROSS, padding=2, pad_value=0.5)
    return write_atomic(path or images.folder / "preview.png", lambda temporary: save_image(grid, temporary))
