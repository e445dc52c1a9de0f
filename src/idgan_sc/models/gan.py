"""Train InfoGAN, InfoGAN-CR, ID-GAN and IDGAN-SC as one game with switches.

The game follows Eqs. (2)-(6) and Algorithm 1. InfoGAN is `pair_rule: none` with codes from the prior. ID-GAN is
the same with codes from a frozen β-VAE. InfoGAN-CR and IDGAN-SC add the pair network H or E. The players are G,
D with Q (one trunk), and the pair network.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from idgan_sc.models import convolutions, networks_celeba, networks_released
from idgan_sc.models import networks as nets
from idgan_sc.models import objectives as obj
from idgan_sc.models.codes import Pairs, another_of_batch, balanced_classes, draw_prior, recombine, sample_posterior
from idgan_sc.models.descent import descend, follow, optimiser

DEAD_SD = 0.05  # a code whose Q(x) varies less than this over real images carries nothing
COLLAPSED = 0.99  # mean cosine between classes above which r has collapsed
NETWORKS: dict[str, tuple[Any, Any, Any]] = {  # by the setting `network`: G, D with Q, the pair network
    "dsprites": (nets.Generator, nets.Discriminator, nets.PairNetwork),
    "celeba": (networks_celeba.Generator, networks_celeba.Discriminator, networks_celeba.PairNetwork),
    "idgan": (networks_released.Generator, networks_released.Discriminator, nets.PairNetwork),
}


class GAN:
    """Train a GAN of the family that the settings describe.

    settings: as `families.gan` in config.yaml.
    image_shape: (C, H, W).
    vae: the frozen encoder, if the codes need it.
    active: the dimensions that `pair_dims: live` may choose from. All by default.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        image_shape: tuple[int, int, int],
        streams: dict[str, torch.Generator],
        vae: nn.Module | None = None,
        active: list[int] | None = None,
    ):
        self.settings, self.streams, self.vae = settings, streams, vae
        self.device = streams["noise"].device
        channels, size, _ = image_shape
        k, frozen_q = settings["c_dim"], settings["q"] == "encoder"
        generator, discriminator, pair_network = NETWORKS[settings["network"]]
        self.networks: dict[str, nn.Module] = {
            "generator": generator(size, channels, k, settings["z_dim"]),
            "discriminator": discriminator(size, channels, 0 if frozen_q else k),
        }
        self.regularised = settings["pair_rule"] != "none"
        self.contrastive = self.regularised and settings["pair_loss"] == "contrastive"
        self.separate = self.regularised and settings["pair_step"] == "separate"
        if self.regularised:
            outputs = settings["r_dim"] if self.contrastive else k
            standardise = self.contrastive and settings["standardise_r"]
            self.networks["pair"] = pair_network(size, channels, outputs, self.contrastive, standardise)
        for network in self.networks.values():
            nets.initialise(network, streams["weights"], self.device)
        self.optimisers = {
            name: optimiser(network, settings, settings[f"lr_{name}"]) for name, network in self.networks.items()
        }
        if "average" in settings:  # the mean of G's weights over its steps, which generates after training
            self.networks["average"] = copy.deepcopy(self.networks["generator"]).requires_grad_(False)
        self.dims = torch.tensor(active or list(range(k)), device=self.device)
        self.steps_done = 0

    # ------------------------------------------------------------------------------------------------- one update
    def step(self, x: Tensor) -> dict[str, Tensor]:
        """Run one iteration of Algorithm 1, stage two.

        D moves with Q. Then G moves `generator_steps` times. The pair network moves once, with G's first step or in its
        own step.
        """
        for network in (self.networks["discriminator"], self.networks.get("pair")):
            if network is not None:
                convolutions.power_iteration(network)
        c = self.draw_codes(x)
        z = draw_prior((len(x), self.settings["z_dim"]), self.settings["prior"], self.streams["noise"])
        pairs = self.draw_pairs(x, c) if self.regularised and self.steps_done >= self.settings["pair_start"] else None
        fake = self.networks["generator"](z, c)  # shared by the steps of D and of G: G has not moved between them
        images = self.generate_pairs(pairs) if pairs else None
        log = self.discriminator_step(x, fake.detach(), c)
        if pairs and images and self.separate:
            log |= self.pair_network_step((images[0].detach(), images[1].detach()), pairs.s)
        for i in range(self.settings["generator_steps"]):
            if i > 0:
                fake = self.networks["generator"](z, c)
                images = self.generate_pairs(pairs) if pairs else None
            log |= self.generator_step(fake, c, images, pairs, move_pair_network=not self.separate and i == 0)
        if "average" in self.networks:
            follow(self.networks["average"], self.networks["generator"], self.settings["average"])
        self.steps_done += 1
        return {name: value.detach() for name, value in log.items()}

    def discriminator_step(self, x: Tensor, fake: Tensor, c: Tensor) -> dict[str, Tensor]:
        """Update D and Q, which share one trunk.

        D maximises L_adv of Eq. (4). Q minimises λ L_info of Eq. (5).
        """
        penalised = "r1" in self.settings
        if penalised:
            x = x.clone().requires_grad_()
        # No batch normalisation in D: one pass is two passes.
        logits, q = self.networks["discriminator"](torch.cat([x, fake]))
        real_logits, fake_logits = logits.split(len(x))
        adversarial = obj.discriminator_loss(real_logits, fake_logits)
        loss = adversarial
        log = {"loss_d": adversarial}
        if penalised:
            log["gradient_penalty"] = obj.gradient_penalty(real_logits, x)
            loss = loss + self.settings["r1"] * log["gradient_penalty"]
        if q is not None:
            q_real, q_fake = q.split(len(x))
            info = obj.info_loss(c, q_fake)
            loss = loss + self.settings["lambda_info"] * info
            sd = q_real.detach().std(0)
            log |= {"loss_info": info, **{f"q_sd_{j + 1}": sd[j] for j in range(len(sd))}}
        descend(loss, self.optimisers["discriminator"])
        return log

    def pair_network_step(self, images: tuple[Tensor, Tensor], s: Tensor) -> dict[str, Tensor]:
        """The pair network alone, on its unweighted loss (the order of InfoGAN-CR's released code)."""
        loss, _ = self.pair_loss(self.networks["pair"](*images), s)
        descend(loss, self.optimisers["pair"])
        return {"loss_pair_own": loss}

    def generator_step(
        self,
        fake: Tensor,
        c: Tensor,
        images: tuple[Tensor, Tensor] | None,
        pairs: Pairs | None,
        move_pair_network: bool,
    ) -> dict[str, Tensor]:
        """Update G, and the pair network too in a joint step.

        They minimise L_adv + λ L_info + α L_pair (Eqs. 2 and 3).
        """
        players = ["generator", *(["pair"] if pairs and move_pair_network else [])]
        logits, q = self.networks["discriminator"](fake)
        adversarial = obj.generator_adversarial_loss(logits)
        info = obj.info_loss(c, q) if q is not None else obj.info_loss(c, *self.posterior(fake))
        pair, log = None, {"loss_g": adversarial}
        if pairs and images:
            pair, log_pair = self.pair_loss(self.networks["pair"](*images), pairs.s)
            log |= log_pair
        if q is None:
            log["loss_info"] = info
        settings = self.settings
        alpha = settings["alpha"] if self.regularised else 0.0
        loss = obj.generator_objective(adversarial, info, pair, settings["lambda_info"], alpha)
        descend(loss, *(self.optimisers[player] for player in players))
        return log

    def pair_loss(self, r: Tensor, s: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the pair regulariser's loss and its log.

        It reads r (m, r_dim) or logits (m, k). The log shows whether the regulariser is still effective.
        """
        if not self.contrastive:
            loss = obj.pair_cross_entropy(r, s)
            return loss, {"loss_pair": loss, "pair_accuracy": (r.detach().argmax(1) == s).float().mean()}
        loss = obj.supervised_contrastive_loss(r, s, self.settings["tau_numerator"], self.settings["tau_denominator"])
        within, between = obj.cosines(r, s)
        accuracy = obj.nearest_mean_accuracy(r, s, self.settings["c_dim"])
        return loss, {"loss_pair": loss, "pair_accuracy": accuracy, "cos_within": within, "cos_between": between}

    # -------------------------------------------------------------------------------------------- codes and pairs
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The frozen β-VAE's q(c|x): mean and log variance, each (B, k)."""
        assert self.vae is not None, "these settings need a β-VAE"
        return self.vae(x)

    def draw_codes(self, x: Tensor) -> Tensor:
        """Draw codes c (B, k) from the prior or the frozen posterior.

        The posterior is that of this batch's real images.
        """
        if self.settings["code"] == "prior":
            return draw_prior((len(x), self.settings["c_dim"]), self.settings["prior"], self.streams["noise"])
        return sample_posterior(*self.posterior(x), self.streams["noise"])

    def draw_pairs(self, x: Tensor, c: Tensor) -> Pairs:
        """Draw m pairs of codes that differ, or agree, in one dimension s.

        Each pair has one noise z (Sec. 2.2).
        """
        settings, rng = self.settings, self.streams["pairs"]
        m, batch = settings["pairs"], len(x)
        shape = (m, settings["c_dim"])
        rows = torch.arange(m, device=self.device) % batch  # m/batch pairs for each code of the batch
        if settings["pair_bases"] == "batch":
            base = c[rows]
        elif settings["code"] == "vae":
            mean, logvar = self.posterior(x)
            base = sample_posterior(mean[rows], logvar[rows], rng)
        else:
            base = draw_prior(shape, settings["prior"], rng)
        if settings["code"] == "prior" or settings["vae_redraw"] == "prior":
            other = draw_prior(shape, settings["prior"], rng)
        elif settings["vae_redraw"] == "posterior":
            mean, logvar = self.posterior(x)
            other = sample_posterior(mean[rows], logvar[rows], rng)
        else:
            other = another_of_batch(base, batch, rng)
        s = balanced_classes(m, self.dims, rng)
        z = draw_prior((m, settings["z_dim"]), settings["prior"], rng)
        return Pairs(base, recombine(base, other, s, settings["pair_rule"]), z, s)

    def generate_pairs(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Generate both images of every pair, (m, C, H, W) each.

        G does this in one pass or in two (ledger row 22).
        """
        if "pair_passes" in self.settings:
            return self.networks["generator"](pairs.z, pairs.c1), self.networks["generator"](pairs.z, pairs.c2)
        both = self.networks["generator"](torch.cat([pairs.z, pairs.z]), torch.cat([pairs.c1, pairs.c2]))
        first, second = both.chunk(2)
        return first, second

    # --------------------------------------------------------------------------------------------------- for users
    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Encode images as the mean of Q(c|x), shape (B, k).

        If Q is the frozen β-VAE's encoder, the mean is that of its posterior.
        """
        q = self.networks["discriminator"](x)[1]
        return self.posterior(x)[0] if q is None else q

    @torch.no_grad()
    def generate(self, z: Tensor, c: Tensor) -> Tensor:
        """Generate images (B, C, H, W) in [0, 1] from z and c.

        Batch normalisation follows the network's mode. If an averaged G is kept, it generates the images.
        """
        return self.networks["average" if "average" in self.networks else "generator"](z, c)

    def warnings(self, row: dict[str, float]) -> list[str]:
        """What in one row of the log shows that a part is not alive."""
        found = []
        dead = [name[5:] for name, value in row.items() if name.startswith("q_sd_") and value < DEAD_SD]
        if dead:
            found.append(f"Q hardly varies over real images (SD below {DEAD_SD}): codes {', '.join(dead)}")
        if row.get(obj.BETWEEN, 0) > COLLAPSED:
            found.append(
                f"r has collapsed: cosine between classes {row[obj.BETWEEN]:.4f}, the regulariser does nothing"
            )
        return found
