"""Time a training step of other public codes beside ours, and compare their losses on the same batch.

    python benchmarks/training_peers.py [--packages FOLDER] [--infogan-cr FOLDER] [--idgan FOLDER] [--rounds 10]

What is there is compared; what is missing is named. FOLDER of packages holds pythae and disent, which ask for older
libraries than ours and run with today's:

    pip install --no-deps --target FOLDER pythae disent lightning pytorch-lightning lightning-utilities torchmetrics

The other two are checkouts of JunsikChoi/Pytorch-InfoGAN-CR (commit f95437b) and of 1Konny/idgan (848a7ca). The second
runs as it is. The first no longer does, so three things are changed: the labels of its loss are floats; its search for
a GPU and its plots are left out; PyTorch's search for anomalies of gradients, which only slows it, is off.

All train the same networks (ours, with PyTorch's own convolutions for the others) on the same 64×64 images, batch and
rates, one thread. The codes take turns within each round. CPU seconds of a step are medians over rounds; `theirs/ours`
is the median of the rounds' ratios. Losses are those of the first step with the same weights, batch and noise.
"""

import argparse
import copy
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock, patch

import numpy as np
import torch
from torch import Tensor, nn

from idgan_sc import config as configuration
from idgan_sc.models import convolutions
from idgan_sc.models import objectives as obj
from idgan_sc.models.codes import sample_posterior
from idgan_sc.training.device import use_device
from training import ROOT, batch_of, cpu_seconds, make, plain, settings_of

BLOCK = 3  # steps timed at once
SEED = 7


class Beside(NamedTuple):
    """A peer beside our own method: one step of each, and losses of both by name."""

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    losses: dict[str, tuple[float, float]]  # ours, theirs


def same_noise(method: Any) -> None:
    """Make our stream of noise and PyTorch's global one give the same draws."""
    method.streams["noise"].manual_seed(SEED)
    torch.manual_seed(SEED)


def adam(modules: list[nn.Module], settings: dict[str, Any]) -> torch.optim.Optimizer:
    """PyTorch's Adam at our rate, as the others call it."""
    weights = itertools.chain(*(module.parameters() for module in modules))
    return torch.optim.Adam(weights, settings["lr"], tuple(settings["adam_betas"]))


# ------------------------------------------------------------------------------------------------------------- pythae
def pythae_beta_vae(config: dict[str, Any]) -> Beside:
    from pythae.models import BetaVAE, BetaVAEConfig

    ours, settings, x, fast = parts(config, "beta_vae")
    model_config = BetaVAEConfig(
        input_dim=(1, 64, 64), latent_dim=settings["c_dim"], beta=settings["beta"], reconstruction_loss="bce"
    )
    model = BetaVAE(model_config, *pythae_networks(ours))
    optimizer = adam([model], settings)

    def step() -> Tensor:  # as pythae's BaseTrainer: one step of its loss
        loss = model({"data": x}).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return beside("β-VAE, pythae", ours, fast, step, lambda found: {"loss": found.item()})


def pythae_factor_vae(config: dict[str, Any]) -> Beside:
    """Theirs reads a batch and reconstructs half of it, so it gets two batches; each code reconstructs one."""
    from pythae.models import FactorVAE, FactorVAEConfig
    from pythae.models.nn import BaseDiscriminator

    ours, settings, x, fast = parts(config, "factor_vae")
    model_config = FactorVAEConfig(
        input_dim=(1, 64, 64), latent_dim=settings["c_dim"], gamma=settings["gamma"], reconstruction_loss="bce"
    )
    model = FactorVAE(model_config, *pythae_networks(ours))
    critic = copy.deepcopy(ours.networks["critic"])

    class Discriminator(BaseDiscriminator):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.net = critic

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z)

    model.set_discriminator(Discriminator())
    vae = adam([model.encoder, model.decoder], settings)
    of_critic = torch.optim.Adam(critic.parameters(), settings["lr_tc"], tuple(settings["tc_betas"]))
    twice = torch.cat([x, x])

    def step() -> None:  # as pythae's AdversarialTrainer: the critic's loss moves the encoder too
        found = model({"data": twice})
        vae.zero_grad()
        found.autoencoder_loss.backward(retain_graph=True)
        of_critic.zero_grad()
        found.discriminator_loss.backward()
        vae.step()
        of_critic.step()

    with torch.no_grad(), plain():
        same_noise(ours)
        mean, logvar = ours.networks["encoder"](x)
        c = sample_posterior(mean, logvar, ours.streams["noise"])
        permuted, logits = ours.permute(c), ours.networks["decoder"](c)
        _, autoencoder, of_pairs = model.loss_function(torch.sigmoid(logits), x, mean, logvar, c, permuted)
        joint = ours.networks["critic"](c)
        recon, kl = obj.reconstruction(x, logits, "bernoulli"), obj.gaussian_kl(mean, logvar)
        own = obj.factor_vae_loss(recon, kl, obj.total_correlation(joint), settings["gamma"])
        own_critic = obj.total_correlation_critic_loss(joint, ours.networks["critic"](permuted))
    losses = {"loss": (own.item(), autoencoder.item()), "critic": (own_critic.item(), of_pairs.item())}
    return Beside("FactorVAE, pythae", step, lambda: ours.step(fast), losses)


def pythae_networks(ours: Any) -> tuple[nn.Module, nn.Module]:
    """Copies of our encoder and decoder as pythae wants them."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.net = copy.deepcopy(ours.networks["encoder"])

        def forward(self, x: Tensor) -> Any:
            mean, logvar = self.net(x)
            return ModelOutput(embedding=mean, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.net = copy.deepcopy(ours.networks["decoder"])

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.net(z)))

    return Encoder(), Decoder()


# ------------------------------------------------------------------------------------------------------------- disent
def disent_beta_vae(config: dict[str, Any]) -> Beside:
    from disent.frameworks.vae import BetaVae
    from disent.model import AutoEncoder, DisentDecoder, DisentEncoder

    ours, settings, x, fast = parts(config, "beta_vae")

    class Encoder(DisentEncoder):
        def __init__(self) -> None:
            super().__init__(x_shape=(1, 64, 64), z_size=settings["c_dim"], z_multiplier=2)
            self.net = copy.deepcopy(ours.networks["encoder"])

        def encode(self, x: Tensor) -> Tensor:
            return torch.cat(self.net(x), dim=1)

    class Decoder(DisentDecoder):
        def __init__(self) -> None:
            super().__init__(x_shape=(1, 64, 64), z_size=settings["c_dim"])
            self.net = copy.deepcopy(ours.networks["decoder"])

        def decode(self, z: Tensor) -> Tensor:
            return self.net(z)

    framework = BetaVae(
        AutoEncoder(Encoder(), Decoder()),
        cfg=BetaVae.cfg(recon_loss="bce", loss_reduction="mean_sum", beta=settings["beta"]),
    )
    framework.log_dict = framework.log = lambda *_, **__: None  # there is no trainer that keeps a log
    optimizer = adam([framework], settings)

    def step() -> Tensor:  # as Lightning does
        loss = framework.do_training_step({"x_targ": (x,)}, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return beside("β-VAE, disent", ours, fast, step, lambda found: {"loss": found.item()})


# --------------------------------------------------------------------------------------------------------- InfoGAN-CR
def infogan_cr(config: dict[str, Any], checkout: Path) -> Beside:
    """Our InfoGAN-CR with one G step and as many pairs as images, as theirs has."""
    ours, settings, x, fast = parts(config, "infogan_cr", batch=128, pairs=128, prior="uniform")
    nets = {name: copy.deepcopy(network) for name, network in ours.networks.items()}
    k, z_dim = settings["c_dim"], settings["z_dim"]

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            whole = nets["discriminator"]
            self.module_shared, self.module_D = whole.trunk, whole.d
            self.module_Q, self.latent_cont = whole.q, nn.Identity()

        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            convolutions.power_iteration(self)  # once a pass, as PyTorch's spectral_norm
            features = self.module_shared(images)
            return torch.sigmoid(self.module_D(features).squeeze(1)), self.module_Q(features)

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nets["generator"]

        def forward(self, latent: Tensor) -> Tensor:
            return self.net(latent[:, :z_dim], latent[:, z_dim:])

    class CR(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nets["pair"]

        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            convolutions.power_iteration(self)
            return self.net(first, second)

    absent = {name: MagicMock() for name in ("gpu_utils", "utils", "metrics")}
    sys.path.insert(0, str(checkout / "src"))
    with patch.dict(sys.modules, absent):
        import trainer
    sys.path.pop(0)
    torch.autograd.set_detect_anomaly(False)
    written: list[tuple[str, float]] = []

    class Trainer(trainer.Trainer):
        def _set_device(self) -> None:
            self.device = torch.device("cpu")

        def build_models(self) -> None:
            self.G, self.D, self.CR = G(), D(), CR()

        def _set_plotter(self, config: Any) -> None:
            self.plotter = MagicMock()

        def _set_logger(self) -> None:
            self.logger = MagicMock(write=lambda name, value: written.append((name, value)))

    lr_g, lr_d, lr_pair = (settings[f"lr_{name}"] for name in ("generator", "discriminator", "pair"))
    theirs = Trainer(
        SimpleNamespace(
            dataset="dsprites", n_c_disc=0, dim_c_disc=0, dim_c_cont=k, dim_z=z_dim, batch_size=len(x),
            optimizer="adam", lr_G=lr_g, lr_D=lr_d, lr_CR=lr_pair, beta1=settings["adam_betas"][0],
            beta2=settings["adam_betas"][1], num_epoch=1, lambda_disc=1, lambda_cont=0.1, alpha=settings["alpha"],
            log_step=10**9, project_root="", model_name="", use_visdom=True, visdom_log_number=1,
        ),
        None,
    )  # fmt: skip

    class Served(Exception):
        pass

    class Loader:
        """So many batches, then out of their loop, before plots and checkpoints."""

        def __init__(self, batches: int) -> None:
            self.batches = batches

        def __len__(self) -> int:
            return 10**9

        def __iter__(self) -> Iterator[tuple[Tensor, None]]:
            for _ in range(self.batches):
                yield x, None
            raise Served

    full = torch.full

    def train(batches: int) -> None:
        theirs.data_loader = Loader(batches)
        floats = patch.object(torch, "full", lambda *a, **k: full(*a, dtype=torch.float32, **k))
        try:
            with floats, patch("builtins.print"):
                theirs.train()
        except Served:
            pass

    with torch.no_grad(), plain():
        torch.manual_seed(SEED)
        z, c = torch.randn(len(x), z_dim), torch.rand(len(x), k) * 2 - 1
        convolutions.power_iteration(ours.networks["discriminator"])
        real = ours.networks["discriminator"](x)[0]
        convolutions.power_iteration(ours.networks["discriminator"])
        fake = ours.networks["discriminator"](ours.networks["generator"](z, c))[0]
        own = obj.discriminator_loss(real, fake).item()
    with plain():
        torch.randn(10 * k, z_dim)  # their fixed noise for plots comes first
        with patch.object(theirs, "_sample_fixed_noise", lambda: torch.zeros(1)):
            torch.manual_seed(SEED)
            train(1)
        losses = {"D": (own, dict(written)["D"])}

        # Their optimisers are made anew at each call of train(), so a block is one call.
        return Beside("InfoGAN-CR, JunsikChoi", lambda: train(BLOCK), lambda: ours.step(fast), losses)


# ------------------------------------------------------------------------------------------------------------- ID-GAN
def idgan(config: dict[str, Any], checkout: Path) -> Beside:
    """ID-GAN's released code, its own networks with our weights, against `idgan_released`."""
    sys.path.insert(0, str(checkout))
    with patch.dict(sys.modules, {"gan_training.metrics": MagicMock()}):
        from gan_training.models import dvae
        from gan_training.train import Trainer, update_average
    sys.path.pop(0)
    ours, settings, x, fast = parts(config, "idgan_released")
    k = settings["c_dim"]
    encoder = dvae.BetaVAE_H(k, 1, infodistil_mode=True)
    generator, discriminator = dvae.Generator(k, 64, 1), dvae.Discriminator(0, 64, 1)
    pairs = ((encoder.encoder, ours.vae), (generator, ours.networks["generator"]))
    for theirs, own in (*pairs, (discriminator, ours.networks["discriminator"])):
        for weight, value in zip(theirs.parameters(), own.parameters(), strict=True):
            weight.data.copy_(value)
    average = copy.deepcopy(generator)
    rms = [
        torch.optim.RMSprop(network.parameters(), settings[f"lr_{name}"], alpha=0.99)
        for name, network in (("generator", generator), ("discriminator", discriminator))
    ]
    trainer = Trainer(encoder, generator, discriminator, *rms, settings["r1"], settings["lambda_info"])

    def step() -> dict[str, float]:  # as their train.py
        z = torch.zeros(len(x), 0)
        loss_d, penalty, codes = trainer.discriminator_trainstep(2 * x - 1, z)
        loss_g, info = trainer.generator_trainstep(z, codes)
        update_average(average, generator, beta=settings["average"])
        return {
            "loss_d": loss_d,
            "gradient_penalty": penalty / settings["r1"],
            "loss_g": loss_g,
            "loss_info": info,
        }

    return beside("ID-GAN, 1Konny", ours, fast, step, lambda found: found)


# ---------------------------------------------------------------------------------------------------------------- all
def parts(config: dict[str, Any], system: str, **other: Any) -> tuple[Any, dict[str, Any], Tensor, Tensor]:
    """Our method, its settings, and a batch of images in both memory formats, contiguous first."""
    settings = settings_of(config, system, 64) | other
    return make(config, settings), settings, *batch_of(settings)


def beside(
    name: str, ours: Any, fast: Tensor, step: Callable[[], Any], read: Callable[[Any], dict[str, float]]
) -> Beside:
    """Compare the logs of the first step of both, with the same noise."""
    same_noise(ours)
    with plain():
        found = read(step())
    same_noise(ours)
    own = ours.step(fast)
    return Beside(name, step, lambda: ours.step(fast), {key: (own[key].item(), found[key]) for key in found})


def times(peer: Beside, rounds: int) -> tuple[float, float, float]:
    """CPU seconds of a step of theirs and of ours, and the median of the rounds' ratios."""
    once = 1 if peer.name.startswith("InfoGAN-CR") else BLOCK
    found = np.empty((rounds + 1, 2))
    for i in range(rounds + 1):  # the first warms up
        with plain():
            found[i, 0] = cpu_seconds(lambda: [peer.theirs() for _ in range(once)]) / BLOCK
        found[i, 1] = cpu_seconds(lambda: [peer.ours() for _ in range(BLOCK)]) / BLOCK
    theirs, ours = np.median(found[1:], axis=0)
    return float(theirs), float(ours), float(np.median(found[1:, 0] / found[1:, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="folder that holds pythae and disent")
    parser.add_argument("--infogan-cr", type=Path, help="checkout of JunsikChoi/Pytorch-InfoGAN-CR")
    parser.add_argument("--idgan", type=Path, help="checkout of 1Konny/idgan")
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    if args.packages:
        sys.path.append(str(args.packages))  # behind our own libraries
    config = configuration.load(ROOT / "config.yaml")
    use_device({"compute": config["compute"] | {"device": "cpu", "threads": 1}})
    peers: list[tuple[str, Callable[[], Beside] | None]] = [
        ("pythae", lambda: pythae_beta_vae(config)),
        ("pythae", lambda: pythae_factor_vae(config)),
        ("disent", lambda: disent_beta_vae(config)),
        ("--infogan-cr", args.infogan_cr and (lambda: infogan_cr(config, args.infogan_cr))),
        ("--idgan", args.idgan and (lambda: idgan(config, args.idgan))),
    ]
    print("| code | theirs, ms | ours, ms | theirs/ours | losses, ours (theirs) |\n|---|---|---|---|---|")
    for name, start in peers:
        if start is None:
            print(f"| {name} | not given |||")
            continue
        try:
            peer = start()
        except ImportError as error:
            print(f"| {name} | does not run: {error} |||")
            continue
        theirs, ours, ratio = times(peer, args.rounds)
        losses = ", ".join(f"{key} {own:.6g} ({other:.6g})" for key, (own, other) in peer.losses.items())
        print(f"| {peer.name} | {1000 * theirs:.1f} | {1000 * ours:.1f} | {ratio:.2f} | {losses} |", flush=True)


if __name__ == "__main__":
    main()
