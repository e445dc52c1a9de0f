"""Define the table of scores that `score` returns.

Its scores are grouped by what they measure. It also says what was refused, what was left out, and how each
factor was read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from idgan_sc.metrics.explanations import EXPLANATIONS, GROUPS, WHOLE

Interval = tuple[float, float]


@dataclass(frozen=True)
class Scores:
    """Hold the scores by metric, and the reasons for refused metrics.

    When printed, it is a table.
    """

    values: dict[str, float]
    refused: dict[str, str]
    intervals: dict[str, Interval] = field(default_factory=dict, compare=False)  # if asked for: (low, high)
    cautions: dict[str, str] = field(default_factory=dict, compare=False)  # scores that need more points, and why
    factors: dict[str, str] = field(default_factory=dict, compare=False)  # what each factor was taken for
    left_out: Mapping[str, str] = field(default_factory=dict, compare=False)  # factors not scored, and why
    points: int = field(default=0, compare=False)
    missing: int = field(default=0, compare=False)  # rows left out because a factor is missing
    doubts: tuple[str, ...] = field(default=(), compare=False)  # what is odd about the codes and factors

    def __iter__(self) -> Iterator[Any]:
        """`values, refused = score(...)`."""
        return iter((self.values, self.refused))

    def rows(self) -> list[dict[str, Any]]:
        """A row for each metric: group, metric, value, low, high, note."""
        table = [self._row(name, value) for name, value in self.values.items()]
        table += [self._row(name, None) for name in self.refused]
        return sorted(table, key=lambda row: (row["value"] is None, GROUPS.index(row["group"])))

    def to_frame(self) -> Any:
        """The rows as a pandas frame."""
        import pandas

        return pandas.DataFrame(self.rows(), columns=["group", "metric", "value", "low", "high", "note"])

    def __str__(self) -> str:
        lines = [f"{self.points} points, {len(self.factors)} factors"]
        lines += [f"  {name}: {kind}" for name, kind in self.factors.items()]
        lines += [f"  left out: {why}" for why in self.left_out.values()]
        if self.missing:
            lines.append(f"  left out: {self.missing} rows in which a factor is missing")
        lines += [f"  odd: {doubt}" for doubt in self.doubts]
        group = ""
        for row in self.rows():
            heading = row["group"] if row["value"] is not None else "refused"
            lines += [heading] if heading != group else []
            group = heading
            lines.append(_line(row))
        return "\n".join(lines)

    __repr__ = __str__

    def _row(self, name: str, value: float | None) -> dict[str, Any]:
        low, high = self.intervals.get(name, (None, None))
        note = self.refused.get(name) or self.cautions.get(name, "")
        key_columns = {"group": EXPLANATIONS[name].group if name in EXPLANATIONS else WHOLE, "metric": name}
        return key_columns | {"value": value, "low": low, "high": high, "note": note}


def _line(row: dict[str, Any]) -> str:
    number = "" if row["value"] is None else f"{row['value']:8.3f}"
    interval = "" if row["low"] is None else f"  [{row['low']:.3f}, {row['high']:.3f}]"
    return f"  {row['metric']:26}{number}{interval}  {row['note']}".rstrip()
