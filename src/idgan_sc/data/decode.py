"""Read every image file as 8-bit grey or RGB, upright, on a stated background.

This is the only reader of image files. It takes whatever Pillow reads.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageColor, ImageOps, UnidentifiedImageError
from torchvision.transforms.v2.functional import InterpolationMode, center_crop, resize

from idgan_sc.files import DataError

WHITE = "white"
# EPS runs another program to be drawn; the others are recognised by Pillow and not decoded.
_NOT_READ = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
_GREY = {"1", "L", "LA", "La"}  # Pillow's names for modes without colour
_ONE_FRAME = {"MPO", "PSD"}  # further frames are a photograph's preview, or a drawing's layers
_MIN_IS_WHITE = (262, 0)  # a TIFF's tag and its value: 0 is white


@dataclass(frozen=True)
class Picture:
    """A decoded image file."""

    image: Image.Image  # mode L, or RGB if it has colour
    transparent: bool  # whether a pixel shows the background


@cache
def endings() -> frozenset[str]:
    """Return the endings of the names of files that can be read.

    They are in lower case and include the dot.
    """
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in _formats())


def decode(
    file: Path | BinaryIO,
    name: str | Path,
    *,
    background: str = WHITE,
    formats: Collection[str] | None = None,
    size: tuple[int, int] | None = None,
) -> Picture:
    """Decode one image: upright by its EXIF tag, transparency laid on `background`, colour profiles ignored.

    16-bit grey is scaled to 8 bits and rounded. 16-bit colours keep their upper 8 bits, as Pillow reads them.

    Parameters
    ----------
    name
        What messages call it.
    background
        A colour as CSS writes it, such as "white" or "#808080".
    formats
        Pillow's names of the formats that are tried, instead of all.
    size
        Width and height that it must have; compared before it is decoded.

    Raises
    ------
    DataError
        If it cannot be decoded, has several frames, or has numbers without a stated black and white.
    """
    try:
        with Image.open(file, formats=sorted(formats or _formats())) as image:
            if size and image.size != size:
                raise DataError(f"{name} has {image.width}x{image.height} pixels, expected {size[0]}x{size[1]}")
            return _eight_bits(image, background)
    except DataError:
        raise
    except Exception as error:  # a damaged file can raise anything in Pillow
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "no format that Pillow knows" if unknown else str(error) or type(error).__name__
        raise DataError(f"{name} is not a readable image ({reason}): replace or remove it") from error


def check_background(background: str) -> None:
    """Refuse what is no colour.

    Raises
    ------
    DataError
        If Pillow does not know it, or it is transparent itself.
    """
    with suppress(ValueError):
        if len(ImageColor.getrgb(background)) == 3:
            return
    raise DataError(f"--background {background!r} is no opaque colour: give one such as white, black or '#808080'")


def fitted(image: Image.Image, crop: int | None, size: int) -> Image.Image:
    """Cut a square around the image's centre and resize it to `size`.

    The square has `crop` pixels a side. Without `crop` it is the largest there is. Resizing avoids aliasing.

    Raises
    ------
    ValueError
        If the image is smaller than `crop`.
    """
    side = crop or min(image.size)
    if side > min(image.size):
        raise ValueError(f"it has {image.width}x{image.height} pixels, too few for a crop of {side}")
    return resize(center_crop(image, [side, side]), [size, size], InterpolationMode.BICUBIC)


@cache
def _formats() -> frozenset[str]:
    Image.init()
    return frozenset(Image.OPEN) - _NOT_READ


def _eight_bits(opened: Image.Image, background: str) -> Picture:
    """`L` or `RGB`, upright."""
    kind = opened.format or ""
    if getattr(opened, "n_frames", 1) > 1 and kind not in _ONE_FRAME:
        raise ValueError(f"it has {opened.n_frames} frames: save the one that you mean")  # type: ignore[attr-defined]
    from_white = kind == "TIFF" and opened.tag_v2.get(_MIN_IS_WHITE[0]) == _MIN_IS_WHITE[1]  # type: ignore[attr-defined]
    image = ImageOps.exif_transpose(opened)
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return Picture(_from_deep(image, kind, from_white), transparent=False)
    if image.mode == "LAB":
        return Picture(_from_lab(image), transparent=False)
    coloured, transparent = image, False
    if image.has_transparency_data:
        rgba = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
        transparent = bool(np.asarray(rgba.getchannel("A")).min() < 255)
        coloured = Image.alpha_composite(Image.new("RGBA", rgba.size, background), rgba)
    coloured = coloured.convert("L" if coloured.mode in _GREY else "RGB")
    maybe_grey = image.mode in _GREY or image.mode in ("P", "PA")  # a palette can be one of greys
    return Picture(coloured.convert("L") if maybe_grey and is_grey(coloured) else coloured, transparent)


def is_grey(image: Image.Image) -> bool:
    """Whether an image of mode L or RGB shows no colour."""
    channels = np.asarray(image)
    return channels.ndim == 2 or bool((channels == channels[..., :1]).all())


def _from_deep(image: Image.Image, kind: str, from_white: bool) -> Image.Image:
    """Grey of 16 bits; Pillow's own conversion would clip it instead of scaling it."""
    if not image.mode.startswith("I;16") and kind not in ("PNG", "PPM"):  # whose `I` is 16 bits wide
        raise ValueError("its 32-bit numbers have no stated black and white: save it with 8 or 16 bits")
    if "transparency" in image.info:
        raise ValueError("it has a transparent grey of 16 bits: save it with 8 bits")
    grey = (np.asarray(image).astype(np.float64) / 257 + 0.5).clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if from_white else grey)


def _from_lab(image: Image.Image) -> Image.Image:
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    found = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "LAB", "RGB"))
    assert found is not None  # it is not changed in place
    return found
