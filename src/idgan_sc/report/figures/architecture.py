"""Figure 2: the networks as they were trained, their losses, and what is frozen."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from idgan_sc.config import DATASET, Settings
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report.figures.canvas import FRAME, GREY, drawing, key, put_text, save
from idgan_sc.report.words import label, number, seeds_words


def figure2(results: Results) -> list[Path]:
    """Figure 2: boxes show the trained networks, their layers and the losses.

    The figure shows the architecture. It is drawn from the layers of the networks that were trained. It shows
    which losses train them and what is frozen.
    """
    run = results.run(DATASET, "idgan_sc", "main", results.seeds()[0])
    networks, settings = _networks(results.find(run, "networks.json")), results.settings(run)
    fig, ax = drawing(results, 4.2)
    layers = _architecture(ax, networks, settings)
    key(fig, 0.1, 0.62, [
        {"color": GREY, "linewidth": 0.8, "label": "what is passed on"},
        {"color": FRAME, "linewidth": 0.8, "linestyle": (0, (1.5, 1)), "label": "what a loss is computed from"},
        {"facecolor": FROZEN, "edgecolor": GREY, "linewidth": 0.8, "linestyle": (0, (1, 1)), "label": "frozen"},
    ])  # fmt: skip
    caption = [
        f"{label(run.system)} as it was trained, seed {run.seed}, on images of {settings['image_size']} pixels a side. "
        "A line in a box is a layer and its output; SN: spectrally normalised.",
        "A code c is drawn from the encoder's posterior of a real image x. Images x₁ and x₂ of a pair come from codes "
        "that differ in one dimension.",
        "D and Q share the trunk. D minimises L_D; Q and the trunk minimise λ L_info too; the generator minimises "
        f"{_objective(settings)}, and the pair network E minimises L_SC. The encoder does not change.",
    ]  # fmt: skip
    return save(fig, results, "figure2", pd.DataFrame(layers), caption, seeds_words(1))


def _objective(settings: Settings) -> str:
    weights = f"λ = {number(settings['lambda_info'])} and α = {number(settings['alpha'])}"
    return f"L_G + λ L_info + α L_SC with {weights}"


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
FROZEN, GREEN, ORANGE, VIOLET, LOSS = "#E3E3E3", "#DDF0E8", "#FBE6D4", "#F3E1EC", "#FFFFFF"
LINE, PAD, BOX = 0.14, 0.07, 1.32  # height of a line of text, margin in a box, width of a box


@dataclass(frozen=True)
class Box:
    """Hold a box: a network, a part of one, a quantity or a loss.

    (x, y) is its middle.
    """

    x: float
    y: float
    title: str
    lines: list[str]
    colour: str
    width: float = BOX
    edge: Any = "-"

    @property
    def height(self) -> float:
        return (1 + len(self.lines)) * LINE + 2 * PAD

    @property
    def left(self) -> tuple[float, float]:
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> tuple[float, float]:
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x, self.y - self.height / 2


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
PASSED = (
    ("encoder", "c"),
    ("c", "G"),
    ("z", "G"),
    ("G", "trunk"),
    ("G", "E"),
    ("trunk", "D"),
    ("trunk", "Q"),
    ("E", "r"),
)
LOSSES = (("D", "L_D"), ("Q", "L_info"), ("r", "L_SC"))


def _architecture(ax: Axes, networks: dict[str, Any], settings: Settings) -> list[dict[str, Any]]:
    """Draw the networks and what passes between them; the layers drawn, a row each."""
    layers = [row for part in PARTS for row in _weighted(networks, part)]
    boxes = _boxes(networks, layers, settings, ax.get_ylim()[1])
    for box in boxes.values():
        _draw_box(ax, box)
    for start, end in PASSED:
        if start in boxes and end in boxes:
            _arrow(ax, boxes[start].right, boxes[end].left)
    x, trunk, encoder = boxes["x"], boxes["trunk"], boxes["encoder"]
    _arrow(ax, x.bottom, encoder.top)
    ax.plot([x.right[0], trunk.x], [x.y, x.y], color=GREY, linewidth=0.8)
    _arrow(ax, (trunk.x, x.y), trunk.top)
    for start, end in LOSSES:
        if start in boxes:
            _arrow(ax, boxes[start].right, boxes[end].left, FRAME)
    return layers


def _boxes(networks: dict[str, Any], layers: list[dict[str, Any]], settings: Settings, height: float) -> dict[str, Box]:
    """Return the boxes by name, in five columns.

    There is no box Q if the frozen encoder takes its place.
    """
    upper, lower = height - 1.25, height - 2.95
    middle = (upper + lower) / 2
    z_dim, c_dim = (shape[0] for shape in networks["generator"]["inputs"])
    image, r_dim = networks["discriminator"]["inputs"][0], networks["pair"]["layers"][-1]["shape"][0]
    x, pair = _shape(image), _shape([2 * image[0], *image[1:]])
    lines = {part: [_layer_line(row) for row in layers if row["part"] == part] for part in PARTS}
    boxes = {
        "x": Box(0.72, height - 0.2, f"real images x: {x}", [], "white", 1.38),
        "encoder": Box(0.72, middle + 0.45, "β-VAE encoder", ["frozen", *lines["encoder"]], FROZEN, 1.1, (0, (1, 1))),
        "c": Box(1.72, middle + 0.45, f"c: {c_dim}", [], "white", 0.5),
        "z": Box(1.72, middle - 0.45, f"z: {z_dim}", [], "white", 0.5),
        "G": Box(2.78, middle, "generator G", [f"(z, c): {z_dim + c_dim}", *lines["G"]], GREEN, 1.16),
        "trunk": Box(4.22, upper, "trunk of D and Q", [f"x or G(z, c): {x}", *lines["trunk"]], ORANGE),
        "E": Box(4.22, lower, "pair network E", [f"(x₁, x₂): {pair}", *lines["E"]], VIOLET),
        "D": Box(5.47, upper + 0.4, "D", lines["D"], ORANGE, 0.86),
        "Q": Box(5.47, upper - 0.42, "Q", lines["Q"], ORANGE, 0.86),
        "r": Box(5.47, lower, f"r: {r_dim}", [], VIOLET, 0.86),
        "L_D": Box(6.48, upper + 0.4, "L_D, L_G", ["real or made?", "Eq. (4)", "trains D, G"], LOSS, 0.98),
        "L_info": Box(
            6.48,
            upper - 0.42,
            "λ L_info",
            ["c from Q" if lines["Q"] else "c from encoder", "Eq. (5)", f"trains {'Q, G' if lines['Q'] else 'G'}"],
            LOSS,
            0.98,
        ),
        "L_SC": Box(6.48, lower, "α L_SC", ["which code", "differs? Eq. (6)", "trains E, G"], LOSS, 0.98),
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
    edge = FRAME if box.colour == LOSS else GREY
    ax.add_patch(
        FancyBboxPatch(corner, box.width, box.height, boxstyle=style, fc=box.colour, ec=edge, lw=0.8, ls=box.edge)
    )
    y = box.y + box.height / 2 - PAD - LINE / 2
    put_text(ax, box.x, y, box.title, weight="bold")
    for i, line in enumerate(box.lines):
        put_text(ax, box.x, y - (i + 1) * LINE, line)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = GREY) -> None:
    style: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "lw": 0.8}
    style |= {"linestyle": (0, (1.5, 1))} if colour == FRAME else {}
    ax.annotate("", end, start, arrowprops={**style, "color": colour, "shrinkA": 0, "shrinkB": 0})
