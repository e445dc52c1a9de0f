"""Make `report/page.gif`, a short film of the page.

It is for places that run no JavaScript, such as GitHub.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from idgan_sc import config as configuration
from idgan_sc.config import Run, dataset_row, shown_generators
from idgan_sc.evaluation.generators.traverse import anchor_noise
from idgan_sc.evaluation.model import load, to_bytes
from idgan_sc.files import DataError, write_atomic
from idgan_sc.publish.interactive import dead_codes, factor_words
from idgan_sc.records.published import WEIGHTS
from idgan_sc.records.results import Results
from idgan_sc.records.tables import read_recorded
from idgan_sc.report.words import label

SIDE, GAP, LEFT, HEAD, FOOT = 112, 14, 118, 44, 26  # pixels: an image, between images, row names, factors, slider
FRAMES, MILLISECONDS, FACTORS = 13, 90, 2  # of the way there, each; factors one after the other
CLASSES = ("digit",)  # factors whose values are categories: no slider fits them
Array = np.ndarray


class Actor:
    """Hold one generator of the film.

    It has the model, and for each factor how much each code tells of it.
    """

    def __init__(self, results: Results, run: Run, folder: Path) -> None:
        arrays = read_recorded(folder / "traversal.npz", f"run `idgan-sc traverse` for {run}")
        self.run, self.model = run, load(folder)
        self.anchors = arrays["anchors"]  # (A, k)
        self.noise = anchor_noise(self.model)[: len(self.anchors)]
        association = np.array(arrays["association"])  # (k, K)
        association[dead_codes(results, run)] = -1
        self.association = dict(zip(map(str, arrays["factor_names"]), association.T, strict=True))

    def along(self, factor: str, sign: int) -> Array:
        """Generate images (FRAMES, H, W, C) along the code of a factor.

        They begin at the first start. The code moves from one end to the other.
        """
        reach = abs(float(self.model.sweep()[0])) * sign
        values = np.linspace(-reach, reach, FRAMES, dtype=np.float32)
        return self._images(self.anchors[0], factor, values, self.noise[0])

    def change(self, factor: str) -> Array:
        """Compute the mean change of an image along the code of a factor.

        The code goes from one end to the other. The mean is over the starts.
        """
        ends = self.model.sweep()[[0, -1]]
        starts = zip(self.anchors, self.noise, strict=True)
        images = [self._images(anchor, factor, ends, noise).astype(float) for anchor, noise in starts]
        return np.mean([image[1] - image[0] for image in images], axis=0)

    def _images(self, anchor: Array, factor: str, values: Array, noise: Array) -> Array:
        code = int(self.association[factor].argmax())
        return to_bytes(self.model.traverse(anchor, code, values, noise)).transpose(0, 2, 3, 1)


def write_film(results: Results) -> Path:
    """Write the film of the two systems that the paper compares.

    It shows each data set, with a slider for a factor in both systems.

    Raises
    ------
    DataError
        If no data set has both of them, traversed and with weights.
    """
    pairs = _pairs(results)
    if not pairs:
        raise DataError(f"{results.root}: no two traversed generators with weights to film: run `idgan-sc traverse`")
    columns = [_column(pair) for pair in pairs]
    frames = [
        _frame(columns, turn, at) for turn in range(FACTORS) for at in (*range(FRAMES), *range(FRAMES - 2, 0, -1))
    ]
    palettes = [frame.quantize(128, dither=Image.Dither.NONE) for frame in frames]
    stream = io.BytesIO()
    palettes[0].save(
        stream, "GIF", save_all=True, append_images=palettes[1:], duration=MILLISECONDS, loop=0, optimize=True
    )

    def write(temporary: Path) -> None:
        temporary.write_bytes(stream.getvalue())

    return write_atomic(results.root / "report" / "page.gif", write)


def _pairs(results: Results) -> list[list[Actor]]:
    """For each data set the systems of `PICTURE_SYSTEMS`, where both are there."""
    found = []
    for dataset in results.datasets:
        runs = [run for run in shown_generators(results.config, results.preset) if run.dataset == dataset]
        runs = [run for run in runs if run.system in configuration.PICTURE_SYSTEMS]
        folders = [results.find(run, "traversal.npz").parent for run in runs]
        if len(runs) == len(configuration.PICTURE_SYSTEMS) and all(_there(folder) for folder in folders):
            found.append([Actor(results, run, folder) for run, folder in zip(runs, folders, strict=True)])
    return found


def _there(folder: Path) -> bool:
    weights = [(folder / name).exists() for name in (WEIGHTS, "weights.safetensors")]
    return (folder / "traversal.npz").exists() and any(weights)


def _column(pair: list[Actor]) -> dict[str, Any]:
    """Compute a data set's part of the film.

    Its factors are those that both systems tell most of. It has the images of both systems along each factor.
    """
    shared = [name for name in pair[0].association if name in pair[1].association and name not in CLASSES]
    best = sorted(shared, key=lambda name: -min(float(actor.association[name].max()) for actor in pair))[:FACTORS]
    scenes = []
    for factor in best:
        agree = float((pair[0].change(factor) * pair[1].change(factor)).sum())
        signs = (1, -1 if agree < 0 else 1)
        images = [actor.along(factor, sign) for actor, sign in zip(pair, signs, strict=True)]
        scenes.append((factor_words(factor), images))
    title = dataset_row(pair[0].run.dataset).title
    return {"title": title, "scenes": scenes, "labels": [label(actor.run.system) for actor in pair]}


def _frame(columns: list[dict[str, Any]], turn: int, at: int) -> Image.Image:
    rows = columns[0]["labels"]
    width = LEFT + len(columns) * (SIDE + GAP)
    picture = Image.new("RGB", (width, HEAD + len(rows) * (SIDE + GAP) + FOOT), "white")
    draw, name = ImageDraw.Draw(picture), font_manager.findfont("DejaVu Sans")
    plain, small = ImageFont.truetype(name, 14), ImageFont.truetype(name, 12)
    for i, words in enumerate(rows):
        text = words.replace(" (", "\n(")
        draw.multiline_text((8, HEAD + i * (SIDE + GAP) + SIDE / 2 - 14), text, "black", plain)
    for j, column in enumerate(columns):
        factor, images = column["scenes"][turn % len(column["scenes"])]
        left = LEFT + j * (SIDE + GAP)
        draw.text((left, 4), column["title"], "black", plain)
        draw.text((left, 22), f"slider: {factor}", "#444", small)
        for i, along in enumerate(images):
            shown = Image.fromarray(along[at].squeeze()).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
            picture.paste(shown, (left, HEAD + i * (SIDE + GAP)))
        middle, thumb = picture.height - FOOT / 2 - 2, left + 6 + (SIDE - 12) * at / (FRAMES - 1)
        draw.line((left, middle, left + SIDE, middle), "#999", 3)
        draw.ellipse((thumb - 7, middle - 7, thumb + 7, middle + 7), "#00527f")
    return picture
