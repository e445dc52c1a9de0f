"""A user's own images: what becomes of them, of their labels, and which error each mistake gives."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idgan_sc import cli
from idgan_sc.data import digits, table
from idgan_sc.data.folder import prepare_folder
from idgan_sc.data.images import sample_classes
from idgan_sc.files import DataError


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path) if mode else Image.fromarray(pixels).save(path)


def flat(width: int, height: int, *colour: int) -> np.ndarray:
    return np.full((height, width, 3), colour or (200, 100, 50), dtype=np.uint8)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three colour images and their table."""
    folder = tmp_path / "mine"
    for name, value in (("a.png", 10), ("b.PNG", 20), ("sub/c.jpg", 30)):
        save(folder / name, flat(40, 40, value, 100, 200))
    (tmp_path / "factors.csv").write_text("file,size,kind\na.png,2,cat\nb.PNG,10,ant\nsub/c.jpg,2,bee\n")
    return folder


def test_two_hundred_images_with_factors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    classes = sample_classes(digits.FACTORS, 200, rng)
    drawn = digits.render(classes, rng)[..., 0]
    rows = ["digit,file,angle"]
    for number in rng.permutation(200):
        save(tmp_path / "images" / f"{number:03d}.png", drawn[number])
        rows.append(f"{classes[number, 0]},{number:03d}.png,{digits.FACTORS.values[3][classes[number, 3]]}")
    (tmp_path / "factors.csv").write_text("\n".join(rows))
    images = prepare_folder(tmp_path / "images", tmp_path / "own", tmp_path / "factors.csv", size=32)
    assert (images.name, images.n, images.shape) == ("own", 200, (1, 32, 32))
    np.testing.assert_array_equal(images.pixels[..., 0], drawn)  # at their own size they stay as they are
    assert (images.factor_names, images.factor_sizes, images.discrete) == (("digit", "angle"), (10, 10), ())
    np.testing.assert_allclose(images.values(np.arange(200))[:, 1], np.array(digits.FACTORS.values[3])[classes[:, 3]])
    images.verify()


def test_factors_of_numbers_and_of_names(three: Path, tmp_path: Path) -> None:
    images = prepare_folder(three, tmp_path / "out", tmp_path / "factors.csv", size=32)
    assert (images.n, images.shape, images.discrete) == (3, (3, 32, 32), ("kind",))
    assert images.factor_values == ((2.0, 10.0), (0.0, 1.0, 2.0))
    assert images.classes is not None
    assert images.classes.tolist() == [[0, 2], [1, 0], [0, 1]]
    np.testing.assert_allclose(images.pixels[:, 16, 16, 0], [10, 20, 30], atol=2)


def test_without_factors(three: Path, tmp_path: Path) -> None:
    (three / "notes.txt").write_text("left out")
    (three / ".hidden.png").write_text("left out")
    images = prepare_folder(three, tmp_path / "out")
    assert (images.n, images.shape, images.classes) == (3, (3, 64, 64), None)
    assert images.source == "3 images of the folder mine"


def test_an_image_of_another_shape_is_cut_at_its_centre(tmp_path: Path) -> None:
    wide = flat(100, 40, 0, 0, 0)
    wide[:, 30:70] = 255  # the central square
    wide[10:30, 40:60] = 100  # the central half of that
    save(tmp_path / "in" / "wide.png", wide)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", size=32).pixels[0, :4].min() == 255
    assert prepare_folder(tmp_path / "in", tmp_path / "out", size=32, crop=20).pixels[0].max() == 100
    with pytest.raises(DataError, match=r"wide\.png cannot be used: it has 100x40 pixels, too few for a crop of 41"):
        prepare_folder(tmp_path / "in", tmp_path / "out", crop=41)


def test_fine_patterns_become_grey_not_noise(tmp_path: Path) -> None:
    y, x = np.mgrid[:320, :320]
    save(tmp_path / "in" / "board.png", ((x + y) % 2 * 255).astype(np.uint8))
    pixels = prepare_folder(tmp_path / "in", tmp_path / "out", size=32).pixels
    assert pixels.shape == (1, 32, 32, 1) and np.abs(pixels.astype(int) - 127).max() < 4


def test_the_first_image_decides_on_colour(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", flat(40, 40))
    save(tmp_path / "in" / "b.png", np.full((40, 40), 70, dtype=np.uint8))
    images = prepare_folder(tmp_path / "in", tmp_path / "out", size=32)
    assert images.pixels[1].min() == images.pixels[1].max() == 70 and images.shape == (3, 32, 32)
    save(tmp_path / "in" / "0.png", np.full((40, 40), 70, dtype=np.uint8))
    with pytest.raises(DataError, match=r"a\.png is in colour, but the first image is grey"):
        prepare_folder(tmp_path / "in", tmp_path / "out", size=32)


def test_files_of_all_kinds_are_read_and_others_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, ending in enumerate(("bmp", "gif", "jp2", "png", "tif", "webp")):  # as their names are sorted
        save(tmp_path / "in" / f"a.{ending}", np.full((32, 32), 70 + 10 * number, dtype=np.uint8), "L")
    for name in ("table.csv", "notes.txt", "README", ".hidden.png", ".cache/a.png"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("no image")
    (tmp_path / "in" / "folder.png").mkdir()
    images = prepare_folder(tmp_path / "in", tmp_path / "out", size=32)
    assert (images.n, images.shape) == (6, (1, 32, 32))
    assert np.abs(images.pixels[:, 0, 0, 0].astype(int) - 70 - 10 * np.arange(6)).max() <= 1
    said = capsys.readouterr().err
    assert "3 files are of other kinds and are left out: .csv, .txt, no ending; files are read that end in .png" in said
    assert "2 files are hidden and are left out" in said and "transparent" not in said and "cut" not in said


def test_what_an_earlier_call_wrote_is_no_image_of_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "in" / "a.png", flat(32, 32))
    save(tmp_path / "in" / "b.png", flat(32, 32, 20, 100, 50))
    for _ in range(2):
        images = prepare_folder(tmp_path / "in", tmp_path / "in/data/own", size=32)
        assert images.n == 2
        save(images.folder / "preview.png", flat(32, 32))
    assert "files of " in (said := capsys.readouterr().err) and "are the data set itself and are left out" in said


def test_links_are_named_and_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "in" / "a.png", flat(32, 32))
    save(tmp_path / "other" / "b.png", flat(32, 32, 20, 100, 50))
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "other" / "b.png")
    (tmp_path / "in" / "c.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "in" / "d").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "in" / "e.png")
    assert prepare_folder(tmp_path / "in", tmp_path / "out", size=32).n == 2
    said = capsys.readouterr().err
    assert f"1 folders are links and are not searched, first {tmp_path / 'in' / 'd'}" in said
    assert f"2 names lead to no file and are left out, first {tmp_path / 'in' / 'c.png'}" in said


def test_a_folder_that_must_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "in" / "a.png", flat(32, 32))
    (tmp_path / "in" / "closed").mkdir()
    opened = os.scandir

    def scandir(path: str) -> object:  # as a system does to everybody but its administrator
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"closed cannot be searched \(Permission denied\): make it readable"):
        prepare_folder(tmp_path / "in", tmp_path / "out", size=32)


def test_what_is_done_to_images_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sprites drawn in the alpha channel alone were all black once."""
    for number, start in enumerate((5, 30)):
        sprite = np.zeros((64, 64, 4), np.uint8)
        sprite[start : start + 20, start : start + 20, 3] = 255
        save(tmp_path / "in" / f"{number}.png", sprite)
    images = prepare_folder(tmp_path / "in", tmp_path / "out")
    assert [(int(image[:, :, 0].min()), int((image == 0).sum() // 3)) for image in images.pixels] == [(0, 400)] * 2
    assert images.pixels[0, 5, 5].max() == 0 and images.pixels[0, 4, 4].min() == 255
    assert "2 of 2 images have transparent pixels, laid on white (--background)" in capsys.readouterr().err
    red = prepare_folder(tmp_path / "in", tmp_path / "out", background="#ff0000")
    assert red.pixels[0, 0, 0].tolist() == [255, 0, 0] and red.shape == (3, 64, 64)
    save(tmp_path / "in" / "wide.png", flat(20, 10))
    save(tmp_path / "in" / "x.png", np.full((64, 64), 9, dtype=np.uint8))
    capsys.readouterr()
    prepare_folder(tmp_path / "in", tmp_path / "out")
    said = capsys.readouterr().err
    for line in (
        "are cut to the square",
        "are enlarged to 64x64 pixels",
        "are grey among colours: three equal channels",
    ):
        assert f"1 of 4 images {line}" in said
    for background in ("nocolour", "#ff000080"):
        with pytest.raises(DataError, match=f"--background '{background}' is no opaque colour: give one such as white"):
            prepare_folder(tmp_path / "in", tmp_path / "out", background=background)


def test_a_folder_whose_name_is_no_utf8(three: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in-\xe9"))
    three.rename(odd)
    images = prepare_folder(odd, Path(f"{odd}-out"), tmp_path / "factors.csv", size=32)
    assert (images.n, images.source) == (3, "3 images of the folder in-\ufffd")
    assert images.name == "in-\ufffd-out"


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(40), None])
def test_a_broken_image_is_named(three: Path, tmp_path: Path, content: bytes | None) -> None:
    whole = (three / "b.PNG").read_bytes()
    (three / "b.PNG").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(DataError, match=r"b\.PNG is not a readable image .*: replace or remove it"):
        prepare_folder(three, tmp_path / "out")
    assert not (tmp_path / "out" / "images.npy").exists()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("file,size\na.png,1\nb.PNG,2\n", r"has no row for the image sub/c\.jpg: label it or remove it"),
        ("file,size\na.png,1\nb.PNG,2\nsub/c.jpg,3\nd.png,1\n", r"names d\.png, which is not an image in .*mine"),
        ("file,size\na.png,1\nb.PNG,2\nsub/c.jpg,3\na.png,1\n", r"names a\.png twice"),
        ("file,size\na.png,1\nb.PNG,\nsub/c.jpg,3\n", r"factors\.csv, line 3: size is missing \(nothing\): fill it in"),
        ("file,size\na.png,1\nb.PNG,2,3\nsub/c.jpg,3\n", r"line 3: 3 cells under 2 headings"),
        ("file,size\na.png,1\nb.PNG,1\nsub/c.jpg,1\n", "factor size has the same value in every row"),
        ("name,size\na.png,1\n", "needs a column `file`"),
        ("file\na.png\n", "needs a column `file` and one column for each factor"),
        ("file,size,size\na.png,1,1\n", "each name once"),
        ("", "needs a column `file`"),
    ],
)
def test_a_table_that_does_not_fit(three: Path, tmp_path: Path, table: str, words: str) -> None:
    (tmp_path / "factors.csv").write_text(table)
    with pytest.raises(DataError, match=words):
        prepare_folder(three, tmp_path / "out", tmp_path / "factors.csv")


def test_a_table_that_cannot_be_read(three: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv cannot be read as a CSV table"):
        prepare_folder(three, tmp_path / "out", tmp_path / "none.csv")
    (tmp_path / "factors.csv").write_bytes(b"file,size\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="cannot be read as a CSV table"):
        prepare_folder(three, tmp_path / "out", tmp_path / "factors.csv")


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is not a folder"):
        prepare_folder(tmp_path / "none", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no image: files are read that end in \.png"):
        prepare_folder(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "scan").write_bytes(b"an image without an ending")
    with pytest.raises(
        DataError, match=r"empty holds no image, only files with no ending: files are read that end in \.png"
    ):
        prepare_folder(tmp_path / "empty", tmp_path / "out")


def test_more_values_of_a_factor_than_classes_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    files = [f"{number}.png" for number in range(table.MOST + 1)]
    lines = ["file,size", *(f"{file},{number}" for number, file in enumerate(files))]
    (tmp_path / "most.csv").write_text("\n".join(lines[:-1]))
    classes = table.read_factors(tmp_path / "most.csv", tmp_path, files[:-1]).classes
    assert classes is not None and classes.max() == table.MOST - 1
    (tmp_path / "more.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="factor size has 65537 values"):
        table.read_factors(tmp_path / "more.csv", tmp_path, files)


def noisy(folder: Path, n: int, low: int = 0, high: int = 256) -> Path:
    rng = np.random.default_rng(0)
    for number in range(n):
        save(folder / f"{number}.png", rng.integers(low, high, (32, 32), dtype=np.uint8))
    return folder


def test_too_few_images_are_refused_before_any_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idgan_sc.data.folder.decode", lambda *_, **__: pytest.fail("an image was read"))
    with pytest.raises(
        DataError, match=r"in holds 5 images, training and evaluation at this preset need 6: add images"
    ):
        prepare_folder(noisy(tmp_path / "in", 5), tmp_path / "out", least=6)
    assert not (tmp_path / "out").exists()


def test_equal_images_are_refused_if_all_are_and_counted_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(200):  # more than a chunk
        save(tmp_path / "in" / f"{number:03d}.png", np.zeros((32, 32), dtype=np.uint8))
    with pytest.raises(DataError, match=r"in: all 200 images are the same, so that nothing can be learned"):
        prepare_folder(tmp_path / "in", tmp_path / "out", size=32)
    assert not list((tmp_path / "out").glob("*.npy"))
    for number in (7, 150):
        save(tmp_path / "in" / f"{number:03d}.png", np.full((32, 32), number, dtype=np.uint8))
    assert prepare_folder(tmp_path / "in", tmp_path / "out", size=32).n == 200
    line = "197 of 200 images are the same as an earlier one, first 001.png as 000.png"
    assert line in capsys.readouterr().err.splitlines()
    prepare_folder(noisy(tmp_path / "other", 20), tmp_path / "out", size=32)
    assert "the same" not in capsys.readouterr().err


@pytest.mark.parametrize(("low", "high"), [(0, 2), (0, 16), (240, 256)])
def test_images_almost_of_one_brightness_are_refused(low: int, high: int, tmp_path: Path) -> None:
    """Masks of 0 and 1, and depths of a few levels, would be black."""
    words = rf"in: all pixels are {low} to {high - 1}, where 0 is black and 255 white: stretch them"
    with pytest.raises(DataError, match=words):
        prepare_folder(noisy(tmp_path / "in", 20, low, high), tmp_path / "out", size=32)
    assert not (tmp_path / "out" / "images.npy").exists()


def test_an_error_stands_below_the_progress_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noisy(tmp_path / "in", 70)
    for broken in ("9.png", "30.png"):  # the last that is read, and one in the middle
        (tmp_path / "in" / broken).write_bytes(b"no image")
        with pytest.raises(SystemExit):
            cli.main(
                ["data", "--from-folder", str(tmp_path / "in"), "--preset", "test", "--out", str(tmp_path / "out")]
            )
        lines = capsys.readouterr().err.split("\n")
        assert lines[-2].startswith("idgan-sc: ") and "reading images" in lines[-3]
