"""Define the released InfoGAN-CR networks for CelebA.

They are G, D with Q, and the pair network (Sec. 3.3.3, Figs. 7-8). At 32x32 they are the released ones. The
paper trains at 64x64, where the released networks do not fit. There, G has one stage more. The critics keep
their stages, so their last features are 4x4 (ledger row 32). This takes five times fewer multiply-adds than
ID-GAN's ResNets. Kernels are 5x5 with stride 2, padded as TensorFlow pads. Unlike the networks for dSprites,
these normalise before they activate. The small networks of `networks.py` also take colour images. CPU presets
use those.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idgan_sc.models.convolutions import SNConv2d, SNLinear

CRITIC = (64, 128, 256, 512)  # output channels of the critics' convolutions
UPWARD = {32: (256, 128, 64), 64: (256, 256, 128, 64)}  # input channels of the generator's transposed convolutions


class SNConv5(SNConv2d):
    def __init__(self, inputs: int, outputs: int) -> None:
        nn.Conv2d.__init__(self, inputs, outputs, 5, 2)
        self.start_vectors()

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 2, 1, 2)), self.normalised(), self.bias, 2)


class Generator(nn.Module):
    """Generate images (B, C, H, W) in [0, 1] from z and c.

    The released tanh gives [-1, 1], which is mapped to [0, 1].
    """

    def __init__(self, size: int, channels: int, c_dim: int, z_dim: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(z_dim + c_dim, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
            nn.Linear(1024, 256 * 4 * 4), nn.BatchNorm1d(256 * 4 * 4), nn.ReLU(),
        )  # fmt: skip
        stages: list[nn.Module] = []
        for i, o in pairwise(UPWARD[size]):
            stages += [nn.ConvTranspose2d(i, o, 5, 2, 2, 1), nn.BatchNorm2d(o), nn.ReLU()]
        self.deconv = nn.Sequential(*stages, nn.ConvTranspose2d(64, channels, 5, 2, 2, 1))

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        h = self.fc(torch.cat([z, c], dim=1)).view(len(z), 256, 4, 4)
        return (torch.tanh(self.deconv(h.contiguous(memory_format=torch.channels_last))) + 1) / 2


class Discriminator(nn.Module):
    """Judge images by D and read their codes by Q on one trunk.

    D gives logits of "real" (B,). Q gives the means of Q(c|x) (B, k). k = 0 leaves Q out.
    """

    def __init__(self, size: int, channels: int, c_dim: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(SNConv5(i, o) for i, o in pairwise((channels, *CRITIC)))
        features = 512 * (size // 16) ** 2
        self.d = SNLinear(features, 1)
        self.q = SNLinear(features, c_dim) if c_dim else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        x = 2 * x - 1
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2, inplace=True)
        features = x.flatten(1)
        return self.d(features).squeeze(1), None if self.q is None else self.q(features)


class PairNetwork(nn.Module):
    """Map two images to (B, outputs), as `networks.PairNetwork` (network E or H).

    The images are concatenated on channels. There is no spectral normalisation.
    """

    def __init__(self, size: int, channels: int, outputs: int, unit: bool, standardise: bool) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for number, (i, o) in enumerate(pairwise((2 * channels, *CRITIC))):
            norm = [nn.BatchNorm2d(o)] if number else []
            stages += [nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(i, o, 5, 2), *norm, nn.LeakyReLU(0.2)]
        self.convs = nn.Sequential(*stages)
        self.out = nn.Linear(512 * (size // 16) ** 2, outputs)
        self.standardise = nn.BatchNorm1d(outputs, affine=False) if standardise else nn.Identity()
        self.unit = unit

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        r = self.standardise(self.out(self.convs(2 * torch.cat([x1, x2], dim=1) - 1).flatten(1)))
        return F.normalize(r, dim=1) if self.unit else r
