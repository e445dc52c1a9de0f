"""Reads config.yaml, refuses what cannot be meant, and resolves the settings of one run.

The command line and the workflow's rules go through the same `resolve`; nothing else merges settings.
"""

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Config = dict[str, Any]
Settings = dict[str, Any]

SIZES = (28, 32, 64)  # image sizes that have networks
NATIVE = 28  # of MNIST as published
METRICS = (
    "factor_vae", "factor_vae_revised", "beta_vae", "sap", "mig", "dci", "dci_completeness", "dci_lasso", "dci_rf",
    "modularity", "explicitness",
)  # fmt: skip
COMMON = {"family", "image_size", "batch", "steps", "log_every", "curve_points", "c_dim", "adam_betas"}
VAE = COMMON | {"lr", "likelihood", "objective"}
DATA = {  # what a data set's file can be told beside where it comes from, and which data sets can
    "n": ("digits", "faces"), "crop": ("celeba",), "native": ("mnist", "digits"),
}  # fmt: skip
PICTURES = ("digits", "mnist", "faces", "celeba")  # data sets of Figures 5 to 8
LABELLED = ("digits", "faces")  # those of them whose factors a generator can be scored by
PICTURED = ("infogan_cr", "idgan_sc")  # systems of Figures 5 to 8
OBJECTIVES = {"beta": {"beta"}, "factor": {"gamma", "lr_tc", "tc_betas"}}
CONTRASTIVE = {"r_dim", "tau_numerator", "tau_denominator", "standardise_r"}
FROM_VAE = {"vae", "vae_redraw", "pair_dims"}
PAIR = CONTRASTIVE | {
    "lr_pair", "pair_loss", "alpha", "pairs", "pair_start", "pair_step", "pair_bases", "pair_dims", "vae_redraw",
}  # fmt: skip
GAN = COMMON | FROM_VAE | PAIR | {
    "network", "start", "lr_generator", "lr_discriminator", "generator_steps", "z_dim", "prior", "code", "q",
    "lambda_info", "pair_rule",
}  # fmt: skip


class ConfigError(ValueError):
    """A setting is unknown, of the wrong type or impossible; the message is one line with the key and the mend."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # names come from the user and may hold line breaks


@dataclass(frozen=True)
class Run:
    """One training: its folder is `runs/<dataset>/<system>/<variant>/<seed>` below the preset's results."""

    preset: str
    dataset: str
    system: str
    variant: str
    seed: int

    @property
    def path(self) -> Path:
        return Path("runs", self.dataset, self.system, self.variant, str(self.seed))

    def __str__(self) -> str:
        return f"{self.dataset}/{self.system}/{self.variant}/{self.seed}"


# ------------------------------------------------------------------------------------------------------------ reading
class _Loader(yaml.SafeLoader):
    """YAML without objects, and without a key twice in one place."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for i, key in enumerate(keys) if key in keys[:i]), None)
        if twice is not None:
            raise ConfigError(f"line {node.start_mark.line + 1}: `{twice}` stands twice: remove one")
        return super().construct_mapping(node, deep)


def load(path: str | Path = "config.yaml") -> Config:
    """Read and check a configuration file.

    Raises
    ------
    ConfigError
        If the file is absent, not YAML, or fails `check`.
    """
    try:
        config = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    except (ConfigError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        _check_schema(config)
        for name, row in factorial(config).items():
            if config["variants"].get(name, row) != row:
                raise ConfigError(f"variants.{name}: the sensitivity study names a run so: choose another name")
        config["variants"] |= factorial(config)
        check(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


@cache
def _schema() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "config.schema.yaml").read_text(encoding="utf-8"))


def check(config: Config) -> None:
    """Refuse unknown keys, wrong types and settings that cannot go together, in every preset and variant.

    Raises
    ------
    ConfigError
        One line: the key, what is wrong, and the mend.
    """
    _check_schema(config)
    _check_names(config)
    _check_claims(config)
    for preset in config["presets"]:
        for data in (None, *config["datasets"]):
            _check_evaluation(config, preset, data)
        for run in _every_run(config, preset):
            check_run(config, run)


# ------------------------------------------------------------------------------------------------------------ resolving
def resolve(config: Config, run: Run) -> Settings:
    """The flat settings of one run; keys that its other settings make meaningless are left out."""
    settings = _merged(config, run)
    base = _merged(config, replace(run, variant="main"))
    if settings.get("start") == "scratch" != base.get("start") and "steps" not in config["variants"][run.variant]:
        settings["steps"] += resolve(config, replace(run, system=base["start"], variant="main"))["steps"]
    settings = {key: settings[key] for key in sorted(_meaningful(settings)) if key in settings}
    data = dataset(config, run.preset, run.dataset)
    return settings | {
        "source": data["source"],
        "pool": evaluation(config, run.preset, run.dataset)["pool"],
        **{key: data[key] for key in DATA if key in data},
    }


def _merged(config: Config, run: Run) -> Settings:
    preset, data = config["presets"][run.preset], config["datasets"][run.dataset]
    data_here = preset.get("datasets", {}).get(run.dataset, {})
    family = config["systems"][run.system]["family"]
    layers = [
        config["families"][family],
        data.get("families", {}).get(family, {}),
        config["systems"][run.system],
        data.get("systems", {}).get(run.system, {}),
        preset.get("families", {}).get(family, {}),
        preset.get("systems", {}).get(run.system, {}),
        data_here.get("families", {}).get(family, {}),
        data_here.get("systems", {}).get(run.system, {}),
        {key: value for key, value in config["variants"][run.variant].items() if key != "systems"},
    ]
    merged = {key: value for layer in layers for key, value in layer.items()}
    return merged


def _meaningful(settings: Settings) -> set[str]:
    if settings["family"] == "vae":
        return VAE | OBJECTIVES[settings["objective"]]
    keys = set(GAN)
    if settings["code"] == "prior":
        keys -= FROM_VAE
    if settings["pair_rule"] == "none":
        keys -= PAIR
    elif settings["pair_loss"] == "cross_entropy":
        keys -= CONTRASTIVE
    return keys


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


def applies(config: Config, variant: str, system: str) -> bool:
    systems = config["variants"][variant]["systems"]
    return systems == "all" or system in systems


def evaluation(config: Config, preset: str, data: str | None = None) -> dict[str, Any]:
    """Sizes of the evaluation and names of the metrics at a preset, of a data set where it has its own."""
    here = config["presets"][preset]
    own = config["datasets"][data].get("evaluation", {}) if data else {}
    own_here = here.get("datasets", {}).get(data, {}).get("evaluation", {}) if data else {}
    return {**config["evaluation"], **here.get("evaluation", {}), **own, **own_here}


def generated(config: Config, preset: str) -> dict[str, Any]:
    """Sizes and thresholds of the measurement of a generator's images at a preset."""
    return {**config["generated"], **config["presets"][preset].get("generated", {})}


def dataset(config: Config, preset: str, name: str) -> dict[str, Any]:
    """Source, file and cache of a data set at a preset, and those of `DATA` that it names."""
    merged = _about_data(config, preset, name)
    named = {key: merged[key] for key in DATA if key in merged}
    return {key: merged.get(key) for key in ("source", "file", "cache")} | named


def _about_data(config: Config, preset: str, name: str) -> dict[str, Any]:
    return {**config["datasets"][name], **config["presets"][preset].get("datasets", {}).get(name, {})}


def scored(config: Config, data: str) -> bool:
    """Whether a data set has factors that codes can be scored against."""
    return bool(config["datasets"][data].get("scored", True))


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
    if not all(first.isdecimal() and (last.isdecimal() if dash else True) for first, dash, last in parts):
        raise ConfigError(f"{text}: seeds such as 0-7 or 0,3,5-7")
    found = [seed for first, _, last in parts for seed in range(int(first), int(last or first) + 1)]
    if not found or len(set(found)) < len(found):
        raise ConfigError(f"{text}: seeds such as 0-7 or 0,3,5-7, each once")
    return found


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


def arm(text: str) -> tuple[str, str]:
    """System and variant of `system` or `system/variant`.

    >>> arm("infogan"), arm("infogan/c10")
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
    faces = "celeba" if "celeba" in both else "faces"
    names = {"digits": (5, ""), "mnist": (5, "_mnist"), faces: (7, "")}
    return {
        f"figure{names[data][0] + i}{names[data][1]}": (data, system)
        for data in both
        if data in names
        for i, system in enumerate(PICTURED)
    }


# ------------------------------------------------------------------------------------------------------------- refusing
def _is_integer(checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


# JSON Schema itself takes 64.0 for an integer, and Python's JSON takes .nan and .inf for numbers.
_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_TYPES)


def _check_schema(config: Any) -> None:
    errors = _Validator(_schema()).iter_errors(config)
    error = jsonschema.exceptions.best_match(errors)
    if error is None:
        return
    path = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        close = difflib.get_close_matches(str(unknown), known, 1)
        mend = f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(known)}"
        raise ConfigError(f"{path}: unknown key `{unknown}`: {mend}")
    message = error.message[:300]
    if isinstance(error.instance, str) and error.validator == "type":
        message += " (a number in scientific notation needs a dot: 1.0e-4)"
    raise ConfigError(f"{path}: {message}")


def _known(what: str, name: str, names: Any, where: str) -> None:
    if name not in names:
        raise ConfigError(f"{where}: unknown {what} `{name}`: one of {', '.join(map(str, names))}")


def _check_names(config: Config) -> None:
    """Every name that a key refers to exists."""
    _known("preset", config["preset"], config["presets"], "preset")
    for name, variant in config["variants"].items():
        for system in config["systems"] if variant["systems"] == "all" else variant["systems"]:
            _known("system", system, config["systems"], f"variants.{name}.systems")
    for name, about in config["datasets"].items():
        for system in about.get("systems", {}):
            _known("system", system, config["systems"], f"datasets.{name}.systems")
        _check_data_keys(about, name, f"datasets.{name}")
        if about["source"] != "folder" and not (Path(__file__).parent / "data" / f"{name}.py").exists():
            raise ConfigError(
                f"datasets.{name}: nothing draws or reads such images: only `source: folder` can be given"
            )
    for name, system in config["systems"].items():
        if "family" not in system:
            raise ConfigError(f"systems.{name}: `family` is missing: vae or gan")
    tables = {"runs": config["runs"]}
    for preset, row in config["presets"].items():
        tables |= {f"presets.{preset}.runs": row["runs"]} if "runs" in row else {}
        for system in row.get("systems", {}):
            _known("system", system, config["systems"], f"presets.{preset}.systems")
        for name, about in row.get("datasets", {}).items():
            _known("data set", name, config["datasets"], f"presets.{preset}.datasets")
            for system in about.get("systems", {}):
                _known("system", system, config["systems"], f"presets.{preset}.datasets.{name}.systems")
            _check_data_keys(about, name, f"presets.{preset}.datasets.{name}")
            if "scored" in about:
                raise ConfigError(f"presets.{preset}.datasets.{name}: `scored` is the data set's: set it in `datasets`")
    for where, table in tables.items():
        for data, systems in table.items():
            _known("data set", data, config["datasets"], where)
            for system, variants in systems.items():
                _known("system", system, config["systems"], f"{where}.{data}")
                for variant in variants:
                    _known("variant", variant, config["variants"], f"{where}.{data}.{system}")
                    if not applies(config, variant, system):
                        raise ConfigError(f"{where}.{data}.{system}: variant `{variant}` does not name this system")


def _check_data_keys(about: dict[str, Any], name: str, where: str) -> None:
    for key in DATA.keys() & about.keys():
        if name not in DATA[key]:
            raise ConfigError(f"{where}: `{key}` is a setting of {' and '.join(DATA[key])} alone: remove it")


def _check_claims(config: Config) -> None:
    """The arms, presets and numbers that claims and the sensitivity study name exist and belong together."""
    for name, claim in config["claims"].items():
        for number, check in enumerate(claim["checks"], 1):
            where = f"claims.{name}, check {number}"
            _check_check(check, where)
            for text in [*check["arms"], *check.get("others", [])]:
                _check_arm(config, text, where)
            for preset in check.get("presets", []):
                _known("preset", preset, config["presets"], where)
            for metric in check.get("metrics", []):
                _known("metric", metric, METRICS, where)
        for data in claim.get("datasets", []):
            _known("data set", data, config["datasets"], f"claims.{name}")
    study = config["sensitivity"]
    _known("metric", study["metric"], METRICS, "sensitivity.metric")
    _check_arm(config, study["reference"], "sensitivity.reference")
    for variant in ["main", *study["one_at_a_time"]]:
        _check_arm(config, f"{study['arm']}/{variant}", "sensitivity.one_at_a_time")


NEEDED_BY_RULE = {"difference": ("others", "value"), "order": ("others",), "equal": ("others",), "level": ("value",)}
NEEDED_BY_QUANTITY = {"score": ("metrics",), "pair_accuracy": ("first",), "file": ("file", "column", "what")}


def _check_check(check: dict[str, Any], where: str) -> None:
    """A check has what its rule and its quantity need."""
    for key in (*NEEDED_BY_RULE.get(check["rule"], ()), *NEEDED_BY_QUANTITY.get(check["quantity"], ())):
        if key not in check:
            raise ConfigError(f"{where}: `{key}` is missing")
    if (check["rule"] == "settled_by") != (check["quantity"] == "curve"):
        raise ConfigError(f"{where}: `settled_by` and the quantity `curve` belong together")
    if check["rule"] == "settled_by" and ("step" in check) == ("fraction" in check):
        raise ConfigError(f"{where}: `settled_by` needs either `step` or `fraction`")


def _check_arm(config: Config, text: str, where: str) -> None:
    system, variant = arm(text)
    _known("system", system, config["systems"], where)
    _known("variant", variant, config["variants"], where)
    if not applies(config, variant, system):
        raise ConfigError(f"{where}: variant `{variant}` does not name {system}")


def _check_evaluation(config: Config, preset: str, data: str | None = None) -> None:
    sizes = evaluation(config, preset, data)
    where = f"evaluation at preset {preset}{f' of {data}' if data else ''}"
    for metric in sizes["metrics"]:
        _known("metric", metric, METRICS, f"{where}: metrics")
    if sizes["pool"] != "all" and sizes["std"] > sizes["pool"]:
        raise ConfigError(f"{where}: std {sizes['std']} exceeds pool {sizes['pool']}: draw at most the pool")
    n = dataset(config, preset, data).get("n") if data else None
    if n and sizes["pool"] != "all" and sizes["pool"] > n:
        raise ConfigError(f"{where}: pool {sizes['pool']} exceeds the {n} images of {data} (`n`): lower it")


def _every_run(config: Config, preset: str) -> Iterator[Run]:
    for data in datasets(config, preset):
        for system in config["systems"]:
            for variant in config["variants"]:
                if applies(config, variant, system):
                    yield Run(preset, data, system, variant, 0)


def check_run(config: Config, run: Run) -> None:
    """Refuse settings of one run that cannot go together.

    Raises
    ------
    ConfigError
        One line: the key, what is wrong, and the mend.
    """
    where = f"{run.system} ({run.variant}) at preset {run.preset}"

    def refuse_if(condition: bool, key: str, reason: str) -> None:
        if condition:
            raise ConfigError(f"{where}: `{key}`: {reason}")

    merged = _merged(config, run)
    allowed = GAN if merged["family"] == "gan" else VAE | {key for keys in OBJECTIVES.values() for key in keys}
    for key in merged:
        refuse_if(key not in allowed, key, f"not a setting of family {merged['family']}: remove it")
    needed = {"objective"} if merged["family"] == "vae" else GAN
    for key in sorted(needed - set(merged)):
        refuse_if(True, key, "is missing: set it in `families` or in the system")
    for key in sorted(_meaningful(merged) - set(merged)):
        refuse_if(True, key, "is missing: set it in `families` or in the system")
    refuse_if(merged["image_size"] not in SIZES, "image_size", f"{merged['image_size']} has no network: one of {SIZES}")
    native = dataset(config, run.preset, run.dataset).get("native", False)
    mend = f"{NATIVE} and `datasets.{run.dataset}.native: true` belong together: set both or neither"
    refuse_if((merged["image_size"] == NATIVE) != native, "image_size", f"{merged['image_size']}, but {mend}")
    refuse_if(merged["curve_points"] > merged["steps"] + 1, "curve_points", "exceeds the steps: lower it")
    if merged["family"] == "gan":
        _check_gan(config, run, merged, refuse_if)


def _check_gan(config: Config, run: Run, merged: Settings, refuse_if: Any) -> None:
    k, batch, m = merged["c_dim"], merged["batch"], merged["pairs"]
    for key, family in (("start", "gan"), ("vae", "vae")):
        name = merged[key]
        if (key == "start" and name == "scratch") or (key == "vae" and merged["code"] != "vae"):
            continue
        refuse_if(name not in config["systems"], key, f"unknown system `{name}`: one of {', '.join(config['systems'])}")
        refuse_if(config["systems"][name]["family"] != family, key, f"`{name}` is not of family {family}")
        before = _merged(config, replace(run, system=name, variant=_variant_of(config, name, run.variant)))
        refuse_if(before.get("start", "scratch") != "scratch", key, f"`{name}` has a stage A itself: name that instead")
        shared = ("image_size", "c_dim", *(("network", "z_dim", "prior", "code", "q") if key == "start" else ()))
        for same in shared:
            mend = f"differs from {before[same]} of `{name}`, which this run builds on: make them equal"
            refuse_if(merged[same] != before[same], same, f"{merged[same]} {mend}")
    refuse_if(merged["q"] == "encoder" and merged["code"] != "vae", "q", "`encoder` needs `code: vae`")
    small = merged["network"] == "celeba" and merged["image_size"] == NATIVE
    refuse_if(small, "network", f"`celeba` has none for {NATIVE}x{NATIVE} images: choose dsprites")
    if merged["pair_rule"] == "none":
        return
    refuse_if(m < k, "pairs", f"{m} pairs are fewer than the {k} classes (c_dim): raise it")
    refuse_if(merged["pair_bases"] == "batch" and m % batch > 0, "pairs", f"{m} is no multiple of the batch of {batch}")
    steps = resolve(config, run)["steps"]
    refuse_if(merged["pair_start"] >= steps, "pair_start", f"{merged['pair_start']} lies beyond the {steps} steps")
    refuse_if(merged["pair_dims"] == "live" and merged["code"] != "vae", "pair_dims", "`live` needs `code: vae`")
