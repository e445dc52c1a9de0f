"""`idgan-sc publish`: the small files of finished runs go where git keeps them, with all that follows from them alone.

Nothing is trained and no data set is opened: what is not finished is named, and the tables say `missing`.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from idgan_sc.config import floored, measured_runs
from idgan_sc.evaluation.gather import TOGETHER, gather_generators, gather_leakage, gather_scores
from idgan_sc.files import DataError, copy_atomic
from idgan_sc.publish import copy
from idgan_sc.publish.documents import PUBLISHED, write_documents
from idgan_sc.publish.film import write_film
from idgan_sc.publish.origins import write_cost
from idgan_sc.publish.page import write_page
from idgan_sc.records.published import GATHERED
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.report import errata, generator_tables, read, tables, verdicts
from idgan_sc.report.figures import generators, registry
from idgan_sc.report.figures.sensitivity import sensitivity

FLOOR = "floor"  # measured, not derived: copied as it is
FOLDERS = ("tables", "figures", "sensitivity", "report")  # below `published`, beside `runs`


def publish(results: Results, repository: Path) -> list[Path]:
    """Copy finished runs of a preset, write what follows from all published ones and the documents; say what."""
    written = copy.publish(results)
    written += [
        copy_atomic(path, results.root / "published" / FLOOR / path.name)
        for path in (results.root / FLOOR).glob("*.csv")
        if results.floor_counts(path.stem, path)
    ]
    with published_alone(results.root) as alone:
        derive(replace(results, root=alone))
        there = [path.relative_to(alone) for path in sorted(alone.rglob("*")) if kept(path)]
        made = {results.root / "published" / path: alone / path for path in there if path.parts[0] != FLOOR}
        written += [copy_atomic(path, target) for target, path in made.items()]
    for old in derived(results.root / "published") - made.keys():
        old.unlink()
    return [*written, *(write_documents(results, repository) if results.preset == PUBLISHED else [])]


def kept(path: Path) -> bool:
    """Whether a derived file is published: tables, texts, pictures, the page and its film."""
    return path.is_file() and path.suffix in (".csv", ".md", ".png", ".html", ".gif")


def derived(published: Path) -> set[Path]:
    """What an earlier `publish` derived: the files of these folders, and the tables beside them."""
    below = [path for folder in FOLDERS for path in (published / folder).rglob("*") if path.is_file()]
    return {*below, *published.glob("*.csv")}


@contextmanager
def published_alone(root: Path) -> Iterator[Path]:
    """A folder of results in which there is nothing but what is published below `root`."""
    with tempfile.TemporaryDirectory(prefix="idgan-sc-published-") as name:
        alone = Path(name)
        for kept in ("published", "accepted.yaml"):
            if (root / kept).exists():
                (alone / kept).symlink_to((root / kept).absolute())
        yield alone


def derive(results: Results) -> None:
    """Write below `root` the tables, verdicts, figures and page that its runs allow; name what they do not."""
    for make in (tables.table2, tables.differences):
        make(results)
    scored = gather_or_nothing(results)
    for dataset in floored(results.config, results.preset):
        if not (results.root / "published" / FLOOR / f"{dataset}.csv").exists():
            write_table(results.floor(dataset), pd.DataFrame(columns=[*read.SCORE_KEY, "k", "value"]))
    for make in (tables.table3, tables.stage_a):
        make(results)
    if scored:
        _write_what_is_there(results)
    verdicts.write_claims(results)
    errata.write_findings(results)
    write_cost(results)
    write_page(results)
    _each([write_film], results)


def gather_or_nothing(results: Results) -> bool:
    """Gather the tables of the runs that are scored, tables without rows where none is; whether one is."""
    if results.having(results.planned, *GATHERED):
        gather_scores(results, allow_missing=True)
        return True
    for name in TOGETHER.values():
        write_table(results.root / name, pd.DataFrame(columns=[*verdicts.KEYS[name], "k", "value"]))
    return False


def _write_what_is_there(results: Results) -> None:
    """Figures and further tables, each if the runs that it needs are there."""
    drawn = registry.FIGURES | registry.names(results) | generators.FIGURES
    chosen: list[Callable[..., object]] = [
        gather_generators,
        *([gather_leakage] if measured_runs(results.config, results.preset) else []),
    ]
    gathered = [partial(make, allow_missing=True) for make in chosen]
    _each([*gathered, *generator_tables.TABLES.values(), *drawn.values(), sensitivity], results)


def _each(made: list[Callable[..., object]], results: Results) -> None:
    """Call functions that write files; name what a missing run leaves out."""
    for make in made:
        try:
            make(results)
        except DataError as error:
            print(f"left out: {str(error).replace(f'{results.root}/', '')}", file=sys.stderr)
