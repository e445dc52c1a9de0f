"""Find what the paper contradicts or leaves unsafe.

The findings come from what it prints (`reported` in config.yaml) and from what it rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import DATASET, Config, Run
from idgan_sc.files import write_text
from idgan_sc.records.results import Results
from idgan_sc.report.words import METRIC_LABELS, label, places

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """Hold a contradiction or a doubt.

    A sentence says what it is, with its numbers. The numbers are also given as one row each.
    """

    name: str
    sentence: str
    chinese: str
    rows: Rows = field(default_factory=list)

    @property
    def found(self) -> bool:
        return bool(self.rows)


def copied_spreads(config: Config) -> Finding:
    """Spreads of quoted rows that differ from their source, while the means agree."""
    rows = [
        {"system": system, "metric": metric, "printed": spread, "source": source[1]}
        for system, row in config["reported"]["table3"].items()
        for metric, (mean, spread) in row.get("paper", {}).items()
        if (source := row.get("source", {}).get(metric)) and source[0] == mean and source[1] != spread
    ]
    tenfold = sum(row["printed"] == round(10 * row["source"], 4) for row in rows)
    places = ", ".join(f"{METRIC_LABELS[row['metric']]} of {label(row['system'])}" for row in rows)
    which = "all" if tenfold == len(rows) else f"{tenfold} of them"
    sentence = f"{len(rows)} spreads of quoted rows differ from the source, {which} by a factor of ten: {places}."
    places = "、".join(f"{label(row['system'])} 的 {METRIC_LABELS[row['metric']]}" for row in rows)
    which = "均" if tenfold == len(rows) else f"其中 {tenfold} 个"
    chinese = f"引用行中有 {len(rows)} 个离散度与来源不同，{which}恰为来源的十倍：{places}。"
    return Finding("copied_spreads", sentence, chinese, rows)


def not_above_all(config: Config) -> Finding:
    """Printed scores that the text calls significantly above all others, and that are not above."""
    claim, table = config["reported"]["significantly_above"], config["reported"]["table3"]
    rows = [
        {"system": system, "metric": metric, "printed": mean, "other": other, "other_printed": theirs}
        for system in claim["systems"]
        for metric in claim["metrics"]
        for other, row in table.items()
        if other not in claim["systems"] and "paper" in row
        if (mean := table[system]["paper"][metric][0]) <= (theirs := row["paper"][metric][0])
    ]
    told = "; ".join(
        f"{METRIC_LABELS[row['metric']]} {row['printed']:.2f} of {label(row['system'])} against "
        f"{row['other_printed']:.2f} of {label(row['other'])}"
        for row in rows
    )
    sentence = f'"Above all others" is false in the printed table: {told}.'
    told = "；".join(
        f"{label(row['system'])} 的 {METRIC_LABELS[row['metric']]} 为 {row['printed']:.2f}，"
        f"低于或等于 {label(row['other'])} 的 {row['other_printed']:.2f}"
        for row in rows
    )
    return Finding("not_above_all", sentence, f"“显著高于其他模型”与论文自己的表格不符：{told}。", rows)


def mixed_codes(config: Config) -> Finding:
    """Rows of one table with different numbers of codes, which the metrics depend on."""
    codes = config["reported"]["codes"]
    most = max(codes.values())
    rows = [{"system": system, "printed": k, "other_printed": most} for system, k in codes.items() if k != most]
    few = ", ".join(label(row["system"]) for row in rows)
    sentence = f"{few}: rows with {_set(rows)} codes stand beside rows with {most}."
    return Finding("mixed_codes", sentence, f"{few}：{_set(rows)} 维编码的行与 {most} 维编码的行并列。", rows)


def _set(rows: Rows) -> str:
    return " or ".join(str(k) for k in sorted({row["printed"] for row in rows}))


def omitted_comparator(config: Config) -> Finding:
    """Find a system of the source that is above the paper's best row.

    The paper leaves this system out.
    """
    omitted, table = config["reported"]["omitted"], config["reported"]["table3"]
    ours = config["reported"]["significantly_above"]["systems"]
    best = {metric: max(table[system]["paper"][metric][0] for system in ours) for metric in omitted["source"]}
    rows = [
        {"system": omitted["label"], "metric": metric, "printed": value, "other_printed": best[metric]}
        for metric, value in omitted["source"].items()
        if value > best[metric]
    ]
    told = ", ".join(
        f"{METRIC_LABELS[row['metric']]} {row['printed']:.2f} > {row['other_printed']:.2f}" for row in rows
    )
    sentence = (
        f"{omitted['label']}, printed by the same source, is left out and lies above the best IDGAN-SC row in "
        f"{len(rows)} of {len(best)} scores: {told}."
    )
    chinese = (
        f"同一来源印出的 {omitted['label']} 未被列入，它在 {len(best)} 项分数中的 {len(rows)} 项高于 IDGAN-SC：{told}。"
    )
    return Finding("omitted_comparator", sentence, chinese, rows)


def sign_of_equation3(config: Config) -> Finding:
    """Show that Eq. (3) as extracted prefers representations that are not clustered.

    The loss of both kinds is computed, with the signs as printed.
    """
    printed = config["reported"]["equation3"]
    tau = config["families"]["gan"]["tau_denominator"]
    classes = np.repeat(np.arange(5), 8)
    clustered = np.eye(8)[classes]  # (40, 8): every class its own direction
    rng = np.random.default_rng(0)
    scattered = rng.normal(size=clustered.shape)
    scattered /= np.linalg.norm(scattered, axis=1, keepdims=True)
    terms = {
        kind: printed["sign_of_sc"] * -printed["sign_in_equation6"] * contrastive(r, classes, tau)
        for kind, r in (("clustered", clustered), ("scattered", scattered))
    }
    wrong = terms["clustered"] > terms["scattered"] and printed["players"] == "min"
    sentence = (
        "With the signs as text extraction shows them, on a made-up example (40 vectors, 5 classes, one temperature of "
        f"{tau:g}), the last term of Eq. (3) is {places(terms['clustered'])} where the classes are perfectly clustered "
        f"and {places(terms['scattered'])} where they are scattered: minimised, it drives them apart."
    )
    chinese = (
        f"按文本提取所见的符号，以一个构造的例子（40 个向量、5 类、温度 {tau:g}）最小化式 (3) 的最后一项，"
        f"类别完全聚合时为 {places(terms['clustered'])}，"
        f"分散时为 {places(terms['scattered'])}："
        "该符号会使类别分开而不是聚合。"
    )
    row = {"system": "idgan_sc", "metric": "term of Eq. (3)", "printed": terms["clustered"]}
    row |= {"other_printed": terms["scattered"]}
    return Finding("sign_of_equation3", sentence, chinese, [row] if wrong else [])


def contrastive(r: np.ndarray, classes: np.ndarray, tau: float) -> float:
    """Compute Eq. (6) with one temperature, as a mean over anchors.

    The unit vectors r are (m, d). Their classes are (m,).
    """
    similarity = r @ r.T / tau
    others = ~np.eye(len(r), dtype=bool)
    denominator = np.log((np.exp(similarity) * others).sum(axis=1, keepdims=True))  # (m, 1)
    positive = (classes[:, None] == classes) & others
    return float(-((similarity - denominator) * positive).sum(axis=1).mean() / positive.sum(axis=1).mean())


def confounded_ablation(config: Config) -> Finding:
    """Find the settings in which the two regularised arms of Table 2 differ.

    With one difference, the comparison would be an ablation. The pair rule is that of InfoGAN-CR's released code.
    The paper's text has the rule change one dimension (ledger row 6).
    """
    arms = [
        configuration.resolve(config, Run("paper", DATASET, s, "main", 0)) for s in ("infogan_cr", "idgan_sc_prior")
    ]
    rows = [
        {"system": "idgan_sc_prior", "metric": key, "printed": arms[1][key], "other_printed": arms[0][key]}
        for key in ("pair_rule", "pair_loss")
        if arms[0][key] != arms[1][key]
    ]
    told = " and ".join(f"{row['metric']} ({row['other_printed']} to {row['printed']})" for row in rows)
    variants = [name for name in ("keep_sc", "change_ce") if name in config["variants"]]
    sentence = (
        "If InfoGAN-CR is as its released code has it (keep one; the paper's text says change one), the ablation "
        f"changes {len(rows)} things at once between it and IDGAN-SC (without β-VAE): {told}; the variants "
        f"{' and '.join(variants)} are the missing corners."
    )
    told = "、".join(f"`{row['metric']}` 由 `{row['other_printed']}` 变为 `{row['printed']}`" for row in rows)
    chinese = "若 InfoGAN-CR 与其公开代码一致（保持一维不变；论文文字为改变一维），"
    chinese += f"消融实验在 InfoGAN-CR 与 IDGAN-SC（无 β-VAE）之间同时改变了 {len(rows)} 处：{told}。"
    return Finding("confounded_ablation", sentence, chinese, rows if len(rows) > 1 else [])


FINDINGS: list[Callable[[Config], Finding]] = [
    copied_spreads,
    not_above_all,
    mixed_codes,
    omitted_comparator,
    sign_of_equation3,
    confounded_ablation,
]


def findings(config: Config) -> list[Finding]:
    """Everything found, in the order of `FINDINGS`."""
    return [finding for make in FINDINGS if (finding := make(config)).found]


def write_findings(results: Results) -> list[Path]:
    """`errata.csv`, a row a number, and `errata.md`, a line a finding."""
    found = findings(results.config)
    frame = pd.DataFrame([{"finding": f.name} | row for f in found for row in f.rows])
    text = "\n".join(f"* {f.sentence}" for f in found) + "\n"

    return [
        write_text(results.root / "errata.csv", frame.to_csv(index=False, lineterminator="\n")),
        write_text(results.root / "errata.md", text),
    ]
