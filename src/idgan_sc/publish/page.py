"""Build `report/index.html` from the results of one preset.

It is one file to read and to play with. It needs no server and no network.
"""

import html
import io
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from idgan_sc import config as configuration
from idgan_sc.config import dataset_row
from idgan_sc.data import digits, dsprites, faces
from idgan_sc.files import write_text
from idgan_sc.models.codes import DEAD_NATS
from idgan_sc.publish.interactive import WIDE, interactive_generators, webp
from idgan_sc.publish.origins import core_hours, origins
from idgan_sc.publish.page_claims import SPAN, by_verdict, check_rows, claim_rows
from idgan_sc.publish.points import leakage_points, points
from idgan_sc.records.results import Results
from idgan_sc.records.tables import table_or_empty
from idgan_sc.report import errata, exploratory, verdict_sensitivity
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.differences import differences_table
from idgan_sc.report.figures.registry import Drawn, all_figures
from idgan_sc.report.tables import model_row
from idgan_sc.report.verdicts import VERDICT_WORDS
from idgan_sc.report.words import (
    COLOURS,
    METRIC_LABELS,
    NO_EVIDENCE,
    data_words,
    describe_results,
    label,
    number,
    planned_words,
    plus_minus,
)

TEMPLATES = Path(__file__).parent / "templates"
INDEX, OTHERS = "index.html", "others.html"  # the paper's systems, and all others
Row = dict[str, Any]


def write_page(results: Results) -> list[Path]:
    """Write `report/index.html` from the files below `root`.

    `others.html` shows the systems that are not the paper's.
    """
    folder = results.root / "report"
    written = [write_text(folder / INDEX, render(results))]
    if interactive_generators(results, of_paper=False)[0]:
        return [*written, write_text(folder / OTHERS, render(results, of_paper=False))]
    (folder / OTHERS).unlink(missing_ok=True)
    return written


def render(results: Results, of_paper: bool = True) -> str:
    """The page's text; equal results give equal bytes."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"pm": plus_minus, "marked": marked}
    generators, left_out = interactive_generators(results, of_paper)
    content = {
        "of_paper": of_paper,
        "others": OTHERS if of_paper and interactive_generators(results, of_paper=False)[0] else None,
        "generators": generators,
        "left_out": left_out,
        "notes": [data_note(results, name) for name in results.datasets],
        "limits": {"abstain": results.generated["abstain"], "dead": DEAD_NATS, "wide": number(WIDE), "span": SPAN},
        "style": _part("page.css"),
        "colours": COLOURS,
        "scripts": {name: _part(f"{name}.js") for name in ("generator", "sprites", "page")},
        **_page_facts(results),
        **(_found(results) if of_paper else {"scores": [], "checks": []}),
    }
    data = {
        "generators": [{key: g[key] for key in g if key not in ("weights", "still")} for g in generators],
        "scores": content["scores"],
        "checks": {row["id"]: row["seeds"] for row in content["checks"]},
        "abstain": results.generated["abstain"],
        "tolerance": list(results.generated["tolerance"].values()),
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True).replace("</", "<\\/")
    return environment.get_template("page.html").render(content, data=Markup(text)) + "\n"


def _page_facts(results: Results) -> Row:
    """What the page says of its results as a whole."""
    costs = table_or_empty(results.root / "cost.csv")
    return {
        "title": results.title,
        "about": "; ".join(describe_results(results, planned_words(results, results.datasets), results.datasets)) + ".",
        "spent": f"{len(costs)} trainings, {core_hours(costs):.2f} core-hours",
        "evidence": results.evidence,
        "no_evidence": NO_EVIDENCE,
        "origins": _origins(costs),
    }


def _found(results: Results) -> Row:
    """What was found of the paper: its claims, scores, tables and figures."""
    judged = check_rows(results)
    return {
        "checks": judged,
        "claims": claim_rows(results, judged),
        "groups": by_verdict(results),
        **_beyond(results),
        "scores": [*points(results), *leakage_points(results)],
        "metrics": list(METRIC_LABELS.values()),
        "findings": [finding.sentence for finding in errata.findings(results.config)],
        "figures": [_figure(drawn, path) for drawn, path in _drawn(results) if path.exists()],
        **_tables(results),
    }


def _beyond(results: Results) -> Row:
    """Collect the exploratory findings and what each verdict depends on."""
    explored = table_or_empty(results.root / "exploratory.csv")
    judged = table_or_empty(results.root / "verdict_sensitivity.csv")
    return {
        "explored": exploratory.tables(Gathered(results), explored),
        "explored_notes": exploratory.NOTES,
        "sensitivity": verdict_sensitivity.table(judged) if len(judged) else None,
    }


def _part(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def marked(text: str) -> Markup:
    """Text with `code` in backquotes, escaped."""
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(str(text), quote=False)))


# ------------------------------------------------------------------------------------------------------------- tables
def _tables(results: Results) -> Row:
    return {
        "table3": _scores_sheet(table_or_empty(results.root / "tables/table3.csv")),
        "related": _scores_sheet(table_or_empty(results.root / "tables/related.csv")),
        "stage_a": _rows(results, "tables/stage_a.csv"),
        "differences": differences_table(results)[1],
        "variants": _variants(table_or_empty(results.root / "sensitivity/verdicts.csv")),
    }


def _rows(results: Results, name: str) -> list[Row]:
    """A table's rows, None where a cell is empty."""
    table = table_or_empty(results.root / name)
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")]


def _scores_sheet(table: pd.DataFrame) -> list[list[list[str]]]:
    """The rows of Table 3 or R as their files for reading have them.

    A cell has a line or two.
    """
    if table.empty:
        return []
    cells = table[~table["missing"]].astype(object)
    grouped = cells.where(cells.notna(), None).groupby(["system", "variant", "code", "k"], sort=False)
    models: list[Any] = [group.to_dict("records") for _, group in grouped]
    models.sort(key=lambda model: {True: 0, False: 1}.get(model[0]["headline"], 2))  # baselines have none: the last
    return [[cell.split("\n") for cell in model_row(model)] for model in models]


def _variants(table: pd.DataFrame) -> list[Row]:
    """Count the checks that agree with each claim in each variant.

    A row is a claim. The variants are those of the sensitivity study.
    """
    return [
        {
            "claim": claim,
            "cells": [
                {"variant": row["variant"], "words": f"{row['agree']} of {row['measured']}"}
                | {"verdict": VERDICT_WORDS[row["verdict"]] if row["n"] >= row["needs"] else ""}
                for _, row in of_claim.iterrows()
            ],
        }
        for claim, of_claim in (table.groupby("claim", sort=False) if len(table) else ())
    ]


def _origins(costs: pd.DataFrame) -> list[Row]:
    if costs.empty:
        return []
    return [{**row, "label": label(str(row["system"]))} for _, row in origins(costs).iterrows()]


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


# ----------------------------------------------------------------------------------------------- data sets and figures
def data_note(results: Results, name: str) -> str:
    """Describe a data set in sentences.

    They say who drew it, what its factors are, and whether it may be passed on.
    """
    row, source = dataset_row(name), results.dataset_settings(name)["source"]
    drawn = {"dsprites": dsprites, "digits": digits, "faces": faces}.get(name)
    words = [f"{data_words(results, name)[:1].upper()}{data_words(results, name)[1:]}"]
    if source == "procedural" and drawn is not None:
        factors = zip(drawn.FACTORS.names, drawn.FACTORS.sizes, strict=True)
        n = results.dataset_settings(name).get("n") or drawn.N
        words[0] += f": {number(n)} images drawn by this project"
        words.append("Factors and their numbers of values: " + ", ".join(f"{f} {size}" for f, size in factors))
    words.append(
        "Images and weights may be passed on" if row.redistributable else "Neither images nor weights may be passed on"
    )
    return ". ".join(words) + "."


def _drawn(results: Results) -> list[tuple[Drawn, Path]]:
    """List every figure and its file.

    Figures 5 to 8 appear singly only where no figure shows their systems side by side.
    """
    paths = {name: results.root / "figures" / f"{name}.png" for name in all_figures(results)}
    alone = configuration.picture_figures(results.config, results.preset)
    beside = {name for name, (data, _) in alone.items() if paths[f"figure_{data}"].exists()}
    return [(drawn, paths[name]) for name, drawn in all_figures(results).items() if name not in beside]


def _figure(drawn: Drawn, path: Path) -> Row:
    """Describe a figure with its exact pixels and its size on the page.

    The command that made it is included.
    """
    return {"title": drawn.title, "shows": drawn.shows, "command": drawn.command, **_picture(path.read_bytes())}


@lru_cache(maxsize=32)
def _picture(png: bytes) -> Row:
    with Image.open(io.BytesIO(png)) as image:
        inches = round(image.width / image.info["dpi"][0], 2)
        size = {"width": image.width, "height": image.height, "inches": inches}
        return size | {"image": webp(image.convert("RGB"))}
