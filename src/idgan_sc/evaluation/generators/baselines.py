"""Score the baseline: representations that learned nothing.

They are scored in the same way and on the same images as systems.

An untrained Q is the network that InfoGAN's training starts from. Noise codes know nothing of the image.
Principal components are what a linear map of the pixels has.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from idgan_sc.config import BASELINE_SEEDS, ConfigError, Run, baseline_starts, scored
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators.scores import few_true, score_factors, true_factors
from idgan_sc.evaluation.score import PROTOCOL, row_of
from idgan_sc.evaluation.scorer import draw, scores_of
from idgan_sc.files import copy_atomic, write_atomic
from idgan_sc.models import GAN, build
from idgan_sc.records.published import AS_GENERATORS
from idgan_sc.records.results import Results
from idgan_sc.seeds import numpy_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import BATCH, encode_pool
from idgan_sc.training.pool import pool_indices
from idgan_sc.training.prepare import ensure_images


def baseline(results: Results, dataset: str) -> list[Path]:
    """Write the scores of a data set's baseline, the published ones where they are valid.

    Raises
    ------
    ConfigError
        If nothing can be scored on the data set.
    """
    if not scored(results.config, dataset):
        raise ConfigError(f"--dataset {dataset}: its factors are not known, so that nothing can be scored on it")
    published = results.published_baseline(dataset)
    if published:
        return [copy_atomic(published, results.baseline_path(dataset))]
    return [score_baseline(results, ensure_images(results, dataset))]


def score_baseline(results: Results, images: Images) -> Path:
    """Write the scores of a data set's baseline to `floor/<name>.csv`.

    The rows are as in `scores.csv`, for as many codes as InfoGAN's variants have.

    Under the protocol AS_GENERATORS the scores use as many of these images as generators are scored on. They are
    computed in the same way.
    """
    sizes, device = results.evaluation(images.name), use_device(results.config)
    generated = results.generated
    indices = pool_indices(images, results.preset, sizes["pool"])
    chosen = draw(images, indices, results.preset, sizes, 0)
    few = few_true(images, results.preset, sizes["pool"], generated["images"])
    factors, places = true_factors(images, few), np.searchsorted(indices, few)
    rows = []
    for run, name, codes in _codes(results, images, indices, device):
        scores = {
            PROTOCOL: scores_of(images, indices, results.preset, codes, chosen, sizes["metrics"]),
            AS_GENERATORS: score_factors(images, codes[places], *factors, sizes | generated)[0],
        }
        rows += [
            row_of(run, name, codes, metric=metric, protocol=protocol, value=value)
            for protocol, found in scores.items()
            for metric, value in found.items()
        ]
    table = pd.DataFrame(rows).assign(fingerprint=results.baseline_fingerprint(images.name))
    return write_atomic(results.baseline_path(images.name), lambda temporary: table.to_csv(temporary, index=False))


def _codes(results: Results, images: Images, indices: np.ndarray, device: str) -> Iterator[tuple[Run, str, np.ndarray]]:
    """Yield each baseline's codes (N, k) of the evaluation pool `indices`.

    Each baseline is a run of its own. It comes as the run, what is scored, and the codes.
    """
    seeds = results.seeds(images.name)[:BASELINE_SEEDS]
    for start in baseline_starts(results.config, results.preset, images.name):
        variant, settings = start.variant, results.settings(start)
        k = settings["c_dim"]
        for seed in seeds:
            method = build(settings, images.shape[0], seed, "scratch", device)
            assert isinstance(method, GAN)
            encoded = encode_pool(method, images, indices, device)
            yield results.run(images.name, "untrained_q", variant, seed), "q_mean", encoded
            noise = numpy_stream(seed, f"floor/{images.name}/{results.preset}").standard_normal((len(indices), k))
            yield results.run(images.name, "noise_codes", variant, seed), "noise", noise.astype(np.float32)
        components = principal_components(images, indices, settings["image_size"], k)
        yield results.run(images.name, "pixel_components", variant, seeds[0]), "components", components


def principal_components(images: Images, indices: np.ndarray, size: int, k: int) -> np.ndarray:
    """Return the first k principal components of the images, (N, k) float32.

    The largest loading of each component is positive.
    """
    pixels = images.shape[0] * size * size
    total, products = np.zeros(pixels), np.zeros((pixels, pixels))
    parts = [indices[i : i + BATCH] for i in range(0, len(indices), BATCH)]
    for part in parts:
        x = images.batch(part, size).reshape(len(part), -1).astype(np.float64)
        total += x.sum(0)
        products += x.T @ x
    mean = total / len(indices)
    covariance = products / len(indices) - np.outer(mean, mean)
    axes = torch.linalg.eigh(torch.from_numpy(covariance))[1].numpy()[:, ::-1][:, :k]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(k)])
    projected = [(images.batch(part, size).reshape(len(part), -1) - mean) @ axes for part in parts]
    return np.concatenate(projected).astype(np.float32)
