"""How the package is laid out: rooms on floors, and imports that go down only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "idgan_sc"
# A room is a folder, or a file of the package itself. It imports from rooms on lower floors alone. A folder in a room
# is a room on that floor: its files may import those of the room around it, and none of those imports it.
FLOORS = {
    "files": 1, "source": 1, "metrics": 1, "config": 1, "seeds": 1,
    "data": 2, "models": 2, "records": 2,
    "training": 3,
    "evaluation": 4, "evaluation/generators": 4,
    "report": 5, "report/figures": 5, "recompute": 5, "__init__": 5,
    "publish": 6,
    "cli": 7, "__main__": 7,
}  # fmt: skip
WITHOUT_TORCH = ("files", "source", "metrics", "config")
FLAT = {"__init__", "__main__", "cli", "recompute", "files", "source", "seeds"}
ROOMS, ARROWS = 20, 80  # at most

Imports = dict[str, set[str]]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path: Path) -> Iterator[str]:
    """Every `a.b.c` that a file imports: at its top, inside functions and for annotations alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports here are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str) -> str | None:
    """The file of the package that an import means: a module, a folder, or the one that holds the name."""
    first, *parts = name.split(".")
    if first != "idgan_sc":
        return None
    for length in range(len(parts), 0, -1):
        for found in ("/".join(parts[:length]), "/".join([*parts[:length], "__init__"])):
            if found in MODULES:
                return found
    return "__init__"


IMPORTS: Imports = {
    name: {found for found in map(inside, imported(path)) if found and found != name} for name, path in MODULES.items()
}


def room(module: str) -> str:
    """The folder that a file lies in, or the file itself."""
    return module.rpartition("/")[0] or module


def arrows() -> set[tuple[str, str]]:
    """Pairs of different rooms of which the first imports from the second."""
    found = {(room(module), room(other)) for module, others in IMPORTS.items() for other in others}
    return {(one, other) for one, other in found if one != other}


def circle(imports: Imports) -> list[str]:
    """Files that import each other in a circle, the first again at the end; none if there is no circle."""
    finished: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in finished:
            return []
        for other in sorted(imports[module]):
            found = walk(other, [*way, module])
            if found:
                return found
        finished.add(module)
        return []

    return next((found for module in sorted(imports) if (found := walk(module, []))), [])


def test_every_file_has_its_room():
    assert {room(module) for module in MODULES} == set(FLOORS)
    assert {module for module in MODULES if "/" not in module} == FLAT
    assert len(FLOORS) <= ROOMS and set(FLOORS.values()) == set(range(1, 8))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module: str):
    here = room(module)
    for other in sorted(IMPORTS[module]):
        there = room(other)
        if there == here or there == here.rpartition("/")[0]:
            continue
        assert FLOORS[there] < FLOORS[here], f"{module} imports {other}: {here} and {there} are not one above the other"


def test_no_file_imports_itself_through_others():
    assert not circle(IMPORTS), " -> ".join(circle(IMPORTS))
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_few_rooms_know_each_other():
    assert len(arrows()) <= ARROWS, "\n".join(f"{one} -> {other}" for one, other in sorted(arrows()))


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_the_ground_floor_knows_no_torch(name: str):
    for module, path in MODULES.items():
        if room(module) == name:
            assert not {whole for whole in imported(path) if whole.split(".")[0] in ("torch", "torchvision")}, module


def test_scores_tables_and_figures_load_no_torch():
    code = """import sys
from idgan_sc.evaluation import gather, score
from idgan_sc.report import claims, further, generator_tables, related, tables
from idgan_sc.report.figures import registry
print([name for name in ("torch", "torchvision", "sklearn") if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_imports_the_command_line():
    assert not [module for module, others in IMPORTS.items() if "cli" in others]


def test_files_of_the_configuration_import_each_other_and_not_the_facade():
    assert not [m for m in MODULES if room(m) == "config" and "config/__init__" in IMPORTS[m]]
