"""Score one representation under every published definition of each metric.

The referee shows how far the definitions disagree. Each definition (`definitions.py`) is computed for the code
scales that matter to it. It is computed with and without the categories (dSprites' shape) among the factors.
For several representations, the referee says how often two definitions of one metric put them in opposite
order.
"""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np

from idgan_sc.metrics import dci, reading, scoring
from idgan_sc.metrics.checks import Array
from idgan_sc.metrics.definitions import PROTOCOLS, Definition
from idgan_sc.metrics.doubts import doubts
from idgan_sc.metrics.protocols import GROUPED, all_points, first_line, single_value, split_points, train_and_test
from idgan_sc.metrics.reading import Points
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw, draw_disentanglement_lib, draw_infogan_cr
from idgan_sc.metrics.scoring import (
    CARBONNEAU_BINS,
    Carbonneau,
    DisentanglementLib,
    InfoGANCR,
    carbonneau_evaluation,
    disentanglement_lib_evaluation,
    infogan_cr_evaluation,
    points_evaluation,
)

Row = dict[str, Any]
Evaluation = InfoGANCR | DisentanglementLib | Carbonneau | scoring.Points
ARRAYS = ("codes", "sampled", "factors", "values", "depths", "forest_depths", "discrete")  # of a file
SCALES = (1.0, 0.1, 10.0)  # GAN codes live in [-1, 1], VAE codes have unit variance
DEFINITION = ("protocol", "metric", "regressor", "part", "era", "scale", "factors")  # with "code", "value": a row


@dataclass(frozen=True)
class Sizes:
    """Set how many images each part of the two protocols reads.

    A smaller pool is used once in full.
    """

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


FULL = Sizes(500, 100, 73_728, 73_728, 10_000, 5_000, 64, 10_000, 10_000, 5_000, 10_000, 5_000)
SHORT = Sizes(500, 100, 10_000, 10_000, 2_000, 1_000, 64, 10_000, 10_000, 5_000, 1_000, 500)


def referee(
    codes: Any,
    classes: Any,
    values: Any,
    rng: np.random.Generator,
    *,
    sizes: Sizes = SHORT,
    depths: Sequence[int] = dci.IBGAN_DEPTHS,
    forest_depths: Sequence[int] = dci.FOREST_DEPTHS,
    discrete: Sequence[int] = (0,),
    code: str = "mean",
) -> list[Row]:
    """Score a pool's codes (N, D) under every published definition.

    The result has a row (DEFINITION, "code", "value") for each definition. Classes and values are (N, K). Codes and
    factors are read as `score` reads them, in any container. `values` is None if the classes are the physical
    factors. `sizes` is SHORT by default and takes minutes. The full, published sizes take most of an hour for ten
    codes. Depths and `discrete` default to dSprites' factors. `code` only labels the rows: mean or sampled code.
    What is left out, and how each factor is read, is printed on stderr.
    """
    points, options = _read_points(codes, classes, values, depths, forest_depths, discrete)
    whole = points.classes()
    draw, lib_draw = _draw_infogan_cr(points, sizes, rng), _draw_disentanglement_lib(points, sizes, rng)
    seed = int(rng.integers(2**31))
    counted = _counted(whole.shape[1], options["discrete"])

    def evaluation(protocol: str, scale: float) -> Evaluation:
        """Evaluate the protocol on codes multiplied by `scale`.

        Every scale sees the same images and seeds.
        """
        again = np.random.default_rng(seed)
        scaled = points.codes.astype(np.promote_types(points.codes.dtype, np.float32)) * scale
        if protocol == "disentanglement_lib":
            lib = disentanglement_lib_evaluation(scaled, whole, lib_draw, rng=again)
            return replace(lib, boosted_points=(sizes.boosted_train, sizes.boosted_test))
        if protocol == "infogan_cr":
            return infogan_cr_evaluation(scaled, whole, points.values, draw, rng=again, **options)
        if protocol == "carbonneau":
            reviewed = scaled[draw.points], points.review_classes(CARBONNEAU_BINS)[draw.points]
            pairs = sizes.train_votes, sizes.eval_votes
            found = carbonneau_evaluation(*reviewed, points.values[draw.points], rng=again)
            return replace(found, pairs=pairs, votes=sizes.review_votes)
        seen = scaled[draw.points], whole[draw.points], points.values[draw.points]
        return points_evaluation(*seen, rng=again, discrete=options["discrete"])

    return [
        {"protocol": protocol} | row | {"code": code}
        for protocol, definitions in PROTOCOLS.items()
        for chosen in [_possible(protocol, definitions, points)]
        for scale in SCALES
        for row in _rows(chosen, evaluation(protocol, scale), scale, counted)
    ]


def spread(rows: Iterable[Row]) -> list[Row]:
    """Find the lowest and highest value of each metric and part.

    The row also names their definitions, and counts all definitions.
    """
    table = []
    for (metric, part), found in _by_part(rows).items():
        ranked = sorted((row for row in found if np.isfinite(row["value"])), key=lambda row: float(row["value"]))
        if ranked:
            ends = {"lowest": ranked[0]["value"], "highest": ranked[-1]["value"]}
            names = {"lowest_by": _label(ranked[0]), "highest_by": _label(ranked[-1])}
            table.append({"metric": metric, "part": part, "definitions": len(ranked)} | ends | names)
    return table


def flips(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Count how often two definitions order two representations differently.

    There is a row for each metric and part. It counts over pairs of representations and pairs of definitions.
    `tables` maps a representation's name to its rows. Rows that some representation lacks are left out. A tie is no
    flip.
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
    """Draw the scores of all definitions and write the figure to `path`.

    Each metric and part has a strip, each definition a dot, and each representation a colour.
    """
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

    A file is an npz with `codes` (N, D) and `factors` (N, K), numbers or names; with `values` (N, K) if the physical
    factors differ from these; with `sampled` (N, D) to compare codes drawn from the posterior; and with
    `depths`, `forest_depths` (K,), of DCI's forests, and `discrete`, the numbers of the categories, unless the factors
    are dSprites' five. Writes `referee.csv` (a row for each definition), `spread.csv`, `flips.csv` (of several
    representations) and `referee.png`.

    Raises
    ------
    ValueError
        If a file is no such file, or its arrays cannot be scored; it names the file.
    """
    if twice := [path for number, path in enumerate(paths) if path in paths[:number]]:
        raise ValueError(f"{twice[0]} is given twice: give each file once")
    tables = {name: rows for path in paths for name, rows in _referee_file(path).items()}
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "referee.csv", [{"representation": name} | row for name, rows in tables.items() for row in rows])
    spreads = [{"representation": name} | row for name, rows in tables.items() for row in spread(rows)]
    _write(out / "spread.csv", spreads)
    if len(tables) > 1:
        _write(out / "flips.csv", flips(tables))
    try:
        figure(tables, out / "referee.png")
    except ModuleNotFoundError:  # tables are written all the same
        words = "no referee.png: matplotlib is not installed, pip install '.[train]' brings it"
        print(words, file=sys.stderr, flush=True)
    for row in spreads:
        where, low, high = f"{row['representation']}: {row['metric']} {row['part']}", row["lowest"], row["highest"]
        print(f"{where} {low:.3f} to {high:.3f}")


def _referee_file(path: Path, sizes: Sizes = SHORT) -> dict[str, list[Row]]:
    """The rows of one file's codes and, if there are any, of its sampled codes."""
    arrays = _read(path)
    options: dict[str, Any] = {
        key: np.ravel(arrays[key]).tolist() for key in ("depths", "forest_depths", "discrete") if key in arrays
    }
    if "depths" not in options:
        print(f"{path}: no `depths`: the factors are taken for dSprites' shape, scale, orientation, x and y",
              file=sys.stderr, flush=True)  # fmt: skip
    if "depths" in options and "discrete" not in options:  # not dSprites' five, so no factor is taken for its shape
        options["discrete"] = []
    name = str(path)
    tables = {}
    for key, code in (("codes", "mean"), ("sampled", "sampled")):
        if key in arrays:
            factors, rng = arrays["factors"], np.random.default_rng(0)
            try:
                rows = referee(arrays[key], factors, arrays.get("values"), rng, sizes=sizes, code=code, **options)
            except ValueError as error:
                raise ValueError(f"{path}: {key} cannot be refereed: {error}") from error
            tables[name if key == "codes" else f"{name} ({code})"] = rows
    return tables


def _read(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): give the path of an .npz file") from error
    if start not in (b"PK\3\4", b"PK\5\6"):  # for a pickle NumPy takes any other file
        raise ValueError(f"{path} is no .npz file: write one with numpy.savez, with arrays named codes and factors")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except Exception as error:  # a damaged header can raise anything in NumPy and zipfile
        words = shorten(str(error), 200)
        raise ValueError(f"{path} is damaged, or holds more than arrays of numbers ({words})") from error
    if "categories" in arrays:
        raise ValueError(f"{path}: the numbers of the categories stand in an array named discrete: rename categories")
    if unread := sorted(arrays.keys() - set(ARRAYS)):
        print(f"{path}: not read: {', '.join(unread)}", file=sys.stderr, flush=True)
    if missing := {"codes", "factors"} - arrays.keys():
        raise ValueError(f"{path}: the referee needs arrays named codes and factors, and {min(missing)} is missing")
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
    """Compute the parts of a definition for each set of factors.

    If this fails, the result is empty and stderr says why.
    """
    try:
        return definition.parts(evaluation, counted)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        _leave_out(definition, first_line(error))
        return []


def _leave_out(definition: Definition, why: str) -> None:
    print(f"left out: {definition.metric} ({definition.regressor}): {why}", file=sys.stderr, flush=True)


def _read_points(
    codes: Any, classes: Any, values: Any, depths: Any, forest_depths: Any, discrete: Any
) -> tuple[Points, dict[str, Any]]:
    """The points of the factors that take two values, and the options that number factors."""
    points = reading.read(codes, classes, discrete, "discrete")
    count = len(points.every)
    also = "and `discrete` (those of dSprites' five are taken unless you do)"
    given = {
        "depths": reading.depths_of(depths, "depths", count, also),
        "forest_depths": reading.depths_of(forest_depths, "forest_depths", count, also),
    }
    if values is not None and values is not classes:
        points = _with_values(points, values)
    _tell(points)
    if not points.names:
        raise ValueError("no factor takes two values: nothing can be said")
    several = [points.every.index(name) for name in points.names]
    options: dict[str, Any] = {name: tuple(numbers[k] for k in several) for name, numbers in given.items()}
    return points, options | {"discrete": points.categories}


def _tell(points: Points) -> None:
    lines = [f"{reading.label(name)}: {kind}" for name, kind in points.told().items()]
    print(
        "\n".join([*lines, *points.lost(), *(f"odd: {doubt}" for doubt in doubts(points))]), file=sys.stderr, flush=True
    )


def _with_values(points: Points, values: Any) -> Points:
    """The points with physical values in place of what the classes say."""
    rows = len(points.rows) + points.missing
    physical = reading.read(np.zeros((rows, 1)), values, what="values")
    if len(physical.every) != len(points.every):
        raise ValueError(
            f"classes and values must have as many columns, got {len(points.every)} and {len(physical.every)}"
        )
    if physical.missing:
        first = np.setdiff1d(np.arange(rows), physical.rows)[0]
        raise ValueError(f"values are missing in {physical.missing} rows, first in row {first}: leave those rows out")
    columns = [points.every.index(name) for name in points.names]
    if constant := [points.every[k] for k in columns if physical.every[k] not in physical.names]:
        raise ValueError(
            f"values of {reading.label(constant[0])} are all the same, its classes are not: mend one of them"
        )
    places = [physical.names.index(physical.every[k]) for k in columns]
    return replace(points, values=physical.values[points.rows][:, places])


def _possible(protocol: str, definitions: Sequence[Definition], points: Points) -> list[Definition]:
    """The definitions that these factors allow; the others are named on stderr, with the reason."""
    reasons = [(definition, _reason(protocol, definition, points)) for definition in definitions]
    for definition, why in reasons:
        if why:
            _leave_out(definition, why)
    return [definition for definition, why in reasons if not why]


def _reason(protocol: str, definition: Definition, points: Points) -> str:
    """Say why a definition cannot be computed, by the rules of `score`.

    Without a reason the text is empty.
    """
    if definition.metric in GROUPED and protocol in ("infogan_cr", "disentanglement_lib"):
        return single_value(points)
    of_classes = {"explicitness", "infoe", *(["dci"] if protocol == "disentanglement_lib" else [])}
    predicts = definition.metric in of_classes or (protocol, definition.regressor) == ("disentanglement_lib", "SVM")
    if predicts and protocol != "carbonneau" and points.continuous and definition.regressor != "least squares":
        return f"{reading.label(points.names[points.continuous[0]])} is continuous: it has no classes to predict"
    return ""


def _counted(factors: int, discrete: Sequence[int]) -> dict[str, Array]:
    """Choose the sets of factors that count.

    One set has all factors. Another leaves the categories out, if at least two factors remain.
    """
    everything = np.arange(factors)
    continuous = np.setdiff1d(everything, discrete)
    without = {"without categories": continuous} if 2 <= len(continuous) < factors else {}
    return {"all": everything} | without


def _draw_infogan_cr(points: Points, sizes: Sizes, rng: np.random.Generator) -> Draw:
    """The reference's draw; of a pool no larger than that, every point once."""
    n = len(points.codes)
    if single_value(points):
        return all_points(points.ranks, True, rng)
    std, many = min(sizes.std, n), min(sizes.points, n)
    drawn = draw_infogan_cr(
        points.ranks, groups=sizes.groups, group_size=sizes.group_size, std=std, points=many, rng=rng
    )
    return replace(drawn, points=np.arange(n)) if n <= sizes.points else drawn


def _draw_disentanglement_lib(points: Points, sizes: Sizes, rng: np.random.Generator) -> DisentanglementLibDraw:
    """The study's draw; of a pool that is smaller, each point trains or tests."""
    n = len(points.codes)
    train, test = train_and_test(n, rng)
    if single_value(points):
        return split_points(points.ranks, train, test, True, rng)
    drawn = draw_disentanglement_lib(
        points.ranks,
        train_votes=sizes.train_votes,
        eval_votes=sizes.eval_votes,
        batch_size=sizes.batch_size,
        variance=min(sizes.variance, n),
        train=min(sizes.train, n),
        test=min(sizes.test, n),
        rng=rng,
    )
    return replace(drawn, train=train, test=test) if n < sizes.train + sizes.test else drawn


def _key(row: Row) -> tuple[Any, ...]:
    """Return what identifies the definition of a row.

    Mean and sampled codes are two representations of one definition.
    """
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
