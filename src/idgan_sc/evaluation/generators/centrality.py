"""Compare the seeds of a system by ModelCentrality (Lin et al. 2020, Sec. 4).

A score needs two networks at once, and only one seed's are published. So the scores are kept, a table an arm, and
published: a later machine adds the pairs whose networks it has.
"""

import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from idgan_sc.config import Run, related, scored
from idgan_sc.data.images import Images, open_images
from idgan_sc.evaluation.generators.drawing import Array, draw_codes, draw_noise, generate
from idgan_sc.evaluation.model import load
from idgan_sc.metrics import factor_vae
from idgan_sc.models import Method
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_table, write_table
from idgan_sc.seeds import torch_stream

FOLDER = "centrality"  # below a preset's results: <data set>/<system>/<variant>.csv
ARM, PAIR = ["dataset", "system", "variant"], ["encoder", "generator"]
COLUMNS = [*ARM, *PAIR, "value", "encoder_weights", "generator_weights"]
AT_ONCE = 2500  # images that lie in memory together
Arm = tuple[Run, ...]


def arms(results: Results) -> list[Arm]:
    """List the seeds of each system and variant that tables show.

    They are on data sets whose codes are scored.
    """
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in dict.fromkeys([*results.planned, *related(results.config, results.preset)]):
        if scored(results.config, run.dataset):
            grouped.setdefault((run.dataset, run.system, run.variant), []).append(run)
    return [tuple(runs) for runs in grouped.values()]


def centrality(results: Results) -> list[Path]:
    """Score the pairs of seeds whose networks are at hand.

    Pairs that are scored already are left out. The arms' tables are written.
    """
    return [write_table(path, table) for arm in arms(results) for path, table in _scored_arm(results, arm)]


def known_pairs(results: Results, arm: Arm) -> pd.DataFrame:
    """Read the scores of an arm that are here or published.

    They are of the networks that its records name.
    """
    places = (results.root / place / FOLDER / _file(arm) for place in ("", "published"))
    tables = [read_table(path, COLUMNS, "run `idgan-sc selection`") for path in places if path.exists()]
    table = pd.concat(tables).drop_duplicates(PAIR) if tables else pd.DataFrame(columns=COLUMNS)
    weights = {run.seed: _weights(results, run) for run in arm}
    for side in PAIR:
        table = table[table[side].map(weights) == table[f"{side}_weights"]]
    return table


def _file(arm: Arm) -> str:
    return f"{arm[0].dataset}/{arm[0].system}/{arm[0].variant}.csv"


def _weights(results: Results, run: Run) -> str:
    """Return the first digits of the hash of a run's weights.

    The result is empty if there is no such finished run.
    """
    folder = results.find(run, "record.json").parent
    return read_record(folder)["outputs"]["weights.safetensors"][:12] if (folder / "record.json").exists() else ""


def _scored_arm(results: Results, arm: Arm) -> Iterator[tuple[Path, pd.DataFrame]]:
    """Where an arm's table lies and what it holds, if there are pairs to add."""
    known = known_pairs(results, arm)
    there = set(known[PAIR].itertuples(index=False, name=None))
    folders = {run: results.find(run, "record.json").parent for run in arm}
    at_hand = [run for run in arm if any((folders[run] / name).exists() for name in (WEIGHTS, "weights.safetensors"))]
    lacking = [pair for pair in permutations(at_hand, 2) if (pair[0].seed, pair[1].seed) not in there]
    if not lacking or not (results.images(arm[0].dataset) / "dataset.json").exists():
        return
    print(f"{_file(arm)}: {len(lacking)} pairs of seeds", file=sys.stderr)
    images = open_images(results.images(arm[0].dataset))
    methods = {run: load(folders[run]).method for run in {run for pair in lacking for run in pair}}
    rows: list[dict[str, Any]] = []
    for generator in dict.fromkeys(generator for _, generator in lacking):
        encoders = [encoder for encoder, other in lacking if other == generator]
        values = agreement([methods[run] for run in encoders], methods[generator], images, generator, results)
        for encoder, value in zip(encoders, values, strict=True):
            row: list[Any] = [encoder.dataset, encoder.system, encoder.variant, encoder.seed, generator.seed, value]
            row += [_weights(results, encoder), _weights(results, generator)]
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    table = pd.concat([known, pd.DataFrame(rows)])[COLUMNS].sort_values(PAIR)
    yield results.root / FOLDER / _file(arm), table


def agreement(encoders: list[Method], generator: Method, images: Images, of: Run, results: Results) -> list[float]:
    """Score each encoder's codes of one generator's images by FactorVAE.

    The codes that are held take the place of factors.

    Group g holds code g mod k at the value of its first draw; all other codes and the noise are drawn anew. The data
    set's images are those whose posteriors a distilled generator's codes come from. As the released code does it.
    """
    sizes = results.config["selection"]
    groups, length, k = sizes["groups"], sizes["group_size"], generator.settings["c_dim"]
    rng = torch_stream(of.seed, f"centrality/{of.dataset}")
    labels = torch.arange(groups) % k
    held = draw_codes(generator, images, of.preset, groups * length, rng).view(groups, length, k)
    each = torch.arange(groups)
    held[each, :, labels] = held[each, :1, labels]
    free = draw_codes(generator, images, of.preset, sizes["std"], rng)
    of_groups, of_free = (_encoded(encoders, generator, c, rng) for c in (held.view(-1, k), free))
    return [
        factor_vae.infogan_cr_score(std_codes, codes.reshape(groups, length, -1), labels.numpy())
        for std_codes, codes in zip(of_free, of_groups, strict=True)
    ]


@torch.no_grad()
def _encoded(encoders: list[Method], generator: Method, c: torch.Tensor, rng: torch.Generator) -> list[Array]:
    """Encode a generator's images of codes c (n, k) by every encoder.

    Each result is (n, D).
    """
    parts: list[list[Any]] = [[] for _ in encoders]
    for some in c.split(AT_ONCE):
        made = generate(generator, draw_noise(generator, len(some), rng), some)
        for part, encoder in zip(parts, encoders, strict=True):
            part.append(encoder.encode(made).numpy())
    return [np.concatenate(part) for part in parts]
