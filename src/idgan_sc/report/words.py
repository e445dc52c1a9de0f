"""Words, names and numbers as tables and figures print them."""

from collections.abc import Sequence
from typing import Any

from idgan_sc.config import DATASET, dataset_row
from idgan_sc.records.results import Results

# The systems that the paper compares, in the order of the tables.
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")
COLOURS = {  # of a system, the same in every figure; dark enough for text, told apart by the colour-blind
    "beta_vae": "#000000",
    "factor_vae": "#454100",
    "infogan": "#115DFE",
    "infogan_cr": "#BC5902",
    "idgan_sc_prior": "#168560",
    "idgan": "#0D527F",
    "idgan_sc": "#76103E",
}
METRIC_LABELS = {
    "factor_vae": "FactorVAE",
    "dci": "DCI",
    "sap": "SAP",
    "mig": "MIG",
    "beta_vae": "β-VAE",
}  # paper's order
VARIANTS = ("main", "c10")  # what tables and figures keep apart: 5 and 10 codes of the prior arms
CODES_OF = {"main": "", "c10": ", 10 codes"}  # what is added to a system's name
TABLE3_VARIANTS = (*VARIANTS, "alpha_2")  # and the paper's α, where a preset's own is another
PAPER_VARIANT = {"idgan_sc_prior": "c10"}  # which of them the paper's row had, `main` if not named (ledger row 28)
LABELS = {
    "beta_vae": "β-VAE",
    "factor_vae": "FactorVAE",
    "infogan": "InfoGAN (modified)",
    "infogan_cr": "InfoGAN-CR",
    "idgan_sc_prior": "IDGAN-SC (without β-VAE)",
    "idgan": "ID-GAN (modified)",
    "idgan_sc": "IDGAN-SC (with β-VAE)",
    "infogan_stage_a": "InfoGAN after stage A",
    "idgan_stage_a": "ID-GAN after stage A",
    "vae": "VAE",
    "annealed_vae": "annealed VAE",
    "beta_tcvae": "β-TCVAE",
    "dip_vae_i": "DIP-VAE I",
    "dip_vae_ii": "DIP-VAE II",
    "idgan_released": "ID-GAN (as released)",
    "idgan_sc_released": "IDGAN-SC on ID-GAN as released",
    "ib_gan": "IB-GAN",
}
CODES = {"q_mean": "mean of Q", "vae_mean": "posterior mean", "vae_sample": "posterior sample"}
BASELINES = {  # what learned nothing: what of it is scored, and its name
    "untrained_q": ("q_mean", "Baseline: untrained Q"),
    "pixel_components": ("components", "Baseline: principal components"),
    "noise_codes": ("noise", "Baseline: noise"),
}
CODES |= {"components": "pixels", "noise": "noise", "generator": "c of G"}
NO_EVIDENCE = "no evidence: a test of the pipeline"
DASH = "–"


def label(system: str) -> str:
    return LABELS.get(system, system)


def data_words(results: Results, name: str = DATASET) -> str:
    """The data behind a result, a procedural stand-in named as one."""
    stands_for = dataset_row(name).stands_for
    source = results.dataset_settings(name)["source"]
    words = {"real": "published {}", "folder": "{}, a user's images"}
    original = f" for {dataset_row(stands_for).title}" if stands_for else ""
    stand_in = f"procedural {{}} (a stand-in{original})"
    return words.get(source, stand_in).format(dataset_row(name).title)


def describe_results(results: Results, n: str, data: Sequence[str] = (DATASET,)) -> list[str]:
    """Return what every result says of itself.

    These are the preset, the data, the number of seeds, and whether it is evidence.
    """
    chosen = results.config["presets"][results.preset]
    words = [
        f"Preset {results.preset}: {chosen['title']}",
        f"data: {', '.join(data_words(results, name) for name in data)}",
        n,
    ]
    return words if chosen["evidence"] else [*words, NO_EVIDENCE]


def seeds_words(n: int) -> str:
    return f"n = {n} seed" if n == 1 else f"n = {n} seeds"


def n_of(n: int, planned: int) -> str:
    """How many seeds there are, of those planned where some are missing: 3 of 10."""
    return f"{n} of {planned}" if n < planned else str(n)


def seeds_range(n: Sequence[int]) -> str:
    """`seeds_words` of several counts: n = 1–5 seeds."""
    if not n:
        return "no runs"
    return seeds_words(n[0]) if min(n) == max(n) else f"n = {min(n)}–{max(n)} seeds"


def planned_words(results: Results, data: Sequence[str]) -> str:
    """How many seeds of these data sets are planned: n = 5–10 seeds planned."""
    return f"{seeds_range([len(results.seeds(name)) for name in data])} planned"


def notes(results: Results, data: Sequence[str] = (DATASET,)) -> list[str]:
    """Return the last lines below a table.

    They say what it was made from, and whether it is evidence.
    """
    words = describe_results(results, f"{planned_words(results, data)} for each system", data)
    sentence = [] if results.evidence else [f"This is {NO_EVIDENCE}."]
    return ["; ".join(word for word in words if word != NO_EVIDENCE) + ".", *sentence]


def plus_minus(mean: float | None, spread: float | None) -> str:
    """A mean and its spread as the tables have them, such as 0.82 ± 0.10."""
    if mean is None:
        return DASH
    return places(mean) if spread is None else f"{places(mean)} ± {places(spread)}"


def places(value: float, decimals: int = 2) -> str:
    """A score with some decimals and a true minus sign, none before a zero.

    >>> places(-0.341), places(-0.001), places(-0.0341, 3)
    ('−0.34', '0.00', '−0.034')
    """
    return f"{value:z.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int = 2) -> str:
    """A difference with its sign.

    >>> signed(0.07), signed(-0.07), signed(0.001)
    ('+0.07', '−0.07', '0.00')
    """
    shown = places(value, decimals)
    return shown if shown.startswith("−") or not float(shown) else f"+{shown}"


def with_interval(mean: float | None, low: float | None, high: float | None, decimals: int = 3) -> str:
    """An estimate and its interval where there is one; nothing where there is no estimate.

    >>> with_interval(0.0234, -0.0065, 0.0533), with_interval(0.5, None, None, 2)
    ('0.023 [−0.006, 0.053]', '0.50')
    """
    if mean is None or mean != mean:
        return ""
    if low is None or high is None or low != low:
        return places(mean, decimals)
    return f"{places(mean, decimals)} [{places(low, decimals)}, {places(high, decimals)}]"


def number(value: Any) -> str:
    """A setting as a reader wants it: 288 000, 0.0002, 0.5 and 0.999."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: DASH}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(number, value)) if isinstance(value, list | tuple) else str(value)
