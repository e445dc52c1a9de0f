"""What each run cost and came from."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import with_predecessors
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table

COST = ["run", "system", "seed", "origin", "commit", "dirty", "source", "device", "processor", "threads", "seconds"]
COST += ["peak_memory_mb"]


def cost(results: Results) -> pd.DataFrame:
    """Tabulate the cost of every training that the results rest on.

    A row says whether the training was made here, published or submitted by whom, from which commit, how long and how
    large it was.
    """
    rows = []
    for run in with_predecessors(results.config, results.planned):
        path = results.find(run, "record.json")
        if not path.exists():
            continue
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        by = f"submitted by {record['origin']['by']}" if "origin" in record else "published"
        key_columns = {"run": str(run), "origin": by if results.is_published(run) else "recomputed here"}
        rows.append(key_columns | {key: record.get(key) for key in COST if key not in key_columns})
    return pd.DataFrame(rows, columns=COST)


def write_cost(results: Results) -> Path:
    return write_table(results.root / "cost.csv", cost(results))


def core_hours(costs: pd.DataFrame) -> float:
    return float((costs["seconds"] * costs["threads"]).sum() / 3600) if len(costs) else 0.0


def origins(costs: pd.DataFrame) -> pd.DataFrame:
    """Count the trainings of each system and origin.

    A row also lists the commits, and whether the checkout was changed.
    """
    grouped = costs.groupby(["system", "origin"], sort=False)
    return grouped.agg(
        trainings=("run", "count"),
        commits=("commit", lambda c: ", ".join(sorted({str(value)[:10] for value in c}))),
        changed=("dirty", lambda d: "yes" if d.any() else "no"),
    ).reset_index()
