"""Copies the small files of finished runs to where git keeps them."""

import itertools
from pathlib import Path

from idgan_sc.config import (
    PICTURE_DATASETS,
    Run,
    redistributable,
    related,
    runs_with_weights,
    scored,
    seeds_of,
    studied,
    with_predecessors,
)
from idgan_sc.files import DataError, copy_atomic, sha256
from idgan_sc.records.published import CARD, SCORE_FILES, WEIGHTS
from idgan_sc.records.record import verify_hash
from idgan_sc.records.results import Results

PUBLISHED_FILES = (*SCORE_FILES, "log.csv", "leakage.csv", "hashes.json")  # and last the record
PUBLISHED_ONCE = ("traversal.npz", "networks.json", "panels.npz")  # of the first seed, whose images the figures show
PUBLISHED_IF_MADE = ("generator_scores.csv", "pair_labels.csv", "few_codes.npz")


def publishable(results: Results) -> list[Run]:
    """List the runs that a preset publishes.

    They are the runs of the tables, the related systems and the sensitivity study, and all that they build on.
    """
    return with_predecessors(results.config, _shown(results))


def _shown(results: Results) -> list[Run]:
    beside = (make(results.config, results.preset) for make in (related, studied))
    return list(dict.fromkeys([*results.planned, *itertools.chain(*beside)]))


def missing_files(results: Results, run: Run) -> list[str]:
    """The names of the files that a run trained here still needs for the tables."""
    needed = [*(SCORE_FILES if scored(results.config, run.dataset) else ())]
    needed += ["leakage.csv"] if run.dataset in PICTURE_DATASETS else []
    shown = needed if run in _shown(results) else []
    return [name for name in shown if not (results.root / run.path / name).exists()]


def copy_runs(results: Results) -> list[Path]:
    """Copy the small files of every finished run to `<root>/published`.

    The record is copied last. The result is the list of the runs' folders. A run is copied only if it has today's
    settings and source, and if all its files for the tables are there. If images and weights of a run must never
    be published, files that show images are left out. Weights are copied only with the card that names their hash.

    Raises
    ------
    DataError
        If a file is not what was recorded, or weights that are to be published and their card do not belong together.
    """
    copied, with_weights = [], runs_with_weights(results.config, results.preset)
    for run in publishable(results):
        if missing_files(results, run) or not results.is_trained_here(run):
            continue
        target = results.root / "published" / run.path
        first = run.seed == seeds_of(results.config, results.preset, run.dataset)[0]
        pictures = PUBLISHED_ONCE if first and redistributable(results.config, run) else ()
        weights = (WEIGHTS, CARD) if run in with_weights else ()
        if weights:
            _refuse_unpaired_card(results.root / run.path)
        names = (*PUBLISHED_FILES, *pictures, *PUBLISHED_IF_MADE, *weights, "record.json")
        for name in names:
            source = results.root / run.path / name
            if source.exists():
                verify_hash(source.parent, name, "give `snakemake` again, with the targets that made it")
                copy_atomic(source, target / name)
        copied.append(target)
    return copied


def _refuse_unpaired_card(folder: Path) -> None:
    """Refuse weights without a card that names their hash, and a card without weights."""
    weights, card = folder / WEIGHTS, folder / CARD
    if not weights.exists() and not card.exists():
        return
    if not (weights.exists() and card.exists() and sha256(weights) in card.read_text(encoding="utf-8")):
        raise DataError(f"{folder}: {WEIGHTS} and {CARD} do not belong together: run `idgan-sc card` for it")
