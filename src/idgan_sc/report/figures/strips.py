"""Lay out the strips of images of Figures 1 and 4 to 8.

Each panel is a factor, in two columns. True images stand beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc.config import Settings
from idgan_sc.data import digits, dsprites, faces, rooms
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import (
    COLOURS,
    FAINT,
    LARGE,
    MARKERS,
    TEXT,
    WORDS,
    contents,
    drawing,
    put_images,
    put_text,
)
from idgan_sc.report.words import label, places

WEAK = 0.05  # share of a factor's entropy below which no code stands for the factor
SIDE, BETWEEN, GROUP = 0.36, 0.12, 0.08  # left of the images; between columns; between groups of images
HEAD, TITLE, GAP = 0.40, 0.19, 0.06  # above a column; above a panel; below it
NAMES = "True: images of the data's own renderer, in which the named factor alone changes."
SHARE = (
    "A percentage is the mutual information of code and factor on real images, as a share of the factor's entropy. "
    "Grey names: the share is below 5 %, so that no code stands for this factor."
)


@dataclass(frozen=True)
class Panel:
    """A factor and the strips that show it."""

    factor: str
    detail: str  # which code stands for it, and how well
    weak: bool
    strips: Sequence["Strip"]


@dataclass(frozen=True)
class Strip:
    """Hold images (S, C, H, W) that stand side by side.

    It also has what stands left of them and what the table says of each.
    """

    name: str
    images: np.ndarray
    table_columns: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Column:
    """Panels of one system below each other; `heads` stand above the images."""

    system: str
    heads: Sequence[str]
    panels: Sequence[Panel]
    named: bool = True  # whether the system's name stands above
    group: int = 1000  # images between two wider gaps

    @property
    def height(self) -> float:
        return HEAD + sum(TITLE + GAP + len(panel.strips) * self.step for panel in self.panels)

    @property
    def step(self) -> float:
        """Return the width of an image and the gap beside it.

        With this width, two columns fill the page.
        """
        groups = (len(self.heads) - 1) // self.group
        return ((TEXT - BETWEEN) / 2 - SIDE - groups * GROUP) / len(self.heads)


def draw(results: Results, columns: Sequence[Column]) -> tuple[Figure, list[dict[str, Any]]]:
    """Draw the figure and return one row for each image in it.

    A row has the system, the factor, and what tells the image from others.
    """
    fig, ax = drawing(results, max(column.height for column in columns))
    rows: list[dict[str, Any]] = []
    for i, column in enumerate(columns):
        left, y = i * (TEXT + BETWEEN) / 2, ax.get_ylim()[1]
        _head(ax, column, left, y)
        y -= HEAD
        for panel in column.panels:
            y -= _panel(ax, column, panel, left, y, rows)
    return fig, rows


def _at(column: Column, left: float, s: int) -> float:
    return left + SIDE + s * column.step + s // column.group * GROUP


def _head(ax: Axes, column: Column, left: float, top: float) -> None:
    if column.named:
        style = {"color": COLOURS[column.system], "size": LARGE, "weight": "bold", "ha": "left"}
        put_text(ax, left + SIDE + 0.14, top - 0.1, label(column.system), **style)
        ax.plot(left + SIDE + 0.05, top - 0.1, MARKERS[column.system], color=COLOURS[column.system], markersize=5)
    for s, head in enumerate(column.heads):
        put_text(ax, _at(column, left, s) + column.step / 2, top - HEAD + 0.07, head)


def _panel(ax: Axes, column: Column, panel: Panel, left: float, top: float, rows: list[dict[str, Any]]) -> float:
    """Draw a panel with its upper left corner at (left, top); its height."""
    colour = FAINT if panel.weak else "black"
    right = _at(column, left, len(column.heads) - 1) + column.step
    put_text(
        ax,
        left + SIDE,
        top - 0.1,
        WORDS.get(panel.factor, panel.factor),
        ha="left",
        weight="bold",
        size=LARGE,
        color=colour,
    )
    put_text(ax, right - 0.02, top - 0.1, panel.detail, ha="right", color=colour)
    y = top - TITLE
    for strip in panel.strips:
        y -= column.step
        put_text(ax, left + SIDE - 0.05, y + column.step / 2, strip.name, ha="right")
        for s in range(0, len(strip.images), column.group):
            put_images(ax, strip.images[s : s + column.group], _at(column, left, s), y, column.step)
        rows += [
            table_columns | contents(image)
            for image, table_columns in zip(strip.images, strip.table_columns, strict=True)
        ]
    return TITLE + GAP + len(panel.strips) * column.step


# --------------------------------------------------------------------------------------------------------- true images
@cache
def _rooms() -> rooms.Composed:
    return rooms.Composed(np.concatenate(list(rooms.views())), rooms.colours())


def _draw_rooms(classes: np.ndarray) -> np.ndarray:
    return _rooms()[np.ravel_multi_index(classes.T.tolist(), rooms.FACTORS.sizes)]


Render = Callable[[np.ndarray], np.ndarray]
DRAWN: dict[str, tuple[Any, Render]] = {  # data sets that this project draws: their factors, and images (n, H, W, C)
    "dsprites": (dsprites.FACTORS, lambda classes: 255 * dsprites.render(classes)[..., None]),
    "digits": (digits.FACTORS, digits.render),
    "faces": (faces.FACTORS, faces.render),
    "rooms": (rooms.FACTORS, _draw_rooms),
}


def true_images(data: str, classes: np.ndarray, size: int) -> np.ndarray:
    """Draw true images (n, C, size, size) of `classes` (n, K), as bytes.

    They are made smaller in the same way as a data set's own images.
    """
    images = DRAWN[data][1](classes)
    if images.shape[1] == 2 * size:
        n, _, _, channels = images.shape
        images = images.reshape(n, size, 2, size, 2, channels).mean((2, 4)).round()
    border = (images.shape[1] - size) // 2
    kept = slice(border, images.shape[1] - border)
    return images[:, kept, kept].astype(np.uint8).transpose(0, 3, 1, 2)


def true_sweep(data: str, factor: str, n: int, size: int, **fixed: int) -> np.ndarray | None:
    """Draw images (n, C, size, size) in which a factor takes its whole range.

    The result is None if nothing can draw them. `fixed` has the classes of other factors. Factors that it does
    not name have the middle of their range.
    """
    if data not in DRAWN or factor not in DRAWN[data][0].names:
        return None
    factors = DRAWN[data][0]
    middle = [fixed.get(name, count // 2) for name, count in zip(factors.names, factors.sizes, strict=True)]
    classes = np.repeat([middle], n, axis=0)
    k = factors.names.index(factor)
    classes[:, k] = np.linspace(0, factors.sizes[k] - 1, n).round()
    return true_images(data, classes, size)


# --------------------------------------------------------------------------------------------------------------- words
def value(number: float) -> str:
    return places(number, 1)


def range_words(system: str, settings: Settings, values: np.ndarray) -> str:
    """Where a system's codes come from, and how much of that a sweep covers."""
    low, high = value(values[0]), value(values[-1])
    if settings["code"] == "vae":
        where_from = "takes its codes from the posterior of the β-VAE, whose prior is the standard normal distribution"
    elif settings["prior"] == "uniform":
        return f"{label(system)} draws its codes evenly from {low} to {high}, so that the sweep is their whole range."
    else:
        where_from = "draws its codes from the standard normal distribution"
    return (
        f"{label(system)} {where_from}; the sweep from {low} to {high} is two of its standard deviations to each side."
    )
