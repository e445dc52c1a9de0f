"""One run's codes -> its scores: `scores.csv` (a row a code and metric), `curve.csv` (along the training) and
`association.csv` (what every dimension tells of every factor).
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc.config import Run
from idgan_sc.data.images import Images
from idgan_sc.files import DataError, read_arrays
from idgan_sc.metrics import Draw, draw_infogan_cr, score_codes
from idgan_sc.metrics.information import association
from idgan_sc.models.seeds import numpy_stream
from idgan_sc.records.record import check_hash, note_hashes, note_measuring
from idgan_sc.records.results import Job
from idgan_sc.records.tables import write_table
from idgan_sc.training.encode import open_images_of

PROTOCOL = "infogan_cr"
IBGAN_DEPTHS = {"shape": 4, "scale": 2, "orientation": 4, "x": 2, "y": 2}  # the InfoGAN-CR code's, for dSprites
DEPTH = 4  # of the forest for a factor that the InfoGAN-CR code does not know
COLUMNS = ["dataset", "system", "variant", "seed", "code", "k"]


def draw(images: Images, indices: np.ndarray, preset: str, sizes: dict[str, Any], number: int) -> Draw:
    """Evaluation draw `number` of a preset: the same for every run, so that scores are paired over runs."""
    if images.classes is None:
        raise DataError(f"data set {images.name} has no factors: nothing can be scored")
    rng = numpy_stream(number, f"draw/{images.name}/{preset}")
    wanted = {key: sizes[key] for key in ("groups", "group_size", "std", "points")}
    try:
        return draw_infogan_cr(images.classes[indices], **wanted, rng=rng)
    except ValueError as error:
        raise DataError(f"evaluation at preset {preset}: {error}: raise `pool`") from error


def score(job: Job) -> list[Path]:
    """Write `scores.csv`, `curve.csv` and `association.csv` of one run from its `codes.npz` and `curve.npz`.

    Scores take draw 0; the curve has the FactorVAE score of `draws` draws at every point. An association is the mutual
    information of a dimension (from 1) and a factor over the factor's entropy, on the whole pool.
    """
    run, folder, images = job.run, job.folder, open_images_of(job)
    sizes = job.results.evaluation(run.dataset)
    codes, indices, curve = _read_codes(folder, images)
    draws = [draw(images, indices, run.preset, sizes, number) for number in range(sizes["draws"])]
    scores = partial(scores_of, images, indices, run.preset)
    assert images.classes is not None
    classes = images.classes[indices]
    rows = [
        row_of(run, name, array, metric=metric, protocol=PROTOCOL, value=value)
        for name, array in codes.items()
        for metric, value in scores(array, draws[0], sizes["metrics"]).items()
    ]
    name = next(iter(codes))
    points = [
        row_of(run, name, array, step=int(step), draw=number, metric=metric, protocol=PROTOCOL, value=value)
        for step, array in zip(curve["steps"], curve["codes"], strict=True)
        for number, chosen in enumerate(draws)
        for metric, value in scores(array, chosen, ["factor_vae"]).items()
    ]
    shares = [
        row_of(run, name, array, dimension=j + 1, factor=images.factor_names[i], value=round(float(share), 6))
        for name, array in codes.items()
        for (j, i), share in np.ndenumerate(association(array, classes))
    ]
    tables = {"scores.csv": rows, "curve.csv": points, "association.csv": shares}
    written = [write_table(folder / file, pd.DataFrame(content)) for file, content in tables.items()]
    note_hashes(folder, [path.name for path in written])
    note_measuring(job.results.config, run, folder, "evaluation")
    return written


def _read_codes(folder: Path, images: Images) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """Codes by name, the pool's indices, and the curve of a run; refused unless they fit each other and the images."""
    for name, mend in (("codes.npz", "delete it and encode again"), ("curve.npz", f"delete {folder} and train again")):
        if (folder / name).exists():
            check_hash(folder, name, mend)
    codes = read_arrays(folder / "codes.npz", "run `idgan-sc encode`")
    curve = read_arrays(folder / "curve.npz", "run `idgan-sc train`")
    indices = codes.pop("indices", np.empty(0))
    n = len(indices) if indices.ndim == 1 and indices.dtype.kind in "iu" else -1
    right = n > 0 and indices.min() >= 0 and indices.max() < images.n
    if not right or not codes or not all(_are_codes(array, n, 2) for array in codes.values()):
        raise DataError(
            f"{folder / 'codes.npz'} is damaged (it holds no codes of these images): delete and encode again"
        )
    if (
        curve.keys() != {"steps", "codes"}
        or not _are_codes(curve["codes"], n, 3)
        or len(curve["steps"]) != len(curve["codes"])
    ):
        raise DataError(f"{folder / 'curve.npz'} is damaged (it holds no codes along the training): train again")
    return codes, indices, curve


def _are_codes(array: np.ndarray, n: int, dimensions: int) -> bool:
    """(..., n, k) finite numbers."""
    fits = array.ndim == dimensions and array.dtype.kind == "f" and array.shape[-2] == n and array.shape[-1] > 0
    return fits and bool(np.isfinite(array).all())


def scores_of(
    images: Images, indices: np.ndarray, preset: str, codes: np.ndarray, chosen: Draw, metrics: list[str]
) -> dict[str, float]:
    """Scores of codes (N, k) of the images `indices`, by metric; one stream for the forests of all codes."""
    assert images.classes is not None
    return score_codes(
        codes,
        images.classes[indices],
        images.values(indices),
        chosen,
        rng=numpy_stream(0, f"forest/{images.name}/{preset}"),
        metrics=metrics,
        depths=[IBGAN_DEPTHS.get(name, DEPTH) for name in images.factor_names],
        discrete=[k for k, name in enumerate(images.factor_names) if name in images.discrete],
    )


def row_of(run: Run, code: str, array: np.ndarray, **values: Any) -> dict[str, Any]:
    """A row of a table of scores: whose codes (N, k) they are, then `values`."""
    about = [run.dataset, run.system, run.variant, run.seed, code, array.shape[1]]
    return dict(zip(COLUMNS, about, strict=True)) | values
