"""What the site takes from the project's own files as it is built: the live page, pictures, settings, noise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "src/idgan_sc/config/schema.yaml"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[\w.-]+):(?: +(?P<value>[^#]*?))?(?: *# (?P<comment>.*))?$")
PUBLISHED = ROOT / "results/desk/published"
LIVE = "report/index.html"  # the live page, which the site carries at results/ with the tables that it links to
PICTURE = re.compile(r"\]\(\.\./(results/[^)]*\.png)\)")
MORE = re.compile(r"^ *# (?P<comment>.*)$")
SECTIONS = {  # a heading -> where the keys stand in config.yaml, and in the schema
    "compute: how it is computed": ("compute", "compute"),
    "families.vae: what VAEs share": ("families.vae", "settings"),
    "families.gan: what GANs share": ("families.gan", "settings"),
    "systems: keys of one objective": ("systems", "settings"),
    "datasets: where images come from": ("datasets", "dataset"),
    "evaluation: which images are scored": ("evaluation", "evaluation"),
    "generated: how a generator's images are measured": ("generated", "generated"),
    "judging: how checks become verdicts": ("judging", "judging"),
    "sensitivity: the study of the open choices": ("sensitivity", "sensitivity"),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the live page with its tables, and pictures of results that a page shows, into the site."""
    from mkdocs.structure.files import File

    for name in live():
        files.append(File.generated(config, f"results/{name}", abs_src_path=str(PUBLISHED / name)))
    for page in files.documentation_pages():
        for picture in PICTURE.findall(page.content_string):
            files.append(File.generated(config, Path(picture).name, abs_src_path=str(ROOT / picture)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in place of its marker what a page takes from a file; name files of results, which the site does not hold."""
    markdown = PICTURE.sub(lambda match: f"]({Path(match[1]).name})", markdown)
    markdown = markdown.replace(f"](../results/desk/published/{LIVE})", f"](results/{LIVE})")
    markdown = re.sub(r"\[([^\]]*)\]\(\.\./results/[^)]*\)", r"\1", markdown)
    for marker, made in (("<!-- settings -->", settings), ("<!-- noise -->", noise)):
        if marker in markdown:
            markdown = markdown.replace(marker, made())
    return markdown


def live() -> list[str]:
    """The live page and the tables that it links to, below `PUBLISHED`."""
    linked = re.findall(r'href="\.\./([^"#]+)"', (PUBLISHED / LIVE).read_text(encoding="utf-8"))
    return list(dict.fromkeys([LIVE, *linked]))


def commented(path: Path) -> Iterator[tuple[str, str, str]]:
    """Every key of a YAML file with a value on its line: dotted path, value, comment with its further lines."""
    above: list[tuple[int, str]] = []
    found: list[tuple[str, str, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if (match := KEY.match(line)) and not line.startswith("#"):
            indent = len(match["indent"])
            above = [entry for entry in above if entry[0] < indent] + [(indent, match["key"])]
            dotted = ".".join(key for _, key in above)
            found.append((dotted, (match["value"] or "").strip(), match["comment"] or ""))
        elif (more := MORE.match(line)) and found and line.startswith("  ") and found[-1][2]:
            found[-1] = (*found[-1][:2], f"{found[-1][2]} {more['comment']}")
    yield from found


def settings() -> str:
    """A table for each part of config.yaml: key, the paper's value, what is allowed, what it means."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    keys = list(commented(ROOT / "config.yaml"))
    parts = []
    for heading, (place, name) in SECTIONS.items():
        allowed = schema["$defs"].get(name) or schema["properties"][name]
        rows = _rows(keys, place, allowed["properties"], schema["$defs"])
        parts += [f"### {heading}\n", "| key | value | allowed | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _rows(
    keys: list[tuple[str, str, str]], place: str, allowed: dict[str, Any], defined: dict[str, Any]
) -> Iterator[str]:
    depth, seen = place.count(".") + 1, set()
    deeper = place in ("systems", "datasets")  # a row of these has a name of its own before its keys
    for dotted, value, comment in keys:
        parts = dotted.split(".")
        key = parts[-1]
        if not dotted.startswith(f"{place}.") or len(parts) != depth + 1 + deeper or key in seen or not comment:
            continue
        if key in allowed:
            seen.add(key)
            value = f"`{value}`" if value else ""
            yield f"| `{key}` | {value} | {kind(allowed[key], defined)} | {_cell(comment)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("[", "\\[").strip()


def kind(allowed: dict[str, Any], defined: dict[str, Any]) -> str:
    """What the schema allows, in words.

    >>> kind({"type": "integer", "minimum": 2}, {})
    'whole number, at least 2'
    >>> kind({"enum": ["auto", "cpu"]}, {})
    '`auto`, `cpu`'
    """
    if "$ref" in allowed:
        return kind(defined[allowed["$ref"].rpartition("/")[2]], defined)
    if "oneOf" in allowed:
        return " or ".join(kind(one, defined) for one in allowed["oneOf"])
    if "const" in allowed:
        return f"`{allowed['const']}`"
    if "enum" in allowed:
        return ", ".join(f"`{value}`" for value in allowed["enum"])
    names = {
        "integer": "whole number", "number": "number", "boolean": "`true`, `false`", "string": "text", "null": "`null`",
        "array": "list", "object": "keys of its own",
    }  # fmt: skip
    of = allowed.get("type", "string")
    words = " or ".join(names[one] for one in ([of] if isinstance(of, str) else of))
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return ", ".join([words, *(f"{said} {allowed[key]}" for key, said in bounds.items() if key in allowed)])


def noise() -> str:
    """SD of each score over evaluation draws, a column a system."""
    table = pd.read_csv(ROOT / "results/desk/pilot/noise.csv")
    main = table.groupby(["metric", "system"], sort=True)["sd"].first().unstack()
    head = "| score | " + " | ".join(f"`{name}`" for name in main.columns) + " |"
    lines = [f"| {name} | " + " | ".join(f"{sd:.3f}" for sd in row) + " |" for name, row in main.iterrows()]
    return "\n".join([head, "|---" * (len(main.columns) + 1) + "|", *lines])
