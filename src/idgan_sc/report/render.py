"""A table for reading, as CSV, Markdown and LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from idgan_sc.config import DATASET
from idgan_sc.files import write_text
from idgan_sc.records.results import Results
from idgan_sc.report.words import NO_EVIDENCE, data_words

WIDE = 11  # columns; beyond, they stand closer
APART = r"\addlinespace[1.5pt]"  # below a row, so that one of several lines is told from the next
Row = list[str] | None  # None: a gap between two blocks of rows


@dataclass(frozen=True)
class Page:
    """A table for reading: the same content for Markdown and LaTeX."""

    name: str
    title: str
    header: list[str]
    columns: str  # LaTeX column types, one a header
    rows: Sequence[Row]
    notes: list[str]


def write_page(
    results: Results,
    name: str,
    frame: pd.DataFrame,
    page: Page,
    data: Sequence[str] = (DATASET,),
) -> list[Path]:
    """Write the three files of a table.

    Each row of the CSV names the preset, the data and the number of seeds.
    """
    chosen = results.config["presets"][results.preset]
    head = {
        "preset": results.preset,
        "evidence": "yes" if chosen["evidence"] else NO_EVIDENCE,
        "data": ", ".join(data_words(results, set_) for set_ in data),
        "planned_seeds": len(results.seeds(data[0])),
    }
    frame = pd.concat([pd.DataFrame(head, index=frame.index), frame], axis=1)
    texts = {"csv": frame.to_csv(index=False, lineterminator="\n"), "md": markdown(page), "tex": latex(page)}
    return [write_text(Path(results.root) / "tables" / f"{name}.{suffix}", text) for suffix, text in texts.items()]


def markdown(page: Page) -> str:
    """The page in the Markdown of GitHub."""
    header = [cell.replace("\n", " ") for cell in page.header]
    lines = [header, ["---"] * len(header), *(row for row in page.rows if row is not None)]
    table = "\n".join("| " + " | ".join(map(_in_one_line, line)) + " |" for line in lines)
    return f"**{page.name}. {page.title}**\n\n{table}\n\n" + "\n".join(f"{note}  " for note in page.notes) + "\n"


def _in_one_line(cell: str) -> str:
    """A cell for Markdown; one of several lines breaks between them alone."""
    lines = cell.split("\n")
    kept = lines if len(lines) == 1 else [line.replace(" ", "\N{NO-BREAK SPACE}") for line in lines]
    return " | ".join(kept).replace("|", r"\|")


def _stacked(cell: str) -> str:
    """A cell for LaTeX, its lines one above the other."""
    lines = [escape_latex(line) for line in cell.split("\n")]
    if len(lines) == 1:
        return lines[0]
    return r"\begin{tabular}[t]{@{}c@{}}" + r"\\ ".join(lines) + r"\end{tabular}"


def latex(page: Page) -> str:
    """The page as a `table*` environment for a document with the package booktabs."""

    def line(cells: list[str]) -> str:
        return " & ".join(map(_stacked, cells)) + r" \\"

    body = [r"\addlinespace" if row is None else line(row) + "\n" + APART for row in page.rows]
    notes = " ".join(map(escape_latex, page.notes))
    return "\n".join(
        [
            "% needs the packages array and booktabs; laid out for a text 7 in wide",
            r"\begin{table*}[tbp]",
            rf"\centering\scriptsize\setlength{{\tabcolsep}}{{{2 if len(page.header) > WIDE else 3}pt}}",
            rf"\caption{{{escape_latex(page.title)}}}\label{{tab:{page.name.lower().replace(' ', '')}}}",
            r"\par\smallskip",
            rf"\begin{{tabular}}{{@{{}}{page.columns}@{{}}}}",
            r"\toprule",
            line(page.header),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\par\smallskip",
            rf"\parbox{{0.95\textwidth}}{{{notes}}}",
            r"\end{table*}",
            "",
        ]
    )


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "λ": "lambda", "τ": "tau"}
_LATEX = str.maketrans(
    {symbol: rf"\{symbol}" for symbol in "&%$#_{}"}
    | {symbol: rf"$\{name}$" for symbol, name in {**_GREEK, "±": "pm", "×": "times", "≥": "ge", "≤": "le"}.items()}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", '"': "''"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"[": "{[}", "]": "{]}", "*": "{*}"}  # after \\ they would be its arguments
    | {"\N{DAGGER}": r"\dag{}", "\N{DOUBLE DAGGER}": r"\ddag{}"}
    | {"–": "--", "—": "---", "−": "$-$", "…": r"\ldots{}", "\N{NARROW NO-BREAK SPACE}": r"\,"}
)


def escape_latex(text: str) -> str:
    """`text` so that LaTeX prints it as it is.

    >>> print(escape_latex("idgan_sc: 95 % of [α, β] ± 2"))
    idgan\\_sc: 95 \\% of {[}$\\alpha$, $\\beta${]} $\\pm$ 2
    """
    return text.translate(_LATEX)
