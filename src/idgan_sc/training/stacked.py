"""Train several seeds of one system as one, for a GPU.

This does S times the work with hardly more launches of small operations.

Weights, buffers and Adam's moments of S methods are stacked, (S, ...). The method's own `step` runs once,
under `torch.vmap`. Two things concern all seeds at once and are taken out of it. The first is the draws: each
seed draws from its own stream. The second is the descent, on the sum of the losses. The gradient of this sum
for one seed's weights is that of its own loss. So S stacked runs equal S single runs up to rounding.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from idgan_sc.config import ALONE, ConfigError
from idgan_sc.models import Method
from idgan_sc.models.convolutions import library_convolutions


class _OfAllSeeds(torch.autograd.Function):
    """Apply `do` to a tensor of all seeds, (S, ...).

    The seeds are the first axis. It is called where `torch.vmap` shows the tensor of one seed.
    """

    generate_vmap_rule = False

    @staticmethod
    def forward(x: Tensor, do: Callable[[Tensor], Tensor]) -> Tensor:
        return do(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], x: Tensor, do: Callable[[Tensor], Tensor]) -> tuple[Tensor, int]:
        return do(x.movedim(in_dims[0], 0)), 0


class _ForAllSeeds(TorchFunctionMode):
    """Within `torch.vmap`: draws take one number stream a seed, `backward` takes the sum over seeds.

    seed: any tensor that has a value a seed; streams: the first seed's generators -> all seeds' generators.
    """

    def __init__(self, seed: Tensor, streams: dict[torch.Generator, list[torch.Generator]]) -> None:
        super().__init__()
        self.seed, self.streams = seed, streams

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is not None:
            streams = self.streams[kwargs["generator"]]

            def draw(seeds: Tensor) -> Tensor:
                return torch.stack([func(*args, **(kwargs | {"generator": stream})) for stream in streams])

            return _OfAllSeeds.apply(self.seed, draw)
        if func is Tensor.backward:

            def descend(losses: Tensor) -> Tensor:
                losses.sum().backward(**kwargs)
                return losses.detach()

            return _OfAllSeeds.apply(args[0], descend)
        if func is Tensor.contiguous:
            return func(args[0])  # `torch.vmap` knows no other layout
        return func(*args, **kwargs)


class _Step(nn.Module):
    """Make a method's step a function of its networks' state.

    The frozen β-VAE is one of these networks.
    """

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method, self.networks = method, nn.ModuleDict(method.networks)
        vae = getattr(method, "vae", None)
        if vae is not None:
            self.networks["vae"] = vae

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.method.step(x)


class Stack:
    """Hold S methods of equal settings and steps as one.

    Each has its own seed's weights, moments and streams.

    From then on the methods' weights, buffers and moments are views of the stacked ones: each method encodes, and is
    saved, as if it had been trained alone. It makes no step of its own any more.

    Raises
    ------
    ConfigError
        If the methods choose pairs from different dimensions (`pair_dims: live`), or have a setting of `config.ALONE`.
    """

    def __init__(self, methods: list[Method]) -> None:
        self.methods, first = methods, methods[0]
        if single := ALONE & first.settings.keys():
            raise ConfigError(f"{', '.join(sorted(single))}: seeds with this setting are trained singly")
        dims = [m.dims for m in methods if hasattr(m, "dims")]
        if not all(dims[0].equal(other) for other in dims):
            raise ConfigError(
                "pair_dims: the seeds' β-VAEs have different active codes: use `all`, or train them singly"
            )
        self.streams = {stream: [m.streams[purpose] for m in methods] for purpose, stream in first.streams.items()}
        method = copy.copy(first)  # its networks' state is exchanged for that of all seeds while it makes a step
        self.one_step = _Step(method)
        self.state = _stack_state([_Step(method) for method in methods])
        self.shared: set[str] = set()  # players whose moments the methods see
        method.optimisers = {player: self._stack_optimiser(player) for player in first.optimisers}
        self._share_moments()
        self.seeds = torch.arange(len(methods), device=first.streams["noise"].device)

    def step(self, x: Tensor) -> list[dict[str, Tensor]]:
        """Make one complete update of every seed.

        x is (S, B, C, H, W) in [0, 1]. The result is what each seed's own step returns.
        """

        def of_one_seed(state: dict[str, Tensor], x: Tensor, seed: Tensor) -> dict[str, Tensor]:
            with _ForAllSeeds(seed, self.streams):
                return functional_call(self.one_step, state, (x,))

        with library_convolutions():
            log: dict[str, Tensor] = torch.vmap(of_one_seed)(self.state, x, self.seeds)
        self._share_moments()
        rows = torch.stack(list(log.values()), dim=1)  # (S, values)
        return [dict(zip(log, row.unbind(), strict=True)) for row in rows]

    def _stack_optimiser(self, player: str) -> torch.optim.Adam:
        """Adam on the stacked weights of a player, with the moments that its seeds bring."""
        single = [method.optimisers[player] for method in self.methods]
        names = {id(weight): name for name, weight in self.one_step.named_parameters()}
        weights = [self.state[names[id(weight)]] for weight in _weights(single[0])]
        (group,) = single[0].param_groups
        adam = torch.optim.Adam(weights, group["lr"], group["betas"], fused=True)
        for stacked, *each in zip(weights, *map(_weights, single), strict=True):
            moments = [optimiser.state.get(weight, {}) for optimiser, weight in zip(single, each, strict=True)]
            # Scalars count steps, of which all seeds have made equally many.
            for key, value in moments[0].items():
                adam.state[stacked][key] = _stack([m[key] for m in moments]) if value.ndim else value
        return adam

    def _share_moments(self) -> None:
        """Let the methods' optimisers see the moments of the stacked ones.

        A player's first step makes these moments.
        """
        for player, adam in self.one_step.method.optimisers.items():
            if player in self.shared or not adam.state:
                continue
            self.shared.add(player)
            for number, method in enumerate(self.methods):
                optimiser = method.optimisers[player]
                for stacked, weight in zip(_weights(adam), _weights(optimiser), strict=True):
                    moments = adam.state[stacked].items()
                    optimiser.state[weight] = {key: value[number] if value.ndim else value for key, value in moments}


def _weights(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _stack(tensors: list[Tensor]) -> Tensor:
    """Stack tensors to (S, ...) in the plain memory layout.

    A slice of the result is like a tensor of its own.
    """
    return torch.stack(tensors).contiguous()


def _stack_state(modules: list[_Step]) -> dict[str, Tensor]:
    """Weights and buffers by name, (S, ...), of which those of the modules become slices."""
    each = [dict(module.named_parameters()) | dict(module.named_buffers()) for module in modules]
    state = {}
    for name, tensor in each[0].items():
        state[name] = _stack([tensors[name].detach() for tensors in each]).requires_grad_(tensor.requires_grad)
        for number, tensors in enumerate(each):
            tensors[name].data = state[name].detach()[number]
    return state
