"""Refuses a configuration that cannot be meant."""

import ast
import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from idgan_sc.config.claims import contrasts
from idgan_sc.config.datasets import DATA, DATASET, NATIVE
from idgan_sc.config.names import listed
from idgan_sc.config.runs import _variant_of, datasets_of, of_second_protocol, runs_on, split_arm
from idgan_sc.config.settings import (
    GAN,
    GAN_OBJECTIVES,
    OBJECTIVES,
    OPTIONAL,
    SIZES,
    VAE,
    Config,
    ConfigError,
    Run,
    Settings,
    _meaningful,
    _merged,
    applies,
    dataset_settings,
    evaluation,
    resolve,
)


# jsonschema and yaml are imported when a configuration is read: the metrics alone must not need them.
@cache
def _schema() -> dict[str, Any]:
    import yaml

    return yaml.safe_load((Path(__file__).parent / "schema.yaml").read_text(encoding="utf-8"))


def validate(config: Config) -> None:
    """Refuse unknown keys, wrong types and impossible combinations, in every preset and variant.

    Raises
    ------
    ConfigError
        One line: the key, what is wrong, and the mend.
    """
    _validate_schema(config)
    _validate_names(config)
    _validate_claims(config)
    for preset in config["presets"]:
        for data in (None, *config["datasets"]):
            _validate_evaluation(config, preset, data)
        for run in _every_run(config, preset):
            validate_run(config, run)
    _validate_regularisers(config)


def _is_integer(checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


_NAMED = {"claims": "claim", "presets": "preset", "datasets": "data set", "systems": "system", "metrics": "metric"}


@cache
def _validator() -> Any:
    """Make JSON Schema stricter about integers and numbers.

    JSON Schema itself takes 64.0 for an integer. Python's JSON takes .nan and .inf for numbers.
    """
    import jsonschema

    base = jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    return partial(jsonschema.validators.extend, base, type_checker=types)


def _validate_schema(config: Any) -> None:
    import jsonschema

    def name_of(validator: Any, table: str, name: Any, schema: Any) -> Iterator[Any]:
        names = metric_names() if table == "metrics" else config.get(table)
        if isinstance(names, Iterable) and name not in (names := list(names)):
            choice = listed(name, names, f"see `{table}`")
            yield jsonschema.ValidationError(f"unknown {_NAMED[table]} `{name}`: choose one of {choice}")

    validator = _validator()(validators={"nameOf": name_of})
    error = jsonschema.exceptions.best_match(validator(_schema()).iter_errors(config))
    if error is None:
        return
    path = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        close = difflib.get_close_matches(str(unknown), known, 1)
        mend = (
            f"did you mean `{close[0]}`?" if close else f"known keys: {listed(unknown, known, 'schema.yaml has all')}"
        )
        raise ConfigError(f"{path}: unknown key `{unknown}`: {mend}")
    message = error.message if error.validator == "nameOf" else error.message[:300]
    if error.validator == "oneOf" and "description" in error.schema:
        message = f"{str(error.instance)[:100]!r} cannot be meant: give {error.schema['description']}"
    if isinstance(error.instance, str) and error.validator == "type" and re.match(r"[+-]?[0-9]", error.instance):
        message += " (write a number without quotes and commas; in scientific notation it needs a dot: 1.0e-4)"
    raise ConfigError(f"{path}: {message}")


def _known(what: str, name: str, names: Any, where: str) -> None:
    if name not in names:
        raise ConfigError(f"{where}: unknown {what} `{name}`: choose one of {listed(name, names, f'see `{what}s`')}")


def metric_names() -> tuple[str, ...]:
    """Names of the metrics: the keys of `METRICS` in metrics/scoring.py, read without importing NumPy."""
    return _keys("metrics/scoring.py", "METRICS")


@cache
def _keys(file: str, table: str) -> tuple[str, ...]:
    text = (Path(__file__).parents[1] / file).read_text(encoding="utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.AnnAssign) and _named(node) == table)
    assert isinstance(found.value, ast.Dict)
    return tuple(ast.literal_eval(key) for key in found.value.keys if key)


def _named(node: ast.AnnAssign) -> str:
    return node.target.id if isinstance(node.target, ast.Name) else ""


def _validate_names(config: Config) -> None:
    """Names that are keys elsewhere exist and belong together."""
    for name, variant in config["variants"].items():
        for system in [] if variant["systems"] == "all" else variant["systems"]:
            _known("system", system, config["systems"], f"variants.{name}.systems")
    for name, entry in config["datasets"].items():
        _validate_data_keys(entry, name, f"datasets.{name}")
        _validate_own_sizes(entry, entry["source"], f"datasets.{name}")
        if entry["source"] != "folder" and not (Path(__file__).parents[1] / "data" / f"{name}.py").exists():
            raise ConfigError(
                f"datasets.{name}: nothing draws or reads such images: only `source: folder` can be given"
            )
    for name, system in config["systems"].items():
        if "family" not in system:
            raise ConfigError(f"systems.{name}: `family` is missing: give vae or gan")
    for system, variants in config["related"]["runs"].items():
        for variant in variants:
            _validate_arm(config, system, variant, f"related.runs.{system}")
    tables = {"runs": config["runs"]}
    for preset, row in config["presets"].items():
        tables |= {f"presets.{preset}.runs": row["runs"]} if "runs" in row else {}
        for name, entry in row.get("datasets", {}).items():
            _validate_data_keys(entry, name, f"presets.{preset}.datasets.{name}")
            _validate_own_sizes(
                entry, dataset_settings(config, preset, name)["source"], f"presets.{preset}.datasets.{name}"
            )
            if "scored" in entry:
                raise ConfigError(f"presets.{preset}.datasets.{name}: `scored` is the data set's: set it in `datasets`")
    for where, table in tables.items():
        for data, systems in table.items():
            for system, variants in systems.items():
                for variant in variants:
                    _validate_arm(config, system, variant, f"{where}.{data}.{system}")


def _validate_data_keys(entry: dict[str, Any], name: str, where: str) -> None:
    for key in DATA.keys() & entry.keys():
        if name not in DATA[key]:
            raise ConfigError(f"{where}: `{key}` is a setting of {' and '.join(DATA[key])} alone: remove it")


def _validate_own_sizes(entry: dict[str, Any], source: str, where: str) -> None:
    for key in ("std", "points", "groups", "group_size"):
        if source == "folder" and key in entry.get("evaluation", {}):
            raise ConfigError(
                f"{where}.evaluation: `{key}` has no use, since every image of the pool is scored once: remove it"
            )


def _validate_claims(config: Config) -> None:
    """What claims and the sensitivity study name exists and belongs together."""
    for name, claim in config["claims"].items():
        for number, check in enumerate(claim["checks"], 1):
            where = f"claims.{name}, check {number}"
            _validate_check(check, where)
            for text in [*check["arms"], *check.get("others", [])]:
                _validate_arm(config, *split_arm(text), where)
    for topic in config["exploratory"]:
        for number, row in enumerate(topic["comparisons"], 1):
            _validate_comparison(config, row, f"exploratory, {topic['topic']!r}, comparison {number}")
    for family, rows in config["second_protocol"]["families"].items():
        for number, row in enumerate(rows, 1):
            where = f"second_protocol.families, {family!r}, comparison {number}"
            for text in [*row["arms"], *row["others"]]:
                _validate_arm(config, *split_arm(text), where)
            if len(row["arms"]) + len(row["others"]) > 2:
                _validate_needed(row, ("what",), where)
            if "claim" in row:
                _known("claim of second_protocol.claims", row["claim"], config["second_protocol"]["claims"], where)
    for preset in config["presets"]:
        _validate_second_protocol(config, preset)
    study = config["sensitivity"]
    _validate_arm(config, *split_arm(study["reference"]), "sensitivity.reference")
    for variant in ["main", *study["one_at_a_time"]]:
        _validate_arm(config, study["arm"], variant, "sensitivity.one_at_a_time")


def _validate_second_protocol(config: Config, preset: str) -> None:
    """A preset that the second protocol judges runs every arm.

    Holm's method would else adjust for fewer comparisons than are registered.
    """
    if not of_second_protocol(config, preset):
        return
    wanted = {(arm.system, arm.variant) for one in contrasts(config) for arm in (*one.arms, *one.others)}
    for data in datasets_of(config, preset):
        there = {(run.system, run.variant) for run in runs_on(config, preset, data)}
        for system, variant in sorted(wanted - there):
            raise ConfigError(
                f"presets.{preset}: protocol `second` compares {system}/{variant}, which does not run on {data}: "
                f"add `{variant}` to runs.{data}.{system}"
            )


def _validate_regularisers(config: Config) -> None:
    """Check the arm and the sizes of the study of regularisers.

    The arm must draw independent pairs from a prior and have the settings of either loss. The sizes must fit.
    """
    study = config["regularisers"]
    arm = study["arm"]
    for preset in config["presets"]:
        settings = resolve(config, Run(preset, DATASET, arm, "main", 0))
        wanted = {"code": "prior", "pair_bases": "independent", "pair_loss": "contrastive"}
        for key, value in wanted.items():
            if settings.get(key) != value:
                raise ConfigError(
                    f"regularisers.arm: {arm} at preset {preset} has `{key}` {settings.get(key)}, and the study needs "
                    f"{value}: name another system"
                )
    if study["last"] > study["steps"]:
        raise ConfigError(f"regularisers.last: {study['last']} exceeds the {study['steps']} steps: lower it")


NEEDED_BY_RULE = {"difference": ("others", "value"), "order": ("others",), "equal": ("others",), "level": ("value",)}
NEEDED_BY_QUANTITY = {"score": ("metrics",), "pair_accuracy": ("first",), "file": ("file", "column", "what")}


def _validate_comparison(config: Config, row: dict[str, Any], where: str) -> None:
    """A comparison that no claim asks names what exists and has what its quantity needs."""
    _validate_needed(row, NEEDED_BY_QUANTITY.get(row["quantity"], ()), where)
    _validate_needed(row, ("metrics",) if "baseline" in row else (), where)
    for text in [*row.get("arms", []), *chain.from_iterable(row.get("pairs", []))]:
        name, _, code = text.partition(":")
        _validate_arm(config, *split_arm(name), where)
        if code:
            _known("code", code, ("q_mean", "vae_mean", "vae_sample"), where)


def _validate_needed(row: dict[str, Any], keys: Iterable[str], where: str) -> None:
    for key in keys:
        if key not in row:
            raise ConfigError(f"{where}: `{key}` is missing: add it")


def _validate_check(check: dict[str, Any], where: str) -> None:
    """A check has what its rule and its quantity need."""
    needed = (*NEEDED_BY_RULE.get(check["rule"], ()), *NEEDED_BY_QUANTITY.get(check["quantity"], ()))
    _validate_needed(check, needed, where)
    if (check["rule"] == "settled_by") != (check["quantity"] == "curve"):
        raise ConfigError(f"{where}: `settled_by` and the quantity `curve` belong together: give both or neither")
    if check["rule"] == "settled_by" and ("step" in check) == ("fraction" in check):
        raise ConfigError(f"{where}: `settled_by` needs either `step` or `fraction`: give one of them")


def _validate_arm(config: Config, system: str, variant: str, where: str) -> None:
    _known("system", system, config["systems"], where)
    _known("variant", variant, config["variants"], where)
    if not applies(config, variant, system):
        raise ConfigError(f"{where}: variant `{variant}` does not change {system}: name a variant that does")


def _validate_evaluation(config: Config, preset: str, data: str | None = None) -> None:
    sizes = evaluation(config, preset, data)
    where = f"evaluation at preset {preset}{f' of {data}' if data else ''}"
    own = data is not None and dataset_settings(config, preset, data)["source"] == "folder"
    if not own and sizes["pool"] != "all" and sizes["std"] > sizes["pool"]:
        raise ConfigError(f"{where}: std {sizes['std']} exceeds pool {sizes['pool']}: draw at most the pool")
    if own and sizes["pool"] != "all" and sizes["anchors"] > sizes["pool"]:
        raise ConfigError(
            f"{where}: anchors {sizes['anchors']} exceeds pool {sizes['pool']}: start from at most the pool"
        )
    n = dataset_settings(config, preset, data).get("n") if data else None
    if n and sizes["pool"] != "all" and sizes["pool"] > n:
        raise ConfigError(f"{where}: pool {sizes['pool']} exceeds the {n} images of {data} (`n`): lower it")


def _every_run(config: Config, preset: str) -> Iterator[Run]:
    """List every system and variant on every data set of a preset.

    Native images of another size have no run.
    """
    for data in datasets_of(config, preset):
        native = dataset_settings(config, preset, data).get("native", False)
        for system in config["systems"]:
            for variant, changes in config["variants"].items():
                if applies(config, variant, system) and not (native and "image_size" in changes):
                    yield Run(preset, data, system, variant, 0)


def validate_run(config: Config, run: Run) -> None:
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
    if objective := merged.get("objective"):
        table, rows = ("GAN_OBJECTIVES", GAN_OBJECTIVES) if merged["family"] == "gan" else ("OBJECTIVES", OBJECTIVES)
        mend = f"`{objective}` is not in {table} of config/settings.py: add its keys"
        refuse_if(objective not in rows, "objective", mend)
        mend = f"`{objective}` is not in METHODS of models/__init__.py: add its class"
        refuse_if(objective not in _keys("models/__init__.py", "METHODS"), "objective", mend)
    of_gan = GAN | GAN_OBJECTIVES.get(objective or "", set())
    allowed = of_gan if merged["family"] == "gan" else VAE | {key for keys in OBJECTIVES.values() for key in keys}
    for key in merged:
        refuse_if(key not in allowed | OPTIONAL, key, f"not a setting of family {merged['family']}: remove it")
    needed = {"objective"} if merged["family"] == "vae" else GAN
    for key in sorted(needed - set(merged)):
        refuse_if(True, key, "is missing: set it in `families` or in the system")
    for key in sorted(_meaningful(merged) - set(merged) - OPTIONAL):
        refuse_if(True, key, "is missing: set it in `families` or in the system")
    refuse_if(
        merged["image_size"] not in SIZES, "image_size", f"{merged['image_size']} has no network: choose one of {SIZES}"
    )
    data = dataset_settings(config, run.preset, run.dataset)
    few = f"exceeds the {data.get('n')} images of {run.dataset} (`n`): lower it"
    refuse_if(data.get("n", merged["batch"]) < merged["batch"], "batch", f"{merged['batch']} {few}")
    native = data.get("native", False)
    mend = f"{NATIVE} and `datasets.{run.dataset}.native: true` belong together: set both or neither"
    refuse_if((merged["image_size"] == NATIVE) != native, "image_size", f"{merged['image_size']}, but {mend}")
    refuse_if(merged["curve_points"] > merged["steps"] + 1, "curve_points", "exceeds the steps: lower it")
    if merged["family"] == "gan":
        _validate_gan(config, run, merged, refuse_if)


def _strength(settings: Settings) -> Any:
    """How a run's images are drawn, with one word for all that is neutral."""
    correlation = settings.get("correlation", {})
    return correlation if correlation.get("strength") else None


def _validate_gan(config: Config, run: Run, merged: Settings, refuse_if: Any) -> None:
    k, batch, m = merged["c_dim"], merged["batch"], merged["pairs"]
    for key, family in (("start", "gan"), ("vae", "vae")):
        name = merged[key]
        if (key == "start" and name == "scratch") or (key == "vae" and merged["code"] != "vae"):
            continue
        if name not in config["systems"]:  # near names are looked for only then: that costs more than the check
            choice = listed(name, config["systems"], "see `systems`")
            refuse_if(True, key, f"unknown system `{name}`: choose one of {choice}")
        refuse_if(config["systems"][name]["family"] != family, key, f"`{name}` is not of family {family}")
        before = _merged(config, replace(run, system=name, variant=_variant_of(config, name, run.variant)))
        refuse_if(before.get("start", "scratch") != "scratch", key, f"`{name}` has a stage A itself: name that instead")
        mend = f"differs from that of `{name}`, which this run builds on: a variant names both"
        refuse_if(_strength(merged) != _strength(before), "correlation", mend)
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
