"""Write the tables that go beyond the paper's.

They show the generator's own scores, and what the pairs really show (Sec. 2.1, 2.2). They are functions of
`generator_scores.csv`, `pair_labels.csv` and the baselines below a preset's results.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import DATASET, dataset_row, generators_by_matching, generators_by_reader
from idgan_sc.evaluation.generators.names import DISTILLED, GENERATOR_CODE, HELD_OUT, Q_CODE, RULES, TRUE, UNRELATED
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.report.read import baseline_cells, datasets_by_reader, read_generator_table, select
from idgan_sc.report.render import Page, Row, write_page
from idgan_sc.report.statistics import summary
from idgan_sc.report.words import (
    BASELINES,
    CODES_OF,
    DASH,
    METRIC_LABELS,
    SYSTEMS,
    VARIANTS,
    label,
    notes,
    plus_minus,
    seeds_words,
)

FIDELITY = {"distance": "Distance", "abstained": "Abstained", "coverage": "Coverage"}
WITH_VAE = {DISTILLED: "Distilled"}  # measured where codes come from a β-VAE
DISTILLED_WORDS = (
    "Distilled: correlation of each code c_k with the frozen β-VAE's own mean of G(z, c) there, mean over the codes "
    "that it uses; 1: a code shows what it shows in the β-VAE, −1: the reverse of it, near 0: something else."
)
HEAD, WIDTHS = ["Model", "k", "n"], r">{\raggedright}p{0.13\textwidth}rr"
SCORES = "A score: the true code c against {} {} generated {} | the mean of Q on as many true images; mean ± SD."
BASELINE_NOTE = (
    "Baseline: what learned nothing, on as many true images, scored in the same way. Fewer images score otherwise, "
    "most of all in DCI: Table 3 has the scores on the whole pool."
)
FEWER = "\N{DOUBLE DAGGER}"  # of a cell of fewer seeds than its row
NO_SPREAD = dict.fromkeys(("sd", "se", "low", "high"))  # of values that differ by machine, not by seed
START = "{} at the start of stage B"  # a stage A
SPACES = {"prior": "codes of the prior", "vae": "distilled codes"}
PAIRS = {"change_one": "change one", "keep_one": "keep one", UNRELATED: "unrelated"}
SHARES = {
    "changed": "Factors\nchanged",
    "none_changes": "None\nchanges",
    "one_changes": "Exactly one\nchanges",
    "one_stays": "Exactly one\nstays",
}
SHARED_MANIFOLD = {"precision": "Precision", "recall": "Recall"}
MEASURE_LABELS = METRIC_LABELS | FIDELITY | SHARED_MANIFOLD | WITH_VAE
ACCURACIES = {"accuracy_first": "E or H,\nfirst", "accuracy_last": "last", "accuracy": "new\npairs"}


# ------------------------------------------------------------------------------------------------------------- tables
def table_generator(results: Results) -> list[Path]:
    """Write the scores and the fidelity of the generators.

    The scores are of c against the factors of the images made from it. The scores of Q on true images stand
    beside them.
    """
    scores = read_generator_table(results.root / "generator_scores.csv")
    models = [
        _generator(results, select(scores, dataset=DATASET), DATASET, *arm, FIDELITY | WITH_VAE)
        for arm in _arms(results, starts=False)
    ]
    baselines = [
        _baseline(baseline, FIDELITY | WITH_VAE) for baseline in baseline_cells(results.root, protocol=AS_GENERATORS)
    ]
    sizes = results.generated
    page = Page(
        "Table G",
        "Disentanglement of the generator itself, and its fidelity.",
        [*HEAD, *METRIC_LABELS.values(), *FIDELITY.values(), *WITH_VAE.values()],
        WIDTHS + "c" * (len(METRIC_LABELS) + len(FIDELITY) + len(WITH_VAE)),
        [*(row for row, _ in models), None, *(row for row, _ in baselines)],
        [
            SCORES.format("the factors of the nearest true image of each of", sizes["images"], "images")
            + " Orientation is taken modulo the shape's symmetry.",
            BASELINE_NOTE,
            f"Distance: median of |g − x|²/|x|². Abstained: share of images beyond {sizes['abstain']}, left out of the "
            "scores. Coverage: grid cells reached over those of as many random true images.",
            DISTILLED_WORDS,
            *_reasons(select(scores, dataset=DATASET)),
            *notes(results),
        ],
    )
    cells = [cell for _, mine in [*models, *baselines] for cell in mine]
    return write_page(results, "table_generator", _traced(results, cells, scores), page)


def table_generator_pictures(results: Results) -> list[Path]:
    """As `table_generator` for digits and faces: factors read by regressors; precision and recall."""
    scores = read_generator_table(results.root / "generator_scores.csv")
    data = datasets_by_reader(results, scores)
    rows: list[Row] = []
    cells: list[dict[str, Any]] = []
    for name in data:
        mine, title = select(scores, dataset=name), dataset_row(name).title
        found = [_generator(results, mine, name, *arm, SHARED_MANIFOLD | WITH_VAE) for arm in _read_arms(results, name)]
        true = [_cell(_once_a_seed(mine), "", "", GENERATOR_CODE, name + TRUE) | NO_SPREAD for name in SHARED_MANIFOLD]
        best = [*(plus_minus(cell["mean"], None) for cell in true), DASH]
        found.append((["true images", "", "", *[DASH] * len(METRIC_LABELS), *best], true))
        found += [
            _baseline(baseline, SHARED_MANIFOLD | WITH_VAE)
            for baseline in baseline_cells(results.root, name, AS_GENERATORS)
        ]
        rows += [*([None] if rows else []), *([title, *row] for row, _ in found)]
        cells += [{"dataset": name} | cell for _, mine_ in found for cell in mine_]
    sizes = results.generated
    page = Page(
        "Table GP",
        "Disentanglement and quality of generators whose factors are read by regressors.",
        ["Data", *HEAD, *METRIC_LABELS.values(), *SHARED_MANIFOLD.values(), *WITH_VAE.values()],
        "l" + WIDTHS + "c" * (len(METRIC_LABELS) + len(SHARED_MANIFOLD) + len(WITH_VAE)),
        rows,
        [
            SCORES.format("the factors that a network reads off each of", sizes["images"], "images, none left out"),
            BASELINE_NOTE,
            *(f"Held-out true images of {dataset_row(name).title}: {_held_out(scores, name)}." for name in data),
            "Every machine that measures trains its own such network: values on true images are means over seeds.",
            f"Precision and recall: Kynkäänniemi et al. 2019, k = {sizes['neighbours']}, in the space of that "
            "network's convolutional features; true images: another sample, what a perfect generator reaches.",
            DISTILLED_WORDS,
            *_reasons(select(scores, dataset=data)),
            *notes(results, data),
        ],
    )
    return write_page(results, "table_generator_pictures", _traced(results, cells, scores), page, data)


def table_pairs(results: Results) -> list[Path]:
    """Write how many generated factors differ within pairs.

    The pairs are of either rule. The table also says how well E or H tells the classes.
    """
    labels = select(read_generator_table(results.root / "pair_labels.csv"), dataset=DATASET)
    cells: list[dict[str, Any]] = []
    rows: list[Row] = []
    for system, variant in _arms(results, starts=True):
        rows += [None] if rows else []
        head = [_label(results, system, variant), str(_k(results, system, variant))]
        for rule in (*RULES, UNRELATED):
            found = select(labels, system=system, variant=variant, rule=rule)
            mine = [_pair_cell(found, system, variant, rule, name) for name in (*SHARES, *ACCURACIES)]
            n = mine[0]["n"]
            rows.append([*head, str(n), PAIRS[rule], *(_mean_sd(cell, n, absent=DASH) for cell in mine)])
            head = ["", ""]
            cells += mine
    sizes = results.generated
    page = Page(
        "Table P",
        "What pairs of generated images really show.",
        [*HEAD, "Pairs", *SHARES.values(), *ACCURACIES.values()],
        WIDTHS + "l" + "c" * (len(SHARES) + len(ACCURACIES)),
        rows,
        [
            f"{sizes['pairs']} pairs of either rule a run, both images matched with their nearest true images; a label "
            "of change one can be right where exactly one of the five factors changes, of keep one where exactly one "
            "stays. Unrelated: independent codes and noise.",
            f"A change is more than {_tolerances(sizes['tolerance'])} steps; a match is itself uncertain by about one.",
            "E or H: accuracy of the run's own pair network over its first and last logged steps, and on new pairs; "
            "chance is 1/k. Logged at G's last step: H has then moved on these very pairs, E where G makes two steps.",
            *notes(results),
        ],
    )
    return write_page(results, "table_pairs", _traced(results, cells, labels), page)


TABLES: dict[str, Callable[[Results], list[Path]]] = {
    "table_generator": table_generator,
    "table_generator_pictures": table_generator_pictures,
    "table_pairs": table_pairs,
}


# -------------------------------------------------------------------------------------------------------------- reading
def _arms(results: Results, starts: bool) -> list[tuple[str, str]]:
    """System and variant of the rows, those of stage A among them if `starts`."""
    every = generators_by_matching(results.config, results.preset)
    runs = [run for run in every if run.dataset == DATASET and run.variant in VARIANTS]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if starts or run.system in SYSTEMS))


def _read_arms(results: Results, data: str) -> list[tuple[str, str]]:
    runs = [run for run in generators_by_reader(results.config, results.preset) if run.dataset == data]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if run.variant in VARIANTS))


def _held_out(scores: pd.DataFrame, data: str) -> str:
    """How well the regressors read a data set, mean over seeds."""
    rows = _once_a_seed(select(scores, dataset=data))
    rows = rows[rows["metric"].str.startswith(HELD_OUT)]
    means = rows.groupby(["metric", "protocol"], sort=False)["value"].mean().reset_index()
    words = zip(means["metric"].str.removeprefix(HELD_OUT), means["protocol"], means["value"], strict=True)
    return ", ".join(f"{factor} {protocol} {value:.2f}" for factor, protocol, value in words)


def _once_a_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep one value for each seed and metric.

    These values are the regressors' own. They are the same for all runs of a seed on one machine, because each
    machine trains its own.
    """
    return scores.drop_duplicates(["seed", "metric"])


def _cell(frame: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> dict[str, Any]:
    values = frame[(frame["metric"] == metric) & (frame["code"] == code)]["value"].dropna().to_numpy(float)
    return {"system": system, "variant": variant, "code": code, "metric": metric, **asdict(summary(values))}


def _generator(
    results: Results, scores: pd.DataFrame, data: str, system: str, variant: str, further: dict[str, str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return a model's line and cells.

    The generator's scores stand above those of Q on true images. The further measures follow.
    """
    own = select(scores, system=system, variant=variant)
    mine = [_cell(own, system, variant, GENERATOR_CODE, metric) for metric in (*METRIC_LABELS, *further)]
    true = [_cell(own, system, variant, Q_CODE, metric) for metric in METRIC_LABELS]
    n = max(cell["n"] for cell in mine)
    both = [f"{_mean_sd(cell, n)}\n{_mean_sd(q, n)}" for cell, q in zip(mine, true, strict=False)] if n else None
    further_cells = [_mean_sd(c, n, absent=DASH if c["metric"] in WITH_VAE else "none") for c in mine[len(true) :]]
    head = [_label(results, system, variant), str(_k(results, system, variant, data)), str(n)]
    return [*head, *(both or ["missing"] * len(true)), *further_cells], [*mine, *true]


def _baseline(baseline: list[dict[str, Any]], further: dict[str, str]) -> tuple[list[str], list[dict[str, Any]]]:
    """The line and cells of what learned nothing, scored on true images alone."""
    first, n = baseline[0], max(cell["n"] for cell in baseline)
    head = [first["label"], str(first["k"]), str(n)]
    return [*head, *(_mean_sd(cell, n) for cell in baseline), *[DASH] * len(further)], baseline


def _pair_cell(frame: pd.DataFrame, system: str, variant: str, rule: str, measure: str) -> dict[str, Any]:
    if measure in ("accuracy_first", "accuracy_last"):
        log = frame[frame["measure"] == "accuracy_log"].sort_values("step").groupby("seed")["value"]
        values = (log.first() if measure == "accuracy_first" else log.last()).to_numpy(float)
    else:
        values = frame[frame["measure"] == measure]["value"].to_numpy(float)
    return {"system": system, "variant": variant, "rule": rule, "measure": measure, **asdict(summary(values))}


def _traced(results: Results, cells: list[dict[str, Any]], measurements: pd.DataFrame) -> pd.DataFrame:
    """Add to each cell the origin of its runs, as in Table 3.

    A baseline has its own origin. A cell of true images has none.
    """
    whence: dict[tuple[str, str, str], str | None] = {}
    for cell in [cell for cell in cells if "origin" not in cell]:
        key = (cell.get("dataset", DATASET), cell["system"], cell["variant"])
        if key not in whence:
            mine = select(measurements, dataset=key[0], system=key[1], variant=key[2])
            runs = [results.run(*key, int(seed)) for seed in sorted(mine["seed"].unique())]
            whence[key] = results.origin(runs) if runs else None
        cell["origin"] = whence[key]
    kept = dict.fromkeys(key for cell in cells if cell["system"] not in BASELINES for key in cell)
    return pd.DataFrame(cells, columns=list(kept))


def _mean_sd(cell: dict[str, Any], n: int, absent: str = "none") -> str:
    """Format the mean and SD of a cell.

    The text is `absent` if none of the n measured runs has a value. It is "missing" if no run is measured.
    """
    if cell["n"] == 0:
        return absent if n else "missing"
    return plus_minus(cell["mean"], cell["sd"]) + (FEWER if cell["n"] < n else "")


def _k(results: Results, system: str, variant: str, data: str = DATASET) -> int:
    return int(results.settings(results.run(data, system, variant, 0))["c_dim"])


def _label(results: Results, system: str, variant: str) -> str:
    if system in SYSTEMS:
        return label(system)
    code = results.settings(results.run(DATASET, system, variant, 0))["code"]
    return f"{START.format('ID-GAN' if code == 'vae' else 'InfoGAN')}, {SPACES[code]}"


def _reasons(scores: pd.DataFrame) -> list[str]:
    """Say why scores are absent, and of which runs.

    There is one line for each reason and set of scores.
    """
    absent = select(scores, system=list(SYSTEMS), variant=list(VARIANTS))
    absent = absent[absent["value"].isna()]
    key = ["dataset", "system", "variant", "seed", "code"]
    words = absent.assign(metric=absent["metric"].map(MEASURE_LABELS)).groupby([*key, "reason"], sort=False)["metric"]
    runs = words.agg(", ".join).reset_index()
    told = [
        f"No {metric} score{' of Q' if code == Q_CODE else ''}, {reason}: {_arms_and_seeds(same)}."
        for (code, reason, metric), same in runs.groupby(["code", "reason", "metric"], sort=False)
    ]
    told += _without_q(scores)
    return [f"{FEWER}: a cell of fewer seeds than its row.", *told] if told else []


def _without_q(scores: pd.DataFrame) -> list[str]:
    """The runs whose measurement has no row of Q: what "(n = 9)" stands for."""
    planned = select(scores, system=list(SYSTEMS), variant=list(VARIANTS))
    key = ["dataset", "system", "variant", "seed"]
    runs = planned.groupby(key, sort=False)["code"].agg(set).reset_index()
    lacking = runs[[Q_CODE not in codes for codes in runs["code"]]]
    if lacking.empty:
        return []
    seeds = ", ".join(map(str, sorted(lacking["seed"].unique())))
    return [
        "The measurement of some runs holds no score of Q, and their codes are not published, so that it cannot be "
        f"added: {_arms_and_seeds(lacking)}, seed {seeds}."
    ]


def _arms_and_seeds(runs: pd.DataFrame) -> str:
    """Name runs by system and variant, with their number of seeds."""
    counts = runs.groupby(["system", "variant"], sort=False)["seed"].nunique().reset_index()
    return ", ".join(
        f"{label(row['system'])}{CODES_OF.get(row['variant'], ', ' + row['variant'])} "
        f"({seeds_words(row['seed']).removeprefix('n = ')})"
        for _, row in counts.iterrows()
    )


def _tolerances(tolerance: dict[str, int]) -> str:
    return ", ".join(f"{steps} ({name})" for name, steps in tolerance.items())
