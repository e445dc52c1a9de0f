"""Just enough Markdown for the tables and lists that this project writes itself, as HTML."""

import html
import re


def to_html(text: str) -> str:
    """Pipe tables, `* ` lists, `**bold**`, `#` headings and paragraphs.

    >>> to_html("**a** < b")
    '<p><strong>a</strong> &lt; b</p>'
    """
    blocks = re.split(r"\n\s*\n", text.strip())
    return "\n".join(_block(block.strip().splitlines()) for block in blocks if block.strip())


def _block(lines: list[str]) -> str:
    if lines[0].startswith("|"):
        return _table([_cells(line) for line in lines if not re.fullmatch(r"[|\- ]+", line)])
    if lines[0].startswith("* "):
        items = re.split(r"^\* ", "\n".join(lines), flags=re.M)[1:]
        return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>"
    if heading := re.match(r"(#+) (.*)", lines[0]):
        level = len(heading[1]) + 1
        return f"<h{level}>{inline(heading[2])}</h{level}>"
    return f"<p>{inline(' '.join(lines))}</p>"


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    header = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in head)
    lines = ["".join(_cell(cell) for cell in row) for row in body]
    rest = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table><thead><tr>{header}</tr></thead>'
        f"<tbody>{rest}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """A table's cell; numbers, such as `0.70 ± 0.07`, `[0.65, 0.75]` and `9 of 10`, are not broken over lines."""
    number = re.fullmatch(r"[\d .,±+−\[\]]*\d[\d .,±+−\[\]]*( of \d+)?", text)
    return f'<td class="number">{text}</td>' if number else f"<td>{inline(text)}</td>"


def inline(text: str) -> str:
    """Bold and code within escaped text."""
    escaped = html.escape(text.strip(), quote=False)
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)
