"""A table of factors: how its columns are read, and which error each mistake gives, with the line that is at fault."""

from pathlib import Path

import numpy as np
import pytest

from idgan_sc.data.images import open_images, save_images
from idgan_sc.data.table import LABELS, Table, factor_lines, read_factors
from idgan_sc.files import DataError, write_json

FOUR = ["0.png", "1.png", "2.png", "3.png"]


def read(folder: Path, text: str, files: list[str] = FOUR, **declared: list[str]) -> Table:
    (folder / "factors.csv").write_text(text, encoding="utf-8")
    return read_factors(folder / "factors.csv", folder, files, **declared)


def column(folder: Path, *cells: str, **declared: list[str]) -> Table:
    rows = [f'{number}.png,"{cell}"' for number, cell in enumerate(cells)]
    return read(folder, "\n".join(["file,angle", *rows]), [f"{number}.png" for number in range(len(cells))], **declared)


@pytest.mark.parametrize("odd", ["nan", "", " ", "NA", "n/a", "None", "null", "NaN", "<NA>", "NaT"])
def test_a_missing_value_is_refused_with_its_line(odd: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"factors\.csv, line 5: angle is missing .*: fill it in, or remove row and"):
        column(tmp_path, "2", "10", "9", odd)


@pytest.mark.parametrize("odd", ["1O", "inf", "5 px", "1_0", "٣", "0x10", "1,5", "--", "007"])
def test_one_odd_cell_makes_no_number_a_category(odd: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"factor angle, line 5: .* is no number, as most .*`--categories angle`"):
        column(tmp_path, "2", "10", "9", odd)
    found = column(tmp_path, "2", "10", "9", odd, categories=["angle"])
    assert found.factors is not None and found.factors.sizes == (4,) and found.factors.discrete == ("angle",)


def test_numbers_are_ordered_as_numbers_and_names_as_names(tmp_path: Path) -> None:
    found = column(tmp_path, "2", "10", "9", "1e1")
    assert found.factors is not None and found.classes is not None
    assert found.factors.values == ((2.0, 9.0, 10.0),) and found.classes[:, 0].tolist() == [0, 2, 1, 2]
    named = column(tmp_path, "1_23", "12_3", "2_11", "21_1")
    assert named.factors is not None and named.factors.sizes == (4,) and named.factors.discrete == ("angle",)
    assert named.labels == {"angle": ("12_3", "1_23", "21_1", "2_11")}
    large = column(tmp_path, *(str(2**53 + k) for k in range(4)))
    assert large.factors is not None and large.factors.values == ((0.0, 1.0, 2.0, 3.0),)
    with pytest.raises(DataError, match=r"line 2: 'a' is no number: mend it$"):
        column(tmp_path, "a", "b", numbers=["angle"])


def test_of_many_columns_the_nearest_are_named(tmp_path: Path) -> None:
    names = [f"attribute_{k}" for k in range(40)]
    rows = [",".join(["file", *names]), *(",".join([f"{i}.png", *str(i) * 40]) for i in (0, 1))]
    with pytest.raises(DataError, match=r"has no such column: it has attribute_31, attribute_3, .*, … \(40\)"):
        read(tmp_path, "\n".join(rows), ["0.png", "1.png"], categories=["attribute31"])


def test_declarations_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--categories angel: .* has no such column: it has angle"):
        column(tmp_path, "1", "2", categories=["angel"])
    with pytest.raises(DataError, match="declared a category and a number"):
        column(tmp_path, "1", "2", categories=["angle"], numbers=["angle"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file;angle\n0.png;1\n", "its cells are set apart by semicolons, save it with commas"),
        ("file\tangle\n0.png\t1\n", "set apart by tabs"),
        ("file,angle\n0.png,1\n,\n", "line 3: the row names no file"),
        ("file,angle\n0.png,1\n  , \n", "line 3: the row names no file"),
        ("file,angle\n0.png,1\n\n\n1.png,2,3\n", "line 5: 3 cells under 2 headings"),
        (",file,angle\n0,0.png,1\n", "the column '' is the index of a pandas frame: save with index=False"),
        ("Unnamed: 0,file,angle\n0,0.png,1\n", "the column 'Unnamed: 0' is the index of a pandas frame: save with"),
        ('file,angle\n0.png,"1\n', "cannot be read as a CSV table"),
        ("file,angle\n0.PNG,1\n", r"line 2: names 0\.PNG, which is not an image in .*, 0\.png is: mend its row"),
        ("file,angle\n0.png,1\n./0.png,1\n", r"line 3: names 0\.png twice, spelt in two ways"),
        ("file,angle\n0.png,a\n1.png, a\n2.png,b\n3.png,b\n", "differ by blanks alone"),
        ('file,angle\n0.png, "3"\n1.png, "4"\n', "line 2: a blank before a quotation mark: remove it"),
        ('file,angle\n0.png,"0,5"\n1.png,"1,5"\n2.png,"0,5"\n3.png,"1,5"\n', "has a comma where numbers have a point"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, text)


@pytest.mark.parametrize("spelt", ["./{}", "sub/../{}", "{} ", "{folder}/{}"])
def test_a_path_may_be_spelt_in_several_ways(spelt: str, tmp_path: Path) -> None:
    rows = [f"{spelt.format(file, folder=tmp_path)},{k % 2}" for k, file in enumerate(FOUR)]
    found = read(tmp_path, "\n".join(["file,angle", *rows]))
    assert found.classes is not None and found.classes[:, 0].tolist() == [0, 1, 0, 1]


def test_accents_and_windows_paths(tmp_path: Path) -> None:
    found = read(tmp_path, "file,angle\nsub\\a.png,1\ne\u0301.png,2\n", ["sub/a.png", "é.png"])
    assert found.classes is not None and found.classes[:, 0].tolist() == [0, 1]


def test_every_factor_is_told(tmp_path: Path) -> None:
    files = [f"{number}.png" for number in range(40)]
    rows = [f"{file},{k % 3},{['ant', 'bee', 'cat'][k % 3]},{k / 7},{k % 2 == 0}" for k, file in enumerate(files)]
    found = read(tmp_path, "\n".join(["file,size,kind,phase,flag", *rows]), files)
    pixels = np.zeros((40, 4, 4, 1), np.uint8)
    images = save_images(
        tmp_path / "own", [pixels], name="own", source="test", licence="none", shape=(1, 4, 4), n=40,
        factors=found.factors, classes=found.classes,
    )  # fmt: skip
    write_json(images.folder / LABELS, dict(found.labels))
    assert factor_lines(images) == [
        "size: number, 3 values, 0 to 2",
        "kind: category, 3 values: ant, bee, cat",
        f"phase: continuous, 40 values, 0 to {39 / 7:g}",
        "flag: number, 2 values, 0 to 1",
    ]
    (images.folder / LABELS).write_text("damaged")
    assert factor_lines(open_images(images.folder))[1] == "kind: category, 3 values"
