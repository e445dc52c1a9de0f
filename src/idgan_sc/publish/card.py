"""Write the model card of a finished run.

The card says what the weights are. Everything in it comes from the run's record and scores. Nothing is typed by
hand.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc.config import Config, redistributable
from idgan_sc.evaluation.generators.names import GENERATOR_CODE, Q_CODE
from idgan_sc.evaluation.model import write_weights
from idgan_sc.evaluation.score import factors_hash
from idgan_sc.files import DataError, sha256, write_text
from idgan_sc.records.published import CARD, WEIGHTS
from idgan_sc.records.record import read_record, verify_hash
from idgan_sc.records.results import Job
from idgan_sc.records.tables import read_table
from idgan_sc.report.words import CODES, DASH, METRIC_LABELS, NO_EVIDENCE, label, number
from idgan_sc.training.pool import open_images_of

QUALITY = {
    "distance": "median distance of a generated image from the nearest true one, over the true one's square",
    "abstained": "share of generated images like no sprite",
    "coverage": "grid cells reached, over those of as many true images",
    "precision": "precision, share of generated images like true ones",
    "recall": "recall, share of true images like generated ones",
}
LICENCE = "MIT, as this project's code; the images it was trained on: {}"
LIMITS = (
    "Made to study disentanglement, for nothing else. It draws and encodes images like its training data only, at "
    "{size}×{size} pixels.",
    "One training with one seed: scores differ between seeds, and single runs must not be compared.",
    "Codes have no given meaning or sign; which factor a code follows has to be looked up in the traversals.",
    "Results are the same bytes only on the same kind of machine, versions and number of threads as recorded.",
)


def card(job: Job) -> list[Path]:
    """Write the model card of a finished run, and its weights.

    The weights are written only where they may be passed on.
    """
    weights = [write_weights(job.folder)] if redistributable(job.results.config, job.run) else []
    return [*weights, write_card(job)]


def write_card(job: Job) -> Path:
    """Write `card.md` of a finished run beside its weights, those to be published (`model.safetensors`) included.

    Raises
    ------
    DataError
        If the run or its scores are missing, or the scores are of other codes or factors than there are now.
    """
    config, run, folder = job.results.config, job.run, job.folder
    record, images = read_record(folder), open_images_of(job)
    verify_hash(folder, "scores.csv", "run `idgan-sc score` again", factors_hash(images))
    name = f"{label(run.system)}, variant {run.variant}, seed {record['seed']}, on {run.dataset}"
    sections = {
        name: _facts(config, record, folder),
        "Use": _use(record),
        "Scores": _scores(folder),
        "Settings": _settings(record),
        "Licence": LICENCE.format(images.licence),
        "Limits": _limits(config, record),
    }
    text = "\n\n".join(f"{'#' if title == name else '##'} {title}\n\n{content}" for title, content in sections.items())
    return write_text(folder / CARD, text + "\n")


def _facts(config: Config, record: dict[str, Any], folder: Path) -> str:
    title = config["presets"][record["preset"]]["title"]
    rows = {
        "System": record["system"],
        "Preset": f"{record['preset']}: {title}",
        "Data": record["data"],
        "Steps": number(record["settings"]["steps"]),
        "Seed": str(record["seed"]),
        "Built on": ", ".join(f"{role}: `{earlier['path']}`" for role, earlier in record["before"].items()) or DASH,
        "Source": f"{record['source']}, commit {record.get('commit') or DASH}",
        "Trained with": f"PyTorch {record.get('torch')}, {record.get('device')}, {record.get('threads')} threads, "
        f"{number(record.get('seconds'))} s",
        "weights.safetensors": f"all networks, sha256 `{record['outputs']['weights.safetensors']}`",
    }
    path = folder / WEIGHTS
    if path.exists():
        size = path.stat().st_size / 2**20
        rows[WEIGHTS] = f"of these what encodes and generates, {size:.1f} MiB, sha256 `{sha256(path)}`"
    return _table(["", ""], [[key, value] for key, value in rows.items()])


def _use(record: dict[str, Any]) -> str:
    settings = record["settings"]
    images = f"(B, {record['channels']}, {settings['image_size']}, {settings['image_size']}) in [0, 1]"
    lines = [
        "```python",
        "import idgan_sc",
        "",
        'model = idgan_sc.load(".")  # the folder of this card',
        f"codes = model.encode(images)  # {images} -> (B, {settings['c_dim']})",
        "images = model.generate(codes)",
        "```",
    ]
    return "\n".join(lines)


def _scores(folder: Path) -> str:
    """List the scores of the model on true images.

    The scores of its generated images are added if they were measured.
    """
    path = folder / "scores.csv"
    if not path.exists():
        raise DataError(f"{path} is missing: run `idgan-sc score` first, a card without scores says too little")
    scores = read_table(path, ["code", "metric", "value"], "run `idgan-sc score`")
    rows = [[CODES.get(str(code), str(code)), *_row(own)] for code, own in scores.groupby("code", sort=False)]
    generated = folder / "generator_scores.csv"
    lines = []
    if generated.exists():
        own = read_table(generated, ["code", "metric", "value"], "run `idgan-sc match`")
        for code, words in ((GENERATOR_CODE, "the generator's own images"), (Q_CODE, "Q, on as many true images")):
            rows.append([words, *_row(own[own["code"] == code])])
        found = own[own["code"] == GENERATOR_CODE].set_index("metric")["value"]
        lines = [f"* {words}: {found[name]:.3f}" for name, words in QUALITY.items() if name in found]
    return "\n".join([_table(["Scored", *METRIC_LABELS.values()], rows), *(["", *lines] if lines else [])])


def _row(scores: pd.DataFrame) -> list[str]:
    found = scores.set_index("metric")["value"]
    values = [found.get(metric) for metric in METRIC_LABELS]
    return [DASH if value is None or pd.isna(value) else f"{value:.3f}" for value in values]


def _settings(record: dict[str, Any]) -> str:
    return _table(["Setting", "Value"], [[f"`{key}`", number(value)] for key, value in record["settings"].items()])


def _limits(config: Config, record: dict[str, Any]) -> str:
    size = record["settings"]["image_size"]
    limits = [limit.format(size=size) for limit in LIMITS]
    if not config["presets"][record["preset"]]["evidence"]:
        limits.insert(0, f"{NO_EVIDENCE[0].upper()}{NO_EVIDENCE[1:]}; trained for far too few steps.")
    if "procedural" in record["data"]:
        limits.append("Trained on procedural images, a stand-in for the published data.")
    limits += [f"Warning at training: {words}." for words in record.get("warnings", [])]
    return "\n".join(f"* {limit}" for limit in limits)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
