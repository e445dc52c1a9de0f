"""Let one Snakemake at a time work on a preset's results.

Results dated in the future are dated to now.
"""

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from idgan_sc.files import DataError

_held: list[IO[bytes]] = []  # until this process ends, however it does


def wait_for_others(root: Path) -> None:
    """Let one Snakemake at a time work below `root`.

    A Snakemake that had to wait plans its jobs again. Snakemake removes a job's outputs before it runs the job.
    Its own lock is off, because it outlives a killed process. This lock does not.

    Raises
    ------
    DataError
        If the folder cannot be written to.
    """
    path = root / ".snakemake.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115 - held until this process ends
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror}): mend that, then give the same command"
        ) from error
    try:
        alone = lock_descriptor(file.fileno(), blocking=False)
        if not alone:
            print(f"another snakemake works on {root}: waiting for it", file=sys.stderr)
            lock_descriptor(file.fileno(), poll_interval=0.5)
    except OSError as error:
        print(f"{path} cannot be locked ({error}): start no other", file=sys.stderr)
        alone = True
    if not alone:
        os.execv(sys.executable, sys.orig_argv)
    _held.append(file)


def date_back(root: Path) -> None:
    """Date files of the future to now.

    If a file is older than its input, Snakemake fails and deletes the file.
    """
    found = 0
    for path in root.rglob("*"):
        with contextlib.suppress(OSError):  # another process may have moved it meanwhile
            if not path.is_symlink() and path.stat().st_mtime > time.time():
                os.utime(path)
                found += 1
    if found:
        print(f"{found} files of {root} were dated in the future: they are dated to now", file=sys.stderr)
