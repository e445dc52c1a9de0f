"""Write what each pair regulariser prefers, as a table and a page.

Both come from the rows of the study.
"""

from collections.abc import Iterator
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import DATASET, Settings
from idgan_sc.evaluation.cells import KEY, MEND, NO_NOISE, Cell, ceilings_path, cells, read_rows, rows_path
from idgan_sc.files import DataError, write_text
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table, write_table
from idgan_sc.report.render import Page, markdown
from idgan_sc.report.words import DASH, describe_results, label, places, seeds_range, seeds_words

ALIGNED = "aligned"
CORNER = ["noise", "pair_rule", "pair_loss"]
RULES = {"change_one": "change one", "keep_one": "keep one"}
LOSSES = {"contrastive": "contrastive", "cross_entropy": "cross-entropy"}
METHOD_OF_CORNER = {("change_one", "contrastive"): "IDGAN-SC", ("keep_one", "cross_entropy"): "InfoGAN-CR"}
CELL_MEASURES = ("loss", "above", "share", "accuracy", "identical")


def compared(results: Results) -> pd.DataFrame:
    """Compare every measured cell with the aligned cell of its seed.

    The result has the columns of `rows.csv` and further ones.

    `above` is the loss minus that of aligned codes. `share` is `above` as a share of what is learned from aligned
    codes. What is learned is the loss of a network that tells nothing, minus the loss of aligned codes. `turned`
    is the rotation in words, the same for all random ones. `ceiling` is the accuracy that the true factors allow.

    Raises
    ------
    DataError
        If the rows are not of today's study, or the aligned cell of a row is missing.
    """
    study, rows = results.config["regularisers"], read_rows(rows_path(results))
    order = {cell: place for place, cell in enumerate(cells(study))}
    rows["place"] = [order.get(Cell(*key)) for key in rows[KEY].itertuples(index=False)]
    if rows["place"].isna().any():
        raise DataError(f"{rows_path(results)} has cells that `regularisers` in config.yaml has not: delete it, {MEND}")
    aligned = rows[rows["rotation"] == ALIGNED].set_index([*CORNER, "seed"])["loss"].rename(ALIGNED)
    rows = rows.join(aligned, on=[*CORNER, "seed"]).join(_ceilings(results), on=["noise", "pair_rule"])
    if rows[ALIGNED].isna().any():
        raise DataError(f"{rows_path(results)} lacks aligned cells: {MEND}")
    nothing = [nothing_told(study, *row) for row in zip(rows["pair_loss"], rows["codes"], strict=True)]
    rows["above"] = rows["loss"] - rows[ALIGNED]
    rows["share"] = rows["above"] / (nothing - rows[ALIGNED])
    rows["turned"] = rows["rotation"].map(partial(turned_words, study))
    return rows.sort_values("place").drop(columns=["place", ALIGNED]).reset_index(drop=True)


def _ceilings(results: Results) -> "pd.Series[float]":
    columns = ("noise", "pair_rule", "accuracy")
    return (
        read_table(ceilings_path(results), columns, MEND)
        .set_index(["noise", "pair_rule"])["accuracy"]
        .rename("ceiling")
    )


def nothing_told(study: Settings, pair_loss: str, codes: int) -> float:
    """Return the loss of a network that tells nothing of s.

    Such a network gives one r for all pairs, or equal logits.
    """
    return log(study["pairs"] - 1) if pair_loss == "contrastive" else log(codes)


def turned_words(study: Settings, rotation: str) -> str:
    """A rotation in words: `x–y 45°`."""
    turn = study["rotations"][rotation]
    if "plane" in turn:
        return f"{'–'.join(turn['plane'])} {turn['degrees']:g}°"
    return "random" if "random" in turn else ALIGNED


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and SD over seeds of each measure.

    There is one row for each corner and rotation. Random rotations are first averaged by seed. `least` is the
    smallest value of `above` of a seed and rotation. If it is over 0, all of them prefer aligned codes.
    """
    keys = [*CORNER, "turned"]
    of_seeds = rows.groupby([*keys, "seed"], sort=False)[[*CELL_MEASURES, "ceiling"]].mean()
    grouped = of_seeds.groupby(keys, sort=False)
    found = grouped.mean().join(grouped[[*CELL_MEASURES]].std(ddof=1).add_suffix("_sd"))
    found["least"] = rows.groupby(keys, sort=False)["above"].min()
    found["seeds"] = grouped.size()
    return found.reset_index()


def write_tables(results: Results) -> list[Path]:
    """Write `tables/regularisers.csv` and, for reading, `tables/regularisers.md`.

    The CSV has one row for each measured corner and rotation.
    """
    path = results.root / "tables" / "regularisers"
    return [
        write_table(path.with_suffix(".csv"), summary(compared(results)).round(6)),
        write_text(path.with_suffix(".md"), text(results)),
    ]


def text(results: Results) -> str:
    """What is found, in sentences, and the two tables."""
    rows = compared(results)
    table = summary(rows)
    found = [_finding(corner, rows) for _, corner in table.groupby(CORNER, sort=False)]
    found += [*_order(table), *_trained(results, table)]
    return "\n".join([*(f"* {sentence}" for sentence in found), "", *map(markdown, pages(results, rows, table))])


def _finding(corner: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Say which rotation raises a corner's loss least and most.

    The text also says how often a seed prefers aligned codes.
    """
    noise, rule, loss = map(str, corner[CORNER].iloc[0])
    turned = corner[corner["turned"] != ALIGNED].sort_values("share")
    head = f"{corner_words(rule, loss)}, {_codes(noise)}"
    if turned.empty:
        return f"{head}: no turned codes are measured yet."
    mine = rows[(rows[CORNER] == [noise, rule, loss]).all(axis=1) & (rows["turned"] != ALIGNED)]
    ends = [f"{row['turned']} ({_risen(row)})" for _, row in turned.iloc[[0, -1]].iterrows()]
    won = f"{(mine['above'] > 0).sum()} of {len(mine)} comparisons with turned codes of the same seed"
    costs = f"{ends[0]} costs least and {ends[1]} costs most" if len(turned) > 1 else f"only {ends[0]} is measured yet"
    return f"{head}: of the turned codes, {costs}. Aligned codes have the lower loss in {won}."


def _order(table: pd.DataFrame) -> Iterator[str]:
    """The corners in the order of what a rotation costs them."""
    for noise, of_noise in table.groupby("noise", sort=False):
        for turned in (name for name in ("x–y 45°", "random") if name in set(of_noise["turned"])):
            ranked = of_noise[of_noise["turned"] == turned].sort_values("share", ascending=False)
            costs = [
                f"{corner_words(row['pair_rule'], row['pair_loss'])} {places(100 * row['share'], 0)} %"
                for _, row in ranked.iterrows()
            ]
            yield f"Of what is learned from aligned codes, {turned} costs, {_codes(str(noise))}: {'; '.join(costs)}."


def _trained(results: Results, table: pd.DataFrame) -> Iterator[str]:
    """Say where trained generators of the study's arm end.

    The values are the last row of each log, beside what true factors allow.
    """
    arm = results.config["regularisers"]["arm"]
    settings = results.settings(results.run(DATASET, arm))
    own = (table["pair_rule"] == settings["pair_rule"]) & (table["pair_loss"] == settings["pair_loss"])
    true = table[own & (table["noise"] == NO_NOISE) & (table["turned"] == ALIGNED)]
    runs = [run for run in results.runs(DATASET) if (run.system, run.variant) == (arm, "main")]
    paths = [results.find(run, "log.csv") for run in results.having(runs, "log.csv")]
    logs = [read_table(path, ["pair_accuracy", "loss_pair"], "train that run again").iloc[-1] for path in paths]
    if not logs or true.empty:
        return
    accuracy, loss = ([float(log[name]) for log in logs] for name in ("pair_accuracy", "loss_pair"))
    most, reached = places(true["ceiling"].iloc[0], 3), places(true["loss"].iloc[0], 3)
    yield (
        f"Trained generators of {label(arm)}, {seeds_words(len(logs))}, end with an accuracy of {_range(accuracy)} and "
        f"a loss of {_range(loss)}. True factors allow an accuracy of {most} and reach a loss of {reached} here."
    )


def pages(results: Results, rows: pd.DataFrame, table: pd.DataFrame) -> list[Page]:
    """Two tables for reading: how far a rotation raises the loss, and the accuracy reached."""
    study = results.config["regularisers"]
    columns = list(dict.fromkeys(turned_words(study, name) for name in study["rotations"]))
    losses, accuracies = (list(_lines(table, columns, measure)) for measure in ("above", "accuracy"))
    progress = f"{len(rows)} of {len(cells(study))} trainings; " if len(rows) < len(cells(study)) else ""
    source = "; ".join(describe_results(results, progress + seeds_range(sorted(set(table["seeds"]))))) + "."
    note = "Mean ± SD over seeds; a random rotation is the mean of all of them."
    return [
        Page(
            "Loss", "The loss with aligned codes, and how far it rises when the codes are turned.",
            ["codes", "pairs, loss", *columns], "ll" + "r" * len(columns), losses,
            [note, "In brackets: the rise as a share of what is learned from aligned codes.", source],
        ),
        Page(
            "Accuracy", "The accuracy on fresh pairs, and the most that true factors allow.",
            ["codes", "pairs, loss", "most", *columns], "llr" + "r" * len(columns), accuracies, [note, source],
        ),
    ]  # fmt: skip


def _lines(table: pd.DataFrame, columns: list[str], measure: str) -> Iterator[list[str]]:
    for _, corner in table.groupby(CORNER, sort=False):
        noise, rule, loss = map(str, corner[CORNER].iloc[0])
        of_rotation = {str(row["turned"]): row for _, row in corner.iterrows()}
        cell = _risen if measure == "above" else _accuracy
        most = [] if measure == "above" else [places(corner["ceiling"].iloc[0], 3)]
        shown = [cell(of_rotation[name]) if name in of_rotation else DASH for name in columns]
        yield [_codes(noise), corner_words(rule, loss), *most, *shown]


def corner_words(rule: str, loss: str) -> str:
    """A corner of the 2×2, with the method whose regulariser it is."""
    method = METHOD_OF_CORNER.get((rule, loss))
    return f"{RULES[rule]}, {LOSSES[loss]}" + (f" ({method})" if method else "")


def _range(values: list[float]) -> str:
    return f"{places(min(values), 3)} to {places(max(values), 3)}"


def _codes(noise: str) -> str:
    return "all factors coded" if noise == NO_NOISE else f"{noise} in the noise"


def _risen(row: Any) -> str:
    if row["turned"] == ALIGNED:
        return _spread(row["loss"], row["loss_sd"])
    return (
        f"{'+' if row['above'] > 0 else ''}{_spread(row['above'], row['above_sd'])} ({places(100 * row['share'], 0)} %)"
    )


def _accuracy(row: Any) -> str:
    return _spread(row["accuracy"], row["accuracy_sd"])


def _spread(mean: float, sd: float) -> str:
    return places(mean, 3) if pd.isna(sd) else f"{places(mean, 3)} ± {places(sd, 3)}"
