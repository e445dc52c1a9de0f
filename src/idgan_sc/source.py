"""Hash the source that makes a number.

The hash is of definitions, so moving one changes nothing.

A definition is a function, a class or a constant of the package. Its hash covers its name and its syntax
tree. Docstrings, comments, annotations and imports are left out, and the file does not matter. `EXECUTES`
says where each kind of work begins. The definitions that these name are hashed with them, and those that they
name in turn.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent

# What each kind of work executes: the definitions that it begins with, as `module.name`.
EXECUTES = {
    "training": ("training.train.train",),
    "baseline": ("evaluation.generators.baselines.score_baseline",),
    "encode": ("training.encode.encode",),
    "score": ("evaluation.score.score",),
    "traverse": ("evaluation.generators.traverse.traverse",),
    "match": ("evaluation.generators.scores.match",),
    "probe": ("evaluation.generators.factor_reader.probe",),
    "leakage": ("evaluation.generators.leakage.leakage",),
    "read_generator": ("evaluation.generators.scores_by_reader.read_generator",),
    "card": ("publish.card.card",),
    "gather": ("evaluation.gather.gather",),
    "gather_leakage": ("evaluation.gather.gather_leakage",),
    "gather_generators": ("evaluation.gather.gather_generators",),
    "table": ("report.tables.TABLES",),
    "figure": ("report.figures.registry.FIGURES",),
    "picture": ("report.figures.registry.picture_drawers",),
    "generator_table": ("report.generator_tables.TABLES",),
    "further_table": ("report.further.TABLES",),
    "second_table": ("report.second_protocol.TABLES", "report.conclusions.TABLES"),
    "second_figure": ("report.figures.registry.SECOND",),
    "further_figure": ("report.figures.further.FIGURES",),
    "gather_related": ("evaluation.gather.gather_related",),
    "related_table": ("report.related.TABLES",),
    "generator_figure": ("report.figures.generators.FIGURES",),
    "forest": ("report.figures.forest.FIGURES",),
    "claims": (
        "report.claims.write_claims",
        "report.exploratory.write_exploratory",
        "report.verdict_sensitivity.write_sensitivity",
        "report.errata.write_findings",
    ),
    "sensitivity": ("report.figures.sensitivity.sensitivity",),
    "regularisers": ("evaluation.regularisers.train_cell", "data.dsprites.prepare", "data.images.open_images"),
    "regularisers_shown": ("report.figures.regularisers.regularisers",),
    "report": ("publish.page.write_page", "publish.origins.write_cost"),
}
# Modules that say which runs there are, where they lie and whether they are valid: no number comes from them.
OUTSIDE = ("cli", "config", "data.download", "files", "plan", "records", "source", "training.prepare")
# Dictionaries of which a run executes the entries that it names, and no other: a new entry changes no hash.
REGISTRIES = ("METHODS", "NETWORKS", "METRICS")

Key = tuple[str, str]  # module below the package, name
ABSENT = object()  # the value of a field that a syntax tree does not have


def source_hash(work: str, picks: Iterable[str] = (), more: Iterable[str] = (), package: Path = PACKAGE) -> str:
    """Twelve hexadecimal digits that change when a definition of some work does.

    work: a key of EXECUTES; picks: the entries of REGISTRIES that it names; more: further definitions it begins with.
    """
    return _hash((*EXECUTES[work], *more), frozenset(picks), package)


def training_source(settings: dict[str, Any], before: Iterable[dict[str, Any]], dataset: str) -> str:
    """Hash the source that trains a run of these settings.

    It begins with the drawing of the images. `before` has the settings of the runs that it builds on, because
    their networks run again.
    """
    picks = {pick for each in (settings, *before) for pick in picks_of(each)}
    return source_hash("training", picks, _images(dataset))


def baseline_source(starts: Iterable[dict[str, Any]], metrics: Iterable[str], dataset: str) -> str:
    """Hash the source that scores representations which learned nothing.

    `starts` has the settings of the untrained networks.
    """
    picks = {pick for each in starts for pick in picks_of(each)}
    return source_hash("baseline", {*picks, *metrics}, _images(dataset))


def images_source(dataset: str) -> str:
    """The hash of what makes the images of a data set."""
    return _hash(_images(dataset), frozenset(), PACKAGE)


def _images(dataset: str) -> tuple[str, ...]:
    """Name the code that makes a data set's images.

    A user's own images come from no code of this package.
    """
    if not (PACKAGE / "data" / f"{dataset}.py").exists():
        return ("data.images.open_images",)
    composes = "open_pixels" in _module(PACKAGE, f"data.{dataset}").definitions  # which `open_images` calls by its name
    names = ("prepare", "open_pixels") if composes else ("prepare",)
    return (*(f"data.{dataset}.{name}" for name in names), "data.images.open_images")


def picks_of(settings: dict[str, Any]) -> tuple[str, ...]:
    """The entries of METHODS and NETWORKS that a run of these settings names."""
    return (settings["objective"],) if "objective" in settings else ("gan", settings["network"])


def reach(begin: Iterable[str], picks: Iterable[str], package: Path = PACKAGE) -> dict[Key, list[str]]:
    """Every definition that `begin` leads to, with the texts of its syntax trees that count."""
    picked = frozenset(picks)
    found: dict[Key, list[str]] = {}
    todo = [_resolved(package, *name.rpartition(".")[::2]) for name in begin]
    while todo:
        key = todo.pop()
        if key is None or key in found:
            continue
        hashed = [part for part in _parts(package, *key) if part.entry is None or part.entry in picked]
        found[key] = [part.text for part in hashed]
        todo += [named for part in hashed for named in part.named]
    return found


@cache
def _hash(begin: tuple[str, ...], picks: frozenset[str], package: Path) -> str:
    texts = sorted(f"{name}\0{text}" for (_, name), dumps in reach(begin, picks, package).items() for text in dumps)
    return hashlib.sha256("\1".join(texts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class _Part:
    """Hold a definition, or an entry of a registry.

    It has its syntax tree as text, and the definitions that it names.
    """

    text: str
    named: tuple[Key | None, ...]
    entry: str | None  # the key of a registry's entry


@cache
def _parts(package: Path, module: str, name: str) -> list[_Part]:
    found = []
    for statement in _module(package, module).definitions[name]:
        for entry, tree in _entries(statement, name):
            reader = _Reader(package, module, tree)
            text = reader.text(tree)
            found.append(_Part(text, tuple(reader.named), entry))
    return found


def _entries(statement: ast.stmt, name: str) -> Iterator[tuple[str | None, ast.AST]]:
    """The statement, or each entry of a registry's dictionary with its key."""
    value = getattr(statement, "value", None)
    if name not in REGISTRIES or not isinstance(value, ast.Dict):
        yield None, statement
        return
    for key, entry in zip(value.keys, value.values, strict=True):
        if isinstance(key, ast.Constant):
            yield str(key.value), ast.Tuple([key, entry], ast.Load())


# ---------------------------------------------------------------------------------------------- modules and their names
@dataclass
class _Module:
    """Hold the definitions of a file, and what its imports bind.

    Definitions are stored by name. An import binds (module, name), or (module, "") for a module.
    """

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Key] = field(default_factory=dict)


@cache
def _module(package: Path, name: str) -> _Module:
    found = _Module()
    for statement in ast.parse(_path(package, name).read_text(encoding="utf-8")).body:
        _note(package, found, statement)
    return found


def _note(package: Path, found: _Module, statement: ast.stmt) -> None:
    if isinstance(statement, ast.ImportFrom):
        found.imported |= _bound(package, statement)
    elif isinstance(statement, ast.If | ast.Try):
        for inner in statement.body:
            _note(package, found, inner)
    else:
        for name in _defined(statement):
            found.definitions.setdefault(name, []).append(statement)


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    for target in targets if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) else []:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def _bound(package: Path, statement: ast.ImportFrom) -> dict[str, Key]:
    """What an import of this package binds, by local name."""
    top, _, module = (statement.module or "").partition(".")
    if top != PACKAGE.name or statement.level:
        return {}
    bound = {}
    for alias in statement.names:
        inner = f"{module}.{alias.name}".strip(".")
        bound[alias.asname or alias.name] = (inner, "") if _path(package, inner).exists() else (module, alias.name)
    return bound


def _path(package: Path, module: str) -> Path:
    folder = package.joinpath(*module.split(".")) if module else package
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


@cache
def _resolved(package: Path, module: str, name: str) -> Key | None:
    """Where a name of a module is defined; None outside of what makes numbers."""
    if any(module == room or module.startswith(f"{room}.") for room in OUTSIDE):
        return None
    known = _module(package, module)
    if name in known.definitions:
        return module, name
    behind = known.imported.get(name)
    return _resolved(package, *behind) if behind and behind[1] else None


class _Reader:
    """Write the text of a definition that its hash is made of.

    The reader also notes which definitions of the package the definition names.
    """

    def __init__(self, package: Path, module: str, tree: ast.AST) -> None:
        self.package, self.module = package, module
        self.imported = dict(_module(package, module).imported)
        for node in ast.walk(tree):  # an import in a function binds names above it too
            if isinstance(node, ast.ImportFrom):
                self.imported |= _bound(package, node)
        self.named: list[Key | None] = []
        self.parameters: list[set[str]] = []  # of the functions around: they hide the module's names

    def text(self, node: Any) -> str:
        """A syntax tree as `dumped` writes it, without imports, docstrings and annotations.

        An imported name is written as it was defined: `networks.Generator` is `Generator`.
        """
        match node:
            case str() | None:
                return repr(node)
            case ast.Name() if not any(node.id in names for names in self.parameters):
                module, name = self.imported.get(node.id, (self.module, node.id))
                self.named += [_resolved(self.package, module, name)] if name else []
                return dumped(node, self.text, id=name or node.id)
            case ast.Attribute(value=ast.Name(id=name)) if name in self.imported and not self.imported[name][1]:
                self.named.append(_resolved(self.package, self.imported[name][0], node.attr))
                return dumped(ast.Name(node.attr, node.ctx))
            case ast.FunctionDef():
                self.parameters.append({inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg)})
                text = dumped(node, self.text, returns=None, body=self._body(node))
                self.parameters.pop()
                return text
            case ast.ClassDef():
                return dumped(node, self.text, body=self._body(node))
            case ast.arg():
                return dumped(node, self.text, annotation=None)
            case ast.AnnAssign():
                return dumped(node, self.text, annotation=ast.Constant(None))
            case list():
                return dumped([each for each in node if not isinstance(each, ast.Import | ast.ImportFrom)], self.text)
        return dumped(node, self.text)

    def _body(self, node: Any) -> list[ast.stmt]:
        """What a function or class does, after its docstring."""
        first = node.body[0]
        documented = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
        body = [each for each in node.body[documented:] if not isinstance(each, ast.Import | ast.ImportFrom)]
        return body or [ast.Pass()]


def dumped(node: Any, inner: Callable[[Any], str] | None = None, **instead: Any) -> str:
    """Dump a syntax tree as `ast.dump` of Python 3.11 does.

    Later versions know more fields and leave out empty ones. So a record's source is the same for every Python
    that reads it. `inner` writes what lies below the node; `instead` has other values for its fields.
    """
    inner = inner or dumped
    if isinstance(node, list):
        return f"[{', '.join(map(inner, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    shown = []
    for name in node._fields:
        value = instead.get(name, getattr(node, name, ABSENT))
        optional = value is None and getattr(type(node), name, ABSENT) is None
        if value is not ABSENT and name != "type_params" and not optional:
            shown.append(f"{name}={inner(value)}")
    return f"{type(node).__name__}({', '.join(shown)})"
