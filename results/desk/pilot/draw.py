"""Draw `figures/live.png` from `live.csv`: python results/desk/pilot/draw.py"""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from idgan_sc.figures import COLOURS, DPI, GREY, STYLE, TEXT
from idgan_sc.tables import label

HERE = Path(__file__).parent
FLOOR = 0.52  # principal components of the pixels, 5 codes: results/desk/published/floor.csv
STARTS = {  # variants of stage A, each with how it is drawn
    "main": ("1e-3 / 2e-3", "#AAAAAA", "-"),
    "g2": ("1e-3 / 2e-3, two G steps", "#AAAAAA", ":"),
    "lam_20": ("1e-3 / 2e-3, λ = 0.2", "#9ECAE1", "-"),
    "mid": ("5e-4 / 1e-3", "#08306B", "-"),
    "low_a": ("2e-4 / 4e-4", "#0072B2", "-"),
}
ALPHAS = {0.2: "-", 0.6: (0, (4, 1.5)), 2.0: (0, (1, 1))}


def main() -> None:
    table = pd.read_csv(HERE / "live.csv")
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=(TEXT, 3.2), dpi=DPI)
        first, second, third = fig.subplots(
            1, 3, sharey=True, gridspec_kw={"left": 0.08, "right": 0.98, "bottom": 0.36}
        )
        stage_a(first, table[table["system"] == "infogan_stage_a"])
        later = table[table["variant"].str.startswith("b_a")]
        for ax, seed in ((second, 1000), (third, 1001)):
            stage_b(ax, later[later["seed"] == seed])
            ax.set(title=f"stage B, seed {seed}", xlabel="step of stage B")
        first.set(title="stage A", xlabel="step of stage A", ylabel="FactorVAE score of Q")
        for ax in (first, second, third):
            ax.axhline(FLOOR, color=GREY, linewidth=0.5, dashes=(4, 3), zorder=1)
            ax.legend(loc="upper left", bbox_to_anchor=(-0.05, -0.2), fontsize=5.5, frameon=False, handlelength=2.5)
        fig.savefig(HERE / "figures/live.png", metadata={"Software": None})


def stage_a(ax: Axes, table: pd.DataFrame) -> None:
    """A line a training: rates and λ; the second seed thin."""
    for variant, (words, colour, style) in STARTS.items():
        for seed, mine in table[table["variant"] == variant].groupby("seed"):
            width, name = (1.1, words) if seed == 1000 else (0.5, None)
            ax.plot(mine["step"], mine["mean"], color=colour, linestyle=style, linewidth=width, label=name)


def stage_b(ax: Axes, table: pd.DataFrame) -> None:
    """A line an arm and α."""
    for (system, alpha), mine in table.fillna({"alpha": 0}).groupby(["system", "alpha"], sort=False):
        words = label(str(system)) + (f", α = {alpha}" if alpha else "")
        ax.plot(mine["step"], mine["mean"], color=COLOURS[str(system)], linestyle=ALPHAS.get(alpha, "-"), label=words)


if __name__ == "__main__":
    main()
