"""Draw a finished run's images along each code, its pairs and samples.

The module also tells the shapes of the run's networks.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from idgan_sc.data.images import Images
from idgan_sc.data.tensors import to_tensor
from idgan_sc.evaluation.model import Model, load, to_bytes
from idgan_sc.evaluation.score import factors_hash, read_codes
from idgan_sc.evaluation.scorer import scorer
from idgan_sc.files import DataError, write_arrays, write_json
from idgan_sc.models import GAN, IBGAN, Method
from idgan_sc.models.codes import draw_prior
from idgan_sc.models.networks import shapes
from idgan_sc.records.record import note_hashes
from idgan_sc.records.results import Job
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import code_name
from idgan_sc.training.pool import open_images_of, pool_indices

ANCHORS, PAIRS, SAMPLES = 4, 4, 64


def traverse(job: Job) -> list[Path]:
    """Write `traversal.npz` and `networks.json` of a finished run, whose `codes.npz` must be there.

    values (S,): the sweep; anchors (A, k); images (A, k, S, C, H, W) uint8: anchor a with code j set to each value;
    pairs (k, P, 3, C, H, W): a base image and the two of a pair that differ in code j (Fig. 1); samples (64, C, H, W);
    association (k, K): mutual information of code and factor over the factor's entropy; factor_names (K,).
    """
    folder, images = job.folder, open_images_of(job)
    use_device(job.results.config)
    model = load(folder)
    rng = torch_stream(0, "traverse")
    k, prior = model.settings["c_dim"], model.settings.get("prior", "gaussian")
    anchors = draw_anchors(model.method, images, job.run.preset, max(ANCHORS, SAMPLES), rng)  # (64, k)
    z = model.noise(len(anchors), rng)
    sweep = [model.traverse(anchors[:ANCHORS], j, noise=z[:ANCHORS]) for j in range(k)]
    other = draw_prior((PAIRS * 2, k), prior, rng).numpy()
    pairs = [_pair_images(model, z[:PAIRS], anchors[:PAIRS], j, other) for j in range(k)]
    arrays = {
        "values": model.sweep(),
        "anchors": anchors[:ANCHORS],
        "images": to_bytes(np.stack(sweep, axis=1)),
        "pairs": to_bytes(np.stack(pairs)),
        "samples": to_bytes(model.generate(anchors[:SAMPLES], z[:SAMPLES])),
        **associate(job, model.method, images),
    }
    written = [
        write_arrays(folder / "traversal.npz", **arrays),
        write_json(folder / "networks.json", {"networks": network_shapes(model.method, images.shape[0])}),
    ]
    note_hashes(folder, ["traversal.npz"], of=["weights.safetensors", "codes.npz"], others=factors_hash(images))
    note_hashes(folder, ["networks.json"], of=["weights.safetensors"])
    return written


def draw_anchors(method: Method, images: Images, preset: str, n: int, rng: torch.Generator) -> np.ndarray:
    """Return codes (n, k) to start from.

    They are draws of the prior, or the posterior means of images of the pool.
    """
    if method.settings.get("code") == "prior":
        return draw_prior((n, method.settings["c_dim"]), method.settings["prior"], rng).numpy()
    pool = pool_indices(images, preset, method.settings["pool"])
    if len(pool) < n:
        mend = "add images" if len(pool) == images.n else "raise `evaluation.pool`"
        raise DataError(f"{n} images are needed to start from, and the pool has {len(pool)}: {mend}")
    chosen = np.sort(numpy_stream(0, "anchors").choice(pool, n, replace=False))
    x = to_tensor(images.batch(chosen, method.settings["image_size"]), "cpu")
    with torch.no_grad():
        return method.posterior(x)[0][torch.randperm(n, generator=rng)].numpy()


def anchor_noise(model: Model) -> np.ndarray:
    """Draw again the noise (A, z_dim) of a traversal's anchors.

    It comes from its own random stream, because `traversal.npz` holds codes alone.
    """
    rng, n = torch_stream(0, "traverse"), max(ANCHORS, SAMPLES)
    if model.settings.get("code") == "prior":
        draw_prior((n, model.settings["c_dim"]), model.settings["prior"], rng)
    else:
        torch.randperm(n, generator=rng)  # as `draw_anchors` orders its images
    return model.noise(n, rng)[:ANCHORS]


def _pair_images(model: Model, z: np.ndarray, base: np.ndarray, j: int, other: np.ndarray) -> np.ndarray:
    """Return images (P, 3, C, H, W): a base image and a pair of images.

    Code j is drawn anew for each image of the pair.
    """
    first, second = base.copy(), base.copy()
    first[:, j], second[:, j] = other[: len(base), j], other[len(base) : 2 * len(base), j]
    return np.stack([model.generate(c, z) for c in (base, first, second)], axis=1)


def associate(job: Job, method: Method, images: Images) -> dict[str, np.ndarray]:
    """`association` (k, K) and `factor_names` (K,) of a labelled data set, from the run's `codes.npz`."""
    if images.classes is None:
        return {}
    codes, indices = read_codes(job.folder, images)
    factors, share = scorer(job, images, indices).shares(codes[code_name(method)])
    return {"association": share, "factor_names": np.array(factors)}


def network_shapes(method: Method, channels: int) -> dict[str, dict[str, object]]:
    """Return the layers of the networks as built, by player.

    `encoder` is the frozen β-VAE's where there is one.
    """
    size, k = method.settings["image_size"], method.settings["c_dim"]
    x, c = torch.zeros(2, channels, size, size), torch.zeros(2, k)
    z = torch.zeros(2, method.settings.get("z_dim", 1))
    drawn = (z[:, :0] if isinstance(method, IBGAN) else z, c)
    inputs: dict[str, tuple[Tensor, ...]] = {
        "encoder": (x,), "decoder": (c,), "critic": (c,), "discriminator": (x,), "pair": (x, x), "generator": drawn,
        "average": drawn, "bottleneck": (z,), "reconstructor": (x,),
    }  # fmt: skip
    networks = dict(method.networks)
    if isinstance(method, GAN) and method.vae is not None:
        networks["encoder"] = method.vae
    return {
        player: {
            "inputs": [list(tensor.shape[1:]) for tensor in inputs[player]],
            "layers": shapes(network.cpu(), *inputs[player]),
        }
        for player, network in networks.items()
    }
