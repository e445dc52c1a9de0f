"""MPI3D's version `real`; see mpi3d.py."""

from functools import partial

from idgan_sc.data.grid import prepare_release
from idgan_sc.data.mpi3d import release

RELEASE = release("real", "0f33f609918fb5c97996692f91129802")
prepare = partial(prepare_release, RELEASE)
