"""Measure which scores rank the runs alike.

The rank agreement covers all scores and every run whose codes are available. A run's codes of the fixed
images are published (`few_codes.npz`) or follow from its weights. Runs with neither are named as lacking
codes. Nothing is trained.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, spearmanr

from idgan_sc.config import Run, scored
from idgan_sc.evaluation.gather import run_columns
from idgan_sc.evaluation.model import load
from idgan_sc.evaluation.scorer import DEPTH, IBGAN_DEPTHS
from idgan_sc.files import DataError
from idgan_sc.metrics import METRICS, MORE_METRICS, score, score_carbonneau, score_disentanglement_lib
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded, write_table
from idgan_sc.training.encode import FEW_CODES, few_codes
from idgan_sc.training.prepare import images_trained_on

LEAST = 3  # runs of which an order says anything
CODES, SCORES, TABLE = "agreement_codes.csv", "agreement_scores.csv", "agreement.csv"
# The scores of every protocol that take seconds; forests of the review and boosted trees would take minutes a run.
QUICK = [name for name in (*METRICS, *MORE_METRICS) if name != "explicitness"]
QUICK_LIB = ["factor_vae", "beta_vae", "sap", "sap_continuous", "mig", "modularity"]
QUICK_REVIEW = ["z_diff", "z_min_var", "z_max_var", "irs", "mig", "mig_sup", "dcimig", "jemmig", "modularity", "sap"]
QUICK_REVIEW += ["dci", "dci_completeness", "dci_informativeness"]
PROTOCOLS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "infogan_cr": (score, QUICK),
    "disentanglement_lib": (score_disentanglement_lib, QUICK_LIB),
    "carbonneau": (score_carbonneau, QUICK_REVIEW),
}


def agreement(results: Results) -> list[Path]:
    """Write which runs have codes, their scores, and how scores rank runs.

    The rank agreement is of each two scores, by data set.

    agreement.csv: Spearman's and Kendall's coefficient of two scores over n runs, of every system together. Scores
    that are lower where a representation is better, such as total correlation, are not turned round.

    Raises
    ------
    DataError
        If fewer than three runs of a data set have codes or weights, or the codes are of different images.
    """
    runs = [run for run in results.planned if scored(results.config, run.dataset)]
    found = {run: found for run in runs if (found := codes_of(results, run))}
    refuse_other_codes({run: arrays for run, (_, arrays) in found.items()})
    for run in runs:
        if run not in found:
            print(f"lacks codes: {run}", file=sys.stderr)
    key_columns = [run_columns(run) | {"codes": found[run][0] if run in found else "lacking"} for run in runs]
    written = [write_table(results.root / CODES, pd.DataFrame(key_columns))]
    rows = [run_columns(run) | row for run, (_, arrays) in found.items() for row in all_scores(arrays)]
    if not rows:
        raise DataError(f"no run below {results.root} has codes or weights: encode runs, or fetch published ones")
    scores = pd.DataFrame(rows)
    pairs = pd.DataFrame(
        [{"dataset": data} | row for data, part in scores.groupby("dataset") for row in rank_agreement(part)]
    )
    if pairs.empty:
        raise DataError(f"fewer than {LEAST} runs of a data set have codes or weights: encode more of them")
    return [*written, write_table(results.root / SCORES, scores), write_table(results.root / TABLE, pairs)]


def codes_of(results: Results, run: Run) -> tuple[str, dict[str, np.ndarray]] | None:
    """Return a run's codes of the fixed images and where they come from.

    The arrays are those of `few_codes.npz`. The result is None if there are none.
    """
    path = results.find_or_make(run, FEW_CODES)
    if path.exists():
        return FEW_CODES, read_recorded(path, f"run `idgan-sc encode` for {run}")
    folder = results.find(run, "record.json").parent
    for name in (WEIGHTS, "weights.safetensors"):
        if (folder / name).exists() and (results.images(run.dataset) / "dataset.json").exists():
            images = images_trained_on(results, run.dataset, folder)
            return name, few_codes(load(folder).method, images, "cpu")
    return None


def refuse_other_codes(found: dict[Run, dict[str, np.ndarray]]) -> None:
    """Refuse runs of one data set whose codes are of different images or factors."""
    first: dict[str, Run] = {}
    for run, arrays in found.items():
        other = first.setdefault(run.dataset, run)
        if any(not np.array_equal(found[other].get(name, ()), arrays.get(name, ())) for name in ("indices", "factors")):
            raise DataError(f"{run} has codes of other images than {other}: run `idgan-sc encode` for both again")


def all_scores(arrays: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """A row (protocol, metric, value) for every quick score of the codes of a run."""
    names = [str(name) for name in arrays["factor_names"]]
    factors = dict(zip(names, arrays["values"].astype(np.float64).T, strict=True))
    categories = [names[k] for k in arrays["discrete"]]
    for protocol, (scored_by, metrics) in PROTOCOLS.items():
        depths = {"depths": [IBGAN_DEPTHS.get(name, DEPTH) for name in names]} if protocol == "infogan_cr" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few points: the same 5 000 for every run
            codes = arrays["codes"].astype(np.float64)
            found = scored_by(codes, factors, categories=categories, metrics=metrics, **depths)
        for metric, value in found.values.items():
            yield {"protocol": protocol, "metric": metric, "n_images": found.points, "value": value}


def rank_agreement(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows (protocol_a, metric_a, protocol_b, metric_b, n, spearman, kendall) of each two scores over runs.

    Scores that are the same for all runs, or that fewer than three runs share, have no row.
    """
    table = scores.pivot_table(index=["system", "variant", "seed"], columns=["protocol", "metric"], values="value")
    rows = []
    for a, b in combinations(table.columns, 2):
        both = table[[a, b]].dropna()
        if len(both) < LEAST or (both.nunique() < 2).any():
            continue
        x, y = both.to_numpy().T
        key_columns = {"protocol_a": a[0], "metric_a": a[1], "protocol_b": b[0], "metric_b": b[1], "n": len(both)}
        found = {"spearman": spearmanr(x, y).statistic, "kendall": kendalltau(x, y).statistic}
        rows.append(key_columns | {name: round(float(value), 4) for name, value in found.items()})
    return rows
