"""A replication of IDGAN-SC (information distillation GAN with supervised contrastive regularisation)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from idgan_sc.evaluation.model import Model


def load(run: "str | PathLike[str]") -> "Model":
    """A finished run as `encode`, `generate` and `traverse` (see `idgan_sc.evaluation.model.Model`).

    PyTorch is imported only now, so that the metrics can be used without it.

    Raises
    ------
    ImportError
        If the extra `train` is not installed.
    """
    try:
        from idgan_sc.evaluation.model import load
    except ModuleNotFoundError as error:
        raise ImportError(
            f"load needs the extra `train` ({error.name} is not installed): pip install '.[train]'"
        ) from error

    return load(run)
