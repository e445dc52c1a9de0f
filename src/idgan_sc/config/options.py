"""What `snakemake --config` can set beside config.yaml, checked before anything runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idgan_sc.config.names import listed
from idgan_sc.config.runs import datasets_of, planned_runs, related, seed_list, without_factorial
from idgan_sc.config.settings import Config, ConfigError, Run

SEE = "`{}` in config.yaml has all"
NAMES = ("preset", "allow_missing", "sample", "seeds", "dataset", "system")


@dataclass(frozen=True)
class Options:
    """The options of one call of Snakemake.

    allow_missing: make all of the runs that are there; sample: how many runs `verify` draws, or "all"; dataset, system,
    seeds: which of the runs the targets `runs` and `related_runs` finish, all where they are None.
    """

    preset: str
    allow_missing: bool
    sample: int | str
    dataset: str | None
    system: str | None
    seeds: tuple[int, ...] | None

    def of_piece(self, runs: Iterable[Run]) -> list[Run]:
        """Those of `runs` that the options name."""
        return [
            run
            for run in runs
            if self.dataset in (None, run.dataset)
            and self.system in (None, run.system)
            and (self.seeds is None or run.seed in self.seeds)
        ]


def options(config: Config, given: Mapping[str, Any], words: Sequence[str] = ()) -> Options:
    """Read the options of a call; `given` holds config.yaml and what the command line sets.

    words: the words of the command line. Snakemake hands on `seeds=1_2` and `seeds=012` as the numbers 12 and 12; what
    was typed is read instead.

    Raises
    ------
    ConfigError
        One line: the option and what can be set.
    """
    written = without_factorial(config)
    changed = sorted(key for key in given if key not in NAMES and given[key] != written.get(key))
    if changed:
        raise ConfigError(
            f"--config {changed[0]} cannot be set on the command line, only {', '.join(NAMES)} can: change config.yaml"
        )
    if str(given["preset"]) not in config["presets"]:
        raise ConfigError(
            f"--config preset={given['preset']} is no preset: choose one of "
            f"{listed(given['preset'], config['presets'], SEE.format('presets'))}"
        )
    found = Options(
        preset=given["preset"],
        allow_missing=_truth(given.get("allow_missing", False)),
        sample=_sample(given.get("sample", 1), _typed(words, "sample")),
        dataset=given.get("dataset"),
        system=given.get("system"),
        seeds=tuple(seed_list(_typed(words, "seeds") or str(given["seeds"]))) if "seeds" in given else None,
    )
    _check_piece(config, found, given)
    return found


def _truth(value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ConfigError(f"--config allow_missing={value} cannot be read: give true or false")
    return str(value).lower() == "true"


def _typed(words: Sequence[str], name: str) -> str:
    """What the command line has after `name=`; empty if it has no such word."""
    plain = [word.strip("'\"") for word in words]
    return next((word.partition("=")[2] for word in reversed(plain) if word.startswith(f"{name}=")), "")


def _sample(value: Any, typed: str) -> Any:
    if value != "all" and (type(value) is not int or value < 1 or not re.fullmatch("[0-9]+", typed or str(value))):
        raise ConfigError(f"--config sample={typed or value} cannot be read: give a number of runs from 1 on, or all")
    return value


def _check_piece(config: Config, found: Options, given: Mapping[str, Any]) -> None:
    known = datasets_of(config, found.preset)
    if found.dataset is not None and found.dataset not in known:
        raise ConfigError(
            f"--config dataset={found.dataset} is none of preset {found.preset}: choose one of "
            f"{listed(found.dataset, known, SEE.format('datasets'))}"
        )
    systems = dict.fromkeys(run.system for run in [*planned_runs(config, found.preset), *related(config, found.preset)])
    if found.system is not None and found.system not in systems:
        raise ConfigError(
            f"--config system={found.system} is none of preset {found.preset}: choose one of "
            f"{listed(found.system, systems, SEE.format('systems'))}"
        )
    there = {run.seed for run in planned_runs(config, found.preset) if found.dataset in (None, run.dataset)}
    if found.seeds and not set(found.seeds) <= there:
        raise ConfigError(
            f"--config seeds={given['seeds']} are not all planned: preset {found.preset} has {min(there)}-{max(there)}"
        )
