"""Gather what was measured of each run into one table of a preset.

There are tables of scores, of generators' scores and of leakage.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import (
    Run,
    generators_by_matching,
    generators_by_reader,
    is_gan,
    related,
    runs_with_leakage,
    scored,
)
from idgan_sc.data.images import open_images
from idgan_sc.evaluation.score import factors_hash
from idgan_sc.files import DataError
from idgan_sc.records.published import GATHERED
from idgan_sc.records.record import OF, noted_hashes, read_record
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table, write_table

RUN = ("dataset", "system", "variant", "seed")  # the columns that name a run
# A table of each run, and of all runs together.
GATHERED_AS = {"scores.csv": "scores.csv", "curve.csv": "curves.csv", "association.csv": "associations.csv"}
RELATED = "related"  # folder of what is gathered of the systems beside the paper's
LEAKAGE = (*RUN, "anchors", "measure", "code", "factor", "value")


def gather(
    results: Results, runs: Sequence[Run], name: str, command: str, columns: Sequence[str] = RUN
) -> pd.DataFrame:
    """The tables `name` of all these runs in one, published or made here.

    command: what makes such a table, for the message where one is missing or damaged.
    """
    mend = f"run `idgan-sc {command}` for it"
    return pd.concat([read_table(results.find_or_make(run, name), columns, mend) for run in runs])


def gather_scores(results: Results, allow_missing: bool = False) -> list[Path]:
    """Write `scores.csv`, `curves.csv` and `associations.csv` of all runs that the tables are made of.

    With `allow_missing`, of those that are scored; the others are named on stderr, and the tables say `missing`.

    Raises
    ------
    DataError
        If a run is not scored, damaged, of other source or settings than today's, builds on another training, or
        was scored against other factors.
    """
    runs = [run for run in results.planned if scored(results.config, run.dataset)]
    runs = _to_gather(results, runs, GATHERED, "evaluation", allow_missing)
    _refuse_other_predecessors(results, runs)
    _refuse_other_factors(results, runs)
    return [
        write_table(results.root / of_all, gather(results, runs, one, "score")) for one, of_all in GATHERED_AS.items()
    ]


def gather_generators(results: Results, allow_missing: bool = False) -> list[Path]:
    """Write `generator_scores.csv` of all measured generators and `pair_labels.csv` of the matched ones.

    With `allow_missing`, of those that are measured, and no `pair_labels.csv` of none; the others are named on stderr.

    Raises
    ------
    DataError
        If a generator is not measured, or none is.
    """
    matched = generators_by_matching(results.config, results.preset)
    every = [*matched, *generators_by_reader(results.config, results.preset)]
    found = {"generator_scores.csv": _to_gather(results, every, ["generator_scores.csv"], "generated", allow_missing)}
    if matched and (not allow_missing or results.having(matched, "pair_labels.csv")):
        found["pair_labels.csv"] = _to_gather(results, matched, ["pair_labels.csv"], "generated", allow_missing)
    return [write_table(results.root / name, gather(results, runs, name, "match")) for name, runs in found.items()]


def gather_related(results: Results, allow_missing: bool = False) -> list[Path]:
    """Write `related/scores.csv` of the systems beside the paper's, and `related/generator_scores.csv` of their GANs.

    With `allow_missing`, of those that are scored, and no file of none; the others are named on stderr.

    Raises
    ------
    DataError
        If a run is not scored, damaged, of source or settings that do not count, or builds on another training.
    """
    every = related(results.config, results.preset)
    gans = [run for run in every if is_gan(results.config, run)]
    written = []
    for name, runs, needed, key in (
        ("scores.csv", every, GATHERED, "evaluation"),
        ("generator_scores.csv", gans, ["generator_scores.csv"], "generated"),
    ):
        if allow_missing and not results.having(runs, *needed):
            continue
        found = _to_gather(results, runs, needed, key, allow_missing)
        _refuse_other_predecessors(results, found)
        written.append(write_table(results.root / RELATED / name, gather(results, found, name, "score")))
    return written


def gather_leakage(results: Results, allow_missing: bool = False) -> list[Path]:
    """Write `leakage.csv` with a row for each run.

    A row has the mean share of change outside a code's own factor, and entropies.

    With `allow_missing` only the measured runs are gathered. The others are named on stderr.

    Raises
    ------
    DataError
        If a run is not measured, or none is.
    """
    runs = runs_with_leakage(results.config, results.preset)
    runs = _to_gather(results, runs, ["leakage.csv"], "evaluation", allow_missing)
    rows = [summarised(run, read_leakage(results, run)) for run in runs]
    columns = [*RUN, "leakage", "row_entropy", "column_entropy", "class_change"]
    return [write_table(results.root / "leakage.csv", pd.DataFrame(rows, columns=columns))]


def _to_gather(results: Results, runs: list[Run], names: Sequence[str], key: str, allow_missing: bool) -> list[Run]:
    """Return the runs to gather, after refusing those that are not valid.

    Runs that were measured by other settings of `key` are refused too.
    """
    results.refuse_others(runs, [name for name in names if name != "record.json"], key)
    found = results.without_missing(runs, *names) if allow_missing else runs
    if not found:
        raise DataError(
            f"no run below {results.root} has {names[-1]}, so that there is nothing to gather: make it for one first"
        )
    return found


def _refuse_other_predecessors(results: Results, runs: list[Run]) -> None:
    """Refuse runs of one seed that build on different trainings.

    Runs of one seed are compared pair by pair. So they must build on one training, not on two of equal settings.

    Another kind of machine makes other bytes of the same seed. A GAN amplifies them to another model.
    """
    first: dict[str, tuple[str, Run]] = {}  # path of a predecessor -> hash of its weights, and who says so
    for run in runs:
        record = read_record(results.find(run, "record.json").parent)
        own = {str(run.path): record["outputs"].get("weights.safetensors")}
        for path, weights in (own | {row["path"]: row.get("weights") for row in record["before"].values()}).items():
            known, by = first.setdefault(path, (weights, run)) if weights else (weights, run)
            if known != weights:
                raise DataError(
                    f"{run} builds on another training of {path} than {by}, so that they cannot be compared: "
                    f"train all of seed {run.seed} again on one machine"
                )


def _refuse_other_factors(results: Results, runs: list[Run]) -> None:
    """Refuse runs that were scored against different factors, or others than lie here now.

    Runs of which the factors' hash was not noted pass.
    """
    first: dict[str, tuple[str, Run]] = {}
    scored_against = {
        run: noted_hashes(results.find_or_make(run, "scores.csv").parent).get(f"scores.csv{OF}factors") for run in runs
    }
    for run, noted in scored_against.items():
        known, by = first.setdefault(run.dataset, (noted, run)) if noted else (noted, run)
        if known != noted:
            raise DataError(f"{run} was scored against other factors than {by}: run `idgan-sc score` for both again")
    for dataset, (noted, run) in first.items():
        folder = results.images(dataset)
        here = not results.is_published(run) and (folder / "dataset.json").exists()
        if noted and here and noted != factors_hash(open_images(folder))["factors"]:
            raise DataError(f"{run} was scored against other factors than {folder} holds: run `idgan-sc score` again")


def summarised(run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    """Average the leakage measures of one run.

    Leakage is the mean over shown factors. Row entropy is the mean over codes, weighted by how much they change.
    Column entropy is the mean over factors. Class change is the mean over codes.
    """
    by_code = frame[frame.measure == "change"].groupby("code")["value"].sum()
    rows = frame[frame.measure == "row_entropy"].set_index("code")["value"]
    weights = by_code.loc[rows.index]
    means = frame.groupby("measure")["value"].mean()
    return {
        **run_columns(run),
        "leakage": means.get("outside"),
        "row_entropy": float((rows * weights).sum() / weights.sum()) if len(rows) else None,
        "column_entropy": means.get("column_entropy"),
        "class_change": means.get("class_change"),
    }


def read_leakage(results: Results, run: Run) -> pd.DataFrame:
    """One run's `leakage.csv`."""
    mend = f"run `idgan-sc leakage` for {run}"
    return read_table(results.find(run, "leakage.csv"), LEAKAGE, mend)[list(LEAKAGE)]


def read_gathered(root: Path) -> pd.DataFrame:
    """What `gather_leakage` wrote, a row a run."""
    return read_table(root / "leakage.csv", (*RUN, "leakage"), "run `idgan-sc gather-leakage`")[[*RUN, "leakage"]]


def run_columns(run: Run) -> dict[str, Any]:
    """What names a run in a table."""
    return dict(zip(RUN, (run.dataset, run.system, run.variant, run.seed), strict=True))
