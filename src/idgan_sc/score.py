"""One run's codes -> its scores: `scores.csv` (a row a code and metric), `curve.csv` (along the training) and
`association.csv` (what every dimension tells of every factor).
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from idgan_sc import provenance
from idgan_sc.config import Config, Run, scored
from idgan_sc.data.images import Images
from idgan_sc.files import DataError, read_arrays, write_atomic
from idgan_sc.metrics import Draw, draw_infogan_cr, score_codes
from idgan_sc.metrics.information import association
from idgan_sc.seeds import numpy_stream

PROTOCOL = "infogan_cr"
IBGAN_DEPTHS = {"shape": 4, "scale": 2, "orientation": 4, "x": 2, "y": 2}  # the InfoGAN-CR code's, for dSprites
DEPTH = 4  # of the forest for a factor that the InfoGAN-CR code does not know
COLUMNS = ["dataset", "system", "variant", "seed", "code", "k"]
TOGETHER = {"scores.csv": "scores.csv", "curve.csv": "curves.csv", "association.csv": "associations.csv"}  # of all runs


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


def score(run: Run, folder: Path, images: Images, sizes: dict[str, Any]) -> list[Path]:
    """Write `scores.csv`, `curve.csv` and `association.csv` of one run from its `codes.npz` and `curve.npz`.

    Scores take draw 0; the curve has the FactorVAE score of `draws` draws at every point. An association is the mutual
    information of a dimension (from 1) and a factor over the factor's entropy, on the whole pool.
    """
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
    written = [_write(folder / file, pd.DataFrame(content)) for file, content in tables.items()]
    provenance.note_hashes(folder, [path.name for path in written])
    return written


def _read_codes(folder: Path, images: Images) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """Codes by name, the pool's indices, and the curve of a run; refused unless they fit each other and the images."""
    for name, mend in (("codes.npz", "delete it and encode again"), ("curve.npz", f"delete {folder} and train again")):
        if (folder / name).exists():
            provenance.check_hash(folder, name, mend)
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


def gather(config: Config, preset: str, root: Path, allow_missing: bool = False) -> list[Path]:
    """Write `scores.csv`, `curves.csv` and `associations.csv` of all runs that the tables of a preset are made of.

    With `allow_missing`, of those that are scored; the others are named on stderr, and the tables say `missing`.

    Raises
    ------
    DataError
        If a run is not scored, or damaged, or the runs were trained by source of different hashes, none accepted.
    """
    runs = [run for run in provenance.planned(config, preset) if scored(config, run.dataset)]
    if allow_missing:
        runs = provenance.without_missing(config, runs, root, provenance.GATHERED)
    if not runs:
        raise DataError(f"no run below {root} is scored: nothing to gather")
    for dataset in sorted({run.dataset for run in runs}):
        _refuse_mixed_sources(config, [run for run in runs if run.dataset == dataset], root)
    _refuse_other_predecessors(config, runs, root)
    written = []
    for one, together in TOGETHER.items():
        table = pd.concat([_read_table(provenance.artifact(config, run, one, root)) for run in runs])
        written.append(_write(root / together, table))
    return written


def _refuse_mixed_sources(config: Config, runs: list[Run], root: Path) -> None:
    """Refuse a run that was trained by source that does not count: what is compared is made in one way."""
    for run in runs:
        folder = provenance.artifact(config, run, "record.json", root).parent
        if not provenance.valid(config, run, provenance.read_record(folder), root):
            raise DataError(
                f"{folder} was trained by other settings or source than today's: train it again, or list a source "
                f"whose difference changes no number in {root / 'accepted.yaml'}"
            )


def _refuse_other_predecessors(config: Config, runs: list[Run], root: Path) -> None:
    """Runs of one seed are compared pair by pair: what they build on must be one training, not two of equal settings.

    Another kind of machine makes other bytes of the same seed, and a GAN amplifies them to another model.
    """
    first: dict[str, tuple[str, Run]] = {}  # path of a predecessor -> hash of its weights, and who says so
    for run in runs:
        record = provenance.read_record(provenance.artifact(config, run, "record.json", root).parent)
        own = {str(run.path): record["outputs"].get("weights.safetensors")}
        for path, weights in (own | {row["path"]: row.get("weights") for row in record["before"].values()}).items():
            known, by = first.setdefault(path, (weights, run)) if weights else (weights, run)
            if known != weights:
                raise DataError(
                    f"{run} builds on another training of {path} than {by}, so that they cannot be compared: "
                    f"train all of seed {run.seed} again on one machine"
                )


def _read_table(path: Path) -> pd.DataFrame:
    provenance.check_hash(path.parent, path.name, "delete it and run `idgan-sc score` for it")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{path} is missing or damaged ({said}): run `idgan-sc score` for it") from error


def row_of(run: Run, code: str, array: np.ndarray, **values: Any) -> dict[str, Any]:
    """A row of a table of scores: whose codes (N, k) they are, then `values`."""
    about = [run.dataset, run.system, run.variant, run.seed, code, array.shape[1]]
    return dict(zip(COLUMNS, about, strict=True)) | values


def _write(path: Path, table: pd.DataFrame) -> Path:
    return write_atomic(path, lambda temporary: table.to_csv(temporary, index=False))
