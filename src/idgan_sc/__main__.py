"""`python -m idgan_sc` is `idgan-sc`.

In a job of the workflow, a copy of the workflow's server runs the command (`warm`).
"""

import json
import os
import runpy
import signal
import socket
import sys


def ask(words: list[str]) -> int | None:
    """Let a copy of the server run a command, and return its exit status.

    It is None if there is no server for the command.
    """
    place = os.environ.get("IDGAN_SC_WARM")
    if not place or os.environ.get("OMP_NUM_THREADS") != "1":  # the server has imported the libraries for one thread
        return None
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(place)
        except OSError:  # it has ended, or the job runs on another machine
            return None
        socket.send_fds(server, [json.dumps(words).encode()], [0, 1, 2])
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: server.send(bytes([number])))
        status = server.recv(1)
    return status[0] if status else 128 + signal.SIGKILL


if __name__ == "__main__":
    status = ask(sys.argv[1:])
    if status is not None:
        raise SystemExit(status)
    runpy.run_module("idgan_sc.cli", run_name="__main__")
