"""Commands that a copy of the server runs: as in a process of their own, for the process that asked."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from idgan_sc import __main__ as client
from idgan_sc.config import Config
from idgan_sc.files import sha256
from idgan_sc.records.warm import THREADS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the workflow starts no server")
COMMAND = [sys.executable, "-m", "idgan_sc"]
ONE_THREAD = os.environ | dict.fromkeys(THREADS, "1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, str]]]:
    """The process id of a server, and the environment in which commands find it."""
    place = tmp_path_factory.mktemp("warm") / "socket"
    command = [sys.executable, "-m", "idgan_sc.records.warm", str(place)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=ONE_THREAD | {"COLUMNS": "50"})
    while not place.exists() and process.poll() is None:
        time.sleep(0.01)
    yield process.pid, ONE_THREAD | {"IDGAN_SC_WARM": str(place), "COLUMNS": "150"}
    process.communicate(timeout=60)
    assert process.returncode == 0


def ended(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    done = subprocess.run([*COMMAND, *words], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_copy_writes_and_ends_as_a_process_of_its_own(server: tuple[int, dict[str, str]]) -> None:
    for words in (["check"], ["train", "--system", "nix"]):
        assert ended(server[1], *words) == ended(ONE_THREAD, *words)
    wide, narrow = (  # the usage, which is wrapped; the copy has the server's environment
        ended(environment, "train", "--help")[1].partition("\n\n")[0]
        for environment in (ONE_THREAD | {"COLUMNS": "150"}, server[1])
    )
    assert max(map(len, narrow.splitlines())) <= 50 < max(map(len, wide.splitlines()))


def test_a_training_has_the_same_bytes_in_a_copy(
    server: tuple[int, dict[str, str]],
    small_config: Config,
    write_config: Callable[[Config], Path],
    new_root: Callable[..., Path],
) -> None:
    words = ["--config", str(write_config(small_config)), "train", "--system", "beta_vae", "--out"]
    found = []
    for name, environment in (("copy", server[1]), ("own", ONE_THREAD)):
        root = new_root(name)
        assert ended(environment, *words, str(root))[0] == 0
        folder = root / "runs/dsprites/beta_vae/main/0"
        found.append([sha256(folder / name) for name in ("weights.safetensors", "curve.npz", "log.csv")])
    assert found[0] == found[1]


@pytest.mark.gpu
def test_a_copy_can_train_on_a_gpu(
    server: tuple[int, dict[str, str]],
    config: Config,
    write_config: Callable[[Config], Path],
    new_root: Callable[..., Path],
) -> None:
    """The server itself never starts CUDA, which its copies could not use then."""
    config["compute"]["device"] = "cuda"
    words = ["--config", str(write_config(config)), "train", "--system", "beta_vae", "--out", str(new_root())]
    assert ended(server[1], *words)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_copy_ends_with_the_process_that_asked(
    number: int,
    server: tuple[int, dict[str, str]],
    config: Config,
    write_config: Callable[[Config], Path],
    new_root: Callable[..., Path],
) -> None:
    """By SIGTERM: a training writes its checkpoint, and both processes have its exit status."""
    config["presets"]["test"]["families"]["vae"]["steps"] = 100_000
    root, pid = new_root(), server[0]
    words = ["--config", str(write_config(config)), "train", "--system", "beta_vae", "--out", str(root)]
    asking = subprocess.Popen([*COMMAND, *words], env=server[1], stderr=subprocess.DEVNULL)
    saved = root / "runs/dsprites/beta_vae/main/0/checkpoint.safetensors"
    wait(saved.exists)
    asking.send_signal(number)
    assert asking.wait(timeout=60) == (143 if number == signal.SIGTERM else -number)
    wait(lambda: not Path(f"/proc/{pid}/task/{pid}/children").read_text())


def wait(until: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_no_server_is_asked_for_other_threads_or_from_elsewhere(
    server: tuple[int, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("IDGAN_SC_WARM", raising=False)
    assert client.ask(["check"]) is None
    monkeypatch.setenv("IDGAN_SC_WARM", server[1]["IDGAN_SC_WARM"])
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert client.ask(["check"]) is None
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IDGAN_SC_WARM", str(tmp_path / "gone"))
    assert client.ask(["check"]) is None
