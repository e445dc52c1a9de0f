"""The documentation site: what its pages take from the project's own files, and that what they name is there."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml

from idgan_sc.config import Run
from idgan_sc.config.settings import layers

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_setting_stands_in_the_reference(hooks: ModuleType) -> None:
    schema = yaml.safe_load(hooks.SCHEMA.read_text(encoding="utf-8"))["$defs"]
    listed = set(re.findall(r"^\| `(\w+)` \|", hooks.settings(), re.M))
    nested = {"families", "systems", "evaluation", "seeds", "arm", "correlation"}  # of their own, or in words
    for name in ("settings", "evaluation", "generated", "compute"):
        assert schema[name]["properties"].keys() - nested <= listed, name


def test_a_setting_has_its_value_its_range_and_its_meaning(hooks: ModuleType) -> None:
    assert "| `c_dim` | `5` | whole number, at least 2 | dimensions of the code c \\[P 3.1] |" in hooks.settings()
    line = next(line for line in hooks.settings().splitlines() if line.startswith("| `abstain` |"))
    assert "above 0" in line and "so that beyond it even the shape cannot be told" in line  # its comment's second line


def test_every_row_of_open_choices_that_is_named_exists() -> None:
    rows = set(re.findall(r'id="row-(\d+)"', (ROOT / "docs/ledger.md").read_text(encoding="utf-8")))
    named: set[str] = set()
    for path in [ROOT / "config.yaml", *(ROOT / "src").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for numbers in re.findall(r"\[(?:[^\]]*, )?L ((?:\d+(?:, )?)+)", text) + re.findall(r"ledger row (\d+)", text):
            named |= set(re.findall(r"\d+", numbers))
    assert len(named) > 20 and named <= rows


def test_the_layers_of_settings_are_those_of_the_code() -> None:
    run = Run("PRESET", "DATA", "SYSTEM", "VARIANT", 0)
    config = {
        "presets": {"PRESET": {}}, "datasets": {"DATA": {}}, "variants": {"VARIANT": {}},
        "systems": {"SYSTEM": {"family": "FAMILY"}}, "families": {"FAMILY": {}},
    }  # fmt: skip
    places = list(layers(config, run))
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    words = {
        "<preset>": "PRESET",
        "<data set>": "DATA",
        "<system>": "SYSTEM",
        "<variant>": "VARIANT",
        "<family>": "FAMILY",
    }
    for shown, name in words.items():
        page = page.replace(shown, name)
    assert re.findall(r"^\d\. `(.*?)`", page, re.M) == places
    comment = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^#   \d\. (\S+)$", comment, re.M) == places


def test_commands_in_the_pages_exist() -> None:
    from idgan_sc.cli import parser

    (known,) = (set(action.choices) for action in parser()._actions if action.dest == "command")
    used = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"idgan-sc ([a-z][\w-]+)", page.read_text(encoding="utf-8"))
    }
    assert {name for _, name in used} <= known, sorted(used)


def test_paths_in_the_pages_exist() -> None:
    inside = r"`((?:src|docs|benchmarks|workflow|profiles|tests|results/desk)/[\w./-]+\w)`"
    for page in PAGES:
        for path in re.findall(inside, page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_code_that_is_named_is_there() -> None:
    """A file of the repository or of the package, and the name said to be in it: `METHODS` of `models/__init__.py`."""
    named = re.compile(r"(?:`(\w+)`\s(?:of|in)\s)?`((?:\w+/)+\w+\.(?:py|yaml|smk))`")
    found = [
        (page.name, name, path, [at for at in (ROOT / path, ROOT / "src/idgan_sc" / path) if at.exists()])
        for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md")
        for name, path in named.findall(page.read_text(encoding="utf-8"))
    ]
    assert sum(bool(name) for _, name, *_ in found) > 10
    assert not [
        f"{page}: {name} {path}"
        for page, name, path, there in found
        if not there or not re.search(rf"\b{name}\b", there[0].read_text(encoding="utf-8"))
    ]


def test_the_site_carries_the_live_page_with_the_tables_that_it_links_to(hooks: ModuleType) -> None:
    names = hooks.live()
    assert names[0] == "report/index.html" and {"claims.csv", "scores.csv", "tables/table3.csv"} < set(names)
    assert all((hooks.PUBLISHED / name).exists() for name in names)
    linked = hooks.on_page_markdown((ROOT / "docs/index.md").read_text(encoding="utf-8"))
    assert "](results/report/index.html)" in linked and "](../results" not in linked
    assert "results/report/index.html" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_link_between_documents_reaches_a_file(hooks: ModuleType) -> None:
    """On the site too, where what `hooks` leaves of a link must stay inside docs or be the live page."""
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)\s]*)?\)")
    documents = [
        *PAGES,
        *(path for place in (".", "benchmarks", "config", "results") for path in (ROOT / place).glob("*.md")),
    ]
    lost, seen = [], 0
    for page in documents:
        text = page.read_text(encoding="utf-8")
        for target in link.findall(re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)):
            seen += 1
            lost += [f"{page.relative_to(ROOT)}: {target}"] * (not (page.parent / target).exists())
    for page in PAGES:
        pictures = {Path(picture).name for picture in hooks.PICTURE.findall(page.read_text(encoding="utf-8"))}
        for target in link.findall(hooks.on_page_markdown(page.read_text(encoding="utf-8"))):
            inside = (page.parent / target).resolve().is_relative_to(ROOT / "docs") and (page.parent / target).exists()
            lost += [f"{page.relative_to(ROOT)} on the site: {target}"] * (
                not (inside or target in pictures or target == f"results/{hooks.LIVE}")
            )
    assert seen > 50
    assert not lost


def test_the_noise_of_an_evaluation_is_the_committed_measurement(hooks: ModuleType) -> None:
    committed = pd.read_csv(ROOT / "results/desk/pilot/noise.csv").set_index(["metric", "system"])["sd"]
    head, _, *rows = [[cell.strip("` ") for cell in line.split("|")[1:-1]] for line in hooks.noise().splitlines()]
    shown = {(row[0], system): sd for row in rows for system, sd in zip(head[1:], row[1:], strict=True)}
    assert shown == {key: f"{sd:.3f}" for key, sd in committed.items()}
