"""Score a generator by regressors that read the factors of its images.

This is for data sets such as digits and faces, where no matcher can be exact.

The networks of the leakage study (`factor_reader`) take the matcher's place. How well they read held-out
images is stated beside every score.

Precision and recall use the space of the networks' convolutional features. Precision says whether generated
images look like true ones. Recall says whether true ones are all made.
"""

from pathlib import Path

import numpy as np

from idgan_sc.config import LABELLED, ConfigError
from idgan_sc.data.images import Images
from idgan_sc.evaluation.generators.drawing import distilled, draw_codes, draw_noise, generate
from idgan_sc.evaluation.generators.factor_reader import Probe, trained_probe
from idgan_sc.evaluation.generators.names import GENERATOR_CODE, HELD_OUT, Q_CODE, TRUE
from idgan_sc.evaluation.generators.precision_recall import precision_recall
from idgan_sc.evaluation.generators.scores import (
    distilled_rows,
    few_true,
    metric_rows,
    score_factors,
    score_rows,
    true_factors,
    write_scores,
)
from idgan_sc.evaluation.model import to_bytes
from idgan_sc.files import DataError
from idgan_sc.models import GAN, IBGAN
from idgan_sc.records.record import note_hashes
from idgan_sc.records.results import Job
from idgan_sc.seeds import numpy_stream, torch_stream
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import encode_pool, load_run
from idgan_sc.training.pool import open_images_of, pool_indices

Array = np.ndarray


def read_generator(job: Job) -> list[Path]:
    """Write `generator_scores.csv` of one finished run of the GAN family on a labelled data set.

    The five scores of the true code c against the factors that `probe` reads off G(z, c), and of the encoder's codes of
    as many true images against their own; precision and recall against as many true images; the same of other true
    images, which is what a perfect generator would have; and how well the probe reads each factor of held-out images
    (R², or the share of right classes).

    Raises
    ------
    ConfigError
        If the factors of the data set cannot be read.
    DataError
        If the folder holds no finished run of the GAN family.
    """
    run, folder, sizes = job.run, job.folder, job.sizes
    if run.dataset not in LABELLED:
        raise ConfigError(f"--dataset {run.dataset}: factors are read off {' and '.join(LABELLED)} only")
    use_device(job.results.config)
    images, probe = open_images_of(job), trained_probe(job.results, run.dataset)
    method = load_run(folder)
    if not isinstance(method, GAN | IBGAN):
        raise DataError(f"{folder} holds no generator of the GAN family: only these are scored")
    rng = torch_stream(0, f"generated/{images.name}")
    codes = draw_codes(method, images, run.preset, sizes["images"], rng)
    made = generate(method, draw_noise(method, len(codes), rng), codes)
    generated = to_bytes(made.numpy())
    classes, values = read_factors(images, probe, generated)
    rows = score_rows(GENERATOR_CODE, *score_factors(images, codes.numpy(), classes, values, sizes))
    few = few_true(images, run.preset, method.settings["pool"], len(codes))
    q = encode_pool(method, images, few, "cpu")
    rows += score_rows(Q_CODE, *score_factors(images, q, *true_factors(images, few), sizes))
    pool = pool_indices(images, run.preset, method.settings["pool"])
    true = _two_samples(images, pool, len(generated), method.settings["image_size"])
    shares = precision_and_recall(probe, *true, generated, sizes["neighbours"])
    rows += metric_rows(f"k = {sizes['neighbours']}", shares)
    if isinstance(method, GAN) and method.settings["code"] == "vae":
        rows += distilled_rows(distilled(method, codes, made))
    for factor in probe.factors:
        rows += metric_rows("accuracy" if factor.classes else "R²", {HELD_OUT + factor.name: factor.held_out})
    path = write_scores(job, codes.shape[1], rows)
    note_hashes(job.folder, [path.name], of=["weights.safetensors"])
    return [path]


def read_factors(images: Images, probe: Probe, generated: Array) -> tuple[Array, Array]:
    """Return the classes and values (n, K) that the probe reads off images.

    The images are uint8 (n, C, H, W). The value of an ordered factor is the reading itself, in the data set's
    units. Its class is that of the nearest value that the data set has.
    """
    read = probe.read(generated)
    real = images.values(np.arange(images.n))
    classes, values = [], []
    for k, name in enumerate(images.factor_names):
        grid = np.array(images.factor_values[k])
        if name in images.discrete:
            classes.append(read[name].argmax(1))
            values.append(grid[classes[-1]])
        else:
            values.append(real[:, k].mean() + real[:, k].std() * read[name][:, 0])
            classes.append(np.abs(values[-1][:, None] - grid).argmin(1))
    return np.stack(classes, axis=1), np.stack(values, axis=1)


def precision_and_recall(probe: Probe, true: Array, other: Array, generated: Array, k: int) -> dict[str, float]:
    """Return precision and recall of generated images and of other true ones.

    Both are measured against `true`. All images are uint8 (n, C, H, W), as many of each.
    """
    features = probe.features(true)
    n = len(features)
    found = precision_recall(features, probe.features(generated[:n]), k=k)
    best = precision_recall(features, probe.features(other[:n]), k=k)
    return dict(zip(("precision", "recall", f"precision{TRUE}", f"recall{TRUE}"), (*found, *best), strict=True))


def _two_samples(images: Images, pool: Array, n: int, size: int) -> tuple[Array, Array]:
    """Return two disjoint samples of n images of the pool.

    They are uint8 (n, C, size, size). A smaller pool gives half of its images to each sample.
    """
    n = min(n, len(pool) // 2)
    chosen = numpy_stream(0, f"precision/{images.name}").permutation(pool)[: 2 * n]
    first, second = (to_bytes(images.batch(np.sort(part), size)) for part in (chosen[:n], chosen[n:]))
    return first, second
