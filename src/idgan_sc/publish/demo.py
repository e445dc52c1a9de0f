"""Train one small system, and show what it learned."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from idgan_sc.evaluation.model import load, to_bytes
from idgan_sc.evaluation.score import read_codes, score
from idgan_sc.evaluation.scorer import scorer
from idgan_sc.files import write_atomic
from idgan_sc.models import build
from idgan_sc.records.results import Job, Results
from idgan_sc.report.figures.canvas import DPI, drawing, put_images, put_text
from idgan_sc.report.words import METRIC_LABELS, places
from idgan_sc.training.encode import encode, encode_pool
from idgan_sc.training.prepare import ensure_images
from idgan_sc.training.train import train

SYSTEM, CODE = "beta_vae", "vae_mean"
STEP, LEFT, RIGHT, GAP = 0.34, 0.7, 2.2, 0.15  # inches: from image to image; beside them; below the real ones
TOLD = 0.05  # share of a factor that a code must tell to be named with it


def demo(results: Results) -> Iterator[str]:
    """Train, score and draw the β-VAE of a preset, and yield lines about it."""
    dataset = results.datasets[0]
    images, job = ensure_images(results, dataset), results.job(results.run(dataset, SYSTEM))
    codes, factors = job.settings["c_dim"], images.factor_names
    yield (
        f"A β-VAE learns from {images.n:,} drawn images in {job.settings['steps']} steps. It describes an image by "
        f"{codes} numbers, its codes. Nobody tells it the {len(factors)} factors: {', '.join(factors)}."
    )
    train(job)
    encode(job)
    score(job)
    shares = told(job)
    yield "What the best code tells of each factor (mutual information, as a share of the factor's entropy):"
    for name in factors:
        best = int(np.argmax(shares[name]))
        yield f"  {name:<12} code {best + 1:<3} {shares[name][best]:4.0%}"
    yield "Scores, where 1 is best, and those of the same network before training:"
    learned, before = scores(job)
    for metric, value in learned.items():
        yield f"  {METRIC_LABELS[metric]:<12} {places(value)}  before {places(before[metric])}"
    yield f"{draw(job, shares)} shows what each code changes in an image."
    yield "So short a training is no evidence. `make` trains every system; docs/index.md says what there is to see."


def told(job: Job) -> dict[str, np.ndarray]:
    """What each code (k,) tells of a factor, by factor."""
    table = pd.read_csv(job.folder / "association.csv")
    return {str(name): rows["value"].to_numpy() for name, rows in table[table["code"] == CODE].groupby("factor")}


def scores(job: Job) -> tuple[dict[str, float], dict[str, float]]:
    """Scores of the run's codes, and of those of its network before training."""
    table = pd.read_csv(job.folder / "scores.csv")
    rows = table[table["code"] == CODE]
    learned = dict(zip(rows["metric"].astype(str), rows["value"].astype(float), strict=True))
    images = ensure_images(job.results, job.run.dataset)
    _, indices = read_codes(job.folder, images)
    untrained = build(job.settings, images.shape[0], job.run.seed, "scratch", "cpu")
    codes = encode_pool(untrained, images, indices, "cpu")
    return learned, scorer(job, images, indices).scores(codes, 0, list(learned))


def draw(job: Job, shares: dict[str, np.ndarray]) -> Path:
    """Write `demo.png`: below real images a row for each code.

    The code takes ten values in one image. The codes that tell most come first.
    """
    model = load(job.folder)
    images = ensure_images(job.results, job.run.dataset)
    codes, indices = read_codes(job.folder, images)
    anchor, k = codes[CODE][0], job.settings["c_dim"]
    order = sorted(range(k), key=lambda j: -max(share[j] for share in shares.values()))
    width = LEFT + len(model.sweep()) * STEP + RIGHT
    fig, ax = drawing(job.results, GAP + (k + 1) * STEP, width)
    y = ax.get_ylim()[1] - STEP
    put_text(ax, LEFT - 0.08, y + STEP / 2, "real", ha="right")
    size = job.settings["image_size"]
    put_images(ax, to_bytes(images.batch(indices[: len(model.sweep())], size)), LEFT, y, STEP)
    y -= GAP
    for j in order:
        y -= STEP
        put_text(ax, LEFT - 0.08, y + STEP / 2, f"code {j + 1}", ha="right")
        put_images(ax, to_bytes(model.traverse(anchor, j)), LEFT, y, STEP)
        named = sorted(((share[j], name) for name, share in shares.items() if share[j] >= TOLD), reverse=True)
        words = ", ".join(f"{name} {share:.0%}" for share, name in named) or "tells of no factor"
        put_text(ax, width - RIGHT + 0.08, y + STEP / 2, words, ha="left")
    path = job.results.root / "demo.png"
    return write_atomic(path, lambda temporary: fig.savefig(temporary, format="png", dpi=DPI))
