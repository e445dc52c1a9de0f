"""Describe a drawn data set as Croissant metadata.

Catalogs and loaders of data sets read it. It is written from what the data set says of itself, by the library
`mlcroissant` of the extra `crate`.
"""

import datetime
import json
from pathlib import Path
from typing import Any

import mlcroissant as mlc

from idgan_sc.files import write_text

LICENCE = "https://spdx.org/licenses/MIT"
FACTORS, VALUES = "factors", "factor_values"  # record sets: a row a factor, and a row a value of one


def write_croissant(path: Path, described: dict[str, Any], citation: dict[str, Any], command: str) -> Path:
    """Write `croissant.json` of a drawn data set.

    described: its `dataset.json`; citation: CITATION.cff; command: what draws its files beside this one.

    Raises
    ------
    mlcroissant.ValidationError
        If the library finds a mistake in what is written.
    """
    name, height, width, channels = (described[key] for key in ("name", "height", "width", "channels"))
    authors = [mlc.Organization(name=author["name"]) for author in citation["authors"]]
    written = mlc.Metadata(
        name=name,
        description=(
            f"{described['n']} images of {height}x{width} pixels and {channels} channels, drawn from "
            f"{len(described['factor_names'])} known factors ({described['source']}). The images are drawn, not "
            f"downloaded: `{command}` writes the files beside this one."
        ),
        license=[LICENCE],
        creators=authors,
        publisher=authors,
        cite_as=citation["title"],
        date_published=datetime.datetime.fromisoformat(str(citation["date-released"])),
        version=str(citation["version"]),
        distribution=[_file(file, digest, described) for file, digest in described["sha256"].items()],
        record_sets=[_factors(described), _values(described)],
    )
    text = json.dumps(written.to_json(), indent=1, ensure_ascii=False, default=str) + "\n"
    return write_text(path, text)


def _file(name: str, digest: str, described: dict[str, Any]) -> mlc.FileObject:
    words = {
        "images.npy": "images, bits packed as by numpy.packbits" if described["packed"] else "images, bytes",
        "factors.npy": "the class of each factor of each image, a column a factor",
    }
    return mlc.FileObject(
        id=name, name=name, description=words.get(name, "what the images are composed of"), content_url=name,
        encoding_formats=["application/x-npy"], sha256=digest,
    )  # fmt: skip


def _field(of: str, name: str, words: str, data_type: mlc.DataType) -> mlc.Field:
    return mlc.Field(id=f"{of}/{name}", name=f"{of}/{name}", description=words, data_types=[data_type])


def _factors(described: dict[str, Any]) -> mlc.RecordSet:
    fields = [
        _field(FACTORS, "name", "name of the factor", mlc.DataType.TEXT),
        _field(FACTORS, "column", "its column of factors.npy, from 0", mlc.DataType.INTEGER),
        _field(FACTORS, "classes", "number of its values", mlc.DataType.INTEGER),
        _field(FACTORS, "category", "whether its values have no order", mlc.DataType.BOOL),
    ]
    rows = [
        (name, column, size, name in described["discrete"])
        for column, (name, size) in enumerate(zip(described["factor_names"], described["factor_sizes"], strict=True))
    ]
    return _record_set(FACTORS, "the factors that the images are drawn from", fields, rows)


def _values(described: dict[str, Any]) -> mlc.RecordSet:
    fields = [
        _field(VALUES, "factor", "name of the factor", mlc.DataType.TEXT),
        _field(VALUES, "class", "the class that stands in factors.npy", mlc.DataType.INTEGER),
        _field(VALUES, "value", "the value that it stands for", mlc.DataType.FLOAT),
    ]
    named = zip(described["factor_names"], described["factor_values"], strict=True)
    rows = [(name, number, float(value)) for name, values in named for number, value in enumerate(values)]
    return _record_set(VALUES, "what each class of a factor stands for", fields, rows)


def _record_set(name: str, words: str, fields: list[mlc.Field], rows: list[tuple[Any, ...]]) -> mlc.RecordSet:
    data = [dict(zip((field.id for field in fields), row, strict=True)) for row in rows]
    return mlc.RecordSet(id=name, name=name, description=words, fields=fields, data=data)
