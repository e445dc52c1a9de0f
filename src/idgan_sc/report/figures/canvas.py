"""Define the style that the figures share, and save them.

The figures share style, marks, keys and captions. All lengths are printed inches.
"""

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from idgan_sc.config import DATASET, Run
from idgan_sc.files import write_atomic, write_text
from idgan_sc.records.results import Results
from idgan_sc.report.words import CODES_OF, COLOURS, NO_EVIDENCE, data_words, describe_results, label

GREY, FAINT, LIGHT = "#555555", "#767676", "#BBBBBB"  # text and marks; text of what is weak; lines behind
FRAME = "#C1440E"  # around what is pointed at
TEXT = 7.0  # the width of a figure: the text of a page, two columns
SMALL, LARGE = 7.0, 8.0  # points: the smallest text that is printed, and titles
STRIP = 0.18  # height of the line that says that a figure is no evidence
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": SMALL,
    "axes.labelsize": SMALL,
    "axes.titlesize": LARGE,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
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
WORDS = {  # rows whose word is not the factor's name: the paper's
    "scale": "size",
    "orientation": "rotation",
    "azimuth": "angle",
    "pixels": "style",
}
MARKERS = {  # of a system, the same in every figure
    "beta_vae": "*",
    "factor_vae": "P",
    "infogan": "o",
    "infogan_cr": "s",
    "idgan_sc_prior": "^",
    "idgan": "v",
    "idgan_sc": "D",
}


# -------------------------------------------------------------------------------------------------------- places
def sheet(results: Results, height: float, width: float = TEXT) -> Figure:
    """Create an empty figure.

    If the results are no evidence, a line above it says so.
    """
    strip = 0 if results.evidence else STRIP
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(width, height + strip), dpi=DPI)
        if strip:
            y = (height + strip / 2) / (height + strip)
            fig.text(0.5, y, f"Preset {results.preset}: {NO_EVIDENCE}", ha="center", va="center", color=FRAME)
    return fig


def place(fig: Figure, x: float, y: float, width: float, height: float, **style: Any) -> Axes:
    """Axes whose lower left corner is at (x, y)."""
    across, up = fig.get_size_inches()
    with mpl.rc_context(STYLE):
        return fig.add_axes((x / across, y / up, width / across, height / up), **style)


def drawing(results: Results, height: float, width: float = TEXT) -> tuple[Figure, Axes]:
    """A figure with axes that cover it and count inches from its lower left corner."""
    fig = sheet(results, height, width)
    ax = place(fig, 0, 0, width, height)
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return fig, ax


GUTTER = 2  # white pixels between images side by side


def put_images(ax: Axes, images: np.ndarray, x: float, y: float, step: float) -> None:
    """Draw images (n, C, H, W) of bytes side by side.

    `step` is the distance from one to the next. The lower left corner is at (x, y). The images are one picture: a
    figure of some hundred pictures takes many times longer to save.
    """
    size = images.shape[-1]
    padded = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, GUTTER)), constant_values=255)
    joined = np.concatenate(padded, axis=-1)[..., :-GUTTER]  # (C, H, n (W + GUTTER) - GUTTER)
    pixels = joined[0] if len(joined) == 1 else joined.transpose(1, 2, 0)
    inches = step / (size + GUTTER)  # a pixel
    extent = (x, x + pixels.shape[1] * inches, y, y + size * inches)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
    ax.set(xlim=limits[0], ylim=limits[1], aspect="auto")


def put_text(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    chosen: dict[str, Any] = {"ha": "center", "va": "center", "size": SMALL, **style}
    ax.text(x, y, text, **chosen)


# --------------------------------------------------------------------------------------------------- marks and keys
def mark(system: str, variant: str = "main") -> dict[str, Any]:
    """Return the style of a system's points, with the words of the key.

    Points are open for 10 codes if the system also has 5.
    """
    colour = COLOURS[system]
    return {
        "color": colour,
        "marker": MARKERS[system],
        "markerfacecolor": colour if variant == "main" else "white",
        "markeredgecolor": colour,
        "markersize": 4,
        "label": label(system) + CODES_OF.get(variant, f", {variant}"),
    }


def key(
    fig: Figure, x: float, y: float, entries: Sequence[Mapping[str, Any]], columns: int = 1, wrap: int = 40
) -> None:
    """Draw a key that explains marks and lines.

    Each entry has a style and a `label`. The upper left corner is at (x, y). A style with `facecolor` is an area.
    `wrap` is the number of characters after which a label continues on the next line.
    """
    wrapped = [{**entry, "label": textwrap.fill(entry["label"], wrap)} for entry in entries]
    handles = [Patch(**entry) if "facecolor" in entry else Line2D([], [], **entry) for entry in wrapped]
    across, up = fig.get_size_inches()
    with mpl.rc_context(STYLE):
        fig.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(x / across, y / up), ncols=columns, frameon=False,
            borderpad=0, borderaxespad=0, handlelength=2.2, labelspacing=0.5, columnspacing=1.5,
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------- captions and files
def contents(tile: np.ndarray) -> dict[str, Any]:
    """What tells one (C, H, W) image from another in a table."""
    return {"mean": round(float(tile.mean()) / 255, 6), "sha256": hashlib.sha256(tile.tobytes()).hexdigest()[:12]}


def save(
    fig: Figure,
    results: Results,
    name: str,
    frame: pd.DataFrame,
    caption: Sequence[str],
    n: str,
    data: Sequence[str] = (DATASET,),
) -> list[Path]:
    """The four files of a figure, without dates, so that equal results give equal bytes.

    frame: what is drawn; caption: its sentences; n: how many seeds, as `seeds_words` has it.
    """
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
    width, height = fig.get_size_inches()
    made = "; ".join(words for words in describe_results(results, n, data) if words != NO_EVIDENCE)
    warning = [] if results.evidence else [f"This is {NO_EVIDENCE}."]
    sentences = [*caption, f"{made}.", *warning, f"Printed size: {width:.1f} × {height:.1f} inches."]
    return [*written, write_text(path.with_suffix(".md"), " ".join(sentences) + "\n")]


def _runs(results: Results, data: str, system: str) -> list[Run]:
    return [r for r in results.runs(data) if (r.system, r.variant) == (system, "main")]
