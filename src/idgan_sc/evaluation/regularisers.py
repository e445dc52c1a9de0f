"""Measure what each pair regulariser prefers, without a GAN.

E (Eq. 6) or H (Eq. 2) is trained alone, on pairs from a perfect renderer.

The method is the project's own. Its generator is replaced by one that looks true images up. The codes c are
the true factors, seen through a rotation R: u = R c. Factor i is the class that Φ(u_i) falls into. c is N(0,
I), and so is R c. So every rotation makes exactly the same distribution of images. Only what one code changes
differs.
"""

import hashlib
import itertools
from dataclasses import asdict
from math import cos, prod, radians, sin
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import stats as sps
from torch import Tensor, nn

from idgan_sc.config import DATASET, Settings
from idgan_sc.data.images import Images
from idgan_sc.data.tensors import loader
from idgan_sc.evaluation.cells import COLUMNS, KEY, Cell, _trained_cells, ceilings_path, cells, read_rows, rows_path
from idgan_sc.files import DataError, claimed, locked
from idgan_sc.models import GAN, build, convolutions
from idgan_sc.models.objectives import nearest_mean_accuracy
from idgan_sc.records.record import fingerprint
from idgan_sc.records.results import Results
from idgan_sc.records.tables import write_table
from idgan_sc.seeds import numpy_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.prepare import ensure_images

STAGE = "regularisers"  # names the study's own random streams

Array = np.ndarray[Any, Any]


# ------------------------------------------------------------------------------------------------- the perfect renderer
class Renderer(nn.Module):
    """Generate images without an error by looking stored ones up.

    Noise z (m, 0 or 1) and codes c (m, k) give stored images (m, C, H, W).

    Raises DataError if the data set does not hold every combination of its factors in order.
    """

    def __init__(self, images: Images, size: int, turn: Settings, noise: str, device: str) -> None:
        super().__init__()
        sizes = images.factor_sizes
        if images.classes is None or images.n != np.prod(sizes) or (images.classes[-1] != np.array(sizes) - 1).any():
            raise DataError(f"{images.folder} does not hold every combination of factors: the study needs all images")
        names = list(images.factor_names)
        self.coded = [i for i, name in enumerate(names) if name != noise]
        self.noisy = [i for i, name in enumerate(names) if name == noise]
        matrix = rotation_matrix(turn, [names[i] for i in self.coded])
        self.rotation = torch.tensor(matrix, dtype=torch.float32, device=device)  # (k, k)
        self.sizes = torch.tensor(sizes, device=device)
        self.load, self.size = loader(images, device), size

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        indices = np.ravel_multi_index(tuple(self.classes(z, c).T.cpu().numpy()), tuple(self.sizes.tolist()))
        return self.load(indices, self.size)

    def classes(self, z: Tensor, c: Tensor) -> Tensor:
        """The class of every factor, (m, K) integers: equally likely ones under N(0, 1)."""
        u = torch.empty(len(c), len(self.sizes), device=c.device)
        u[:, self.coded] = c @ self.rotation.T
        u[:, self.noisy] = z
        return torch.minimum((torch.special.ndtr(u.double()) * self.sizes).long(), self.sizes - 1)


def rotation_matrix(turn: Settings, names: list[str]) -> Array:
    """Return the rotation R (k, k) from codes to factors.

    It rotates a `plane` by `degrees`, or is a `random` one by number. Without either there is no rotation.
    """
    if "random" in turn:
        rng = numpy_stream(turn["random"], f"{STAGE}/rotation")
        return np.asarray(sps.special_ortho_group.rvs(len(names), random_state=rng))
    matrix = np.eye(len(names))
    if "plane" in turn:
        i, j = (names.index(name) for name in turn["plane"])
        angle = radians(turn["degrees"])
        matrix[[i, i, j, j], [i, j, i, j]] = cos(angle), -sin(angle), sin(angle), cos(angle)
    return matrix


# ------------------------------------------------------------------------------------------------------------- one cell
def train_cell(settings: Settings, seed: int, images: Images, device: str) -> dict[str, float]:
    """Train E or H on one cell's pairs, then test it on fresh ones.

    It does not learn on the fresh pairs. `settings` are as of `settings_of`. Cells of one seed share first
    weights and codes.

    loss_last is the mean over the last steps, each on pairs that no step has seen. loss and accuracy are over the
    fresh pairs. accuracy_of_batch is what a training's log has, the mean over batches. identical is the share of
    fresh pairs with two equal images.
    """
    noisy = settings["noise"] in images.factor_names
    shape = {"c_dim": len(images.factor_names) - noisy, "z_dim": int(noisy)}
    method = build(settings | shape, images.shape[0], seed, STAGE, device)
    assert isinstance(method, GAN)
    renderer = Renderer(images, settings["image_size"], settings["rotation"], settings["noise"], device)
    method.networks["generator"] = renderer
    losses = [_step(method) for _ in range(settings["steps"])]
    return {"codes": shape["c_dim"], "loss_last": float(np.mean(losses[-settings["last"] :]))} | _fresh(
        method, settings["fresh"]
    )


def _draw(method: GAN) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The images of m pairs, (m, C, H, W) each, and their classes s (m,)."""
    batch = torch.empty(method.settings["batch"], device=method.device)  # independent pairs see nothing of it
    pairs = method.draw_pairs(batch, batch)
    return method.generate_pairs(pairs), pairs.s


def _step(method: GAN) -> float:
    """One step of the pair network alone; the loss before it."""
    convolutions.power_iteration(method.networks["pair"])
    return float(method.pair_network_step(*_draw(method))["loss_pair_own"].detach())


@torch.no_grad()
def _fresh(method: GAN, batches: int) -> dict[str, float]:
    r, s, found = [], [], []
    for _ in range(batches):
        images, classes = _draw(method)
        r.append(method.networks["pair"](*images))
        s.append(classes)
        loss, log = method.pair_loss(r[-1], classes)
        same = (images[0] == images[1]).flatten(1).all(1).float().mean()
        found.append([float(loss), float(log["pair_accuracy"]), float(same)])
    loss, of_batch, identical = np.mean(found, axis=0).tolist()
    k = method.settings["c_dim"]
    accuracy = float(nearest_mean_accuracy(torch.cat(r), torch.cat(s), k)) if method.contrastive else of_batch
    return {"loss": loss, "accuracy": accuracy, "accuracy_of_batch": of_batch, "identical": identical}


# ---------------------------------------------------------------------------------------------------------- all of them
def settings_of(results: Results, cell: Cell) -> Settings:
    """Return all settings behind a cell.

    They are those of the study's arm, with Gaussian codes, and the study's own.
    """
    study = results.config["regularisers"]
    arm = results.settings(results.run(DATASET, study["arm"]))
    own = {"pair_rule": cell.pair_rule, "pair_loss": cell.pair_loss, "prior": "gaussian", "noise": cell.noise}
    sizes = {key: study[key] for key in ("steps", "last", "fresh", "pairs")}
    return arm | own | sizes | {"rotation": study["rotations"][cell.rotation]}


def train_missing_cells(results: Results) -> Path:
    """Measure every cell of the study that `rows.csv` lacks; a row is written with each.

    Several processes share the work: each takes cells that no other one is at.

    Raises
    ------
    DataError
        If there are rows that were measured by other settings or source.
    """
    source, path = results.regularisers_source, rows_path(results)
    wanted = {cell: settings_of(results, cell) for cell in cells(results.config["regularisers"])}
    names = {cell: fingerprint(settings, cell.seed, [], source) for cell, settings in wanted.items()}
    if not _trained_cells(path) <= set(names.values()):
        raise DataError(f"{path} has rows of other settings or source than today's: delete it and run this again")
    missing = [cell for cell in wanted if names[cell] not in _trained_cells(path)]
    images, device = ensure_images(results, DATASET), use_device(results.config)
    for cell, wait in [(cell, wait) for wait in (False, True) for cell in missing]:
        with claimed(path.with_name(f".{names[cell]}"), wait) as mine:
            if mine and names[cell] not in _trained_cells(path):
                found = train_cell(wanted[cell], cell.seed, images, device)
                found = {name: round(value, 6) for name, value in found.items()}
                _add(path, asdict(cell) | found | {"fingerprint": names[cell], "source": source})
    return path


def _add(path: Path, row: dict[str, Any]) -> None:
    with locked(path.with_name(".lock")):
        before = [read_rows(path)] if path.exists() else []
        table = pd.concat([*before, pd.DataFrame([row], columns=COLUMNS)])
        write_table(path, table.sort_values(KEY))


# --------------------------------------------------------------------------------------------- what true factors allow
def write_ceilings(results: Results) -> Path:
    """Write `regularisers/ceilings.csv`: what E and H could reach at best.

    The codes are the true factors. The rows are (noise, pair_rule, accuracy, cross_entropy, identical).
    """
    study, images = results.config["regularisers"], ensure_images(results, DATASET)
    shares = dict(zip(images.factor_names, looks(images), strict=True))
    rows = [
        {"noise": noise, "pair_rule": rule} | ceiling([each for name, each in shares.items() if name != noise], rule)
        for noise, rule in itertools.product(study["noise"], study["pair_rules"])
    ]
    return write_table(ceilings_path(results), pd.DataFrame(rows).round(6))


def looks(images: Images) -> list[Array]:
    """Return the shares of each factor's values that can be told apart.

    Values that always look alike count as one.
    """
    grid = images.pixels.reshape(*images.factor_sizes, -1)
    found = []
    for axis, size in enumerate(images.factor_sizes):
        digests = [hashlib.sha256(np.take(grid, value, axis).tobytes()).digest() for value in range(size)]
        found.append(np.unique(digests, return_counts=True)[1] / size)
    return found


def ceiling(shares: list[Array], rule: str) -> dict[str, float]:
    """Return the best accuracy and least cross-entropy (nats) that pairs allow.

    They are for telling a pair's class s from its two images.

    shares holds, for every code, the shares of its distinguishable values. A pair shows in which codes it agrees,
    and how frequent the value is that it agrees on. identical is the share of pairs that agree in all codes. Two
    images that differ in a distinguishable value are taken to look different.
    """
    k, shown = len(shares), list(itertools.product(*(_shown(share, rule) for share in shares)))
    joint = np.array(
        [
            [prod(one.of_class if j == s else one.of_others for j, one in enumerate(row)) for s in range(k)]
            for row in shown
        ]
    )  # (what is shown, s)
    joint /= k
    return {
        "accuracy": float(joint.max(1).sum()),
        "cross_entropy": float(sps.entropy(joint.ravel()) - sps.entropy(joint.sum(1))),
        "identical": float(joint[[all(one.agrees for one in row) for row in shown]].sum()),
    }


class _Shown(NamedTuple):
    """Hold what a pair shows of one code, with its two probabilities.

    One holds if the code is the pair's class s. The other holds if it is not.
    """

    agrees: bool
    of_class: float
    of_others: float


def _shown(share: Array, rule: str) -> list[_Shown]:
    level, count = np.unique(share.round(12), return_counts=True)
    kept, redrawn = (count * level).tolist(), (count * level**2).tolist()  # agreement on a value of each frequency
    differs = 1 - sum(redrawn)
    if rule == "change_one":
        return [_Shown(True, *both) for both in zip(redrawn, kept, strict=True)] + [_Shown(False, differs, 0.0)]
    return [_Shown(True, *both) for both in zip(kept, redrawn, strict=True)] + [_Shown(False, 0.0, differs)]
