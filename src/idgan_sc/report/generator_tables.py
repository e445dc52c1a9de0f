"""Tables beyond the paper's: the generator's own scores, and what the pairs really show (Sec. 2.1, 2.2).

Functions of `generator_scores.csv`, `pair_labels.csv` and the floors below a preset's results.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import DATASET, dataset_row, generators, read_generators
from idgan_sc.evaluation.generators.pairs import RULES, UNRELATED
from idgan_sc.evaluation.generators.scores import CODE, DISTILLED, Q
from idgan_sc.evaluation.generators.scores_by_reader import HELD_OUT, TRUE
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.report.read import _labelled, _of, floors, read
from idgan_sc.report.render import Page, Row, write_page
from idgan_sc.report.statistics import summary
from idgan_sc.report.words import CODES, COLOURS, DASH, FLOORS, METRICS, VARIANTS, label, notes, plus_minus, seeds_words

FIDELITY = {"distance": "Distance", "abstained": "Abstained", "coverage": "Coverage"}
WITH_VAE = {DISTILLED: "Distilled"}  # measured where codes come from a β-VAE
DISTILLED_WORDS = (
    "Distilled: correlation of each code c_k with the frozen β-VAE's own mean of G(z, c) there, mean over the codes "
    "that it uses; 1: a code shows what it shows in the β-VAE, −1: the reverse of it, near 0: something else."
)
LIKEWISE = (
    "Q, its mean, and the floor, what learned nothing: on as many true images, scored in the same way. Fewer images "
    "score otherwise, most of all in DCI: Table 3 has the scores on the whole pool."
)
NO_SPREAD = dict.fromkeys(("sd", "se", "low", "high"))  # of values that differ by machine, not by seed
START = "{} at the start of stage B"  # a stage A
SPACES = {"prior": "codes of the prior", "vae": "distilled codes"}
PAIRS = {"change_one": "change one", "keep_one": "keep one", UNRELATED: "unrelated"}
SHARES = {
    "changed": "Factors changed",
    "none_changes": "None changes",
    "one_changes": "Exactly one changes",
    "one_stays": "Exactly one stays",
}
SHARED_MANIFOLD = {"precision": "Precision", "recall": "Recall"}
MEASURES = METRICS | FIDELITY | SHARED_MANIFOLD | WITH_VAE
ACCURACIES = {"accuracy_first": "E or H, first", "accuracy_last": "last", "accuracy": "new pairs"}


# ------------------------------------------------------------------------------------------------------------- tables
def table_generator(results: Results) -> list[Path]:
    """Scores of c against the factors of the images made from it, beside those of Q on true images; fidelity."""
    generator = read(results.root / "generator_scores.csv")
    cells, rows = [], []
    for system, variant in _arms(results, starts=False):
        own = _of(generator, dataset=DATASET, system=system, variant=variant)
        mine = [_cell(own, system, variant, CODE, metric) for metric in (*METRICS, *FIDELITY, *WITH_VAE)]
        other = [_cell(own, system, variant, Q, metric) for metric in METRICS]
        n = max(cell["n"] for cell in mine)
        head = [_label(results, system, variant), str(_k(results, system, variant)), str(n)]
        rows += [
            [*head, "generator", *(_shown(cell, n) for cell in mine)],
            ["", "", "", "Q, true images", *(_mean_sd(cell, n) for cell in other), *[DASH] * len(mine[len(other) :])],
        ]
        cells += mine + other
    for floor in floors(results.root, protocol=AS_GENERATORS):
        rows.append([*_floor_line(floor), *[DASH] * (len(FIDELITY) + len(WITH_VAE))])
        cells += floor
    sizes = results.generated
    page = Page(
        "Table G",
        "Disentanglement of the generator itself, and its fidelity.",
        ["Model", "k", "n", "Scored", *METRICS.values(), *FIDELITY.values(), *WITH_VAE.values()],
        "lrrl" + "c" * (len(METRICS) + len(FIDELITY) + len(WITH_VAE)),
        rows,
        [
            f"Generator: the true code c against the factors of the nearest true image of each of {sizes['images']} "
            "generated images; orientation modulo the shape's symmetry.",
            LIKEWISE,
            f"Distance: median of |g − x|²/|x|². Abstained: share of images beyond {sizes['abstain']}, left out of the "
            "scores. Coverage: grid cells reached over those of as many random true images.",
            DISTILLED_WORDS,
            *_reasons(_of(generator, dataset=DATASET)),
            *notes(results),
        ],
    )
    return write_page(results, "table_generator", _traced(results, cells, generator), page)


def table_generator_pictures(results: Results) -> list[Path]:
    """As `table_generator` for digits and faces: factors read by regressors; precision and recall."""
    generator = read(results.root / "generator_scores.csv")
    data = _labelled(results, generator)
    cells: list[dict[str, Any]] = []
    rows: list[Row] = []
    for name in data:
        mine = _of(generator, dataset=name)
        once = _once_a_seed(mine)
        true = [_cell(once, "", "", CODE, metric + TRUE) | NO_SPREAD for metric in SHARED_MANIFOLD]
        rows += [None] if rows else []
        for system, variant in _read_arms(results, name):
            own = _of(mine, system=system, variant=variant)
            measures = (*METRICS, *SHARED_MANIFOLD, *WITH_VAE)
            scored = [_cell(own, system, variant, CODE, metric) for metric in measures]
            other = [_cell(own, system, variant, Q, metric) for metric in METRICS]
            n = max(cell["n"] for cell in scored)
            head = [dataset_row(name).title, label(system), str(_k(results, system, variant, name)), str(n)]
            rows += [
                [*head, "generator", *(_shown(cell, n) for cell in scored)],
                ["", "", "", "", "Q, true images", *(_mean_sd(cell, n) for cell in other), *[DASH] * (len(true) + 1)],
            ]
            cells += [{"dataset": name} | cell for cell in scored + other]
        best = [plus_minus(cell["mean"], None) for cell in true]
        rows.append([dataset_row(name).title, "true images", "", "", DASH, *[DASH] * len(METRICS), *best, DASH])
        cells += [{"dataset": name} | cell for cell in true]
        for floor in floors(results.root, name, AS_GENERATORS):
            rows.append([dataset_row(name).title, *_floor_line(floor), *[DASH] * (len(true) + 1)])
            cells += floor
    sizes = results.generated
    page = Page(
        "Table R",
        "Disentanglement and quality of generators whose factors are read by regressors.",
        ["Data", "Model", "k", "n", "Scored", *METRICS.values(), *SHARED_MANIFOLD.values(), *WITH_VAE.values()],
        "llrrl" + "c" * (len(METRICS) + len(SHARED_MANIFOLD) + len(WITH_VAE)),
        rows,
        [
            "Generator: the true code c against the factors that a network reads off each of "
            f"{sizes['images']} generated images, none left out.",
            LIKEWISE,
            *(f"Held-out true images of {dataset_row(name).title}: {_held_out(generator, name)}." for name in data),
            "Every machine that measures trains its own such network: values on true images are means over seeds.",
            f"Precision and recall: Kynkäänniemi et al. 2019, k = {sizes['neighbours']}, in the space of that "
            "network's convolutional features; true images: another sample, what a perfect generator reaches.",
            DISTILLED_WORDS,
            *_reasons(_of(generator, dataset=data)),
            *notes(results, data),
        ],
    )
    traced = _traced(results, cells, generator)
    return write_page(results, "table_generator_pictures", traced, page, data)


def table_pairs(results: Results) -> list[Path]:
    """How many generated factors differ within the pairs of either rule, and how well E or H tells the classes."""
    labels = read(results.root / "pair_labels.csv")
    cells: list[dict[str, Any]] = []
    rows: list[Row] = []
    for system, variant in _arms(results, starts=True):
        rows += [None] if rows else []
        for rule in (*RULES, UNRELATED):
            found = _of(labels, system=system, variant=variant, rule=rule)
            mine = [_pair_cell(found, system, variant, rule, name) for name in (*SHARES, *ACCURACIES)]
            first = rule == RULES[0]
            head = [_label(results, system, variant), str(_k(results, system, variant))]
            shown = [*(head if first else ["", ""]), str(mine[0]["n"]), PAIRS[rule]]
            rows.append([*shown, *(_mean_sd(cell, mine[0]["n"], absent=DASH) for cell in mine)])
            cells += mine
    sizes = results.generated
    page = Page(
        "Table P",
        "What pairs of generated images really show.",
        ["Model", "k", "n", "Pairs", *SHARES.values(), *ACCURACIES.values()],
        "p{0.22\\textwidth}rrl" + "c" * (len(SHARES) + len(ACCURACIES)),
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
    known = set(COLOURS)
    runs = [run for run in generators(results.config, results.preset) if run.variant in VARIANTS]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if starts or run.system in known))


def _read_arms(results: Results, data: str) -> list[tuple[str, str]]:
    runs = [run for run in read_generators(results.config, results.preset) if run.dataset == data]
    return list(dict.fromkeys((run.system, run.variant) for run in runs if run.variant in VARIANTS))


def _held_out(scores: pd.DataFrame, data: str) -> str:
    """How well the regressors read a data set, mean over seeds."""
    rows = _once_a_seed(_of(scores, dataset=data))
    rows = rows[rows["metric"].str.startswith(HELD_OUT)]
    means = rows.groupby(["metric", "protocol"], sort=False)["value"].mean().reset_index()
    words = zip(means["metric"].str.removeprefix(HELD_OUT), means["protocol"], means["value"], strict=True)
    return ", ".join(f"{factor} {protocol} {value:.2f}" for factor, protocol, value in words)


def _once_a_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Values that are the regressors' own: the same for all runs of a seed, and of a machine, which trains its own."""
    return scores.drop_duplicates(["seed", "metric"])


def _cell(frame: pd.DataFrame, system: str, variant: str, code: str, metric: str) -> dict[str, Any]:
    values = frame[(frame["metric"] == metric) & (frame["code"] == code)]["value"].dropna().to_numpy(float)
    return {"system": system, "variant": variant, "code": code, "metric": metric, **_summary(values)}


def _floor_line(floor: list[dict[str, Any]]) -> list[str]:
    """Name, number of codes and of seeds, what is scored, and the scores of one floor."""
    first, n = floor[0], max(cell["n"] for cell in floor)
    return [
        first["label"],
        str(first["k"]),
        str(n),
        CODES[first["code"]],
        *(_mean_sd(cell, n) for cell in floor),
    ]


def _pair_cell(frame: pd.DataFrame, system: str, variant: str, rule: str, measure: str) -> dict[str, Any]:
    if measure in ("accuracy_first", "accuracy_last"):
        log = frame[frame["measure"] == "accuracy_log"].sort_values("step").groupby("seed")["value"]
        values = (log.first() if measure == "accuracy_first" else log.last()).to_numpy(float)
    else:
        values = frame[frame["measure"] == measure]["value"].to_numpy(float)
    return {"system": system, "variant": variant, "rule": rule, "measure": measure, **_summary(values)}


def _traced(results: Results, cells: list[dict[str, Any]], measurements: pd.DataFrame) -> pd.DataFrame:
    """The cells, each with the origin of its runs, as in Table 3; a floor has its own, a cell of true images none."""
    whence: dict[tuple[str, str, str], str | None] = {}
    for cell in [cell for cell in cells if "origin" not in cell]:
        key = (cell.get("dataset", DATASET), cell["system"], cell["variant"])
        if key not in whence:
            mine = _of(measurements, dataset=key[0], system=key[1], variant=key[2])
            runs = [results.run(*key, int(seed)) for seed in sorted(mine["seed"].unique())]
            whence[key] = results.origin(runs) if runs else None
        cell["origin"] = whence[key]
    kept = dict.fromkeys(key for cell in cells if cell["system"] not in FLOORS for key in cell)
    return pd.DataFrame(cells, columns=list(kept))


def _summary(values: np.ndarray) -> dict[str, Any]:
    s = summary(values)
    return {key: getattr(s, key) for key in ("n", "mean", "sd", "se", "low", "high")}


def _mean_sd(cell: dict[str, Any], n: int, absent: str = "none") -> str:
    """Mean and SD; `absent` where no value is of the n measured runs, "missing" where no run is."""
    if cell["n"] == 0:
        return absent if n else "missing"
    return plus_minus(cell["mean"], cell["sd"]) + (f" (n = {cell['n']})" if cell["n"] < n else "")


def _shown(cell: dict[str, Any], n: int) -> str:
    """As `_mean_sd`, with a dash for what only some systems have."""
    return _mean_sd(cell, n, absent=DASH if cell["metric"] in WITH_VAE else "none")


def _k(results: Results, system: str, variant: str, data: str = DATASET) -> int:
    return int(results.settings(results.run(data, system, variant, 0))["c_dim"])


def _label(results: Results, system: str, variant: str) -> str:
    if system in COLOURS:
        return label(system)
    code = results.settings(results.run(DATASET, system, variant, 0))["code"]
    return f"{START.format('ID-GAN' if code == 'vae' else 'InfoGAN')}, {SPACES[code]}"


def _reasons(scores: pd.DataFrame) -> list[str]:
    """Why scores are absent, and of which runs: a line a reason and set of scores."""
    absent = _of(scores, system=list(COLOURS), variant=list(VARIANTS))
    absent = absent[absent["value"].isna()]
    key = ["dataset", "system", "variant", "seed", "code"]
    words = absent.assign(metric=absent["metric"].map(MEASURES)).groupby([*key, "reason"], sort=False)["metric"]
    runs = words.agg(", ".join).reset_index()
    return [
        f"No {metric} score{' of Q' if code == Q else ''}, {reason}: {_counted(same)}."
        for (code, reason, metric), same in runs.groupby(["code", "reason", "metric"], sort=False)
    ]


def _counted(runs: pd.DataFrame) -> str:
    """InfoGAN-CR c10 (2 seeds), …"""
    counts = runs.groupby(["system", "variant"], sort=False)["seed"].nunique().reset_index()
    return ", ".join(
        f"{label(row['system'])}{'' if row['variant'] == 'main' else ' ' + row['variant']} "
        f"({seeds_words(row['seed']).removeprefix('n = ')})"
        for _, row in counts.iterrows()
    )


def _tolerances(tolerance: dict[str, int]) -> str:
    return ", ".join(f"{steps} ({name})" for name, steps in tolerance.items())
