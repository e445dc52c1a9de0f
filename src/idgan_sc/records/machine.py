"""On what machine, by which versions and at which commit this process runs."""

import ctypes
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from idgan_sc.source import PACKAGE

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")
LIBRARIES = ("torch", "onednn", "mkl", "openblas")  # that choose among instruction sets
# Equal bytes are promised within one kind of machine: where all of this, and the `instructions` of every library, is as
# a record has it.
OF_GPU = ("tf32", "graph")  # of `compute`: what a GPU computes with
KIND = ("processor", "processor_model", "platform", "python", *PACKAGES, "device", "gpu", "threads")

SOURCE_PATHS = ("--", ":/", ":(top,exclude)results", ":(top,exclude)*.md")


@cache
def commit() -> dict[str, Any]:
    """Return the commit of the package's checkout and whether it was changed.

    Both are None outside of a checkout. Results do not count as a change: a sweep continues while the results of
    its first seeds are published, and documents follow from results.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno", *SOURCE_PATHS))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def machine() -> dict[str, Any]:
    """Describe this machine as a record does.

    The description has versions, processor, instruction sets, platform, and the GPU if it is in use.
    """
    versions = {name: metadata.version(name) for name in PACKAGES}
    facts: dict[str, Any] = {"python": platform.python_version(), **versions, "platform": platform.platform()}
    facts |= {"processor": _processor(), "processor_model": _model(), "instructions": instructions()}
    return facts | _gpu()


def machine_for(record: dict[str, Any]) -> dict[str, Any]:
    """Describe this machine as the record of a training here would.

    The training uses the recorded device.
    """
    import torch

    cuda = record.get("device") == "cuda" and torch.cuda.is_available()
    facts = machine() | {"device": "cuda" if cuda else "cpu", "threads": record.get("threads")}
    return facts | ({"gpu": torch.cuda.get_device_name(), **{key: record.get(key) for key in OF_GPU}} if cuda else {})


def differences(record: dict[str, Any], here: dict[str, Any]) -> tuple[list[str], list[str]]:
    """List how a record's kind of machine differs from `here`, in words.

    The second list names the fields that either of them lacks. A missing field is unknown, never equal. Both
    lists are empty within one kind of machine.
    """
    a, b = _kind(record), _kind(here)
    unknown = [key for key in a if a[key] is None or b[key] is None]
    other = [f"{key} {a[key]}, here {b[key]}" for key in a if key not in unknown and a[key] != b[key]]
    return other, list(dict.fromkeys(key.partition(" of ")[0] for key in unknown))


def _kind(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that tell kinds of machines apart.

    The release of the kernel is not one of them, because it computes no number.
    """
    chosen = facts.get("instructions") or {}
    fields = {key: facts.get(key) for key in KIND} | {f"instructions of {name}": chosen.get(name) for name in LIBRARIES}
    system, _, rest = str(fields["platform"] or "").partition("-")
    machine = re.search(r"(x86_64|AMD64|aarch64|arm64).*", rest)
    without = None if "gpu" in facts else "none"  # a processor needs no word of what concerns a GPU alone
    fields |= {"gpu": facts.get("gpu", "none")} | {key: facts.get(key, without) for key in OF_GPU}
    return fields | {"platform": f"{system}-{machine[0]}" if machine else None}


@cache
def instructions() -> dict[str, str | None]:
    """Return the instruction set that each library of this process computes with.

    It is None if a library does not name it. The instruction sets decide the last digits of sums: of PyTorch's
    own kernels, of oneDNN's convolutions, of MKL's matrix products, and of OpenBLAS under NumPy. For MKL, these
    are its numbers for the processor's type and for the mode of reproducibility.
    """
    import torch
    from threadpoolctl import threadpool_info

    mkl = [_ask_torch(f"mkl_serv_{name}", 1) for name in ("get_cpu_type", "cbwr_get")]
    blas = sorted({str(row["architecture"]) for row in threadpool_info() if row["internal_api"] == "openblas"})
    return {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "onednn": _onednn() if torch.backends.mkldnn.is_available() else "none",
        "mkl": "none" if not torch.backends.mkl.is_available() else None if None in mkl else "/".join(map(str, mkl)),
        "openblas": "+".join(blas) or "none",
    }


def _ask_torch(name: str, *arguments: int) -> int | None:
    """Call a function of PyTorch's own library.

    The result is None if the library or the function is missing.
    """
    import torch

    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib/libtorch_cpu.so"))
        return int(getattr(library, name)(*arguments))
    except (OSError, AttributeError):
        return None


def _onednn() -> str | None:
    """Return the kernel that oneDNN uses for a convolution, such as `jit:avx512_core`.

    oneDNN prints it to the process's own output, past Python. For that time, the output goes to a file.
    """
    import torch

    x, w = torch.zeros(1, 8, 8, 8), torch.zeros(8, 8, 3, 3)
    try:
        sys.stdout.flush()
        flush, output = ctypes.CDLL(None).fflush, os.dup(1)
        flush(None)
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 1)
            try:
                with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
                    torch.mkldnn_convolution(x, w, None, (0, 0), (1, 1), (1, 1), 1)
                flush(None)
            finally:
                os.dup2(output, 1)
                os.close(output)
            file.seek(0)
            found = re.search(r",convolution,([\w:]+)", file.read().decode(errors="replace"))
        return found[1] if found else None
    except (OSError, AttributeError, RuntimeError, TypeError):  # TypeError: Windows has no CDLL(None)
        return None


def _gpu() -> dict[str, str]:
    import torch

    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_initialized() else {}


def _processor() -> str:
    return _processor_fields().get("model name", platform.processor())


def _model() -> str | None:
    """Return family, model and stepping of the processor, such as `6/207/2`.

    The result is None if the system does not name them.
    """
    fields = _processor_fields()
    names = ("cpu family", "model", "stepping")
    return "/".join(fields[name] for name in names) if all(name in fields for name in names) else None


def processor() -> str:
    """Return the processor's name and model, and PyTorch's instruction set.

    An example is `…, 6/207/2, AVX512`.
    """
    import torch

    return f"{_processor()}, {_model() or '?/?/?'}, {torch.backends.cpu.get_cpu_capability()}"


def _processor_fields() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def process_age() -> float:
    """Return the seconds since this process started.

    The result is 0 on systems other than Linux.
    """
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])  # since the system's start
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return 0.0


def peak_memory_mb() -> int:
    """Largest resident memory of this process so far, in MiB; pages of memory-mapped images count.

    Read from the kernel's own high-water mark: `ru_maxrss` starts at that of the process which started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
    except (OSError, StopIteration):  # no Linux
        import resource  # of Unix alone

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS in bytes, else in KiB
        return peak // (1024**2 if sys.platform == "darwin" else 1024)
