"""Define the networks of all systems for each image size.

See Sec. 3. The layers are those of the released InfoGAN-CR and ID-GAN. A network for 64x64 images has four
stride-2 stages, one for 32x32 has three. Networks for 28x28, MNIST's own size, have two. At that size G, and
the convolutions and features of all others, are those of InfoGAN's MNIST network. Images are (B, C, H, W) in
[0, 1].
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idgan_sc.models.convolutions import Deconv2d, SNConv2d, SNLinear, WholeConv2d, WholeDeconv2d, _SpectralNorm

SIZES = (28, 32, 64)
TRUNK = {28: (64, 128), 32: (32, 64, 64), 64: (32, 32, 64, 64)}  # output channels of the critics' convolutions
UPWARD = {28: (128, 64), 32: (64, 64, 32), 64: (64, 64, 32, 32)}  # input channels of G's transposed convolutions
VAE = {28: (32, 64), 32: (32, 32, 64), 64: (32, 32, 64, 64)}  # output channels of the β-VAE's convolutions
SIDE = {28: 7, 32: 4, 64: 4}  # pixels a side of the smallest feature maps
HIDDEN = {28: 1024, 32: 128, 64: 128}  # features of the critics, and of G's first layer


class Generator(nn.Module):
    """G(z, c) -> images (B, C, H, W) in [0, 1].

    Activation before batch norm, as in InfoGAN-CR's net; at 28x28 after it, and ReLU throughout, as in InfoGAN's.
    """

    def __init__(self, size: int, channels: int, c_dim: int, z_dim: int) -> None:
        super().__init__()
        widths = UPWARD[size]
        self.start = (widths[0], SIDE[size], SIDE[size])
        fc: list[nn.Module] = []
        for i, o in pairwise((z_dim + c_dim, HIDDEN[size], math.prod(self.start))):
            fc += [nn.Linear(i, o), *self._activated(size, nn.ReLU(), nn.BatchNorm1d(o))]
        self.fc = nn.Sequential(*fc)
        stages: list[nn.Module] = []
        for i, o in pairwise(widths):
            activation = nn.ReLU(inplace=True) if size == 28 else nn.LeakyReLU(0.2, inplace=True)
            stages += [Deconv2d(i, o), *self._activated(size, activation, nn.BatchNorm2d(o))]
        self.deconv = nn.Sequential(*stages, Deconv2d(widths[-1], channels))

    @staticmethod
    def _activated(size: int, activation: nn.Module, norm: nn.Module) -> list[nn.Module]:
        return [norm, activation] if size == 28 else [activation, norm]

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        h = self.fc(torch.cat([z, c], dim=1)).view(len(z), *self.start)
        return torch.sigmoid(self.deconv(h.contiguous(memory_format=torch.channels_last)))


class Trunk(nn.Module):
    """Map images (B, C, H, W) to features (B, HIDDEN).

    D and Q share the trunk. The pair network has one as its body.

    Deviates: at 28x28 from InfoGAN's network. Spectral normalisation replaces its batch norm, and the slope is .2.
    """

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        widths = (channels, *TRUNK[size])
        self.convs = nn.ModuleList(SNConv2d(i, o) for i, o in pairwise(widths))
        self.fc = SNLinear(widths[-1] * SIDE[size] ** 2, HIDDEN[size])

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2, inplace=True)  # in place: half the traffic and memory
        return F.leaky_relu(self.fc(x.flatten(1)), 0.2)


class Discriminator(nn.Module):
    """Judge images by D and read their codes by Q on one trunk.

    D gives logits of "real" (B,). Q gives the means of Q(c|x) (B, k). k = 0 leaves Q out.
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        self.trunk = Trunk(size, channels)
        hidden = HIDDEN[size]
        self.d = SNLinear(hidden, 1)
        self.q = nn.Sequential(SNLinear(hidden, 128), nn.LeakyReLU(0.2), SNLinear(128, c_dim)) if c_dim else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self.trunk(x)
        return self.d(features).squeeze(1), None if self.q is None else self.q(features)


class PairNetwork(nn.Module):
    """Map two images to a unit vector r or to logits (network E or H).

    The images are concatenated on channels. The output is (B, outputs). The logits are over the codes. The last
    layer has no spectral normalisation. `unit` normalises r, which Eq. (6) with two temperatures needs (ledger row
    2). `standardise` first standardises r over the pairs (ledger row 39).
    """

    def __init__(self, size: int, channels: int, outputs: int, unit: bool, standardise: bool) -> None:
        super().__init__()
        self.trunk = Trunk(size, 2 * channels)
        self.out = nn.Linear(HIDDEN[size], outputs)
        self.standardise = nn.BatchNorm1d(outputs, affine=False) if standardise else nn.Identity()
        self.unit = unit

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        r = self.standardise(self.out(self.trunk(torch.cat([x1, x2], dim=1))))
        return F.normalize(r, dim=1) if self.unit else r


def _downward(widths: tuple[int, ...]) -> list[nn.Module]:
    """Stride-2 convolutions from width to width, each with its ReLU."""
    return [layer for i, o in pairwise(widths) for layer in (nn.Conv2d(i, o, 4, 2, 1), nn.ReLU(inplace=True))]


def _upward(widths: tuple[int, ...]) -> list[nn.Module]:
    """Stride-2 transposed convolutions from width to width, ReLU between them."""
    layers: list[nn.Module] = []
    for i, o in pairwise(widths):
        layers += [Deconv2d(i, o), nn.ReLU(inplace=True)]
    return layers[:-1]


class ConvEncoder(nn.Module):
    """Encode images as the mean and log variance of q(c|x).

    Each is (B, k). This is the β-VAE encoder ("H" of the released ID-GAN).
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        head = (WholeConv2d(64, 256, SIDE[size]), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2 * c_dim))
        self.net = nn.Sequential(*_downward((channels, *VAE[size])), *head)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.net(x).chunk(2, dim=1)
        return mean, logvar


class ConvDecoder(nn.Module):
    """Decode codes (B, k) to logits of the pixels (B, C, H, W).

    The decoder mirrors ConvEncoder.
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(c_dim, 256), nn.ReLU())
        stages = _upward((*reversed(VAE[size]), channels))
        self.deconv = nn.Sequential(WholeDeconv2d(256, 64, SIDE[size]), nn.ReLU(), *stages)

    def forward(self, c: Tensor) -> Tensor:
        return self.deconv(self.fc(c)[:, :, None, None])


class FactorEncoder(nn.Module):
    """FactorVAE encoder of the InfoGAN-CR repository: images -> mean and log variance, each (B, k)."""

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        stages = _downward((channels, *TRUNK[size]))
        features, hidden = TRUNK[size][-1] * SIDE[size] ** 2, HIDDEN[size]
        self.net = nn.Sequential(*stages, nn.Flatten(), nn.Linear(features, hidden))
        self.mean, self.logvar = nn.Linear(hidden, c_dim), nn.Linear(hidden, c_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.net(x)
        return self.mean(h), self.logvar(h)


class FactorDecoder(nn.Module):
    """Decode codes (B, k) to logits of the pixels (B, C, H, W).

    The decoder belongs to FactorEncoder.
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        self.start, hidden = (UPWARD[size][0], SIDE[size], SIDE[size]), HIDDEN[size]
        features = math.prod(self.start)
        self.fc = nn.Sequential(nn.Linear(c_dim, hidden), nn.ReLU(), nn.Linear(hidden, features), nn.ReLU())
        self.deconv = nn.Sequential(*_upward((*UPWARD[size], channels)))

    def forward(self, c: Tensor) -> Tensor:
        return self.deconv(self.fc(c).view(-1, *self.start))


class TotalCorrelationCritic(nn.Module):
    """Map codes (B, k) to logits of (joint, product of marginals).

    There are five hidden layers, as in the InfoGAN-CR code.
    """

    def __init__(self, c_dim: int) -> None:
        super().__init__()
        widths = (c_dim, 1000, 1000, 1000, 1000, 1000)
        layers: list[nn.Module] = []
        for i, o in pairwise(widths):
            layers += [nn.Linear(i, o), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Linear(1000, 2))

    def forward(self, c: Tensor) -> Tensor:
        return self.net(c)


def initialise(network: nn.Module, rng: torch.Generator, device: torch.device) -> None:
    """Initialise a network from `rng` and move it to `device`.

    The weights are N(0, 0.02). Convolutions under spectral normalisation are truncated at 2 SD. The biases are
    zero. This matters: with PyTorch's own biases, the pair network's bias dominates r and r collapses (ledger row
    39).
    """
    for module in network.modules():
        if isinstance(module, SNConv2d):
            nn.init.trunc_normal_(module.weight, 0.0, 0.02, -0.04, 0.04, generator=rng)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02, generator=rng)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, _SpectralNorm):
            module.u.copy_(F.normalize(torch.randn(module.u.shape, generator=rng), dim=0))
            module.power_iteration()
    network.to(device).to(memory_format=torch.channels_last)


def shapes(network: nn.Module, *inputs: Tensor) -> list[dict[str, Any]]:
    """What `network(*inputs)` passes, a row a layer, in order: name, kind, output shape, parameters, multiply-adds.

    Multiply-adds count convolutions and linear layers, for one image. Shapes leave the batch out.
    """
    rows: list[dict[str, Any]] = []

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            row = {"name": name, "kind": type(module).__name__, "shape": list(output.shape[1:])}
            count = sum(p.numel() for p in module.parameters())
            rows.append({**row, "parameters": count, "multiply_adds": _multiply_adds(module, arguments[0], output)})

        return hook

    leaves = [(n, m) for n, m in network.named_modules() if not list(m.children()) and not isinstance(m, nn.Identity)]
    handles = [m.register_forward_hook(note(n)) for n, m in leaves]
    training = network.training
    with torch.no_grad():
        network.eval()(*inputs)
    network.train(training)
    for handle in handles:
        handle.remove()
    return rows


def _multiply_adds(module: nn.Module, x: Tensor, y: Tensor) -> int:
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        return 0
    positions = (x if isinstance(module, nn.ConvTranspose2d) else y).shape[2:].numel()
    return module.weight.numel() * positions
