"""The log of a training's losses, and its failure."""

import math
import sys

import torch

from idgan_sc.config import ConfigError, Run

COLLAPSE_STEPS = 200  # a warning must hold for this long before it counts


class TrainingFailed(ConfigError):
    """Report that these settings made a loss infinite or undefined.

    The message names system, seed, step and loss.
    """


class Log:
    """Means of what `step` returns over every `every` steps; refuses values that are not finite."""

    def __init__(self, run: Run, every: int) -> None:
        self.run, self.every = run, every
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, torch.Tensor] = {}
        self.counts: dict[str, int] = {}
        self.warned: dict[str, int] = {}  # sentence -> step of its first row

    def add(self, step: int, values: dict[str, torch.Tensor], steps: int = 1) -> None:
        """Count what a step returned, or its sum over several steps.

        `step` is the last of them.
        """
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.double()
            self.counts[name] = self.counts.get(name, 0) + steps
        if values[next(iter(values))].device.type == "cpu":  # elsewhere a look would stall the device: see flush
            self.refuse(step, values)

    def refuse(self, step: int, values: dict[str, torch.Tensor]) -> None:
        total = float(sum(values.values()))
        if math.isfinite(total):
            return
        name, value = next(((n, float(v)) for n, v in values.items() if not math.isfinite(v)), ("a sum", total))
        raise TrainingFailed(
            f"{self.run.system} ({self.run.variant}), seed {self.run.seed}, step {step}: `{name}` is {value}; "
            "lower the learning rates or the weight of that loss in config.yaml"
        )

    def flush(self, step: int) -> dict[str, float]:
        self.refuse(step, self.sums)
        row = {"step": step} | {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.rows.append(row)
        self.sums, self.counts = {}, {}
        return row

    def warn(self, row: dict[str, float], sentences: list[str]) -> None:
        """Say once what has held for COLLAPSE_STEPS steps."""
        step = int(row["step"])
        held = {s.partition(":")[0]: self.warned.get(s.partition(":")[0], step - self.every) for s in sentences}
        for sentence in sentences:
            since = held[sentence.partition(":")[0]]
            if since >= 0 and step - since >= COLLAPSE_STEPS:
                print(f"\nwarning: {self.run}: {sentence} (since step {since})", file=sys.stderr)
                held[sentence.partition(":")[0]] = -1
        self.warned = held
