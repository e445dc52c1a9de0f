"""A step can be recorded and replayed: what changes from step to step stays in its place, and nothing looks at values.

A processor has no CUDA graphs. `Tape` does what one does: it notes every operation of a step with the memory that it
works on, and does them again on that memory.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from conftest import job
from idgan_sc.config import ConfigError, Run, resolve
from idgan_sc.models import Method, build
from idgan_sc.training import checkpoint, graphed
from idgan_sc.training.graphed import WARM_UP, Graphed
from idgan_sc.training.stacked import Stack
from idgan_sc.training.train import _Loop, train_seeds

SEEDS = (3, 8)
ANNEALED = {"capacity_steps": 2}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("beta_vae", "main", {}),
    ("factor_vae", "main", {}),
    ("annealed_vae", "main", ANNEALED),
    ("beta_tcvae", "main", {}),
    ("dip_vae_ii", "main", {}),
    ("infogan", "main", {}),
    ("infogan_cr", "main", {}),
    ("idgan_sc_prior", "main", {"generator_steps": 2, "pair_start": 5}),
    ("idgan", "main", {}),
    ("idgan_sc", "main", {}),
    ("idgan_sc", "redraw_posterior", {}),
    ("idgan_sc", "frozen_q", {}),
    ("ib_gan", "main", {"noise_steps": 2}),
    ("idgan_sc_released", "main", {}),
]
of_every_system = pytest.mark.parametrize(("system", "variant", "changes"), CASES)


def new(config: dict[str, Any], system: str, variant: str, seed: int, changes: dict[str, Any]) -> Method:
    settings = resolve(config, Run("test", "dsprites", system, variant, 0)) | {"batch": 4} | changes
    vae = None
    if settings.get("code") == "vae":
        vae = build(resolve(config, Run("test", "dsprites", settings["vae"], "main", 0)), 1, seed, "vae", "cpu")
    return build(settings | ({"pairs": 8} if "pairs" in settings else {}), 1, seed, "test", "cpu", vae)


def several(config: dict[str, Any], *case: Any, stacked: bool) -> tuple[list[Method], Callable[[Tensor], Any], Method]:
    """Methods of one or two seeds, what makes a step of them, and whose step that is."""
    system, variant, changes = case
    if not stacked:
        one = new(config, system, variant, SEEDS[0], changes)
        return [one], lambda x: [one.step(x[0])], one
    methods = [new(config, system, variant, seed, changes) for seed in SEEDS]
    stack = Stack(methods)
    return methods, stack.step, stack.one_step.method


def batches(steps: int) -> Tensor:
    """(steps, S, B, C, H, W)"""
    return torch.rand((steps, len(SEEDS), 4, 1, 32, 32), generator=torch.Generator().manual_seed(0))


def lasting(methods: list[Method]) -> dict[str, Tensor]:
    """What a training keeps between steps: weights, buffers and moments, as they lie in memory."""
    return {
        f"{number}/{name}": tensor
        for number, method in enumerate(methods)
        for name, tensor in (checkpoint.network_tensors(method) | checkpoint.moment_tensors(method)).items()
    }


class Tape(TorchDispatchMode):
    """Notes operations; `replay` does them again, on the same memory."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}))  # as they are seen now
        found = func(*args, **(kwargs or {}))
        results = [tensor.detach() for tensor in tree_leaves(found) if isinstance(tensor, Tensor)]
        read = {t.untyped_storage().data_ptr() for t in tree_leaves(given) if isinstance(t, Tensor)}
        is_view = results and all(t.untyped_storage().data_ptr() in read for t in results)
        if func._schema.is_mutable or not is_view:
            self.calls.append((func, given, results))
        return found

    @torch.no_grad()
    def replay(self) -> None:
        for func, given, results in self.calls:
            args, kwargs = tree_map_only(Tensor, Tensor.detach, given)
            again = [tensor for tensor in tree_leaves(func(*args, **kwargs)) if isinstance(tensor, Tensor)]
            for result, tensor in zip(results, again, strict=True):
                if result.data_ptr() != tensor.data_ptr():
                    result.copy_(tensor)


class TapeRecorder:
    """A `Recorder` for a processor: as on a GPU, recording leaves all as it was."""

    def __init__(self, methods: list[Method]) -> None:
        self.methods, self.recorded = methods, 0

    def aside(self, do: Callable[[], Any]) -> Any:
        return do()

    def record(self, do: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        kept, total = lasting(self.methods), do.__self__.total  # type: ignore[attr-defined]
        before = {name: tensor.clone() for name, tensor in kept.items()}
        states = {stream: stream.get_state() for method in self.methods for stream in method.streams.values()}
        tape = Tape()
        with tape:
            do()
        with torch.no_grad():
            for name, tensor in kept.items():
                tensor.copy_(before[name])
            total.zero_()
        for stream, state in states.items():
            stream.set_state(state)
        return tape.replay


def replayed(methods: list[Method], make: Callable[[Tensor], Any], whose: Method) -> Graphed:
    made = Graphed(make, whose, TapeRecorder(methods))  # type: ignore[arg-type]
    for optimiser in whose.optimisers.values():
        for group in optimiser.param_groups:
            group["capturable"] = False  # PyTorch refuses it on a processor, where all steps are counted
    return made


def rows_of(sums: graphed.Sums) -> list[dict[str, Tensor]]:
    """What each seed's log gets of one step."""
    ((steps, rows),) = sums
    assert steps == 1
    return [{name: value.double() for name, value in row.items()} for row in rows]


def assert_same_bytes(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def compare(config: dict[str, Any], *case: Any, stacked: bool, steps: int = 8) -> Graphed:
    """Make the same steps as they are and replayed; everything must be equal bit for bit."""
    expected, make, _ = several(config, *case, stacked=stacked)
    methods, remake, whose = several(config, *case, stacked=stacked)
    made = replayed(methods, remake, whose)
    for x in batches(steps):
        x = x[: len(methods)]
        wanted = [{name: value.double() for name, value in row.items()} for row in make(x)]
        found = rows_of([*made.step(x), *made.take()])
        for row, other in zip(found, wanted, strict=True):
            assert_same_bytes(row, other)
    assert_same_bytes(lasting(methods), lasting(expected))
    for method, other in zip(methods, expected, strict=True):
        assert_same_bytes(checkpoint.stream_tensors(method), checkpoint.stream_tensors(other))
    return made


@of_every_system
def test_replayed_steps_are_steps(shipped: dict[str, Any], system: str, variant: str, changes: dict[str, Any]) -> None:
    """Bit for bit: three replays after the first steps, and where a phase ends, as many again of either."""
    made = compare(shipped, system, variant, changes, stacked=False, steps=10 if changes else 6)
    phases = 2 if "pair_start" in changes else 1  # that last until they are recorded
    assert made.recorder.recorded == phases  # type: ignore[attr-defined]


@pytest.mark.parametrize("system", ["beta_vae", "infogan_cr", "idgan_sc"])
def test_replayed_steps_of_stacked_seeds_are_steps(shipped: dict[str, Any], system: str) -> None:
    assert compare(shipped, system, "main", {}, stacked=True, steps=5).recorder.recorded == 1  # type: ignore[attr-defined]


def test_a_step_that_takes_a_number_from_python_is_found_out(
    shipped: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The annealed VAE's capacity grows: a recording that outlived its phase would keep it."""
    monkeypatch.setattr(graphed, "phase", lambda method: ())
    with pytest.raises(AssertionError):
        compare(shipped, "annealed_vae", "main", {"capacity_steps": 100}, stacked=False, steps=6)


def test_what_replays_return_is_added_up(shipped: dict[str, Any]) -> None:
    methods, make, whose = several(shipped, "beta_vae", "main", {}, stacked=True)
    made = replayed(methods, make, whose)
    counts = [[steps for steps, _ in made.step(x)] for x in batches(WARM_UP + 4)]
    assert counts == [[1]] * WARM_UP + [[]] * 4
    ((steps, rows),) = made.take()
    assert (steps, len(rows)) == (4, len(SEEDS)) and rows[0]["loss"] != rows[1]["loss"]
    assert made.take() == []


def test_a_step_that_cannot_be_recorded_names_the_setting(
    shipped: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods, make, whose = several(shipped, "beta_vae", "main", {}, stacked=False)
    made = replayed(methods, make, whose)

    def refuse(self: TapeRecorder, do: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(TapeRecorder, "record", refuse)
    with pytest.raises(ConfigError, match=r"compute\.graph: .* not permitted .* set it to false"):
        for x in batches(WARM_UP + 1):
            made.step(x[:1])


# -------------------------------------------------------------------------------------------- what a recording asks for
def looks_at_values(func: Any, args: Any) -> bool:
    """Whether a GPU's numbers, or a shape that they decide, are brought to the processor, which waits for them."""
    if func is torch.ops.aten.index.Tensor:  # by numbers, or by a mask
        return any(index is not None and index.dtype == torch.bool for index in args[1])
    return bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags))


class OnDevice(TorchDispatchMode):
    """Refuses to look at values."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert not looks_at_values(func, args), f"a step looks at values: {func}"
        return func(*args, **(kwargs or {}))


class FromStreams(TorchFunctionMode):
    """Notes what draws take their numbers from; refuses tensors that are made of Python's numbers, to be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: set[torch.Generator] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (torch.tensor, torch.as_tensor, torch.from_numpy), f"a step copies numbers: {func}"
        self.streams |= {stream for stream in [(kwargs or {}).get("generator")] if stream is not None}
        return func(*args, **(kwargs or {}))


@of_every_system
def test_a_step_waits_for_nothing_and_draws_from_its_streams(
    shipped: dict[str, Any], system: str, variant: str, changes: dict[str, Any]
) -> None:
    method = new(shipped, system, variant, 0, changes)
    everyone, x = torch.get_rng_state(), batches(1)[0, 0]
    with OnDevice(), FromStreams() as drawn:
        method.step(x)
    assert drawn.streams <= set(method.streams.values())
    assert torch.equal(torch.get_rng_state(), everyone), "a step draws from the stream of all"
    assert drawn.streams


@pytest.mark.parametrize("system", ["beta_vae", "factor_vae", "infogan_cr", "idgan_sc_prior", "idgan_sc"])
def test_a_step_of_stacked_seeds_waits_for_nothing(shipped: dict[str, Any], system: str) -> None:
    _, make, _ = several(shipped, system, "main", {}, stacked=True)
    with OnDevice():
        make(batches(1)[0])


@pytest.mark.parametrize(
    "look", [lambda x: x.sum().item(), lambda x: bool(x.any()), lambda x: x[x > 0.5], lambda x: x.nonzero()]
)
def test_a_look_is_seen(look: Callable[[Tensor], object]) -> None:
    with pytest.raises(AssertionError, match="looks at values"), OnDevice():
        look(batches(1))


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("system", ["beta_vae", "factor_vae", "infogan_cr", "idgan_sc"])
def test_what_lasts_keeps_its_place_and_shape(shipped: dict[str, Any], system: str, stacked: bool) -> None:
    methods, make, _ = several(shipped, system, "main", {}, stacked=stacked)
    places = []
    for x in batches(3):
        make(x)
        places.append({name: (t.data_ptr(), t.shape, t.stride()) for name, t in lasting(methods).items()})
    assert places[0] == places[1] == places[2]


# ------------------------------------------------------------------------------------------------------------ trainings
@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_a_training_by_replays_ends_with_the_same_bytes(
    seeds: list[int], config: dict[str, Any], new_root: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the log, points of the curve and the end fall among the replays."""
    config["compute"]["checkpoint_seconds"] = 1000
    arm = Run("test", "dsprites", "infogan", "main", 0)
    expected = train_seeds(job(config, arm, new_root("as they are")), seeds)
    begin = _Loop.__init__

    def begin_with_replays(self: _Loop, *arguments: Any) -> None:
        begin(self, *arguments)
        whose = self.stack.one_step.method if self.stack else self.method
        self.graphed = replayed([training.method for training in self.trainings], self._make, whose)

    monkeypatch.setattr(_Loop, "__init__", begin_with_replays)
    found = train_seeds(job(config, arm, new_root("replayed")), seeds)
    for one, other in zip(found, expected, strict=True):
        for name in ("weights.safetensors", "curve.npz", "log.csv"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
