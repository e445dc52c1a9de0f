"""Start the workflow's jobs as copies of a process that has the libraries.

Importing PyTorch and scikit-learn takes longer than many jobs of a small preset do. So Snakemake starts one server, and
`python -m idgan_sc` asks the server for a copy of itself (a fork). The copy runs the command with the open files of the
process that asked, gets its signals and ends with it. Without a server the command runs in its own process.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import NoReturn

# Libraries read these when they are imported. Snakemake sets them to a job's threads, for which the server has 1.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
CODES = ("idgan_sc.training.encode", "idgan_sc.evaluation.generators.leakage")
SCORES = ("idgan_sc.evaluation.score", "sklearn.ensemble", "sklearn.linear_model")
SHOWN = ("idgan_sc.report.tables", "idgan_sc.report.figures.registry")
LOADS = {  # what the server imports before the first copy that runs a command
    "data": ("idgan_sc.data.preview",), "train": ("idgan_sc.training.train", "torch._dynamo"), "encode": CODES,
    "traverse": CODES, "probe": CODES, "leakage": CODES, "score": SCORES, "match": (*CODES, *SCORES),
    "read-generator": (*CODES, *SCORES), "baseline": ("idgan_sc.evaluation.generators.baselines",), "table": SHOWN,
    "figure": SHOWN,
}  # fmt: skip


def begin() -> None:
    """Start a server for the jobs of this process. It ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="idgan-sc-")
    os.environ["IDGAN_SC_WARM"] = str(Path(folder.name, "socket"))
    server = subprocess.Popen(
        [sys.executable, "-m", "idgan_sc.records.warm", os.environ["IDGAN_SC_WARM"]],
        env=os.environ | dict.fromkeys(THREADS, "1"),
        stdin=subprocess.PIPE,
        process_group=0,  # an interrupt from the keyboard reaches the jobs through those who asked
    )
    atexit.register(folder.cleanup)
    atexit.register(server.communicate)  # before it


def serve(place: str) -> None:
    """Copy this process for everyone who asks, until standard input ends.

    Then wait for the copies.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [], 1)[0]):
            if ready:
                with listener.accept()[0] as asked:
                    _copy(asked, listener)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    with contextlib.suppress(ChildProcessError):
        while os.wait():
            pass


def _copy(asked: socket.socket, listener: socket.socket) -> None:
    """Fork; the copy runs the command that it is sent."""
    words, files, _, _ = socket.recv_fds(asked, 2**16, 3)
    if not files:  # whoever asked has ended meanwhile
        return
    command = json.loads(words)
    for module in LOADS.get(command[0], ()):
        with contextlib.suppress(ImportError):  # the copy says it
            importlib.import_module(module)
    if os.fork() == 0:
        listener.close()
        _run(command, files, asked)
    for file in files:
        os.close(file)


def _run(command: list[str], files: list[int], asked: socket.socket) -> NoReturn:
    """Run a command for the process that asked, and send it the exit status.

    files: its standard input, output and error.
    """
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    for number, name in ((1, "stdout"), (2, "stderr")):  # the server's own were opened on other files
        setattr(sys, name, os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace"))
    threading.Thread(target=_obey, args=(asked,), daemon=True).start()
    status: object = 1
    try:
        sys.argv = ["idgan-sc", *command]
        runpy.run_module("idgan_sc.cli", run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        code = status if isinstance(status, int) else 1
        with contextlib.suppress(OSError):  # whoever asked has ended
            asked.send(bytes([code]))
        os._exit(code)


def _obey(asked: socket.socket) -> None:
    """Give this process the signals of the process that asked.

    The end of that process is a SIGTERM.
    """
    with contextlib.suppress(OSError):
        while number := asked.recv(1):
            os.kill(os.getpid(), number[0])
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve(sys.argv[1])
