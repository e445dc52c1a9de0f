"""Figures 1 to 4 of the paper as PNG and PDF, with the numbers they show as CSV.

Each figure is a function of the configuration and the files below `root`, the results of one preset. Figures 1, 2 and 4
are laid out in inches on one canvas, Figure 3 on axes. A line below each says what it was made from.
"""

import hashlib
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from scipy.optimize import linear_sum_assignment

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.files import DataError, write_atomic
from idgan_sc.provenance import artifact
from idgan_sc.stats import LEVEL, MIN_N, summary
from idgan_sc.tables import (
    DATASET,
    NO_EVIDENCE,
    PROTOCOL,
    about,
    data_words,
    label,
    number,
    places,
    read_floor,
    read_scores,
    seeds_range,
    seeds_words,
)

COLOURS = {  # of a system, the same in every figure; Okabe and Ito's palette, told apart by the colour-blind
    "beta_vae": "#000000",
    "factor_vae": "#E69F00",
    "infogan": "#0072B2",
    "infogan_cr": "#D55E00",
    "idgan_sc_prior": "#009E73",
    "idgan": "#56B4E9",
    "idgan_sc": "#CC79A7",
}
GREY, LIGHT = "#555555", "#BBBBBB"
COLUMN, TEXT = 3.4, 7.0  # inches: one column, both columns
LEFT, TOP, BOTTOM = 0.98, 0.22, 0.32  # inches of a figure of images: row labels, column labels, the line below
SMALL = 5.5  # points, of the line below a figure
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # fonts embedded as TrueType
}
METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
DPI = 300

FACTOR_WORDS = {"scale": "size", "orientation": "rotation"}  # the paper's words where the data's differ
PAIR_ROWS = ("scale", "orientation")  # rows of Figure 1
TRAVERSAL_ROWS = ("scale", "shape", "x", "y", "orientation")  # rows of Figure 4
PAIRS = 4  # pairs a row of Figure 1
PAIR_IMAGES = ("base", "x₁", "x₂")


# ------------------------------------------------------------------------------------------------------------- figures
def figure1(config: Config, preset: str, root: Path) -> list[Path]:
    """Figure 1: pairs of IDGAN-SC images that differ in one code; row 1 the code that stands for size, row 2 for
    rotation (no code twice, their associations largest in sum).
    """
    run, arrays = _traversal(config, preset, root)
    images = arrays["pairs"]  # (k, P, 3, C, H, W)
    rows = assign(arrays["association"], _names(arrays), PAIR_ROWS)
    n_pairs = min(images.shape[1], PAIRS)
    gap, group = 0.02, 0.14  # inches between images and between pairs
    size = (TEXT - LEFT - 0.06 - (n_pairs - 1) * group) / (3 * n_pairs) - gap
    fig, ax = canvas(TEXT, TOP + len(rows) * (size + 0.06) + BOTTOM)
    shown = []
    for r, row in enumerate(rows):
        y = ax.get_ylim()[1] - TOP - r * (size + 0.06) - size
        _row_label(ax, y + size / 2, row)
        for pair, i in np.ndindex(n_pairs, len(PAIR_IMAGES)):
            x = LEFT + pair * (3 * (size + gap) + group) + i * (size + gap)
            tile = images[row.dimension, pair, i]
            put_image(ax, tile, x, y, size)
            shown.append(row.about() | {"pair": pair + 1, "image": PAIR_IMAGES[i]} | contents(tile))
            if r == 0:
                put_text(ax, x + size / 2, y + size + 0.05, PAIR_IMAGES[i], va="bottom")
    below(fig, config, preset, [*of_run(run), f"percentage: {SHARE}"])
    return save(fig, config, preset, root, "figure1", pd.DataFrame(shown))


def figure2(config: Config, preset: str, root: Path) -> list[Path]:
    """Figure 2: the architecture, drawn from the layers of the networks that were trained."""
    run = _first_run(config, preset)
    networks = _networks(artifact(config, run, "networks.json", root))
    fig, ax = canvas(TEXT, 2.95)
    layers = _architecture(ax, networks)
    settings = configuration.resolve(config, run)
    size = f"{settings['image_size']}×{settings['image_size']} images"
    below(
        fig,
        config,
        preset,
        [
            *of_run(run),
            size,
            "c is drawn from the encoder's posterior; a line is a layer and its output, SN spectrally normalised",
        ],
    )
    return save(fig, config, preset, root, "figure2", pd.DataFrame(layers))


def figure3(config: Config, preset: str, root: Path) -> list[Path]:
    """Figure 3: FactorVAE score of the three arms of the ablation along stage B; below, what each adds to InfoGAN.

    Above, a point is the mean over seeds of each seed's mean over its evaluation draws; the band is ± 1 SD over seeds;
    one seed has none. Below, what an arm has more than InfoGAN from the same stage A, as the claims compare them: the
    seeds' own level, most of that SD, is taken off.
    """
    curves = arm_curves(config, root)
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(COLUMN, 4.0), dpi=DPI)
        ax = fig.add_axes((0.165, 0.48, 0.535, 0.5))
        ends = [end for system in config["reported"]["figure3"] for end in _arm(ax, config, curves, system)]
        ends += list(_floors(ax, curves))
        scores = [*curves["low"].fillna(curves["mean"]), *curves["high"].fillna(curves["mean"])]
        scores += [*config["reported"]["figure3"].values(), *curves[list(FLOOR_WORDS)].iloc[:1].stack()]
        ax.set_ylim(max(0.0, min(scores) - 0.04), min(1.0, max(scores) + 0.04))
        ax.set_ylabel("FactorVAE score")
        _direct_labels(ax, ends)
        under = fig.add_axes((0.165, 0.205, 0.535, 0.22), sharex=ax)
        _direct_labels(under, list(_differences(under, config, curves)))
        under.set_ylabel("above InfoGAN")
        under.set_xlabel("step of stage B")
        fig.align_ylabels([ax, under])
        ax.tick_params(labelbottom=False)
        ax.set_xlim(0, max([1, *curves["step"]]))
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(lambda value, _: number(round(value)))
    n = curves.groupby("system")["n"].max()
    draws = configuration.evaluation(config, preset)["draws"]
    words = [f"line: mean over seeds, {draws} evaluation draws each"]
    words += ["band: ± 1 SD over seeds" if (n > 1).any() else "one seed: no band"]
    words += [f"below: difference within a seed, band: {LEVEL:.0%} interval, from {MIN_N} seeds on"]
    below(fig, config, preset, [seeds_range(n.tolist()), *words])
    return save(fig, config, preset, root, "figure3", curves)


def figure4(config: Config, preset: str, root: Path) -> list[Path]:
    """Figure 4: IDGAN-SC traversals, a row a factor: the code that stands for it sweeps, all else stays (no code twice,
    their associations largest in sum).
    """
    run, arrays = _traversal(config, preset, root)
    images, values = arrays["images"], arrays["values"]  # (A, k, S, C, H, W), (S,)
    rows = assign(arrays["association"], _names(arrays), TRAVERSAL_ROWS)
    step = (TEXT - LEFT - 0.03) / len(values)
    size = step - 0.03
    fig, ax = canvas(TEXT, TOP + len(rows) * step + BOTTOM)
    top = ax.get_ylim()[1] - TOP
    shown = []
    for r, row in enumerate(rows):
        y = top - r * step - size
        _row_label(ax, y + size / 2, row)
        for s, value in enumerate(values):
            tile = images[0, row.dimension, s]
            put_image(ax, tile, LEFT + s * step, y, size)
            shown.append(row.about() | {"value": round(float(value), 6), "anchor": 1} | contents(tile))
    for s, value in enumerate(values):
        put_text(ax, LEFT + s * step + size / 2, top + 0.05, f"{value:.1f}".replace("-", "−"), va="bottom")
    put_text(ax, LEFT - 0.08, top + 0.05, "value of the code", ha="right", va="bottom", size=6, color=GREY)
    below(fig, config, preset, [*of_run(run), f"percentage: {SHARE}"])
    return save(fig, config, preset, root, "figure4", pd.DataFrame(shown))


FIGURES: dict[str, Callable[[Config, str, Path], list[Path]]] = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3": figure3,
    "figure4": figure4,
}


# ------------------------------------------------------------------------------------------------- codes and factors
SHARE = "mutual information of code and factor over the factor's entropy"


@dataclass(frozen=True)
class FactorRow:
    """A factor and the code that stands for it; `dimension` counts from 0 here and from 1 in what is printed."""

    factor: str
    dimension: int
    association: float

    def about(self) -> dict[str, Any]:
        word = FACTOR_WORDS.get(self.factor, self.factor)
        return {"row": word, "factor": self.factor, "code": self.dimension + 1, "association": self.association}


def assign(association: np.ndarray, names: list[str], factors: tuple[str, ...]) -> list[FactorRow]:
    """One code for each of `factors`, no code twice, so that the sum of their associations is largest.

    association: (k, K), of `names` (K,).

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


def _first_run(config: Config, preset: str) -> Run:
    return Run(preset, DATASET, "idgan_sc", "main", configuration.seeds(config, preset)[0])


def _traversal(config: Config, preset: str, root: Path) -> tuple[Run, dict[str, np.ndarray]]:
    run = _first_run(config, preset)
    path = artifact(config, run, "traversal.npz", root)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("values", "images", "pairs", "association", "factor_names")}
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: train {run}, then run `idgan-sc traverse`") from error
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `idgan-sc traverse` again") from error
    return run, arrays


def _names(arrays: dict[str, np.ndarray]) -> list[str]:
    return [str(name) for name in arrays["factor_names"]]


def contents(tile: np.ndarray) -> dict[str, Any]:
    """What tells one (C, H, W) image from another in a table."""
    return {"mean": round(float(tile.mean()) / 255, 6), "sha256": hashlib.sha256(tile.tobytes()).hexdigest()[:12]}


# -------------------------------------------------------------------------------------------------------------- curves
def arm_curves(config: Config, root: Path) -> pd.DataFrame:
    """Figure 3's points: a row an arm and step, with n, mean, sd and band over seeds; an arm without runs has none.

    `above` and its interval: mean over seeds of an arm's score less the first arm's of the same seed. Every row repeats
    the floor: what an untrained Q and the principal components of the pixels score, mean over seeds.
    """
    key = ["dataset", "system", "variant", "seed", "code", "step", "draw", "metric", "protocol"]
    points = read_scores(root / "curves.csv", key)
    about_points = {"dataset": DATASET, "variant": "main", "metric": "factor_vae", "protocol": PROTOCOL}
    wanted = np.logical_and.reduce([points[column] == value for column, value in about_points.items()])
    arms = {
        system: points[wanted & (points["system"] == system)].groupby(["step", "seed"])["value"].mean()
        for system in config["reported"]["figure3"]
    }
    first, rows = next(iter(arms)), []
    for system, of_seed in arms.items():
        above = (of_seed - arms[first]).dropna() if system != first else of_seed[:0]
        for step, values in of_seed.groupby("step"):
            s, more = summary(values), summary(above[above.index.get_level_values("step") == step])
            assert s.mean is not None
            band = (None, None) if s.sd is None else (s.mean - s.sd, s.mean + s.sd)
            level = config["reported"]["figure3"][system]
            rows.append((system, label(system), step, s.n, s.mean, s.sd, *band, level, more.mean, more.low, more.high))
    numbers = ["sd", "low", "high", "above", "above_low", "above_high"]
    columns = ["system", "label", "step", "n", "mean", *numbers[:3], "paper_level", *numbers[3:]]
    curves = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, float))
    floor = read_floor(root).query("metric == 'factor_vae' and variant == 'main'").groupby("system")["value"].mean()
    return curves.assign(**{name: floor.get(name, np.nan) for name in FLOOR_WORDS})


FLOOR_WORDS = {"untrained_q": "untrained Q", "pixel_components": "pixels' PCA"}
BELOW = -1.0  # a score under every axis: where an arm without runs is named


@dataclass
class EndLabel:
    """A text at the right end of what it names, at height `y` in the axes' data."""

    y: float
    text: str
    colour: str
    size: float


def _arm(ax: Axes, config: Config, curves: pd.DataFrame, system: str) -> Iterator[EndLabel]:
    """Draw an arm and its level in the paper; what is to be written at their right ends."""
    mine, colour = curves[curves["system"] == system], COLOURS[system]
    level = config["reported"]["figure3"][system]
    ax.axhline(level, color=colour, linewidth=0.7, dashes=(4, 3), zorder=1)
    yield EndLabel(level, f"paper {level:.2f}", colour, 6)
    name = label(system).replace(" (", "\n(")
    if mine.empty:
        yield EndLabel(BELOW, f"{name}\nmissing", GREY, 6.5)
        return
    ax.fill_between(mine["step"], mine["low"], mine["high"], color=colour, alpha=0.18, linewidth=0)
    ax.plot(mine["step"], mine["mean"], color=colour, marker="o", markersize=2.2, clip_on=False, zorder=3)
    yield EndLabel(float(mine["mean"].iloc[-1]), name, colour, 6.5)


def _differences(ax: Axes, config: Config, curves: pd.DataFrame) -> Iterator[EndLabel]:
    """Draw what each arm has more than the first, and what it has in the paper; what stands at their right ends."""
    (_, base), *others = config["reported"]["figure3"].items()
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=1)
    heights = [0.0]
    for system, level in others:
        mine, colour = curves[curves["system"] == system].dropna(subset="above"), COLOURS[system]
        ax.axhline(level - base, color=colour, linewidth=0.7, dashes=(4, 3), zorder=1)
        yield EndLabel(level - base, f"paper {_signed(level - base)}", colour, 6)
        heights += [level - base, *mine[["above", "above_low", "above_high"]].stack().dropna()]
        if len(mine):
            ax.fill_between(mine["step"], mine["above_low"], mine["above_high"], color=colour, alpha=0.18, linewidth=0)
            ax.plot(mine["step"], mine["above"], color=colour, marker="o", markersize=2.2, clip_on=False, zorder=3)
            end = float(mine["above"].iloc[-1])
            yield EndLabel(end, _signed(end), colour, 6.5)
    ax.set_ylim(min(heights) - 0.02, max(heights) + 0.02)


def _signed(value: float) -> str:
    """A difference with its sign: +0.08, −0.02."""
    return ("+" if value >= 0 else "") + places(value)


def _floors(ax: Axes, curves: pd.DataFrame) -> Iterator[EndLabel]:
    """Draw what learned nothing; what is to be written at the right ends."""
    for (name, words), dashes in zip(FLOOR_WORDS.items(), ((1, 1.5), (1, 3)), strict=True):
        if curves[name].notna().any():
            level = float(curves[name].iloc[0])
            ax.axhline(level, color=GREY, linewidth=0.7, dashes=dashes, zorder=1)
            yield EndLabel(level, f"{words} {level:.2f}", GREY, 6)


def _direct_labels(ax: Axes, ends: list[EndLabel]) -> None:
    """Write the labels right of the axes, moved apart where they would touch, with a line to what they name."""
    bottom, top = ax.get_ylim()
    height = ax.get_window_extent().height * 72 / DPI  # points
    ends = sorted(ends, key=lambda end: end.y)
    at = [(end.y - bottom) / (top - bottom) for end in ends]
    heights = [1.25 * end.size * (1 + end.text.count("\n")) / height for end in ends]
    for end, was, y in zip(ends, at, spread(at, heights), strict=True):
        line: dict[str, Any] = {"color": end.colour, "linewidth": 0.4, "clip_on": False, "transform": ax.transAxes}
        if was >= 0:
            ax.plot([1.015, 1.055], [was, y], **line)
        ax.text(1.065, y, end.text, color=end.colour, size=end.size, va="center", transform=ax.transAxes, linespacing=1)


def spread(at: list[float], heights: list[float]) -> list[float]:
    """Centres near the ascending `at`, moved so that boxes of these `heights` do not overlap and end within [0, 1].

    >>> spread([0.5, 0.5], [0.2, 0.2])
    [0.4, 0.6]
    """
    gaps = [(a + b) / 2 for a, b in pairwise(heights)]
    base = np.concatenate([[0.0], np.cumsum(gaps)])  # centres when stacked without a gap
    free = np.asarray(at) - base
    blocks: list[list[float]] = []
    for value in free:  # pool adjacent violators: the closest ascending sequence
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight = blocks.pop()
            before = blocks[-1]
            before[0], before[1] = (before[0] * before[1] + mean * weight) / (before[1] + weight), before[1] + weight
    moved = np.repeat([mean for mean, _ in blocks], [int(weight) for _, weight in blocks])
    low, high = heights[0] / 2, 1 - heights[-1] / 2 - base[-1]
    return [round(float(y), 12) for y in np.minimum(np.maximum(moved, low), max(low, high)) + base]


# -------------------------------------------------------------------------------------------------------- architecture
LAYER_WORDS = {
    "Conv2d": "conv",
    "SNConv2d": "SN conv",
    "SNConv5": "SN conv",
    "ConvTranspose2d": "deconv",
    "Deconv2d": "deconv",
    "WholeConv2d": "conv",
    "WholeDeconv2d": "deconv",
    "Linear": "linear",
    "SNLinear": "SN linear",
}
BLUE, GREEN, ORANGE, VIOLET = "#DCE9F5", "#DDF0E8", "#FBE6D4", "#F3E1EC"
LINE, PAD, BOX = 0.125, 0.07, 1.3  # inches: height of a line of text, margin in a box, width of a box


@dataclass(frozen=True)
class Box:
    """A network, or a part of one, as a box with a line a layer; (x, y) is its middle, in inches."""

    x: float
    y: float
    title: str
    lines: list[str]
    colour: str
    width: float = BOX

    @property
    def height(self) -> float:
        return (1 + len(self.lines)) * LINE + 2 * PAD

    @property
    def left(self) -> tuple[float, float]:
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y


def _networks(path: Path) -> dict[str, Any]:
    try:
        networks = json.loads(path.read_text(encoding="utf-8"))["networks"]
        missing = [player for player in ("encoder", "generator", "discriminator", "pair") if player not in networks]
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: train the run, then run `idgan-sc traverse`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `idgan-sc traverse` again") from error
    if missing:
        raise DataError(f"{path} has no {', '.join(missing)}: delete it and run `idgan-sc traverse` again")
    return dict(networks)


PARTS = {  # what is one box: the player, and how the names of its layers begin
    "encoder": ("encoder", ""),
    "G": ("generator", ""),
    "trunk": ("discriminator", "trunk."),
    "D": ("discriminator", "d"),
    "Q": ("discriminator", "q."),
    "E": ("pair", ""),
}
ARROWS = (("c", "G"), ("z", "G"), ("G", "trunk"), ("G", "E"), ("trunk", "D"), ("trunk", "Q"), ("E", "r"))


def _architecture(ax: Axes, networks: dict[str, Any]) -> list[dict[str, Any]]:
    """Draw the networks and what passes between them; the layers drawn, a row each."""
    layers = [row for part in PARTS for row in _weighted(networks, part)]
    boxes = _boxes(networks, layers, ax.get_ylim()[1])
    for box in boxes.values():
        _draw_box(ax, box)
    encoder = boxes["encoder"]
    _arrow(ax, (encoder.x, encoder.y - encoder.height / 2), boxes["c"].left, angle=True)
    for start, end in ARROWS:
        if end in boxes:
            _arrow(ax, boxes[start].right, boxes[end].left)
    return layers


def _boxes(networks: dict[str, Any], layers: list[dict[str, Any]], height: float) -> dict[str, Box]:
    """The boxes by name, in four columns; no box Q where the frozen encoder takes its place."""
    upper, lower = height - 0.7, height - 1.95
    middle = (upper + lower) / 2
    z_dim, c_dim = (shape[0] for shape in networks["generator"]["inputs"])
    image, r_dim = networks["discriminator"]["inputs"][0], networks["pair"]["layers"][-1]["shape"][0]
    x, pair = _shape(image), _shape([2 * image[0], *image[1:]])
    lines = {part: [_layer_line(row) for row in layers if row["part"] == part] for part in PARTS}
    boxes = {
        "encoder": Box(0.78, upper, "β-VAE encoder, frozen", [f"x: {x}", *lines["encoder"]], BLUE, 1.42),
        "c": Box(1.92, middle, f"c: {c_dim}", [], "white", 0.5),
        "z": Box(1.92, middle - 0.55, f"z: {z_dim}", [], "white", 0.5),
        "G": Box(3.07, middle - 0.2, "generator G", [f"(z, c): {z_dim + c_dim}", *lines["G"]], GREEN),
        "trunk": Box(4.82, upper, "trunk of D and Q", [f"x or G(z, c): {x}", *lines["trunk"]], ORANGE),
        "E": Box(4.82, lower, "pair network E", [f"(x₁, x₂): {pair}", *lines["E"]], VIOLET),
        "D": Box(6.3, upper + 0.32, "D: real or generated", lines["D"], ORANGE, 1.25),
        "Q": Box(6.3, upper - 0.32, "Q: the code c", lines["Q"], ORANGE, 1.25),
        "r": Box(6.3, lower, f"r: {r_dim}", [], "white", 1.25),
    }
    return {name: box for name, box in boxes.items() if name != "Q" or lines["Q"]}


def _weighted(networks: dict[str, Any], part: str) -> list[dict[str, Any]]:
    """The layers of a part that multiply: activations and normalisation are left out."""
    player, prefix = PARTS[part]
    return [
        {"player": player, "part": part, **row, "shape": _shape(row["shape"])}
        for row in networks[player]["layers"]
        if row["multiply_adds"] and row["name"].startswith(prefix)
    ]


def _layer_line(row: dict[str, Any]) -> str:
    return f"{LAYER_WORDS.get(row['kind'], row['kind'])} {row['shape']}"


def _shape(shape: list[int]) -> str:
    """(C, H, W) as H×W×C, which readers of figures expect."""
    return "×".join(map(str, [*shape[1:], shape[0]]))


def _draw_box(ax: Axes, box: Box) -> None:
    corner = (box.x - box.width / 2, box.y - box.height / 2)
    style = "round,pad=0,rounding_size=0.05"
    ax.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=style, fc=box.colour, ec=GREY, lw=0.5))
    y = box.y + box.height / 2 - PAD - LINE / 2
    put_text(ax, box.x, y, box.title, weight="bold", size=6.5)
    for i, line in enumerate(box.lines):
        put_text(ax, box.x, y - (i + 1) * LINE, line, size=6)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], angle: bool = False) -> None:
    style: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "lw": 0.7, "color": GREY}
    if angle:
        style["connectionstyle"] = "angle,angleA=-90,angleB=180,rad=0"
    ax.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})


# ------------------------------------------------------------------------------------------------------------ drawing
def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure whose only axes cover it and count inches from its lower left corner."""
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(width, height), dpi=DPI)
        ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return fig, ax


def put_image(ax: Axes, image: np.ndarray, x: float, y: float, size: float) -> None:
    """Draw a (C, H, W) image of bytes with its lower left corner at (x, y)."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(x, x + size, y, y + size), interpolation="nearest")
    ax.set(xlim=limits[0], ylim=limits[1], aspect="auto")


def put_text(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    chosen: dict[str, Any] = {"ha": "center", "va": "center", "size": 7, **style}
    ax.text(x, y, text, **chosen)


def _row_label(ax: Axes, y: float, row: FactorRow) -> None:
    """The factor's name, and below it the number of its code and how much the code tells of it."""
    words = row.about()
    put_text(ax, LEFT - 0.08, y + 0.01, words["row"], ha="right", va="bottom", weight="bold")
    detail = f"code {words['code']}, {row.association:.0%}"
    put_text(ax, LEFT - 0.08, y - 0.01, detail, ha="right", va="top", size=6, color=GREY)


def of_run(run: Run) -> list[str]:
    return [seeds_words(1), f"{label(run.system)}, seed {run.seed}"]


def below(fig: Figure, config: Config, preset: str, words: list[str], data: Sequence[str] = (DATASET,)) -> None:
    """The line below a figure: what it was made from, and whether it is evidence."""
    head, *rest = words
    said = about(config, preset, head, data)
    said[3:3] = rest
    width = fig.get_size_inches()[0]
    unbroken = "; ".join(said).replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    text = textwrap.fill(f"{unbroken}.", int(width * 24))
    with mpl.rc_context(STYLE):
        fig.text(0.06 / width, 0.05 / fig.get_size_inches()[1], text, size=SMALL, color=GREY, va="bottom")


def save(
    fig: Figure,
    config: Config,
    preset: str,
    root: Path,
    name: str,
    frame: pd.DataFrame,
    data: Sequence[str] = (DATASET,),
) -> list[Path]:
    """The three files of a figure, without dates, so that equal results give equal bytes."""
    evidence = "yes" if config["presets"][preset]["evidence"] else NO_EVIDENCE
    head = {
        "preset": preset,
        "evidence": evidence,
        "data": ", ".join(data_words(config, preset, set_) for set_ in data),
    }
    frame = pd.concat([pd.DataFrame(head, index=frame.index), frame], axis=1)
    path = Path(root) / "figures" / name
    written = [write_atomic(path.with_suffix(".csv"), lambda to: frame.to_csv(to, index=False, lineterminator="\n"))]
    with mpl.rc_context(STYLE):
        for suffix, metadata in METADATA.items():
            target = path.with_suffix(f".{suffix}")
            written.append(write_atomic(target, lambda to, m=metadata: fig.savefig(to, dpi=DPI, metadata=m)))  # type: ignore[misc]
    return written
