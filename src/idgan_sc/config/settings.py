"""The settings of one run, resolved from the layers of config.yaml; nothing else merges settings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from idgan_sc.config.datasets import DATA

Config = dict[str, Any]
Settings = dict[str, Any]

SIZES = (28, 32, 64)  # image sizes that have networks
COMMON = {"family", "image_size", "batch", "steps", "log_every", "curve_points", "c_dim", "adam_betas"}
VAE = COMMON | {"lr", "likelihood", "objective"}
OBJECTIVES = {
    "beta": {"beta"},
    "factor": {"gamma", "lr_tc", "tc_betas", "critic_codes"},
    "annealed": {"gamma", "capacity", "capacity_steps"},
    "beta_tc": {"beta"},
    "dip": {"dip_of", "dip_off_diagonal", "dip_diagonal"},
}
# Settings that came later: where one has the value that others do without, a run's settings leave it out.
NEUTRAL = {
    "optimiser": "adam", "momentum": 0.0, "r1": 0.0, "average": 0.0, "pair_passes": 1, "critic_codes": "same",
    "streams": 0,
}  # fmt: skip
IB = COMMON | {  # of IB-GAN
    "objective", "beta", "network", "start", "lr_generator", "lr_discriminator", "z_dim", "prior", "code", "q",
    "lambda_info", "optimiser", "momentum", "instance_noise", "noise_steps",
}  # fmt: skip
GAN_OBJECTIVES = {"ib": IB}  # of GANs that are another game
CONTRASTIVE = {"r_dim", "tau_numerator", "tau_denominator", "standardise_r"}
FROM_VAE = {"vae", "vae_redraw", "pair_dims"}
PAIR = CONTRASTIVE | {
    "lr_pair", "pair_loss", "alpha", "pairs", "pair_start", "pair_step", "pair_bases", "pair_dims", "pair_passes",
    "vae_redraw",
}  # fmt: skip
GAN = COMMON | FROM_VAE | PAIR | {
    "network", "start", "lr_generator", "lr_discriminator", "generator_steps", "z_dim", "prior", "code", "q",
    "lambda_info", "pair_rule", "optimiser", "momentum", "r1", "average", "streams",
}  # fmt: skip
OPTIONAL = {"correlation"}  # settings that a run has only where they are not neutral
PROTOCOL = "infogan_cr"
ALONE = {"optimiser", "r1", "average"}  # settings whose update is not one of Adam on the sum of the seeds' losses


class ConfigError(ValueError):
    """Report a setting that is unknown, of the wrong type or impossible.

    The message is one line. It names the key and says how to mend it.
    """

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


# ------------------------------------------------------------------------------------------------------------ resolving
def resolve(config: Config, run: Run) -> Settings:
    """Return the flat settings of one run.

    A key is left out if the run's other settings make it meaningless.
    """
    settings = _merged(config, run)
    for stage_a in _included(config, run, settings):
        settings["steps"] += resolve(config, stage_a)["steps"]
    kept = [key for key in sorted(_meaningful(settings)) if key in settings and settings[key] != NEUTRAL.get(key, ())]
    settings = {key: settings[key] for key in kept}
    if settings.get("correlation", {}).get("strength") == 0:
        del settings["correlation"]
    data = dataset_settings(config, run.preset, run.dataset)
    return settings | {
        "source": data["source"],
        "pool": evaluation(config, run.preset, run.dataset)["pool"],
        **{key: data[key] for key in DATA if key in data},
    }


def layers(config: Config, run: Run) -> dict[str, Settings]:
    """What config.yaml says of a run, by place; the later place wins."""
    preset, data = config["presets"][run.preset], config["datasets"][run.dataset]
    data_here = preset.get("datasets", {}).get(run.dataset, {})
    family = config["systems"][run.system]["family"]
    variant = {key: value for key, value in config["variants"][run.variant].items() if key != "systems"}
    of_all, of_one = f"families.{family}", f"systems.{run.system}"
    return {
        of_all: config["families"][family],
        f"datasets.{run.dataset}.{of_all}": data.get("families", {}).get(family, {}),
        of_one: config["systems"][run.system],
        f"datasets.{run.dataset}.{of_one}": data.get("systems", {}).get(run.system, {}),
        f"presets.{run.preset}.{of_all}": preset.get("families", {}).get(family, {}),
        f"presets.{run.preset}.{of_one}": preset.get("systems", {}).get(run.system, {}),
        f"presets.{run.preset}.datasets.{run.dataset}.{of_all}": data_here.get("families", {}).get(family, {}),
        f"presets.{run.preset}.datasets.{run.dataset}.{of_one}": data_here.get("systems", {}).get(run.system, {}),
        f"variants.{run.variant}": variant,
    }


def places(config: Config, run: Run) -> dict[str, str]:
    """Where in config.yaml each setting of `resolve` stands."""
    found = {key: place for place, layer in layers(config, run).items() for key in layer}
    for stage_a in _included(config, run, _merged(config, run)):
        found["steps"] += f", and the steps of {stage_a.system}"
    data = {key: place for place, layer in _data_layers(config, run.preset, run.dataset).items() for key in layer}
    pool = {key: place for place, layer in _evaluation_layers(config, run.preset, run.dataset).items() for key in layer}
    return found | data | {"pool": pool["pool"]}


def _included(config: Config, run: Run, settings: Settings) -> list[Run]:
    """Find the stage A whose steps a run does itself.

    A variant that starts from scratch does those of the stage A that `main` continues.
    """
    if run.variant == "main" or settings.get("start") != "scratch" or "steps" in config["variants"][run.variant]:
        return []
    start = _merged(config, replace(run, variant="main"))["start"]
    return [] if start == "scratch" else [replace(run, system=start, variant="main")]


def _merged(config: Config, run: Run) -> Settings:
    return {key: value for layer in layers(config, run).values() for key, value in layer.items()}


def _meaningful(settings: Settings) -> set[str]:
    if settings["family"] == "vae":
        return VAE | OBJECTIVES[settings["objective"]] | OPTIONAL
    if "objective" in settings:
        return GAN_OBJECTIVES[settings["objective"]] | OPTIONAL
    keys = GAN | OPTIONAL
    if settings["code"] == "prior":
        keys -= FROM_VAE
    if settings["pair_rule"] == "none":
        keys -= PAIR
    elif settings["pair_loss"] == "cross_entropy":
        keys -= CONTRASTIVE
    return keys


def applies(config: Config, variant: str, system: str) -> bool:
    systems = config["variants"][variant]["systems"]
    return systems == "all" or system in systems


def evaluation(config: Config, preset: str, data: str | None = None) -> dict[str, Any]:
    """Return the evaluation's sizes and its metrics' names at a preset.

    A data set's own values come first where it has some.
    """
    return {key: value for layer in _evaluation_layers(config, preset, data).values() for key, value in layer.items()}


def _evaluation_layers(config: Config, preset: str, data: str | None) -> dict[str, Settings]:
    here = config["presets"][preset]
    found = {"evaluation": config["evaluation"], f"presets.{preset}.evaluation": here.get("evaluation", {})}
    if data:
        found[f"datasets.{data}.evaluation"] = config["datasets"][data].get("evaluation", {})
        own = here.get("datasets", {}).get(data, {})
        found[f"presets.{preset}.datasets.{data}.evaluation"] = own.get("evaluation", {})
    return found


def generated(config: Config, preset: str) -> dict[str, Any]:
    """Sizes and thresholds of the measurement of a generator's images at a preset."""
    return {**config["generated"], **config["presets"][preset].get("generated", {})}


def dataset_settings(config: Config, preset: str, name: str) -> dict[str, Any]:
    """Return the source, file and cache of a data set at a preset.

    The settings of `DATA` that the data set names are returned too.
    """
    merged = _dataset_entry(config, preset, name)
    named = {key: merged[key] for key in DATA if key in merged}
    return {key: merged.get(key) for key in ("source", "file", "cache")} | named


def _dataset_entry(config: Config, preset: str, name: str) -> dict[str, Any]:
    return {key: value for layer in _data_layers(config, preset, name).values() for key, value in layer.items()}


def _data_layers(config: Config, preset: str, name: str) -> dict[str, Settings]:
    here = config["presets"][preset].get("datasets", {})
    return {f"datasets.{name}": config["datasets"][name], f"presets.{preset}.datasets.{name}": here.get(name, {})}


def scored(config: Config, data: str) -> bool:
    """Whether a data set has factors that codes can be scored against."""
    return bool(config["datasets"][data].get("scored", True))
