"""Write Table S: scores on further data sets with known factors.

The paper does not have these data sets. Drawn rooms are one.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import PROTOCOL, Run, Settings, dataset_row, further, is_gan
from idgan_sc.evaluation.generators.names import GENERATOR_CODE
from idgan_sc.records.results import Results
from idgan_sc.records.tables import table_or_empty
from idgan_sc.report.read import SCORE_KEY, baseline_cells, read_scores, scored_codes, select
from idgan_sc.report.render import Page, Row, write_page
from idgan_sc.report.statistics import LEVEL, MIN_N
from idgan_sc.report.tables import RULES, label_with_weight, model_row, score_cell
from idgan_sc.report.words import CODES, METRIC_LABELS, notes, number

HEADLINES = "posterior mean of a VAE, of FactorVAE a sample; mean of Q"


def table_s(results: Results) -> list[Path]:
    """Write the scores of every arm on a preset's further data sets.

    They are of its codes and of its generator, above the baselines.

    Raises
    ------
    DataError
        If `scores.csv` or a baseline is missing or not what `idgan-sc gather` and `idgan-sc floor` write.
    """
    data = further(results.config, results.preset)
    rows: list[Row] = []
    cells: list[dict[str, Any]] = []
    for name in data:
        models = [mine for run in arms_on(results, name) for mine in _models(results, run)]
        baselines = list(baseline_cells(results.root, name))
        planned = len(results.seeds(name))
        rows += [None] if rows else []
        rows += [[dataset_row(name).title, *model_row(mine, planned)] for mine in models]
        rows += [[dataset_row(name).title, *model_row(mine)] for mine in baselines]
        cells += [cell for mine in [*models, *baselines] for cell in mine]
    page = Page(
        "Table S",
        "Disentanglement scores beyond the paper's data sets.",
        ["Data", "Model", "k", "Code", "n", *METRIC_LABELS.values()],
        r"l>{\raggedright}p{0.19\textwidth}r>{\raggedright}p{0.09\textwidth}r" + "c" * len(METRIC_LABELS),
        rows,
        [
            f"A score: the mean over n seeds with its {LEVEL:.0%} t-interval; below n = {MIN_N} the SD stands in its "
            f"place. Code: {HEADLINES}; {CODES[GENERATOR_CODE]}, the code that an image was made from, against the "
            "factors of its nearest true image, found by composing.",
            "Strength: of the correlation of two factors in the training images; what is scored is the full grid.",
            "Baseline: representations that learned nothing, scored the same way.",
            *notes(results, data),
        ],
    )
    frame = pd.DataFrame(cells).drop(columns=["headline", "paper_mean", "paper_spread", "source_mean", "source_spread"])
    return write_page(results, "table_s", frame, page, data)


def arms_on(results: Results, name: str) -> list[Run]:
    """The first seed's run of every arm on a data set."""
    return [run for run in results.runs(name) if run.seed == results.seeds(name)[0]]


def _models(results: Results, run: Run) -> list[list[dict[str, Any]]]:
    """List the cells of an arm, one a metric.

    They are of its headline code, and of its generator if it has one.
    """
    settings = results.settings(run)
    sources = {scored_codes(settings)[0]: "scores.csv"}
    sources |= {GENERATOR_CODE: "generator_scores.csv"} if is_gan(results.config, run) else {}
    words = label_with_weight(run.system, settings) + variant_words(results, run)
    return [
        [
            score_cell(results, read_on(results, file, run.dataset), run, code, m, {})
            | {"label": words, "headline": False}  # nothing is printed to compare with
            for m in METRIC_LABELS
        ]
        for code, file in sources.items()
    ]


def read_on(results: Results, file: str, name: str) -> pd.DataFrame:
    """Read the scores of a data set from a gathered file.

    Generators may have none: then the result has no row.
    """
    path = results.root / file
    scores = read_scores(path, SCORE_KEY) if file == "scores.csv" else table_or_empty(path)
    columns = [*SCORE_KEY, "k", "value"]
    return select(scores if len(scores) else pd.DataFrame(columns=columns), dataset=name, protocol=PROTOCOL)


def strength(settings: Settings) -> float:
    """Return how strongly two factors go together in a run's training images.

    0 is not at all.
    """
    return float(settings.get("correlation", {}).get("strength", 0))


def variant_words(results: Results, run: Run) -> str:
    """Say how a variant differs from its system.

    Its images may have correlated factors, its pairs another rule, its training other random streams.
    """
    settings, own = (results.settings(one) for one in (run, replace(run, variant="main")))
    told = [f"strength {number(strength(settings))}"] if strength(settings) else []
    told += [RULES[settings["pair_rule"]]] if settings.get("pair_rule") != own.get("pair_rule") else []
    told += ["once more"] if settings.get("streams") != own.get("streams") else []
    return "".join(f", {words}" for words in told)


TABLES: dict[str, Callable[[Results], list[Path]]] = {"table_s": table_s}
