"""REPLICATION.md, ARTIFACT.md, README.zh-CN.md and parts of README: texts whose numbers published files fill in.

Everything is a function of the configuration and the published files of a preset, so that a test can compare what
stands in the repository with what the files say.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable
from math import sqrt
from pathlib import Path

import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import dataset_row, with_predecessors
from idgan_sc.config.claims import claim_runs, planned_checks, seeds_needed
from idgan_sc.files import DataError, write_text
from idgan_sc.publish import chinese
from idgan_sc.publish.origins import core_hours
from idgan_sc.publish.page import origins_table
from idgan_sc.records.record import protocol_hash
from idgan_sc.records.results import Results
from idgan_sc.records.tables import table_or_empty, text_or_empty
from idgan_sc.report import errata, regularisers
from idgan_sc.report.comparisons import two_measurements_note
from idgan_sc.report.figures.forest import with_paper
from idgan_sc.report.figures.registry import all_figures
from idgan_sc.report.readings import READINGS_NOTE, shown_verdicts
from idgan_sc.report.second_protocol import contrast_words, contrasts_run
from idgan_sc.report.verdicts import (
    AS_FAR,
    VERDICT_WORDS,
    VERDICTS,
    as_far,
    check_line,
    check_text,
    nearest,
    plain_answer,
    shown_words,
)
from idgan_sc.report.words import DASH, data_words, label, places, planned_words

TEMPLATES = Path(__file__).parent / "templates"
PUBLISHED_PRESET = "desk"  # the preset whose published results the documents are about
DOCUMENTS = ("REPLICATION.md", "ARTIFACT.md", "README.zh-CN.md")
WRITTEN = (
    "README.md",
    "docs/index.md",
    "docs/regularisers.md",
    "docs/systems.md",
    "docs/datasets.md",
)  # by hand, but for the generated parts; PROTOCOL.md is fixed text
# A line of PROTOCOL.md for a data set: the date, and what `protocol_hash` was.
REGISTERED = re.compile(r"^\*\*Registered (\d{4}-\d\d-\d\d): (\w+) as `([0-9a-f]{12})`", re.M)
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end of generated -->)", re.S)


def documents(results: Results, repository: Path) -> dict[Path, str]:
    """Build the text of every generated document, by path.

    The documents in `WRITTEN` are included, with their generated parts filled in.
    """
    found = {repository / name: fill((TEMPLATES / name).read_text(encoding="utf-8"), results) for name in DOCUMENTS}
    written = [repository / name for name in WRITTEN if (repository / name).exists()]
    return found | {path: fill_blocks(path.read_text(encoding="utf-8"), results) for path in written}


def write_documents(results: Results, repository: Path) -> list[Path]:
    """Write the documents from the published files of a preset."""
    published = dataclasses.replace(results, root=results.root / "published")
    return [write_text(path, text) for path, text in documents(published, repository).items()]


def fill(template: str, results: Results) -> str:
    """Replace every `{{name}}` by the fact of that name.

    Raises
    ------
    DataError
        If a name is unknown.
    """

    facts = FACTS | OF_CLAIMS
    published = (results.root / "claims.csv").exists()

    def fact(match: re.Match[str]) -> str:
        if match[1] not in facts:
            raise DataError(f"unknown placeholder {match[0]}: one of {configuration.listed(match[1], facts)}")
        return facts[match[1]](results) if published or match[1] in FACTS else _nothing(results)

    return re.sub(r"\{\{(\w+)\}\}", fact, template)


def fill_blocks(text: str, results: Results) -> str:
    """Replace the lines between a text's markers by generated facts.

    The first marker names the fact.
    """

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}{fill('{{' + match[2] + '}}', results).strip()}\n{match[3]}"

    return BLOCK.sub(block, text)


# -------------------------------------------------------------------------------------------------------------- facts
def _scope(results: Results) -> str:
    data = results.datasets
    parts = [
        f"Preset `{results.preset}`: {results.title}",
        ", ".join(data_words(results, name) for name in data),
        planned_words(results, data),
    ]
    return "; ".join(parts) + "."


def _nothing(results: Results) -> str:
    return f"Nothing is published yet: `snakemake --config preset={results.preset} -- publish` fills this in."


def _table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """Rows of cells below a head such as `| Claim | Seeds |`, as Markdown."""
    lines = (f"| {' | '.join(map(str, row))} |" for row in rows)
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *lines])


def _rows(results: Results, name: str) -> list[pd.Series]:
    return [row for _, row in table_or_empty(results.root / name).iterrows()]


def _verdict_summary(results: Results) -> str:
    """Summarise the verdicts on the claims in words.

    The readings made after registration come first. Then come the registered words of the other claims, and those
    of all claims.
    """
    claims, read = table_or_empty(results.root / "claims.csv"), _readings(results)
    others = claims[~claims["claim"].isin(read["claim"])]
    short = read["reading"].astype(str).str.split("[:,(]").str[0].str.strip()
    told = " ".join(f"{', '.join(names)}: {words}." for words, names in read.groupby(short, sort=False)["claim"])
    first = f"As read after registration: {told} The others, as registered: {_verdict_counts(others)}. " if told else ""
    registered = f"By the registered words alone, of the paper's {len(claims)} claims: {_verdict_counts(claims)}."
    return first + registered + _so_far(results)


def _readings(results: Results) -> pd.DataFrame:
    """The claims that have a reading made after registration."""
    read = table_or_empty(results.root / "readings.csv")
    return read.dropna(subset="reading") if len(read) else pd.DataFrame(columns=["claim", "reading", "chinese"])


def _verdict_counts(claims: pd.DataFrame) -> str:
    """How many claims have which verdict."""
    found = Counter((row["verdict"], as_far(row)) for _, row in claims.iterrows())
    return ", ".join(
        f"{found[name, part]} {VERDICT_WORDS[name]}{AS_FAR if part else ''}"
        for name in VERDICTS
        for part in (False, True)
        if found[name, part]
    )


def _so_far(results: Results) -> str:
    """How much of what the preset plans is published, where that is not all."""
    planned = with_predecessors(results.config, results.planned)
    there = len(table_or_empty(results.root / "cost.csv"))
    return "" if there >= len(planned) else f" {there} of the {len(planned)} trainings planned are published."


def _claims_table(results: Results) -> str:
    claims = table_or_empty(results.root / "claims.csv")
    shown = shown_verdicts(claims, _readings(results))
    rows = ((r["claim"], r["sentence"], shown[r["claim"]], r["n"], _data(r)) for r in _rows(results, "claims.csv"))
    return _table("| | Claim | Verdict | Seeds | Data |", rows)


def _data(row: pd.Series) -> str:
    return DASH if pd.isna(row["dataset"]) else f"{row['source']} {row['dataset']}, preset {row['preset']}"


def _chinese_claims(results: Results) -> str:
    claims = table_or_empty(results.root / "claims.csv")
    if claims.empty:
        return chinese.NOTHING
    return _table(chinese.CLAIMS_HEAD, chinese.claim_rows(claims, _readings(results)))


def _chinese_answer(results: Results) -> str:
    checks = _nearest(results) if (results.root / "checks.csv").exists() else pd.DataFrame()
    return "\n".join(chinese.answer_lines(checks)) or chinese.NOTHING


def _verdicts(results: Results) -> str:
    return f"{_verdict_summary(results)} {_scope(results)}\n\n{READINGS_NOTE}\n\n{_claims_table(results)}"


def _readings_list(results: Results) -> str:
    """Every reading made after registration, with the numbers behind it and its reason."""
    return "\n".join(
        f"* **{row['claim']}: {row['reading']}.** {shown_words(row['evidence'])} Why: {row['reason']}."
        for _, row in _readings(results).iterrows()
    )


def _checks_table(results: Results) -> str:
    """Tabulate every check.

    A row has what is compared, the estimate and its interval, the paper's value, and the answer.
    """
    found = with_paper(results, table_or_empty(results.root / "checks.csv"))
    rows = (
        (
            row["claim"],
            shown_words(row["words"]),
            places(row["estimate"], 3) if pd.notna(row["estimate"]) else DASH,
            f"{places(row['low'], 3)} to {places(row['high'], 3)}" if pd.notna(row["low"]) else DASH,
            places(row["paper"]) if pd.notna(row["paper"]) else DASH,
            row["n"],
            f"**{row['answer']}**" if row["answer"] in ("yes", "no") else row["answer"],
            row["reason"],
        )
        for _, row in found.iterrows()
    )
    return _table("| | What is compared | Here | 95 % interval | Paper | Seeds | Answer | Why |", rows)


def _figures(results: Results) -> str:
    """Every published figure with its caption and its command."""
    shown = []
    for name, drawn in all_figures(results).items():
        if (results.root / "figures" / f"{name}.png").exists():
            caption = " ".join((drawn.caption or drawn.shows).split())
            path = f"{_published(results)}/figures/{name}"
            shown.append(f"### {drawn.title}\n\n![{drawn.title}]({path}.png)\n\n{caption} `{drawn.command}`")
    return "\n\n".join(shown)


def _short_table(results: Results) -> str:
    """Tabulate every claim with its reading and registered verdict.

    Without a reading, the registered verdict takes its place. REPLICATION.md has the counts.
    """
    first = _readings(results).set_index("claim")["reading"]
    rows = (
        (r["claim"], r["sentence"], f"**{first[r['claim']]}**" if r["claim"] in first else _word(r), _word(r), r["n"])
        for r in _rows(results, "claims.csv")
    )
    return _table("| | The paper says | What we find | Registered verdict | Seeds |", rows)


def _word(claim: pd.Series) -> str:
    return VERDICT_WORDS[claim["verdict"]] + (AS_FAR if as_far(claim) else "")


def _nearest(results: Results) -> pd.DataFrame:
    return nearest(table_or_empty(results.root / "checks.csv"))


def _gains(results: Results) -> str:
    """The checks nearest to the paper's question, a line each."""
    lines = [check_line(row) for _, row in _nearest(results).iterrows()]
    return "\n".join([*lines, *("\n" + sentence for sentence in two_measurements_note(results))])


def _answer(results: Results) -> str:
    """The same in plain sentences, a number each, beside what the paper says."""
    told = (plain_answer(row) for _, row in _nearest(results).iterrows())
    return "\n".join(f"{number}. **{arms}**: {words}" for number, (arms, words) in enumerate(told, 1))


def _cost(results: Results) -> str:
    costs = table_or_empty(results.root / "cost.csv")
    if costs.empty:
        return "No record of a training is published yet."
    groups = costs.groupby([costs["run"].str.split("/").str[0], "system"], sort=False)
    rows = (
        (dataset_row(str(data)).title, label(str(system)), len(group), f"{group['seconds'].mean() / 60:.1f}",
         f"{group['peak_memory_mb'].max():.0f}")
        for (data, system), group in groups
    )  # fmt: skip
    machines = ", ".join(sorted({str(name) for name in costs["processor"]}))
    total = f"{core_hours(costs):.2f} core-hours for {len(costs)} trainings, on {machines}."
    return f"{total}\n\n" + _table("| Data | System | Trainings | Minutes each | Peak memory, MB |", rows)


def _figure_commands(results: Results) -> str:
    """A line a figure: what it shows, its command, and the published file."""
    lines = []
    for name, drawn in all_figures(results).items():
        path = results.root / "figures" / f"{name}.png"
        link = f"[{path.name}]({_published(results)}/figures/{path.name})" if path.exists() else "not published yet"
        lines.append(f"* **{drawn.title}.** {drawn.shows} `{drawn.command}`: {link}")
    return "\n".join(lines)


def _published(results: Results) -> str:
    return f"results/{results.preset}/published"


NO_STUDY = "No run of the sensitivity study is published yet."
MNIST = {"leakage": "Outside", "row_entropy": "Entropy of rows", "column_entropy": "Entropy of columns"}
MNIST |= {"class_change": "Class change"}


def _mnist(results: Results, head: str = f"| System | Seed | {' | '.join(MNIST.values())} |") -> str:
    """What was measured on real MNIST, from the table beside its figures."""
    found = _rows(results, "mnist/leakage.csv")
    rows = ((label(str(row["system"])), row["seed"], *(f"{row[key]:.2f}" for key in MNIST)) for row in found)
    return _table(head, rows) if found else _nothing(results)


def _artifact(results: Results) -> str:
    """Write a section for each claim.

    It says what is run, what it costs by the records, and the range in which a recomputation is accepted.
    """
    costs, judged = table_or_empty(results.root / "cost.csv"), table_or_empty(results.root / "checks.csv")
    sections = []
    for name, claim in results.config["claims"].items():
        runs = with_predecessors(results.config, claim_runs(results.config, results.preset, name))
        effort = _effort(results, name, len(runs), costs[costs["run"].isin([str(run) for run in runs])])
        sections += [f"### {name}: {' '.join(claim['sentence'].split())}", "", effort, ""]
        mine = judged[judged["claim"] == name]
        sections += [*(f"* {shown_words(r['words'])}: {_accepted(r)}" for _, r in mine.iterrows()), ""]
    return "\n".join(sections).strip()


def _effort(results: Results, claim: str, planned: int, costs: pd.DataFrame) -> str:
    if costs.empty:
        command = f"`snakemake --config preset={results.preset} -- claims`"
        return f"{planned} trainings planned, none published yet: {command} runs them, with all else that is missing."
    return (
        f"`make prove CLAIM={claim} BUDGET=30m` recomputes runs picked at random; all {len(costs)} trainings published "
        f"took {costs['seconds'].sum() / 60:.0f} minutes on one core and up to {costs['peak_memory_mb'].max():.0f} MB."
    )


def _accepted(row: pd.Series) -> str:
    """State the 95 % range expected for the estimate of other seeds.

    The number of seeds is the same. The range is wider than the interval of the mean by sqrt(2). There is no range
    without an interval, or where nothing varied, or where the estimate is the largest of several along a curve.
    """
    if pd.isna(row["estimate"]):
        return f"not measured ({row['reason']})"
    if pd.isna(row["low"]) or row["low"] == row["high"] or row["rule"] == "settled_by":
        return f"{places(row['estimate'], 3)} ({row['answer']}: {row['reason']})"
    half = sqrt(2) * (row["high"] - row["low"]) / 2
    low, high = row["estimate"] - half, row["estimate"] + half
    return f"{places(row['estimate'], 3)}, expected from {places(low, 3)} to {places(high, 3)} ({row['answer']})"


def _planned_checks(results: Results) -> str:
    """Tabulate every check of the preset with its rule and margin.

    No result enters the table.
    """
    rows = (
        (c.claim, check_text(c), c.rule, c.options["margin"], seeds_needed(results.config, results.preset, c.claim))
        for c in planned_checks(results.config)
        if results.preset in c.options.get("presets", [results.preset])
    )
    return _table("| Claim | Check | Rule | Margin | Seeds needed |", rows)


def _planned_contrasts(results: Results) -> str:
    """Tabulate every comparison of the second protocol that the preset runs.

    No result enters the table.
    """
    rows = ((c.family, contrast_words(results, c, data), c.claim or DASH) for data, c in contrasts_run(results))
    return _table("| Family | Comparison | Part of |", rows)


def _protocol(results: Results) -> str:
    """Say for each data set whether its protocol is registered.

    The protocol stands beside the published runs. The text also says whether config.yaml still agrees with it.
    """
    path = results.root.parent / "PROTOCOL.md"
    lines = REGISTERED.findall(path.read_text(encoding="utf-8")) if path.exists() else []
    registered = {dataset: (date, digits) for date, dataset, digits in lines}  # of a data set the last line
    words = []
    for dataset in configuration.datasets_of(results.config, results.preset):
        if dataset not in registered:
            words.append(f"{dataset}: not registered")
            continue
        date, digits = registered[dataset]
        changed = digits != protocol_hash(results.config, results.preset, dataset)
        words.append(
            f"{dataset}: registered {date} as `{digits}`" + (", **and config.yaml differs from it**" if changed else "")
        )
    return "; ".join(words)


def _regularisers(results: Results) -> str:
    """Report the study of the pair regularisers.

    Its rows lie beside the published results, not in them.
    """
    beside = dataclasses.replace(results, root=results.root.parent)
    return regularisers.text(beside) if regularisers.rows_path(beside).exists() else "Nothing is measured yet."


def _of_preset(preset: str, table: str, figure: str = "") -> Callable[[Results], str]:
    """A published table of another preset, with a figure where there is one."""

    def text(results: Results) -> str:
        below = results.root.parent.parent / preset / "published"
        if not (found := text_or_empty(below / f"tables/{table}.md").strip()):
            return f"No run of preset `{preset}` is published yet."
        if not (below / f"figures/{figure}.png").exists():
            return found
        caption = " ".join(text_or_empty(below / f"figures/{figure}.md").split())
        picture = f"![{caption.partition('.')[0]}](../results/{preset}/published/figures/{figure}.png)"
        return f"{found}\n\n{picture}\n\n*{caption}*"

    return text


def _text(name: str) -> Callable[[Results], str]:
    return lambda results: text_or_empty(results.root / name).strip()


FACTS: dict[str, Callable[[Results], str]] = {
    "preset": lambda results: results.preset,
    "scope": _scope,
    "chinese_claims": _chinese_claims,
    "chinese_errata": lambda results: "\n".join(f"* {finding.chinese}" for finding in errata.findings(results.config)),
    "sensitivity": lambda results: text_or_empty(results.root / "sensitivity/verdicts.md").strip() or NO_STUDY,
    "errata": lambda results: "\n".join(f"* {finding.sentence}" for finding in errata.findings(results.config)),
    "omitted": lambda results: errata.omitted_comparator(results.config).sentence,
    "figure_commands": _figure_commands,
    "mnist": _mnist,
    "chinese_mnist": lambda results: _mnist(results, chinese.MNIST_HEAD),
    "chinese_answer": _chinese_answer,
    "published": _published,
    "planned_checks": _planned_checks,
    "planned_contrasts": _planned_contrasts,
    "protocol": _protocol,
    "regularisers": _regularisers,
    "related": lambda results: text_or_empty(results.root / "tables/related.md").strip() or "No run is published yet.",
    "table_s": _of_preset("rooms", "table_s", "figure_s"),
    "strength": _of_preset("correlated", "table_s", "figure_strength"),
    "effects": _of_preset("rooms", "effects"),
}
OF_CLAIMS: dict[str, Callable[[Results], str]] = {  # where no claim is judged, the text says that nothing is published
    "verdict_summary": _verdict_summary,
    "verdicts": _verdicts,
    "gains": _gains,
    "answer": _answer,
    "readings": _readings_list,
    "checks_table": _checks_table,
    "figures": _figures,
    "short_verdicts": _short_table,
    "claims": _text("claims.md"),
    "table3": _text("tables/table3.md"),
    "exploratory": _text("exploratory.md"),
    "verdict_sensitivity": _text("verdict_sensitivity.md"),
    "stage_a": _text("tables/stage_a.md"),
    "differences": _text("tables/differences.md"),
    "cost": _cost,
    "origins": lambda results: origins_table(table_or_empty(results.root / "cost.csv")),
    "artifact": _artifact,
}
