"""The small files that the page and the documents are made of, and what each run cost and came from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import Config, with_predecessors
from idgan_sc.files import write_atomic
from idgan_sc.records.results import Results

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


def cost(results: Results) -> pd.DataFrame:
    """A row a training that the results rest on: made here or committed, from which commit, how long, how large."""
    rows = []
    for run in with_predecessors(results.config, results.planned):
        path = results.find(run, "record.json")
        if not path.exists():
            continue
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        about = {"run": str(run), "origin": "committed" if results.is_published(run) else "recomputed here"}
        rows.append(about | {key: record.get(key) for key in COST if key not in about})
    return pd.DataFrame(rows, columns=COST)


def write_cost(results: Results) -> Path:
    frame = cost(results)
    return write_atomic(results.root / "cost.csv", lambda to: frame.to_csv(to, index=False, lineterminator="\n"))


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
