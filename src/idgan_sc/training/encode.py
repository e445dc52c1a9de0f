"""Encode the evaluation pool, every image once.

Every score is a function of the array on disk.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from idgan_sc.data.images import Images
from idgan_sc.data.tensors import Load, loader
from idgan_sc.files import DataError, write_arrays
from idgan_sc.models import Method, build
from idgan_sc.models.codes import sample_posterior
from idgan_sc.records.record import note_hashes, read_record, root_of
from idgan_sc.records.results import Job
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training import checkpoint
from idgan_sc.training.device import use_device
from idgan_sc.training.pool import open_images_of, pool_indices

BATCH = 256
FEW, FEW_CODES = 5000, "few_codes.npz"  # images whose codes are published, so that a new metric trains nothing
Array = np.ndarray
Encoder = Callable[[Tensor], Tensor]  # images (B, C, H, W) -> codes (B, k)


@torch.no_grad()
def encode_pool(
    method: Method,
    images: Images,
    indices: np.ndarray,
    device: str,
    encoder: Encoder | None = None,
    load: Load | None = None,
) -> Array:
    """`method.encode`, or another encoder, of the pool in evaluation mode: (N, k) float32.

    load: what brings the images to `device`, where that is there already.
    """
    load = load or loader(images, device)
    size = method.settings["image_size"]
    modes = {name: network.training for name, network in method.networks.items()}
    for network in method.networks.values():
        network.eval()
    batches = (load(indices[i : i + BATCH], size) for i in range(0, len(indices), BATCH))
    codes = torch.cat([(encoder or method.encode)(batch) for batch in batches])  # waits for the device once, below
    for name, network in method.networks.items():
        network.train(modes[name])
    return codes.cpu().numpy()


def load_run(folder: Path, device: str = "cpu") -> Method:
    """Load the method of a finished run, in evaluation mode.

    If its codes come from a β-VAE, that is loaded too. `folder` is
    `<results>/runs/<dataset>/<system>/<variant>/<seed>`.
    """
    record = read_record(folder)
    before = record["before"].get("vae")
    vae = load_run(root_of(folder, record) / before["path"], device) if before else None
    settings = record["settings"]
    method = build(settings, record["channels"], record["seed"], settings.get("start", ""), device, vae)
    path = folder / "weights.safetensors"
    tensors, _ = checkpoint.read(path)
    missing = [player for player in method.networks if not any(name.startswith(f"{player}/") for name in tensors)]
    if missing:
        raise DataError(f"{path} has no weights of {', '.join(missing)}: delete the folder and train again")
    checkpoint.load_networks(method, tensors, path)
    for network in method.networks.values():
        network.eval()
    return method


def encode(job: Job) -> list[Path]:
    """Write `codes.npz` of a finished run: the pool's codes and its indices.

    The codes are stored under each name that they are scored by. `few_codes.npz` is written beside it and is
    published.

    `q_mean` is the mean of Q(c|x) of a GAN. `vae_mean` is the posterior's mean. `vae_sample` is one sample of the
    posterior.
    """
    images, device = open_images_of(job), use_device(job.results.config)
    method = load_run(job.folder, device)
    indices = pool_indices(images, job.run.preset, method.settings["pool"])
    codes = {code_name(method): encode_pool(method, images, indices, device)}
    if method.settings["family"] == "vae":
        posterior, rng = method.posterior, torch_stream(0, f"posterior/{images.name}", device)
        sampled = encode_pool(method, images, indices, device, lambda x: sample_posterior(*posterior(x), rng))
        codes["vae_sample"] = sampled
    written = [
        write_arrays(job.folder / "codes.npz", indices=indices, **codes),
        write_arrays(job.folder / FEW_CODES, **few_codes(method, images, device)),
    ]
    note_hashes(job.folder, [path.name for path in written], of=["weights.safetensors"])
    return written


def few_codes(method: Method, images: Images, device: str) -> dict[str, Array]:
    """Return codes of `FEW` images, small enough to be published.

    They are in half precision. `idgan-sc referee` reads them.

    The images, `indices` (n,), depend on the data set alone. So every run of every preset has codes of the same
    images. `codes` (n, k) are float16. A VAE also has `sampled` (n, k). `factors` (n, K) are the classes. The
    factors' values, names and categories are included too.
    """
    indices = np.sort(numpy_stream(0, f"few codes/{images.name}").permutation(images.n)[:FEW])
    codes = encode_pool(method, images, indices, device)
    arrays: dict[str, Array] = {"indices": indices, "codes": codes.astype(np.float16)}
    if method.settings["family"] == "vae":
        posterior, rng = method.posterior, torch_stream(0, f"few posterior/{images.name}", device)
        sampled = encode_pool(method, images, indices, device, lambda x: sample_posterior(*posterior(x), rng))
        arrays["sampled"] = sampled.astype(np.float16)
    if images.classes is None:
        return arrays
    discrete = [k for k, name in enumerate(images.factor_names) if name in images.discrete]
    return arrays | {
        "factors": images.classes[indices],
        "values": images.values(indices).astype(np.float32),
        "factor_names": np.array(images.factor_names),
        "discrete": np.array(discrete, dtype=np.int64),
    }


def code_name(method: Method) -> str:
    """What `method.encode` returns, as the column `code` names it."""
    return "q_mean" if method.settings.get("q") == "learned" else "vae_mean"
