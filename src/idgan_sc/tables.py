"""Tables 1 to 3 of the paper, where stage A ended, and differences from its settings, as CSV, Markdown and LaTeX.

Each table is a function of the configuration and the files below `root`, the results of one preset. The CSV is tidy and
complete; Markdown and LaTeX are two renderings of one `Page`, for reading.
"""

import filecmp
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, Settings
from idgan_sc.data.images import open_images
from idgan_sc.files import DataError, write_text
from idgan_sc.provenance import floor_file, origin
from idgan_sc.stats import LEVEL, MIN_N, summary

DATASET = "dsprites"  # whose scores Table 3 and the figures show
PROTOCOL = "infogan_cr"
METRICS = {"factor_vae": "FactorVAE", "dci": "DCI", "sap": "SAP", "mig": "MIG", "beta_vae": "β-VAE"}  # paper's order
VARIANTS = ("main", "c10")  # what tables and figures keep apart: 5 and 10 codes of the prior arms
TABLE3_VARIANTS = (*VARIANTS, "alpha_2")  # and the paper's α, where a preset's own is another
PAPER_VARIANT = {"idgan_sc_prior": "c10"}  # which of them the paper's row had, `main` if not named (ledger row 28)
LABELS = {
    "beta_vae": "β-VAE",
    "factor_vae": "FactorVAE",
    "infogan": "InfoGAN (modified)",
    "infogan_cr": "InfoGAN-CR",
    "idgan_sc_prior": "IDGAN-SC (without β-VAE)",
    "idgan": "ID-GAN (modified)",
    "idgan_sc": "IDGAN-SC (with β-VAE)",
    "infogan_stage_a": "InfoGAN after stage A",
    "idgan_stage_a": "ID-GAN after stage A",
}
DATA_NAMES = {"dsprites": "dSprites", "mnist": "MNIST", "celeba": "CelebA", "digits": "digits", "faces": "faces"}
ORIGINAL = {"digits": "mnist", "faces": "celeba"}  # data sets drawn in another one's place
WHO = {"paper": "paper", "source": "its source"}  # whose printed values stand beside ours
CODES = {"q_mean": "mean of Q", "vae_mean": "posterior mean", "vae_sample": "posterior sample"}
FLOORS = {  # what learned nothing: what of it is scored, and its name
    "untrained_q": ("q_mean", "Floor: untrained Q"),
    "pixel_components": ("components", "Floor: principal components"),
    "noise_codes": ("noise", "Floor: noise"),
}
CODES |= {"components": "pixels", "noise": "noise"}
RULES = {"keep_one": "keep one dimension", "change_one": "change one dimension"}
LOSSES = {"cross_entropy": "cross-entropy (Eq. 2)", "contrastive": "supervised contrastive loss (Eq. 6)"}
DATA_SETTINGS = ("source", "pool", *configuration.DATA)  # of a run's settings, what its data set decides
NO_EVIDENCE = "no evidence: a test of the pipeline"
DASH = "–"

WHOLE = ("seed", "k", "step", "draw")  # columns of whole numbers
SCORE_KEY = ["dataset", "system", "variant", "seed", "code", "metric", "protocol"]

Row = list[str] | None  # None: a gap between two blocks of rows


@dataclass(frozen=True)
class Page:
    """A table for reading: the same content for Markdown and LaTeX."""

    name: str
    title: str
    header: list[str]
    columns: str  # LaTeX column types, one a header
    rows: Sequence[Row]
    notes: list[str]


# ------------------------------------------------------------------------------------------------------------- tables
def table1(config: Config, preset: str, root: Path) -> list[Path]:
    """Table 1: the paper's data sets, and the images on disk that this preset trains on.

    Raises
    ------
    DataError
        If a data set of the paper is on disk with another number of images than the paper's.
    """
    names = dict.fromkeys([*config["reported"]["table1"], *configuration.datasets(config, preset)])
    rows = [_data_row(config, preset, root, name) for name in names]
    words = ("shape", "trained_shape", "factors", "source")
    page = Page(
        "Table 1",
        "Data sets: images in the paper and on disk.",
        ["Data set", "Paper", "On disk", "Stored shape", "Trained shape", "Factors (classes)", "Source"],
        r"lrrllp{0.21\textwidth}p{0.19\textwidth}",
        [
            [data_name(row["dataset"]), *(number(row.get(key)) for key in ("paper_count", "count", *words))]
            for row in rows
        ],
        [f"{DASH}: not run at this preset, or not in the paper.", *notes(config, preset)],
    )
    frame = pd.DataFrame(rows).astype({"paper_count": "Int64", "count": "Int64"})
    return write_page(config, preset, root, "table1", frame, page)


def table2(config: Config, preset: str, root: Path) -> list[Path]:
    """Table 2: what the three arms of the ablation train in the first and in the second step, from their settings."""
    rows = [_arm_row(config, preset, system) for system in config["reported"]["figure3"]]
    page = Page(
        "Table 2",
        "The three arms of the ablation.",
        ["Model", "First step", "Second step"],
        r"lp{0.3\textwidth}p{0.42\textwidth}",
        [[row["label"], row["first"], row["second"]] for row in rows],
        notes(config, preset),
    )
    frame = pd.DataFrame(rows).astype({"first_pairs": "Int64", "second_pairs": "Int64"})
    return write_page(config, preset, root, "table2", frame, page)


def table3(config: Config, preset: str, root: Path) -> list[Path]:
    """Table 3: disentanglement scores of all systems on dSprites, beside those that the paper and its source print.

    Raises
    ------
    DataError
        If `scores.csv` or the floor is missing or not what `idgan-sc gather` and `idgan-sc floor` write.
    """
    scores = read_scores(root / "scores.csv", SCORE_KEY)
    scores = scores[(scores["dataset"] == DATASET) & (scores["protocol"] == PROTOCOL)]
    cells = [_score_row(config, preset, root, scores, *cell) for cell in _score_cells(config, preset)]
    planned = len(configuration.seeds(config, preset))
    rows: list[Row] = []
    for start in range(0, len(cells), len(METRICS)):
        rows += ([None] if rows else []) + _block(cells[start : start + len(METRICS)], planned)
    rows += [None]
    for floor in floors(root):
        rows += _here(floor)
        cells += floor
    page = Page(
        "Table 3",
        "Disentanglement scores on dSprites.",
        ["Model", "k", "Scored", "n", "", *METRICS.values()],
        "lrlrl" + "c" * len(METRICS),
        rows,
        [*_score_notes(), *notes(config, preset)],
    )
    return write_page(config, preset, root, "table3", pd.DataFrame(cells), page)


def stage_a(config: Config, preset: str, root: Path) -> list[Path]:
    """Where stage A ended, before any regulariser: the FactorVAE score of its Q, beside the floor's.

    The question whether a regulariser helps is live where that score lies well above the floor (PROTOCOL.md).

    Raises
    ------
    DataError
        If `curves.csv` or the floor is missing or not what `idgan-sc gather` and `idgan-sc floor` write.
    """
    points = read_scores(root / "curves.csv", [*SCORE_KEY, "step", "draw"])
    about_points = {"dataset": DATASET, "metric": "factor_vae", "protocol": PROTOCOL, "step": 0}
    points = points[np.logical_and.reduce([points[column] == value for column, value in about_points.items()])]
    floor = read_floor(root).query("system == 'pixel_components' and metric == 'factor_vae'")
    starts: dict[Run, list[Run]] = {}  # stage A -> what goes on from it; the same at step 0
    first = configuration.seeds(config, preset)[0]
    for run in configuration.runs(config, preset, DATASET):
        before = configuration.predecessors(config, run).get("start")
        if before and run.seed == first:
            starts.setdefault(before, []).append(run)
    rows = [_start_row(config, points, floor, start, arms) for start, arms in starts.items()]
    planned = len(configuration.seeds(config, preset))
    page = Page(
        "Stage A",
        "Where stage A ended: FactorVAE score of Q on dSprites.",
        ["Stage A", "k", "n", "FactorVAE", "Lowest", "Highest", "Floor", "Seeds above it"],
        "lrlccccc",
        [
            [
                row["label"],
                str(row["k"]),
                n_of(row["n"], planned),
                plus_minus(row["mean"], row["sd"]),
                *(DASH if row[key] is None else places(row[key]) for key in ("lowest", "highest", "floor")),
                DASH if row["above"] is None else str(row["above"]),
            ]
            for row in rows
        ],
        [
            "Mean ± SD over seeds of the mean over evaluation draws, at step 0 of stage B. Floor: as many principal "
            "components of the pixels as there are codes. A seed whose stage A does not lie above it says little about "
            "what a regulariser adds; it counts in every verdict all the same.",
            *notes(config, preset),
        ],
    )
    return write_page(config, preset, root, "stage_a", pd.DataFrame(rows), page)


def differences(config: Config, preset: str, root: Path) -> list[Path]:
    """Every setting in which a preset differs from the paper's protocol (the preset `paper`).

    The CSV has a row a system and key; for reading, systems with the same difference share a row.
    """
    paper, here, data = (
        _everything(config, "paper"),
        _everything(config, preset),
        configuration.datasets(config, preset),
    )
    rows = [
        {"system": place, "key": key, "paper": _plain(paper.get((place, key))), "here": _plain(here.get((place, key)))}
        for place, key in dict.fromkeys([*here, *paper])
        if paper.get((place, key)) != here.get((place, key))
    ]
    frame = pd.DataFrame(rows, columns=["system", "key", "paper", "here"])
    grouped = frame.groupby(["key", "paper", "here"], sort=False)["system"].agg(", ".join).reset_index()
    page = Page(
        "Differences",
        f"Settings in which the preset {preset} differs from the paper's protocol.",
        ["Setting", "Paper", "Here", "Of"],
        r"lp{0.13\textwidth}p{0.13\textwidth}p{0.5\textwidth}",
        grouped[["key", "paper", "here", "system"]].to_numpy().tolist(),
        [
            *([] if rows else ["There is no difference."]),
            "Paper: the preset paper; README says how it takes what the print leaves open.",
            *notes(config, preset, data),
        ],
    )
    return write_page(config, preset, root, "differences", frame, page, data)


TABLES: dict[str, Callable[[Config, str, Path], list[Path]]] = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "stage_a": stage_a,
    "differences": differences,
}


# ------------------------------------------------------------------------------------ words shared with the figures
def label(system: str) -> str:
    return LABELS.get(system, system)


def data_name(name: str) -> str:
    return DATA_NAMES.get(name, name)


def data_words(config: Config, preset: str, name: str = DATASET) -> str:
    """The data behind a result, a procedural stand-in named as one."""
    source = configuration.dataset(config, preset, name)["source"]
    words = {"real": "published {}", "folder": "{}, a user's images"}
    original = f" for {data_name(ORIGINAL[name])}" if name in ORIGINAL else ""
    stand_in = f"procedural {{}} (a stand-in{original})"
    return words.get(source, stand_in).format(data_name(name))


def about(config: Config, preset: str, n: str, data: Sequence[str] = (DATASET,)) -> list[str]:
    """What every result says of itself: preset, data, number of seeds, and whether it is evidence."""
    chosen = config["presets"][preset]
    words = [
        f"Preset {preset}: {chosen['title']}",
        f"data: {', '.join(data_words(config, preset, name) for name in data)}",
        n,
    ]
    return words if chosen["evidence"] else [*words, NO_EVIDENCE]


def seeds_words(n: int) -> str:
    return f"n = {n} seed" if n == 1 else f"n = {n} seeds"


def n_of(n: int, planned: int) -> str:
    """How many seeds there are, of those planned where some are missing: 3 of 10."""
    return f"{n} of {planned}" if n < planned else str(n)


def seeds_range(n: Sequence[int]) -> str:
    """`seeds_words` of several counts: n = 1–5 seeds."""
    if not n:
        return "no runs"
    return seeds_words(n[0]) if min(n) == max(n) else f"n = {min(n)}–{max(n)} seeds"


def planned_words(config: Config, preset: str, data: Sequence[str]) -> str:
    """How many seeds of these data sets are planned: n = 5–10 seeds planned."""
    return f"{seeds_range([len(configuration.seeds(config, preset, name)) for name in data])} planned"


def notes(config: Config, preset: str, data: Sequence[str] = (DATASET,)) -> list[str]:
    """The last lines below a table: what it was made from, and whether it is evidence."""
    words = about(config, preset, f"{planned_words(config, preset, data)} for each system", data)
    sentence = [] if config["presets"][preset]["evidence"] else [f"This is {NO_EVIDENCE}."]
    return ["; ".join(word for word in words if word != NO_EVIDENCE) + ".", *sentence]


def plus_minus(mean: float | None, spread: float | None) -> str:
    """A mean and its spread as the tables have them, such as 0.82 ± 0.10."""
    if mean is None:
        return DASH
    return places(mean) if spread is None else f"{places(mean)} ± {places(spread)}"


def places(value: float, decimals: int = 2) -> str:
    """A score with some decimals and a true minus sign, none before a zero.

    >>> places(-0.341), places(-0.001), places(-0.0341, 3)
    ('−0.34', '0.00', '−0.034')
    """
    return f"{value:z.{decimals}f}".replace("-", "−")


def number(value: Any) -> str:
    """A setting as a reader wants it: 288 000, 0.0002, 0.5 and 0.999."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: DASH}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(number, value)) if isinstance(value, list | tuple) else str(value)


def floors(root: Path, dataset: str = DATASET, protocol: str = PROTOCOL) -> Iterator[list[dict[str, Any]]]:
    """What learned nothing, a list of cells, one a metric, for each kind of floor and number of codes."""
    scores, whence = read_floor(root, dataset, protocol), _floor_origin(root, dataset)
    for system, (code, words) in FLOORS.items():
        mine = scores[(scores["system"] == system) & (scores["code"] == code)]
        for k, of_k in mine.groupby("k"):
            about = {"dataset": dataset, "system": system, "code": code, "label": words, "k": k, "origin": whence}
            about |= {"protocol": protocol, "variant": of_k["variant"].iloc[0]}
            yield [_summarised(of_k[of_k["metric"] == name]) | about | {"metric": name} for name in METRICS]


def read_floor(root: Path, dataset: str = DATASET, protocol: str = PROTOCOL) -> pd.DataFrame:
    """What representations that learned nothing score on a data set, the published scores where none are here."""
    places = [below / floor_file(dataset) for below in (root, root / "published")]
    found = next((path for path in places if path.exists()), places[0])
    frame = read_scores(found, SCORE_KEY, f"floor --dataset {dataset}")
    return frame[frame["protocol"] == protocol]


def _floor_origin(root: Path, dataset: str) -> str:
    """`here`, or `published` where that is what is read, or what was copied to be read."""
    here, published = (below / floor_file(dataset) for below in (root, root / "published"))
    if here.exists() and not (published.exists() and filecmp.cmp(here, published, shallow=False)):
        return "here"
    return "published"


def read_scores(path: Path, key: list[str], command: str = "gather") -> pd.DataFrame:
    """A tidy table of scores, written by `idgan-sc command`, whose rows `key` tells apart, with numbers in `value`.

    Raises
    ------
    DataError
        If it is missing or damaged, lacks a column, holds a cell twice, or a score that is not a number.
    """
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        first = "score the runs, then " if command == "gather" else ""
        raise DataError(f"{path} is missing: {first}run `idgan-sc {command}`") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): delete it and run `idgan-sc {command}` again") from error
    absent = [column for column in [*key, "k", "value"] if column not in frame]
    if absent:
        raise DataError(f"{path} lacks the columns {', '.join(absent)}: delete it and run `idgan-sc {command}` again")
    for column in [name for name in WHOLE if name in frame]:
        values = pd.to_numeric(frame[column], errors="coerce")
        wrong = ~(values >= 0) | (values % 1 != 0)
        if wrong.any():
            found = str(frame.loc[wrong, column].iloc[0])
            raise DataError(f"{path}: {column} is {found!r}, no whole number: delete it, then `idgan-sc {command}`")
        frame[column] = values.astype(int)
    for wrong, what in (
        (frame.duplicated(key), "stands twice"),
        (~np.isfinite(pd.to_numeric(frame["value"], errors="coerce")), "is not a number"),
    ):
        if wrong.any():
            cell = "/".join(str(value) for value in frame.loc[wrong, key].iloc[0])
            raise DataError(f"{path}: {cell} {what}: score that run again, then run `idgan-sc {command}`")
    return frame


# ------------------------------------------------------------------------------------------------------- rows: 1 and 2
def _data_row(config: Config, preset: str, root: Path, name: str) -> dict[str, Any]:
    expected = config["reported"]["table1"].get(name)
    row: dict[str, Any] = {"dataset": name, "paper_count": expected, "count": None}
    if name not in configuration.datasets(config, preset):
        return row
    images = open_images(root / "data" / name)
    if expected is not None and images.n != expected:
        raise DataError(
            f"{images.folder} holds {images.n} images, the paper has {expected} of {name}: prepare it again"
        )
    channels, height, _ = images.shape
    stand_in = configuration.dataset(config, preset, name)["source"] == "procedural"
    sizes = {_settings(config, run)["image_size"] for run in configuration.runs(config, preset, name)}
    return row | {
        "count": images.n,
        "shape": f"{height}×{height}×{channels}",
        "trained_shape": ", ".join(f"{size}×{size}×{channels}" for size in sorted(sizes)),
        "factors": ", ".join(f"{f} ({n})" for f, n in zip(images.factor_names, images.factor_sizes, strict=True)),
        "source": images.source + (", a stand-in for the published images" if stand_in else ""),
        "licence": images.licence,
    }


def _arm_row(config: Config, preset: str, system: str) -> dict[str, Any]:
    run = Run(preset, DATASET, system, "main", 0)
    settings = _settings(config, run)
    start = configuration.predecessors(config, run).get("start")
    first = _settings(config, start) if start else None
    about = ("pair_rule", "pair_loss", "alpha", "pairs", "steps")
    return {
        "system": system,
        "label": label(system),
        "first_system": start.system if start else None,
        "first": f"{_base(first)}, {_regulariser(first)}, {number(first['steps'])} steps" if first else DASH,
        "second": f"{_regulariser(settings)}, {number(settings['steps'])} steps",
        **{f"first_{key}": first.get(key) if first else None for key in about},
        **{f"second_{key}": settings.get(key) for key in about},
    }


def _base(settings: Settings) -> str:
    return "ID-GAN" if settings["code"] == "vae" else "InfoGAN"


def _regulariser(settings: Settings) -> str:
    if settings["pair_rule"] == "none":
        return "no regulariser"
    what = f"{RULES[settings['pair_rule']]}, {LOSSES[settings['pair_loss']]}"
    begins = f", from step {number(settings['pair_start'])}" if settings["pair_start"] else ""
    return f"{what}, α = {number(settings['alpha'])}, m = {number(settings['pairs'])}{begins}"


# ------------------------------------------------------------------------------------------------------------- rows: 3
def _score_cells(config: Config, preset: str) -> Iterable[tuple[str, str, str, str]]:
    """System, variant, code and metric of every cell, in the order of the table; those without a run included."""
    rows: dict[tuple[str, str], None] = {}
    for table in (config["runs"], config["presets"][preset].get("runs", {})):
        for system, variants in table.get(DATASET, {}).items():
            rows |= {(system, variant): None for variant in variants if variant in TABLE3_VARIANTS}
    for system, variant in rows:
        for code in scored_codes(_settings(config, Run(preset, DATASET, system, variant, 0))):
            for metric in METRICS:
                yield system, variant, code, metric


def scored_codes(settings: Settings) -> list[str]:
    """What of a system is scored, the headline first: FactorVAE is cited for samples, the released code scored them."""
    if settings["family"] == "gan":
        return ["q_mean"] if settings["q"] == "learned" else ["vae_mean"]
    return ["vae_sample", "vae_mean"] if settings["objective"] == "factor" else ["vae_mean", "vae_sample"]


def _score_row(
    config: Config, preset: str, root: Path, scores: pd.DataFrame, system: str, variant: str, code: str, metric: str
) -> dict[str, Any]:
    run = Run(preset, DATASET, system, variant, 0)
    settings = _settings(config, run)
    wanted = {"system": system, "variant": variant, "code": code, "metric": metric}
    found = scores[np.logical_and.reduce([scores[column] == value for column, value in wanted.items()])]
    if (found["k"] != settings["c_dim"]).any():
        raise DataError(f"scores of {system}/{variant} are not of {settings['c_dim']} codes: train and score it again")
    headline = code == scored_codes(settings)[0]
    printed = config["reported"]["table3"].get(system, {}) if headline and variant == _paper_variant(system) else {}
    return {
        **wanted,
        "label": _label_with_weight(system, settings),
        "k": settings["c_dim"],
        "headline": headline,
        **_summarised(found),
        "origin": origin(config, [replace(run, seed=int(seed)) for seed in found["seed"]], root),
        **_printed("paper", printed, metric),
        **_printed("source", printed, metric),
    }


def _summarised(found: pd.DataFrame) -> dict[str, Any]:
    s = summary(found["value"].to_numpy(float))
    about = {key: getattr(s, key) for key in ("n", "mean", "sd", "se", "low", "high")}
    return {"dataset": DATASET, "protocol": PROTOCOL, **about, "missing": s.n == 0}


def _paper_variant(system: str) -> str:
    return PAPER_VARIANT.get(system, "main")


def _label_with_weight(system: str, settings: Settings) -> str:
    weight = {"beta": "β", "gamma": "γ", "alpha": "α"}
    shown = [f"{symbol} = {number(settings[key])}" for key, symbol in weight.items() if key in settings]
    return f"{label(system)} ({', '.join(shown)})" if shown else label(system)


def _printed(who: str, printed: dict[str, Any], metric: str) -> dict[str, float | None]:
    mean, spread = printed.get(who, {}).get(metric, (None, None))
    return {f"{who}_mean": mean, f"{who}_spread": spread}


def _block(cells: list[dict[str, Any]], planned: int) -> list[Row]:
    """The lines of one model, a cell a metric: here, its interval if there is one, the paper and its source."""
    lines = _here(cells, planned)
    if all(cell[f"{who}_mean"] is None for cell in cells for who in WHO):
        return [*lines, ["", "", "", "", ", ".join(WHO.values()), *[DASH] * len(cells)]]
    for who, name in WHO.items():
        lines.append(
            ["", "", "", "", name, *(plus_minus(cell[f"{who}_mean"], cell[f"{who}_spread"]) for cell in cells)]
        )
    return lines


def _here(cells: list[dict[str, Any]], planned: int = 0) -> list[Row]:
    """What was found of one model, and its interval if there is one."""
    first, n = cells[0], max(cell["n"] for cell in cells)
    lines: list[Row] = [
        [
            first["label"],
            str(first["k"]),
            CODES[first["code"]],
            n_of(n, planned),
            first["origin"],
            *(_mean_sd(cell, n) for cell in cells),
        ]
    ]
    if any(cell["low"] is not None for cell in cells):
        lines.append(["", "", "", "", f"{LEVEL:.0%} interval", *map(_interval, cells)])
    return lines


def _mean_sd(cell: dict[str, Any], n: int) -> str:
    if cell["missing"]:
        return "missing"
    return plus_minus(cell["mean"], cell["sd"]) + (f" (n = {cell['n']})" if cell["n"] < n else "")


def _interval(cell: dict[str, Any]) -> str:
    return DASH if cell["low"] is None else f"[{places(cell['low'])}, {places(cell['high'])}]"


def _score_notes() -> list[str]:
    return [
        f"Ours: mean ± SD over n seeds (one seed has no SD); {LEVEL:.0%} t-interval of the mean from n = {MIN_N} on. "
        "The runs behind it were recomputed here, or their published records are of the named commit.",
        f"Paper and its source: as printed, {DASH} where nothing is. The paper copied its rows of FactorVAE, InfoGAN "
        "and InfoGAN-CR from Table 1 of the InfoGAN-CR paper, its source. InfoGAN and InfoGAN-CR had 5 codes there, "
        "FactorVAE and IDGAN-SC 10: each printed value stands beside the row with its number of codes, k.",
        "Floor: representations that learned nothing, scored the same way: Q as InfoGAN's training finds it, the "
        "principal components of the pixels, and noise that knows nothing of the image.",
    ]


# ------------------------------------------------------------------------------------------------------- rows: stage A
def _start_row(
    config: Config, points: pd.DataFrame, floor: pd.DataFrame, start: Run, arms: list[Run]
) -> dict[str, Any]:
    k = _settings(config, start)["c_dim"]
    mine = np.logical_or.reduce([(points["system"] == arm.system) & (points["variant"] == arm.variant) for arm in arms])
    values = points[mine].groupby("seed")["value"].mean()
    s, level = summary(values), floor.loc[floor["k"] == k, "value"]
    return {
        "system": start.system,
        "variant": start.variant,
        "label": label(start.system),
        "k": k,
        **{key: getattr(s, key) for key in ("n", "mean", "sd")},
        "lowest": float(values.min()) if s.n else None,
        "highest": float(values.max()) if s.n else None,
        "floor": float(level.mean()) if len(level) else None,
        "above": int((values > level.mean()).sum()) if s.n and len(level) else None,
    }


# --------------------------------------------------------------------------------------------------- rows: differences
def _everything(config: Config, preset: str) -> dict[tuple[str, str], Any]:
    """(system or other place, key) -> value, for all that a preset can change; a stand-in has its original's place."""
    found: dict[tuple[str, str], Any] = {}
    for name in configuration.datasets(config, preset):
        original = ORIGINAL.get(name, name)
        data = {"name": name, **configuration.dataset(config, preset, name)}
        found |= {(f"data set {original}", key): data[key] for key in data if key in ("name", *DATA_SETTINGS)}
        for system in config["systems"] if name == DATASET else _systems_behind(config, preset, name):
            settings = _settings(config, Run(preset, name, system, "main", 0))
            place = system if name == DATASET else f"{system} on {original}"
            found |= {(place, key): value for key, value in settings.items() if key not in DATA_SETTINGS}
        for system, variants in config["presets"][preset].get("runs", config["runs"])[name].items():
            found[(f"{system} on {original}", "variants")] = variants
        if name != DATASET:
            found[(f"data set {original}", "seeds")] = len(configuration.seeds(config, preset, name))
    found |= {("evaluation", key): value for key, value in configuration.evaluation(config, preset).items()}
    generated = configuration.generated(config, preset)
    found |= {("generated images", key): value for key, value in generated.items() if key != "tolerance"}
    found |= {("seeds", key): value for key, value in config["presets"][preset]["seeds"].items()}
    return found


def _systems_behind(config: Config, preset: str, name: str) -> list[str]:
    """Systems that are run on a data set, and those that they build on."""
    runs = configuration.runs(config, preset, name)
    earlier = [before for run in runs for before in configuration.predecessors(config, run).values()]
    return list(dict.fromkeys(run.system for run in [*earlier, *runs]))


def _plain(value: Any) -> str:
    return number(value).replace("\N{NARROW NO-BREAK SPACE}", "")


# ------------------------------------------------------------------------------------------------------------ rendering
def _settings(config: Config, run: Run) -> Settings:
    return configuration.resolve(config, run)


def write_page(
    config: Config,
    preset: str,
    root: Path,
    name: str,
    frame: pd.DataFrame,
    page: Page,
    data: Sequence[str] = (DATASET,),
) -> list[Path]:
    """The three files of a table; each row of the CSV says which preset, data and number of seeds it comes from."""
    chosen = config["presets"][preset]
    head = {
        "preset": preset,
        "evidence": "yes" if chosen["evidence"] else NO_EVIDENCE,
        "data": ", ".join(data_words(config, preset, set_) for set_ in data),
        "planned_seeds": len(configuration.seeds(config, preset, data[0])),
    }
    frame = pd.concat([pd.DataFrame(head, index=frame.index), frame], axis=1)
    texts = {"csv": frame.to_csv(index=False, lineterminator="\n"), "md": markdown(page), "tex": latex(page)}
    return [write_text(Path(root) / "tables" / f"{name}.{suffix}", text) for suffix, text in texts.items()]


def markdown(page: Page) -> str:
    """The page in the Markdown of GitHub."""
    lines = [page.header, ["---"] * len(page.header), *(row for row in page.rows if row is not None)]
    table = "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
    return f"**{page.name}. {page.title}**\n\n{table}\n\n" + "\n".join(f"{note}  " for note in page.notes) + "\n"


def latex(page: Page) -> str:
    """The page as a `table*` environment for a document with the package booktabs."""

    def line(cells: list[str]) -> str:
        return " & ".join(map(escape_latex, cells)) + r" \\"

    body = [r"\addlinespace" if row is None else line(row) for row in page.rows]
    notes = " ".join(map(escape_latex, page.notes))
    return "\n".join(
        [
            "% needs the package booktabs; laid out for a text 7 in wide",
            r"\begin{table*}[tbp]",
            r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{escape_latex(page.title)}}}\label{{tab:{page.name.lower().replace(' ', '')}}}",
            r"\par\smallskip",
            rf"\begin{{tabular}}{{@{{}}{page.columns}@{{}}}}",
            r"\toprule",
            line(page.header),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\par\smallskip",
            rf"\parbox{{0.95\textwidth}}{{{notes}}}",
            r"\end{table*}",
            "",
        ]
    )


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "λ": "lambda", "τ": "tau"}
_LATEX = str.maketrans(
    {symbol: rf"\{symbol}" for symbol in "&%$#_{}"}
    | {symbol: rf"$\{name}$" for symbol, name in {**_GREEK, "±": "pm", "×": "times", "≥": "ge", "≤": "le"}.items()}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", '"': "''"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"[": "{[}", "]": "{]}", "*": "{*}"}  # after \\ they would be its arguments
    | {"–": "--", "—": "---", "−": "$-$", "…": r"\ldots{}", "\N{NARROW NO-BREAK SPACE}": r"\,"}
)


def escape_latex(text: str) -> str:
    """`text` so that LaTeX prints it as it is.

    >>> print(escape_latex("idgan_sc: 95 % of [α, β] ± 2"))
    idgan\\_sc: 95 \\% of {[}$\\alpha$, $\\beta${]} $\\pm$ 2
    """
    return text.translate(_LATEX)
