"""Draw Figures 5 to 8 of the paper.

InfoGAN-CR and IDGAN-SC are drawn apart, as in the paper, and side by side. The code for each panel is chosen
by measurement, never by eye.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import Run, dataset_row
from idgan_sc.evaluation.gather import read_leakage
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded
from idgan_sc.report.figures import strips
from idgan_sc.report.figures.canvas import _runs, save
from idgan_sc.report.figures.strips import WEAK, Column, Panel, Strip, range_words, true_sweep
from idgan_sc.report.words import label, places, seeds_words

BY_RESPONSE = (
    "SD: how much the code moves the factor, in standard deviations of real images of one digit. Style has no measure "
    "on real digits: the pixels that a code changes take its place."
)
BY_STAND_IN = (
    "SD: how much the code moves the factor, in standard deviations of real images, as read by a network that learned "
    "the factor from drawn faces."
)
CHOSEN = {"morphometrics": BY_RESPONSE, "stand-in": BY_STAND_IN}  # else a share of entropy


def picture_figure(results: Results, name: str, data: str, systems: tuple[str, ...]) -> list[Path]:
    """Each panel shows what the code of one factor changes in generated images.

    The images are of one data set. They stand below true images if those can be drawn.
    """
    shown = [(system, *_panels(results, data, system)) for system in systems]
    columns = [
        Column(system, tuple(map(strips.value, arrays["values"])), _factors(results, run, arrays))
        for system, run, arrays in shown
    ]
    fig, rows = strips.draw(results, columns if len(columns) > 1 else _two(columns[0]))
    caption = [
        "What one code does: it takes the values above the images, and all else stays. A panel is a factor, and the "
        "code is the one that stands for it.",
        *(
            [strips.NAMES]
            if data in strips.DRAWN
            else ["These data have no known factors, so that no true row is drawn."]
        ),
        CHOSEN.get(dataset_row(data).reading, strips.SHARE),
        *(range_words(system, results.settings(run), arrays["values"]) for system, run, arrays in shown),
    ]
    if dataset_row(data).from_digits:
        table = read_leakage(results, shown[0][1])
        least = min(float(arrays["certainty"].min()) for _, _, arrays in shown)
        caption.append(_digits(table, data, least))
    caption.append(f"{' and '.join(label(system) for system in systems)}: seed {shown[0][1].seed}.")
    return save(fig, results, name, pd.DataFrame(rows), caption, seeds_words(1), [data])


def _two(column: Column) -> list[Column]:
    """The panels of one system in two columns, its name above the first."""
    half = -(-len(column.panels) // 2)
    first = Column(column.system, column.heads, column.panels[:half])
    return [first, Column(column.system, column.heads, column.panels[half:], named=False)]


def _factors(results: Results, run: Run, arrays: dict[str, Any]) -> list[Panel]:
    """A panel a factor: a true strip, and one of the generator for each anchor."""
    table, values = read_leakage(results, run), arrays["values"]
    panels = []
    for r, row in enumerate(arrays["rows"]):
        code, images = int(arrays["codes"][r]), arrays["images"][:, r]  # (P, S, C, H, W)
        association = _association(table, row, code)
        key_columns = {"system": run.system, "row": row, "code": code + 1, "association": association}
        made = []
        for digit, strip in zip(arrays["anchors"], images, strict=True):
            of_digit = key_columns | ({"digit": int(digit)} if digit >= 0 else {})
            each = [of_digit | {"value": round(float(value), 6)} for value in values]
            made.append(Strip(f"{digit}" if digit >= 0 else "made", strip, each))
        fixed = {"digit": int(arrays["anchors"][0])} if arrays["anchors"][0] >= 0 else {}
        true = true_sweep(run.dataset, row, len(values), images.shape[-1], **fixed)
        above = [] if true is None else [Strip("true", true, [{"system": "true", "row": row}] * len(true))]
        in_sd = dataset_row(run.dataset).reading in CHOSEN
        strength = f"{places(association)} SD" if in_sd else f"{association:.0%}"
        weak = not in_sd and association < WEAK
        panels.append(Panel(row, f"code {code + 1}, {strength}", weak, [*above, *made]))
    return panels


def _panels(results: Results, data: str, system: str) -> tuple[Run, dict[str, Any]]:
    run = _runs(results, data, system)[0]
    results.refuse_others([run], ["panels.npz"], "evaluation")
    arrays = read_recorded(results.find(run, "panels.npz"), f"run `idgan-sc leakage` for {run}")
    absent = {"images", "anchors", "certainty", "rows", "codes", "values"} - arrays.keys()
    if absent:
        raise DataError(f"the panels of {run} lack {', '.join(sorted(absent))}: run `idgan-sc leakage` again")
    return run, arrays | {"rows": [str(row) for row in arrays["rows"]]}


def _association(table: pd.DataFrame, row: str, code: int) -> float:
    found = table[(table.measure == "association") & (table.factor == row) & (table.code == code + 1)]
    return float(found["value"].iloc[0])


def _digits(table: pd.DataFrame, data: str, least: float) -> str:
    """Say where the rows of digits start and how good the classifier is.

    The classifier finds the digits. It is tested on images it never saw.
    """
    found = table[(table.measure == "held_out") & (table.factor == "digit")]["value"]
    return (
        "A digit's row starts from the generated image that a classifier is surest of (probability at least "
        f"{places(least)}); the classifier is right in {found.iloc[0]:.1%} of held-out images."
    )
