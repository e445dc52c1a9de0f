"""Draw Figures 1 and 4 of the paper.

InfoGAN-CR is beside IDGAN-SC, each with true images. The files are PNG, PDF, CSV and caption.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from idgan_sc.config import DATASET, Run
from idgan_sc.files import DataError
from idgan_sc.records.pictured import shown_data, shown_systems
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded
from idgan_sc.report.figures import strips
from idgan_sc.report.figures.canvas import WORDS, save
from idgan_sc.report.figures.strips import WEAK, Column, Panel, Strip, range_words, true_images, true_sweep
from idgan_sc.report.words import label, seeds_words

PAIR_ROWS = ("scale", "orientation")  # rows of Figure 1
TRAVERSAL_ROWS = ("scale", "shape", "x", "y", "orientation")  # rows of Figure 4
PAIRS = 3  # pairs a row of Figure 1
PAIR_IMAGES = ("base", "x₁", "x₂")
TRUE_PAIRS = np.array([[0, 3, 5, 10, 20], [1, 4, 12, 16, 12], [2, 3, 20, 22, 18]])  # classes of the base images
ARRAYS = ("values", "images", "pairs", "association", "factor_names")
Arrays = dict[str, np.ndarray]
ASSIGNED = "No code stands for two factors: of all assignments, this one has the largest sum of percentages."


# ------------------------------------------------------------------------------------------------------------- figures
def figure1(results: Results) -> list[Path]:
    """Figure 1: pairs of images differ in one code, beside true pairs.

    The pairs are of InfoGAN-CR and IDGAN-SC. The true pairs differ in one factor: size, then rotation.
    """
    return _beside(results, "figure1", PAIR_ROWS, _pairs, [
        "Pairs of images x₁ and x₂ that differ in one code, each beside the image that it was made from.",
        "The code is the one that stands for the factor.",
        strips.NAMES, strips.SHARE, ASSIGNED,
    ])  # fmt: skip


def figure4(results: Results) -> list[Path]:
    """Figure 4: each panel sweeps the code of one factor, beside true images.

    The traversals are of InfoGAN-CR and IDGAN-SC. The code that stands for the factor changes, and all else
    stays. In the second protocol IDGAN-SC is without β-VAE, and every factor has a panel.
    """
    data = shown_data(results)
    return _beside(results, "figure4", TRAVERSAL_ROWS if data == DATASET else (), partial(_sweep, data), [
        "What one code does: it takes the values above the images, and all else stays. A panel is a factor, and the "
        "code is the one that stands for it.",
        *([strips.NAMES] if data in strips.DRAWN else []), strips.SHARE, ASSIGNED,
    ])  # fmt: skip


Shown = Callable[["FactorRow", Arrays], tuple[np.ndarray | None, np.ndarray, list[dict[str, Any]]]]


def _beside(results: Results, name: str, factors: tuple[str, ...], shown: Shown, caption: list[str]) -> list[Path]:
    """Draw a figure with one column for each system.

    `factors` are the rows, all of the data set if there are none. `shown` returns the true images of a factor, the
    generated ones, and what tells each apart.
    """
    columns, data, systems = [], shown_data(results), shown_systems(results)
    for system in systems:
        run, arrays = _traversal(results, data, system)
        names = [str(factor) for factor in arrays["factor_names"]]
        rows = assign(arrays["association"], names, factors or tuple(names))
        panels = [_panel(system, row, *shown(row, arrays)) for row in rows]
        sweep = name == "figure4"
        heads = tuple(map(strips.value, arrays["values"])) if sweep else PAIR_IMAGES * PAIRS
        columns.append(Column(system, heads, panels, group=len(heads) if sweep else len(PAIR_IMAGES)))
        caption = [*caption, range_words(system, results.settings(run), arrays["values"])] if sweep else caption
    fig, drawn = strips.draw(results, columns)
    seed = f"{' and '.join(map(label, systems))}: seed {results.seeds(data)[0]} of each."
    return save(fig, results, name, pd.DataFrame(drawn), [*caption, seed], seeds_words(1), [data])


def _panel(
    system: str, row: "FactorRow", true: np.ndarray | None, made: np.ndarray, table_columns: list[dict[str, Any]]
) -> Panel:
    of_true = {"system": "true", "row": row.table_columns()["row"], "factor": row.factor}
    both = [] if true is None else [Strip("true", true, [of_true] * len(true))]
    both.append(Strip("made", made, [{"system": system, **row.table_columns(), **each} for each in table_columns]))
    return Panel(row.factor, f"code {row.dimension + 1}, {row.association:.0%}", row.association < WEAK, both)


def _pairs(row: "FactorRow", arrays: Arrays) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    images = arrays["pairs"][row.dimension][:PAIRS]  # (P, 3, C, H, W)
    classes = TRUE_PAIRS.repeat(len(PAIR_IMAGES), axis=0)
    factors = strips.DRAWN[DATASET][0]
    k = factors.names.index(row.factor)
    last = factors.sizes[k] - 1
    classes[1::3, k], classes[2::3, k] = [last // 6, last // 3, 0], [last, last // 2, last // 4]
    table_columns = [{"pair": pair + 1, "image": image} for pair in range(len(images)) for image in PAIR_IMAGES]
    return true_images(DATASET, classes, images.shape[-1]), images.reshape(-1, *images.shape[2:]), table_columns


def _sweep(data: str, row: "FactorRow", arrays: Arrays) -> tuple[np.ndarray | None, np.ndarray, list[dict[str, Any]]]:
    images = arrays["images"][0, row.dimension]  # (S, C, H, W)
    true = true_sweep(data, row.factor, len(images), images.shape[-1])
    return true, images, [{"value": round(float(value), 6), "anchor": 1} for value in arrays["values"]]


# ------------------------------------------------------------------------------------------------- codes and factors
@dataclass(frozen=True)
class FactorRow:
    """Hold a factor and the code that stands for it.

    `dimension` counts from 0 here and from 1 in print.
    """

    factor: str
    dimension: int
    association: float

    def table_columns(self) -> dict[str, Any]:
        row = WORDS.get(self.factor, self.factor)
        return {"row": row, "factor": self.factor, "code": self.dimension + 1, "association": self.association}


def assign(association: np.ndarray, names: list[str], factors: tuple[str, ...]) -> list[FactorRow]:
    """Assign one code to each of `factors` with the largest sum of associations.

    No code is used twice. `association` is (k, K), with a column for each of `names` (K,).

    >>> [row.dimension for row in assign(np.array([[0.9, 0.8], [0.7, 0.1]]), ["x", "y"], ("x", "y"))]
    [1, 0]
    """
    absent = [factor for factor in factors if factor not in names]
    if absent:
        raise DataError(f"the traversal has no association with {', '.join(absent)}: traverse the run again")
    columns = association[:, [names.index(factor) for factor in factors]]  # (k, F)
    if len(columns) < len(factors):
        raise DataError(f"{len(columns)} codes cannot stand for {len(factors)} factors")
    dimensions, order = linear_sum_assignment(columns, maximize=True)
    code_of = dict(zip(order.tolist(), dimensions.tolist(), strict=True))
    return [FactorRow(f, code_of[i], float(columns[code_of[i], i])) for i, f in enumerate(factors)]


def _traversal(results: Results, data: str, system: str) -> tuple[Run, Arrays]:
    run = results.run(data, system, "main", results.seeds(data)[0])
    path = results.find(run, "traversal.npz")
    arrays = read_recorded(path, f"train {run}, then run `idgan-sc traverse`")
    absent = [name for name in ARRAYS if name not in arrays]
    if absent:
        raise DataError(f"{path} is damaged (no {', '.join(absent)}): delete it and run `idgan-sc traverse` again")
    return run, arrays
