"""Score one run's codes.

`scores.csv` has a row for each code and metric. `curve.csv` has scores along the training. `association.csv`
has what every dimension tells of every factor.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import Run
from idgan_sc.data.images import Images
from idgan_sc.evaluation.scorer import scorer
from idgan_sc.files import DataError, read_arrays
from idgan_sc.records.record import note_evaluation, note_hashes, verify_hash
from idgan_sc.records.results import Job
from idgan_sc.records.tables import write_table
from idgan_sc.training.pool import open_images_of

PROTOCOL = "infogan_cr"
COLUMNS = ["dataset", "system", "variant", "seed", "code", "k"]
TABLES = {
    "scores.csv": ["metric", "protocol", "value"],
    "curve.csv": ["step", "draw", "metric", "protocol", "value"],
    "association.csv": ["dimension", "factor", "value"],
}


def score(job: Job) -> list[Path]:
    """Write `scores.csv`, `curve.csv` and `association.csv` of one run from its `codes.npz` and `curve.npz`.

    Scores take draw 0; the curve has the FactorVAE score of `draws` draws at every point. An association is the mutual
    information of a dimension (from 1) and a factor over the factor's entropy, on the whole pool.
    """
    run, folder, images = job.run, job.folder, open_images_of(job)
    codes, indices = read_codes(folder, images)
    curve = _read_curve(folder, len(indices))
    by = scorer(job, images, indices)
    metrics = job.results.evaluation(run.dataset)["metrics"]
    rows = [
        row_of(run, name, array, metric=metric, protocol=PROTOCOL, value=value)
        for name, array in codes.items()
        for metric, value in by.scores(array, 0, metrics).items()
    ]
    name = next(iter(codes))
    points = [
        row_of(run, name, array, step=int(step), draw=number, metric=metric, protocol=PROTOCOL, value=value)
        for step, array in zip(curve["steps"], curve["codes"], strict=True)
        for number in range(len(by.draws))
        for metric, value in by.scores(array, number, ["factor_vae"]).items()
    ]
    shares = [
        row_of(run, name, array, dimension=j + 1, factor=factors[i], value=round(float(share), 6))
        for name, array in codes.items()
        for factors, matrix in [by.shares(array)]
        for (j, i), share in np.ndenumerate(matrix)
    ]
    tables = {"scores.csv": rows, "curve.csv": points, "association.csv": shares}
    written = [_write(folder / file, content, TABLES[file]) for file, content in tables.items()]
    note_hashes(folder, ["scores.csv", "association.csv"], of=["codes.npz"], others=factors_hash(images))
    note_hashes(folder, ["curve.csv"], of=["curve.npz"], others=factors_hash(images))
    note_evaluation(job.results.config, run, folder, "evaluation")
    return written


def read_codes(folder: Path, images: Images) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A run's codes by name, and the indices of the images whose codes they are.

    Raises
    ------
    DataError
        If they are missing, damaged, of other weights than the run's, or no codes of these images.
    """
    if (folder / "codes.npz").exists():
        verify_hash(folder, "codes.npz", "delete it and encode again")
    codes = read_arrays(folder / "codes.npz", "run `idgan-sc encode`")
    indices = codes.pop("indices", np.empty(0))
    n = len(indices) if indices.ndim == 1 and indices.dtype.kind in "iu" else -1
    right = n > 0 and indices.min() >= 0 and indices.max() < images.n
    if not right or not codes or not all(_are_codes(array, n, 2) for array in codes.values()):
        raise DataError(
            f"{folder / 'codes.npz'} is damaged (it holds no codes of these images): delete and encode again"
        )
    return codes, indices


def _read_curve(folder: Path, n: int) -> dict[str, np.ndarray]:
    """The codes of n images along a training."""
    if (folder / "curve.npz").exists():
        verify_hash(folder, "curve.npz", f"delete {folder} and train again")
    curve = read_arrays(folder / "curve.npz", "run `idgan-sc train`")
    if (
        curve.keys() != {"steps", "codes"}
        or not _are_codes(curve["codes"], n, 3)
        or len(curve["steps"]) != len(curve["codes"])
    ):
        raise DataError(f"{folder / 'curve.npz'} is damaged (it holds no codes along the training): train again")
    return curve


def factors_hash(images: Images) -> dict[str, str]:
    """Return the hash of the factors that codes are scored against.

    It covers classes, names, values and which factors are categories.
    """
    key_columns = [images.factor_names, images.factor_values, images.discrete, images.sha256.get("factors.npy")]
    return {"factors": hashlib.sha256(json.dumps(key_columns).encode()).hexdigest()}


def _are_codes(array: np.ndarray, n: int, dimensions: int) -> bool:
    """(..., n, k) finite numbers."""
    fits = array.ndim == dimensions and array.dtype.kind == "f" and array.shape[-2] == n and array.shape[-1] > 0
    return fits and bool(np.isfinite(array).all())


def row_of(run: Run, code: str, array: np.ndarray, **values: Any) -> dict[str, Any]:
    """A row of a table of scores: whose codes (N, k) they are, then `values`."""
    key_columns = [run.dataset, run.system, run.variant, run.seed, code, array.shape[1]]
    return dict(zip(COLUMNS, key_columns, strict=True)) | values


def _write(path: Path, rows: list[dict[str, Any]], columns: list[str]) -> Path:
    """A table with its columns, though it may have no row."""
    table = pd.DataFrame(rows, columns=[*COLUMNS, *columns])
    return write_table(path, table)
