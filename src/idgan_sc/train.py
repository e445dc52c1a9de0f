"""The one training loop: batches, log, checkpoint, resume. A method owns its update; this file knows no objective."""

import ctypes
import dataclasses
import math
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

from idgan_sc import checkpoint, provenance
from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError, Run
from idgan_sc.data.images import Images, open_images
from idgan_sc.encode import encode_pool, load_run, pool_indices, to_tensor
from idgan_sc.files import DataError, locked, sha256, write_arrays, write_atomic, write_json
from idgan_sc.models import GAN, Method, build
from idgan_sc.models.gan import DEAD_NATS
from idgan_sc.seeds import torch_stream

COLLAPSE_STEPS = 200  # a warning must hold for this long before it counts


class TrainingFailed(ConfigError):
    """These settings made a loss infinite or undefined; the message names system, seed, step and loss."""


class Interrupted(SystemExit):
    """SIGTERM: the checkpoint is written, the job is not done; exit status 143, so that a cluster requeues it."""


class Batches:
    """Indices of one epoch after another, each in a new random order; knows its place so that it can resume."""

    def __init__(self, n: int, batch: int, seed: int, stage: str) -> None:
        self.n, self.batch, self.rng = n, batch, torch_stream(seed, f"{stage}/batches")
        self._start_epoch()

    def _start_epoch(self) -> None:
        self.epoch_state, self.position = self.rng.get_state(), 0
        self.order = torch.randperm(self.n, generator=self.rng).numpy()

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


class Log:
    """Means of what `step` returns over every `every` steps; refuses values that are not finite."""

    def __init__(self, run: Run, every: int) -> None:
        self.run, self.every = run, every
        self.rows: list[dict[str, float]] = []
        self.sums: dict[str, torch.Tensor] = {}
        self.counts: dict[str, int] = {}
        self.warned: dict[str, int] = {}  # sentence -> step of its first row

    def add(self, step: int, values: dict[str, torch.Tensor]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.double()
            self.counts[name] = self.counts.get(name, 0) + 1
        if values[next(iter(values))].device.type == "cpu":  # elsewhere a look would stall the device: see flush
            self.refuse(step, values)

    def refuse(self, step: int, values: dict[str, torch.Tensor]) -> None:
        total = float(sum(values.values()))
        if math.isfinite(total):
            return
        name, value = next(((n, float(v)) for n, v in values.items() if not math.isfinite(v)), ("a sum", total))
        raise TrainingFailed(
            f"{self.run.system} ({self.run.variant}), seed {self.run.seed}, step {step}: `{name}` is {value}; "
            "lower the learning rates or the weight of that loss in config.yaml"
        )

    def flush(self, step: int) -> dict[str, float]:
        self.refuse(step, self.sums)
        row = {"step": step} | {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.rows.append(row)
        self.sums, self.counts = {}, {}
        return row

    def warn(self, row: dict[str, float], sentences: list[str]) -> None:
        """Say once what has held for COLLAPSE_STEPS steps."""
        step = int(row["step"])
        held = {s.partition(":")[0]: self.warned.get(s.partition(":")[0], step - self.every) for s in sentences}
        for sentence in sentences:
            since = held[sentence.partition(":")[0]]
            if since >= 0 and step - since >= COLLAPSE_STEPS:
                print(f"\nwarning: {self.run}: {sentence} (since step {since})", file=sys.stderr)
                held[sentence.partition(":")[0]] = -1
        self.warned = held


def train(config: Config, run: Run, root: Path, before: dict[str, Path] | None = None) -> Path:
    """Train one run below `root`, its missing predecessors first, and return its folder.

    Writes `weights.safetensors`, `curve.npz` (the pool's codes along the training), `log.csv`, `record.json`, and for a
    stage A `state.safetensors`. A finished run is left alone; an interrupted one goes on from its checkpoint.

    Parameters
    ----------
    root
        The preset's results, with the data set in `data/<dataset>`.
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
    settings = configuration.resolve(config, run)
    folder = root / run.path
    folders = {}
    for role, earlier in configuration.predecessors(config, run).items():
        folders[role] = (before or {}).get(role) or train(config, earlier, root, before)
        _check_predecessor(folders[role], earlier, settings)
    records = {role: provenance.read_record(path) for role, path in folders.items()}
    before_it = [record["fingerprint"] for record in records.values()]
    source = provenance.training_source(run.dataset)
    fingerprint = provenance.fingerprint(settings, run.seed, before_it, source)
    with locked(folder / ".lock"):
        images = open_images(root / "data" / run.dataset)
        if _finished(folder, fingerprint, images):
            return folder
        images.verify()  # the record will name these hashes
        _Training(config, run, settings, folder, images, folders, records, fingerprint).run_to_end()
    return folder


def _check_predecessor(folder: Path, expected: Run, settings: dict[str, Any]) -> None:
    """Refuse a folder that was given as a predecessor and holds another system, or one for other codes or images."""
    record = provenance.read_record(folder)
    if record["system"] != expected.system:
        raise DataError(f"{folder} holds a run of {record['system']}, where one of {expected.system} is needed")
    for key in ("c_dim", "image_size"):
        if record["settings"].get(key) != settings[key]:
            raise DataError(f"{folder} has {key} {record['settings'].get(key)}, where {settings[key]} is needed")
    provenance.check_outputs(folder)


def _finished(folder: Path, fingerprint: str, images: Images) -> bool:
    if not (folder / "record.json").exists():
        return False
    record = provenance.read_record(folder)
    if record["fingerprint"] != fingerprint:
        raise DataError(f"{folder} was made by other settings or source: delete it or choose another --out")
    if record.get("inputs") != _inputs(images):
        raise DataError(f"{folder} was trained on other images than {images.folder} holds: delete it or them")
    provenance.check_outputs(folder)
    return True


def _inputs(images: Images) -> dict[str, str]:
    return {f"data/{images.folder.name}/{name}": digest for name, digest in images.sha256.items()}


class _Training:
    """One run from its start, or its checkpoint, to its end."""

    def __init__(
        self, config: Config, run: Run, settings: dict[str, Any], folder: Path, images: Images,
        folders: dict[str, Path], records: dict[str, dict[str, Any]], fingerprint: str,
    ) -> None:  # fmt: skip
        self.config, self.run, self.settings, self.folder, self.images = config, run, settings, folder, images
        self.folders, self.records, self.fingerprint = folders, records, fingerprint
        self.device = use_device(config)
        self.stage = settings.get("start", "scratch")  # stage B draws from streams of its own
        vae = load_run(folders["vae"], self.device) if "vae" in folders else None
        self.method: Method = build(settings, images.shape[0], run.seed, self.stage, self.device, vae)
        if settings.get("pair_dims") == "live":
            assert isinstance(self.method, GAN)
            self.method.dims = torch.tensor(self._live_dims(), device=self.device)
        self.batches = Batches(images.n, settings["batch"], run.seed, self.stage)
        self.log = Log(run, settings["log_every"])
        self.pool = pool_indices(images, run.preset, settings["pool"])
        self.curve_steps = [round(s) for s in np.linspace(0, settings["steps"], settings["curve_points"])]
        self.step, self.seconds = 0, 0.0
        self.checkpoint, self.curve = folder / "checkpoint.safetensors", folder / ".curve"
        self.stopping = False

    # ------------------------------------------------------------------------------------------------ from beginning
    def _live_dims(self) -> list[int]:
        """Dimensions of the β-VAE with more than DEAD_NATS, by the last row of its log."""
        row = pd.read_csv(self.folders["vae"] / "log.csv").iloc[-1]
        live = [j for j in range(self.settings["c_dim"]) if row[f"kl_{j + 1}"] > DEAD_NATS]
        if len(live) < 2:
            raise DataError(f"{self.run}: the β-VAE has {len(live)} live dimensions, pairs need two: use pair_dims all")
        return live

    def _begin(self) -> None:
        """From a checkpoint of this very run; else from stage A's state; else from initialisation."""
        if self.checkpoint.exists() and self._resume():
            return
        self._clear()
        if "start" in self.folders:
            path = self.folders["start"] / "state.safetensors"
            tensors, _ = checkpoint.read(path)
            checkpoint.load_networks(self.method, tensors, path)
            checkpoint.load_moments(self.method, tensors)

    def _resume(self) -> bool:
        tensors, about = checkpoint.read(self.checkpoint)
        if about["fingerprint"] != self.fingerprint:
            print(f"{self.checkpoint} is of other settings or source: starting again", file=sys.stderr)
            return False
        done = [step for step in self.curve_steps if step < about["step"]]
        if not all(self._curve_point(step).exists() for step in done):
            print(f"{self.curve} lacks points before step {about['step']}: starting again", file=sys.stderr)
            return False
        checkpoint.load_networks(self.method, tensors, self.checkpoint)
        checkpoint.load_moments(self.method, tensors)
        checkpoint.load_streams(self.method, tensors)
        self.batches.load(tensors)
        self.step, self.seconds, self.log.rows, self.log.warned = (
            about["step"], about["seconds"], about["rows"], about["warned"],
        )  # fmt: skip
        if isinstance(self.method, GAN):
            self.method.steps_done = self.step
        self.log.counts = about["counts"]
        self.log.sums = {name: tensors[f"sum/{name}"] for name in about["counts"]}
        return True

    def _save_checkpoint(self) -> None:
        tensors = {
            **checkpoint.network_tensors(self.method),
            **checkpoint.moment_tensors(self.method),
            **checkpoint.stream_tensors(self.method),
            **self.batches.tensors(),
            **{f"sum/{name}": tensor for name, tensor in self.log.sums.items()},
        }
        about = {
            "fingerprint": self.fingerprint, "step": self.step, "seconds": self.seconds, "rows": self.log.rows,
            "warned": self.log.warned, "counts": self.log.counts,
        }  # fmt: skip
        checkpoint.save(self.checkpoint, tensors, about)

    # -------------------------------------------------------------------------------------------------------- to end
    def run_to_end(self) -> None:
        self._begin()
        previous = signal.signal(signal.SIGTERM, self._on_sigterm)
        try:
            self._loop()
        finally:
            signal.signal(signal.SIGTERM, previous)
        self._finish()

    def _on_sigterm(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _loop(self) -> None:
        every = self.config["compute"]["checkpoint_seconds"]
        began, saved = time.monotonic() - self.seconds, time.monotonic()
        bar = tqdm(total=self.settings["steps"], initial=self.step, desc=str(self.run), unit="step", mininterval=2.0)
        with bar:
            while self.step < self.settings["steps"]:
                self._save_curve_point()
                x = self.images.batch(self.batches.next(), self.settings["image_size"])
                self.log.add(self.step + 1, self.method.step(to_tensor(x, self.device)))
                self.step += 1
                if self.step % self.log.every == 0 or self.step == self.settings["steps"]:
                    row = self.log.flush(self.step)
                    self.log.warn(row, self.method.warnings(row))
                    bar.set_postfix({name: f"{row[name]:.4g}" for name in list(row)[1:4]}, refresh=False)
                bar.update()
                now = time.monotonic()
                if now - saved >= every or self.stopping:
                    self.seconds, saved = now - began, now
                    self._save_checkpoint()
                if self.stopping:
                    print(f"\n{self.run}: stopped at step {self.step}; the same command goes on", file=sys.stderr)
                    raise Interrupted(128 + signal.SIGTERM)
        self._save_curve_point()
        self.seconds = time.monotonic() - began

    def _save_curve_point(self) -> None:
        """The pool's codes before the step to come, where the curve has a point."""
        if self.step not in self.curve_steps:
            return
        codes = encode_pool(self.method, self.images, self.pool, self.device)
        checkpoint.save(self._curve_point(self.step), {"codes": torch.from_numpy(codes)}, {"step": self.step})

    def _curve_point(self, step: int) -> Path:
        return self.curve / f"{step}.safetensors"

    def _clear(self) -> None:
        """Remove what only an unfinished run needs, and what killed processes left of files they were writing."""
        self.checkpoint.unlink(missing_ok=True)
        shutil.rmtree(self.curve, ignore_errors=True)
        for left in self.folder.glob(".tmp-*"):
            left.unlink(missing_ok=True)

    def _finish(self) -> None:
        folder, about = self.folder, {"fingerprint": self.fingerprint}
        weights = checkpoint.network_tensors(self.method)
        checkpoint.save(folder / "weights.safetensors", weights, about)
        outputs = ["weights.safetensors", "curve.npz", "log.csv"]
        if self.run.system in configuration.starts(self.config):
            state = weights | checkpoint.moment_tensors(self.method)
            checkpoint.save(folder / "state.safetensors", state, about)
            outputs.append("state.safetensors")
        points = [checkpoint.read(self._curve_point(step))[0]["codes"].numpy() for step in self.curve_steps]
        write_arrays(folder / "curve.npz", steps=np.array(self.curve_steps), codes=np.stack(points))
        log = pd.DataFrame(self.log.rows)
        write_atomic(folder / "log.csv", lambda temporary: log.to_csv(temporary, index=False))
        write_json(folder / "record.json", self._record(outputs))
        self._clear()

    def _record(self, outputs: list[str]) -> dict[str, Any]:
        run, root = self.run, self.folder.parents[4]
        before = {
            role: {"path": _relative(path, root), "fingerprint": self.records[role]["fingerprint"]}
            for role, path in self.folders.items()
        }
        return {
            **dataclasses.asdict(run),
            "settings": self.settings, "channels": self.images.shape[0], "fingerprint": self.fingerprint,
            "source": provenance.training_source(run.dataset), "before": before, "data": self.images.source,
            "inputs": _inputs(self.images),
            "outputs": {name: sha256(self.folder / name) for name in outputs},
            "warnings": sorted(name for name, since in self.log.warned.items() if since < 0),
            "seconds": round(self.seconds, 1), "peak_memory_mb": provenance.peak_memory_mb(),
            "device": self.device, "threads": torch.get_num_threads(), **provenance.machine(), **provenance.commit(),
        }  # fmt: skip


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path.resolve())


def use_device(config: Config) -> str:
    """Set threads, determinism and the allocator for this process; return the device's name.

    Raises
    ------
    ConfigError
        If CUDA is asked for and absent.
    """
    wanted = config["compute"]["device"]
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("compute.device: cuda is asked for, but PyTorch finds no GPU: use auto or cpu")
    torch.set_num_threads(config["compute"]["threads"])
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Nothing here reads uninitialised memory, and filling it takes 3-12 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _keep_freed_memory()
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of returning them: page faults cost 5-12 % of a step otherwise."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 2**26)
