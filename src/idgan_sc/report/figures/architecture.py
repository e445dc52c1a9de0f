"""Figure 2: the networks as they were trained."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import GREY, TEXT, _first_run, below, canvas, of_run, put_text, save


def figure2(results: Results) -> list[Path]:
    """Figure 2: the architecture, drawn from the layers of the networks that were trained."""
    run = _first_run(results)
    networks = _networks(results.find(run, "networks.json"))
    fig, ax = canvas(TEXT, 2.95)
    layers = _architecture(ax, networks)
    settings = results.settings(run)
    size = f"{settings['image_size']}×{settings['image_size']} images"
    below(
        fig,
        results,
        [
            *of_run(run),
            size,
            "c is drawn from the encoder's posterior; a line is a layer and its output, SN spectrally normalised",
        ],
    )
    return save(fig, results, "figure2", pd.DataFrame(layers))


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
