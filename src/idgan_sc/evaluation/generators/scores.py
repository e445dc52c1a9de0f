"""Measure a generator's own disentanglement, fidelity and coverage.

The module also measures what the generator's pairs really show.

The regularisers act on G, but the paper scores Q on real images (Sec. 4). Here the nearest true image
replaces each generated one (`nearest_image`). Its factors are known. `match.npz` of a run holds the answers,
and all else is a function of it. Where true images are not all known, `scores_by_reader` feeds
`score_factors` with read factors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import dataset_row
from idgan_sc.data.images import Images
from idgan_sc.evaluation.gather import run_columns
from idgan_sc.evaluation.generators import matching
from idgan_sc.evaluation.generators.drawing import Array, distilled, draw_codes, draw_noise, generate
from idgan_sc.evaluation.generators.names import DISTILLED, GENERATOR_CODE, Q_CODE, RULES
from idgan_sc.evaluation.generators.nearest_image import factors_modulo_symmetry
from idgan_sc.evaluation.generators.pairs import _label_rows, _match_pairs
from idgan_sc.evaluation.score import PROTOCOL
from idgan_sc.evaluation.scorer import DEPTH, IBGAN_DEPTHS
from idgan_sc.files import DataError, write_arrays
from idgan_sc.metrics import Draw, draw_infogan_cr, score_codes
from idgan_sc.metrics.information import entropy
from idgan_sc.models import GAN, IBGAN
from idgan_sc.models.codes import DEAD_NATS
from idgan_sc.records.record import TABLE3_METRICS, note_evaluation, note_hashes
from idgan_sc.records.results import Job
from idgan_sc.records.tables import read_recorded, write_table
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import encode_pool, load_run
from idgan_sc.training.pool import open_images_of, pool_indices

GROUP_METRICS, POINT_METRICS = ("factor_vae", "beta_vae"), ("sap", "mig", "dci")


# ------------------------------------------------------------------------------------------------------------ matching
def match(job: Job) -> list[Path]:
    """Match a run's generated images with the nearest true ones.

    Then score the generator by them.
    """
    return [match_images(job), *score_generator(job)]


def match_images(job: Job) -> Path:
    """Write `match.npz` of a finished run of the GAN family.

    The file holds the codes of the run's images and their nearest true images.

    codes (n, k), index and relative (n,) are of images of c and z as in training. q (n, k) are the encoder's
    codes of as many true images, and q_index says which. For each pair rule, s (m,) is the class, and index and
    relative are (m, 2). accuracy is that of the run's pair network, if any, on new pairs.
    """
    folder, preset, sizes = job.folder, job.run.preset, job.results.generated
    images, device = open_images_of(job), use_device(job.results.config)
    method = load_run(folder, device)
    if not isinstance(method, GAN | IBGAN):
        raise DataError(f"{folder} holds no generator of the GAN family: only these are matched")
    rng = torch_stream(0, f"generated/{images.name}", device)
    matcher = matching.matcher(images, method.settings["image_size"])
    codes = draw_codes(method, images, preset, sizes["images"], rng)
    z = draw_noise(method, len(codes), rng)
    generated = generate(method, z, codes)
    found = matcher.nearest(generated.cpu().numpy())
    arrays = {"codes": codes.cpu().numpy(), "index": found.index, "relative": found.relative}
    arrays["q_index"] = few_true(images, preset, method.settings["pool"], len(codes))
    arrays["q"] = encode_pool(method, images, arrays["q_index"], device)
    if isinstance(method, GAN) and method.settings["code"] == "vae":
        arrays[DISTILLED] = np.array(distilled(method, codes, generated))
    for rule in RULES:
        arrays |= _match_pairs(method, matcher, preset, rule, sizes["pairs"], rng)
    path = write_arrays(folder / "match.npz", **arrays)
    note_hashes(folder, [path.name], of=["weights.safetensors"])
    return path


# ------------------------------------------------------------------------------------------------------------- scoring
def score_generator(job: Job) -> list[Path]:
    """Write `generator_scores.csv` and `pair_labels.csv` of one run from its `match.npz` and `log.csv`."""
    images, sizes = open_images_of(job), job.sizes
    arrays = read_recorded(job.folder / "match.npz", "run `idgan-sc match`")
    k = arrays["codes"].shape[1]
    valid = arrays["relative"] <= sizes["abstain"]
    classes, values = matching.matched_factors(images, arrays["index"])
    rows = score_rows(
        GENERATOR_CODE, *score_factors(images, arrays["codes"][valid], classes[valid], values[valid], sizes)
    )
    rows += score_rows(Q_CODE, *score_factors(images, arrays["q"], *true_factors(images, arrays["q_index"]), sizes))
    rows += metric_rows("matcher", fidelity(images, classes, arrays["relative"], valid))
    if DISTILLED in arrays:
        rows += distilled_rows(float(arrays[DISTILLED]))
    key_columns = run_columns(job.run) | {"k": k, "code": None}
    labels = pd.DataFrame([key_columns | row for row in _label_rows(job.folder, images, arrays, sizes)])
    labels["code"] = labels["code"].astype("Int64")
    written = [write_scores(job, k, rows), write_table(job.folder / "pair_labels.csv", labels)]
    note_hashes(job.folder, [path.name for path in written], of=["match.npz", "log.csv"])
    return written


def score_factors(
    images: Images, codes: Array, classes: Array, values: Array, sizes: dict[str, Any]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return the five scores of codes, and why others are absent.

    The codes (n, k) are scored against the factors (n, K) of the images made from them.

    MIG, SAP and DCI look at all n points. The groups of FactorVAE and β-VAE share one generated factor's value,
    as the metrics' groups do. They are drawn among the images whose values all occur `least` times. A group with
    few different members has little variance in every code.

    Deviates: the reference draws groups from the whole grid, where factors are uniform and independent. Generated
    factors are as G makes them. So factors that G confounds are confounded in the groups too.
    """
    depths = [IBGAN_DEPTHS.get(name, DEPTH) for name in images.factor_names]
    discrete = [k for k, name in enumerate(images.factor_names) if name in images.discrete]
    scores: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for metrics, draw in ((GROUP_METRICS, _draw_groups), (POINT_METRICS, _draw_points)):
        rng = numpy_stream(0, f"forest/{images.name}/generated")
        try:
            scores |= score_codes(
                codes, classes, values, draw(images, classes, sizes), rng=rng, metrics=metrics, depths=depths,
                discrete=discrete,
            )  # fmt: skip
        except ValueError as error:  # the metrics refuse what they cannot score, in one line
            reasons |= dict.fromkeys(metrics, str(error))
    return scores, reasons


def few_true(images: Images, preset: str, pool: int | str, n: int) -> Array:
    """Choose the n images of the pool for scoring Q and the baseline.

    They are scored beside n generated images. A smaller pool is taken whole.

    FactorVAE, β-VAE and DCI are lower on few images than on the whole pool. So a generator is compared with these
    few.
    """
    indices = pool_indices(images, preset, pool)
    return indices[numpy_stream(0, f"few/{images.name}").permutation(len(indices))[:n]]


def true_factors(images: Images, index: Array) -> tuple[Array, Array]:
    """Classes and values, (n, K), of true images as generated ones have them."""
    if dataset_row(images.name).reading == "match":  # orientations are taken modulo the shape's symmetry
        return factors_modulo_symmetry(images, index)
    assert images.classes is not None
    return images.classes[index], images.values(index)


def score_rows(code: str, scores: dict[str, float], reasons: dict[str, str]) -> list[dict[str, Any]]:
    """Return rows of `generator_scores.csv` with the five scores of a code.

    An absent score is empty and has the reason.
    """
    rows = metric_rows(PROTOCOL, {metric: scores.get(metric) for metric in TABLE3_METRICS})
    return [row | {"code": code, "reason": reasons.get(row["metric"], "")} for row in rows]


def distilled_rows(value: float) -> list[dict[str, Any]]:
    """The row of `generator_scores.csv` with what `distilled` found."""
    reason = f"no code of the β-VAE has more than {DEAD_NATS} nat in the generated images" if np.isnan(value) else ""
    return [row | {"reason": reason} for row in metric_rows("encoder", {DISTILLED: value})]


def metric_rows(protocol: str, values: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """A row of `generator_scores.csv` for each metric."""
    return [{"metric": name, "protocol": protocol, "value": value, "reason": ""} for name, value in values.items()]


def write_scores(job: Job, k: int, rows: list[dict[str, Any]]) -> Path:
    """Write `generator_scores.csv` of a run with k codes, and note which settings measured it."""
    key_columns = run_columns(job.run) | {"code": GENERATOR_CODE, "k": k}
    path = write_table(job.folder / "generator_scores.csv", pd.DataFrame([key_columns | row for row in rows]))
    note_evaluation(job.results.config, job.run, job.folder, "generated")
    return path


def _draw_points(images: Images, classes: Array, sizes: dict[str, Any]) -> Draw:
    """All images as points, no groups."""
    _refuse_constant_factors(images, classes)
    every, none = np.arange(len(classes)), np.zeros(0, np.int64)
    return Draw(none[None], none, every, every)


def _draw_groups(images: Images, classes: Array, sizes: dict[str, Any]) -> Draw:
    """Draw groups among the images whose values are not rare.

    The codes' global SD uses all images.
    """
    common = _common(classes, sizes["least"])
    if len(common) < 2 * sizes["least"]:
        raise ValueError(
            f"pool too small: fewer than {2 * sizes['least']} images have factor values that all occur "
            f"{sizes['least']} times"
        )
    _refuse_constant_factors(images, classes[common], f" among those whose values all occur {sizes['least']} times")
    wanted = {"groups": sizes["groups"], "group_size": sizes["group_size"]}
    pool = draw_infogan_cr(classes[common], **wanted, std=len(common), points=1, rng=numpy_stream(0, "draw/generated"))
    return Draw(common[pool.groups], pool.group_labels, np.arange(len(classes)), np.arange(len(classes)))


def _refuse_constant_factors(images: Images, classes: Array, where: str = "") -> None:
    for name, column in zip(images.factor_names, classes.T, strict=True):
        if len(np.unique(column)) == 1:
            raise ValueError(f"all images{where} have the same {name}")


def _common(classes: Array, least: int) -> Array:
    """Find the largest set of rows whose values all occur `least` times.

    The result is their indices. Every value of every column occurs that often in the set.
    """
    kept = np.arange(len(classes))
    while len(kept):
        often = np.ones(len(kept), dtype=bool)
        for column in classes[kept].T:
            often &= np.bincount(column)[column] >= least
        if often.all():
            break
        kept = kept[often]
    return kept


def fidelity(images: Images, classes: Array, relative: Array, valid: Array) -> dict[str, float]:
    """Distance, abstention and coverage of n generated images.

    distance: the median of |g − x|²/|x|² over all n; abstained: the share beyond the threshold; cells: how many
    different grid cells (orientation modulo symmetry) the others reach; coverage: cells over those of as many true
    images drawn at random; spread_<factor>: entropy of the generated classes over that of all true images.
    """
    true = numpy_stream(0, f"coverage/{images.name}").integers(images.n, size=len(relative))
    cells, expected = (
        len(np.unique(rows, axis=0)) for rows in (classes[valid], matching.matched_factors(images, true)[0])
    )
    found = {
        "distance": float(np.median(relative)),
        "abstained": float(1 - valid.mean()),
        "cells": float(cells),
        "coverage": cells / expected,
    }
    whole = entropy(matching.matched_factors(images, np.arange(images.n))[0])
    own = entropy(classes[valid]) if valid.any() else np.zeros(len(whole))
    return found | {f"spread_{name}": float(own[i] / whole[i]) for i, name in enumerate(images.factor_names)}
