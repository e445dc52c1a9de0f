"""Measure how far repeated numbers differ from recorded ones.

This file also says how far another kind of machine may move them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from idgan_sc.config import Run, Settings
from idgan_sc.records.machine import differences
from idgan_sc.records.results import Results, Row

# Within one kind of machine every byte is equal. Another kind adds numbers in another order, and a training enlarges
# the last digits until it is as far away as another seed. What is accepted of another kind, and what is only told:
SHARE = 0.2  # largest deviation, as a share of the largest recorded value of that column of the log
STEPS = {"beta": 300, "factor": 300, "gan": 100}  # by what is trained: the steps from the same start that are judged
NOT_JUDGED = {"total_correlation"}  # columns that scatter around 0 for so long: no share of their largest means much
# Measured at desk's settings on dSprites (benchmarks/instruction_sets.py and its CSV): one seed on one processor told
# to use AVX-512, AVX2, AVX and (VAEs) SSE4.1, on an Intel Xeon and on an AMD EPYC, beside desk's published logs, of
# which seed 0's is an EPYC's and the others' a Xeon's. Up to those steps two kinds are at most, and two seeds at least,
# this far apart: β-VAE 0.16 and 0.50, FactorVAE 0.13 and 0.58 (its estimate of the total correlation, at most 0.001
# until step 900: 0.37 and 0.58), InfoGAN's stage A 0.090 and 0.37, IDGAN-SC's stage B from one stage A 0.045 and 0.88.
# Later two kinds reach what is accepted: β-VAEs 0.33 at step 400, stages A 1.3 at step 200. Other systems were not
# measured, and none of their steps is judged.

VERDICTS = {True: "PASS", False: "FAIL", None: "NO VERDICT"}
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, order=True)
class Deviation:
    """Hold the largest difference between two sets of arrays.

    It has the share of the recorded array's largest value, the size, and the place.
    """

    share: float
    size: float
    where: str

    def __str__(self) -> str:
        return f"at most {self.size:.3g} ({self.where}), {self.share:.2g} of the largest value there"


def largest(recorded: Arrays, again: Arrays) -> Deviation:
    """The array that deviates by the largest share; infinite where names, shapes or texts differ."""
    if recorded.keys() != again.keys():
        return Deviation(np.inf, np.inf, f"only one has {sorted(recorded.keys() ^ again.keys())[0]}")
    steps = recorded.get("step")  # of a log: its columns are arrays
    return max(_deviation(name, array, again[name], steps) for name, array in recorded.items())


def _deviation(name: str, a: np.ndarray, b: np.ndarray, steps: np.ndarray | None) -> Deviation:
    numbers = a.dtype.kind in "fiu" and b.dtype.kind in "fiu"
    if a.shape != b.shape or (not numbers and not np.array_equal(a, b)):
        return Deviation(np.inf, np.inf, f"in {name}")
    if not numbers or not a.size:
        return Deviation(0.0, 0.0, f"in {name}")
    a, b = a.astype(float), b.astype(float)
    apart = np.where(_equal(a, b), 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf)).reshape(-1)
    size, whole = float(apart.max()), float(np.nanmax(np.abs(a), initial=0.0))
    share = size / whole if whole else np.inf
    step = "" if steps is None else f", step {steps[apart.argmax()]}"
    return Deviation(share if size else 0.0, size, f"in {name}{step}")


def common_rows(recorded: Arrays, again: Arrays, last: float = np.inf) -> tuple[Arrays, Arrays]:
    """The rows of two logs that both have, up to the step `last`."""
    n = min(len(recorded["step"]), len(again["step"]), int(np.sum(recorded["step"] <= last)))
    a, b = ({name: column[:n] for name, column in log.items()} for log in (recorded, again))
    return a, b


def first_difference(recorded: Arrays, again: Arrays) -> int | None:
    """Find the step of the first log row that differs in any column.

    The result is None if all rows are equal.
    """
    if recorded.keys() != again.keys():
        return int(recorded["step"][0])
    equal = [_equal(column.astype(float), again[name].astype(float)) for name, column in recorded.items()]
    rows = np.flatnonzero(~np.all(equal, axis=0))
    return int(recorded["step"][rows[0]]) if rows.size else None


def _equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a == b) | (np.isnan(a) & np.isnan(b))


# --------------------------------------------------------------------------------------------------------- the verdict
@dataclass(frozen=True)
class Proof:
    """Hold the comparison of a repeated run with its record.

    `passed` is None if no rule says whether the two may differ.
    """

    run: Run
    passed: bool | None
    lines: tuple[str, ...]  # what was compared, how it came out, and by which rule it is judged

    def __str__(self) -> str:
        return "\n    ".join((f"{VERDICTS[self.passed]} {self.run}", *self.lines))


def summary(proofs: list[Proof]) -> str:
    """One line on all proofs: FAIL if one failed, PASS if all passed."""
    passed = [proof.passed for proof in proofs]
    verdict = VERDICTS[False if False in passed else None if None in passed else True]
    return f"{verdict}: {passed.count(True)} of {len(passed)} trainings came out as their records say they must"


def judged_steps(settings: dict[str, Any]) -> int:
    """Return how many first steps of a training are judged.

    The number depends on the settings. It is 0 if no range was measured for them.
    """
    return STEPS.get(settings.get("objective", settings["family"]), 0)


def compare_logs(recorded: Arrays, again: Arrays, settings: Settings) -> tuple[bool, str, Deviation | None]:
    """Compare two logs as far as both go.

    Return whether they are equal, a text about it, and how far the judged rows deviate.
    """
    if not recorded:
        return False, "log.csv cannot be compared step by step: the recorded file is not here", None
    a, b = common_rows(recorded, again)
    first, part = first_difference(a, b), f"log.csv up to step {a['step'][-1]} of {settings['steps']}"
    words = f"differs from step {first} on, {largest(a, b)}" if first else f"all {len(a['step'])} rows as recorded"
    last = judged_steps(settings)
    early = [
        {name: column for name, column in log.items() if name not in NOT_JUDGED} for log in common_rows(a, b, last)
    ]
    return not first, f"{part}: {words}", largest(*early) if a["step"][0] <= last else None


def verdict(results: Results, run: Run, record: Row, here: Row, early: Deviation | None) -> tuple[bool | None, str]:
    """Whether a run that differs from its record passes, and why.

    here: the machine that trained it again; early: how far the steps that are judged deviate, where there are any.
    """
    if not results.is_valid(run, record):
        return None, "the source has changed since the record, and accepted.yaml does not list the older one"
    other, unknown = differences(record, here)
    if not other and not unknown:
        return False, "recorded on this kind of machine, where every byte must be equal"
    kind = f"recorded on another kind of machine ({'; '.join(other)})"
    if not other:
        kind = f"the record does not name {', '.join(unknown)}: whether that was this kind of machine is unknown"
    last = judged_steps(results.settings(run))
    if not early:
        return None, f"{kind}; there only the first {last} steps of this system from the same start are judged"
    within = f"{'within' if early.share <= SHARE else 'beyond'} the accepted {SHARE:g} of the largest value"
    return early.share <= SHARE, f"{kind}; its first {last} steps, which are judged, are {within}: {early}"
