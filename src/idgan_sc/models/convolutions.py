"""Convolutions and spectral normalisation that the networks are built of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

THIN = 3  # channels of an image at most
_OF_LIBRARY = ContextVar("of_library", default=False)  # whether PyTorch's own convolutions are taken on a CPU too


def _by_hand(x: Tensor) -> bool:
    """Say whether to use this file's own convolution.

    The library's convolution is used on a GPU and within `library_convolutions`.
    """
    return not _OF_LIBRARY.get() and x.device.type == "cpu"


def _spread(y: Tensor, weight: Tensor) -> Tensor:
    """Compute a transposed 4x4 stride-2 convolution as a matrix product.

    It maps (B, o, h, w) -> (B, i, 2h, 2w) by overlapping sums. `weight` is (o, i, 4, 4). With i of at most three
    channels, this takes a third of the library's time on a CPU.
    """
    height, width = y.shape[2:]
    positions = y.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # (B, o, h w), a view
    patches = weight.flatten(1).t() @ positions  # (B, i 16, h w)
    return F.fold(patches, (2 * height, 2 * width), 4, padding=1, stride=2)


def _conv_gradients(g: Tensor, x: Tensor, weight: Tensor, transposed: bool, wanted: list[bool]) -> tuple[Tensor, ...]:
    """The library's gradients for input, weight and bias of a 4x4 stride-2 convolution."""
    outputs = weight.shape[1 if transposed else 0]
    geometry = ([outputs], [2, 2], [1, 1], [1, 1], transposed, [0, 0], 1)
    gradients: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(g, x, weight, *geometry, wanted)
    return gradients


class _ThinConv(torch.autograd.Function):
    """4x4 stride-2 convolution of an image; its gradient for the image goes through `_spread`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, 2, 1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = [False, *ctx.needs_input_grad[1:]]
        gradients = _conv_gradients(g, x, weight, False, wanted) if any(wanted) else (None, None, None)
        return _spread(g, weight) if ctx.needs_input_grad[0] else None, *gradients[1:]


class _Deconv(torch.autograd.Function):
    """4x4 stride-2 transposed convolution; an image comes through `_spread`.

    The library sums the bias's gradient over a strided view: up to three times the cost of its other two together.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        if weight.shape[1] <= THIN:
            return _spread(x, weight) + bias.view(-1, 1, 1)
        return F.conv_transpose2d(x, weight, bias, 2, 1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dx, dweight, _ = _conv_gradients(g, x, weight, True, [*ctx.needs_input_grad[:2], False])
        return dx, dweight, g.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None


@contextmanager
def library_convolutions() -> Iterator[None]:
    """Take PyTorch's own convolutions: `torch.vmap` knows no rule for ours, and benchmarks compare with them."""
    token = _OF_LIBRARY.set(True)
    try:
        yield
    finally:
        _OF_LIBRARY.reset(token)


def conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """4x4 stride-2 convolution, padding 1; weight (o, i, 4, 4)."""
    if x.shape[1] <= 2 * THIN and _by_hand(x):  # an image, or a pair of images
        return _ThinConv.apply(x, weight, bias)
    return F.conv2d(x, weight, bias, 2, 1)


class Deconv2d(nn.ConvTranspose2d):
    """4x4 stride-2 transposed convolution, padding 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        if _by_hand(x):
            return _Deconv.apply(x, self.weight, self.bias)
        return F.conv_transpose2d(x, self.weight, self.bias, 2, 1)


class WholeConv2d(nn.Conv2d):
    """Apply a convolution whose kernel covers its input.

    It maps (B, i, s, s) -> (B, o, 1, 1) by one matrix product.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.flatten(1), self.weight.flatten(1), self.bias)[:, :, None, None]


class WholeDeconv2d(nn.ConvTranspose2d):
    """Apply a transposed convolution to an input of one position.

    It maps (B, i, 1, 1) -> (B, o, s, s) by one matrix product.
    """

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        y = (x.flatten(1) @ self.weight.flatten(1)).view(len(x), *self.weight.shape[1:])
        return y.contiguous(memory_format=torch.channels_last) + cast(Tensor, self.bias).view(-1, 1, 1)


class _SpectralNorm:
    """Divides `weight` by its largest singular value, estimated by one power iteration a training step.

    u and v are constants of the graph: sigma = u' W v is differentiated with respect to W alone. The released
    InfoGAN-CR code differentiates the iteration as well and renews u in the same rhythm.
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def start_vectors(self) -> None:
        rows, columns = self.weight.flatten(1).shape
        self.register_buffer("u", torch.zeros(rows))  # type: ignore[attr-defined]
        self.register_buffer("v", torch.zeros(columns))  # type: ignore[attr-defined]

    @torch.no_grad()
    def power_iteration(self) -> None:
        w = self.weight.flatten(1)  # (out, in)
        self.v.copy_(F.normalize(self.u @ w, dim=0))
        self.u.copy_(F.normalize(w @ self.v, dim=0))

    def normalised(self) -> Tensor:
        return self.weight / torch.dot(self.u, self.weight.flatten(1) @ self.v)


class SNConv2d(_SpectralNorm, nn.Conv2d):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)
        self.start_vectors()

    def forward(self, x: Tensor) -> Tensor:
        return conv(x, self.normalised(), self.bias)


class SNLinear(_SpectralNorm, nn.Linear):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.start_vectors()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised(), self.bias)


def power_iteration(network: nn.Module) -> None:
    """Renew the singular vectors of every spectrally normalised layer of `network`, once a training step."""
    for module in network.modules():
        if isinstance(module, _SpectralNorm):
            module.power_iteration()
