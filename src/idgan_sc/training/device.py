"""The device that PyTorch computes on."""

import ctypes

import torch

from idgan_sc.config import Config, ConfigError


def use_device(config: Config) -> str:
    """Set threads, determinism, precision and the allocator for this process; return the device's name.

    Raises
    ------
    ConfigError
        If CUDA is asked for and absent.
    """
    wanted = config["compute"]["device"]
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("compute.device: cuda is asked for, but PyTorch finds no GPU: use auto or cpu")
    torch.set_num_threads(config["compute"]["threads"])
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Nothing here reads uninitialised memory, and filling it takes 3-12 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = config["compute"]["tf32"]
    _keep_freed_memory()
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of returning them.

    Otherwise page faults cost 5-12 % of a step.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 2**26)
