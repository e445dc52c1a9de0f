"""MPI3D's version `realistic`; see mpi3d.py."""

from functools import partial

from idgan_sc.data.grid import prepare_release
from idgan_sc.data.mpi3d import release

RELEASE = release("realistic", "59a6225b88b635365f70c91b3e52f70f")
prepare = partial(prepare_release, RELEASE)
