"""Use a finished run elsewhere: arrays in, arrays out.

`idgan_sc.load` is the way in, for the figures as well.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from idgan_sc.config import dataset_row
from idgan_sc.data.tensors import to_tensor
from idgan_sc.files import DataError
from idgan_sc.metrics.reading import array_of
from idgan_sc.models import Method, build
from idgan_sc.models.codes import draw_prior
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.record import read_record, root_of, without_weights
from idgan_sc.seeds import torch_stream
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import BATCH, load_run

Array = np.ndarray
SWEEP = 10  # values of a traversal
REACH = 2.0  # standard deviations of a Gaussian code to either side (ledger row 34); a uniform code's whole range
FROZEN = "vae/"  # begins the names of a frozen encoder's tensors
TRAINING_ONLY = ("pair", "critic")  # networks that neither encode nor generate


class Model:
    """Encoder and generator of a finished run, in evaluation mode on the CPU.

    folder: `<results>/runs/<dataset>/<system>/<variant>/<seed>`, with a distilled run's β-VAE beside it, or the same
    below `<results>/published`, where `model.safetensors` stands alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.channels: int = read_record(folder)["channels"]
        trained, published = ((folder / name).exists() for name in ("weights.safetensors", WEIGHTS))
        if not trained and not published:
            raise DataError(f"{folder} is a finished run {without_weights(folder)}")
        self.method = load_run(folder) if trained else _load_published(folder)
        self.settings: dict[str, Any] = self.method.settings

    def encode(self, images: Array) -> Array:
        """Return the codes (B, k) of images (B, C, H, W) in [0, 1].

        A code is the mean of Q, or of a VAE's posterior.

        Raises
        ------
        DataError
            If they are something else, such as bytes from 0 to 255.
        """
        x, size = _floats(images, "images"), self.settings["image_size"]
        if x.ndim != 4 or x.shape[1:] != (self.channels, size, size) or not len(x):
            wanted = f"(B, C, H, W) in [0, 1], here (B, {self.channels}, {size}, {size})"
            raise DataError(f"images must be {wanted}, got {x.shape}: {_mend(x.shape, self.channels, size)}")
        if not (x.min() >= 0 and x.max() <= 1):
            held = f"{x.min():.8g} to {x.max():.8g}"
            mend = "divide bytes by 255" if x.min() >= 0 and x.max() > 2 else "bring them into that range"
            raise DataError(f"images must be (B, C, H, W) in [0, 1], got {held}: {mend}")
        parts = to_tensor(x, "cpu").split(BATCH)
        with torch.no_grad():
            return torch.cat([self.method.encode(part) for part in parts]).numpy()

    def generate(self, codes: Array, noise: Array | None = None, seed: int = 0) -> Array:
        """Return the images (B, C, H, W) in [0, 1] of codes (B, k).

        The noise is (B, z_dim). It is drawn from `seed` where none is given.

        Raises
        ------
        DataError
            If their shapes are others.
        """
        c = self._rows(codes, "codes", self.settings["c_dim"])
        z = self._noise(c, noise, seed)
        if len(z) != len(c):
            raise DataError(f"noise must have a row for each of the {len(c)} codes, got {len(z)}")
        both = (torch.from_numpy(array).split(BATCH) for array in (z, c))
        with torch.no_grad():
            images = torch.cat([self.method.generate(*part) for part in zip(*both, strict=True)]).numpy()
        if not np.isfinite(images).all():
            raise DataError("codes or noise are too large: the images would hold no numbers")
        return images

    def traverse(
        self, codes: Array, dimension: int, values: Array | None = None, noise: Array | None = None, seed: int = 0
    ) -> Array:
        """Return images of codes with one dimension set to each of `values`.

        The images are (A, S, C, H, W) for codes (A, k). `dimension` counts from 0. All else is fixed. One code (k,)
        gives (S, C, H, W).

        Where no values are given, there are ten from −2 to 2 standard deviations. A uniform code's range is −1 to 1.
        The noise is (A, z_dim) or (z_dim,). It is drawn from `seed` where none is given.

        Raises
        ------
        DataError
            If their shapes are others, one is not finite, or there is no such dimension.
        """
        k, given = self.settings["c_dim"], _floats(codes, "codes")
        single = given.ndim == 1
        if isinstance(dimension, bool) or not isinstance(dimension, int | np.integer) or not 0 <= dimension < k:
            raise DataError(f"dimension must be a whole number from 0 to {k - 1}, got {dimension!r}")
        values = self.sweep() if values is None else _floats(values, "values")
        if values.ndim != 1 or not len(values):
            raise DataError(f"values must be (S,), one or more, got {values.shape}")
        anchors = self._rows(np.atleast_2d(given), "codes", k)
        z = self._noise(anchors, noise if noise is None else np.atleast_2d(_floats(noise, "noise")), seed)
        if len(z) not in (1, len(anchors)):
            raise DataError(f"noise must have one row, or one for each of the {len(anchors)} codes, got {len(z)}")
        z = np.broadcast_to(z, (len(anchors), z.shape[1]))
        swept = np.repeat(anchors, len(values), axis=0)
        swept[:, dimension] = np.tile(values, len(anchors))
        images = self.generate(swept, np.repeat(z, len(values), axis=0))
        return images.reshape(*(() if single else (len(anchors),)), len(values), *images.shape[1:])

    def sweep(self) -> Array:
        """The values (S,) of a traversal, as the figures have them."""
        uniform = self.settings.get("code") == "prior" and self.settings["prior"] == "uniform"
        reach = 1.0 if uniform else REACH
        return torch.linspace(-reach, reach, SWEEP).numpy()

    def _rows(self, given: Any, name: str, width: int) -> Array:
        """Finite float32 (B, width), a row for each image."""
        array = _floats(given, name)
        if array.ndim != 2 or array.shape[1] != width or not len(array):
            raise DataError(f"{name} must be (B, {width}), a row for each image, got {array.shape}")
        return array

    def _noise(self, codes: Array, noise: Any, seed: int) -> Array:
        """The noise that is given, or as many rows as codes, drawn from `seed`."""
        if noise is not None:
            return self._rows(noise, "noise", self.settings.get("z_dim", 1))
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise DataError(f"seed must be a whole number from 0 on, got {seed!r}")
        return self.noise(len(codes), torch_stream(int(seed), "noise"))

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
    if not isinstance(run, str | PathLike):
        raise DataError(f"a run is given by the path of its folder, got {run!r}")
    try:
        folder = Path(run).expanduser().absolute()
        is_file = folder.is_file()
    except (OSError, RuntimeError) as error:  # too long, or the home of nobody
        raise DataError(f"{str(run)[:99]!r} cannot be a run's folder ({error!s:.99}): give its path") from error
    if is_file:
        raise DataError(f"{folder} is a file: give the folder of the run, {folder.parent}")
    return Model(folder)


def _floats(given: Any, name: str) -> Array:
    """Return the numbers that a list, an array or a tensor holds, as float32.

    All must be finite, and none may be masked.
    """
    try:
        held = array_of(given)
        array = np.asarray(held)
        with np.errstate(over="ignore"):  # what is too large is refused below
            read = array.astype(np.float32) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be an array of numbers: {error}") from error
    if read is None:
        raise DataError(f"{name} must be an array of real numbers, got {array.dtype}")
    if np.ma.is_masked(held) or not np.isfinite(read).all():
        raise DataError(f"{name} must be finite numbers: some are NaN, infinite or masked")
    return np.ascontiguousarray(read)


def _mend(shape: tuple[int, ...], channels: int, size: int) -> str:
    """Say what makes images of this shape fit a model.

    The model has `channels` channels and `size` pixels a side.
    """
    if not all(shape):
        return "give at least one image"
    if len(shape) != 4:
        return "give four axes, such as images[None] for one image"
    if shape[3] == channels and shape[1] == shape[2]:
        return "put channels first, images.transpose(0, 3, 1, 2), and divide bytes by 255"
    if shape[1] != channels:
        return "average the channels" if channels == 1 else "repeat the channel three times"
    return f"resize them to {size}x{size} pixels"


def to_bytes(images: Array) -> Array:
    """Images in [0, 1] as uint8, which the files of the figures hold."""
    return (images * np.float32(255)).round().astype(np.uint8)


def write_weights(folder: Path) -> Path:
    """Write `model.safetensors` of a finished run: its networks but those that only training needs.

    Where the frozen β-VAE is Q, its encoder too: another training of that β-VAE would read other codes.

    Raises
    ------
    DataError
        If there is no finished run, or its data set's terms forbid to pass on weights trained on it.
    """
    record = read_record(folder)
    if not dataset_row(str(record.get("dataset"))).redistributable:
        raise DataError(f"{folder}: weights trained on {record['dataset']} must not be passed on: none are written")
    tensors, _ = checkpoint.read(folder / "weights.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if name.partition("/")[0] not in TRAINING_ONLY}
    if record["settings"].get("q") == "encoder":
        vae, _ = checkpoint.read(root_of(folder, record) / record["before"]["vae"]["path"] / "weights.safetensors")
        kept |= {f"{FROZEN}{name}": tensor for name, tensor in vae.items() if name.startswith("encoder/")}
    checkpoint.save(folder / WEIGHTS, kept, {"fingerprint": record["fingerprint"]})
    return folder / WEIGHTS


def _load_published(folder: Path) -> Method:
    """Load a run from `model.safetensors`, as `load_run` does.

    The file holds the encoder of the β-VAE where that takes Q's place.
    """
    record, path = read_record(folder), folder / WEIGHTS
    settings = record["settings"]
    tensors, metadata = checkpoint.read(path)
    vae = None
    if settings.get("q") == "encoder":
        earlier = read_record(root_of(folder, record) / record["before"]["vae"]["path"])
        vae = build(earlier["settings"], record["channels"], earlier["seed"], "", "cpu")
        frozen = {name.removeprefix(FROZEN): t for name, t in tensors.items() if name.startswith(FROZEN)}
        checkpoint.load_networks(vae, frozen, path)
    method = build(settings, record["channels"], record["seed"], settings.get("start", ""), "cpu", vae)
    for player in TRAINING_ONLY:
        method.networks.pop(player, None)
    absent = [player for player in method.networks if not any(name.startswith(f"{player}/") for name in tensors)]
    if absent or metadata.get("fingerprint") != record["fingerprint"]:
        raise DataError(f"{path} is not of the run that record.json describes: restore the folder from the repository")
    checkpoint.load_networks(method, tensors, path)
    for network in method.networks.values():
        network.eval()
    return method
