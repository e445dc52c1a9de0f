"""The hash of the source: it sees what trains and scores, and nothing else."""

import ast
import copy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest

from conftest import job
from idgan_sc import config as configuration
from idgan_sc import source
from idgan_sc.config import Config, Run
from idgan_sc.data import digits, dsprites, faces, rooms
from idgan_sc.data.images import open_images, save_images
from idgan_sc.records.results import Results
from idgan_sc.source import PACKAGE, reach, source_hash

SETTINGS = [
    {"family": "vae", "objective": "beta"},
    {"family": "vae", "objective": "factor"},
    {"family": "gan", "network": "dsprites"},
    {"family": "gan", "network": "celeba"},
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package to change."""
    return Path(shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")))


def hashes(package: Path) -> dict[str, str]:
    """The hash of every kind of training and of the baseline, by what it is of."""
    for remembered in (source._module, source._parts, source._hash):
        remembered.cache_clear()
    found = {}
    for settings in SETTINGS:
        for dataset in ("dsprites", "digits", "faces", "mnist", "celeba"):
            picks = source.picks_of(settings)
            found[f"{settings} on {dataset}"] = source_hash("training", picks, source._images(dataset), package)
    found["baseline"] = source_hash("baseline", ("gan", "dsprites", "factor_vae", "dci"), package=package)
    return found


def edit(path: Path, old: str, new: str, most: int = -1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, most), encoding="utf-8")


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def module(package: Path, name: str) -> Path:
    """The file of a module that defines a name."""
    return next(path for path in sorted(package.rglob("*.py")) if f"\n{name}" in path.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------- what changes no hash
def test_words_and_types_change_no_hash(package: Path) -> None:
    before = hashes(package)
    edit(module(package, "def descend("), "def descend(", '# a comment\n\n\nUNUSED = 1\n\n\ndef descend(')  # fmt: skip
    edit(module(package, "def draw_prior("), "prior: str, rng: torch.Generator) -> Tensor:", "prior, rng):")
    edit(module(package, "def gaussian_kl("), '    """', '    """Other words; ', 1)
    assert hashes(package) == before


def test_a_new_loss_metric_method_and_data_set_change_no_hash(package: Path) -> None:
    before = hashes(package)
    append(module(package, "def gaussian_kl("), "\n\ndef new_loss(x):\n    return x.sum()\n")
    scoring = module(package, "METRICS: Mapping[str, Callable[[InfoGANCR]")
    edit(
        scoring,
        '"factor_vae": lambda e: factor_vae.inf',
        '"new": lambda e: 0.0,\n    "factor_vae": lambda e: factor_vae.inf',
    )
    (scoring.parent / "new.py").write_text("def new_score(codes):\n    return 0.0\n")
    edit(module(package, "METHODS: dict"), '    "beta": BetaVAE', '    "new": None,\n    "beta": BetaVAE')
    edit(module(package, "NETWORKS: dict"), '    "dsprites": (', '    "new": (None, None, None),\n    "dsprites": (')
    (package / "data/shapes.py").write_text("def prepare(folder, source):\n    return None\n")
    assert hashes(package) == before


def test_a_move_changes_no_hash(package: Path) -> None:
    before = hashes(package)
    home = module(package, "def descend(")
    text = home.read_text(encoding="utf-8")
    (package / "models/descending.py").write_text(text, encoding="utf-8")
    dotted = ".".join(home.relative_to(package.parent).with_suffix("").parts)
    for path in package.rglob("*.py"):
        if path != home:
            content = path.read_text(encoding="utf-8")
            path.write_text(content.replace(f"from {dotted} import", f"from {PACKAGE.name}.models.descending import"))
    home.unlink()
    assert hashes(package) == before


def test_naming_a_definition_through_its_module_is_naming_it(tmp_path: Path) -> None:
    for name, use in (
        ("a", "from idgan_sc.tools import double\n\n\ndef f(x):\n    return double(x)\n"),
        ("b", "from idgan_sc import tools\n\n\ndef f(x):\n    return tools.double(x)\n"),
        ("c", "from idgan_sc.tools import double as twice\n\n\ndef f(x):\n    return twice(x)\n"),
        ("d", "def f(x):\n    from idgan_sc.tools import double\n\n    return double(x)\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tools.py").write_text("def double(x):\n    return 2 * x\n")
        (tmp_path / name / "begin.py").write_text(use)
    texts = [sorted(reach(["begin.f"], [], tmp_path / name).values()) for name in "abcd"]
    assert len(texts[0]) == 2 and all(other == texts[0] for other in texts[1:])


def test_a_hash_is_the_same_whichever_python_reads() -> None:
    """Later versions dump syntax trees otherwise; a record's source must not look changed to them."""
    text = "def f(x, *, y=None) -> int:\n    return [x, {}, f'{y!r}'] if x else None\n\n\nclass A:\n    pass\n"
    assert source.dumped(ast.parse(text)) == (
        "Module(body=[FunctionDef(name='f', args=arguments(posonlyargs=[], args=[arg(arg='x')], "
        "kwonlyargs=[arg(arg='y')], kw_defaults=[Constant(value=None)], defaults=[]), "
        "body=[Return(value=IfExp(test=Name(id='x', ctx=Load()), body=List(elts=[Name(id='x', ctx=Load()), "
        "Dict(keys=[], values=[]), JoinedStr(values=[FormattedValue(value=Name(id='y', ctx=Load()), "
        "conversion=114)])], ctx=Load()), orelse=Constant(value=None)))], decorator_list=[], "
        "returns=Name(id='int', ctx=Load())), "
        "ClassDef(name='A', bases=[], keywords=[], body=[Pass()], decorator_list=[])], type_ignores=[])"
    )


# ---------------------------------------------------------------------------------------------------- what changes one
@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        ("def sample_posterior(", "(0.5 * logvar)", "(0.4 * logvar)", 20),
        ("def draw_prior(", "return 2 * torch.rand", "return 3 * torch.rand", 10),
        ("class FactorVAE(", "descend(critic_loss", "descend(2 * critic_loss", 5),
        ("HANDS = (", "_SHAKE = 2.0", "_SHAKE = 2.5", 4),
        ("DEAD_SD = 0.05", "DEAD_SD = 0.05", "DEAD_SD = 0.06", 10),
    ],
)
def test_an_edit_changes_what_it_reaches(package: Path, name: str, old: str, new: str, changed: int) -> None:
    before = hashes(package)
    edit(module(package, name), old, new)
    after = hashes(package)
    assert sum(before[key] != after[key] for key in before if key != "baseline") == changed


def test_a_metric_that_is_edited_changes_the_baseline_alone(package: Path) -> None:
    before = hashes(package)
    edit(package / "metrics/factor_vae.py", "def infogan_cr_votes(", "EXTRA = 1\n\n\ndef infogan_cr_votes(")
    assert hashes(package) == before
    edit(package / "metrics/factor_vae.py", ".argmin(", ".argmax(")
    after = hashes(package)
    assert [key for key in before if before[key] != after[key]] == ["baseline"]


# ------------------------------------------------------------------------------------------------------------- coverage
class Trace:
    """Which functions of the package run: (module, the top-level definition they stand in)."""

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()

    def __enter__(self) -> "Trace":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.codes.add(frame.f_code)

    def left_out(self, known: dict[source.Key, list[str]]) -> set[source.Key]:
        """What ran inside the package, makes numbers, and is not in the reach."""
        ran = set()
        for code in self.codes:
            path = Path(code.co_filename)
            if not path.is_relative_to(PACKAGE):
                continue
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            if code.co_name == "<module>" or any(
                name == room or name.startswith(f"{room}.") for room in source.OUTSIDE
            ):
                continue
            definitions = source._module(PACKAGE, name).definitions
            ran |= {
                (name, defined)
                for defined, statements in definitions.items()
                for statement in statements
                if statement.lineno <= code.co_firstlineno + len(getattr(statement, "decorator_list", []))
                and code.co_firstlineno <= (statement.end_lineno or 0)
            }
        return ran - known.keys()


SYSTEMS = [
    ("beta_vae", {}), ("factor_vae", {}), ("infogan_stage_a", {}), ("infogan", {}), ("infogan_cr", {}),
    ("idgan_sc_prior", {}), ("idgan", {}), ("idgan_sc", {}), ("idgan_sc", {"pair_dims": "live"}),
    ("idgan_sc", {"q": "encoder"}), ("idgan_sc_prior", {"standardise_r": True, "pair_step": "separate"}),
    ("infogan_stage_a", {"image_size": 64}),
    pytest.param("infogan_stage_a", {"network": "celeba"}, marks=pytest.mark.long),
]  # fmt: skip


@pytest.mark.parametrize(("system", "changes"), SYSTEMS, ids=str)
def test_what_a_training_runs_is_hashed(
    system: str,
    changes: dict[str, Any],
    new_root: Callable[..., Path],
    small_config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few steps of every family: no function of the package runs that the hash of the run leaves out."""
    from idgan_sc.training.train import train

    config = copy.deepcopy(small_config)
    config["presets"]["test"]["families"]["gan"] |= {
        key: value for key, value in changes.items() if key != "image_size"
    }
    for family in config["presets"]["test"]["families"].values():
        family |= {key: value for key, value in changes.items() if key == "image_size"}
    run, root = Run("test", "dsprites", system, "main", 0), new_root()
    for earlier in configuration.predecessors(config, run).values():
        train(job(config, earlier, root))
    behind = [run, *configuration.predecessors(config, run).values()]
    picks = {pick for each in behind for pick in source.picks_of(configuration.resolve(config, each))}
    known = reach([*source.EXECUTES["training"], *source._images("dsprites")], picks)
    monkeypatch.setattr("idgan_sc.training.train.DEAD_NATS", -1.0)  # a β-VAE that hardly trained has active dimensions
    with Trace() as trace:
        train(job(config, run, root))
    assert trace.left_out(known) == set()
    assert len(trace.codes) > 30


def test_what_a_stacked_training_runs_is_hashed(new_root: Callable[..., Path], small_config: Config) -> None:
    from idgan_sc.training.train import train_seeds

    run, root = Run("test", "dsprites", "infogan_stage_a", "main", 0), new_root()
    known = reach([*source.EXECUTES["training"], *source._images("dsprites")], ("gan", "dsprites"))
    with Trace() as trace:
        train_seeds(job(small_config, run, root), [0, 1])
    assert trace.left_out(known) == set() and any("stacked" in code.co_filename for code in trace.codes)


@pytest.mark.parametrize("drawn", [digits, faces])
def test_what_draws_a_data_set_is_hashed(drawn: Any, tmp_path: Path) -> None:
    name = drawn.__name__.rpartition(".")[2]
    with Trace() as trace:
        drawn.prepare(tmp_path / name, "procedural", n=64)
    assert trace.left_out(reach([f"data.{name}.prepare", "data.images.open_images"], ())) == set()
    assert len(trace.codes) > 5


@pytest.mark.long
def test_what_draws_and_composes_rooms_is_hashed(tmp_path: Path) -> None:
    with Trace() as trace:
        images = rooms.prepare(tmp_path / "rooms")
        images.batch(np.arange(3), 32)
    known = reach(source._images("rooms"), ())
    assert trace.left_out(known) == set() and ("data.rooms", "compose") in known and len(trace.codes) > 20
    assert ("data.rooms", "compose") not in reach(source._images("dsprites"), ())


def test_what_a_correlated_training_runs_is_hashed(new_root: Callable[..., Path], small_config: Config) -> None:
    from idgan_sc.training.train import train

    config = copy.deepcopy(small_config)
    config["variants"]["together"] = {"systems": "all", "correlation": {"pairs": [["x", "y"]], "strength": 3}}
    run, root = Run("test", "dsprites", "beta_vae", "together", 0), new_root()
    with Trace() as trace:
        train(job(config, run, root))
    assert trace.left_out(reach([*source.EXECUTES["training"], *source._images("dsprites")], ("beta",))) == set()


def test_what_draws_dsprites_is_hashed(tmp_path: Path) -> None:
    with Trace() as trace:
        chunk = next(dsprites.render_all())
        save_images(
            tmp_path, [chunk], name="dsprites", source="s", licence="l", shape=(1, 64, 64), n=len(chunk), packed=True,
            factors=dsprites.FACTORS, classes=dsprites.grid(len(chunk)),
        )  # fmt: skip
        open_images(tmp_path)
    assert trace.left_out(reach(["data.dsprites.prepare", "data.images.open_images"], ())) == set()


def test_what_the_baseline_runs_is_hashed(new_root: Callable[..., Path], small_config: Config) -> None:
    from idgan_sc.evaluation.generators.baselines import score_baseline
    from idgan_sc.records.record import TABLE3_METRICS

    root = new_root()
    metrics = {*TABLE3_METRICS, *configuration.evaluation(small_config, "test")["metrics"]}
    known = reach([*source.EXECUTES["baseline"], *source._images("dsprites")], {"gan", "dsprites", *metrics})
    with Trace() as trace:
        score_baseline(Results(small_config, "test", root), open_images(root / "data/dsprites"))
    assert trace.left_out(known) == set() and len(trace.codes) > 50
