"""A finished run for use elsewhere: arrays in, arrays out; `idgan_sc.load` is the way in, for the figures as well."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from idgan_sc.config import dataset_row
from idgan_sc.data.tensors import to_tensor
from idgan_sc.files import DataError
from idgan_sc.models import Method, build
from idgan_sc.models.codes import draw_prior
from idgan_sc.models.seeds import torch_stream
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.record import read_record, root_of
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import BATCH, load_run

Array = np.ndarray
SWEEP = 10  # values of a traversal
REACH = 2.0  # standard deviations of a Gaussian code to either side (ledger row 34); a uniform code's whole range
TRAINING_ONLY = ("pair", "critic")  # networks that neither encode nor generate


class Model:
    """Encoder and generator of a finished run, in evaluation mode on the CPU.

    folder: `<results>/runs/<dataset>/<system>/<variant>/<seed>`, with a distilled run's β-VAE beside it, or the same
    below `<results>/published`, where `model.safetensors` stands alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        published = (folder / WEIGHTS).exists() and not (folder / "weights.safetensors").exists()
        self.method = _load_published(folder) if published else load_run(folder)
        self.settings: dict[str, Any] = self.method.settings

    def encode(self, images: Array) -> Array:
        """Codes (B, k) of images (B, C, H, W) in [0, 1]: the mean of Q, or of a VAE's posterior.

        Raises
        ------
        DataError
            If they are something else, such as bytes from 0 to 255.
        """
        x = np.asarray(images, np.float32)
        if x.ndim != 4 or not (x.size and x.min() >= 0 and x.max() <= 1):
            held = f"{x.min():g} to {x.max():g}" if x.size else "nothing"
            raise DataError(f"images must be (B, C, H, W) in [0, 1], got {x.shape} and {held}: divide bytes by 255")
        parts = to_tensor(x, "cpu").split(BATCH)
        with torch.no_grad():
            return torch.cat([self.method.encode(part) for part in parts]).numpy()

    def generate(self, codes: Array, noise: Array | None = None, seed: int = 0) -> Array:
        """Images (B, C, H, W) in [0, 1] of codes (B, k); noise (B, z_dim), drawn from `seed` where none is given.

        Raises
        ------
        DataError
            If their shapes are others.
        """
        z = self.noise(len(codes), torch_stream(seed, "noise")) if noise is None else noise
        widths = {"codes": self.settings["c_dim"], "noise": self.settings.get("z_dim", 1)}
        for (name, width), array in zip(widths.items(), (codes, z), strict=True):
            if np.shape(array) != (len(codes), width):
                raise DataError(f"{name} must be (B, {width}), a row for each image, got {np.shape(array)}")
        both = (torch.from_numpy(np.asarray(array, np.float32)).split(BATCH) for array in (z, codes))
        with torch.no_grad():
            return torch.cat([self.method.generate(*part) for part in zip(*both, strict=True)]).numpy()

    def traverse(
        self, codes: Array, dimension: int, values: Array | None = None, noise: Array | None = None, seed: int = 0
    ) -> Array:
        """Images (A, S, C, H, W) of codes (A, k) with `dimension` (from 0) set to each of `values`, all else fixed.

        One code (k,) gives (S, C, H, W). values: ten from −2 to 2 standard deviations (a uniform code's range: −1 to 1)
        where none are given; noise (A, z_dim) or (z_dim,), drawn from `seed` where none is given.
        """
        values = self.sweep() if values is None else np.asarray(values, np.float32)
        anchors = np.atleast_2d(np.asarray(codes, np.float32))
        z = self.noise(len(anchors), torch_stream(seed, "noise")) if noise is None else np.atleast_2d(noise)
        z = np.broadcast_to(z, (len(anchors), z.shape[1]))
        swept = np.repeat(anchors, len(values), axis=0)
        swept[:, dimension] = np.tile(values, len(anchors))
        images = self.generate(swept, np.repeat(z, len(values), axis=0))
        return images.reshape(*np.shape(codes)[:-1], len(values), *images.shape[1:])

    def sweep(self) -> Array:
        """The values (S,) of a traversal, as the figures have them."""
        uniform = self.settings.get("code") == "prior" and self.settings["prior"] == "uniform"
        reach = 1.0 if uniform else REACH
        return torch.linspace(-reach, reach, SWEEP).numpy()

    def noise(self, n: int, rng: torch.Generator) -> Array:
        """Noise (n, z_dim) as in training; a VAE has none and ignores it."""
        shape = n, self.settings.get("z_dim", 1)
        return draw_prior(shape, self.settings.get("prior", "gaussian"), rng).numpy()


def load(run: str | PathLike[str]) -> Model:
    """The model of a finished run's folder, as trained or as published.

    Raises
    ------
    DataError
        If the folder holds no finished run, or its files are damaged.
    """
    return Model(Path(run).absolute())


def to_bytes(images: Array) -> Array:
    """Images in [0, 1] as uint8, which the files of the figures hold."""
    return (images * np.float32(255)).round().astype(np.uint8)


def write_weights(folder: Path) -> Path:
    """Write `model.safetensors` of a finished run: its networks but those that only training needs.

    Raises
    ------
    DataError
        If there is no finished run, or its data set's terms forbid to pass on weights trained on it.
    """
    record = read_record(folder)
    if not dataset_row(str(record.get("dataset"))).passed_on:
        raise DataError(f"{folder}: weights trained on {record['dataset']} must not be passed on: none are written")
    tensors, _ = checkpoint.read(folder / "weights.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if name.partition("/")[0] not in TRAINING_ONLY}
    checkpoint.save(folder / WEIGHTS, kept, {"fingerprint": record["fingerprint"]})
    return folder / WEIGHTS


def _load_published(folder: Path) -> Method:
    """As `load_run`, of `model.safetensors`; the β-VAE of a distilled run is needed only where it takes Q's place."""
    record, path = read_record(folder), folder / WEIGHTS
    settings = record["settings"]
    encoder = settings.get("q") == "encoder"
    vae = load(root_of(folder, record) / record["before"]["vae"]["path"]).method if encoder else None
    method = build(settings, record["channels"], record["seed"], settings.get("start", ""), "cpu", vae)
    tensors, about = checkpoint.read(path)
    for player in TRAINING_ONLY:
        method.networks.pop(player, None)
    absent = [player for player in method.networks if not any(name.startswith(f"{player}/") for name in tensors)]
    if absent or about.get("fingerprint") != record["fingerprint"]:
        raise DataError(f"{path} is not of the run that record.json describes: restore the folder from the repository")
    checkpoint.load_networks(method, tensors, path)
    for network in method.networks.values():
        network.eval()
    return method
