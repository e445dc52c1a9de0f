"""Which figures of pictures a preset can have, and the runs that each shows."""

from collections.abc import Callable, Sequence

from idgan_sc.config import DATASET, PICTURE_SYSTEMS, Run, picture_runs
from idgan_sc.records.results import Results

TRAVERSAL_FILES = ("traversal.npz", "networks.json")  # of the runs that Figures 1, 2 and 4 show
PANEL_FILES = ("panels.npz", "leakage.csv")  # of the runs that Figures 5 to 8 show
SECOND_SYSTEMS = ("infogan_cr", "idgan_sc_prior")  # of Figure 4 where IDGAN-SC is not run
Chosen = Callable[..., Sequence[Run]]  # runs and names of files -> those that are made, or are there


def shown_data(results: Results) -> str:
    """The data set of the paper's figures: dSprites, or else the preset's first."""
    return DATASET if DATASET in results.datasets else results.datasets[0]


def shown_systems(results: Results) -> tuple[str, str]:
    """The two systems of Figure 4.

    They are the paper's on dSprites, and elsewhere those of the second protocol.
    """
    return PICTURE_SYSTEMS if shown_data(results) == DATASET else SECOND_SYSTEMS


def traversed_runs(results: Results, chosen: Chosen) -> Sequence[Run]:
    """The first seed's run of each system of Figure 4."""
    data = shown_data(results)
    first = results.seeds(data)[0]
    return chosen([results.run(data, system, seed=first) for system in shown_systems(results)], *TRAVERSAL_FILES)


def paper_figures(results: Results, chosen: Chosen) -> list[str]:
    """Those of Figures 1 to 4 whose runs are chosen."""
    systems = {run.system for run in traversed_runs(results, chosen)}
    both = systems == set(PICTURE_SYSTEMS)
    return [
        "figure3",
        *(["figure2"] if "idgan_sc" in systems else []),
        *(["figure1", "figure4"] if both else []),
    ]


def second_figures(results: Results, chosen: Chosen) -> list[str]:
    """The second protocol's figures whose runs are chosen.

    Figures 3 and 4 of dSprites are the paper's.
    """
    both = len(traversed_runs(results, chosen)) == len(SECOND_SYSTEMS)
    own = ["figure3", *(["figure4"] if both else [])] if shown_data(results) != DATASET else []
    return [*own, "figure_conclusions"]


def runs_of_figures(results: Results, chosen: Chosen) -> dict[str, list[Run]]:
    """List the runs that each figure of pictures shows.

    Figures 5 to 8 come one by one, then side by side.
    """
    runs = picture_runs(results.config, results.preset)
    alone = {name: [run] for name, run in runs.items() if chosen([run], *PANEL_FILES)}
    beside: dict[str, list[Run]] = {}
    for (run,) in alone.values():
        beside.setdefault(f"figure_{run.dataset}", []).append(run)
    return alone | {name: pair for name, pair in beside.items() if len(pair) == len(PICTURE_SYSTEMS)}


def leakage_figure(with_leakage: Sequence[Run]) -> list[str]:
    """The figure of leakage, where both systems of a data set are measured."""
    systems: dict[str, set[str]] = {}
    for run in with_leakage:
        systems.setdefault(run.dataset, set()).add(run.system)
    return ["figure_leakage"] if any(set(PICTURE_SYSTEMS) <= found for found in systems.values()) else []
