"""Copy the small files of finished runs to where git keeps them (`idgan-sc publish`).

Everything that follows from these files alone is written too. Nothing is trained and no data set is opened.
Unfinished runs are named, and the tables say `missing`.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from idgan_sc.config import (
    DATASET,
    datasets_with_baseline,
    further,
    generators_by_matching,
    generators_by_reader,
    of_second_protocol,
    redistributable,
    related,
    runs_with_leakage,
)
from idgan_sc.evaluation.gather import (
    GATHERED_AS,
    RELATED,
    gather_generators,
    gather_leakage,
    gather_related,
    gather_scores,
)
from idgan_sc.evaluation.generators.centrality import FOLDER as CENTRALITY
from idgan_sc.files import DataError, copy_atomic
from idgan_sc.publish import copy
from idgan_sc.publish.card import renew_cards
from idgan_sc.publish.documents import PUBLISHED_PRESET, write_documents
from idgan_sc.publish.film import write_film
from idgan_sc.publish.origins import write_cost
from idgan_sc.publish.page import write_page
from idgan_sc.records.published import GATHERED
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.report import (
    claims,
    comparisons,
    errata,
    exploratory,
    generator_tables,
    read,
    tables,
    verdict_sensitivity,
)
from idgan_sc.report.conclusions import conclusions
from idgan_sc.report.dictionary import write_dictionary
from idgan_sc.report.figures import registry
from idgan_sc.report.figures.sensitivity import sensitivity
from idgan_sc.report.further import table_s
from idgan_sc.report.related import table_related
from idgan_sc.report.second_protocol import contrasts_run, effects, levels, power
from idgan_sc.report.selection import table_selection

Step = Callable[[Results], object]
BASELINE_FOLDER = "floor"  # measured, not derived: copied as it is
FOLDERS = ("tables", "figures", RELATED, "sensitivity", "report")  # below `published`, beside `runs`


def publish(results: Results, repository: Path) -> list[Path]:
    """Publish a preset's finished runs and write what follows from them.

    The tables, verdicts, figures and page are made from all published runs. The documents are written too. The
    paths of all written files are returned.
    """
    written = copy.copy_runs(results)
    written += [
        copy_atomic(path, results.root / "published" / BASELINE_FOLDER / path.name)
        for path in (results.root / BASELINE_FOLDER).glob("*.csv")
        if results.is_valid_baseline(path.stem, path)
    ]
    written += [
        copy_atomic(path, results.root / "published" / path.relative_to(results.root))
        for path in sorted((results.root / CENTRALITY).rglob("*.csv"))
    ]
    written += [
        copy_atomic(path, results.root / "published" / "data" / f"{name}.json")
        for name in results.datasets
        if (path := results.images(name) / "dataset.json").exists()
        and redistributable(results.config, results.run(name, ""))
    ]
    written += renew_cards(results)
    with published_alone(results.root) as alone:
        derive(replace(results, root=alone))
        there = [path.relative_to(alone) for path in sorted(alone.rglob("*")) if is_derived_file(path)]
        made = {results.root / "published" / path: alone / path for path in there if path.parts[0] != BASELINE_FOLDER}
        written += [copy_atomic(path, target) for target, path in made.items()]
    for old in derived(results.root / "published") - made.keys():
        old.unlink()
    return [*written, *(write_documents(results, repository) if results.preset == PUBLISHED_PRESET else [])]


def is_derived_file(path: Path) -> bool:
    """Whether a derived file is published: tables, texts, pictures, the page and its film."""
    return path.is_file() and path.suffix in (".csv", ".md", ".tex", ".png", ".pdf", ".html", ".gif")


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
    """Write the tables, verdicts, figures and page that the runs allow.

    They are written below `root`. What the runs do not allow is named.
    """
    of_paper = DATASET in results.datasets
    _make_what_can_be(results, [tables.table1, tables.differences, *([tables.table2] if of_paper else [])])
    scored = gather_or_nothing(results)
    for dataset in datasets_with_baseline(results.config, results.preset):
        if not (results.root / "published" / BASELINE_FOLDER / f"{dataset}.csv").exists():
            write_table(results.baseline_path(dataset), pd.DataFrame(columns=[*read.SCORE_KEY, "k", "value"]))
    if of_paper:
        tables.table3(results)
        tables.stage_a(results)
    _make_what_can_be(results, _tables_of_generators(results) if scored else [])
    _make_what_can_be(results, _tables_beside(results))
    if of_paper:
        claims.write_claims(results)
        exploratory.write_exploratory(results)
        verdict_sensitivity.write_sensitivity(results)
        errata.write_findings(results)
    studies = [sensitivity] if of_paper else []
    _make_what_can_be(results, [*registry.drawers(results).values(), *studies] if scored else [])
    write_cost(results)
    if of_paper:
        write_page(results)
        _make_what_can_be(results, [write_film])
    write_dictionary(results)


def gather_or_nothing(results: Results) -> bool:
    """Gather the tables of the scored runs and say whether there are any.

    Without a scored run, the tables have no rows.
    """
    if results.having(results.planned, *GATHERED):
        gather_scores(results, allow_missing=True)
        return True
    for name in GATHERED_AS.values():
        write_table(results.root / name, pd.DataFrame(columns=[*comparisons.KEYS[name], "k", "value"]))
    return False


def _tables_of_generators(results: Results) -> list[Step]:
    """What gathers the scores and leakage of generators, and the tables made of them."""
    config, preset = results.config, results.preset
    measured = generators_by_matching(config, preset) + generators_by_reader(config, preset)
    chosen: list[Callable[..., object]] = [
        *([gather_generators] if measured else []),
        *([gather_leakage] if runs_with_leakage(config, preset) else []),
    ]
    shown = generator_tables.TABLES.values() if DATASET in results.datasets else []
    return [*(partial(make, allow_missing=True) for make in chosen), *shown]


def _tables_beside(results: Results) -> list[Step]:
    """What gathers the scores of related systems, and the tables beside the paper's."""
    of_related: list[Step] = [partial(gather_related, allow_missing=True), table_related]
    wanted = related(results.config, results.preset), further(results.config, results.preset)
    planned = [effects, power] if contrasts_run(results) else []
    planned += [levels, conclusions] if of_second_protocol(results.config, results.preset) else []
    return [*(of_related if wanted[0] else []), *([table_s] if wanted[1] else []), table_selection, *planned]


def _make_what_can_be(results: Results, made: Iterable[Step]) -> None:
    """Make each; name what is left out because something that it needs is not there."""
    for make in made:
        try:
            make(results)
        except DataError as error:
            print(f"left out: {str(error).replace(f'{results.root}/', '')}", file=sys.stderr)
