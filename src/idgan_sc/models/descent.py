"""The one way in which weights move: a loss goes down along the gradient of the players that answer for it."""

from torch import Tensor
from torch.optim import Optimizer


def descend(loss: Tensor, *players: Optimizer) -> None:
    """One step of every optimiser in `players` on `loss` (a scalar); no other weight gets a gradient of it."""
    for optimiser in players:
        optimiser.zero_grad()
    loss.backward(
        inputs=[weight for optimiser in players for group in optimiser.param_groups for weight in group["params"]]
    )
    for optimiser in players:
        optimiser.step()
