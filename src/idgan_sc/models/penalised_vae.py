"""VAEs that are the β-VAE with another penalty: annealed VAE, β-TCVAE, DIP-VAE I and II."""

from torch import Tensor

from idgan_sc.models import objectives as obj
from idgan_sc.models.beta_vae import BetaVAE
from idgan_sc.models.codes import sample_posterior
from idgan_sc.models.descent import descend


class PenalisedVAE(BetaVAE):
    """Networks of the β-VAE; a subclass says what is minimised.

    settings: c_dim, likelihood, lr, adam_betas, and those of the subclass; image_shape (C, H, W).
    """

    def step(self, x: Tensor) -> dict[str, Tensor]:
        """One update of encoder and decoder; what it logs."""
        mean, logvar = self.posterior(x)
        c = sample_posterior(mean, logvar, self.streams["noise"])
        recon = obj.reconstruction(x, self.networks["decoder"](c), self.settings["likelihood"])
        kl = obj.gaussian_kl(mean, logvar)  # (k,)
        loss, log = self.loss(recon, kl, c, mean, logvar)
        descend(loss, self.optimisers["vae"])
        self.steps_done += 1
        log |= {"loss": loss, "reconstruction": recon, **{f"kl_{j + 1}": kl[j] for j in range(len(kl))}}
        return {name: value.detach() for name, value in log.items()}

    def loss(
        self, recon: Tensor, kl: Tensor, c: Tensor, mean: Tensor, logvar: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised, and what else is logged; kl (k,), the others' rows (B, k)."""
        raise NotImplementedError


class AnnealedVAE(PenalisedVAE):
    """Annealed VAE: the KL follows a capacity that grows. settings: gamma, capacity (nats), capacity_steps."""

    def loss(
        self, recon: Tensor, kl: Tensor, c: Tensor, mean: Tensor, logvar: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the Annealed VAE loss of Burgess et al. 2018, Eq. 8.

        The capacity grows evenly from 0 over `capacity_steps` steps.
        """
        settings = self.settings
        capacity = settings["capacity"] * min(1, self.steps_done / settings["capacity_steps"])
        return obj.annealed_vae_loss(recon, kl, settings["gamma"], capacity), {}


class BetaTCVAE(PenalisedVAE):
    """β-TCVAE: the total correlation weighted β. settings: beta."""

    def loss(
        self, recon: Tensor, kl: Tensor, c: Tensor, mean: Tensor, logvar: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 4 of Chen et al. 2018."""
        tc = obj.minibatch_total_correlation(c, mean, logvar)
        return obj.beta_tcvae_loss(recon, kl, tc, self.settings["beta"]), {"total_correlation": tc}


class DIPVAE(PenalisedVAE):
    """DIP-VAE: codes whose covariance is the unit matrix. settings: dip_of, dip_off_diagonal, dip_diagonal."""

    def loss(
        self, recon: Tensor, kl: Tensor, c: Tensor, mean: Tensor, logvar: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the DIP-VAE loss of Kumar et al. 2018, Eqs. 6 and 7.

        Eq. 6 reads the posterior means (I). Eq. 7 reads the codes (II).
        """
        settings = self.settings
        covariance = obj.codes_covariance(mean, logvar if settings["dip_of"] == "codes" else None)
        loss = obj.dip_vae_loss(recon, kl, covariance, settings["dip_off_diagonal"], settings["dip_diagonal"])
        return loss, {}
