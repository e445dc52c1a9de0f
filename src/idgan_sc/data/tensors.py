"""Hold a data set's images as tensors on the device that trains on them.

On a GPU the images stay packed until they are used.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from idgan_sc.data.images import Images

Load = Callable[[np.ndarray, int], Tensor]  # indices (B,), size -> images (B, C, size, size) float32 in [0, 1]


def to_tensor(array: np.ndarray, device: str) -> Tensor:
    """(B, C, H, W) float32, in the memory layout that the networks are fastest with."""
    return torch.from_numpy(array).to(device, memory_format=torch.channels_last)


class DeviceImages:
    """Hold a data set's stored bytes on `device`.

    Packed images have one bit a pixel (dSprites: 378 MB).
    """

    def __init__(self, images: Images, device: str) -> None:
        self.images = images
        self.pixels = torch.from_numpy(np.array(images.pixels)).to(device)  # (N, H*W/8) or (N, H, W, C) uint8
        self.shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)  # np.packbits: the first pixel on top

    def batch(self, indices: np.ndarray, size: int) -> Tensor:
        """The very numbers of `Images.batch`, (B, C, size, size) float32, without waiting for the device."""
        chosen = torch.from_numpy(indices)
        if self.pixels.device.type == "cuda":
            chosen = chosen.pin_memory().to(self.pixels.device, non_blocking=True)
        rows = self.pixels[chosen]
        if self.images.packed:
            _, height, width = self.images.shape
            x = ((rows[:, :, None] >> self.shifts) & 1).view(-1, 1, height, width)
        else:
            x = rows.permute(0, 3, 1, 2)
        if self.images.halved(size):
            x = x.to(torch.int16)
            x = x[:, :, 0::2] + x[:, :, 1::2]  # (B, C, H/2, W)
            x = x[..., 0::2] + x[..., 1::2]
        return (x.to(torch.float32) * self.images.scale(size)).contiguous(memory_format=torch.channels_last)


def loader(images: Images, device: str) -> Load:
    """How batches of `images` get to `device`."""
    if device == "cpu" or not isinstance(images.pixels, np.ndarray):  # composed by the processor
        return lambda indices, size: to_tensor(images.batch(indices, size), device)
    return DeviceImages(images, device).batch
