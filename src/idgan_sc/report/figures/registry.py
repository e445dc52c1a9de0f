"""Every figure that a preset can have, by name."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, PICTURE_SYSTEMS
from idgan_sc.records.results import Results
from idgan_sc.records.tables import text_or_empty
from idgan_sc.report.figures import forest, further, generators
from idgan_sc.report.figures.architecture import figure2
from idgan_sc.report.figures.conclusions import figure_conclusions
from idgan_sc.report.figures.curves import figure3
from idgan_sc.report.figures.leakage import figure_leakage
from idgan_sc.report.figures.paper import figure1, figure4
from idgan_sc.report.figures.pictures import picture_figure
from idgan_sc.report.figures.regularisers import regularisers_figure
from idgan_sc.report.figures.sensitivity import effects_figure, specification_figure
from idgan_sc.report.words import label

Draw = Callable[[Results], list[Path]]
FIGURES: dict[str, Draw] = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3": figure3,
    "figure4": figure4,
}
TITLES = {
    "figure_leakage": "Leakage",
    "figure_generator": "The generators",
    "figure_generator_pictures": "The generators of pictures",
    "figure_pairs": "The pairs",
    "figure_s": "Further data sets",
    "figure_strength": "Correlated factors",
    "forest": "The registered comparisons",
    "figure_checks": "Every check",
    "figure_conclusions": "The second protocol",
}
SECOND: dict[str, Draw] = {"figure3": figure3, "figure4": figure4, "figure_conclusions": figure_conclusions}
AnyDraw = Callable[..., list[Path]]
STUDY: dict[str, AnyDraw] = {"specification": specification_figure, "main_effects": effects_figure}
APART: dict[str, Draw] = {"regularisers": regularisers_figure}  # of no run; its page is docs/regularisers.md


def picture_drawers(results: Results) -> dict[str, Draw]:
    """Return the picture figures that a preset can have.

    There is one for each system, and one with both side by side, `figure_<data set>`. If there are any, the
    leakage figure is added.
    """
    found: dict[str, Draw] = {}
    planned = configuration.picture_figures(results.config, results.preset)
    for name, (data, system) in planned.items():
        found[name] = partial(picture_figure, name=name, data=data, systems=(system,))
    for data in dict.fromkeys(data for data, _ in planned.values()):
        found[f"figure_{data}"] = partial(picture_figure, name=f"figure_{data}", data=data, systems=PICTURE_SYSTEMS)
    return found | ({"figure_leakage": figure_leakage} if found else {})


def drawers(results: Results) -> dict[str, Draw]:
    """Return every figure that a preset can have, the paper's first.

    The figures of the sensitivity study are drawn with that study.
    """
    config, preset = results.config, results.preset
    wanted: dict[str, Any] = {
        "figure_generator_pictures": configuration.generators_by_reader(config, preset),
        "figure_s": configuration.further(config, preset),
        "figure_strength": configuration.correlated(config, preset),
    }
    if DATASET in results.datasets:
        wanted |= dict.fromkeys([*FIGURES, *generators.FIGURES, *forest.FIGURES], True)
    if configuration.of_second_protocol(config, preset):
        wanted |= dict.fromkeys(SECOND, True)
    of_all = {**FIGURES, **SECOND}, picture_drawers(results), generators.FIGURES, forest.FIGURES, further.FIGURES
    every = {name: draw for drawn in of_all for name, draw in drawn.items()}
    apart = {*FIGURES, *SECOND, *generators.FIGURES, *forest.FIGURES, *further.FIGURES}
    return {name: draw for name, draw in every.items() if name not in apart or wanted.get(name)}


@dataclass(frozen=True)
class Drawn:
    """Hold the words about a figure.

    It has a title, what the figure shows, the command that makes it, and its caption. The caption is empty until
    the figure is drawn.
    """

    title: str
    shows: str
    command: str
    caption: str


def all_figures(results: Results) -> dict[str, Drawn]:
    """Every figure of a preset by its file's name, the paper's first."""
    known: dict[str, AnyDraw] = {**drawers(results), **STUDY}
    return {name: _drawn(results, name, draw) for name, draw in known.items()}


def _drawn(results: Results, name: str, draw: AnyDraw) -> Drawn:
    docstring = inspect.getdoc(draw.func if isinstance(draw, partial) else draw) or ""
    shows = " ".join(docstring.partition("\n\n")[0].split())
    shows = re.sub(r"^(Figures? \d( and \d)?|C\d+): ", "", shows)
    if isinstance(draw, partial):
        shows = f"{' beside '.join(map(label, draw.keywords['systems']))}, {draw.keywords['data']}. {shows}"
    title = (
        TITLES.get(name)
        or name.replace("figure_", "").replace("_", " ").replace("figure", "Figure ").strip().capitalize()
    )
    command = f"idgan-sc {'sensitivity' if name in STUDY else f'figure {name}'} --preset {results.preset}"
    caption = text_or_empty(results.root / "figures" / f"{name}.md").strip()
    return Drawn(title.replace("mnist", "(MNIST)"), shows[:1].upper() + shows[1:], command, caption)
