"""The reading of image files, beside a PNG encoder and conversions of this test's own and beside other libraries."""

from __future__ import annotations

import colorsys
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.color import lab2xyz, xyz2rgb

from idgan_sc.data.decode import _eight_bits, decode, endings, fitted
from idgan_sc.files import DataError

RNG = np.random.default_rng(0)
GREY, COLOUR = RNG.integers(0, 256, (9, 7), dtype=np.uint8), RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (9, 7), dtype=np.uint8)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of PNG's colour types


def png(pixels: np.ndarray, kind: int, depth: int = 8, palette: bytes = b"", clear: bytes = b"") -> bytes:
    """A PNG file as its specification has it; pixels (H, W, channels) of so many bits each."""
    rows = pixels.reshape(len(pixels), -1)
    if depth == 16:
        packed = rows.astype(">u2").view(np.uint8)
    else:
        bits = np.unpackbits(rows.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        packed = np.packbits(bits.reshape(len(rows), -1), axis=1)
    head = struct.pack(">IIBBBBB", rows.shape[1] // CHANNELS[kind], len(rows), depth, kind, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in packed)
    parts = [(b"IHDR", head), (b"PLTE", palette), (b"tRNS", clear), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
        if body or name == b"IEND"
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def read(content: bytes, **options: str) -> np.ndarray:
    return np.asarray(decode(io.BytesIO(content), "it", **options).image)  # type: ignore[arg-type]


def over(colour: np.ndarray, alpha: np.ndarray, background: int = 255) -> np.ndarray:
    """Colours (…, C) of so much alpha (…) on a grey background, not rounded."""
    share = alpha[..., None].astype(float) / 255
    return share * colour + (1 - share) * background


# ------------------------------------------------------------------------------------------------------ PNG, every kind
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_of_few_bits_spans_black_to_white(depth: int) -> None:
    levels = GREY.astype(int) % 2**depth
    np.testing.assert_array_equal(read(png(levels, 0, depth)), levels.astype(int) * 255 // (2**depth - 1))


def test_sixteen_bits_are_scaled() -> None:
    deep = RNG.integers(0, 2**16, (9, 7))
    deep[0, :2] = 0, 2**16 - 1
    found = read(png(deep, 0, 16)).astype(float)
    assert np.abs(found - deep / 257).max() <= 0.5
    colour = RNG.integers(0, 2**16, (9, 7, 3))
    np.testing.assert_array_equal(read(png(colour, 2, 16)), colour >> 8)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes(depth: int) -> None:
    palette, index = RNG.integers(0, 256, (2**depth, 3), dtype=np.uint8), GREY.astype(int) % 2**depth
    np.testing.assert_array_equal(read(png(index, 3, depth, palette.tobytes())), palette[index])
    clear = RNG.integers(0, 256, 2**depth, dtype=np.uint8)
    found = read(png(index, 3, depth, palette.tobytes(), clear.tobytes()))
    assert np.abs(found - over(palette[index], clear[index])).max() <= 1


def test_a_palette_of_greys_is_grey() -> None:
    palette = np.repeat(RNG.permutation(256).astype(np.uint8)[:, None], 3, axis=1)
    np.testing.assert_array_equal(read(png(GREY, 3, 8, palette.tobytes())), palette[GREY, 0])


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("#808080", 128)])
def test_alpha_is_laid_on_the_background(background: str, level: int) -> None:
    grey = read(png(np.stack([GREY, ALPHA], axis=2), 4), background=background)
    assert grey.ndim == 2 and np.abs(grey - over(GREY[..., None], ALPHA, level)[..., 0]).max() <= 1
    colour = read(png(np.concatenate([COLOUR, ALPHA[..., None]], axis=2), 6), background=background)
    assert np.abs(colour - over(COLOUR, ALPHA, level)).max() <= 1


def test_one_transparent_colour() -> None:
    found = read(png(GREY, 0, 8, clear=struct.pack(">H", GREY[3, 4])))
    np.testing.assert_array_equal(found, np.where(GREY[3, 4] == GREY, 255, GREY))
    found = read(png(COLOUR, 2, 8, clear=struct.pack(">HHH", *COLOUR[3, 4].tolist())))
    np.testing.assert_array_equal(found, np.where((COLOUR[3, 4] == COLOUR).all(2)[..., None], 255, COLOUR))
    with pytest.raises(DataError, match="transparent grey of 16 bits: save it with 8 bits"):
        read(png(GREY.astype(int), 0, 16, clear=struct.pack(">H", GREY[3, 4])))


def test_only_what_shows_the_background_is_called_transparent() -> None:
    opaque = np.concatenate([COLOUR, np.full((9, 7, 1), 255, np.uint8)], axis=2)
    assert not decode(io.BytesIO(png(opaque, 6)), "it").transparent
    opaque[0, 0, 3] = 254
    assert decode(io.BytesIO(png(opaque, 6)), "it").transparent


# ------------------------------------------------------------------------------------------------------- other formats
def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TGA", {}), ("PPM", {}), ("PCX", {}),
     ("SGI", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {"irreversible": False}), ("GIF", {}), ("DDS", {}),
     ("QOI", {})],
)  # fmt: skip
def test_lossless_formats_give_the_same_arrays(kind: str, options: dict[str, object]) -> None:
    content = encoded(Image.fromarray(COLOUR), kind, **options)
    if kind != "GIF":  # of 63 colours, which a palette holds
        np.testing.assert_array_equal(read(content), COLOUR)
    else:
        assert np.abs(read(content).astype(int) - COLOUR).max() <= 1
    if kind not in ("DDS", "QOI", "WEBP"):  # they know no grey
        np.testing.assert_array_equal(read(encoded(Image.fromarray(GREY), kind, **options)), GREY)


def test_bits_in_tiff_whichever_end_is_white() -> None:
    tifffile = pytest.importorskip("tifffile")
    for photometric, levels in (("minisblack", GREY), ("miniswhite", 255 - GREY)):
        for wide in (1, 257):
            stream = io.BytesIO()
            tifffile.imwrite(stream, levels.astype(np.uint16 if wide > 1 else np.uint8) * wide, photometric=photometric)
            np.testing.assert_array_equal(read(stream.getvalue()), GREY)


def test_cmyk_and_ycbcr() -> None:
    cmyk = RNG.integers(0, 256, (9, 7, 4), dtype=np.uint8)
    expected = (255.0 - cmyk[..., :3]) * (255 - cmyk[..., 3:]) / 255
    assert np.abs(read(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF")) - expected).max() <= 1
    smooth = np.stack(np.meshgrid(*[np.linspace(30, 220, 32)] * 2), axis=2)
    smooth = np.concatenate([smooth, 250 - smooth[..., :1]], axis=2).astype(np.uint8)
    assert (
        np.abs(read(encoded(Image.fromarray(smooth), "JPEG", quality=98, subsampling=0)).astype(int) - smooth).max() < 8
    )


def test_lab_is_seen_in_daylight() -> None:
    """TIFF's L*a*b* has the white D50, sRGB D65: Bradford's matrix takes one to the other."""
    bradford = [
        [0.9555766, -0.0230393, 0.0631636],
        [-0.0282895, 1.0099416, 0.0210077],
        [0.0122982, -0.0204830, 1.3299098],
    ]
    values = np.stack(np.meshgrid(np.linspace(45, 80, 8), np.linspace(-15, 15, 8), [-15.0, 15.0]), axis=3).reshape(
        16, 8, 3
    )
    stored = (values * [2.55, 1, 1] + [0, 128, 128]).round().astype(np.uint8)
    exact = (stored - [0.0, 128, 128]) / [2.55, 1, 1]
    expected = 255 * xyz2rgb(lab2xyz(exact, illuminant="D50") @ np.array(bradford).T)
    image = Image.merge("LAB", [Image.fromarray(channel) for channel in stored.transpose(2, 0, 1)])
    assert np.abs(read(encoded(image, "TIFF")) - expected).max() < 3


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_alpha(mode: str) -> None:
    plain = Image.merge(
        mode[:-1] + "A", [Image.fromarray(c) for c in (GREY, GREY, GREY)[: len(mode) - 1]] + [Image.fromarray(ALPHA)]
    )
    found = np.asarray(_eight_bits(plain.convert(mode), "white").image)
    assert np.abs(found.reshape(9, 7, -1)[..., 0] - over(GREY[..., None], ALPHA)[..., 0]).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_every_orientation(orientation: int, kind: str) -> None:
    upright = np.zeros((8, 16), np.uint8)
    upright[:4, :8] = 255
    turns = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose, 6: lambda a: np.rot90(a, -1),
             7: lambda a: np.rot90(a, 2).T, 8: np.rot90}  # fmt: skip
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    stored = np.ascontiguousarray(turns.get(inverse, np.array)(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read(encoded(Image.fromarray(np.stack([stored] * 3, axis=2)), kind, exif=exif))[..., 0]
    assert found.shape == upright.shape and np.abs(found.astype(int) - upright).max() < 30


# ------------------------------------------------------------------------------------------------------ what is refused
def test_animations_are_refused_and_photographs_with_previews_are_not() -> None:
    frames = [Image.fromarray(np.roll(COLOUR, i, axis=0)) for i in range(3)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        with pytest.raises(DataError, match="it has 3 frames: save the one that you mean"):
            read(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    large = Image.fromarray(np.kron(COLOUR, np.ones((8, 8, 1), np.uint8)))
    assert read(encoded(large, "MPO", save_all=True, append_images=[large])).shape == (72, 56, 3)


def test_numbers_without_black_and_white_are_refused() -> None:
    for wide in (GREY.astype(np.int32), GREY.astype(np.float32)):
        with pytest.raises(DataError, match="32-bit numbers have no stated black and white: save it with 8 or 16 bits"):
            read(encoded(Image.fromarray(wide), "TIFF"))


def test_formats_that_run_programs_are_not_opened() -> None:
    assert {".png", ".webp", ".bmp", ".tif", ".gif", ".jpeg"} <= endings() and not {".eps", ".h5", ".wmf"} & endings()
    with pytest.raises(DataError, match="no format that Pillow knows"):
        read(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")


FILES = [encoded(Image.fromarray(COLOUR), kind) for kind in ("PNG", "GIF", "TIFF", "BMP", "WEBP", "JPEG", "TGA", "PCX")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    st.integers(0, 10**6),
)
def test_damage_gives_an_image_or_one_line(content: bytes, edits: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(content)
    for where, value in edits:
        damaged[where % len(damaged)] = value
    try:
        found = decode(io.BytesIO(bytes(damaged[: len(damaged) - cut % 40])), "it").image
    except DataError as error:
        assert "\n" not in str(error) and str(error).startswith("it ")
    else:
        assert found.mode in ("L", "RGB")


# ------------------------------------------------------------------------------------------------------------- squares
def test_a_square_is_what_pillow_resizes(tmp_path: Path) -> None:
    """CelebA's numbers and odd margins: the square's corner is half of what is left over, to the even side."""
    image = Image.fromarray(RNG.integers(0, 256, (218, 178, 3), dtype=np.uint8))
    for crop, left, top in ((160, 9, 29), (None, 0, 20), (178, 0, 20)):
        side = crop or 178
        expected = image.crop((left, top, left + side, top + side)).resize((64, 64), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(np.asarray(fitted(image, crop, 64)), np.asarray(expected))
    with pytest.raises(ValueError, match="178x218 pixels, too few for a crop of 179"):
        fitted(image, 179, 64)


# ------------------------------------------------------------------------------------- modes that no common format has
def of_mode(image: Image.Image) -> np.ndarray:
    return np.asarray(_eight_bits(image, "white").image).astype(float)


def test_hue_saturation_and_value() -> None:
    image = Image.merge("HSV", [Image.fromarray(channel) for channel in COLOUR.transpose(2, 0, 1)])
    expected = [[255 * np.array(colorsys.hsv_to_rgb(*(pixel / 255.0))) for pixel in row] for row in COLOUR]
    assert np.abs(of_mode(image) - expected).max() <= 2


def test_a_padded_colour_and_one_with_a_palette_and_alpha() -> None:
    padded = Image.merge("RGBX", [Image.fromarray(channel) for channel in (*COLOUR.transpose(2, 0, 1), ALPHA)])
    np.testing.assert_array_equal(of_mode(padded), COLOUR)  # the fourth byte means nothing
    palette = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
    image = Image.new("PA", (7, 9))
    image.putpalette(palette.tobytes())
    for y, x in np.ndindex(9, 7):
        image.putpixel((x, y), (int(GREY[y, x]), int(ALPHA[y, x])))
    assert np.abs(of_mode(image) - over(palette[GREY], ALPHA)).max() <= 1


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_of_either_byte_order(order: str) -> None:
    deep = RNG.integers(0, 2**16, (9, 7)).astype(order)
    image = Image.frombytes("I;16" if order[0] == "<" else "I;16B", (7, 9), deep.tobytes())
    assert np.abs(of_mode(image) - deep / 257.0).max() <= 0.5
    stream = io.BytesIO(b"P5 7 9 65535\n" + deep.astype(">u2").tobytes())  # PGM, which Pillow reads as mode I
    assert np.abs(np.asarray(decode(stream, "it").image) - deep / 257.0).max() <= 0.5
