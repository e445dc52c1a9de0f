"""Replay a training's step as one CUDA graph.

A step of small networks is bound by its launches, and a replay is one launch.

A replay launches what one step launched, on the same memory. So what changes from step to step lies on the device and
stays in its place: the batch is copied to where the recorded step found it, random streams are registered with the
graph, optimisers count their steps on the device, and what a step returns is added up there. Learning rates never
change and are numbers of the recording. `phase` is what else a step takes from Python: where it changes, a new
recording is made.
"""

from collections.abc import Callable, Hashable, Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from idgan_sc.config import ConfigError
from idgan_sc.models import Method

WARM_UP = 3  # steps of a phase before it is recorded: libraries and optimisers set up what they keep

Row = dict[str, Tensor]
Sums = list[tuple[int, list[Row]]]  # how many steps; for each seed, sums over them of what a step returned


def phase(method: Method) -> Hashable:
    """Return what a step takes from the number of steps made.

    That is whether pairs are drawn, and the annealed VAE's capacity.
    """
    settings, done = method.settings, method.steps_done
    return done >= settings.get("pair_start", 0), min(done, settings.get("capacity_steps", 0))


class Recorder:
    """Record what a call launches on the GPU as a CUDA graph.

    streams: the generators that it draws from.
    """

    def __init__(self, streams: Iterable[torch.Generator]) -> None:
        self.streams = [stream for stream in streams if stream.device.type == "cuda"]
        # A recording needs a stream of its own, and what was set up on another one would not be part of it.
        self.side = torch.cuda.Stream()

    def aside(self, do: Callable[[], list[Row]]) -> list[Row]:
        """Call `do` where recordings are made."""
        here = torch.cuda.current_stream()
        self.side.wait_stream(here)
        with torch.cuda.stream(self.side):
            done = do()
        here.wait_stream(self.side)
        return done

    def record(self, do: Callable[[], None]) -> Callable[[], None]:
        """What launches again all that `do` launches; `do` is called, but nothing is computed yet."""
        graph = torch.cuda.CUDAGraph()
        for stream in self.streams:
            graph.register_generator_state(stream)
        with torch.cuda.graph(graph, stream=self.side):
            do()
        return graph.replay


class Graphed:
    """Make steps of a method or a stack, most of them as replays.

    The first step of each phase is made as it is.

    make: makes a step on a batch and returns a row for each seed; method: whose step that is.
    """

    def __init__(self, make: Callable[[Tensor], list[Row]], method: Method, recorder: Recorder) -> None:
        self.make, self.method, self.recorder = make, method, recorder
        for optimiser in method.optimisers.values():
            _count_on_device(optimiser)
        self.phase: Hashable = None
        self.warm = 0  # steps of this phase that were made as they are
        self.rows: list[Row] = []  # what the last of these returned
        self.replay: Callable[[], None] | None = None
        self.replayed = 0  # steps whose rows `total` is the sum of

    def step(self, x: Tensor) -> Sums:
        """One complete update; what it returned, except that what a replay returns waits for `take`."""
        before: Sums = []
        if (now := phase(self.method)) != self.phase:
            before = self.take()
            self.phase, self.warm, self.replay = now, 0, None
        if self.warm < WARM_UP:
            self.warm += 1
            self.rows = self.recorder.aside(lambda: self.make(x))
            return [*before, (1, self.rows)]
        if self.replay is None:
            self.replay = self._record(x)
        self.x.copy_(x)
        self.replay()
        self.method.steps_done += 1
        self.replayed += 1
        return before

    def take(self) -> Sums:
        """What the replays since the last call returned; empty where there was none."""
        steps, self.replayed = self.replayed, 0
        if not steps:
            return []
        sums = self.total.clone()
        self.total.zero_()
        return [(steps, [dict(zip(self.rows[0], row.unbind(), strict=True)) for row in sums])]

    def _record(self, x: Tensor) -> Callable[[], None]:
        self.x = x.clone()
        self.total = torch.zeros(len(self.rows), len(self.rows[0]), dtype=torch.float64, device=x.device)
        for optimiser in self.method.optimisers.values():
            optimiser.zero_grad()
        done = self.method.steps_done
        try:
            return self.recorder.record(self._make_and_add)
        except RuntimeError as error:
            raise ConfigError(f"compute.graph: the step cannot be recorded ({error}): set it to false") from error
        finally:
            self.method.steps_done = done  # nothing was computed

    def _make_and_add(self) -> None:
        rows = self.make(self.x)
        self.total.add_(torch.stack([torch.stack(list(row.values())) for row in rows]))


def _count_on_device(optimiser: Optimizer) -> None:
    """Let an optimiser count its steps on the device.

    The count lies where its weights are, also what it has counted already.
    """
    for group in optimiser.param_groups:
        group["capturable"] = True
        for weight in group["params"]:
            if "step" in (state := optimiser.state.get(weight, {})):
                state["step"] = state["step"].to(weight.device)
