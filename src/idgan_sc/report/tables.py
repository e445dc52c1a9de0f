"""Write Tables 1 to 3 of the paper, and two more.

The others are where stage A ended, and the differences from the paper's settings. The formats are CSV,
Markdown and LaTeX.

Each table is a function of the configuration and the files below `root`, the results of one preset. The CSV
is tidy and complete. Markdown and LaTeX are two renderings of one `Page`, for reading.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import DATASET, PROTOCOL, Run, Settings, dataset_row
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.comparisons import two_measurements_note
from idgan_sc.report.differences import differences
from idgan_sc.report.read import (
    SCORE_KEY,
    baseline_cells,
    read_baselines,
    read_scores,
    scored_codes,
    select,
    summary_cell,
)
from idgan_sc.report.render import Page, Row, write_page
from idgan_sc.report.statistics import LEVEL, MIN_N, summary
from idgan_sc.report.words import (
    CODES,
    DASH,
    METRIC_LABELS,
    PAPER_VARIANT,
    TABLE3_VARIANTS,
    label,
    n_of,
    notes,
    number,
    places,
    plus_minus,
    signed,
    with_interval,
)

PRINTED = {
    "paper": "",
    "source": "\N{DAGGER}",
}  # whose printed value stands beside ours, the first that has one; its mark
HEADLINE = "*"
DESCRIBED = (
    "n",
    "channels",
    "height",
    "factor_names",
    "factor_sizes",
    "source",
    "licence",
)  # of a data set, in Table 1
RULES = {"keep_one": "keep one dimension", "change_one": "change one dimension"}
LOSSES = {"cross_entropy": "cross-entropy (Eq. 2)", "contrastive": "supervised contrastive loss (Eq. 6)"}


# ------------------------------------------------------------------------------------------------------------- tables
def table1(results: Results) -> list[Path]:
    """Write Table 1: the paper's data sets and the images on disk.

    This preset trains on these images.

    Raises
    ------
    DataError
        If a data set of the paper is on disk with another number of images than the paper's.
    """
    names = dict.fromkeys([*results.config["reported"]["table1"], *results.datasets])
    rows = [_data_row(results, name) for name in names]
    words = ("shape", "trained_shape", "factors", "source")
    page = Page(
        "Table 1",
        "Data sets: images in the paper and on disk.",
        ["Data set", "Paper", "On disk", "Stored shape", "Trained shape", "Factors (classes)", "Source"],
        r"lrrllp{0.21\textwidth}p{0.19\textwidth}",
        [
            [dataset_row(row["dataset"]).title, *(number(row.get(key)) for key in ("paper_count", "count", *words))]
            for row in rows
        ],
        [f"{DASH}: not run at this preset, or not in the paper.", *notes(results)],
    )
    frame = pd.DataFrame(rows).astype({"paper_count": "Int64", "count": "Int64"})
    return write_page(results, "table1", frame, page)


def table2(results: Results) -> list[Path]:
    """Write Table 2: what the three arms of the ablation train.

    It shows the first and the second step, from the arms' settings.
    """
    rows = [_arm_row(results, system) for system in results.config["reported"]["figure3"]]
    page = Page(
        "Table 2",
        "The three arms of the ablation.",
        ["Model", "First step", "Second step"],
        r"lp{0.3\textwidth}p{0.42\textwidth}",
        [[row["label"], row["first"], row["second"]] for row in rows],
        notes(results),
    )
    frame = pd.DataFrame(rows).astype({"first_pairs": "Int64", "second_pairs": "Int64"})
    return write_page(results, "table2", frame, page)


def table3(results: Results) -> list[Path]:
    """Write Table 3: the disentanglement scores of all systems on dSprites.

    The scores that the paper and its source print stand beside them.

    Raises
    ------
    DataError
        If `scores.csv` or the baseline is missing or not what `idgan-sc gather` and `idgan-sc baseline` write.
    """
    scores = read_scores(results.root / "scores.csv", SCORE_KEY)
    scores = scores[(scores["dataset"] == DATASET) & (scores["protocol"] == PROTOCOL)]
    cells = [score_cell(results, scores, *cell, printed_of(results, cell[0])) for cell in _score_cells(results)]
    models = [cells[start : start + len(METRIC_LABELS)] for start in range(0, len(cells), len(METRIC_LABELS))]
    blocks = [[model for model in models if model[0]["headline"] == headline] for headline in (True, False)]
    blocks.append(list(baseline_cells(results.root)))
    planned = len(results.seeds())
    rows: list[Row] = []
    for block in blocks:
        rows += [None] if rows and block else []
        rows += [model_row(model, planned if block is not blocks[-1] else 0) for model in block]
    page = Page(
        "Table 3",
        "Disentanglement scores on dSprites.",
        ["Model", "k", "Code", "n", *METRIC_LABELS.values()],
        r">{\raggedright}p{0.19\textwidth}r>{\raggedright}p{0.09\textwidth}r" + "c" * len(METRIC_LABELS),
        rows,
        [*_score_notes(cells), *two_measurements_note(results), *notes(results)],
    )
    cells += [cell for baseline in blocks[-1] for cell in baseline]
    frame = pd.DataFrame(cells)
    return write_page(results, "table3", frame.assign(difference=frame["mean"] - frame["paper_mean"]), page)


def stage_a(results: Results) -> list[Path]:
    """Write where stage A ended, before any regulariser.

    The table has the FactorVAE score of its Q, beside the baseline's. It makes sense to ask whether a regulariser
    helps if that score lies well above the baseline (PROTOCOL.md).

    Raises
    ------
    DataError
        If `curves.csv` or the baseline is missing or not what `idgan-sc gather` and `idgan-sc baseline` write.
    """
    points = read_scores(results.root / "curves.csv", [*SCORE_KEY, "step", "draw"])
    wanted_columns = {"dataset": DATASET, "metric": "factor_vae", "protocol": PROTOCOL, "step": 0}
    points = points[np.logical_and.reduce([points[column] == value for column, value in wanted_columns.items()])]
    baseline = read_baselines(results.root).query("system == 'pixel_components' and metric == 'factor_vae'")
    starts: dict[Run, list[Run]] = {}  # stage A -> what goes on from it; the same at step 0
    first = results.seeds()[0]
    for run in results.runs(DATASET):
        before = results.before(run).get("start")
        if before and run.seed == first:
            starts.setdefault(before, []).append(run)
    rows = [_start_row(results, points, baseline, start, arms) for start, arms in starts.items()]
    planned = len(results.seeds())
    page = Page(
        "Stage A",
        "Where stage A ended: FactorVAE score of Q on dSprites.",
        ["Stage A", "k", "n", "FactorVAE", "Lowest", "Highest", "Baseline", "Seeds above it"],
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
            "Mean ± SD over seeds of the mean over evaluation draws, at step 0 of stage B. Baseline: as many principal "
            "components of the pixels as there are codes. A seed whose stage A does not lie above it says little about "
            "what a regulariser adds; it counts in every verdict all the same.",
            *notes(results),
        ],
    )
    return write_page(results, "stage_a", pd.DataFrame(rows), page)


TABLES: dict[str, Callable[[Results], list[Path]]] = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "stage_a": stage_a,
    "differences": differences,
}


# ------------------------------------------------------------------------------------------------------- rows: 1 and 2
def _data_row(results: Results, name: str) -> dict[str, Any]:
    expected = results.config["reported"]["table1"].get(name)
    row: dict[str, Any] = {"dataset": name, "paper_count": expected, "count": None}
    if name not in results.datasets:
        return row
    path, images = _described(results, name)
    if expected is not None and images["n"] != expected:
        raise DataError(f"{path} says {images['n']} images, the paper has {expected} of {name}: prepare it again")
    channels, height = images["channels"], images["height"]
    stand_in = results.dataset_settings(name)["source"] == "procedural"
    sizes = {results.settings(run)["image_size"] for run in results.runs(name)}
    return row | {
        "count": images["n"],
        "shape": f"{height}×{height}×{channels}",
        "trained_shape": ", ".join(f"{size}×{size}×{channels}" for size in sorted(sizes)),
        "factors": ", ".join(f"{f} ({n})" for f, n in zip(images["factor_names"], images["factor_sizes"], strict=True)),
        "source": images["source"] + (", a stand-in for the published images" if stand_in else ""),
        "licence": images["licence"],
    }


def _described(results: Results, name: str) -> tuple[Path, dict[str, Any]]:
    """What a data set says of itself, and where that stands."""
    path = results.description(name)
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
        return path, {key: found[key] for key in DESCRIBED}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): run `idgan-sc data` for {name}") from error


def _arm_row(results: Results, system: str) -> dict[str, Any]:
    run = results.run(DATASET, system, "main", 0)
    settings = results.settings(run)
    start = results.before(run).get("start")
    first = results.settings(start) if start else None
    setting_names = ("pair_rule", "pair_loss", "alpha", "pairs", "steps")
    return {
        "system": system,
        "label": label(system),
        "first_system": start.system if start else None,
        "first": f"{_base(first)}, {_regulariser(first)}, {number(first['steps'])} steps" if first else DASH,
        "second": f"{_regulariser(settings)}, {number(settings['steps'])} steps",
        **{f"first_{key}": first.get(key) if first else None for key in setting_names},
        **{f"second_{key}": settings.get(key) for key in setting_names},
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
def _score_cells(results: Results) -> Iterable[tuple[Run, str, str]]:
    """List arm, code and metric of every cell in the table's order.

    Cells without a run are included.
    """
    rows: dict[tuple[str, str], None] = {}
    for table in (results.config["runs"], results.config["presets"][results.preset].get("runs", {})):
        for system, variants in table.get(DATASET, {}).items():
            rows |= {(system, variant): None for variant in variants if variant in TABLE3_VARIANTS}
    for run in (results.run(DATASET, *arm) for arm in rows):
        for code in scored_codes(results.settings(run)):
            for metric in METRIC_LABELS:
                yield run, code, metric


def score_cell(
    results: Results, scores: pd.DataFrame, run: Run, code: str, metric: str, printed: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the cell of a score of an arm's code over the seeds.

    `printed` says what is printed of its headline, and by whom. run: any of the arm.
    """
    settings = results.settings(run)
    wanted = {"system": run.system, "variant": run.variant, "code": code, "metric": metric}
    found = select(scores, **wanted).dropna(subset="value")
    if (found["k"] != settings["c_dim"]).any():
        raise DataError(
            f"scores of {run.system}/{run.variant} are not of {settings['c_dim']} codes: train and score it again"
        )
    headline = code == scored_codes(settings)[0]
    return {
        **wanted,
        "label": label_with_weight(run.system, settings),
        "k": settings["c_dim"],
        "headline": headline,
        **summary_cell(found, run.dataset),
        "origin": results.origin(replace(run, seed=int(seed)) for seed in found["seed"]),
        **_printed("paper", printed if headline else {}, metric),
        **_printed("source", printed if headline else {}, metric),
    }


def printed_of(results: Results, run: Run) -> Mapping[str, Any]:
    """Find what the paper and its source print of a system.

    The variant that they had stands beside.
    """
    there: Mapping[str, Any] = results.config["reported"]["table3"].get(run.system, {})
    return there if run.variant == PAPER_VARIANT.get(run.system, "main") else {}


def label_with_weight(system: str, settings: Settings) -> str:
    weight = {"beta": "β", "gamma": "γ", "alpha": "α"}
    shown = [f"{symbol} = {number(settings[key])}" for key, symbol in weight.items() if key in settings]
    return f"{label(system)} ({', '.join(shown)})" if shown else label(system)


def _printed(who: str, printed: Mapping[str, Any], metric: str) -> dict[str, float | None]:
    mean, spread = printed.get(who, {}).get(metric, (None, None))
    return {f"{who}_mean": mean, f"{who}_spread": spread}


def model_row(cells: list[dict[str, Any]], planned: int = 0) -> list[str]:
    """Build the line of one model, with one cell for each metric.

    The code that is compared with the paper's Table 3 is marked.
    """
    first, n = cells[0], max(cell["n"] for cell in cells)
    code = CODES[first["code"]] + (HEADLINE if first.get("headline") else "")
    return [first["label"], str(first["k"]), code, n_of(n, planned), *(_score(cell, n) for cell in cells)]


def _score(cell: dict[str, Any], n: int) -> str:
    """Format a score with its interval.

    The printed value and the difference to it stand below.
    """
    ours = with_interval(cell["mean"], cell["low"], cell["high"], 2) if cell["low"] is not None else _mean_sd(cell, n)
    who = next((who for who in PRINTED if cell.get(f"{who}_mean") is not None), None)
    if who is None:
        return "missing" if cell["missing"] else ours
    printed = f"{places(cell[f'{who}_mean'])}{PRINTED[who]}"
    return (
        f"missing\n{printed}"
        if cell["missing"]
        else f"{ours}\n{printed} | {signed(cell['mean'] - cell[f'{who}_mean'])}"
    )


def _mean_sd(cell: dict[str, Any], n: int) -> str:
    return plus_minus(cell["mean"], cell["sd"]) + (f" (n = {cell['n']})" if cell["n"] < n else "")


def _score_notes(cells: list[dict[str, Any]]) -> list[str]:
    return [
        f"A score: ours, the mean over n seeds with its {LEVEL:.0%} t-interval | the paper's | ours less the paper's. "
        f"Below n = {MIN_N} the SD stands in the place of the interval (one seed has none); (n = …) in a cell: of "
        f"fewer seeds than its row. {PRINTED['source']}: printed by the paper's source alone. SDs, printed spreads and "
        "the origin of each cell are in the CSV.",
        f"{HEADLINE}: the code that is compared with the paper and enters the claims. Below these rows: the other "
        "codes of the same models, then the baselines.",
        f"{_same_means(cells)} InfoGAN and InfoGAN-CR had 5 codes there, FactorVAE and IDGAN-SC 10: each printed value "
        "stands beside the row with its number of codes, k.",
        "Baseline: representations that learned nothing, scored the same way: Q as InfoGAN's training finds it, the "
        "principal components of the pixels, and noise that knows nothing of the image.",
        *_origins(cells),
    ]


def _same_means(cells: list[dict[str, Any]]) -> str:
    """Whether the rows that the paper copied from its source have the source's means."""
    both = [cell for cell in cells if None not in (cell.get("paper_mean"), cell.get("source_mean"))]
    other = [cell for cell in both if cell["paper_mean"] != cell["source_mean"]]
    names = ", ".join(dict.fromkeys(label(cell["system"]) for cell in both))
    same = f"{len(other)} of {len(both)} means are others there" if other else "the means are the same there"
    return f"The paper copied its rows ({names}) from Table 1 of the InfoGAN-CR paper, its source: {same}."


def _origins(cells: list[dict[str, Any]]) -> list[str]:
    """Say where the runs behind the rows come from.

    One sentence names each origin once.
    """
    found = dict.fromkeys(cell["origin"] for cell in cells if not cell["missing"])
    return (
        [f"The runs behind the rows: {'; '.join(found)}. A commit is the one that published records name."]
        if found
        else []
    )


# ------------------------------------------------------------------------------------------------------- rows: stage A
def _start_row(
    results: Results, points: pd.DataFrame, baseline: pd.DataFrame, start: Run, arms: list[Run]
) -> dict[str, Any]:
    k = results.settings(start)["c_dim"]
    mine = np.logical_or.reduce([(points["system"] == arm.system) & (points["variant"] == arm.variant) for arm in arms])
    values = points[mine].groupby("seed")["value"].mean()
    s, level = summary(values), baseline.loc[baseline["k"] == k, "value"]
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
