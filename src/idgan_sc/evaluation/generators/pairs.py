"""Pairs of generated images: how they are drawn, matched and labelled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators.drawing import Array, _drawn_twice, draw_noise, generate
from idgan_sc.evaluation.generators.matching import AnyMatcher, changed
from idgan_sc.evaluation.generators.names import OF_CODE, RULES, UNRELATED
from idgan_sc.models import GAN, IBGAN
from idgan_sc.models.codes import another_of_batch, balanced_classes, draw_prior, recombine
from idgan_sc.records.record import read_record
from idgan_sc.records.tables import read_table
from idgan_sc.training.encode import BATCH


def _match_pairs(
    method: GAN | IBGAN, matcher: AnyMatcher, preset: str, rule: str, m: int, rng: torch.Generator
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
    if isinstance(method, GAN) and method.regularised and method.settings["pair_rule"] == rule:
        arrays["accuracy"] = np.array(pair_accuracy(method, *both, s))
    return arrays


@torch.no_grad()
def pair_accuracy(method: GAN, first: Tensor, second: Tensor, s: Tensor) -> float:
    """Measure how well the pair network (E or H) tells these pairs' classes.

    The pairs are pairs of images.
    """
    parts = zip(first.split(BATCH), second.split(BATCH), strict=True)
    r = torch.cat([method.networks["pair"](*part) for part in parts])
    return float(method.pair_loss(r, s)[1]["pair_accuracy"])


@torch.no_grad()
def draw_pairs(
    method: GAN | IBGAN, images: Images, preset: str, rule: str, m: int, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw m pairs of codes (m, k) with independent bases, and their classes.

    The classes s are (m,). Either pair rule can be used for any generator.

    Under a β-VAE, new values are drawn as in the run's own training (`vae_redraw`). They come from other images
    where the training has no rule.
    """
    base, again = _drawn_twice(method, images, preset, m, rng)
    redraw = method.settings.get("vae_redraw", "aggregate")
    if method.settings["code"] == "vae" and redraw == "aggregate":
        again = another_of_batch(base, m, rng)
    elif method.settings["code"] == "vae" and redraw == "prior":
        again = draw_prior((m, method.settings["c_dim"]), method.settings["prior"], rng)
    dims = method.dims if isinstance(method, GAN) else torch.arange(base.shape[1], device=base.device)
    s = balanced_classes(m, dims, rng)
    return base, recombine(base, again, s, rule), s


def label_shares(differs: Array) -> dict[str, float]:
    """Return the share of pairs that a label could be right about.

    The argument tells which factors changed in each pair, (m, K).
    """
    count = differs.sum(1)
    return {
        "changed": float(count.mean()),
        "none_changes": float((count == 0).mean()),
        "one_changes": float((count == 1).mean()),
        "one_stays": float((count == differs.shape[1] - 1).mean()),
    }


def _label_rows(folder: Path, images: Images, arrays: dict[str, Array], sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rows on how many factors a pair changes, and the pair network's accuracy.

    The factors are those of generated images. A row is (step, rule, measure, value).

    accuracy is measured on new pairs, at the end. accuracy_log is measured along the training, on the pairs it
    learns from. Measures that start with `code_` use the change-one pairs in which code `code` (from 1) alone is
    drawn anew. Where images can be matched, they tell what leakage tells elsewhere.
    """
    n = len(arrays["index"]) // 2 * 2
    arrays |= {f"{UNRELATED}/{key}": arrays[key][:n].reshape(-1, 2) for key in ("index", "relative")}
    settings = read_record(folder)["settings"]
    own, end = settings.get("pair_rule", "none"), settings["steps"]
    rows: list[dict[str, Any]] = []

    def add(step: int, rule: str, values: Mapping[str, float], **code: int) -> None:
        rows.extend({"step": step, "rule": rule, "measure": name, "value": v} | code for name, v in values.items())

    for rule in (*RULES, UNRELATED):
        add(end, rule, _labels_of(images, arrays[f"{rule}/index"], arrays[f"{rule}/relative"], sizes))
    if "accuracy" in arrays:
        add(end, own, {"accuracy": float(arrays["accuracy"])})
        log = read_table(folder / "log.csv", ["step", "pair_accuracy"], "train the run again")
        for step, accuracy in zip(log["step"], log["pair_accuracy"], strict=True):
            if not np.isnan(accuracy):
                add(int(step), own, {"accuracy_log": accuracy})
    for code in range(arrays["codes"].shape[1]):
        mine = arrays["change_one/s"] == code
        labels = _labels_of(images, arrays["change_one/index"][mine], arrays["change_one/relative"][mine], sizes)
        add(end, "change_one", {OF_CODE + name: value for name, value in labels.items()}, code=code + 1)
    return rows


def _labels_of(images: Images, index: Array, relative: Array, sizes: dict[str, Any]) -> dict[str, float]:
    valid = (relative <= sizes["abstain"]).all(1)
    found = {"pairs": float(len(index)), "matched": float(valid.sum())}
    if not valid.any():
        return found
    differs = changed(images, index[valid, 0], index[valid, 1], sizes["tolerance"])
    shares = {f"changes_{name}": float(differs[:, i].mean()) for i, name in enumerate(images.factor_names)}
    return found | label_shares(differs) | shares
