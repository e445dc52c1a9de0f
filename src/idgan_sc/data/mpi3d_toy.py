"""MPI3D's version `toy`; see mpi3d.py."""

from functools import partial

from idgan_sc.data.grid import prepare_release
from idgan_sc.data.mpi3d import release

RELEASE = release("toy", "55889cb7c7dfc655d6e0277beee88868")
prepare = partial(prepare_release, RELEASE)
