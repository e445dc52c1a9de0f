"""List the runs of a preset, and of a table or figure.

The module also lists the runs that must come before another run.
"""

from dataclasses import replace
from typing import Any

from idgan_sc.config.datasets import DATASET, LABELLED, MATCHED, PICTURE_DATASETS, PICTURE_SYSTEMS, dataset_row
from idgan_sc.config.settings import (
    Config,
    ConfigError,
    Run,
    _dataset_entry,
    applies,
    dataset_settings,
    resolve,
    scored,
)

BASELINE_SEEDS = 5  # of the preset's, for what is random in a baseline: enough for an interval
MOST_SEEDS = 100_000  # of a range: more are a slip
BASELINE_START = "infogan_stage_a"  # whose untrained Q is a baseline


def predecessors(config: Config, run: Run) -> dict[str, Run]:
    """Return the runs that must be finished before a run, by role.

    The roles are `start` (stage A) and `vae` (the frozen β-VAE).
    """
    settings = resolve(config, run)
    roles = {}
    if settings.get("start", "scratch") != "scratch":
        roles["start"] = settings["start"]
    if settings.get("code") == "vae":
        roles["vae"] = settings["vae"]
    return {
        role: replace(run, system=name, variant=_variant_of(config, name, run.variant)) for role, name in roles.items()
    }


def _variant_of(config: Config, system: str, variant: str) -> str:
    """A variant reaches back to the predecessors that it names; the others stay `main`."""
    return variant if applies(config, variant, system) else "main"


def continued_systems(config: Config) -> set[str]:
    """Systems that another one continues, anywhere in the configuration: their runs keep Adam's moments."""
    tables = [config["systems"], config["variants"]]
    of_presets = [entry for row in config["presets"].values() for entry in (row, *row.get("datasets", {}).values())]
    for row in [*of_presets, *config["datasets"].values()]:
        tables += [row.get("systems", {}), row.get("families", {})]
    return {row["start"] for table in tables for row in table.values() if row.get("start", "scratch") != "scratch"}


def seeds_of(config: Config, preset: str, data: str | None = None) -> list[int]:
    """Seeds of a preset, or of a data set that has its own there."""
    wanted = config["presets"][preset]["seeds"]
    wanted = _dataset_entry(config, preset, data).get("seeds", wanted) if data else wanted
    return list(range(wanted["first"], wanted["first"] + wanted["count"]))


def seed_list(text: str) -> list[int]:
    """Seeds such as `0-7` or `0,3,5-7`.

    >>> seed_list("0,3,5-7")
    [0, 3, 5, 6, 7]

    Raises
    ------
    ConfigError
        If it is no such list, or names a seed twice.
    """
    parts = [part.strip().partition("-") for part in text.split(",")]
    if not all(_is_number(first) and (_is_number(last) if dash else True) for first, dash, last in parts):
        raise ConfigError(f"{text!r} is no list of seeds: write them as 0-7 or 0,3,5-7")
    if backwards := [f"{first}-{last}" for first, dash, last in parts if dash and int(first) > int(last)]:
        raise ConfigError(f"{text!r} is no list of seeds: {backwards[0]} runs backwards, write the smaller first")
    if any(dash and int(last) - int(first) >= MOST_SEEDS for first, dash, last in parts):
        raise ConfigError(f"{text!r} are more than {MOST_SEEDS} seeds: write the last one again")
    found = [seed for first, _, last in parts for seed in range(int(first), int(last or first) + 1)]
    if not found or len(set(found)) < len(found):
        raise ConfigError(f"{text!r} names a seed twice: name each once, as in 0-7 or 0,3,5-7")
    return found


def _is_number(text: str) -> bool:
    """Tell whether a text is a whole number in plain digits.

    Python's `int` alone accepts more.
    """
    return text.isascii() and text.isdecimal()


def runs_on(config: Config, preset: str, data: str) -> list[Run]:
    """The runs that tables and figures of a data set are made of, all seeds."""
    systems = config["presets"][preset].get("runs", config["runs"]).get(data, {})
    return [
        Run(preset, data, system, variant, seed)
        for system, variants in systems.items()
        for variant in variants
        for seed in seeds_of(config, preset, data)
    ]


def two_level_design(factors: int) -> list[tuple[int, ...]]:
    """Return a two-level fractional factorial design of 16 runs for up to eight factors.

    Each row is a run. It holds 0 or 1 for each factor.

    Four factors, a to d, are free. The others are the products bcd, acd, abc and abd. The resolution is IV: no
    main effect is aliased with another one or with an interaction of two factors.

    >>> two_level_design(8)[0], two_level_design(8)[1]
    ((0, 0, 0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 1, 1, 1))
    """
    if factors > 8:
        raise ValueError(f"16 runs of resolution IV hold at most 8 factors, not {factors}")
    rows = []
    for run in range(16):
        a, b, c, d = (run >> i & 1 for i in range(4))
        rows.append((a, b, c, d, b ^ c ^ d, a ^ c ^ d, a ^ b ^ c, a ^ b ^ d)[:factors])
    return rows


def factorial(config: Config) -> dict[str, Any]:
    """Return the variants `factorial_00` to `factorial_15` of the sensitivity study's design.

    Each variant sets all switches of the design.
    """
    study = config["sensitivity"]
    switches = study["factorial"]
    return {
        f"factorial_{number:02d}": {"systems": [study["arm"]]}
        | {key: levels[high] for high, (key, levels) in zip(row, switches.items(), strict=True)}
        for number, row in enumerate(two_level_design(len(switches)))
    }


def without_factorial(config: Config) -> Config:
    """A loaded configuration as its file has it, but for variants that `load` generates."""
    generated = factorial(config)
    return config | {"variants": {name: row for name, row in config["variants"].items() if name not in generated}}


def sensitivity_runs(config: Config, preset: str, data: str) -> list[Run]:
    """List the runs of the sensitivity study.

    They are the default, the reference, one switch at a time, and the factorial design.
    """
    study = config["sensitivity"]
    variants = ["main", *study["one_at_a_time"], *factorial(config)]
    rows = [(study["reference"], "main"), *((study["arm"], variant) for variant in variants)]
    chosen = seeds_of(config, preset)[: study["seeds"]]
    return [Run(preset, data, system, variant, seed) for system, variant in rows for seed in chosen]


def split_arm(text: str) -> tuple[str, str]:
    """System and variant of `system` or `system/variant`.

    >>> split_arm("infogan"), split_arm("infogan/c10")
    (('infogan', 'main'), ('infogan', 'c10'))
    """
    system, _, variant = text.partition("/")
    return system, variant or "main"


def datasets_of(config: Config, preset: str) -> list[str]:
    return list(config["presets"][preset].get("runs", config["runs"]))


def picture_figures(config: Config, preset: str) -> dict[str, tuple[str, str]]:
    """Name those of Figures 5 to 8 that a preset can have.

    Each name comes with its data set and system. The name of a figure made from real MNIST says so.
    """
    planned = {data: {run.system for run in runs_on(config, preset, data)} for data in datasets_of(config, preset)}
    both = [data for data in PICTURE_DATASETS if set(PICTURE_SYSTEMS) <= planned.get(data, set())]
    return {
        name: (data, system)
        for data in both
        for name, system in zip(dataset_row(data).figures, PICTURE_SYSTEMS, strict=True)
    }


def picture_runs(config: Config, preset: str) -> dict[str, Run]:
    """The run that each of Figures 5 to 8 shows: its system's first seed."""
    return {
        name: Run(preset, data, system, "main", seeds_of(config, preset, data)[0])
        for name, (data, system) in picture_figures(config, preset).items()
    }


def runs_with_leakage(config: Config, preset: str) -> list[Run]:
    """Return a preset's runs whose leakage is measured.

    They are the runs on the data sets that Figures 5 to 8 show.
    """
    return [
        run for data in datasets_of(config, preset) if data in PICTURE_DATASETS for run in runs_on(config, preset, data)
    ]


def related(config: Config, preset: str) -> list[Run]:
    """List the runs of the systems beside the paper's at a preset.

    The list is empty if the preset does not run their data set.
    """
    chosen = (
        seeds_of(config, preset, DATASET)[: config["related"]["seeds"]]
        if DATASET in datasets_of(config, preset)
        else []
    )
    arms = [(system, variant) for system, variants in config["related"]["runs"].items() for variant in variants]
    return [Run(preset, DATASET, *arm, seed) for arm in arms for seed in chosen]


def planned_runs(config: Config, preset: str) -> list[Run]:
    """All runs that the tables and figures of a preset are made of."""
    return [run for data in datasets_of(config, preset) for run in runs_on(config, preset, data)]


def studied(config: Config, preset: str) -> list[Run]:
    """Return a preset's runs of the sensitivity study.

    There are none where the preset does not run the study's data set.
    """
    return sensitivity_runs(config, preset, DATASET) if DATASET in datasets_of(config, preset) else []


def of_second_protocol(config: Config, preset: str) -> bool:
    """Whether the comparisons of the second protocol are judged at a preset."""
    return config["presets"][preset].get("protocol") == "second"


def further(config: Config, preset: str) -> list[str]:
    """List a preset's data sets of Table S.

    Their factors are known. The paper does not have them, and they stand in for none of its data sets.
    """
    names = [data for data in datasets_of(config, preset) if data != DATASET and data not in PICTURE_DATASETS]
    return [
        data for data in names if scored(config, data) and dataset_settings(config, preset, data)["source"] != "folder"
    ]


def correlated(config: Config, preset: str) -> list[Run]:
    """List the runs of Table S with correlated factors.

    Beside them are the runs of the same systems without correlation.
    """
    every = [run for data in further(config, preset) for run in runs_on(config, preset, data)]
    systems = {run.system for run in every if "correlation" in resolve(config, run)}
    return [run for run in every if run.system in systems]


def datasets_with_baseline(config: Config, preset: str) -> list[str]:
    """List the data sets that have a baseline.

    They are those of Tables 3 and S, and those of a preset whose generators are read.
    """
    of_tables = [DATASET, *further(config, preset)]
    read = (run.dataset for run in generators_by_reader(config, preset))
    return list(dict.fromkeys([*(data for data in of_tables if data in datasets_of(config, preset)), *read]))


def baseline_starts(config: Config, preset: str, dataset: str) -> list[Run]:
    """Return the stage A runs of InfoGAN that fix the baseline's numbers of codes.

    There is one for each variant that a data set's runs build on.
    """
    built_on = with_predecessors(config, runs_on(config, preset, dataset))
    found = dict.fromkeys(run.variant for run in built_on if run.system == BASELINE_START)
    first = seeds_of(config, preset, dataset)[0]
    return [Run(preset, dataset, BASELINE_START, variant, first) for variant in found or ["main"]]


def with_predecessors(config: Config, chosen: list[Run]) -> list[Run]:
    """Runs and all that they build on, each once."""
    found: dict[Run, None] = {}
    for run in chosen:
        if run in found:
            continue
        before = [earlier for earlier in predecessors(config, run).values() if earlier not in found]
        found |= dict.fromkeys([*with_predecessors(config, before), run])
    return list(found)


def generators_by_matching(config: Config, preset: str) -> list[Run]:
    """Return the planned GAN runs whose images can be matched with true ones.

    They are the runs on dSprites and rooms. Each comes after the stage A that it continues.
    """
    found: dict[Run, None] = {}
    for run in planned_runs(config, preset):
        if run.dataset in MATCHED and is_gan(config, run):
            start = predecessors(config, run).get("start")
            found |= {earlier: None for earlier in (start, run) if earlier}
    return list(found)


def generators_by_reader(config: Config, preset: str) -> list[Run]:
    """Planned GAN runs on digits and faces, the factors of whose images regressors can read."""
    return [run for run in planned_runs(config, preset) if run.dataset in LABELLED and is_gan(config, run)]


def is_gan(config: Config, run: Run) -> bool:
    return bool(config["systems"][run.system]["family"] == "gan")


def shown_generators(config: Config, preset: str) -> list[Run]:
    """Return the generators that a reader can play with.

    They are those of the first seed of every data set. The systems that Figures 5 to 8 compare come first.
    """
    found = [run for run in planned_runs(config, preset) if is_gan(config, run) and _is_first(config, run)]
    order = datasets_of(config, preset)
    return sorted(found, key=lambda run: (order.index(run.dataset), run.system not in PICTURE_SYSTEMS))


def related_generators(config: Config, preset: str) -> list[Run]:
    """As `shown_generators`, of the systems beside the paper's."""
    return [run for run in related(config, preset) if is_gan(config, run) and _is_first(config, run)]


def _is_first(config: Config, run: Run) -> bool:
    """Tell whether a run stands for its system.

    It does if it has the first seed and the variant `main`.
    """
    return run.variant == "main" and run.seed == seeds_of(config, run.preset, run.dataset)[0]


def redistributable(config: Config, run: Run) -> bool:
    """Tell whether a run's images and weights may be published.

    Terms forbid it for some data sets, and a user's own images stay with the user.
    """
    return (
        dataset_row(run.dataset).redistributable
        and dataset_settings(config, run.preset, run.dataset)["source"] != "folder"
    )


def runs_with_weights(config: Config, preset: str) -> list[Run]:
    """Return the runs whose weights are published, with a model card each.

    They are the first seed of every system on a scored data set.
    """
    return [
        run
        for run in dict.fromkeys([*planned_runs(config, preset), *related(config, preset)])
        if _is_first(config, run) and scored(config, run.dataset) and redistributable(config, run)
    ]
