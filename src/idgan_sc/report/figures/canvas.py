"""What the figures share: style, canvas, captions and how they are saved."""

import hashlib
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc.config import DATASET, Run
from idgan_sc.files import write_atomic
from idgan_sc.records.results import Results
from idgan_sc.report.words import NO_EVIDENCE, about, data_words, label, seeds_words

GREY, LIGHT = "#555555", "#BBBBBB"
COLUMN, TEXT = 3.4, 7.0  # inches: one column, both columns
LEFT, TOP, BOTTOM = 0.98, 0.22, 0.32  # inches of a figure of images: row labels, column labels, the line below
SMALL = 5.5  # points, of the line below a figure
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # fonts embedded as TrueType
}
METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
DPI = 300
WORDS = {  # rows whose word is not the factor's name
    "azimuth": "angle",
    "pixels": "style",
}


def _first_run(results: Results) -> Run:
    return results.run(DATASET, "idgan_sc", "main", results.seeds()[0])


def contents(tile: np.ndarray) -> dict[str, Any]:
    """What tells one (C, H, W) image from another in a table."""
    return {"mean": round(float(tile.mean()) / 255, 6), "sha256": hashlib.sha256(tile.tobytes()).hexdigest()[:12]}


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure whose only axes cover it and count inches from its lower left corner."""
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(width, height), dpi=DPI)
        ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return fig, ax


def put_image(ax: Axes, image: np.ndarray, x: float, y: float, size: float) -> None:
    """Draw a (C, H, W) image of bytes with its lower left corner at (x, y)."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(x, x + size, y, y + size), interpolation="nearest")
    ax.set(xlim=limits[0], ylim=limits[1], aspect="auto")


def put_text(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    chosen: dict[str, Any] = {"ha": "center", "va": "center", "size": 7, **style}
    ax.text(x, y, text, **chosen)


def of_run(run: Run) -> list[str]:
    return [seeds_words(1), f"{label(run.system)}, seed {run.seed}"]


def below(fig: Figure, results: Results, words: list[str], data: Sequence[str] = (DATASET,)) -> None:
    """The line below a figure: what it was made from, and whether it is evidence."""
    head, *rest = words
    said = about(results, head, data)
    said[3:3] = rest
    width = fig.get_size_inches()[0]
    unbroken = "; ".join(said).replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    text = textwrap.fill(f"{unbroken}.", int(width * 24))
    with mpl.rc_context(STYLE):
        fig.text(0.06 / width, 0.05 / fig.get_size_inches()[1], text, size=SMALL, color=GREY, va="bottom")


def save(
    fig: Figure,
    results: Results,
    name: str,
    frame: pd.DataFrame,
    data: Sequence[str] = (DATASET,),
) -> list[Path]:
    """The three files of a figure, without dates, so that equal results give equal bytes."""
    evidence = "yes" if results.evidence else NO_EVIDENCE
    head = {
        "preset": results.preset,
        "evidence": evidence,
        "data": ", ".join(data_words(results, set_) for set_ in data),
    }
    frame = pd.concat([pd.DataFrame(head, index=frame.index), frame], axis=1)
    path = Path(results.root) / "figures" / name
    written = [write_atomic(path.with_suffix(".csv"), lambda to: frame.to_csv(to, index=False, lineterminator="\n"))]
    with mpl.rc_context(STYLE):
        for suffix, metadata in METADATA.items():
            target = path.with_suffix(f".{suffix}")
            written.append(write_atomic(target, lambda to, m=metadata: fig.savefig(to, dpi=DPI, metadata=m)))  # type: ignore[misc]
    return written


def _runs(results: Results, data: str, system: str) -> list[Run]:
    return [r for r in results.runs(data) if (r.system, r.variant) == (system, "main")]
