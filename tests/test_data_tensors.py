"""Images that a device unpacks are the images that the processor unpacks, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from idgan_sc.data.images import Images, open_images, save_images
from idgan_sc.data.tensors import DeviceImages, loader


def bytes_of(folder: Path, channels: int, packed: bool) -> Images:
    """Fifty random images of 16x16 pixels."""
    rng = np.random.default_rng(channels)
    row = (16 * 16 // 8,) if packed else (16, 16, channels)
    chunk = rng.integers(0, 256, (50, *row), dtype=np.uint8)
    return save_images(
        folder, [chunk], name="noise", source="noise", licence="none", shape=(channels, 16, 16), n=50, packed=packed
    )


def assert_same(images: Images, indices: np.ndarray, size: int) -> None:
    found, expected = DeviceImages(images, "cpu").batch(indices, size), loader(images, "cpu")(indices, size)
    assert found.dtype == torch.float32 and found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, expected) and np.array_equal(found.numpy(), images.batch(indices, size))


@pytest.mark.parametrize(("channels", "packed"), [(1, True), (1, False), (3, False)])
@pytest.mark.parametrize("size", [16, 8])
def test_a_device_unpacks_the_same_numbers(tmp_path: Path, channels: int, packed: bool, size: int) -> None:
    assert_same(bytes_of(tmp_path, channels, packed), np.array([49, 0, 7, 7, 31]), size)


@pytest.mark.parametrize("size", [64, 32])
def test_a_device_unpacks_dsprites(small_data: Path, size: int) -> None:
    assert_same(open_images(small_data), np.arange(0, 2000, 9), size)


def test_a_size_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image size 4 of noise is not available: choose one of \[16, 8\]"):
        DeviceImages(bytes_of(tmp_path, 3, False), "cpu").batch(np.array([0]), 4)
