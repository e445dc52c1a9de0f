"""Read 3D Shapes: 480 000 images of a solid in a room.

This is the published file (Burgess and Kim 2018).
"""

from functools import partial

import numpy as np

from idgan_sc.data.grid import Release, prepare_release
from idgan_sc.data.images import Factors

_HUES = tuple((np.arange(10) / 10).tolist())
RELEASE = Release(
    name="shapes3d",
    url="https://storage.googleapis.com/3d-shapes/3dshapes.h5",
    md5="099a2078d58cec4daad0702c55d06868",  # as nmichlo/disent has it; its SHA-256, in tensorflow/datasets: 0a0f6ed9…
    size=267_573_662,
    factors=Factors(
        names=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
        sizes=(10, 10, 10, 8, 4, 15),
        values=(
            _HUES,
            _HUES,
            _HUES,
            tuple(np.linspace(0.75, 1.25, 8).tolist()),
            (0.0, 1.0, 2.0, 3.0),  # cube, cylinder, sphere, capsule
            tuple(np.linspace(-30, 30, 15).tolist()),  # degrees
        ),
        discrete=("shape",),
    ),
    labels="labels",
    licence="Apache-2.0 (google-deepmind/3d-shapes)",
)
prepare = partial(prepare_release, RELEASE)
