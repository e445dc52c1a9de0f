"""Which runs there are: of a preset, of a table or figure, and before another run."""

from dataclasses import replace
from typing import Any

from idgan_sc.config.datasets import DATASET, LABELLED, MATCHED, PICTURED, PICTURES, about
from idgan_sc.config.settings import Config, ConfigError, Run, _about_data, applies, dataset, resolve, scored

FLOOR_SEEDS = 5  # of the preset's, for what is random in the floor: enough for an interval
BASELINE_START = "infogan_stage_a"  # whose untrained Q the floor scores


def predecessors(config: Config, run: Run) -> dict[str, Run]:
    """The runs that must be finished first, by role: `start` (stage A) and `vae` (the frozen β-VAE)."""
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


def starts(config: Config) -> set[str]:
    """Systems that another one continues, anywhere in the configuration: their runs keep Adam's moments."""
    tables = [config["systems"], config["variants"]]
    of_presets = [about for row in config["presets"].values() for about in (row, *row.get("datasets", {}).values())]
    for row in [*of_presets, *config["datasets"].values()]:
        tables += [row.get("systems", {}), row.get("families", {})]
    return {row["start"] for table in tables for row in table.values() if row.get("start", "scratch") != "scratch"}


def seeds(config: Config, preset: str, data: str | None = None) -> list[int]:
    """Seeds of a preset, or of a data set that has its own there."""
    wanted = config["presets"][preset]["seeds"]
    wanted = _about_data(config, preset, data).get("seeds", wanted) if data else wanted
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
    found = [seed for first, _, last in parts for seed in range(int(first), int(last or first) + 1)]
    if not found or len(set(found)) < len(found):
        raise ConfigError(f"{text!r} names a seed twice: name each once, as in 0-7 or 0,3,5-7")
    return found


def _is_number(text: str) -> bool:
    """Whether a text is a whole number in plain digits, which Python's `int` alone does not ask for."""
    return text.isascii() and text.isdecimal()


def runs(config: Config, preset: str, data: str) -> list[Run]:
    """The runs that tables and figures of a data set are made of, all seeds."""
    systems = config["presets"][preset].get("runs", config["runs"]).get(data, {})
    return [
        Run(preset, data, system, variant, seed)
        for system, variants in systems.items()
        for variant in variants
        for seed in seeds(config, preset, data)
    ]


def two_level_design(factors: int) -> list[tuple[int, ...]]:
    """A two-level fractional factorial design of 16 runs for up to eight factors: a row a run, 0 or 1 a factor.

    Four factors are free, the others the products bcd, acd, abc and abd: resolution IV, so that no main effect is
    aliased with another or with an interaction of two factors.

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
    """The variants of the sensitivity study's design, `factorial_00` to `factorial_15`; all of its switches are set."""
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
    """The runs of the sensitivity study: default, reference, one switch at a time, and the factorial design."""
    study = config["sensitivity"]
    variants = ["main", *study["one_at_a_time"], *factorial(config)]
    rows = [(study["reference"], "main"), *((study["arm"], variant) for variant in variants)]
    chosen = seeds(config, preset)[: study["seeds"]]
    return [Run(preset, data, system, variant, seed) for system, variant in rows for seed in chosen]


def split_arm(text: str) -> tuple[str, str]:
    """System and variant of `system` or `system/variant`.

    >>> split_arm("infogan"), split_arm("infogan/c10")
    (('infogan', 'main'), ('infogan', 'c10'))
    """
    system, _, variant = text.partition("/")
    return system, variant or "main"


def datasets(config: Config, preset: str) -> list[str]:
    return list(config["presets"][preset].get("runs", config["runs"]))


def pictures(config: Config, preset: str) -> dict[str, tuple[str, str]]:
    """Figures 5 to 8 that a preset can have, by name: data set and system. One made from real MNIST is called so."""
    planned = {data: {run.system for run in runs(config, preset, data)} for data in datasets(config, preset)}
    both = [data for data in PICTURES if set(PICTURED) <= planned.get(data, set())]
    return {name: (data, system) for data in both for name, system in zip(about(data).figures, PICTURED, strict=True)}


def pictured(config: Config, preset: str) -> dict[str, Run]:
    """The run that each of Figures 5 to 8 shows: its system's first seed."""
    return {
        name: Run(preset, data, system, "main", seeds(config, preset, data)[0])
        for name, (data, system) in pictures(config, preset).items()
    }


def runs_with_leakage(config: Config, preset: str) -> list[Run]:
    """The runs of a preset whose leakage is measured: those of the data sets that Figures 5 to 8 show."""
    return [run for data in datasets(config, preset) if data in PICTURES for run in runs(config, preset, data)]


def planned(config: Config, preset: str) -> list[Run]:
    """All runs that the tables and figures of a preset are made of."""
    return [run for data in datasets(config, preset) for run in runs(config, preset, data)]


def studied(config: Config, preset: str) -> list[Run]:
    """The runs of the sensitivity study of a preset; none where it does not run its data set."""
    return sensitivity_runs(config, preset, DATASET) if DATASET in datasets(config, preset) else []


def with_baseline(config: Config, preset: str) -> list[str]:
    """Data sets that have a baseline: that of Table 3, and those of a preset whose generators are read."""
    return list(dict.fromkeys([DATASET, *(run.dataset for run in read_generators(config, preset))]))


def floor_starts(config: Config, preset: str, dataset: str) -> list[Run]:
    """Whose numbers of codes the baseline has: InfoGAN's stage A in each variant that a data set's runs build on."""
    built_on = with_predecessors(config, runs(config, preset, dataset))
    found = dict.fromkeys(run.variant for run in built_on if run.system == BASELINE_START)
    first = seeds(config, preset, dataset)[0]
    return [Run(preset, dataset, BASELINE_START, variant, first) for variant in found or ["main"]]


def with_predecessors(config: Config, chosen: list[Run]) -> list[Run]:
    """Runs and all that they build on, each once."""
    found: dict[Run, None] = {}
    for run in chosen:
        before = list(predecessors(config, run).values())
        found |= dict.fromkeys([*with_predecessors(config, before), run])
    return list(found)


def generators(config: Config, preset: str) -> list[Run]:
    """Planned GAN runs on dSprites and rooms, whose images can be matched, each after the stage A that it continues."""
    found: dict[Run, None] = {}
    for run in planned(config, preset):
        if run.dataset in MATCHED and config["systems"][run.system]["family"] == "gan":
            start = predecessors(config, run).get("start")
            found |= {earlier: None for earlier in (start, run) if earlier}
    return list(found)


def read_generators(config: Config, preset: str) -> list[Run]:
    """Planned GAN runs on digits and faces, the factors of whose images regressors can read."""
    family = {name: system["family"] for name, system in config["systems"].items()}
    return [run for run in planned(config, preset) if run.dataset in LABELLED and family[run.system] == "gan"]


def shown_generators(config: Config, preset: str) -> list[Run]:
    """The generators to play with: of every data set the first seed's, those that Figures 5 to 8 compare first."""
    found = [
        run
        for data in datasets(config, preset)
        for run in runs(config, preset, data)
        if config["systems"][run.system]["family"] == "gan"
        and (run.variant, run.seed) == ("main", seeds(config, preset, data)[0])
    ]
    order = datasets(config, preset)
    return sorted(found, key=lambda run: (order.index(run.dataset), run.system not in PICTURED))


def stays(config: Config, run: Run) -> bool:
    """Whether images and weights of a run are never published: where terms forbid it, or the images are a user's."""
    return not about(run.dataset).passed_on or dataset(config, run.preset, run.dataset)["source"] == "folder"


def shipped(config: Config, preset: str) -> list[Run]:
    """Runs whose weights are published, with a model card each: every system's first seed on a scored data set."""
    return [
        run
        for run in planned(config, preset)
        if run.variant == "main"
        and run.seed == seeds(config, preset, run.dataset)[0]
        and scored(config, run.dataset)
        and not stays(config, run)
    ]
