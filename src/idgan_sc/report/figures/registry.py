"""Every figure that a preset can have, by name."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from idgan_sc import config as configuration
from idgan_sc.config import dataset_row
from idgan_sc.records.results import Results
from idgan_sc.report.figures import generators
from idgan_sc.report.figures.architecture import figure2
from idgan_sc.report.figures.leakage import figure_leakage
from idgan_sc.report.figures.paper import figure1, figure3, figure4
from idgan_sc.report.figures.pictures import _digits, _faces
from idgan_sc.report.figures.regularisers import regularisers_figure
from idgan_sc.report.figures.sensitivity import effects_figure, specification_figure

FIGURES: dict[str, Callable[[Results], list[Path]]] = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3": figure3,
    "figure4": figure4,
}
Draw = Callable[[Results], list[Path]]
TITLES = {
    "figure_leakage": "Leakage",
    "figure_generator": "The generators",
    "figure_generator_pictures": "The generators of pictures",
    "figure_pairs": "The pairs",
}
AnyDraw = Callable[..., list[Path]]
STUDY: dict[str, AnyDraw] = {"specification": specification_figure, "main_effects": effects_figure}
APART: dict[str, Draw] = {"regularisers": regularisers_figure}  # of no run; its page is docs/regularisers.md


def names(results: Results) -> dict[str, Draw]:
    """The figures that a preset can have, by the data sets it runs."""
    found: dict[str, Draw] = {}
    for name, (data, system) in configuration.pictures(results.config, results.preset).items():
        draw = _digits if dataset_row(data).from_digits else _faces
        found[name] = partial(draw, name=name, data=data, system=system)
    return found | ({"figure_leakage": figure_leakage} if found else {})


@dataclass(frozen=True)
class Drawn:
    """A figure that a preset can have: its title, what it shows, and the command that makes it."""

    title: str
    shows: str
    command: str


def all_figures(results: Results) -> dict[str, Drawn]:
    """Every figure of a preset by its file's name, the paper's first."""
    known: dict[str, AnyDraw] = {**FIGURES, **names(results), **generators.FIGURES}
    drawn = {name: _drawn(name, draw, f"figure {name} --preset {results.preset}") for name, draw in known.items()}
    return drawn | {name: _drawn(name, draw, f"sensitivity --preset {results.preset}") for name, draw in STUDY.items()}


def _drawn(name: str, draw: AnyDraw, command: str) -> Drawn:
    said = inspect.getdoc(draw.func if isinstance(draw, partial) else draw) or ""
    shows = " ".join(said.partition("\n\n")[0].split())
    shows = re.sub(r"^Figures? \d( and \d)?: ", "", shows)
    title = TITLES.get(name) or name.replace("_", " ").replace("figure", "Figure ").strip().capitalize()
    return Drawn(title.replace("mnist", "(MNIST)"), shows[:1].upper() + shows[1:], f"idgan-sc {command}")
