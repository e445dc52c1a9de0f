"""The small files that the page and the documents are made of, and what each run cost and came from."""

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.files import write_atomic
from idgan_sc.provenance import artifact, planned

FLAT = ("claims.csv", "checks.csv", "claims.md", "errata.csv", "errata.md", "cost.csv", "scores.csv")
TABLES = ("table1", "table2", "table3", "differences")
COST = ["run", "system", "seed", "origin", "commit", "dirty", "source", "device", "processor", "threads", "seconds"]
COST += ["peak_memory_mb"]


@dataclass(frozen=True)
class Bundle:
    """The results of a preset below `root`, as working output or as committed; a file that is not there is empty."""

    config: Config
    preset: str
    root: Path

    @property
    def there(self) -> bool:
        return (self.root / "claims.csv").exists()

    def table(self, name: str) -> pd.DataFrame:
        path = self.root / name
        return pd.read_csv(path) if path.exists() else pd.DataFrame()

    def text(self, name: str) -> str:
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def with_predecessors(config: Config, runs: list[Run]) -> list[Run]:
    """`runs` and all that they build on, each once."""
    found: dict[Run, None] = {}
    for run in runs:
        before = list(configuration.predecessors(config, run).values())
        found |= dict.fromkeys([*with_predecessors(config, before), run])
    return list(found)


def cost(config: Config, preset: str, root: Path) -> pd.DataFrame:
    """A row a training that the results rest on: made here or committed, from which commit, how long, how large."""
    rows = []
    for run in with_predecessors(config, planned(config, preset)):
        path = artifact(config, run, "record.json", root)
        if not path.exists():
            continue
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        committed = path.is_relative_to(root / "published")
        about = {"run": str(run), "origin": "committed" if committed else "recomputed here"}
        rows.append(about | {key: record.get(key) for key in COST if key not in about})
    return pd.DataFrame(rows, columns=COST)


def write_cost(config: Config, preset: str, root: Path) -> Path:
    frame = cost(config, preset, root)
    return write_atomic(root / "cost.csv", lambda to: frame.to_csv(to, index=False, lineterminator="\n"))


def core_hours(costs: pd.DataFrame) -> float:
    return float((costs["seconds"] * costs["threads"]).sum() / 3600) if len(costs) else 0.0


def origins(costs: pd.DataFrame) -> pd.DataFrame:
    """A row a system and origin: number of trainings, commits and whether the checkout was changed."""
    grouped = costs.groupby(["system", "origin"], sort=False)
    return grouped.agg(
        trainings=("run", "count"),
        commits=("commit", lambda c: ", ".join(sorted({str(value)[:10] for value in c}))),
        changed=("dirty", lambda d: "yes" if d.any() else "no"),
    ).reset_index()


def copy_bundle(root: Path, target: Path) -> list[Path]:
    """Copy the files that the documents are made of to where git keeps them."""
    names = [*FLAT, *(f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md"))]
    return [write_atomic(target / name, partial(_copy, root / name)) for name in names if (root / name).exists()]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
