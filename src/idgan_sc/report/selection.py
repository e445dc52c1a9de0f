"""Write Table M: which seed is chosen without labels, and its score.

ModelCentrality and UDR choose.
"""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import DATASET, PROTOCOL, Run
from idgan_sc.evaluation.generators.centrality import PAIR, Arm, arms, known_pairs
from idgan_sc.files import DataError
from idgan_sc.metrics.model_centrality import model_centrality_scores
from idgan_sc.metrics.udr import udr_lasso_scores, udr_spearman_scores
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded, read_table, table_or_empty
from idgan_sc.report.agreement import refuse_other_codes
from idgan_sc.report.further import variant_words
from idgan_sc.report.read import SCORE_KEY, scored_codes
from idgan_sc.report.render import Page, Row, write_page
from idgan_sc.report.tables import label_with_weight
from idgan_sc.report.words import DASH, METRIC_LABELS, notes, plus_minus
from idgan_sc.training.encode import FEW_CODES

MEAN, BEST = "mean of the seeds", "best FactorVAE score, by labels"
LASSO, SPEARMAN, CENTRALITY = "UDR, Lasso", "UDR, Spearman", "ModelCentrality"
PRINTED = "printed"


def table_selection(results: Results) -> list[Path]:
    """Write what each way of choosing chooses, and what its source prints.

    It needs two seeds of an arm that can be compared.

    Raises
    ------
    DataError
        If no two seeds of an arm have published codes or scored pairs of networks.
    """
    chosen = [row for arm in arms(results) for row in _arm_rows(results, arm)]
    if not chosen:
        raise DataError(f"no two seeds of a system below {results.root} have codes: run `idgan-sc encode` for them")
    rows: list[Row] = []
    for row in chosen:
        rows += [None] if rows and row["way"] == MEAN else []
        rows.append(_line(row))
    data = list(dict.fromkeys(row["dataset"] for row in chosen))
    printed = DATASET in data  # the source prints scores on dSprites alone
    rows += [None, *map(_line, _printed(results))] if printed else []
    page = Page(
        "Table M",
        "Seeds chosen without labels.",
        ["Model", "k", "Chosen by", "n", "Seed", *METRIC_LABELS.values()],
        r">{\raggedright}p{0.19\textwidth}r>{\raggedright}p{0.17\textwidth}rr" + "c" * len(METRIC_LABELS),
        rows,
        [
            "n: seeds that were compared. A score is the chosen seed's own; of the mean, with its SD over these seeds.",
            "UDR (Duan et al. 2020) compares codes of 5 000 fixed images; by ModelCentrality (Lin et al. 2020) each "
            "seed's encoder votes on what each other seed's generator makes of one held code. Neither sees a factor.",
            *(_printed_notes(results) if printed else []),
            *notes(results, data),
        ],
    )
    return write_page(results, "selection", pd.DataFrame(chosen), page, data)


def _printed_notes(results: Results) -> list[str]:
    return [
        f"{PRINTED}: {results.config['selection']['printed_in']}; the row of ModelCentrality is the one that the "
        "paper leaves out of its Table 3."
    ]


def _line(row: Mapping[str, Any]) -> list[str]:
    about = [DASH if row[name] is None else str(row[name]) for name in ("label", "k", "way", "n", "chosen")]
    spread = {name: row.get(f"{name}_sd") for name in METRIC_LABELS}
    return [*about, *(plus_minus(row.get(name), None if pd.isna(sd) else sd) for name, sd in spread.items())]


def _arm_rows(results: Results, arm: Arm) -> Iterator[dict[str, Any]]:
    """List a row a way of choosing: the mean, the best and others.

    The others need two seeds. The list is empty if nothing can be computed.
    """
    ways = {LASSO: _by_codes(results, arm, udr_lasso_scores), SPEARMAN: _by_codes(results, arm, udr_spearman_scores)}
    ways |= {CENTRALITY: _by_pairs(results, arm)}
    ways = {way: scores for way, scores in ways.items() if len(scores) > 1}
    table = _scores(results, arm)
    if not ways or table.empty:
        return
    settings = results.settings(arm[0])
    about = {name: getattr(arm[0], name) for name in ("dataset", "system", "variant")}
    words = label_with_weight(arm[0].system, settings) + variant_words(results, arm[0])
    about |= {"label": words, "k": settings["c_dim"]}
    spread = table.std(ddof=1).rename(lambda name: f"{name}_sd")
    yield about | {"way": MEAN, "n": len(table), "chosen": None, **table.mean(), **spread}
    ways = {BEST: dict(table["factor_vae"])} | ways
    for way, scores in ways.items():
        seed = max(scores, key=lambda one: (scores[one], one))  # of equal ones the larger number, as in the reference
        yield about | {"way": way, "n": len(scores), "chosen": seed, **table.reindex([seed]).iloc[0]}


def _by_codes(results: Results, arm: Arm, score: Any) -> dict[int, float]:
    """UDR of the seeds whose codes of the fixed images are here or published."""
    there = [run for run in arm if results.find_or_make(run, FEW_CODES).exists()]
    if len(there) < 2:
        return {}
    mend = "run `idgan-sc encode` for that run"
    found = {run: read_recorded(results.find_or_make(run, FEW_CODES), mend) for run in there}
    refuse_other_codes(found)
    codes = [arrays["codes"].astype(np.float64) for arrays in found.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = score(np.stack(codes), _nats(results, there))
    return dict(zip((run.seed for run in there), map(float, values), strict=True))


def _nats(results: Results, runs: list[Run]) -> np.ndarray | None:
    """Read the KL (M, D) of every code at each training's end, nats.

    The result is None for systems that have none.
    """
    logs = [table_or_empty(results.find_or_make(run, "log.csv")).filter(regex=r"^kl_\d+$") for run in runs]
    return np.stack([log.iloc[-1].to_numpy() for log in logs]) if all(log.size for log in logs) else None


def _by_pairs(results: Results, arm: Arm) -> dict[int, float]:
    """ModelCentrality of the seeds that were all scored with each other."""
    known = known_pairs(results, arm).set_index(PAIR)["value"]
    seeds = sorted({seed for pair in known.index for seed in pair})
    while seeds and (lacking := _lacking(seeds, set(known.index))):
        seeds.remove(max(seeds, key=lambda seed: lacking.count(seed)))
    if len(seeds) < 2:
        return {}
    matrix = [[1.0 if i == j else known[i, j] for j in seeds] for i in seeds]
    return dict(zip(seeds, map(float, model_centrality_scores(matrix)), strict=True))


def _lacking(seeds: list[int], there: set[tuple[int, int]]) -> list[int]:
    """The seeds of every pair that was not scored, one entry a pair and side."""
    return [seed for i in seeds for j in seeds if i != j and (i, j) not in there for seed in (i, j)]


def _scores(results: Results, arm: Arm) -> pd.DataFrame:
    """Read the scores of the headline code of the arm's scored seeds.

    A row is a seed, a column a metric.
    """
    there = results.having(arm, "scores.csv")
    if not there:
        return pd.DataFrame()
    read = [
        read_table(results.find_or_make(run, "scores.csv"), [*SCORE_KEY, "value"], "score it again") for run in there
    ]
    table = pd.concat(read)
    code = scored_codes(results.settings(arm[0]))[0]
    table = table[(table["code"] == code) & (table["protocol"] == PROTOCOL) & table["metric"].isin(METRIC_LABELS)]
    return table.pivot(index="seed", columns="metric", values="value")[list(METRIC_LABELS)]


def _printed(results: Results) -> Iterator[dict[str, Any]]:
    """What the source prints of seeds chosen so; the row that the paper omits last."""
    omitted = results.config["reported"]["omitted"]["source"]
    printed = {LASSO: results.config["selection"]["udr_lasso"], SPEARMAN: results.config["selection"]["udr_spearman"]}
    for way, scores in (printed | {CENTRALITY: omitted}).items():
        yield {"label": f"InfoGAN-CR, {PRINTED}", "k": None, "way": way, "n": None, "chosen": None, **scores}
