"""Which figures of pictures a preset can have, and the runs that each shows."""

from collections.abc import Callable, Sequence

from idgan_sc.config import DATASET, PICTURE_SYSTEMS, Run, picture_runs
from idgan_sc.records.results import Results

TRAVERSAL_FILES = ("traversal.npz", "networks.json")  # of the runs that Figures 1, 2 and 4 show
PANEL_FILES = ("panels.npz", "leakage.csv")  # of the runs that Figures 5 to 8 show
Chosen = Callable[..., Sequence[Run]]  # runs and names of files -> those that are made, or are there


def traversed_runs(results: Results, chosen: Chosen) -> Sequence[Run]:
    """The first seed's run of each system of `PICTURE_SYSTEMS`."""
    first = results.seeds(DATASET)[0]
    return chosen([results.run(DATASET, system, seed=first) for system in PICTURE_SYSTEMS], *TRAVERSAL_FILES)


def paper_figures(results: Results, chosen: Chosen) -> list[str]:
    """Those of Figures 1 to 4 whose runs are chosen."""
    systems = {run.system for run in traversed_runs(results, chosen)}
    both = systems == set(PICTURE_SYSTEMS)
    return [
        "figure3",
        *(["figure2"] if "idgan_sc" in systems else []),
        *(["figure1", "figure4"] if both else []),
    ]


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
