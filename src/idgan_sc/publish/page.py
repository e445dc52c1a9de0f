"""`report/index.html`: one file to read and to play with, from the results of one preset; no server, no network."""

import base64
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, PROTOCOL, Run, dataset_row, shown_generators
from idgan_sc.evaluation.gather import read_leakage
from idgan_sc.evaluation.generators.pairs import OF_CODE
from idgan_sc.files import write_text
from idgan_sc.publish.markup import to_html
from idgan_sc.publish.origins import core_hours, origins
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded, table_or_empty, text_or_empty
from idgan_sc.report import read
from idgan_sc.report.figures import canvas
from idgan_sc.report.figures.canvas import GREY
from idgan_sc.report.figures.registry import Drawn, all_figures
from idgan_sc.report.read import scored_codes
from idgan_sc.report.words import COLOURS, METRICS, NO_EVIDENCE, about, data_words, label, number, planned_words

TEMPLATE = Path(__file__).parent / "templates" / "page.html"
MOST = 10_000_000  # bytes of images in the page; anchors are left out beyond
PIXELS_AN_INCH = 155  # of a figure's printed width, on the page: a figure as wide as the paper's text fills it
CHANGES = f"{OF_CODE}changes_"


def write_page(results: Results) -> Path:
    """Write `report/index.html` from the files below `root`."""
    return write_text(results.root / "report" / "index.html", render(results))


def render(results: Results) -> str:
    """The page's text; equal results give equal bytes."""
    scores = [*points(results), *leakage_points(results)]
    data = {"generators": generators(results), "scores": scores}
    costs = table_or_empty(results.root / "cost.csv")
    chosen = results.config["presets"][results.preset]
    shown = results.datasets
    words = [*about(results, planned_words(results, shown), shown), _spent(costs)]
    parts = {
        "TITLE": html.escape(f"IDGAN-SC, replicated: {chosen['title']}"),
        "ABOUT": html.escape("; ".join(words) + "."),
        "WARNING": "" if chosen["evidence"] else f'<p class="warning" role="note">This is {NO_EVIDENCE}.</p>',
        "CLAIMS": _claims(text_or_empty(results.root / "claims.md")),
        "TABLE3": to_html(text_or_empty(results.root / "tables/table3.md")),
        "STAGE_A": to_html(text_or_empty(results.root / "tables/stage_a.md")),
        "SENSITIVITY": to_html(text_or_empty(results.root / "sensitivity/verdicts.md")),
        "ERRATA": to_html(text_or_empty(results.root / "errata.md")),
        "DIFFERENCES": to_html(text_or_empty(results.root / "tables/differences.md")),
        "ORIGINS": to_html(origins_table(costs)),
        "FIGURES": "\n".join(figures(results)),
        "DATA": json.dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True).replace("</", "<\\/"),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, content in parts.items():
        text = text.replace(f"<!--{name}-->", content)
    return text


def _claims(text: str) -> str:
    """The table of claims, and the lists of their checks folded away below it."""
    table, *lists = re.split(r"\n(?=\*\*C\d)", text, maxsplit=1)
    if not lists:
        return to_html(table)
    return f"{to_html(table)}\n<details><summary>Every check of every claim</summary>\n{to_html(lists[0])}\n</details>"


def _spent(costs: pd.DataFrame) -> str:
    return f"{len(costs)} trainings, {core_hours(costs):.2f} core-hours"


def origins_table(costs: pd.DataFrame) -> str:
    """Where every training behind the tables comes from, as Markdown."""
    if costs.empty:
        return "No records."
    rows = [
        f"| {label(row['system'])} | {row['origin']} | {row['trainings']} | {row['commits']} | {row['changed']} |"
        for _, row in origins(costs).iterrows()
    ]
    return "\n".join(
        ["| System | Trainings were | Number | Of commits | Checkout changed since |", "|---" * 5 + "|", *rows]
    )


# ----------------------------------------------------------------------------------------------------------- generators
def generators(results: Results) -> list[dict[str, Any]]:
    """Every generator that was traversed: for each anchor one picture, a row a code, a column a value."""
    paths = {run: results.find(run, "traversal.npz") for run in shown_generators(results.config, results.preset)}
    there = {run: path for run, path in paths.items() if path.exists()}
    results.refuse_others(there, ["traversal.npz"], "evaluation")
    return [
        _generator(results, run, read_recorded(path, "run `idgan-sc traverse`"), MOST // len(there))
        for run, path in there.items()
    ]


def _generator(results: Results, run: Run, arrays: dict[str, np.ndarray], most: int) -> dict[str, Any]:
    sprites: list[str] = []
    for anchor in arrays["images"]:  # (k, S, C, H, W)
        sprite = base64.b64encode(png(sheet(anchor))).decode()
        if sprites and sum(map(len, sprites)) + len(sprite) > most:
            break
        sprites.append(sprite)
    matrices = [*_association(arrays), *_leakage(results, run), *_redrawn(results, run)]
    return {
        "dataset": run.dataset,
        "data": data_words(results, run.dataset),
        "system": run.system,
        "pictured": run.system in configuration.PICTURED,
        "label": label(run.system),
        "colour": COLOURS.get(run.system, GREY),
        "seed": run.seed,
        "size": int(arrays["images"].shape[-1]),
        "values": [round(float(value), 4) for value in arrays["values"]],
        "anchors": [[round(float(value), 2) for value in row] for row in arrays["anchors"][: len(sprites)]],
        "tells": _tells(matrices, arrays["images"].shape[1]),
        "matrices": matrices,
        "sprites": sprites,
    }


def _association(arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """What every code tells of every factor, where factors are known; a digit's class alone is none of the paper's."""
    names = [str(name) for name in arrays.get("factor_names", [])]
    if names in ([], ["digit"]):
        return []
    return [
        {
            "title": "What every code tells of every factor",
            "about": "Mutual information on real images, in percent of the factor's entropy.",
            "factors": [_words(name) for name in names],
            "rows": [[round(float(share), 4) for share in row] for row in arrays["association"]],
            "percent": True,
            "own": [],
            "beside": None,
        }
    ]


def _leakage(results: Results, run: Run) -> list[dict[str, Any]]:
    """How much every code moves every factor, where that was measured; `own` are the (code, factor) shown."""
    if not results.find(run, "leakage.csv").exists():
        return []
    table = read_leakage(results, run)
    change, outside = table[table.measure == "change"], table[table.measure == "outside"]
    factors = list(dict.fromkeys(change["factor"]))
    rows = change.pivot(index="code", columns="factor", values="value")[factors]
    entropy = table[table.measure == "row_entropy"].set_index("code")["value"]
    shares = ", ".join(f"{_words(r['factor'])} {r['value']:.0%}" for _, r in outside.iterrows())
    return [
        {
            "title": "Leakage: how much every code moves every factor",
            "about": "SD of the factor over a sweep, in SD of real images; framed: the code that stands for it. "
            f"H: entropy of the row, 0 if one factor moves alone, 1 if all move alike. Outside it: {shares}.",
            "factors": [_words(factor) for factor in factors],
            "rows": rows.round(3).to_numpy().tolist(),
            "percent": False,
            "own": [[int(r["code"]) - 1, factors.index(r["factor"])] for _, r in outside.iterrows()],
            "beside": [round(float(entropy[code]), 3) if code in entropy else None for code in rows.index],
        }
    ]


def _redrawn(results: Results, run: Run) -> list[dict[str, Any]]:
    """What each code, drawn anew, changes of the nearest true image; None for a code without a matched pair."""
    path = results.find_or_make(run, "pair_labels.csv")
    if not path.exists():
        return []
    labels = read.read(path)
    table = labels[labels.measure.str.startswith(CHANGES)]
    if table.empty:
        return []
    matched, pairs = (int(labels.loc[labels.measure == OF_CODE + name, "value"].sum()) for name in ("matched", "pairs"))
    rows = table.pivot(index="code", columns="measure", values="value")[list(dict.fromkeys(table.measure))]
    rows = rows.reindex(labels["code"].dropna().sort_values().unique())
    return [
        {
            "title": "Leakage: what changes when one code alone is drawn anew",
            "about": "Share of such pairs of generated images whose nearest true images differ in the factor. "
            f"Of {matched} of {pairs} pairs; in the others an image is like no true one.",
            "factors": [_words(name.removeprefix(CHANGES)) for name in rows.columns],
            "rows": [[None if np.isnan(share) else round(share, 3) for share in row] for row in rows.to_numpy()],
            "percent": True,
            "own": [],
            "beside": None,
        }
    ]


def _words(factor: str) -> str:
    return canvas.WORDS.get(factor, factor)


def _tells(matrices: list[dict[str, Any]], k: int) -> list[str]:
    """What stands beside each slider: the factor that the code tells most of, or moves most."""
    if not matrices:
        return ["no factor known"] * k
    best = [(int(np.argmax(row)), max(row)) for row in matrices[0]["rows"]]
    size = "{:.0%}" if matrices[0]["percent"] else "{:.2f} SD"
    return [f"{matrices[0]['factors'][i]}, {size.format(value)}" for i, value in best]


def sheet(images: np.ndarray) -> np.ndarray:
    """One picture (k H, S W) or (k H, S W, 3) of images (k, S, C, H, W): a row a code, a column a value."""
    k, s, channels, height, width = images.shape
    laid = images.transpose(0, 3, 1, 4, 2).reshape(k * height, s * width, channels)
    return laid[..., 0] if channels == 1 else laid


def png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


# ------------------------------------------------------------------------------------------------------------- scores
def points(results: Results) -> list[dict[str, Any]]:
    """Every seed's score of every metric and arm, with the paper's value where the arm is the paper's."""
    frame = table_or_empty(results.root / "scores.csv")
    if frame.empty:
        return []
    frame = frame[(frame["dataset"] == DATASET) & (frame["protocol"] == PROTOCOL) & frame["metric"].isin(METRICS)]
    cells = table_or_empty(results.root / "tables/table3.csv")
    rows = []
    for key, group in frame.groupby(["system", "variant", "code", "metric"], sort=False):
        system, variant, code, metric = map(str, key)
        settings = results.settings(results.run(DATASET, system, variant, 0))
        if code != scored_codes(settings)[0]:
            continue
        rows.append(
            {
                "metric": metric,
                "metric_label": METRICS[metric],
                "label": label(system) + _variant_words(variant, settings),
                "colour": COLOURS.get(system, GREY),
                "seeds": [
                    [int(seed), round(float(v), 4)] for seed, v in zip(group["seed"], group["value"], strict=True)
                ],
                "paper": _printed(cells, system, variant, code, metric),
            }
        )
    return rows


def _variant_words(variant: str, settings: dict[str, Any]) -> str:
    if variant == "main":
        return ""
    return f", α = {number(settings['alpha'])}" if variant.startswith("alpha") else f", {variant}"


def leakage_points(results: Results) -> list[dict[str, Any]]:
    """Every seed's leakage, a plot a data set."""
    table = table_or_empty(results.root / "leakage.csv")
    return [
        {
            "metric": f"leakage_{data}",
            "metric_label": f"Leakage on {dataset_row(str(data)).title}",
            "label": label(str(system)),
            "colour": COLOURS.get(str(system), GREY),
            "seeds": [[int(row["seed"]), round(float(row["leakage"]), 4)] for _, row in group.iterrows()],
            "paper": None,
        }
        for (data, system), group in (table.dropna(subset="leakage").groupby(["dataset", "system"], sort=False))
    ] if len(table) else []  # fmt: skip


def _printed(cells: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> float | None:
    if cells.empty:
        return None
    wanted = (cells[["system", "variant", "code", "metric"]] == [system, variant, code, metric]).all(axis=1)
    found = cells.loc[wanted, "paper_mean"].dropna()
    return float(found.iloc[0]) if len(found) else None


# ------------------------------------------------------------------------------------------------------------ figures
def figures(results: Results) -> list[str]:
    """Every figure that is there, with the command that made it."""
    paths = {name: results.root / "figures" / f"{name}.png" for name in all_figures(results)}
    return [_figure(drawn, paths[name]) for name, drawn in all_figures(results).items() if paths[name].exists()]


def _figure(drawn: Drawn, path: Path) -> str:
    coded = base64.b64encode(path.read_bytes()).decode()
    shows, caption = html.escape(drawn.shows), html.escape(drawn.caption or drawn.shows)
    with Image.open(path) as image:
        width = round(image.width / image.info["dpi"][0] * PIXELS_AN_INCH)
    return (
        f'<figure><img alt="{drawn.title}: {shows}" width="{width}" src="data:image/png;base64,{coded}">'
        f"<figcaption><strong>{drawn.title}.</strong> {caption} <code>{drawn.command}</code></figcaption></figure>"
    )
