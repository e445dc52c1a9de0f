"""On what machine, by which versions and at which commit this process runs."""

import platform
import resource
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from idgan_sc.source import PACKAGE

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")
KIND = ("processor", "platform", "python", *PACKAGES, "device", "gpu", "threads")  # equal bytes are promised within one

CODE = ("--", ":/", ":(top,exclude)results", ":(top,exclude)*.md")


@cache
def commit() -> dict[str, Any]:
    """The commit of the checkout that the package lies in and whether it was changed since; empty outside of one.

    Results are no change: a sweep goes on while those of its first seeds are published, and documents follow from them.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno", *CODE))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def machine() -> dict[str, Any]:
    """Versions, processor, platform, and the GPU if it is in use: within one kind, equal seeds give equal bytes."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    about = {"python": platform.python_version(), **versions, "platform": platform.platform()}
    return about | {"processor": _processor()} | _gpu()


def _gpu() -> dict[str, str]:
    import torch

    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}


def _processor() -> str:
    return _processor_fields().get("model name", platform.processor())


def processor() -> str:
    """The processor's name and model, and the instruction set that PyTorch takes: such as `…, 6/207/2, AVX512`."""
    import torch

    fields = _processor_fields()
    model = "/".join(fields.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{_processor()}, {model}, {torch.backends.cpu.get_cpu_capability()}"


def _processor_fields() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def peak_memory_mb() -> int:
    """Largest resident memory of this process so far, in MiB; pages of memory-mapped images count.

    Read from the kernel's own high-water mark: `ru_maxrss` starts at that of the process which started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
    except (OSError, StopIteration):  # no Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS in bytes, else in KiB
        return peak // (1024**2 if sys.platform == "darwin" else 1024)
