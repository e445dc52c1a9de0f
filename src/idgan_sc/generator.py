"""What a generator makes, measured: its own disentanglement, fidelity and coverage, and what its pairs really show.

The regularisers act on G, while the paper scores Q on real images (Sec. 4). Here each generated image is replaced by
its nearest true one (`matcher`), whose factors are known; `match.npz` of a run holds the answers, and all else is a
function of it. Where true images are not all known, `generator_pictures` feeds `score_factors` with read factors.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from idgan_sc import provenance
from idgan_sc.codes import DEAD_NATS, another_of_batch, balanced_classes, draw_prior, recombine, sample_posterior
from idgan_sc.config import Config, Run
from idgan_sc.data.images import Images
from idgan_sc.data.tensors import to_tensor
from idgan_sc.encode import BATCH, encode_pool, load_run, pool_indices
from idgan_sc.files import DataError, read_arrays, write_arrays
from idgan_sc.leakage_report import about_run, write_table
from idgan_sc.matcher import Matcher, changed, generated_factors
from idgan_sc.metrics import Draw, draw_infogan_cr, score_codes
from idgan_sc.metrics.information import entropy
from idgan_sc.models import GAN
from idgan_sc.objectives import gaussian_kl
from idgan_sc.score import DEPTH, IBGAN_DEPTHS, PROTOCOL
from idgan_sc.seeds import numpy_stream, torch_stream

Array = np.ndarray
CODE = "generator"  # in the column `code`: the true code c against the generated factors
Q = "q"  # likewise: what the run's encoder makes of as many true images, against their factors
MATCHED = "dsprites"  # whose orientations are taken modulo the shape's symmetry, of true images as of generated ones
RULES = ("change_one", "keep_one")
UNRELATED = "unrelated"  # pairs of independent codes and noise, for comparison
OF_CODE = "code_"  # starts the measures of pairs in which one given code differs
OF_GROUPS, OF_POINTS = ("factor_vae", "beta_vae"), ("sap", "mig", "dci")
METRICS = OF_GROUPS + OF_POINTS
DISTILLED = "distilled"  # in the column `metric`, of generators whose codes come from a β-VAE


# ------------------------------------------------------------------------------------------------------------ matching
def match(folder: Path, images: Images, preset: str, sizes: dict[str, Any], device: str) -> Path:
    """Write `match.npz` of a finished run of the GAN family: its images' codes and nearest true images.

    codes (n, k), index, relative (n,): images of c and z as in training. q (n, k), q_index: the encoder's codes of as
    many true images. For each pair rule: s (m,) the class, index and relative (m, 2). accuracy: of the run's pair
    network, if any, on new pairs.
    """
    method = load_run(folder, device)
    if not isinstance(method, GAN):
        raise DataError(f"{folder} holds no generator of the GAN family: only these are matched")
    rng = torch_stream(0, f"generated/{images.name}", device)
    matcher = Matcher(images, method.settings["image_size"])
    codes = draw_codes(method, images, preset, sizes["images"], rng)
    z = draw_noise(method, len(codes), rng)
    generated = generate(method, z, codes)
    found = matcher.nearest(generated.cpu().numpy())
    arrays = {"codes": codes.cpu().numpy(), "index": found.index, "relative": found.relative}
    arrays["q_index"] = few_true(images, preset, method.settings["pool"], len(codes))
    arrays["q"] = encode_pool(method, images, arrays["q_index"], device)
    if method.settings["code"] == "vae":
        arrays[DISTILLED] = np.array(distilled(method, codes, generated))
    for rule in RULES:
        arrays |= _match_pairs(method, matcher, preset, rule, sizes["pairs"], rng)
    return write_arrays(folder / "match.npz", **arrays)


def _match_pairs(
    method: GAN, matcher: Matcher, preset: str, rule: str, m: int, rng: torch.Generator
) -> dict[str, Array]:
    c1, c2, s = draw_pairs(method, matcher.images, preset, rule, m, rng)
    z = draw_noise(method, m, rng)
    both = generate(method, z, c1), generate(method, z, c2)
    found = [matcher.nearest(x.cpu().numpy()) for x in both]
    arrays = {
        f"{rule}/s": s.cpu().numpy(),
        f"{rule}/index": np.stack([side.index for side in found], axis=1),
        f"{rule}/relative": np.stack([side.relative for side in found], axis=1),
    }
    if method.regularised and method.settings["pair_rule"] == rule:
        arrays["accuracy"] = np.array(pair_accuracy(method, *both, s))
    return arrays


@torch.no_grad()
def generate(method: GAN, z: Tensor, c: Tensor) -> Tensor:
    """G(z, c), a batch at a time: (n, C, H, W)."""
    return torch.cat([method.generate(*part) for part in zip(z.split(BATCH), c.split(BATCH), strict=True)])


@torch.no_grad()
def distilled(method: GAN, c: Tensor, generated: Tensor) -> float:
    """How far c (n, k) means in G's images (n, C, H, W) what it means to the frozen β-VAE it was drawn from.

    The correlation of c_k with the encoder's mean of G(z, c) there, its mean over the codes with more than DEAD_NATS in
    these images; 1 at best, NaN if there is none. Eq. (5) asks the learned Q alone to find c again, and D never sees
    which image c came from: G may show any code as anything, if only c has its distribution (ledger row 14).
    """
    mean, logvar = (torch.cat(part) for part in zip(*map(method.posterior, generated.split(BATCH)), strict=True))
    live = gaussian_kl(mean, logvar) > DEAD_NATS
    both = torch.stack([c[:, live], mean[:, live]]).double()
    both = both - both.mean(1, keepdim=True)
    covariance, variances = both.prod(0).mean(0), both.square().mean(1)
    return float((covariance / variances.prod(0).sqrt()).mean())


@torch.no_grad()
def pair_accuracy(method: GAN, first: Tensor, second: Tensor, s: Tensor) -> float:
    """How well the pair network (E or H) tells the classes of these pairs of images."""
    parts = zip(first.split(BATCH), second.split(BATCH), strict=True)
    r = torch.cat([method.networks["pair"](*part) for part in parts])
    return float(method.pair_loss(r, s)[1]["pair_accuracy"])


@torch.no_grad()
def draw_codes(method: GAN, images: Images, preset: str, n: int, rng: torch.Generator) -> Tensor:
    """c (n, k) as in training: of the prior, or a sample of the frozen posterior of n images of the pool."""
    return _drawn_twice(method, images, preset, n, rng)[0]


@torch.no_grad()
def _drawn_twice(method: GAN, images: Images, preset: str, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two draws (n, k): independent ones of the prior, or of the same n posteriors."""
    if method.settings["code"] == "prior":
        shape, prior = (n, method.settings["c_dim"]), method.settings["prior"]
        return draw_prior(shape, prior, rng), draw_prior(shape, prior, rng)
    pool = pool_indices(images, preset, method.settings["pool"])
    drawn = torch.randint(2**31, (1,), generator=rng, device=rng.device)
    chosen = numpy_stream(int(drawn), "generated").choice(pool, n)
    x = [images.batch(chosen[i : i + BATCH], method.settings["image_size"]) for i in range(0, n, BATCH)]
    posteriors = [method.posterior(to_tensor(part, str(method.device))) for part in x]
    mean, logvar = (torch.cat(part) for part in zip(*posteriors, strict=True))
    return sample_posterior(mean, logvar, rng), sample_posterior(mean, logvar, rng)


@torch.no_grad()
def draw_pairs(
    method: GAN, images: Images, preset: str, rule: str, m: int, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """m pairs of codes (m, k) with independent bases and their classes s (m,), by either rule from any generator.

    New values under a β-VAE come as in the run's own training (`vae_redraw`), from other images where it has no rule.
    """
    base, again = _drawn_twice(method, images, preset, m, rng)
    redraw = method.settings.get("vae_redraw", "aggregate")
    if method.settings["code"] == "vae" and redraw == "aggregate":
        again = another_of_batch(base, m, rng)
    elif method.settings["code"] == "vae" and redraw == "prior":
        again = draw_prior((m, method.settings["c_dim"]), method.settings["prior"], rng)
    s = balanced_classes(m, method.dims, rng)
    return base, recombine(base, again, s, rule), s


def draw_noise(method: GAN, n: int, rng: torch.Generator) -> Tensor:
    """z (n, z_dim) of the prior."""
    return draw_prior((n, method.settings["z_dim"]), method.settings["prior"], rng)


# ------------------------------------------------------------------------------------------------------------- scoring
def score_generator(run: Run, folder: Path, images: Images, sizes: dict[str, Any]) -> list[Path]:
    """Write `generator_scores.csv` and `pair_labels.csv` of one run from its `match.npz` and `log.csv`.

    sizes: `generated` and `evaluation` of the configuration in one.
    """
    arrays = read_arrays(folder / "match.npz", "run `idgan-sc match`")
    k = arrays["codes"].shape[1]
    about = about_run(run)
    valid = arrays["relative"] <= sizes["abstain"]
    classes, values = generated_factors(images, arrays["index"])
    rows = score_rows(CODE, *score_factors(images, arrays["codes"][valid], classes[valid], values[valid], sizes))
    rows += score_rows(Q, *score_factors(images, arrays["q"], *true_factors(images, arrays["q_index"]), sizes))
    rows += [
        {"metric": name, "protocol": "matcher", "value": value, "reason": ""}
        for name, value in fidelity(images, classes, arrays["relative"], valid).items()
    ]
    if DISTILLED in arrays:
        rows.append(distilled_row(float(arrays[DISTILLED])))
    table = pd.DataFrame([about | {"code": CODE, "k": k} | row for row in rows])
    labels = pd.DataFrame([about | {"k": k, "code": None} | row for row in _label_rows(folder, images, arrays, sizes)])
    labels["code"] = labels["code"].astype("Int64")
    return [write_table(folder / "generator_scores.csv", table), write_table(folder / "pair_labels.csv", labels)]


def score_factors(
    images: Images, codes: Array, classes: Array, values: Array, sizes: dict[str, Any]
) -> tuple[dict[str, float], dict[str, str]]:
    """The five scores of codes (n, k) against the factors (n, K) of the images made from them; why others are absent.

    MIG, SAP and DCI look at all n points. The groups of FactorVAE and β-VAE share one generated factor's value, as the
    metrics' groups do; they are drawn among the images all of whose values occur `least` times, since a group with few
    different members has little variance in every code.

    Deviates: the reference draws groups from the whole grid, where factors are uniform and independent; generated
    factors are as G makes them, so that factors that G confounds are confounded in the groups too.
    """
    depths = [IBGAN_DEPTHS.get(name, DEPTH) for name in images.factor_names]
    discrete = [k for k, name in enumerate(images.factor_names) if name in images.discrete]
    scores: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for metrics, draw in ((OF_GROUPS, _draw_groups), (OF_POINTS, _draw_points)):
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
    """Which n images of the pool, or all of a smaller one, Q and the floor are scored on beside n generated ones.

    FactorVAE, β-VAE and DCI are lower on few images than on the whole pool, so that a generator is compared with these.
    """
    indices = pool_indices(images, preset, pool)
    return indices[numpy_stream(0, f"few/{images.name}").permutation(len(indices))[:n]]


def true_factors(images: Images, index: Array) -> tuple[Array, Array]:
    """Classes and values, (n, K), of true images as generated ones have them."""
    if images.name == MATCHED:
        return generated_factors(images, index)
    assert images.classes is not None
    return images.classes[index], images.values(index)


def score_rows(code: str, scores: dict[str, float], reasons: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of `generator_scores.csv`: the five scores of a code, absent ones empty and with the reason."""
    return [
        {"code": code, "metric": m, "protocol": PROTOCOL, "value": scores.get(m), "reason": reasons.get(m, "")}
        for m in METRICS
    ]


def distilled_row(value: float) -> dict[str, Any]:
    """The row of `generator_scores.csv` with what `distilled` found."""
    reason = f"no code of the β-VAE has more than {DEAD_NATS} nat in the generated images" if np.isnan(value) else ""
    return {"metric": DISTILLED, "protocol": "encoder", "value": value, "reason": reason}


def _draw_points(images: Images, classes: Array, sizes: dict[str, Any]) -> Draw:
    """All images as points, no groups."""
    _check_that_factors_vary(images, classes)
    every, none = np.arange(len(classes)), np.zeros(0, np.int64)
    return Draw(none[None], none, every, every)


def _draw_groups(images: Images, classes: Array, sizes: dict[str, Any]) -> Draw:
    """Groups among the images whose values are not rare; all images for the codes' global SD."""
    common = _common(classes, sizes["least"])
    if len(common) < 2 * sizes["least"]:
        raise ValueError(
            f"pool too small: fewer than {2 * sizes['least']} images have factor values that all occur "
            f"{sizes['least']} times"
        )
    _check_that_factors_vary(images, classes[common], f" among those whose values all occur {sizes['least']} times")
    wanted = {"groups": sizes["groups"], "group_size": sizes["group_size"]}
    pool = draw_infogan_cr(classes[common], **wanted, std=len(common), points=1, rng=numpy_stream(0, "draw/generated"))
    return Draw(common[pool.groups], pool.group_labels, np.arange(len(classes)), np.arange(len(classes)))


def _check_that_factors_vary(images: Images, classes: Array, where: str = "") -> None:
    for name, column in zip(images.factor_names, classes.T, strict=True):
        if len(np.unique(column)) == 1:
            raise ValueError(f"all images{where} have the same {name}")


def _common(classes: Array, least: int) -> Array:
    """Indices of the largest set of rows in which every value of every column occurs `least` times."""
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
    cells, expected = (len(np.unique(rows, axis=0)) for rows in (classes[valid], generated_factors(images, true)[0]))
    found = {
        "distance": float(np.median(relative)),
        "abstained": float(1 - valid.mean()),
        "cells": float(cells),
        "coverage": cells / expected,
    }
    whole = entropy(generated_factors(images, np.arange(images.n))[0])
    own = entropy(classes[valid]) if valid.any() else np.zeros(len(whole))
    return found | {f"spread_{name}": float(own[i] / whole[i]) for i, name in enumerate(images.factor_names)}


# -------------------------------------------------------------------------------------------------------- pair labels
def label_shares(differs: Array) -> dict[str, float]:
    """Of pairs (m, K) whose changed factors are known: what share of them a label could be right about."""
    count = differs.sum(1)
    return {
        "changed": float(count.mean()),
        "none_changes": float((count == 0).mean()),
        "one_changes": float((count == 1).mean()),
        "one_stays": float((count == differs.shape[1] - 1).mean()),
    }


def _label_rows(folder: Path, images: Images, arrays: dict[str, Array], sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows (step, rule, measure, value): how many generated factors change in a pair, and the pair network's accuracy.

    accuracy: on new pairs, at the end; accuracy_log: along the training, on the pairs it learns from. Measures that
    start with `code_` are of the change-one pairs in which code `code` (from 1) alone is drawn anew: what leakage is
    elsewhere, where images can be matched.
    """
    n = len(arrays["index"]) // 2 * 2
    unrelated = {f"{UNRELATED}/{key}": arrays[key][:n].reshape(-1, 2) for key in ("index", "relative")}
    arrays = arrays | unrelated
    settings = provenance.read_record(folder)["settings"]
    own, end = settings["pair_rule"], settings["steps"]
    found = [
        (end, rule, name, value)
        for rule in (*RULES, UNRELATED)
        for name, value in _labels_of(images, arrays[f"{rule}/index"], arrays[f"{rule}/relative"], sizes).items()
    ]
    if "accuracy" in arrays:
        found.append((end, own, "accuracy", float(arrays["accuracy"])))
        log = pd.read_csv(folder / "log.csv").dropna(subset=["pair_accuracy"])
        steps = zip(log["step"], log["pair_accuracy"], strict=True)
        found += [(int(step), own, "accuracy_log", value) for step, value in steps]
    rows = [dict(zip(("step", "rule", "measure", "value"), row, strict=True)) for row in found]
    redrawn = arrays["change_one/s"]
    for code in range(arrays["codes"].shape[1]):
        index, relative = (arrays[f"change_one/{name}"][redrawn == code] for name in ("index", "relative"))
        rows += [
            {"step": end, "rule": "change_one", "measure": OF_CODE + name, "value": value, "code": code + 1}
            for name, value in _labels_of(images, index, relative, sizes).items()
        ]
    return rows


def _labels_of(images: Images, index: Array, relative: Array, sizes: dict[str, Any]) -> dict[str, float]:
    valid = (relative <= sizes["abstain"]).all(1)
    found = {"pairs": float(len(index)), "matched": float(valid.sum())}
    if not valid.any():
        return found
    differs = changed(images, index[valid, 0], index[valid, 1], sizes["tolerance"])
    shares = {f"changes_{name}": float(differs[:, i].mean()) for i, name in enumerate(images.factor_names)}
    return found | label_shares(differs) | shares


# ----------------------------------------------------------------------------------------------------------- gathering
def gather_generators(config: Config, preset: str, root: Path, allow_missing: bool = False) -> list[Path]:
    """Write `generator_scores.csv` of all measured generators of a preset and `pair_labels.csv` of the matched ones.

    With `allow_missing`, of those that are measured, and no `pair_labels.csv` of none; the others are named on stderr.

    Raises
    ------
    DataError
        If a generator is not measured, or none is.
    """
    matched = provenance.generators(config, preset)
    runs = {
        "generator_scores.csv": [*matched, *provenance.read_generators(config, preset)],
        "pair_labels.csv": matched,
    }
    written = []
    for name, measured in runs.items():
        if allow_missing:
            measured = provenance.without_missing(config, measured, root, [name], provenance.measured)
        tables = [_read(provenance.measured(config, run, name, root)) for run in measured]
        if tables:
            written.append(write_table(root / name, pd.concat(tables)))
    if not written:
        raise DataError(f"no generator below {root} is measured: nothing to gather")
    return written


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is missing or damaged ({error}): run `idgan-sc match` or `read-generator` for it"
        ) from error
