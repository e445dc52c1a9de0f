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
from idgan_sc.config import Config, Run
from idgan_sc.figures import COLOURS, FACTOR_WORDS, FIGURES
from idgan_sc.files import read_arrays, write_atomic
from idgan_sc.provenance import artifact
from idgan_sc.report.bundle import Bundle, core_hours, origins
from idgan_sc.report.markup import to_html
from idgan_sc.tables import DATASET, METRICS, NO_EVIDENCE, PROTOCOL, about, label, scored_codes, seeds_words

TEMPLATE = Path(__file__).parent / "page.html"
SHOWN = ("infogan_cr", "idgan_sc")  # side by side
MOST = 10_000_000  # bytes of images in the page; anchors are left out beyond
EXTRA_FIGURES = {"specification": "sensitivity", "main_effects": "sensitivity"}


def write_page(config: Config, preset: str, root: Path) -> Path:
    """Write `report/index.html` from the files below `root`."""
    text = render(config, preset, root)

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    return write_atomic(root / "report" / "index.html", write)


def render(config: Config, preset: str, root: Path) -> str:
    """The page's text; equal results give equal bytes."""
    bundle = Bundle(config, preset, root)
    data = {"generators": generators(config, preset, root), "scores": points(config, preset, bundle)}
    costs = bundle.table("cost.csv")
    chosen = config["presets"][preset]
    words = [*about(config, preset, seeds_words(len(configuration.seeds(config, preset)))), _spent(costs)]
    parts = {
        "TITLE": html.escape(f"IDGAN-SC, replicated: {chosen['title']}"),
        "ABOUT": html.escape("; ".join(words) + "."),
        "WARNING": "" if chosen["evidence"] else f'<p class="warning" role="note">This is {NO_EVIDENCE}.</p>',
        "CLAIMS": _claims(bundle.text("claims.md")),
        "TABLE3": to_html(bundle.text("tables/table3.md")),
        "ERRATA": to_html(bundle.text("errata.md")),
        "DIFFERENCES": to_html(bundle.text("tables/differences.md")),
        "ORIGINS": to_html(origins_table(costs)),
        "FIGURES": "\n".join(figures(preset, root)),
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
def generators(config: Config, preset: str, root: Path) -> list[dict[str, Any]]:
    """Images of the systems that stand side by side: for each anchor one picture, a row a code, a column a value."""
    seed = configuration.seeds(config, preset, DATASET)[0]
    runs = [Run(preset, DATASET, system, "main", seed) for system in SHOWN]
    paths = {run: artifact(config, run, "traversal.npz", root) for run in runs}
    there = {run: path for run, path in paths.items() if path.exists()}
    return [
        _generator(run, read_arrays(path, "run `idgan-sc traverse`"), MOST // len(there)) for run, path in there.items()
    ]


def _generator(run: Run, arrays: dict[str, np.ndarray], most: int) -> dict[str, Any]:
    images = arrays["images"]  # (A, k, S, C, H, W)
    association = arrays.get("association", np.zeros((images.shape[1], 0)))
    names = [FACTOR_WORDS.get(str(name), str(name)) for name in arrays.get("factor_names", [])]
    sprites: list[str] = []
    for anchor in images:
        sprite = base64.b64encode(png(sheet(anchor))).decode()
        if sprites and sum(map(len, sprites)) + len(sprite) > most:
            break
        sprites.append(sprite)
    return {
        "system": run.system,
        "label": label(run.system),
        "colour": COLOURS[run.system],
        "seed": run.seed,
        "size": int(images.shape[-1]),
        "values": [round(float(value), 4) for value in arrays["values"]],
        "anchors": [[round(float(value), 2) for value in row] for row in arrays["anchors"][: len(sprites)]],
        "factors": names,
        "association": [[round(float(value), 4) for value in row] for row in association],
        "sprites": sprites,
    }


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
def points(config: Config, preset: str, bundle: Bundle) -> list[dict[str, Any]]:
    """Every seed's score of every metric and arm, with the paper's value where the arm is the paper's."""
    frame = bundle.table("scores.csv")
    if frame.empty:
        return []
    frame = frame[(frame["dataset"] == DATASET) & (frame["protocol"] == PROTOCOL) & frame["metric"].isin(METRICS)]
    cells = bundle.table("tables/table3.csv")
    rows = []
    for key, group in frame.groupby(["system", "variant", "code", "metric"], sort=False):
        system, variant, code, metric = map(str, key)
        settings = configuration.resolve(config, Run(preset, DATASET, system, variant, 0))
        if code != scored_codes(settings)[0]:
            continue
        rows.append(
            {
                "metric": metric,
                "metric_label": METRICS[metric],
                "label": label(system) + ("" if variant == "main" else f", {variant}"),
                "colour": COLOURS[system],
                "seeds": [
                    [int(seed), round(float(v), 4)] for seed, v in zip(group["seed"], group["value"], strict=True)
                ],
                "paper": _printed(cells, system, variant, code, metric),
            }
        )
    return rows


def _printed(cells: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> float | None:
    if cells.empty:
        return None
    wanted = (cells[["system", "variant", "code", "metric"]] == [system, variant, code, metric]).all(axis=1)
    found = cells.loc[wanted, "paper_mean"].dropna()
    return float(found.iloc[0]) if len(found) else None


# ------------------------------------------------------------------------------------------------------------ figures
def figures(preset: str, root: Path) -> list[str]:
    """Every figure that is there, with the command that made it."""
    commands = {name: f"idgan-sc figure {name} --preset {preset}" for name in FIGURES}
    commands |= {name: f"idgan-sc {command} --preset {preset}" for name, command in EXTRA_FIGURES.items()}
    return [_figure(name, root / "figures" / f"{name}.png", command) for name, command in commands.items() if
            (root / "figures" / f"{name}.png").exists()]  # fmt: skip


def _figure(name: str, path: Path, command: str) -> str:
    coded = base64.b64encode(path.read_bytes()).decode()
    words = name.replace("_", " ").replace("figure", "Figure ").strip()
    return (
        f'<figure><img alt="{words}" src="data:image/png;base64,{coded}"><figcaption>{words}: <code>{command}</code>'
        "</figcaption></figure>"
    )
