"""Train a small network that reads the labelled factors off an image.

It is the measuring device of `leakage.py` (Figs. 5-8).

A linear regressor on pixels reads expression poorly. So the network has three convolutions and a hidden
layer. It sees 32x32 pixels; larger images are averaged. It carries with it how well it reads images that it
was not trained on.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idgan_sc.config import reader_dataset
from idgan_sc.data.images import Images
from idgan_sc.data.tensors import to_tensor
from idgan_sc.evaluation.score import factors_hash
from idgan_sc.files import DataError
from idgan_sc.models.networks import initialise
from idgan_sc.records.results import Results
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training import checkpoint
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import BATCH
from idgan_sc.training.prepare import ensure_images

SIZE = 32
HELD_OUT = 0.2  # of the images
TRAIN_BATCH, LR = 64, 1.0e-3
LAST_CONVOLUTION = -3  # where the network is cut for `features`: before the hidden layer, its ReLU and the readings


@dataclass(frozen=True)
class Factor:
    """Describe a factor as the probe reads it.

    With `classes` the probe gives their probabilities. Otherwise it gives the value in SD from the mean.
    """

    name: str
    classes: int  # 0 for an ordered factor
    held_out: float  # R² of an ordered factor, share of right classes of a discrete one


class Probe:
    """Read `factors` off images.

    `network` maps (B, C, 32, 32) to all readings side by side.
    """

    def __init__(self, network: nn.Sequential, factors: tuple[Factor, ...]) -> None:
        self.network, self.factors = network, factors

    @torch.no_grad()
    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Read each factor of uint8 images (N, C, H, W).

        A reading is the value (N, 1), or the classes' probabilities (N, classes).
        """
        columns = _outputs(self.network, images).split([max(1, f.classes) for f in self.factors], dim=1)
        read = {f.name: y.softmax(1) if f.classes else y for f, y in zip(self.factors, columns, strict=True)}
        return {name: y.numpy().astype(np.float64) for name, y in read.items()}

    @torch.no_grad()
    def features(self, images: np.ndarray) -> np.ndarray:
        """Return what the convolutions make of uint8 images (N, C, H, W).

        The result is (N, 1024). It is the space for precision and recall.

        The hidden layer after them keeps only what the factors need. There noise looks like a face: precision is 0.86
        on 500 images with a probe of 250 steps. Here it is 0.00 to 0.04 on 120 images with 16 probes. Faces whose
        pixels are shuffled get 0.00 to 0.42, according to the probe, and no recall. So precision must be read with
        recall.
        """
        return _outputs(self.network[:LAST_CONVOLUTION], images).numpy().astype(np.float64)


def train_probe(images: Images, steps: int) -> Probe:
    """Train the probe on four fifths of the labelled images.

    It is judged on at most 4000 of the rest. All random draws depend on the data set alone.

    Raises
    ------
    DataError
        If the images have no labels.
    """
    if images.classes is None:
        raise DataError(f"data set {images.name} has no factors: no network can learn to read them")
    order = numpy_stream(0, f"probe/{images.name}").permutation(images.n)
    held, kept = np.split(order, [int(HELD_OUT * images.n)])
    held = np.sort(held[:4000])
    targets = _Targets(images)
    network = _network(images.shape[0], targets.outputs)
    initialise(network, torch_stream(0, f"probe/{images.name}"), torch.device("cpu"))
    optimiser = torch.optim.Adam(network.parameters(), LR, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3 * LR, total_steps=steps)
    for _, chosen in zip(range(steps), _batches(kept, images.name), strict=False):
        loss = targets.loss(network(_load(images, chosen)), chosen)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    probe = Probe(network, targets.factors)
    return Probe(network, targets.judged(probe, (255 * _load(images, held)).round().byte().numpy(), held))


def save(path: Path, probe: Probe, made_of: dict[str, Any] | None = None) -> Path:
    """Write a probe, with what it was made of."""
    metadata = {"factors": [[f.name, f.classes, f.held_out] for f in probe.factors], "made_of": made_of or {}}
    checkpoint.save(path, dict(probe.network.state_dict()), metadata)
    return path


def probe(results: Results, dataset: str) -> list[Path]:
    """Train the network that reads a data set's factors.

    It learns from the data set's own images, or from those of the data set that is drawn in its place.
    """
    use_device(results.config)
    images = ensure_images(results, reader_dataset(dataset))
    made_of = _made_of(results, images, dataset)
    return [save(_probe_path(results, dataset), train_probe(images, made_of["steps"]), made_of)]


def _made_of(results: Results, images: Images, dataset: str) -> dict[str, Any]:
    """What a probe depends on besides the source: images, their factors, steps."""
    return {
        "images": images.sha256["images.npy"],
        **factors_hash(images),
        "steps": results.evaluation(dataset)["probe_steps"],
    }


def trained_probe(results: Results, dataset: str) -> Probe:
    """Return the network that reads a data set's factors.

    It is trained where it is missing, or was made of other images, factors or steps.
    """
    path = _probe_path(results, dataset)
    if path.exists():
        made_of = checkpoint.read(path)[1].get("made_of")
        if not made_of or made_of == _made_of(results, ensure_images(results, reader_dataset(dataset)), dataset):
            return load(path)
        print(f"{path} was made of other images, factors or steps: it is trained again", file=sys.stderr)
    return load(probe(results, dataset)[0])


def _probe_path(results: Results, dataset: str) -> Path:
    return results.root / "probes" / f"{dataset}.safetensors"


def load(path: Path) -> Probe:
    tensors, metadata = checkpoint.read(path)
    factors = tuple(Factor(*row) for row in metadata["factors"])
    network = _network(tensors["0.weight"].shape[1], sum(max(1, f.classes) for f in factors))
    network.load_state_dict(tensors)
    return Probe(network.to(memory_format=torch.channels_last), factors)


class _Targets:
    """Hold what the network must read.

    Ordered factors are in SD from their mean. Discrete factors are classes.
    """

    def __init__(self, images: Images) -> None:
        assert images.classes is not None
        discrete = [name in images.discrete for name in images.factor_names]
        sizes = [size if is_class else 0 for size, is_class in zip(images.factor_sizes, discrete, strict=True)]
        self.factors = tuple(Factor(name, n, np.nan) for name, n in zip(images.factor_names, sizes, strict=True))
        self.outputs = sum(max(1, n) for n in sizes)
        values = images.values(np.arange(images.n))
        self.standard = (values - values.mean(0)) / values.std(0)  # (N, K)
        self.classes = np.asarray(images.classes, np.int64)

    def loss(self, outputs: Tensor, indices: np.ndarray) -> Tensor:
        """Sum over factors of squared error or cross-entropy."""
        columns = outputs.split([max(1, f.classes) for f in self.factors], dim=1)
        return torch.stack([self._loss(k, y, indices) for k, y in enumerate(columns)]).sum()

    def _loss(self, k: int, y: Tensor, indices: np.ndarray) -> Tensor:
        if self.factors[k].classes:
            return F.cross_entropy(y, torch.from_numpy(self.classes[indices, k]))
        return F.mse_loss(y[:, 0], torch.from_numpy(self.standard[indices, k]).float())

    def judged(self, probe: Probe, images: np.ndarray, indices: np.ndarray) -> tuple[Factor, ...]:
        read = probe.read(images)
        return tuple(
            Factor(f.name, f.classes, self._held_out(k, read[f.name], indices)) for k, f in enumerate(self.factors)
        )

    def _held_out(self, k: int, y: np.ndarray, indices: np.ndarray) -> float:
        if self.factors[k].classes:
            return round(float((y.argmax(1) == self.classes[indices, k]).mean()), 4)
        true = self.standard[indices, k]
        return round(float(1 - ((y[:, 0] - true) ** 2).mean() / true.var()), 4)


def _network(channels: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, o in ((channels, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(i, o, 4, 2, 1), nn.ReLU(), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 128), nn.ReLU(), nn.Linear(128, outputs))


def _outputs(network: nn.Sequential, images: np.ndarray) -> Tensor:
    """Apply a network, or its first layers, to uint8 images (N, C, H, W).

    The network runs in evaluation mode.
    """
    network.eval()
    parts = (images[i : i + BATCH].astype(np.float32) / 255 for i in range(0, len(images), BATCH))
    return torch.cat([network(_to_size(to_tensor(part, "cpu"))) for part in parts])


def _batches(kept: np.ndarray, name: str) -> Any:
    rng = numpy_stream(0, f"probe/{name}/batches")
    while True:
        yield np.sort(rng.choice(kept, min(TRAIN_BATCH, len(kept)), replace=False))


def _load(images: Images, indices: np.ndarray) -> Tensor:
    """Images as the probe sees them, (B, C, 32, 32) in [0, 1]."""
    size = images.shape[1]
    return _to_size(to_tensor(images.batch(indices, SIZE if size == 2 * SIZE else size), "cpu"))


def _to_size(x: Tensor) -> Tensor:
    """Averaged 2x2 from 64x64, or padded with black from 28x28."""
    size = x.shape[-1]
    if size > SIZE:
        return F.avg_pool2d(x, size // SIZE)
    border = (SIZE - size) // 2
    return F.pad(x, (border, border, border, border)) if border else x
