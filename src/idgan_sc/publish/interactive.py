"""Prepare the trained generators for the page.

The page needs their layers, half-precision weights, and the values where their codes start.
"""

import base64
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor, nn

from idgan_sc import config as configuration
from idgan_sc.config import Run, dataset_row, related_generators, shown_generators
from idgan_sc.evaluation.gather import read_leakage
from idgan_sc.evaluation.generators.names import OF_CODE
from idgan_sc.evaluation.generators.traverse import anchor_noise
from idgan_sc.evaluation.model import REACH, Model, load
from idgan_sc.files import DataError
from idgan_sc.models import networks, networks_celeba, networks_released
from idgan_sc.models.codes import DEAD_NATS
from idgan_sc.models.convolutions import WholeDeconv2d
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded, table_or_empty
from idgan_sc.report import read
from idgan_sc.report.figures import canvas
from idgan_sc.report.words import data_words, label

MOST = 5_500_000  # characters of weights in one page, which is then smaller than 8 MB
WIDE = REACH + 1  # standard deviations of a Gaussian code that its slider covers to either side
CHANGES = f"{OF_CODE}changes_"
Entry = dict[str, Any]


def interactive_generators(results: Results, of_paper: bool = True) -> tuple[list[Entry], list[str]]:
    """Collect the generators of the paper's systems, or of all others.

    The second result has a sentence for each generator that cannot be shown.
    """
    papers = {system for systems in results.config["runs"].values() for system in systems}
    shown = (run for make in (shown_generators, related_generators) for run in make(results.config, results.preset))
    runs = [run for run in dict.fromkeys(shown) if (run.system in papers) == of_paper]
    found, left_out, spent = [], [], 0
    for run in runs:
        folder = results.find(run, "traversal.npz").parent
        name = f"{label(run.system)} on {data_words(results, run.dataset)}"
        if not (folder / "traversal.npz").exists():
            left_out.append(f"{name} has not been traversed yet.")
        elif not any((folder / weights).exists() for weights in (WEIGHTS, "weights.safetensors")):
            left_out.append(f"{name}: its weights are not at hand.")
        else:
            entry = _entry(results, run, folder)
            spent += len(entry["weights"])
            if spent > MOST:
                spent -= len(entry["weights"])
                left_out.append(f"{name}: with its {len(entry['weights']) / 1e6:.1f} MB the page would be too large.")
            else:
                found.append(entry)
    return found, left_out


def _entry(results: Results, run: Run, folder: Path) -> Entry:
    arrays = read_recorded(folder / "traversal.npz", f"run `idgan-sc traverse` for {run}")
    model = load(folder)
    anchors = arrays["anchors"]
    noise = anchor_noise(model)[: len(anchors)]
    networks_here = model.method.networks
    layers, tensors = network(networks_here.get("average", networks_here["generator"]))
    matrices = [*_association(arrays), *_leakage(results, run), *_redrawn(results, run)]
    dead = dead_codes(results, run)
    row = dataset_row(run.dataset)
    return {
        "id": f"{run.dataset}-{run.system}",
        "dataset": run.dataset,
        "title": row.title,
        "data": data_words(results, run.dataset),
        "system": run.system,
        "pictured": run.system in configuration.PICTURE_SYSTEMS,
        "label": label(run.system),
        "seed": run.seed,
        "size": model.settings["image_size"],
        "channels": layers[-2][2],
        "layers": layers,
        "weights": pack(tensors),
        "anchors": anchors.astype(float).tolist(),
        "noise": noise.astype(float).tolist(),
        "reach": _reach(model, model.settings.get("code") == "prior", anchors),
        "noise_reach": _reach(model, True, noise),
        "dead": dead,
        "strongest": _strongest_factors(matrices, anchors.shape[1]),
        "matrices": matrices,
        "match": row.reading == "match",
        "still": webp(sheet(arrays["images"][0]), lossless=False),
    }


# ------------------------------------------------------------------------------------------------- layers and weights
def network(generator: nn.Module) -> tuple[list[list[Any]], list[Tensor]]:
    """Convert a generator to layers `[kind, ...numbers]` and their tensors.

    The order is the one that generator.js reads.
    """
    layers, tensors = [], []
    body = generator.decoder if isinstance(generator, networks_released.Generator) else generator
    side = body.deconv[0].in_channels  # type: ignore[index, union-attr]
    features = next(m for m in reversed(body.fc) if isinstance(m, nn.Linear)).out_features  # type: ignore[arg-type]
    height = int((features / side) ** 0.5)
    for module in (*body.fc, None, *body.deconv):  # type: ignore[misc]
        if module is None:
            layers.append(["image", side, height, height])
            continue
        if isinstance(module, WholeDeconv2d):  # of one position: a linear layer, whose outputs are an image
            height = module.kernel_size[0]
            layers.append(["linear", module.in_channels, module.out_channels * height**2])
            layers.append(["image", module.out_channels, height, height])
            assert module.bias is not None
            tensors += [module.weight.detach().flatten(1).T, module.bias.detach().repeat_interleave(height**2)]
            continue
        layers.append(_layer(module, height))
        tensors += _tensors(module)
        if isinstance(module, nn.ConvTranspose2d):
            extra = module.output_padding[0]
            height = (height - 1) * module.stride[0] - 2 * int(module.padding[0]) + module.kernel_size[0] + extra
    return [*layers, ["squash", _gain(generator)]], tensors


def _layer(module: nn.Module, side: int) -> list[Any]:
    if isinstance(module, nn.Linear):
        return ["linear", module.in_features, module.out_features]
    if isinstance(module, nn.ConvTranspose2d):
        geometry = (module.kernel_size[0], module.stride[0], int(module.padding[0]), module.output_padding[0])
        return ["deconvolve", module.in_channels, module.out_channels, *geometry, side]
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return ["normalise", module.num_features, module.eps]
    if isinstance(module, nn.LeakyReLU):
        return ["leaky", module.negative_slope]
    if isinstance(module, nn.ReLU):
        return ["leaky", 0]
    raise DataError(f"the page cannot run a layer {type(module).__name__}: add it to generator.js and interactive.py")


def _tensors(module: nn.Module) -> list[Tensor]:
    names = ("weight", "bias", "running_mean", "running_var")
    return [getattr(module, name).detach() for name in names if getattr(module, name, None) is not None]


def _gain(generator: nn.Module) -> int:
    """Return what the last sigmoid multiplies.

    In CelebA's networks and ID-GAN's, (tanh(x) + 1) / 2 is sigmoid(2x).
    """
    gains = {networks.Generator: 1, networks_celeba.Generator: 2, networks_released.Generator: 2}
    if type(generator) not in gains:
        raise DataError(f"the page does not know how {type(generator)} ends: add it to `_gain` in interactive.py")
    return gains[type(generator)]


def pack(tensors: list[Tensor]) -> str:
    """Half-precision weights, all low bytes before all high ones, deflated, as base64.

    Raises
    ------
    DataError
        If a weight is too large for half precision.
    """
    flat = np.concatenate([tensor.cpu().numpy().ravel() for tensor in tensors])
    with np.errstate(over="ignore"):
        half = flat.astype("<f2")
    if not np.isfinite(half).all():
        raise DataError("a generator's weights are too large for half precision: it cannot be shown on the page")
    planes = half.view(np.uint8).reshape(-1, 2).T.tobytes()
    return base64.b64encode(zlib.compress(planes, 9)).decode()


def _reach(model: Model, of_prior: bool, starts: np.ndarray) -> float:
    """Compute how far a slider goes to either side.

    A uniform prior gives its range. Otherwise it is 3 SD, or more if a start lies farther out.

    The codes of a distilled system have the aggregate posterior of its β-VAE. The KL draws that posterior to
    N(0, 1).
    """
    uniform = of_prior and model.settings["prior"] == "uniform"
    return 1.0 if uniform else float(max(WIDE, np.ceil(2 * np.abs(starts).max()) / 2))


def dead_codes(results: Results, run: Run) -> list[int]:
    """List the codes of a distilled system that its β-VAE ignores.

    Codes are numbered from 0. An ignored code has less than `DEAD_NATS` of KL at the end of the β-VAE.
    """
    vae = results.before(run).get("vae")
    log = table_or_empty(results.find(vae, "log.csv")) if vae else pd.DataFrame()
    if log.empty:
        return []
    last = log.filter(regex=r"^kl_\d+$").iloc[-1]
    return [int(str(name)[3:]) - 1 for name, nats in last.items() if nats < DEAD_NATS]


# ------------------------------------------------------------------------------------------------ codes and factors
def _association(arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Tabulate how much every code tells of every factor.

    The list is empty if no factors are known. It is also empty if the only one is a digit's class, which is not in
    the paper.
    """
    names = [str(name) for name in arrays.get("factor_names", [])]
    if names in ([], ["digit"]):
        return []
    return [
        {
            "title": "Association of every code with every factor",
            "about": "Association: mutual information on real images, in percent of the factor's entropy.",
            "factors": [factor_words(name) for name in names],
            "rows": [[round(float(share), 4) for share in row] for row in arrays["association"]],
            "percent": True,
            "own": [],
            "beside": None,
        }
    ]


def _leakage(results: Results, run: Run) -> list[dict[str, Any]]:
    """Tabulate how much every code moves every factor.

    The list is empty if this was not measured. `own` holds the (code, factor) shown.
    """
    if not results.find(run, "leakage.csv").exists():
        return []
    table = read_leakage(results, run)
    change, outside = table[table.measure == "change"], table[table.measure == "outside"]
    factors = list(dict.fromkeys(change["factor"]))
    rows = change.pivot(index="code", columns="factor", values="value")[factors]
    entropy = table[table.measure == "row_entropy"].set_index("code")["value"]
    shares = ", ".join(f"{factor_words(r['factor'])} {r['value']:.0%}" for _, r in outside.iterrows())
    return [
        {
            "title": "Leakage: how much every code moves every factor",
            "about": "SD of the factor over a sweep, in SD of real images; framed: the code that stands for it. "
            f"Evenness: entropy of the row, 0 if one factor moves alone, 1 if all move alike. Outside it: {shares}.",
            "factors": [factor_words(factor) for factor in factors],
            "rows": rows.round(3).to_numpy().tolist(),
            "percent": False,
            "own": [[int(r["code"]) - 1, factors.index(r["factor"])] for _, r in outside.iterrows()],
            "beside": [round(float(entropy[code]), 3) if code in entropy else None for code in rows.index],
        }
    ]


def _redrawn(results: Results, run: Run) -> list[dict[str, Any]]:
    """Tabulate what changes when one code is drawn anew.

    The change is that of the nearest true image. A code without a matched pair has None.
    """
    path = results.find_or_make(run, "pair_labels.csv")
    if not path.exists():
        return []
    labels = read.read_generator_table(path)
    table = labels[labels.measure.str.startswith(CHANGES)]
    if table.empty:
        return []
    matched, pairs = (int(labels.loc[labels.measure == OF_CODE + name, "value"].sum()) for name in ("matched", "pairs"))
    rows = table.pivot(index="code", columns="measure", values="value")[list(dict.fromkeys(table.measure))]
    rows = rows.reindex(labels["code"].dropna().sort_values().unique())
    return [
        {
            "title": "Leakage: what changes when one code alone is drawn anew",
            "about": "Share of such pairs of generated images whose nearest true images differ in the factor. "
            f"Of {matched} of {pairs} pairs; in the others an image is like no true one.",
            "factors": [factor_words(name.removeprefix(CHANGES)) for name in rows.columns],
            "rows": [[None if np.isnan(share) else round(share, 3) for share in row] for row in rows.to_numpy()],
            "percent": True,
            "own": [],
            "beside": None,
        }
    ]


def factor_words(factor: str) -> str:
    """A factor as the paper calls it."""
    return canvas.WORDS.get(factor, factor)


def _strongest_factors(matrices: list[dict[str, Any]], k: int) -> list[str]:
    """Name the strongest factor beside each slider.

    It is the factor that the code tells most of, or moves most.
    """
    if not matrices:
        return ["no factor known"] * k
    best = [(int(np.argmax(row)), max(row)) for row in matrices[0]["rows"]]
    size = "{:.0%}" if matrices[0]["percent"] else "{:.2f} SD"
    return [f"{matrices[0]['factors'][i]}, {size.format(value)}" for i, value in best]


def sheet(images: np.ndarray) -> np.ndarray:
    """Arrange images (k, S, C, H, W) in one picture.

    The picture is (k H, S W) or (k H, S W, 3). A row is a code, a column a value.
    """
    k, s, channels, height, width = images.shape
    laid = images.transpose(0, 3, 1, 4, 2).reshape(k * height, s * width, channels)
    return laid[..., 0] if channels == 1 else laid


def webp(picture: np.ndarray | Image.Image, lossless: bool = True) -> str:
    """Encode a picture as base64 of a WebP.

    Lossless keeps the exact pixels in half of a PNG's bytes. Lossy keeps nearly the same pixels in a tenth.
    """
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, format="WEBP", lossless=lossless, quality=80, method=4)
    return base64.b64encode(stream.getvalue()).decode()
