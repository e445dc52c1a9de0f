"""The referee: one representation under every published definition of each metric, and how far they disagree.

Each definition (`definitions.py`) is computed for the code scales that matter to it, and with and without the
categories (dSprites' shape) counted among the factors. Of several representations the referee says how often two
definitions of one metric put them in opposite order.
"""

import csv
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics import dci, reading
from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.definitions import PROTOCOLS, Definition
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw, draw_disentanglement_lib, draw_infogan_cr
from idgan_sc.metrics.scoring import (
    Carbonneau,
    DisentanglementLib,
    InfoGANCR,
    Points,
    carbonneau_evaluation,
    disentanglement_lib_evaluation,
    infogan_cr_evaluation,
    points_evaluation,
)

Row = dict[str, Any]
Evaluation = InfoGANCR | DisentanglementLib | Carbonneau | Points
SCALES = (1.0, 0.1, 10.0)  # GAN codes live in [-1, 1], VAE codes have unit variance
DEFINITION = ("protocol", "metric", "regressor", "part", "era", "scale", "factors")  # with "code", "value": a row


@dataclass(frozen=True)
class Sizes:
    """How many images each part of the two protocols looks at; a smaller pool is used once in full."""

    groups: int
    group_size: int
    std: int
    points: int
    train_votes: int
    eval_votes: int
    batch_size: int
    variance: int
    train: int
    test: int
    boosted_train: int  # the boosted trees alone cost as much as all the rest
    boosted_test: int
    review_votes: tuple[int, int] = (800, 800)  # of Z-min and Z-max variance


PUBLISHED = Sizes(500, 100, 73_728, 73_728, 10_000, 5_000, 64, 10_000, 10_000, 5_000, 10_000, 5_000)
SHORT = Sizes(500, 100, 10_000, 10_000, 2_000, 1_000, 64, 10_000, 10_000, 5_000, 1_000, 500)


def referee(
    codes: npt.ArrayLike,
    classes: npt.ArrayLike,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    sizes: Sizes = SHORT,
    depths: Sequence[int] = dci.IBGAN_DEPTHS,
    forest_depths: Sequence[int] = dci.FOREST_DEPTHS,
    discrete: Sequence[int] = (0,),
    code: str = "mean",
) -> list[Row]:
    """A row (DEFINITION, "code", "value") for each definition, of the pool's codes (N, D), classes and values (N, K).

    `sizes` is SHORT by default (minutes; PUBLISHED takes the better part of an hour for ten codes). Depths and
    `discrete` default to dSprites' factors. `code` only labels the rows: mean or sampled code.
    """
    codes = reading.read_codes(codes)
    classes, values, options = _counted_factors(classes, values, len(codes), depths, forest_depths, discrete)
    draw, lib_draw = _draw_infogan_cr(classes, sizes, rng), _draw_disentanglement_lib(classes, sizes, rng)
    seed = int(rng.integers(2**31))
    counted = _counted(classes.shape[1], options["discrete"])

    def evaluation(protocol: str, scale: float) -> Evaluation:
        """The scaled codes that the protocol looks at; every scale sees the same images and seeds."""
        again = np.random.default_rng(seed)
        if protocol == "disentanglement_lib":
            lib = disentanglement_lib_evaluation(codes * scale, classes, lib_draw, rng=again)
            return replace(lib, boosted_points=(sizes.boosted_train, sizes.boosted_test))
        if protocol == "infogan_cr":
            return infogan_cr_evaluation(codes * scale, classes, values, draw, rng=again, **options)
        points = codes[draw.points] * scale, classes[draw.points], values[draw.points]
        if protocol == "carbonneau":
            pairs = sizes.train_votes, sizes.eval_votes
            return replace(carbonneau_evaluation(*points, rng=again), pairs=pairs, votes=sizes.review_votes)
        return points_evaluation(*points, rng=again, discrete=options["discrete"])

    return [
        {"protocol": protocol} | row | {"code": code}
        for protocol, definitions in PROTOCOLS.items()
        for scale in SCALES
        for row in _rows(definitions, evaluation(protocol, scale), scale, counted)
    ]


def spread(rows: Iterable[Row]) -> list[Row]:
    """For each metric and part: how many definitions, the lowest and the highest value, and whose they are."""
    table = []
    for (metric, part), found in _by_part(rows).items():
        ranked = sorted((row for row in found if np.isfinite(row["value"])), key=lambda row: float(row["value"]))
        if ranked:
            ends = {"lowest": ranked[0]["value"], "highest": ranked[-1]["value"]}
            names = {"lowest_by": _label(ranked[0]), "highest_by": _label(ranked[-1])}
            table.append({"metric": metric, "part": part, "definitions": len(ranked)} | ends | names)
    return table


def flips(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """For each metric and part: of the pairs of representations under pairs of definitions, how many change order.

    `tables` maps a representation's name to its rows; what not all of them have is left out. A tie is no flip.
    """
    scores = {name: {_key(row): row["value"] for row in rows} for name, rows in tables.items()}
    shared = [row for row in next(iter(tables.values()), ()) if all(_key(row) in found for found in scores.values())]
    table = []
    for (metric, part), rows in _by_part(shared).items():
        leads = np.array(
            [[scores[a][_key(row)] - scores[b][_key(row)] for row in rows] for a, b in combinations(scores, 2)]
        )  # (pairs of representations, definitions)
        products = np.array([leads[:, i] * leads[:, j] for i, j in combinations(range(len(rows)), 2)])
        if products.size:
            counts = {"definitions": len(rows), "comparisons": products.size, "flips": int((products < 0).sum())}
            table.append({"metric": metric, "part": part} | counts | {"rate": float((products < 0).mean())})
    return table


def figure(tables: Mapping[str, Sequence[Row]], path: Path) -> None:
    """A strip for each metric and part, a dot for each definition, a colour for each representation, to `path`."""
    from matplotlib.figure import Figure  # the metrics themselves must not need it

    strips = list(dict.fromkeys((row["metric"], row["part"]) for rows in tables.values() for row in rows))
    drawing = Figure(figsize=(7, 1 + 0.35 * len(strips)), layout="constrained")
    axes = drawing.subplots()
    for i, (name, rows) in enumerate(tables.items()):
        shift = 0.5 * ((i + 0.5) / len(tables) - 0.5)
        y = [strips.index((row["metric"], row["part"])) + shift for row in rows]
        axes.plot([row["value"] for row in rows], y, "o", alpha=0.5, markersize=4, label=name)
    axes.set_yticks(range(len(strips)), [f"{metric} {part}" for metric, part in strips])
    axes.invert_yaxis()
    axes.set_xlabel("score, one dot for each published definition")
    drawing.legend(loc="outside upper left", ncols=3)
    drawing.savefig(path)


def main(paths: list[Path], out: Path) -> None:
    """Referee each file of codes; tables and figure go to the folder `out`.

    A file is an npz with `codes` (N, D) and `factors` (N, K), integer classes; with `values` (N, K) if the physical
    factors differ from their classes; with `sampled` (N, D) to compare codes drawn from the posterior; and with
    `depths`, `forest_depths` (K,), of DCI's forests, and `discrete`, the numbers of the categories, unless the factors
    are dSprites' five. Writes `referee.csv` (a row for each definition), `spread.csv`, `flips.csv` (of several
    representations) and `referee.png`.

    Raises
    ------
    ValueError
        If a file is no such file, or its arrays cannot be scored; it names the file.
    """
    tables = {name: rows for path in paths for name, rows in _referee_file(path).items()}
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "referee.csv", [{"representation": name} | row for name, rows in tables.items() for row in rows])
    spreads = [{"representation": name} | row for name, rows in tables.items() for row in spread(rows)]
    _write(out / "spread.csv", spreads)
    if len(tables) > 1:
        _write(out / "flips.csv", flips(tables))
    figure(tables, out / "referee.png")
    for row in spreads:
        where, low, high = f"{row['representation']}: {row['metric']} {row['part']}", row["lowest"], row["highest"]
        print(f"{where} {low:.3f} to {high:.3f}")


def _referee_file(path: Path) -> dict[str, list[Row]]:
    """The rows of one file's codes and, if there are any, of its sampled codes."""
    arrays = _read(path)
    options: dict[str, Any] = {
        key: np.ravel(arrays[key]).tolist() for key in ("depths", "forest_depths", "discrete") if key in arrays
    }
    name = str(path)
    tables = {}
    for key, code in (("codes", "mean"), ("sampled", "sampled")):
        if key in arrays:
            factors, rng = arrays["factors"], np.random.default_rng(0)
            try:
                rows = referee(arrays[key], factors, arrays.get("values", factors), rng, code=code, **options)
            except ValueError as error:
                raise ValueError(f"{path}: {key} cannot be refereed: {error}") from error
            tables[name if key == "codes" else f"{name} ({code})"] = rows
    return tables


def _read(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:
        if file.read(2) != b"PK":  # no pickle, for which NumPy takes any other file
            raise ValueError(f"{path} is no .npz file: write one with numpy.savez, with arrays named codes and factors")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged, or holds more than arrays of numbers ({error})") from error
    if missing := {"codes", "factors"} - arrays.keys():
        raise ValueError(f"{path}: the referee needs arrays named codes and factors, and {min(missing)} is missing")
    if not np.issubdtype(arrays["factors"].dtype, np.integer):
        kind = arrays["factors"].dtype
        raise ValueError(f"{path}: factors must be integer classes, got {kind}: put physical ones in `values`")
    return arrays


def _rows(
    definitions: Sequence[Definition],
    evaluation: Evaluation,
    scale: float,
    counted: Mapping[str, Array],
) -> list[Row]:
    """The rows of one protocol at one scale: definitions × sets of factors × parts.

    A definition that cannot be computed is named on stderr, with the reason, and has no row.
    """
    return [
        {
            "metric": definition.metric,
            "regressor": definition.regressor,
            "part": part,
            "era": definition.era,
            "scale": scale,
            "factors": factors,
            "value": value,
        }
        for definition in definitions
        if definition.scaled or scale == 1.0
        for factors, parts in zip(counted, _parts(definition, evaluation, list(counted.values())), strict=False)
        for part, value in parts.items()
    ]


def _parts(definition: Definition, evaluation: Evaluation, counted: list[Array]) -> list[dict[str, float]]:
    """The parts for each set of factors; none, and a word on stderr, if they cannot be computed."""
    try:
        return definition.parts(evaluation, counted)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        name = f"{definition.metric} ({definition.regressor})"
        print(f"left out: {name}: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        return []


def _counted_factors(
    classes: npt.ArrayLike, values: npt.ArrayLike, rows: int, depths: Any, forest_depths: Any, discrete: Any
) -> tuple[Array, Array, dict[str, Any]]:
    """Classes and values (N, K) of the factors that take two values, and the options that number factors."""
    classes, values = np.asarray(classes), np.asarray(values)
    if classes.ndim != 2 or len(classes) != rows or values.shape != classes.shape:
        raise ValueError(f"classes and values must have shape ({rows}, K), got {classes.shape} and {values.shape}")
    if not (np.isfinite(classes).all() and np.isfinite(values).all()):
        raise ValueError("factors contain NaN or infinity: leave those rows out")
    count = classes.shape[1]
    given = {
        "depths": reading.numbers(depths, "depths"),
        "forest_depths": reading.numbers(forest_depths, "forest_depths"),
    }
    for name, numbers in given.items():
        if len(numbers) != count:
            raise ValueError(f"{len(numbers)} {name} for {count} factors: give one for each, and `discrete`")
    categories = set(reading.numbers(discrete, "discrete", count))
    several = [k for k in range(count) if min(len(np.unique(table[:, k])) for table in (classes, values)) > 1]
    for k in sorted(set(range(count)) - set(several)):
        print(f"left out: factor {k} takes one value only", file=sys.stderr, flush=True)
    if not several:
        raise ValueError("no factor takes two values: nothing can be said")
    options: dict[str, Any] = {name: tuple(numbers[k] for k in several) for name, numbers in given.items()}
    options["discrete"] = tuple(place for place, k in enumerate(several) if k in categories)
    return classes[:, several], values[:, several], options


def _counted(factors: int, discrete: Sequence[int]) -> dict[str, Array]:
    """Which factors count: all, and all that are no categories, if two are left to tell apart."""
    everything = np.arange(factors)
    continuous = np.setdiff1d(everything, discrete)
    without = {"without categories": continuous} if 2 <= len(continuous) < factors else {}
    return {"all": everything} | without


def _draw_infogan_cr(classes: Array, sizes: Sizes, rng: np.random.Generator) -> Draw:
    std, points = min(sizes.std, len(classes)), min(sizes.points, len(classes))
    return draw_infogan_cr(classes, groups=sizes.groups, group_size=sizes.group_size, std=std, points=points, rng=rng)


def _draw_disentanglement_lib(classes: Array, sizes: Sizes, rng: np.random.Generator) -> DisentanglementLibDraw:
    return draw_disentanglement_lib(
        classes,
        train_votes=sizes.train_votes,
        eval_votes=sizes.eval_votes,
        batch_size=sizes.batch_size,
        variance=min(sizes.variance, len(classes)),
        train=min(sizes.train, len(classes)),
        test=min(sizes.test, len(classes)),
        rng=rng,
    )


def _key(row: Row) -> tuple[Any, ...]:
    """What makes two rows the same definition; mean and sampled codes are two representations, not two definitions."""
    return tuple(row[name] for name in DEFINITION)


def _label(row: Row) -> str:
    words = [str(row[name]) for name in ("protocol", "regressor", "era", "factors")]
    return ", ".join(words) + f", codes x {row['scale']:g}"


def _by_part(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["metric"], row["part"]), []).append(row)
    return found


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
