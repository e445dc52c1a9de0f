"""The planned checks of the paper's claims, and the runs that they compare."""

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from idgan_sc.config.datasets import DATASET
from idgan_sc.config.runs import datasets_of, runs_on, seeds_of, split_arm
from idgan_sc.config.settings import Config, Run


@dataclass(frozen=True)
class Arm:
    """A system and its variant: `system`, `system/variant`, or `system:code` for another code than its headline."""

    system: str
    variant: str
    code: str | None = None

    def __str__(self) -> str:
        return self.system if self.variant == "main" else f"{self.system}/{self.variant}"


@dataclass(frozen=True)
class Check:
    """Hold one comparison of a claim.

    `rule` and `options` stand as configured. Each arm and metric of the configured lists has a comparison of its
    own.
    """

    claim: str
    rule: str
    quantity: str
    arm: Arm
    other: Arm | None
    metric: str | None
    options: dict[str, Any]


def planned_checks(config: Config) -> list[Check]:
    """All planned checks, in the order of the configuration."""
    return [check for name, claim in config["claims"].items() for row in claim["checks"] for check in _apart(name, row)]


@dataclass(frozen=True)
class Contrast:
    """Hold a comparison of the second protocol.

    It is the mean over `arms` less the mean over `others`, by seed.
    """

    family: str
    arms: tuple[Arm, ...]
    others: tuple[Arm, ...]
    what: str | None  # in words, where it is no comparison of two arms
    claim: str | None = None  # that it is a part of


def contrasts(config: Config) -> list[Contrast]:
    """All comparisons of the second protocol, in the order of the configuration."""
    return [
        Contrast(family, _arms(row["arms"]), _arms(row["others"]), row.get("what"), row.get("claim"))
        for family, rows in config["second_protocol"]["families"].items()
        for row in rows
    ]


def _arms(names: list[str]) -> tuple[Arm, ...]:
    return tuple(map(parse_arm, names))


def exploratory_checks(config: Config) -> list[Check]:
    """Return every comparison that belongs to no claim.

    They come from `exploratory` in the configuration. Their topic stands in the claim's place.
    """
    return [
        check
        for topic in config["exploratory"]
        for row in topic["comparisons"]
        for one in [*row.get("pairs", []), *([arm] for arm in row.get("arms", []))]
        for check in _apart(topic["topic"], _without(row, "pairs") | _of_pair(*one))
    ]


def _of_pair(arm: str, other: str | None = None) -> dict[str, Any]:
    return {"rule": "difference", "arms": [arm], "others": [other]} if other else {"rule": "level", "arms": [arm]}


def _without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def parse_arm(text: str) -> Arm:
    """An arm as the configuration names it.

    >>> parse_arm("infogan/c10"), parse_arm("factor_vae:vae_mean")
    (Arm(system='infogan', variant='c10', code=None), Arm(system='factor_vae', variant='main', code='vae_mean'))
    """
    name, _, code = text.partition(":")
    return Arm(*split_arm(name), code or None)


def _apart(claim: str, row: dict[str, Any]) -> list[Check]:
    """A configured check for every combination of its arms, others and metrics."""
    options = _without(row, "rule", "quantity", "arms", "others", "metrics")
    make = partial(Check, claim, row["rule"], row["quantity"], options=options)
    return [
        make(arm=parse_arm(arm), other=parse_arm(other) if other else None, metric=metric)
        for metric, arm, other in product(row.get("metrics", [None]), row["arms"], row.get("others", [None]))
    ]


def claim_dataset(config: Config, preset: str, claim: str) -> str | None:
    """The first of the claim's data sets that the preset runs."""
    there = datasets_of(config, preset)
    return next((name for name in config["claims"][claim].get("datasets", [DATASET]) if name in there), None)


def seeds_needed(config: Config, preset: str, claim: str) -> int:
    """Return the number of seeds that a claim needs for a verdict.

    With fewer seeds the claim is inconclusive. The number is the larger of the configured one and all seeds that
    the preset plans. So no unfinished sweep is judged.
    """
    least = int(config["claims"][claim].get("needs", config["judging"]["needs"]))
    data = claim_dataset(config, preset, claim)
    return max(least, len(seeds_of(config, preset, data))) if data else least


def claim_runs(config: Config, preset: str, claim: str) -> list[Run]:
    """Return the runs at a preset that a claim's checks compare.

    There are none where the preset does not run the claim's data set.
    """
    data = claim_dataset(config, preset, claim)
    if data is None:
        return []
    planned = runs_on(config, preset, data)
    arms = {arm for check in planned_checks(config) if check.claim == claim for arm in (check.arm, check.other) if arm}
    named = {(arm.system, arm.variant) for arm in arms}
    return [run for run in planned if (run.system, run.variant) in named]
