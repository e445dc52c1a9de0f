"""Update weights by gradient descent, in one place for all methods.

A loss moves only the players that answer for it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def descend(loss: Tensor, *players: Optimizer) -> None:
    """Take one step of every optimiser in `players` on `loss`.

    The loss is a scalar. No other weight gets a gradient from it.
    """
    for optimiser in players:
        optimiser.zero_grad()
    loss.backward(
        inputs=[weight for optimiser in players for group in optimiser.param_groups for weight in group["params"]]
    )
    for optimiser in players:
        optimiser.step()


def optimiser(network: nn.Module, settings: dict[str, Any], rate: float) -> Optimizer:
    """Build the optimiser that the settings name: Adam or RMSprop.

    The settings are `optimiser` and `momentum`. RMSprop has PyTorch's own decay of .99.
    """
    if settings.get("optimiser") == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), rate, alpha=0.99, momentum=settings.get("momentum", 0.0))
    return torch.optim.Adam(network.parameters(), rate, tuple(settings["adam_betas"]), fused=True)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an averaged network's weights towards those of the trained network.

    Its buffers are copied from the trained network.
    """
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)
    for kept, buffer in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)
