"""Figures 5 to 8 of the paper; PNG, PDF and CSV as of Figures 1 to 4.

Figures 5 and 7 show InfoGAN-CR, 6 and 8 IDGAN-SC. The code for each row is chosen by measurement, never by eye.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import Run, dataset_row
from idgan_sc.evaluation.gather import read_leakage
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded
from idgan_sc.report.figures import canvas
from idgan_sc.report.figures.canvas import WORDS, _runs

BY_INFORMATION = "codes chosen by mutual information with the factor, shown as its share of the factor's entropy"
BY_RESPONSE = "codes chosen by how much they move the factor, shown in SD of real images within a digit"
BY_STAND_IN = "codes chosen by how much they move the factor, as read by a network that learned it from drawn faces"
NO_STYLE = "style has no measure on real digits: the pixels that a code changes take its place"
CHOSEN = {"morphometrics": f"{BY_RESPONSE}; {NO_STYLE}", "stand-in": BY_STAND_IN}  # else BY_INFORMATION


# ------------------------------------------------------------------------------------------------------- Figures 5 to 8
def _digits(results: Results, name: str, data: str, system: str) -> list[Path]:
    """Figures 5 and 6: a panel a factor, a row a digit; the factor's code sweeps, all else stays."""
    run, arrays = _panels(results, data, system)
    images, values = arrays["images"], arrays["values"]  # (P, R, S, C, H, W), (S,)
    table = read_leakage(results, run)
    margin, gap, head = 0.36, 0.16, 0.42  # inches: row labels, between panels, a panel's title
    across = (canvas.TEXT - margin - gap - 0.06) / 2
    step = across / len(values)
    high = len(images) * step + head
    fig, ax = canvas.canvas(canvas.TEXT, 2 * high + canvas.BOTTOM + 0.2)
    top = ax.get_ylim()[1]
    shown = []
    for r, row in enumerate(arrays["rows"]):
        left, y0 = margin + (r % 2) * (across + gap), top - (r // 2) * high
        association = _association(table, row, int(arrays["codes"][r]))
        _panel_title(ax, left, y0 - 0.13, row, int(arrays["codes"][r]), association, data)
        for s, value in enumerate(values):
            canvas.put_text(ax, left + (s + 0.5) * step, y0 - 0.3, _signed(value), size=5.5, color=canvas.GREY)
        for p, digit in enumerate(arrays["anchors"]):
            y = y0 - head - (p + 1) * step + 0.04
            if r % 2 == 0:
                canvas.put_text(ax, margin - 0.17, y + step / 2 + 0.04, f"{digit}", weight="bold", size=8)
                canvas.put_text(
                    ax,
                    margin - 0.17,
                    y + step / 2 - 0.08,
                    f"{arrays['certainty'][p]:.2f}",
                    size=5.5,
                    color=canvas.GREY,
                )
            for s, value in enumerate(values):
                canvas.put_image(ax, images[p, r, s], left + s * step, y, step - 0.02)
                about = {"row": row, "code": int(arrays["codes"][r]) + 1, "association": association, "digit": digit}
                shown.append(about | {"value": round(float(value), 6)} | canvas.contents(images[p, r, s]))
    clear = "a row starts from the generated image that a classifier is surest of (its probability below the digit)"
    words = [*canvas.of_run(run), _held_out(table, data), clear, CHOSEN.get(dataset_row(data).reading, BY_INFORMATION)]
    canvas.below(fig, results, words, [data])
    return canvas.save(fig, results, name, pd.DataFrame(shown), [data])


def _faces(results: Results, name: str, data: str, system: str) -> list[Path]:
    """Figures 7 and 8: a row a factor; its code sweeps, all else stays."""
    run, arrays = _panels(results, data, system)
    images, values = arrays["images"][0], arrays["values"]  # (R, S, C, H, W)
    table = read_leakage(results, run)
    step = (canvas.TEXT - canvas.LEFT - 0.03) / len(values)
    fig, ax = canvas.canvas(canvas.TEXT, canvas.TOP + len(images) * step + canvas.BOTTOM + 0.1)
    top = ax.get_ylim()[1] - canvas.TOP
    shown = []
    for r, row in enumerate(arrays["rows"]):
        y, code = top - (r + 1) * step + 0.03, int(arrays["codes"][r])
        association = _association(table, row, code)
        canvas.put_text(
            ax, canvas.LEFT - 0.08, y + step / 2, WORDS.get(row, row), ha="right", va="bottom", weight="bold"
        )
        detail = f"code {code + 1}, {_strength(association, data)}"
        canvas.put_text(
            ax, canvas.LEFT - 0.08, y + step / 2 - 0.02, detail, ha="right", va="top", size=6, color=canvas.GREY
        )
        for s, value in enumerate(values):
            canvas.put_image(ax, images[r, s], canvas.LEFT + s * step, y, step - 0.03)
            about = {"row": row, "code": code + 1, "association": association, "value": round(float(value), 6)}
            shown.append(about | canvas.contents(images[r, s]))
    for s, value in enumerate(values):
        canvas.put_text(ax, canvas.LEFT + (s + 0.5) * step, top + 0.05, _signed(value), va="bottom")
    canvas.put_text(
        ax, canvas.LEFT - 0.08, top + 0.05, "value of the code", ha="right", va="bottom", size=6, color=canvas.GREY
    )
    canvas.below(fig, results, [*canvas.of_run(run), CHOSEN.get(dataset_row(data).reading, BY_INFORMATION)], [data])
    return canvas.save(fig, results, name, pd.DataFrame(shown), [data])


def _panel_title(ax: Any, x: float, y: float, row: str, code: int, association: float, data: str) -> None:
    canvas.put_text(ax, x, y, WORDS.get(row, row), ha="left", weight="bold", size=8)
    canvas.put_text(
        ax, x + 0.7, y, f"code {code + 1}, {_strength(association, data)}", ha="left", size=6, color=canvas.GREY
    )


def _strength(association: float, data: str) -> str:
    return f"{association:.2f} SD" if dataset_row(data).reading in CHOSEN else f"{association:.0%}"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


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


def _held_out(table: pd.DataFrame, data: str) -> str:
    """How well the classifier that finds the digits does on images it was not trained on."""
    found = table[(table.measure == "held_out") & (table.factor == "digit")]["value"]
    return f"digits told by a classifier, {found.iloc[0]:.1%} right on held-out images of {dataset_row(data).title}"
