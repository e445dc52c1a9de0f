"""Which images each step of a training sees."""

import numpy as np
import torch

from idgan_sc.seeds import torch_stream


class Batches:
    """Draw the indices of one epoch after another, in new random order.

    The object knows its place, so it can resume. `weights` says how often each of the `n` images is drawn, in
    proportion. Without weights, every epoch has each image once.
    """

    def __init__(self, n: int, batch: int, seed: int, stage: str, weights: np.ndarray | None = None) -> None:
        self.n, self.batch, self.rng, self.weights = n, batch, torch_stream(seed, f"{stage}/batches"), weights
        self._start_epoch()

    def _start_epoch(self) -> None:
        self.epoch_state, self.position = self.rng.get_state(), 0
        if self.weights is None:
            self.order = torch.randperm(self.n, generator=self.rng).numpy()
        else:
            drawn = torch.multinomial(torch.from_numpy(self.weights), self.n, replacement=True, generator=self.rng)
            self.order = drawn.numpy()

    def next(self) -> np.ndarray:
        if self.position + self.batch > self.n:  # the last, incomplete batch of an epoch is left out
            self._start_epoch()
        self.position += self.batch
        return self.order[self.position - self.batch : self.position]

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"batches/epoch_state": self.epoch_state, "batches/position": torch.tensor(self.position)}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        self.rng.set_state(tensors["batches/epoch_state"])
        self._start_epoch()
        self.position = int(tensors["batches/position"])
