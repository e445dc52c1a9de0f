"""Write Table R: the systems beside the paper's.

They are scored as Table 3 scores the paper's systems. What their source prints stands beside.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import DATASET, PROTOCOL, Run, is_gan, related
from idgan_sc.evaluation.gather import RELATED
from idgan_sc.evaluation.generators.names import GENERATOR_CODE
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table
from idgan_sc.report.read import SCORE_KEY, scored_codes
from idgan_sc.report.render import Page, write_page
from idgan_sc.report.statistics import LEVEL, MIN_N
from idgan_sc.report.tables import HEADLINE, PRINTED, model_row, score_cell
from idgan_sc.report.words import CODES, METRIC_LABELS, notes

NOT_RUN = "not run yet"  # in a row of Table R, which lists what is planned too
BY_RECIPE = {"released": ", as released", "released_32": ", as released, at 32×32"}  # what a variant adds to a label


def table_related(results: Results) -> list[Path]:
    """Write the scores of the related systems, ours and the printed ones.

    Systems without a run are included, and so are the generators' own scores.

    Raises
    ------
    DataError
        If what `idgan-sc gather-related` wrote is damaged.
    """
    study = results.config["related"]
    scores, of_generators = (_scores(results, name) for name in ("scores.csv", "generator_scores.csv"))
    arms = list(dict.fromkeys(Run(r.preset, r.dataset, r.system, r.variant, 0) for r in related_runs(results)))
    models = []
    for arm in arms:
        printed, code = {"source": _printed(results, arm.system)}, scored_codes(results.settings(arm))[0]
        models.append([score_cell(results, scores, arm, code, metric, printed) for metric in METRIC_LABELS])
        if is_gan(results.config, arm):
            models.append(
                [score_cell(results, of_generators, arm, GENERATOR_CODE, metric, {}) for metric in METRIC_LABELS]
            )
    cells = [cell | {"label": cell["label"] + BY_RECIPE.get(cell["variant"], "")} for model in models for cell in model]
    planned = len({run.seed for run in related_runs(results)})
    rows = [
        _row(cells[start : start + len(METRIC_LABELS)], planned) for start in range(0, len(cells), len(METRIC_LABELS))
    ]
    page = Page(
        "Table R",
        "Systems beside the paper's: disentanglement scores on dSprites.",
        ["Model", "k", "Code", "n", *METRIC_LABELS.values()],
        r">{\raggedright}p{0.19\textwidth}r>{\raggedright}p{0.09\textwidth}r" + "c" * len(METRIC_LABELS),
        rows,
        [
            f"A score: ours, the mean over n seeds with its {LEVEL:.0%} t-interval | as printed | ours less that. "
            f"Below n = {MIN_N} the SD stands in the place of the interval.",
            f"{PRINTED['source']}: {study['printed_in']}, which quotes the best value that others report; of 64×64 "
            "images and long trainings. It does not say which DIP-VAE it means.",
            f"{HEADLINE}: the code that the source scores; of IB-GAN the mean of r that its Q and bottleneck read off "
            "an image; of ID-GAN as released what its Q reads, which is the frozen β-VAE: the GAN has no part in it. "
            f"{CODES[GENERATOR_CODE]}: the code that an image was made from, against the factors of its nearest true "
            "image.",
            "Rates and terms are each source's; lengths are this preset's, and at 32×32 each network has a stage less.",
            *notes(results),
        ],
    )
    frame = pd.DataFrame(cells).drop(columns=["paper_mean", "paper_spread"])
    return write_page(results, "related", frame.assign(difference=frame["mean"] - frame["source_mean"]), page)


def _row(cells: list[dict[str, Any]], planned: int) -> list[str]:
    """Build the line of a model, which may have no run yet."""
    row = model_row(cells, planned)
    return [cell.replace("missing", NOT_RUN) for cell in row] if all(cell["missing"] for cell in cells) else row


def related_runs(results: Results) -> list[Run]:
    return related(results.config, results.preset)


def _printed(results: Results, system: str) -> Mapping[str, Any]:
    """Find what the source prints of a system.

    It is in the source's own rows, or in the rows that the paper copied.
    """
    copied = results.config["reported"]["table3"].get(system, {}).get("source", {})
    found: Mapping[str, Any] = results.config["related"]["printed"].get(system, copied)
    return found


def _scores(results: Results, name: str) -> pd.DataFrame:
    """A gathered table of the related systems, without rows where none is scored."""
    path, columns = results.root / RELATED / name, [*SCORE_KEY, "k", "value"]
    if not path.exists():
        return pd.DataFrame(columns=columns)
    scores = read_table(path, columns, "run `idgan-sc gather-related`")
    return scores[(scores["dataset"] == DATASET) & (scores["protocol"] == PROTOCOL)]


TABLES: dict[str, Callable[[Results], list[Path]]] = {"related": table_related}
