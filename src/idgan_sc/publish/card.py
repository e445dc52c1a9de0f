"""Write the model card of a finished run.

The card says what the weights are. Everything in it comes from the run's record and scores. Nothing is typed by
hand. It begins with the YAML that model hubs read.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from idgan_sc.config import DATASET, Config, Run, redistributable, runs_with_weights
from idgan_sc.evaluation.generators.names import GENERATOR_CODE, Q_CODE
from idgan_sc.evaluation.model import write_weights
from idgan_sc.evaluation.score import factors_hash
from idgan_sc.files import DataError, sha256, write_text
from idgan_sc.records.published import CARD, WEIGHTS
from idgan_sc.records.record import read_record, verify_hash
from idgan_sc.records.results import Job, Results, Row
from idgan_sc.records.tables import read_table
from idgan_sc.report.read import scored_codes
from idgan_sc.report.tables import printed_of
from idgan_sc.report.words import CODES, DASH, METRIC_LABELS, NO_EVIDENCE, data_words, label, number, plus_minus
from idgan_sc.training.pool import open_images_of

OF_GENERATOR = {GENERATOR_CODE: "the generator's own images", Q_CODE: "Q, on as many true images"}
QUALITY = {
    "distance": "median distance of a generated image from the nearest true one, over the true one's square",
    "abstained": "share of generated images like no sprite",
    "coverage": "grid cells reached, over those of as many true images",
    "precision": "precision, share of generated images like true ones",
    "recall": "recall, share of true images like generated ones",
}
HEAD = {  # of every card
    "license": "mit",
    "library_name": "idgan-sc",
    "pipeline_tag": "unconditional-image-generation",
    "tags": ["disentanglement", "representation-learning", "replication", "pytorch", "safetensors"],
}
REFERENCE = (
    "Reference: the mean ± spread that the paper prints in its Table 3 for this system with as many codes, on the "
    f"published dSprites at 64×64; {DASH} where it prints none. This model was trained on {{}}, by preset {{}}: the "
    "two need not agree."
)
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
    images = open_images_of(job)
    verify_hash(job.folder, "scores.csv", "run `idgan-sc score` again", factors_hash(images))
    return _write(job.results, job.run, job.folder, images.licence)


def renew_cards(results: Results) -> list[Path]:
    """Write the cards of published runs anew, from what is published alone."""
    written = []
    for run in runs_with_weights(results.config, results.preset):
        folder = results.root / "published" / run.path
        if (folder / CARD).exists() and results.is_published(run):
            described = json.loads(results.description(run.dataset).read_text(encoding="utf-8"))
            written.append(_write(results, run, folder, described["licence"]))
    return written


def _write(results: Results, run: Run, folder: Path, licence: str) -> Path:
    record, scores = read_record(folder), _score_rows(results, run, folder)
    name = f"{label(run.system)}, variant {run.variant}, seed {record['seed']}, on {run.dataset}"
    sections = {
        name: _facts(results.config, record, folder),
        "Use": _use(record),
        "Scores": _scores(results, run, folder, scores),
        "Settings": _settings(record),
        "Licence": LICENCE.format(licence),
        "Limits": _limits(results.config, record),
    }
    text = "\n\n".join(f"{'#' if title == name else '##'} {title}\n\n{content}" for title, content in sections.items())
    return write_text(folder / CARD, f"---\n{_front_matter(results, run, name, scores)}---\n\n{text}\n")


def _front_matter(results: Results, run: Run, name: str, scores: list[Row]) -> str:
    """What hubs show of a model and sort models by, with its scores."""
    source = results.dataset_settings(run.dataset)["source"]
    data = run.dataset if source == "real" else f"{source}-{run.dataset}"  # a hub's `dsprites` is the published one
    dataset = {"name": data_words(results, run.dataset), "type": data}
    metrics = [
        {"type": row["metric"], "name": f"{METRIC_LABELS[row['metric']]}, {row['scored']}", "value": row["obtained"]}
        for row in scores
        if row["obtained"] is not None
    ]
    task = {"type": "representation-learning", "name": "Disentanglement"}
    index = [{"name": name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]
    head = HEAD | {"datasets": [data], "metrics": list(METRIC_LABELS), "model-index": index}
    return yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=120)


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


def _score_rows(results: Results, run: Run, folder: Path) -> list[Row]:
    """List the scores of the model, each with the paper's own.

    Scores on true images come first, then those of its generated images if they were measured.
    """
    path = folder / "scores.csv"
    if not path.exists():
        raise DataError(f"{path} is missing: run `idgan-sc score` first, a card without scores says too little")
    own = read_table(path, ["code", "metric", "value"], "run `idgan-sc score`")
    words = {code: CODES.get(str(code), str(code)) for code in dict.fromkeys(own["code"])}
    if (folder / "generator_scores.csv").exists():
        more = read_table(folder / "generator_scores.csv", ["code", "metric", "value"], "run `idgan-sc match`")
        own = pd.concat([own, more[more["code"].isin(OF_GENERATOR)]])
        words |= OF_GENERATOR
    found = own.drop_duplicates(["code", "metric"]).set_index(["code", "metric"])["value"]
    printed = printed_of(results, run).get("paper", {}) if run.dataset == DATASET else {}
    headline = scored_codes(results.settings(run))[0]
    return [
        {
            "scored": text,
            "metric": metric,
            "obtained": round(float(value), 3) if pd.notna(value := found.get((code, metric))) else None,
            "reference": printed.get(metric) if code == headline else None,
        }
        for code, text in words.items()
        for metric in METRIC_LABELS
    ]


def _scores(results: Results, run: Run, folder: Path, scores: list[Row]) -> str:
    """Tabulate what was obtained beside the reference; how good generated images are stands below."""
    rows = [
        [
            row["scored"],
            METRIC_LABELS[row["metric"]],
            DASH if row["obtained"] is None else f"{row['obtained']:.3f}",
            plus_minus(*row["reference"]) if row["reference"] else DASH,
        ]
        for row in scores
    ]
    words = REFERENCE.format(data_words(results, run.dataset), run.preset)
    parts = [_table(["Scored", "Score", "Obtained", "Reference"], rows), words]
    if (folder / "generator_scores.csv").exists():
        own = read_table(folder / "generator_scores.csv", ["code", "metric", "value"], "run `idgan-sc match`")
        found = own[own["code"] == GENERATOR_CODE].set_index("metric")["value"]
        parts.append("\n".join(f"* {words}: {found[name]:.3f}" for name, words in QUALITY.items() if name in found))
    return "\n\n".join(parts)


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
