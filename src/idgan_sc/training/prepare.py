"""A preset's data set on disk, rendered or downloaded where it is missing."""

import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.files import DataError, locked, write_json
from idgan_sc.records.record import read_record
from idgan_sc.records.results import Results

if TYPE_CHECKING:
    from idgan_sc.data.images import Images

# Commands import what they need when they run: `idgan-sc table` must not wait for PyTorch.


def ensure_images(results: Results, dataset: str, file: Path | None = None) -> "Images":
    """Return the data set below `root`, rendered or downloaded if it is missing.

    A second process waits for the first. `file` replaces the data set's own file, which the settings may name.

    Raises
    ------
    DataError
        If the data set is there and was made by other settings or source, or cannot be had.
    """
    from idgan_sc.data.images import open_images
    from idgan_sc.source import images_source

    wanted = results.dataset_settings(dataset) | ({"file": str(file)} if file else {})
    if file and wanted["source"] in ("procedural", "folder"):
        made = "drawn" if wanted["source"] == "procedural" else "made of a folder"
        raise DataError(f"{dataset} is {made} at preset {results.preset} and reads no file: leave out {file}")
    folder = results.images(dataset)
    by = {key: wanted[key] for key in ("source", *configuration.DATA) if key in wanted}
    by["code"] = images_source(dataset)
    valid_sources = {by["code"], *results.accepted().of("images", by["code"])}
    with locked(folder / ".lock"):
        if (folder / "dataset.json").exists():
            found = open_images(folder)
            if not _made_by(folder, by, valid_sources) or found.source.startswith("procedural") != (
                wanted["source"] == "procedural"
            ):
                raise DataError(f"{folder} ({found.source}) was made by other settings or code than today's: delete it")
            if file:
                print(f"{folder} is there already, so that {file} was not read", file=sys.stderr)
            return found
        if wanted["source"] == "folder":
            raise DataError(f"{folder} holds no images: `idgan-sc data --dataset {dataset} --from-folder IMAGES` first")
        (folder / "made_by.json").unlink(missing_ok=True)  # of images that are there no more
        module = importlib.import_module(f"idgan_sc.data.{dataset}")  # a data set's file has its name
        images: Images = module.prepare(folder, **wanted)
        write_json(folder / "made_by.json", by)
        return images


def images_trained_on(results: Results, dataset: str, folder: Path) -> "Images":
    """Open the images that the run in a folder was trained on.

    Raises
    ------
    DataError
        If they are others now, or the folder holds no finished run.
    """
    from idgan_sc.data.images import open_images

    images = open_images(results.images(dataset))
    inputs = read_record(folder).get("inputs", {})
    trained_on = {digest for name, digest in inputs.items() if name.endswith("/images.npy")}
    if trained_on and images.sha256["images.npy"] not in trained_on:
        raise DataError(
            f"{folder} was trained on other images than {results.images(dataset)} holds: put those back, or take "
            "another run"
        )
    return images


def least_images(results: Results, dataset: str) -> int:
    """How many images a data set must have at a preset.

    They must fill a batch of the system that takes the smallest, and the pool of the evaluation.
    """
    systems = (results.run(dataset, system) for system in results.config["systems"])
    batch, pool = min(results.settings(run)["batch"] for run in systems), results.evaluation(dataset)["pool"]
    return batch if pool == "all" else max(batch, pool)


def refuse_small_batch(results: Results, run: Run) -> None:
    """Refuse a training whose batches hold more images than there are.

    Raises
    ------
    DataError
        If a batch of the run, or of one that it builds on, cannot be filled.
    """
    from idgan_sc.data.images import open_images

    images = open_images(results.images(run.dataset))
    for each in configuration.with_predecessors(results.config, [run]):
        batch = results.settings(each)["batch"]
        if batch > images.n:
            raise DataError(
                f"{images.folder} holds {images.n} images, and a batch of {each} takes {batch}: add images, or lower "
                f"`batch` in the configuration"
            )


def say_replaced(results: Results, dataset: str, before: "Images | None", images: "Images") -> None:
    """Say on stderr which images were replaced, and what becomes of their runs.

    `before` are those that were there, if any. Whatever joins a finished run with the images that are there refuses it
    where they are others. Checkpoints of unfinished runs are set aside.
    """
    others = before is None or before.sha256["images.npy"] != images.sha256["images.npy"]
    if before is not None and (others or _factors_of(before) != _factors_of(images)):
        what = f"{before.n} images ({before.source})" if others else "the factors"
        print(f"{images.folder}: {what} that were there are replaced", file=sys.stderr)
        runs = _trained_on(results, dataset, before.sha256["images.npy"])
        mend = (
            "no longer count: delete them and train again, or put the images back"
            if others
            else "are to be scored again"
        )
        if runs:
            print(f"{len(runs)} runs trained on what was there {mend}; the first is {runs[0]}", file=sys.stderr)
    if others:
        _set_aside(results, dataset)


def _factors_of(images: "Images") -> tuple[Any, ...]:
    return images.sha256.get("factors.npy"), images.factor_names, images.factor_values, images.discrete


def _trained_on(results: Results, dataset: str, digest: str) -> list[Path]:
    """The folders of finished runs that were trained on images with this hash."""
    found = []
    for path in sorted(results.root.glob(f"runs/{dataset}/*/*/*/record.json")):
        with suppress(DataError):  # damaged: whoever uses it says so
            if read_record(path.parent).get("inputs", {}).get(f"data/{dataset}/images.npy") == digest:
                found.append(path.parent)
    return found


def _set_aside(results: Results, dataset: str) -> None:
    """Rename the checkpoints of trainings whose images no longer exist.

    A message names each of them.
    """
    for path in sorted(results.root.glob(f"runs/{dataset}/*/*/*/checkpoint.safetensors")):
        aside = path.with_name("checkpoint-of-other-images.safetensors")
        path.replace(aside)
        print(f"{path.parent} began on other images and starts again; its state is now {aside.name}", file=sys.stderr)


def _made_by(folder: Path, by: dict[str, Any], valid_sources: set[str]) -> bool:
    """Check whether images were made by these settings and a valid source.

    Only what was noted is compared. A user's own images were made by no code of this project, so their source is
    not compared.
    """
    path = folder / "made_by.json"
    try:
        noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else by
        code = noted.get("code")
        return bool(noted | {"code": ""} == by | {"code": ""} and (by["source"] == "folder" or code in valid_sources))
    except (ValueError, TypeError, AttributeError):  # damaged
        return False
