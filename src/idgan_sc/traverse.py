"""What a finished run draws: images along each code, pairs and samples; and the shapes of its networks."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from idgan_sc.codes import draw_prior
from idgan_sc.data.images import Images
from idgan_sc.encode import code_name, load_run, pool_indices, to_tensor
from idgan_sc.files import read_arrays, write_arrays, write_json
from idgan_sc.metrics.information import entropy, mutual_information
from idgan_sc.models import GAN, Method
from idgan_sc.networks import shapes
from idgan_sc.seeds import numpy_stream, torch_stream

ANCHORS, SWEEP, PAIRS, SAMPLES = 4, 10, 4, 64
REACH = 2.0  # standard deviations of a Gaussian code to either side (ledger row 34); a uniform code's whole range


def traverse(folder: Path, images: Images, preset: str, device: str) -> list[Path]:
    """Write `traversal.npz` and `networks.json` of a finished run, whose `codes.npz` must be there.

    values (S,): the sweep; anchors (A, k); images (A, k, S, C, H, W) uint8: anchor a with code j set to each value;
    pairs (k, P, 3, C, H, W): a base image and the two of a pair that differ in code j (Fig. 1); samples (64, C, H, W);
    association (k, K): mutual information of code and factor over the factor's entropy; factor_names (K,).
    """
    method = load_run(folder, device)
    rng = torch_stream(0, "traverse", device)
    values = sweep_values(method)
    k, z_dim = method.settings["c_dim"], method.settings.get("z_dim", 1)
    prior = method.settings.get("prior", "gaussian")
    anchors = draw_anchors(method, images, preset, max(ANCHORS, SAMPLES), rng, device)  # (64, k)
    z = draw_prior((len(anchors), z_dim), prior, rng)
    sweep = np.stack([sweep_images(method, z[:ANCHORS], anchors[:ANCHORS], j, values) for j in range(k)], axis=1)
    other = draw_prior((PAIRS * 2, k), prior, rng)
    pairs = np.stack([_pair_images(method, z[:PAIRS], anchors[:PAIRS], j, other) for j in range(k)])
    arrays = {
        "values": values.cpu().numpy(),
        "anchors": anchors[:ANCHORS].cpu().numpy(),
        "images": sweep,
        "pairs": pairs,
        "samples": draw_images(method, z[:SAMPLES], anchors[:SAMPLES]),
        **associate(folder, method, images),
    }

    return [
        write_arrays(folder / "traversal.npz", **arrays),
        write_json(folder / "networks.json", {"networks": network_shapes(method, images.shape[0])}),
    ]


def sweep_values(method: Method) -> Tensor:
    """Values (S,) that a code takes in a traversal."""
    reach = 1.0 if method.settings.get("prior") == "uniform" and method.settings["code"] == "prior" else REACH
    return torch.linspace(-reach, reach, SWEEP)


def draw_anchors(method: Method, images: Images, preset: str, n: int, rng: torch.Generator, device: str) -> Tensor:
    """Codes to start from (n, k): of the prior, or the posterior means of images of the pool."""
    if isinstance(method, GAN) and method.settings["code"] == "prior":
        return draw_prior((n, method.settings["c_dim"]), method.settings["prior"], rng)
    pool = pool_indices(images, preset, method.settings["pool"])
    chosen = np.sort(numpy_stream(0, "anchors").choice(pool, n, replace=False))
    x = to_tensor(images.batch(chosen, method.settings["image_size"]), device)
    with torch.no_grad():
        return method.posterior(x)[0][torch.randperm(n, generator=rng, device=device)]


@torch.no_grad()
def draw_images(method: Method, z: Tensor, c: Tensor) -> np.ndarray:
    """G(z, c) as (B, C, H, W) uint8."""
    return (method.generate(z, c) * 255).round().to(torch.uint8).cpu().numpy()


def sweep_images(method: Method, z: Tensor, anchors: Tensor, j: int, values: Tensor) -> np.ndarray:
    """(A, S, C, H, W): every anchor with code j set to each value, noise and other codes fixed."""
    codes = anchors.repeat_interleave(len(values), dim=0)
    codes[:, j] = values.to(codes).repeat(len(anchors))
    drawn = draw_images(method, z.repeat_interleave(len(values), dim=0), codes)
    return drawn.reshape(len(anchors), len(values), *drawn.shape[1:])


def _pair_images(method: Method, z: Tensor, base: Tensor, j: int, other: Tensor) -> np.ndarray:
    """(P, 3, C, H, W): base image, and the two images of a pair, code j drawn anew for each."""
    first, second = base.clone(), base.clone()
    first[:, j], second[:, j] = other[: len(base), j], other[len(base) : 2 * len(base), j]
    return np.stack([draw_images(method, z, c) for c in (base, first, second)], axis=1)


def associate(folder: Path, method: Method, images: Images) -> dict[str, np.ndarray]:
    """`association` (k, K) and `factor_names` (K,) of a labelled data set, from the run's `codes.npz`."""
    if images.classes is None:
        return {}
    arrays = read_arrays(folder / "codes.npz", "run `idgan-sc encode`")
    codes, indices = arrays[code_name(method)], arrays["indices"]
    classes = images.classes[indices]
    share = mutual_information(codes, classes) / entropy(classes)  # (k, K)
    return {"association": share, "factor_names": np.array(images.factor_names)}


def network_shapes(method: Method, channels: int) -> dict[str, dict[str, object]]:
    """Layers of the networks as built, by player; `encoder` is the frozen β-VAE's where there is one."""
    size, k = method.settings["image_size"], method.settings["c_dim"]
    x, c = torch.zeros(2, channels, size, size), torch.zeros(2, k)
    inputs: dict[str, tuple[Tensor, ...]] = {
        "encoder": (x,), "decoder": (c,), "critic": (c,), "discriminator": (x,), "pair": (x, x),
        "generator": (torch.zeros(2, method.settings.get("z_dim", 1)), c),
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
