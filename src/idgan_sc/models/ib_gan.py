"""Train IB-GAN, whose generator reads the noise through a stochastic bottleneck.

Source: Jeon et al. 2021. The bottleneck gives the code r. The scored code is the mean of e(r|z) at the z that Q
reads from an image, as in the released evaluation. The reason: the KL term makes r sparse, and G draws from r.
The noise z has more dimensions.
"""

from typing import Any

import torch
from torch import Tensor, nn

from idgan_sc.models import convolutions, networks_released
from idgan_sc.models import networks as nets
from idgan_sc.models import objectives as obj
from idgan_sc.models.codes import draw_prior, sample_posterior
from idgan_sc.models.descent import descend, optimiser
from idgan_sc.models.gan import DEAD_SD


class IBGAN:
    """Train IB-GAN: a GAN with a stochastic bottleneck r between noise and G.

    settings: c_dim (of r), z_dim, beta, lambda_info, prior, lr_generator, lr_discriminator, instance_noise,
    noise_steps; image_shape (C, H, W).

    Deviates: G, D and Q's body are this project's, as for the other GANs, not the released ones.
    """

    def __init__(
        self, settings: dict[str, Any], image_shape: tuple[int, int, int], streams: dict[str, torch.Generator]
    ):
        # A step differs from the last until the noise on images is gone, as one does until a capacity is full.
        self.settings, self.streams = settings | {"capacity_steps": settings["noise_steps"]}, streams
        self.device = streams["noise"].device
        channels, size, _ = image_shape
        k, z_dim = settings["c_dim"], settings["z_dim"]
        self.networks: dict[str, nn.Module] = {
            "generator": nets.Generator(size, channels, k, 0),
            "discriminator": nets.Discriminator(size, channels, 0),
            "bottleneck": networks_released.BottleneckEncoder(z_dim, k),
            "reconstructor": networks_released.Reconstructor(size, channels, z_dim, nets.HIDDEN[size]),
        }
        for network in self.networks.values():
            nets.initialise(network, streams["weights"], self.device)
        rates = {"discriminator": settings["lr_discriminator"]}
        self.optimisers = {
            name: optimiser(network, settings, rates.get(name, settings["lr_generator"]))
            for name, network in self.networks.items()
        }
        self.steps_done = 0

    def step(self, x: Tensor) -> dict[str, Tensor]:
        """Update D, then G with its bottleneck and Q, on the same images.

        The result is the log.
        """
        for name in ("discriminator", "reconstructor"):
            convolutions.power_iteration(self.networks[name])
        z = draw_prior((len(x), self.settings["z_dim"]), self.settings["prior"], self.streams["noise"])
        mean, logvar = self.networks["bottleneck"](z)
        fake = self.noisy(self.networks["generator"](z[:, :0], sample_posterior(mean, logvar, self.streams["noise"])))

        logits, _ = self.networks["discriminator"](torch.cat([self.noisy(x), fake.detach()]))
        loss_d = obj.discriminator_loss(*logits.split(len(x)))
        descend(loss_d, self.optimisers["discriminator"])

        adversarial = obj.generator_adversarial_loss(self.networks["discriminator"](fake)[0])
        z_read, kl = self.networks["reconstructor"](fake), obj.gaussian_kl(mean, logvar)
        settings = self.settings
        loss = obj.ib_gan_objective(adversarial, z, z_read, kl, settings["lambda_info"], settings["beta"])
        descend(loss, *(self.optimisers[name] for name in ("generator", "bottleneck", "reconstructor")))
        self.steps_done += 1
        sd = self.encode(x).std(0)
        log = {"loss_d": loss_d, "loss_g": adversarial, "loss_info": 0.5 * (z - z_read).square().sum(1).mean()}
        log |= {f"kl_{j + 1}": kl[j] for j in range(len(kl))} | {f"q_sd_{j + 1}": sd[j] for j in range(len(sd))}
        return {name: value.detach() for name, value in log.items()}

    def noisy(self, x: Tensor) -> Tensor:
        """Add the noise of training to images in [0, 1].

        D and Q see its sum; the noise's SD falls to 0.
        """
        settings = self.settings
        sd = settings["instance_noise"] * max(0.0, 1 - self.steps_done / settings["noise_steps"])
        if not sd:
            return x
        return (x + sd * torch.randn(x.shape, generator=self.streams["noise"], device=self.device)).clamp(0, 1)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images as the mean and log variance of e(r|z).

        Each is (B, k). The z is the one that Q reads from the image.
        """
        return self.networks["bottleneck"](self.networks["reconstructor"](x))

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean (B, k)."""
        return self.posterior(x)[0]

    @torch.no_grad()
    def generate(self, z: Tensor, c: Tensor) -> Tensor:
        """Generate images (B, C, H, W) in [0, 1] from the code r.

        Here c is r. The argument z is ignored.
        """
        return self.networks["generator"](z[:, :0], c)

    def warnings(self, row: dict[str, float]) -> list[str]:
        """What in one row of the log shows that codes tell nothing."""
        dead = [name[5:] for name, value in row.items() if name.startswith("q_sd_") and value < DEAD_SD]
        return [f"codes hardly vary over real images (SD below {DEAD_SD}): {', '.join(dead)}"] if dead else []
