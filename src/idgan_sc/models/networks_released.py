"""Define the networks of ID-GAN's released code for dSprites.

Two more networks are those that IB-GAN adds to G and D.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idgan_sc.models.networks import ConvDecoder, ConvEncoder, Trunk


class Generator(nn.Module):
    """Generate images (B, C, H, W) in [0, 1] with ID-GAN's dSprites G.

    It is the β-VAE's decoder of (z, c), with tanh.
    """

    def __init__(self, size: int, channels: int, c_dim: int, z_dim: int) -> None:
        super().__init__()
        self.decoder = ConvDecoder(size, channels, z_dim + c_dim)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return (torch.tanh(self.decoder(torch.cat([z, c], dim=1))) + 1) / 2


class Discriminator(nn.Module):
    """Judge images with ID-GAN's D for dSprites.

    It is the β-VAE's encoder with one output. `c_dim` more outputs form a Q.

    Deviates: ID-GAN has no learned Q. With c_dim = 0 this is its D. Images in [0, 1] are mapped to [-1, 1] inside.
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        self.encoder = ConvEncoder(size, channels, 1)
        last = self.encoder.net[-1]
        assert isinstance(last, nn.Linear)
        self.encoder.net[-1] = nn.Linear(last.in_features, 1 + c_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        out = self.encoder.net(2 * x - 1)
        return out[:, 0], out[:, 1:] if out.shape[1] > 1 else None


class BottleneckEncoder(nn.Module):
    """Map noise z (B, z_dim) to IB-GAN's code distribution e(r|z).

    The outputs are the mean and log variance of r, each (B, k).
    """

    def __init__(self, z_dim: int, c_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(z_dim, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2 * c_dim)
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.net(z).chunk(2, dim=1)
        return mean, logvar


class Reconstructor(nn.Module):
    """Read the noise z (B, z_dim) of an image, as IB-GAN's Q(z|x).

    It has its own trunk.
    """

    def __init__(self, size: int, channels: int, z_dim: int, hidden: int) -> None:
        super().__init__()
        self.trunk = Trunk(size, channels)
        self.out = nn.Linear(hidden, z_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.leaky_relu(self.trunk(x), 0.2))
