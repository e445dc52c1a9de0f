"""A training that is not finished: its state kept where git can hold it, and its curve scored as far as it goes."""

import shutil
from functools import partial
from pathlib import Path

import pandas as pd

from idgan_sc.data.images import open_images
from idgan_sc.evaluation.score import PROTOCOL, row_of
from idgan_sc.evaluation.scorer import scorer
from idgan_sc.files import DataError, copy_atomic, write_atomic
from idgan_sc.records.results import Job
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import open_images_of, pool_indices

CHECKPOINT, CURVE = "checkpoint.safetensors", ".curve"


def _refuse_other(job: Job, folder: Path) -> None:
    """Refuse a training, unfinished or finished, of other settings than today's."""
    if (folder / "record.json").exists():
        open_images_of(job)
    elif (folder / CHECKPOINT).exists():
        fingerprint = checkpoint.read(folder / CHECKPOINT)[1].get("fingerprint")
        if not job.results.valid(job.run, {"fingerprint": fingerprint}):
            raise DataError(f"{folder} is a training of other settings or source than today's: put those back")


def keep_state(job: Job) -> Path:
    """Copy a training's checkpoint and the curve so far to `<root>/state/<run>`, in place of what was there.

    It may be running meanwhile: a checkpoint is written after the curve points that it needs.

    Raises
    ------
    DataError
        If there is no checkpoint.
    """
    return _copy(job.folder, state_folder(job))


def restore_state(job: Job) -> Path:
    """Copy a kept state back to the run's folder, so that `train` goes on from it.

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
    copy_to = target / CURVE
    shutil.rmtree(copy_to, ignore_errors=True)
    for path in points:
        copy_atomic(path, copy_to / path.name)
    return copy_atomic(source / CHECKPOINT, target / CHECKPOINT)


def score_unfinished(job: Job, folder: Path) -> Path:
    """Write `curve_so_far.csv` of a training: FactorVAE scores by draw, associations with factors.

    Columns as in `curve.csv`; rows of metric `association` name dimension (from 1) and factor instead of a draw.

    Raises
    ------
    DataError
        If the training has no point yet, or is of other settings or source than today's, or other images.
    """
    run, settings = job.run, job.settings
    images = open_images(job.results.images(run.dataset))
    points = sorted((folder / CURVE).glob("*.safetensors"), key=lambda path: int(path.stem))
    if not points:
        raise DataError(f"{folder} has no point of a curve yet: train it further")
    _refuse_other(job, folder)
    indices = pool_indices(images, run.preset, settings["pool"])
    by = scorer(job, images, indices)
    rows = []
    for path in points:
        codes = checkpoint.read(path)[0]["codes"].numpy()
        if len(codes) != len(indices):
            raise DataError(f"{path} holds codes of {len(codes)} images, the pool has {len(indices)}: train it again")
        row = partial(row_of, run, "q_mean" if settings["family"] == "gan" else "vae_mean", codes, step=int(path.stem))
        for number in range(len(by.draws)):
            for metric, value in by.scores(codes, number, ["factor_vae"]).items():
                rows.append(row(metric=metric, protocol=PROTOCOL, draw=number, value=value))
        factors, shares = by.shares(codes)
        rows += [
            row(metric="association", dimension=j + 1, factor=factor, value=round(float(shares[j, i]), 6))
            for j in range(codes.shape[1])
            for i, factor in enumerate(factors)
        ]
    table = pd.DataFrame(rows).convert_dtypes()
    return write_atomic(folder / "curve_so_far.csv", lambda temporary: table.to_csv(temporary, index=False))
