"""Look at a training along the way.

Its state is kept where git can hold it. Its curve is scored as far as it goes.
"""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from idgan_sc.data.images import open_images
from idgan_sc.evaluation.score import PROTOCOL, row_of
from idgan_sc.evaluation.scorer import Drawn, scorer
from idgan_sc.files import DataError, copy_atomic
from idgan_sc.metrics import Draw
from idgan_sc.metrics.rotation import best_rotation
from idgan_sc.records.results import Job
from idgan_sc.records.tables import read_recorded, write_table
from idgan_sc.seeds import numpy_stream
from idgan_sc.training import checkpoint
from idgan_sc.training.pool import open_images_of, pool_indices

CHECKPOINT, CURVE = "checkpoint.safetensors", ".curve"
SOUGHT = 2  # at most: draws that a rotation of the codes is sought on


def _refuse_other(job: Job, folder: Path) -> None:
    """Refuse a training, unfinished or finished, of other settings than today's."""
    if (folder / "record.json").exists():
        open_images_of(job)
    elif (folder / CHECKPOINT).exists():
        fingerprint = checkpoint.read(folder / CHECKPOINT)[1].get("fingerprint")
        if fingerprint not in job.results.fingerprints(job.run):
            raise DataError(f"{folder} is a training of other settings or source than today's: put those back")


def keep_state(job: Job) -> Path:
    """Copy a training's checkpoint and the curve so far to `<root>/state/<run>`.

    They replace what was there. The training may run meanwhile: a checkpoint is written after the curve points
    that it needs.

    Raises
    ------
    DataError
        If there is no checkpoint.
    """
    return _copy(job.folder, state_folder(job))


def restore_state(job: Job) -> Path:
    """Copy a kept state back to the run's folder.

    Then `train` goes on from it.

    Raises
    ------
    DataError
        If there is none, or the run's folder holds a training that has gone as far or is finished.
    """
    source, target = state_folder(job), job.folder
    if (target / "record.json").exists():
        raise DataError(f"{target} holds a finished run: there is nothing to restore")
    if (target / CHECKPOINT).exists() and _step(target) >= _step(source):
        raise DataError(f"{target} has gone as far (step {_step(target)}): `idgan-sc train` goes on from it")
    return _copy(source, target)


def state_folder(job: Job) -> Path:
    """Where the state of an unfinished training is kept, for git."""
    return job.results.root / "state" / job.run.path.relative_to("runs")


def _step(folder: Path) -> int:
    return int(checkpoint.read(folder / CHECKPOINT)[1]["step"])


def _copy(source: Path, target: Path) -> Path:
    step = _step(source)
    points = [path for path in sorted((source / CURVE).glob("*.safetensors")) if int(path.stem) <= step]
    shutil.rmtree(target / CURVE, ignore_errors=True)
    for path in points:
        copy_atomic(path, target / CURVE / path.name)
    return copy_atomic(source / CHECKPOINT, target / CHECKPOINT)


def score_curve(job: Job, folder: Path, turned: bool = False) -> Path:
    """Write `curve_so_far.csv` of a training, finished or not, from the codes that it kept.

    Columns as in `curve.csv`; a row names a draw, or a dimension (from 1), or a dimension and a factor. Metrics:
    `factor_vae`; `association` (dimension and factor); `sd` of a dimension; and, if `turned`, `factor_vae_turned`: the
    score after the best rotation of the codes, sought on the first draws (two, or half) and scored on the others.

    Raises
    ------
    DataError
        If the training has no point yet, or is of other settings or source than today's, or other images; or there is
        one draw and `turned`.
    """
    run, settings = job.run, job.settings
    images, points = open_images(job.results.images(run.dataset)), _points(folder)
    _refuse_other(job, folder)
    indices = pool_indices(images, run.preset, settings["pool"])
    by, rows = scorer(job, images, indices), []
    sought = min(SOUGHT, len(by.draws) // 2)
    if turned and not (sought and isinstance(by, Drawn)):
        raise DataError("--turned seeks a rotation on one evaluation draw and scores it on another: raise `draws` to 2")
    for step, codes in points:
        if len(codes) != len(indices):
            raise DataError(f"{folder} kept codes of {len(codes)} images, the pool has {len(indices)}: train it again")
        row = partial(row_of, run, "q_mean" if settings["family"] == "gan" else "vae_mean", codes, step=step)
        scored = {"factor_vae": (codes, 0)}  # and the first draw it is scored on
        if turned and isinstance(by, Drawn):
            scored["factor_vae_turned"] = (codes @ _rotation(codes, by.draws[:sought]), sought)
        rows += [
            row(metric=metric, protocol=PROTOCOL, draw=number, value=value)
            for metric, (array, first) in scored.items()
            for number in range(first, len(by.draws))
            for value in by.scores(array, number, ["factor_vae"]).values()
        ]
        rows += [row(metric="sd", dimension=j + 1, value=round(float(sd), 6)) for j, sd in enumerate(codes.std(axis=0))]
        factors, shares = by.shares(codes)
        rows += [
            row(metric="association", dimension=j + 1, factor=factors[i], value=round(float(share), 6))
            for (j, i), share in np.ndenumerate(shares)
        ]
    return write_table(folder / "curve_so_far.csv", pd.DataFrame(rows).convert_dtypes())


def _points(folder: Path) -> list[tuple[int, np.ndarray]]:
    """Return the steps and codes (N, k) that a training kept.

    They come from `curve.npz` of a finished training. An unfinished one gives what it has so far.
    """
    if (folder / "curve.npz").exists():
        curve = read_recorded(folder / "curve.npz", "train the run again")
        return [(int(step), codes) for step, codes in zip(curve["steps"], curve["codes"], strict=True)]
    paths = sorted((folder / CURVE).glob("*.safetensors"), key=lambda path: int(path.stem))
    if not paths:
        raise DataError(f"{folder} has no point of a curve yet: train it further")
    return [(int(path.stem), checkpoint.read(path)[0]["codes"].numpy()) for path in paths]


def _rotation(codes: np.ndarray, draws: list[Draw]) -> np.ndarray:
    groups = np.concatenate([codes[one.groups] for one in draws])
    labels = np.concatenate([one.group_labels for one in draws])
    return best_rotation(codes[draws[0].std], groups, labels, numpy_stream(0, "rotation"))
