"""Describe MPI3D, an object on a robot's arm (Gondal et al. 2019).

The object is drawn simply, drawn realistically or photographed.
"""

import numpy as np

from idgan_sc.data.grid import Release
from idgan_sc.data.images import Factors

FACTORS = Factors(
    names=(
        "object_color",
        "object_shape",
        "object_size",
        "camera_height",
        "background_color",
        "horizontal_axis",
        "vertical_axis",
    ),
    sizes=(6, 6, 2, 3, 3, 40, 40),
    values=tuple(tuple(np.arange(size, dtype=float).tolist()) for size in (6, 6, 2, 3, 3, 40, 40)),
    discrete=("object_color", "object_shape", "background_color"),
)


def release(version: str, md5: str) -> Release:
    """Describe one of the three files of MPI3D.

    The MD5s are those that nmichlo/disent compares. The files hold no labels.
    """
    return Release(
        name=f"mpi3d_{version}",
        url=f"https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/mpi3d_{version}.npz",
        md5=md5,
        factors=FACTORS,
        licence="CC BY 4.0 (rr-learning/disentanglement_dataset)",
    )
