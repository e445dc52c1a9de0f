"""Every setting in which a preset differs from the paper's protocol, the preset `paper`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import DATA, DATASET, dataset_row, with_predecessors
from idgan_sc.records.results import Results
from idgan_sc.report.render import Page, write_page
from idgan_sc.report.words import DASH, label, notes, number

DATA_SETTINGS = ("source", "pool", *DATA)  # of a run's settings, what its data set decides
WORDS = {  # keys of config.yaml, for reading
    "alpha": "α",
    "batch": "images a step",
    "beta": "β",
    "c_dim": "codes",
    "count": "number of seeds",
    "crop": "pixels of the square cut out",
    "gamma": "γ",
    "generator_steps": "steps of G for each of D",
    "image_size": "pixels a side",
    "lambda_info": "λ",
    "lr": "learning rate",
    "lr_discriminator": "learning rate of D and Q",
    "lr_generator": "learning rate of G",
    "lr_pair": "learning rate of E or H",
    "lr_tc": "learning rate of the critic",
    "name": "images of",
    "native": "as published, not padded",
    "network": "networks of",
    "pairs": "pairs a step, m",
    "points": "images behind SAP, MIG and DCI",
    "pool": "images encoded",
    "prior": "prior of the noise, and of the codes",
    "source": "source",
    "std": "images behind the SD of a code",
    "tau_numerator": "τ₁",
    "variants": "variants run",
    "z_dim": "dimensions of the noise",
}


def differences(results: Results) -> list[Path]:
    """Write how a preset's settings differ from the paper's protocol.

    The CSV has one row for each system and key. The table for reading has one row for each system.
    """
    frame, page = differences_table(results)
    return write_page(results, "differences", frame, page, results.datasets)


def differences_table(results: Results) -> tuple[pd.DataFrame, Page]:
    """The rows of the CSV, and the table for reading."""
    paper, here, data = _everything(replace(results, preset="paper")), _everything(results), results.datasets
    if DATASET not in data:  # then what is not run here is no difference
        paper = {key: value for key, value in paper.items() if key[0] in {place for place, _ in here}}
    differing = [key for key in dict.fromkeys([*here, *paper]) if paper.get(key) != here.get(key)]
    rows = [
        {"system": place, "key": key, "paper": _plain(paper.get((place, key))), "here": _plain(here.get((place, key)))}
        for place, key in differing
    ]
    told: dict[str, list[str]] = {}
    for place, key in differing:
        values = (number(found.get((place, key))) for found in (here, paper))
        told.setdefault(_place(place), []).append("{}: {} (paper {})".format(WORDS.get(key, key), *values))
    page = Page(
        "Differences",
        f"Settings in which the preset {results.preset} differs from the paper's protocol.",
        ["Of", "Here, and in the paper's protocol"],
        r"p{0.22\textwidth}p{0.7\textwidth}",
        [[place, "; ".join(words)] for place, words in told.items()],
        [
            *([] if rows else ["There is no difference."]),
            f"Paper: the preset paper; docs/ledger.md says how it takes what the print leaves open. {DASH}: there is "
            "no such setting. Names of the keys of config.yaml are in the CSV.",
            *notes(results, data),
        ],
    )
    frame = pd.DataFrame(rows, columns=["system", "key", "paper", "here"])
    return frame, page


def _place(place: str) -> str:
    """`system`, `system on data set` or another place, for reading."""
    system, _, data = place.partition(" on ")
    if place.startswith("data set "):
        return f"data set {dataset_row(place.removeprefix('data set ')).title}"
    return label(system) + (f" on {dataset_row(data).title}" if data not in ("", DATASET) else "")


def _everything(results: Results) -> dict[tuple[str, str], Any]:
    """Collect all values that a preset can change.

    The keys are (system or other place, key). A stand-in has the place of its original, and where dSprites are not run,
    the first data set has theirs.
    """
    found: dict[tuple[str, str], Any] = {}
    first = DATASET if DATASET in results.datasets else results.datasets[0]
    for name in results.datasets:
        original = DATASET if name == first else dataset_row(name).stands_for or name
        data = {"name": name, **results.dataset_settings(name)}
        found |= {(f"data set {original}", key): data[key] for key in data if key in ("name", *DATA_SETTINGS)}
        for system in _systems_behind(results, name):
            settings = results.settings(results.run(name, system))
            place = system if original == DATASET else f"{system} on {original}"
            found |= {(place, key): value for key, value in settings.items() if key not in DATA_SETTINGS}
        for system, variants in (
            results.config["presets"][results.preset].get("runs", results.config["runs"])[name].items()
        ):
            found[(f"{system} on {original}", "variants")] = variants
        if original != DATASET:
            found[(f"data set {original}", "seeds")] = len(results.seeds(name))
    found |= {("evaluation", key): value for key, value in results.evaluation().items()}
    generated = results.generated
    found |= {("generated images", key): value for key, value in generated.items() if key != "tolerance"}
    found |= {("seeds", key): value for key, value in results.config["presets"][results.preset]["seeds"].items()}
    return found


def _systems_behind(results: Results, name: str) -> list[str]:
    """List the systems that run on a data set and those they build on.

    They are in the order of the configuration.
    """
    behind = {run.system for run in with_predecessors(results.config, results.runs(name))}
    return [system for system in results.config["systems"] if system in behind]


def _plain(value: Any) -> str:
    return number(value).replace("\N{NARROW NO-BREAK SPACE}", "")
