"""Measure what a traversal changes besides its own factor (Sec. 3.3).

Figures 5 to 8 leave this to the eye. Here it is numbers.

Every code is swept from many anchors, with all else fixed. How much a factor moves is its SD over a sweep.
The mean over anchors is divided by the factor's SD over real images. The result is a matrix, code by factor.

A network reads the factors off the images (`factor_reader`). It learned them from labelled images. On real
MNIST, morphometrics read the factors. A discrete factor's SD is that of its indicator vectors: the root of
the summed variances. The SD of an image's pixels is taken in the same way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment

from idgan_sc.config import Run, dataset_row
from idgan_sc.data.images import Images
from idgan_sc.evaluation.gather import run_columns
from idgan_sc.evaluation.generators.factor_reader import Probe, trained_probe
from idgan_sc.evaluation.generators.morphometrics import morphometrics
from idgan_sc.evaluation.generators.traverse import associate, draw_anchors
from idgan_sc.evaluation.model import Model, load, to_bytes
from idgan_sc.files import DataError, write_arrays
from idgan_sc.models import Method
from idgan_sc.records.record import note_hashes
from idgan_sc.records.results import Job
from idgan_sc.records.tables import write_table
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.pool import open_images_of, pool_indices

Array = npt.NDArray[np.float64]
Readings = dict[str, Array]  # by factor, the last axis the reading's own: 1, classes or pixels

DIGITS = (4, 6, 7, 8)  # of Figures 5 and 6
CANDIDATES = 1024  # images among which the clearest of each digit is looked for
REAL = 2000  # real images behind a factor's SD
PIXELS = "pixels"  # all that changes; on real MNIST it stands for style, of which there is no measure


@dataclass(frozen=True)
class Leakage:
    """Hold `change` (k, F) of `factors` and what is derived from it.

    `own` is each shown factor's code, from 0.
    """

    factors: tuple[str, ...]
    change: Array
    association: Array  # (k, R): by which `own` was chosen
    own: dict[str, int]

    def outside(self) -> dict[str, float]:
        """Return the share of each code's change that lies outside its own factor.

        The shares are given by shown factor. A share is absent where nothing changes.
        """
        rows = {name: self.change[code] for name, code in self.own.items() if name in self.factors}
        return {
            name: float(1 - row[self.factors.index(name)] / row.sum()) for name, row in rows.items() if row.sum() > 0
        }


# ----------------------------------------------------------------------------------------------- from changes to scores
def change_matrix(swept: Readings, real: Readings) -> Array:
    """Return how much each factor changes along each code, (k, F).

    A cell is the mean over anchors of the SD over a sweep. It is divided by the SD `real`. Each swept reading is
    (A, k, S, ...), and each real one is one number.
    """
    return np.stack([spread(swept[name], axis=2).mean(0) / real[name] for name in swept], axis=1)


def spread(readings: Array, axis: int = 0) -> Array:
    """Return the SD along `axis` of readings.

    The last axis holds the parts of one reading. The SD is the root of the summed variances.
    """
    return np.asarray(np.sqrt(readings.var(axis=axis).sum(-1)))


def entropies(change: Array, axis: int) -> Array:
    """Return the entropy of each row's shares (axis 1) or each column's (axis 0).

    It is 0 for one entry alone and 1 for equal entries. It is NaN where nothing changes.

    >>> entropies(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), axis=1)
    array([ 0.,  1., nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = change / change.sum(axis, keepdims=True)
        terms = np.where(p > 0, -p * np.log(p), 0 * p)
    return np.asarray(terms.sum(axis) / np.log(change.shape[axis]))


def own_codes(association: Array, factors: tuple[str, ...]) -> dict[str, int]:
    """Choose a code for each factor so that their summed association is largest.

    The associations are (k, R). No code is chosen twice.

    Raises
    ------
    DataError
        If there are fewer codes than factors.
    """
    if len(association) < len(factors):
        raise DataError(f"{len(association)} codes cannot stand for {len(factors)} factors")
    codes, order = linear_sum_assignment(association, maximize=True)
    return {factors[i]: int(code) for code, i in sorted(zip(codes, order, strict=True), key=lambda pair: pair[1])}


# -------------------------------------------------------------------------------------------------------------- reading
def factor_readings(name: str, probe: Probe, images: np.ndarray) -> Readings:
    """Read the factors of uint8 images (N, C, H, W) of data set `name`.

    A reading is (N, 1), or indicators (N, classes).
    """
    kinds = {factor.name: factor.classes for factor in probe.factors}
    found = {
        factor: np.eye(kinds[factor])[y.argmax(1)] if kinds[factor] else y for factor, y in probe.read(images).items()
    }
    if dataset_row(name).reading != "morphometrics":
        return found
    measured = {factor: y[:, None] for factor, y in morphometrics(images[:, 0]).items()}
    return measured | found | {PIXELS: images.reshape(len(images), -1) / 255}


def real_spread(images: Images, preset: str, size: int, pool: int | str, probe: Probe) -> Readings:
    """Return the SD of each factor as it is read off real images.

    On MNIST it is the SD within the digit, except for the digit itself.
    """
    indices = pool_indices(images, preset, pool)
    chosen = np.sort(numpy_stream(0, "leakage/real").permutation(indices)[:REAL])
    readings = factor_readings(images.name, probe, (255 * images.batch(chosen, size)).round().astype(np.uint8))
    if dataset_row(images.name).reading != "morphometrics":
        return {name: spread(y) for name, y in readings.items()}
    assert images.classes is not None
    digit = images.classes[chosen, 0]
    return {name: spread(y if name == "digit" else _less_class_mean(y, digit)) for name, y in readings.items()}


def _less_class_mean(y: Array, classes: np.ndarray) -> Array:
    means = np.stack([y[classes == c].mean(0) if (classes == c).any() else 0 * y[0] for c in range(classes.max() + 1)])
    return np.asarray(y - means[classes])


# ------------------------------------------------------------------------------------------------------------- one run
def leakage(job: Job) -> list[Path]:
    """Write `leakage.csv` and `panels.npz` of a finished run, whose `codes.npz` must be there.

    leakage.csv, tidy: `change` a code and factor; `row_entropy` a code, `column_entropy` a factor; `association` a code
    and shown factor; `outside` a shown factor and its code; `class_change` a code, the share of images whose digit is
    not the anchor's; `held_out` a factor that the probe reads.
    panels.npz: images (P, R, S, C, H, W) of P anchors along the codes of R factors; anchors (P,) their digit, -1 for
    none, certainty (P,) of it; rows, codes (R,); values (S,).
    """
    run, folder, images = job.run, job.folder, open_images_of(job)
    use_device(job.results.config)
    probe, anchors = trained_probe(job.results, run.dataset), job.results.evaluation(run.dataset)["anchors"]
    model = load(folder)
    rng = torch_stream(0, "leakage")
    c = draw_anchors(model.method, images, run.preset, anchors, rng)
    z = model.noise(len(c), rng)
    k, steps = model.settings["c_dim"], len(model.sweep())
    swept = np.stack([to_bytes(model.traverse(c, j, noise=z)) for j in range(k)], axis=1)  # (A, k, S, C, H, W)
    readings = factor_readings(images.name, probe, swept.reshape(-1, *swept.shape[3:]))
    readings = {name: y.reshape(len(c), k, steps, -1) for name, y in readings.items()}
    real = real_spread(images, run.preset, model.settings["image_size"], model.settings["pool"], probe)
    found = _leakage(job, model.method, images, readings, real)
    rows = _rows(found) + [("held_out", None, f.name, f.held_out) for f in probe.factors]
    if "digit" in readings:
        of_anchor = factor_readings(images.name, probe, to_bytes(model.generate(c, z)))["digit"].argmax(1)
        differs = readings["digit"].argmax(3) != of_anchor[:, None, None]  # (A, k, S)
        rows += [("class_change", j + 1, "digit", share) for j, share in enumerate(differs.mean((0, 2)))]
    frame = pd.DataFrame(rows, columns=["measure", "code", "factor", "value"]).astype({"code": "Int64"}).round(6)
    key_columns = pd.DataFrame({**run_columns(run), "anchors": anchors}, index=frame.index)
    written = [
        write_table(folder / "leakage.csv", pd.concat([key_columns, frame], axis=1)),
        write_arrays(folder / "panels.npz", **_panels(run, model, images, probe, found)),
    ]
    note_hashes(folder, [path.name for path in written], of=["weights.safetensors", "codes.npz"])
    return written


def _leakage(job: Job, method: Method, images: Images, readings: Readings, real: Readings) -> Leakage:
    """Measure how codes change factors, and match codes with factors.

    Known factors are matched with codes by mutual information. Others are matched by how much the code moves
    them.
    """
    change = change_matrix(readings, real)
    names = list(readings)
    data = dataset_row(images.name)
    shown = data.shown or tuple(names)
    if data.reading in ("morphometrics", "stand-in"):
        association = change[:, [names.index(PIXELS if row not in names else row) for row in shown]]
    else:
        known = associate(job, method, images)
        association = known["association"][:, [list(known["factor_names"]).index(row) for row in shown]]
    factors = tuple(name for name in names if name != PIXELS)
    return Leakage(factors, change[:, [names.index(f) for f in factors]], association, own_codes(association, shown))


def _rows(found: Leakage) -> list[tuple[str, int | None, str | None, float]]:
    """The rows of leakage.csv: measure, code from 1, factor, value."""
    k = range(len(found.change))
    cells = [("change", j + 1, f, found.change[j, i]) for j in k for i, f in enumerate(found.factors)]
    tied = [("association", j + 1, f, found.association[j, i]) for j in k for i, f in enumerate(found.own)]
    by_row = [("row_entropy", j + 1, None, h) for j, h in enumerate(entropies(found.change, 1))]
    by_column = [("column_entropy", None, f, h) for f, h in zip(found.factors, entropies(found.change, 0), strict=True)]
    outside = [("outside", found.own[f] + 1, f, share) for f, share in found.outside().items()]
    rows: list[Any] = [*cells, *tied, *by_row, *by_column, *outside]
    return [row for row in rows if np.isfinite(row[3])]


def _panels(run: Run, model: Model, images: Images, probe: Probe, found: Leakage) -> dict[str, np.ndarray]:
    """Draw what Figures 5 to 8 show.

    They show each factor's code, from the first anchor or from the clearest anchor of each of `DIGITS`.
    """
    rng = torch_stream(0, "panels")
    n = min(CANDIDATES, len(pool_indices(images, run.preset, model.settings["pool"])))
    c = draw_anchors(model.method, images, run.preset, n, rng)
    z = model.noise(n, rng)
    digits, at, certainty = [-1], np.zeros(1, np.int64), np.ones(1)
    if any(factor.name == "digit" for factor in probe.factors) and dataset_row(images.name).from_digits:
        sure = probe.read(to_bytes(model.generate(c, z)))["digit"][:, list(DIGITS)]  # (n, 4)
        digits, at, certainty = list(DIGITS), sure.argmax(0), sure.max(0)
    codes = list(found.own.values())
    drawn = np.stack([to_bytes(model.traverse(c[at], j, noise=z[at])) for j in codes], axis=1)
    return {
        "images": drawn, "anchors": np.array(digits), "certainty": certainty, "rows": np.array(list(found.own)),
        "codes": np.array(codes), "values": model.sweep(),
    }  # fmt: skip
