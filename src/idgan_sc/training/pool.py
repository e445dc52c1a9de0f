"""Say which images are encoded, and open those that a run was trained on."""

import numpy as np

from idgan_sc.data.images import Images, open_images
from idgan_sc.files import DataError
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Job
from idgan_sc.seeds import numpy_stream


def pool_indices(images: Images, preset: str, pool: int | str) -> np.ndarray:
    """Return the sorted indices of the images that are encoded.

    They depend on data set and preset alone, never on a run.
    """
    if pool == "all":
        return np.arange(images.n)
    if int(pool) > images.n:
        raise DataError(f"evaluation pool {pool} exceeds the {images.n} images of {images.name}: lower `pool`")
    return np.sort(numpy_stream(0, f"pool/{images.name}/{preset}").permutation(images.n)[: int(pool)])


def open_images_of(job: Job) -> Images:
    """The images of a finished run's data set, to be joined with the run's files.

    Raises
    ------
    DataError
        If the run is not finished, of other settings than today's, or was trained on other images than are there.
    """
    record, images = read_record(job.folder), open_images(job.results.images(job.run.dataset))
    if not job.results.of_these_settings(job.run, record):
        raise DataError(
            f"{job.folder} is a run of other settings than the configuration's: put those back, or delete the folder "
            "and train again"
        )
    trained_on = record.get("inputs", {}).get(f"data/{job.run.dataset}/images.npy")
    if trained_on not in (None, images.sha256["images.npy"]):
        raise DataError(
            f"{job.folder} was trained on other images than {images.folder} holds now: put those back, or delete the "
            "folder and train again"
        )
    return images
