"""Run the one training loop: batches, log, checkpoint, resume.

A method owns its update. This file knows no objective.
"""

import contextlib
import dataclasses
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.data.correlation import pool_weights
from idgan_sc.data.images import Images, open_images
from idgan_sc.data.tensors import Load, loader
from idgan_sc.files import DataError, locked, sha256, write_arrays, write_atomic, write_json
from idgan_sc.models import Method, build
from idgan_sc.models.codes import DEAD_NATS
from idgan_sc.records.machine import OF_GPU, commit, machine, peak_memory_mb, processor
from idgan_sc.records.record import fingerprint, read_record, verify_outputs
from idgan_sc.records.results import Job
from idgan_sc.source import training_source
from idgan_sc.training import checkpoint
from idgan_sc.training.batches import Batches
from idgan_sc.training.device import use_device
from idgan_sc.training.encode import encode_pool, load_run
from idgan_sc.training.graphed import Graphed, Recorder, Row, Sums
from idgan_sc.training.log import Log
from idgan_sc.training.pool import pool_indices
from idgan_sc.training.stacked import Stack


class Interrupted(SystemExit):
    """Stop a job after SIGTERM, with the checkpoint written.

    The job is not done. The exit status is 143, so that a cluster requeues it.
    """


def train(job: Job, before: dict[str, Path] | None = None) -> Path:
    """Train one run, its missing predecessors first, and return its folder.

    Writes `weights.safetensors`, `curve.npz` (the pool's codes along the training), `log.csv`, `record.json`, and for a
    stage A `state.safetensors`. A finished run is left alone; an interrupted one goes on from its checkpoint. The data
    set lies in the results already.

    Parameters
    ----------
    before
        Folders of finished predecessors by role (`start`, `vae`), where they lie elsewhere.

    Raises
    ------
    DataError
        If a predecessor, checkpoint or data set is damaged or of other settings.
    TrainingFailed
        If a loss is not finite.
    Interrupted
        After SIGTERM, with the checkpoint written.
    """
    return train_seeds(job, [job.run.seed], before)[0]


def train_seeds(job: Job, seeds: list[int], before: dict[str, Path] | None = None) -> list[Path]:
    """Train several seeds of one arm as one (see `stacked`).

    The predecessors of these seeds are trained in the same way.

    Every seed gets the folder that it would get alone, with the same numbers up to rounding. Its record names the
    seeds it was trained with, because only the same seeds give the same bytes. Finished seeds are left out.
    """
    jobs = [Job(job.results, dataclasses.replace(job.run, seed=seed)) for seed in sorted(set(seeds))]
    folders: list[dict[str, Path]] = [{} for _ in jobs]
    for role, earlier in job.before().items():
        given = (before or {}).get(role)
        found = [given] * len(jobs) if given else train_seeds(earlier, seeds, before)
        for own, folder in zip(folders, found, strict=True):
            _refuse_wrong_predecessor(folder, earlier.run, job.settings)
            own[role] = folder
    with contextlib.ExitStack() as locks:
        for each in jobs:
            locks.enter_context(locked(each.folder / ".lock"))
        images = open_images(job.results.images(job.run.dataset))
        tasks = [_Task(each, images, own) for each, own in zip(jobs, folders, strict=True)]
        unfinished = [task for task in tasks if not _finished(task)]
        if unfinished:
            images.verify()  # the records will name these hashes
            _Loop(unfinished).run_to_end()
    return [each.folder for each in jobs]


def _refuse_wrong_predecessor(folder: Path, expected: Run, settings: dict[str, Any]) -> None:
    """Refuse a predecessor's folder that holds a run of another kind.

    The run must be of the expected system, and for the same number of codes and image size.
    """
    record = read_record(folder)
    if record["system"] != expected.system:
        raise DataError(f"{folder} holds a run of {record['system']}, where one of {expected.system} is needed")
    for key in ("c_dim", "image_size"):
        if record["settings"].get(key) != settings[key]:
            raise DataError(f"{folder} has {key} {record['settings'].get(key)}, where {settings[key]} is needed")
    verify_outputs(folder)


def _finished(task: "_Task") -> bool:
    folder, images = task.folder, task.images
    if not (folder / "record.json").exists() or (folder / "checkpoint.safetensors").exists():
        return False
    record = read_record(folder)
    if record["preset"] != task.run.preset:  # another one draws another pool
        raise DataError(f"{folder} is of preset {record['preset']}, not {task.run.preset}: delete it or change --out")
    if record["fingerprint"] != task.fingerprint and not task.job.results.is_valid(task.run, record):
        raise DataError(f"{folder} was made by other settings or source: delete it or choose another --out")
    if record.get("inputs") != _inputs(images):
        raise DataError(f"{folder} was trained on other images than {images.folder} holds: delete it or them")
    verify_outputs(folder)
    return True


def _inputs(images: Images) -> dict[str, str]:
    return {f"data/{images.folder.name}/{name}": digest for name, digest in images.sha256.items()}


class _Task:
    """Hold a run to be trained.

    It has the settings, the images, the finished predecessors, and the fingerprint that they give it.
    """

    def __init__(self, job: Job, images: Images, folders: dict[str, Path]) -> None:
        self.job, self.run, self.folder, self.settings = job, job.run, job.folder, job.settings
        self.images, self.folders = images, folders
        self.continued = job.run.system in configuration.continued_systems(job.results.config)  # by a stage B
        self.records = {role: read_record(path) for role, path in folders.items()}
        before = [record["fingerprint"] for record in self.records.values()]
        self.source = training_source(self.settings, [r["settings"] for r in self.records.values()], self.run.dataset)
        self.fingerprint = fingerprint(self.settings, self.run.seed, before, self.source)


class _Training:
    """Hold a run in training, with its method, batches, log and files.

    `seeds` are all the seeds that are trained as one with it.
    """

    def __init__(self, task: _Task, seeds: list[int], device: str) -> None:
        self.task, self.seeds, self.device = task, seeds, device
        self.run, self.settings, self.folder, self.images = task.run, task.settings, task.folder, task.images
        run, settings = self.run, self.settings
        streams = settings.get("streams", 0)  # others of the same seed where it is not 0
        self.stage = settings.get("start", "scratch") + (f"/{streams}" if streams else "")  # stage B has its own
        vae = load_run(task.folders["vae"], device) if "vae" in task.folders else None
        self.method: Method = build(settings, self.images.shape[0], run.seed, self.stage, device, vae)
        if settings.get("pair_dims") == "live":
            self.method.dims = torch.tensor(self._active_dims(), device=device)  # type: ignore[union-attr]
        weights = pool_weights(self.images, settings.get("correlation"))
        self.batches = Batches(self.images.n, settings["batch"], run.seed, self.stage, weights)
        self.log = Log(run, settings["log_every"])
        self.pool = pool_indices(self.images, run.preset, settings["pool"])
        self.curve_steps = [round(s) for s in np.linspace(0, settings["steps"], settings["curve_points"])]
        self.step, self.seconds = 0, 0.0
        self.parts: list[dict[str, Any]] = []  # what earlier processes trained, and on which processor
        self.checkpoint, self.curve = self.folder / "checkpoint.safetensors", self.folder / ".curve"

    # ------------------------------------------------------------------------------------------------ from beginning
    def _active_dims(self) -> list[int]:
        """Dimensions of the β-VAE with more than DEAD_NATS, by the last row of its log."""
        row = pd.read_csv(self.task.folders["vae"] / "log.csv").iloc[-1]
        active = [j for j in range(self.settings["c_dim"]) if row[f"kl_{j + 1}"] > DEAD_NATS]
        if len(active) < 2:
            raise DataError(
                f"{self.run}: the β-VAE has {len(active)} active dimensions, pairs need two: use pair_dims all"
            )
        return active

    def begin(self) -> None:
        """From a checkpoint of this very run; else from stage A's state; else from initialisation."""
        if self.checkpoint.exists() and self._resume():
            self.parts.append({"from": self.step, "to": self.step, "processor": processor()})
            return
        self.clear()
        self.parts = [{"from": 0, "to": 0, "processor": processor()}]
        if "start" in self.task.folders:
            path = self.task.folders["start"] / "state.safetensors"
            tensors, _ = checkpoint.read(path)
            checkpoint.load_networks(self.method, tensors, path)
            checkpoint.load_moments(self.method, tensors)

    def _resume(self) -> bool:
        tensors, metadata = checkpoint.read(self.checkpoint)
        if metadata["fingerprint"] != self.task.fingerprint:
            print(f"{self.checkpoint} is of other settings or source: starting again", file=sys.stderr)
            return False
        if metadata["seeds"] != self.seeds:
            print(f"{self.checkpoint} is of a training as one with other seeds: starting again", file=sys.stderr)
            return False
        done = [step for step in self.curve_steps if step < metadata["step"]]
        if not all(self._curve_point(step).exists() for step in done):
            print(f"{self.curve} lacks points before step {metadata['step']}: starting again", file=sys.stderr)
            return False
        checkpoint.load_networks(self.method, tensors, self.checkpoint)
        checkpoint.load_moments(self.method, tensors)
        checkpoint.load_streams(self.method, tensors)
        self.batches.load(tensors)
        self.step, self.seconds, self.log.rows, self.log.warned = (
            metadata["step"], metadata["seconds"], metadata["rows"], metadata["warned"],
        )  # fmt: skip
        self.parts = metadata["parts"]
        self.method.steps_done = self.step
        self.log.counts = metadata["counts"]
        self.log.sums = {name: tensors[f"sum/{name}"] for name in metadata["counts"]}
        return True

    def save_checkpoint(self) -> None:
        self.parts[-1]["to"] = self.step
        tensors = {
            **checkpoint.network_tensors(self.method),
            **checkpoint.moment_tensors(self.method),
            **checkpoint.stream_tensors(self.method),
            **self.batches.tensors(),
            **{f"sum/{name}": tensor for name, tensor in self.log.sums.items()},
        }
        metadata = {
            "fingerprint": self.task.fingerprint, "seeds": self.seeds, "step": self.step, "seconds": self.seconds,
            "rows": self.log.rows, "warned": self.log.warned, "counts": self.log.counts,
            "parts": self.parts,
        }  # fmt: skip
        checkpoint.save(self.checkpoint, tensors, metadata)

    # -------------------------------------------------------------------------------------------------------- to end
    def row_is_due(self) -> bool:
        return self.step % self.log.every == 0 or self.step == self.settings["steps"]

    def row(self) -> dict[str, float]:
        """The log's row that ends with this step."""
        row = self.log.flush(self.step)
        self.log.warn(row, self.method.warnings(row))
        return row

    def save_curve_point(self, load: Load) -> None:
        """The pool's codes before the step to come, where the curve has a point."""
        if self.step not in self.curve_steps:
            return
        codes = encode_pool(self.method, self.images, self.pool, self.device, load=load)
        checkpoint.save(self._curve_point(self.step), {"codes": torch.from_numpy(codes)}, {"step": self.step})

    def _curve_point(self, step: int) -> Path:
        return self.curve / f"{step}.safetensors"

    def clear(self) -> None:
        """Remove the files that only an unfinished run needs.

        Partly written files of killed processes are removed too.
        """
        self.checkpoint.unlink(missing_ok=True)
        shutil.rmtree(self.curve, ignore_errors=True)
        for left in self.folder.glob(".tmp-*"):
            left.unlink(missing_ok=True)

    def finish(self) -> None:
        self.parts[-1]["to"] = self.step
        folder, metadata = self.folder, {"fingerprint": self.task.fingerprint}
        weights = checkpoint.network_tensors(self.method)
        checkpoint.save(folder / "weights.safetensors", weights, metadata)
        outputs = ["weights.safetensors", "curve.npz", "log.csv"]
        if self.task.continued:
            state = weights | checkpoint.moment_tensors(self.method)
            checkpoint.save(folder / "state.safetensors", state, metadata)
            outputs.append("state.safetensors")
        points = [checkpoint.read(self._curve_point(step))[0]["codes"].numpy() for step in self.curve_steps]
        write_arrays(folder / "curve.npz", steps=np.array(self.curve_steps), codes=np.stack(points))
        log = pd.DataFrame(self.log.rows)
        write_atomic(folder / "log.csv", lambda temporary: log.to_csv(temporary, index=False))
        write_json(folder / "record.json", self._record(outputs))

    def _record(self, outputs: list[str]) -> dict[str, Any]:
        run, root = self.run, self.task.job.results.root
        before = {
            role: {
                "path": _relative(path, root),
                "fingerprint": self.task.records[role]["fingerprint"],
                "weights": self.task.records[role]["outputs"]["weights.safetensors"],
            }
            for role, path in self.task.folders.items()
        }
        return {
            **dataclasses.asdict(run),
            "settings": self.settings, "channels": self.images.shape[0], "fingerprint": self.task.fingerprint,
            "source": self.task.source, "before": before, "data": self.images.source,
            "inputs": _inputs(self.images),
            "outputs": {name: sha256(self.folder / name) for name in outputs},
            "warnings": sorted(name for name, since in self.log.warned.items() if since < 0),
            "seeds": self.seeds, "seconds": round(self.seconds / len(self.seeds), 1),  # this run's share
            "parts": self.parts,
            "peak_memory_mb": peak_memory_mb(),
            "device": self.device, "threads": torch.get_num_threads(), **machine(), **self._on_gpu(), **commit(),
        }  # fmt: skip

    def _on_gpu(self) -> dict[str, bool]:
        compute = self.task.job.results.config["compute"]
        return {key: compute[key] for key in OF_GPU} if self.device == "cuda" else {}


class _Loop:
    """Train one run, or several seeds of one arm as one, to the end.

    The training begins at the start or at the checkpoints.
    """

    def __init__(self, tasks: list[_Task]) -> None:
        config = tasks[0].job.results.config
        self.every, self.device, self.stopping = config["compute"]["checkpoint_seconds"], use_device(config), False
        self.trainings = self._begin(tasks)
        first = self.trainings[0]
        self.method, self.settings = first.method, first.settings
        self.stack = Stack([training.method for training in self.trainings]) if len(tasks) > 1 else None
        self.load = loader(first.images, self.device)
        self.graphed = self._record() if self.device == "cuda" and config["compute"]["graph"] else None

    def _begin(self, tasks: list[_Task]) -> list[_Training]:
        seeds = [task.run.seed for task in tasks]
        trainings = [_Training(task, seeds, self.device) for task in tasks]
        for training in trainings:
            training.begin()
        if len({training.step for training in trainings}) == 1:
            return trainings
        print(f"{trainings[0].run}: seeds {seeds} were stopped at different steps: starting again", file=sys.stderr)
        for training in trainings:
            training.clear()
        return self._begin(tasks)

    def _record(self) -> Graphed:
        method = self.stack.one_step.method if self.stack else self.method
        streams = [stream for training in self.trainings for stream in training.method.streams.values()]
        return Graphed(self._make, method, Recorder(streams))

    def run_to_end(self) -> None:
        previous = signal.signal(signal.SIGTERM, self._on_sigterm)
        try:
            self._steps()
        finally:
            signal.signal(signal.SIGTERM, previous)
        for training in self.trainings:
            training.finish()
        for training in self.trainings:  # whoever is stopped before goes on from the checkpoints of all
            training.clear()

    def _on_sigterm(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _steps(self) -> None:
        first, steps, name = self.trainings[0], self.settings["steps"], self._name()
        began, saved = time.monotonic() - first.seconds, time.monotonic()
        with tqdm(total=steps, initial=first.step, desc=name, unit="step", mininterval=2.0) as bar:
            while first.step < steps:
                self._save_curve_points()
                self._step()
                if first.row_is_due():
                    self._note_replays()
                    row, *_ = [training.row() for training in self.trainings]
                    bar.set_postfix({name: f"{row[name]:.4g}" for name in list(row)[1:4]}, refresh=False)
                bar.update()
                now = time.monotonic()
                if now - saved >= self.every or self.stopping:
                    saved = now
                    self._save(now - began)
                if self.stopping:
                    print(f"\n{name}: stopped at step {first.step}; the same command goes on", file=sys.stderr)
                    raise Interrupted(128 + signal.SIGTERM)
        self._save_curve_points()
        for training in self.trainings:
            training.seconds = time.monotonic() - began

    def _name(self) -> str:
        others = len(self.trainings) - 1
        return f"{self.trainings[0].run}{f' and {others} seeds more' if others else ''}"

    def _step(self) -> None:
        """One step of every seed, on a batch of its own."""
        indices = np.concatenate([training.batches.next() for training in self.trainings])
        x = self.load(indices, self.settings["image_size"])  # (S B, C, H, W)
        if self.stack:
            x = x.unflatten(0, (len(self.trainings), -1))
        sums = self.graphed.step(x) if self.graphed else [(1, self._make(x))]
        for training in self.trainings:
            training.step += 1
        self._note(sums)

    def _make(self, x: torch.Tensor) -> list[Row]:
        return self.stack.step(x) if self.stack else [self.method.step(x)]

    def _note(self, sums: Sums) -> None:
        """Hand what steps returned to the logs of the seeds."""
        for steps, rows in sums:
            for training, row in zip(self.trainings, rows, strict=True):
                training.log.add(training.step, row, steps)

    def _note_replays(self) -> None:
        if self.graphed:
            self._note(self.graphed.take())

    def _save_curve_points(self) -> None:
        for training in self.trainings:
            training.save_curve_point(self.load)

    def _save(self, seconds: float) -> None:
        self._note_replays()
        for training in self.trainings:
            training.seconds = seconds
            training.save_checkpoint()


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path.resolve())
