"""Figures of made-up and of published results: whole files, the plotted data and a caption beside them, readable.

Readable is measured on the figure: size of every text, no text over another or cut off, every mark and line in a key,
contrast of colours, and how far apart they are for those who see fewer.
"""

import doctest
import json
import os
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats
from skimage.color import deltaE_ciede2000, rgb2lab

from conftest import make_baselines
from idgan_sc import config as configuration
from idgan_sc.config import Config
from idgan_sc.data.dsprites import render
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import words
from idgan_sc.report.figures import architecture, canvas, curves, forest, paper, registry, strips

ARMS = {"infogan": 0.5, "infogan_cr": 0.62, "idgan_sc_prior": 0.66}
FACTOR_NAMES = ["shape", "scale", "orientation", "x", "y"]


@pytest.fixture(scope="module")
def config() -> Config:
    return configuration.load(Path(__file__).parents[1] / "config.yaml")


@pytest.fixture
def root(tmp_path: Path, config: Config) -> Path:
    return make_results(tmp_path, config, "quick")


def make_results(root: Path, config: Config, preset: str, seeds: int = 3, steps: int = 300) -> Path:
    """What the figures read, as a run of the pipeline leaves it, with known answers."""
    make_curves(seeds, steps).to_csv(root / "curves.csv", index=False)
    make_baselines(root)
    for system, k in (("infogan_cr", 5), ("idgan_sc", 10)):
        folder = root / f"runs/dsprites/{system}/main/{configuration.seeds_of(config, preset)[0]}"
        folder.mkdir(parents=True)
        np.savez(folder / "traversal.npz", **make_traversal(k))
    (folder / "networks.json").write_text(json.dumps({"networks": make_networks(64 if preset == "paper" else 32)}))
    return root


def make_curves(seeds: int, steps: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = {"dataset": "dsprites", "variant": "main", "code": "q_mean", "k": 5, "metric": "factor_vae"}
    rows = [
        columns | {"system": system, "seed": seed, "step": step, "draw": draw, "value": value, "protocol": "infogan_cr"}
        for system, end in ARMS.items()
        for seed in range(seeds)
        for level in [rng.normal(0, 0.02)]
        for step in np.linspace(0, steps, 15).round().astype(int)
        for value0 in [0.48 + level + (end - 0.48) * (1 - np.exp(-5 * step / steps)) + rng.normal(0, 0.006)]
        for draw, value in enumerate(value0 + rng.normal(0, 0.01, size=10))
    ]
    return pd.DataFrame(rows)


def make_traversal(k: int = 10, sweep: int = 10) -> dict[str, np.ndarray]:
    """Code 2j + 1 of 10, or j + 1 of 5, changes factor j alone, in rendered sprites; other codes change nothing."""
    sizes, base = np.array([3, 6, 40, 32, 32]), np.array([2, 4, 5, 16, 16])
    association = np.full((k, 5), 0.02)
    association[k // 5 * np.arange(5), np.arange(5)] = [0.03, 0.6, 0.2, 0.9, 0.8]

    def drawn(code: int, share: float) -> np.ndarray:
        classes = base.copy()
        factor, idle = divmod(code, k // 5)
        if not idle:
            classes[factor] = round(share * (sizes[factor] - 1))
        return 255 * render(classes[None])[:, ::2, ::2]  # (1, 32, 32)

    images = [[drawn(code, share) for share in np.linspace(0, 1, sweep)] for code in range(k)]
    pairs = [[[drawn(code, s) for s in (0.5, p / 4, 1 - p / 5)] for p in range(4)] for code in range(k)]
    return {
        "values": np.linspace(-2, 2, sweep),
        "anchors": np.zeros((1, k)),
        "images": np.array([images], dtype=np.uint8),
        "pairs": np.array(pairs, dtype=np.uint8),
        "samples": np.zeros((64, 1, 32, 32), dtype=np.uint8),
        "association": association,
        "factor_names": np.array(FACTOR_NAMES),
    }


def make_networks(size: int) -> dict[str, Any]:
    down = [size // 2**i for i in range(1, 5 if size == 64 else 4)]
    widths = {64: (32, 32, 64, 64), 32: (32, 64, 64)}[size]

    def row(name: str, kind: str, *shape: int, multiply_adds: int = 1) -> dict[str, Any]:
        return {"name": name, "kind": kind, "shape": shape, "parameters": 9, "multiply_adds": multiply_adds}

    def trunk() -> list[dict[str, Any]]:
        convs = [
            row(f"trunk.convs.{i}", "SNConv2d", w, s, s) for i, (w, s) in enumerate(zip(widths, down, strict=True))
        ]
        return [*convs, row("trunk.fc", "SNLinear", 128)]

    widths_up = list(zip(widths, down[::-1], strict=True))
    up = [row(f"deconv.{3 * i}", "ConvTranspose2d", w, 2 * s, 2 * s) for i, (w, s) in enumerate(widths_up)]
    up = [row("fc.0", "Linear", 128), row("fc.3", "Linear", 1024), *up]
    heads = [row("d", "SNLinear", 1), row("q.0", "SNLinear", 128), row("q.2", "SNLinear", 10)]
    relu = row("q.1", "LeakyReLU", 128, multiply_adds=0)
    image = [1, size, size]
    last = [row("net.6", "Conv2d", 256, 1, 1), row("net.9", "Linear", 20)]
    convs = [row(f"net.{2 * i}", "Conv2d", w, s, s) for i, (w, s) in enumerate(zip(widths, down, strict=True))]
    return {
        "generator": {"inputs": [[5], [10]], "layers": up},
        "discriminator": {"inputs": [image], "layers": [*trunk(), *heads, relu]},
        "pair": {"inputs": [image, image], "layers": [*trunk(), row("out", "Linear", 128)]},
        "encoder": {"inputs": [image], "layers": [*convs, *last]},
    }


def name_of(temporary: Path) -> str:
    """Of `.tmp-1f2e3d4c-figure3.png`: figure3."""
    return temporary.stem.split("-", 2)[2]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Every figure drawn during a test, by name."""
    kept: dict[str, Figure] = {}
    savefig = Figure.savefig

    def spy(fig: Figure, target: Path, **options: Any) -> None:
        kept[name_of(target)] = fig
        savefig(fig, target, **options)

    monkeypatch.setattr(Figure, "savefig", spy)
    return kept


def texts(fig: Figure) -> list[Text]:
    """Every text that is drawn: tick labels beyond the axes' limits exist but are not."""
    fig.draw_without_rendering()
    unseen = [
        tick.label1
        for axes in fig.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not axes.axison or not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]
    found = [text for text in fig.findobj(Text) if isinstance(text, Text) and text not in unseen]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def assert_readable(fig: Figure) -> None:
    """No text is small, touches another or leaves the figure; of two that are turned by an angle, boxes say nothing."""
    found = texts(fig)
    boxes = [(text, text.get_window_extent()) for text in found]
    for text, box in boxes:
        name = text.get_text()
        assert text.get_fontsize() >= 7, f"{name!r} has {text.get_fontsize()} points"
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1, f"{name!r} is cut off"
    for (one, a), (two, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        turned = one.get_rotation() % 90 and two.get_rotation() % 90
        assert apart or turned, f"{one.get_text()!r} overlaps {two.get_text()!r}"


def assert_explained(fig: Figure) -> None:
    """Every line, mark and area of a plot bears words that stand in the figure; coloured cells have a colour bar."""
    said = " ".join(text.get_text() for text in texts(fig)).replace("\n", " ")
    bars = [ax for ax in fig.axes if hasattr(ax, "_colorbar")]
    for ax in [ax for ax in fig.axes if ax.axison and ax not in bars]:
        assert not ax.images or bars
        for artist in (*ax.lines, *ax.collections, *ax.patches):
            words = str(artist.get_label())
            assert words and not words.startswith("_"), f"{artist} of {ax.get_ylabel()!r} is not in the key"
            assert words in said, f"{words!r} is not in the key"
    for legend in fig.legends:
        looks = [look(handle) for handle in legend.legend_handles]
        assert len(set(looks)) == len(looks), "two entries of the key look alike"


LOOKS = ("color", "facecolor", "linewidth", "linestyle", "marker", "markersize", "markerfacecolor", "fillstyle")


def look(handle: Any) -> tuple[str, ...]:
    """What tells an entry of a key from another."""
    known = [str(getattr(handle, f"get_{of}")()) for of in LOOKS if hasattr(handle, f"get_{of}")]
    return (*known, str(getattr(handle, "_unscaled_dash_pattern", "")))


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(paper).failed == 0


@pytest.mark.parametrize("name", registry.FIGURES)
@pytest.mark.parametrize("preset", [pytest.param("quick", marks=pytest.mark.long), "paper"])
def test_figures_are_whole_readable_and_say_what_they_are(
    name: str, preset: str, tmp_path: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    root = make_results(tmp_path, config, preset, steps=34560)
    paths = registry.FIGURES[name](Results(config, preset, root))
    assert [path.name for path in paths] == [f"{name}.csv", f"{name}.png", f"{name}.pdf", f"{name}.md"]
    png, pdf = paths[1].read_bytes(), paths[2].read_bytes()
    assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xaeB`\x82")
    assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF") and b"/FontFile2" in pdf
    assert b"CreationDate" not in pdf and b"Software" not in png
    assert not list(paths[0].parent.glob(".tmp-*"))
    assert_readable(drawn[name])
    assert_explained(drawn[name])
    caption, said = paths[3].read_text(), " ".join(text.get_text() for text in texts(drawn[name]))
    for word in (config["presets"][preset]["title"], "dSprites", "n = ", "Printed size: 7.0"):
        assert word in caption and word not in said
    assert ("no evidence: a test of the pipeline" in said) == (preset == "quick")
    assert ("This is no evidence: a test of the pipeline." in caption) == (preset == "quick")


def test_figures_do_not_depend_on_the_process(root: Path, config: Config) -> None:
    code = (
        "import sys; from pathlib import Path; from idgan_sc import config\n"
        "from idgan_sc.report.figures import architecture, curves, paper\n"
        "from idgan_sc.records.results import Results\n"
        f"c = config.load({str(Path(__file__).parents[1] / 'config.yaml')!r})\n"
        f"results = Results(c, 'quick', Path({str(root)!r}))\n"
        "for figure in (paper.figure1, architecture.figure2, curves.figure3): figure(results)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "1"})
    there = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    draws = (paper.figure1, architecture.figure2, curves.figure3)
    here = {path.name: path.read_bytes() for draw in draws for path in draw(Results(config, "quick", root))}
    assert len(here) == 12
    assert here == there


def of_seeds(frame: pd.DataFrame, seeds: bool = False) -> pd.DataFrame:
    """Rows of figure3.csv that are means over seeds, or those of single seeds."""
    return frame[frame["seed"].notna() == seeds]


def points_of(ax: Axes, **style: Any) -> list[np.ndarray]:
    """What the lines of a style go through: (N, 2) each."""
    return [
        np.asarray(line.get_xydata())
        for line in ax.lines
        if all(getattr(line, f"get_{key}")() == value for key, value in style.items())
    ]


def test_figure3_plots_means_over_seeds_and_its_table_has_them(
    root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    points = make_curves(seeds=6, steps=300)
    others = [points.assign(value=9.0, **{c: "other"}) for c in ("dataset", "variant", "metric", "protocol")]
    pd.concat([points, *others]).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(curves.figure3(Results(config, "quick", root))[0])
    for ax, system in zip(drawn["figure3"].axes, ARMS, strict=False):
        mine = of_seeds(frame[frame["system"] == system])
        of_seed = points[points["system"] == system].groupby(["step", "seed"])["value"].mean().unstack()
        np.testing.assert_allclose(mine["mean"], of_seed.mean(axis=1))
        np.testing.assert_allclose(mine["high"] - mine["mean"], of_seed.std(axis=1, ddof=1))
        half = stats.t.ppf(0.975, 5) * of_seed.std(axis=1, ddof=1) / np.sqrt(6)
        np.testing.assert_allclose(mine["interval_high"] - mine["mean"], half, atol=1e-12)
        (mean,) = points_of(ax, marker=canvas.MARKERS[system])
        np.testing.assert_allclose(mean, mine[["step", "mean"]])
        thin = points_of(ax, label="a seed")
        np.testing.assert_allclose(np.stack(thin)[..., 1], of_seed.T)
        band = ax.collections[0].get_paths()[0].vertices
        assert band[:, 1].max() == pytest.approx(mine["interval_high"].max())
        assert set(mine["paper_level"]) == {config["reported"]["figure3"][system]}


def test_figure3_shows_differences_within_a_seed(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    points = make_curves(seeds=6, steps=300)
    points["value"] += points["seed"].map(dict(enumerate([0.0, 0.3, -0.2, 0.1, -0.1, 0.2])))  # a seed's own level
    lost = points.query("system == 'infogan_cr' and seed == 5").index
    points.drop(lost).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(curves.figure3(Results(config, "quick", root))[0])
    assert frame.loc[frame["system"] == "infogan", "above"].isna().all()
    under = drawn["figure3"].axes[3:]
    for ax, (system, n) in zip(under, (("infogan_cr", 5), ("idgan_sc_prior", 6)), strict=True):
        mine = of_seeds(frame[frame["system"] == system])
        values = points[points["seed"] < n].groupby(["system", "step", "seed"])["value"].mean()
        difference = (values[system] - values["infogan"]).unstack()  # (steps, seeds)
        half = stats.t.ppf(0.975, n - 1) * difference.std(axis=1, ddof=1) / np.sqrt(n)
        np.testing.assert_allclose(mine["above"], difference.mean(axis=1), atol=1e-12)
        np.testing.assert_allclose(mine["above_high"] - mine["above"], half, atol=1e-12)
        np.testing.assert_allclose(mine["above"] - mine["above_low"], half, atol=1e-12)
        (mean,) = points_of(ax, marker=canvas.MARKERS[system])
        np.testing.assert_allclose(mean, mine[["step", "above"]])
        np.testing.assert_allclose(np.stack(points_of(ax, label="a seed"))[..., 1], difference.T, atol=1e-12)
    said = " ".join(text.get_text() for text in texts(drawn["figure3"]))
    assert "the paper: +0.08" in said and "the paper: +0.10" in said
    assert_readable(drawn["figure3"])


def test_figure3_with_one_seed_has_no_band(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    make_curves(seeds=1, steps=300).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(curves.figure3(Results(config, "quick", root))[0])
    assert of_seeds(frame)[["sd", "low", "high", "interval_low"]].isna().all(axis=None)
    bands = [area for ax in drawn["figure3"].axes for area in ax.collections]
    assert bands and all(np.isnan(area.get_datalim(area.axes.transData).height) or not area.get_paths() or
                         not np.isfinite(area.get_paths()[0].vertices).any() for area in bands)  # fmt: skip
    assert_readable(drawn["figure3"])


def test_figure3_shows_which_arms_are_missing(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    points = make_curves(seeds=2, steps=300)
    points[points["system"] == "infogan"].to_csv(root / "curves.csv", index=False)
    curves.figure3(Results(config, "quick", root))
    missing = [text.get_text() for text in texts(drawn["figure3"]) if "missing" in text.get_text()]
    assert [words.split(";")[0] for words in missing] == ["missing"] * 4
    assert_readable(drawn["figure3"])
    points[:0].to_csv(root / "curves.csv", index=False)
    curves.figure3(Results(config, "quick", root))
    assert_readable(drawn["figure3"])


@pytest.mark.parametrize("ends", [(0.8, 0.88, 0.9), (0.9, 0.9, 0.9), (0.999, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_figure3_is_readable_wherever_the_arms_end(
    ends: tuple[float, ...], root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    points = make_curves(seeds=2, steps=20)
    points["value"] = points["system"].map(dict(zip(ARMS, ends, strict=True)))
    points.to_csv(root / "curves.csv", index=False)
    curves.figure3(Results(config, "quick", root))
    assert_readable(drawn["figure3"])


@pytest.mark.parametrize("name", ["figure1", "figure4"])
def test_rows_of_images_are_the_associated_codes(name: str, root: Path, config: Config) -> None:
    frame = pd.read_csv(registry.FIGURES[name](Results(config, "quick", root))[0])
    assert list(dict.fromkeys(frame["system"])) == ["true", "infogan_cr", "idgan_sc"]
    for system, k in (("infogan_cr", 5), ("idgan_sc", 10)):
        association = make_traversal(k)["association"]
        of_factor = frame[frame["system"] == system].drop_duplicates("factor").set_index("factor")
        for factor, row in of_factor.iterrows():
            position = FACTOR_NAMES.index(str(factor))
            assert row["code"] == k // 5 * position + 1
            assert row["association"] == association[k // 5 * position, position]
        assert len(of_factor) == {"figure1": 2, "figure4": 5}[name]


def test_table_of_figure4_names_the_very_images(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    frame = pd.read_csv(paper.figure4(Results(config, "quick", root))[0])
    shown_strips = [np.asarray(image.get_array()) for image in drawn["figure4"].axes[0].images]
    step = 32 + canvas.GUTTER
    assert {strip.shape for strip in shown_strips} == {(32, 10 * step - canvas.GUTTER)}
    shown = [strip[:, s * step : s * step + 32] for strip in shown_strips for s in range(10)]
    assert len(shown) == len(frame) == 2 * 2 * 50
    generated = {"infogan_cr": make_traversal(5)["images"], "idgan_sc": make_traversal(10)["images"]}
    for tile, (_, row) in zip(shown, frame.iterrows(), strict=True):
        assert row["sha256"] == canvas.contents(tile[None])["sha256"]
        if row["system"] != "true":
            s = round((row["value"] + 2) / 4 * 9)
            np.testing.assert_array_equal(tile, generated[row["system"]][0, int(row["code"]) - 1, s, 0])


def test_a_factor_without_a_code_is_grey_and_others_are_not(
    root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    paper.figure4(Results(config, "quick", root))
    colours = {text.get_text(): text.get_color() for text in texts(drawn["figure4"])}
    assert colours["shape"] == canvas.FAINT and colours["size"] == colours["x"] == "black"
    assert {"InfoGAN-CR", "IDGAN-SC (with β-VAE)", "code 1, 3%"} <= set(colours)


@pytest.mark.parametrize("data", strips.DRAWN)
def test_a_true_sweep_changes_its_factor_alone(data: str) -> None:
    """The first and the last image are those of the factor's ends; the middle is the same for every factor."""
    factors = strips.DRAWN[data][0]
    middle = np.array([[count // 2 for count in factors.sizes]])
    for k, name in enumerate(factors.names):
        images = strips.true_sweep(data, name, 9, 32)
        assert images is not None and images.shape[0] == 9 and images.dtype == np.uint8
        ends = middle.repeat(2, axis=0)
        ends[:, k] = [0, factors.sizes[k] - 1]
        np.testing.assert_array_equal(images[[0, 8]], strips.true_images(data, ends, 32))
        assert (images[0] != images[8]).any() or name == "orientation"
    assert strips.true_sweep(data, "mood", 9, 32) is None and strips.true_sweep("celeba", "light", 9, 32) is None


def test_true_images_are_those_of_the_data_set(tmp_path: Path) -> None:
    """At half the stored size as `Images.batch` has them; digits at their native size without the border."""
    from idgan_sc.data import digits, dsprites, faces

    classes = dsprites.grid(40 * 1024)[::4099]
    stored = render(classes)[:, None].astype(float).reshape(-1, 1, 32, 2, 32, 2).mean((3, 5))
    np.testing.assert_array_equal(strips.true_images("dsprites", classes, 32), (255 * stored).round())
    assert strips.true_images("digits", np.zeros((2, 5), int), 28).shape == (2, 1, 28, 28)
    whole = digits.render(np.zeros((1, 5), int))[0, 2:-2, 2:-2, 0]
    np.testing.assert_array_equal(strips.true_images("digits", np.zeros((1, 5), int), 28)[0, 0], whole)
    np.testing.assert_array_equal(
        strips.true_images("faces", np.zeros((1, 5), int), 64)[0],
        faces.render(np.zeros((1, 5), int))[0].transpose(2, 0, 1),
    )


def test_assignment_never_takes_a_code_twice() -> None:
    association = np.array([[0.9, 0.8, 0.1], [0.2, 0.3, 0.1], [0.1, 0.1, 0.1]])
    rows = paper.assign(association, ["a", "b", "c"], ("b", "a"))
    assert [(row.factor, row.dimension) for row in rows] == [("b", 1), ("a", 0)]
    with pytest.raises(DataError, match="no association with d"):
        paper.assign(association, ["a", "b", "c"], ("d",))
    with pytest.raises(DataError, match="1 codes cannot stand for 2"):
        paper.assign(association[:1], ["a", "b", "c"], ("a", "b"))


def test_figure2_lists_every_layer_with_its_shape(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    frame = pd.read_csv(architecture.figure2(Results(config, "quick", root))[0])
    layers = sum(len(network["layers"]) for network in make_networks(32).values()) - 1  # the activation
    assert len(frame) == layers
    said = [text.get_text() for text in texts(drawn["figure2"])]
    for line in (
        "SN conv 16×16×32",
        "deconv 32×32×64",
        "linear 1024",
        "conv 1×1×256",
        "(x₁, x₂): 32×32×2",
        "c: 10",
        "frozen",
        "real images x: 32×32×1",
        "L_D, L_G",
        "λ L_info",
        "α L_SC",
    ):
        assert line in said


def test_figure2_leaves_out_q_where_the_frozen_encoder_takes_its_place(
    root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    path = next(root.glob("runs/*/*/*/*/networks.json"))
    networks = make_networks(32)
    layers = networks["discriminator"]["layers"]
    networks["discriminator"]["layers"] = [row for row in layers if not row["name"].startswith("q.")]
    path.write_text(json.dumps({"networks": networks}))
    architecture.figure2(Results(config, "quick", root))
    said = [text.get_text() for text in texts(drawn["figure2"])]
    assert "Q" not in said and "c from encoder" in said


def test_colour_images_are_drawn(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    for path in root.glob("runs/*/*/*/*/traversal.npz"):
        arrays = make_traversal()
        coloured = {name: np.repeat(arrays[name], 3, axis=-3) for name in ("images", "pairs")}
        np.savez(path, **{**arrays, **coloured})
    paper.figure1(Results(config, "quick", root))
    shapes = {image.get_array().shape for image in drawn["figure1"].axes[0].images}  # type: ignore[union-attr]
    assert shapes == {(32, 3 * 32 + 2 * canvas.GUTTER), (32, 3 * 32 + 2 * canvas.GUTTER, 3)}  # true ones stay grey


@pytest.mark.parametrize(
    ("file", "name"), [("traversal.npz", "figure1"), ("networks.json", "figure2"), ("traversal.npz", "figure4")]
)
def test_missing_and_damaged_files_are_one_clear_error(file: str, name: str, root: Path, config: Config) -> None:
    path = next(root.glob(f"runs/*/*/*/*/{file}"))
    path.write_bytes(b"{")
    with pytest.raises(DataError, match="damaged"):
        registry.FIGURES[name](Results(config, "quick", root))
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        registry.FIGURES[name](Results(config, "quick", root))
    assert not (root / "figures").exists()


# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as those see it who lack a kind of cone.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour: Any) -> np.ndarray:
    """Linear RGB of a colour (IEC 61966-2-1)."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(colour: Any, ground: Any = "white") -> float:
    """Contrast ratio of WCAG 2.2."""
    dark, light = sorted(float(linear(each) @ [0.2126, 0.7152, 0.0722]) for each in (colour, ground))
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, blindness: str) -> np.ndarray:
    """CIELAB of a colour as seen with a kind of colour blindness."""
    rgb = np.clip(BLINDNESS[blindness] @ linear(colour), 0, 1)
    return np.asarray(rgb2lab(np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)))


def test_contrast_of_known_colours() -> None:
    assert contrast("black") == pytest.approx(21) and contrast("#767676") == pytest.approx(4.54, abs=0.01)


def test_systems_have_a_colour_and_a_marker_of_their_own(config: Config) -> None:
    assert set(words.COLOURS) == set(canvas.MARKERS) == set(config["runs"]["dsprites"])
    assert len(set(canvas.MARKERS.values())) == len(set(words.COLOURS.values())) == 7
    for colour in (*words.COLOURS.values(), canvas.GREY, canvas.FAINT, canvas.FRAME):
        assert contrast(colour) >= 4.5, colour


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_of_systems_are_told_apart(blindness: str) -> None:
    """CIEDE2000 of the two that are closest; 2.3 is just noticeable."""
    labs = [seen(colour, blindness) for colour in words.COLOURS.values()]
    assert min(float(deltaE_ciede2000(a, b)) for a, b in combinations(labs, 2)) >= 15


# ------------------------------------------------------------------------------------------- of the published results
DESK = Path(__file__).parents[1] / "results/desk"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, config: Config) -> dict[str, Figure]:
    """Every figure of preset `desk`, drawn from what is published; none is saved."""
    root = tmp_path_factory.mktemp("desk")
    for name in ("published", "accepted.yaml"):
        (root / name).symlink_to(DESK / name)
    for path in (DESK / "published").glob("*.csv"):
        shutil.copy(path, root)
    kept: dict[str, Figure] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda fig, target, **_: kept.setdefault(name_of(Path(target)), fig))
        results = Results(config, "desk", root)
        for draw in registry.drawers(results).values():
            draw(results)
        captions = [path.read_text() for path in (root / "figures").glob("*.md")]
    assert len(set(captions)) == len(captions) == len(kept)
    return kept


PUBLISHED = [
    *registry.FIGURES, "figure5", "figure6", "figure7", "figure8", "figure_digits", "figure_faces", "figure_leakage",
    "figure_generator", "figure_generator_pictures", "figure_pairs", "forest", "figure_checks",
]  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_are_readable_and_explained(name: str, desk: dict[str, Figure]) -> None:
    assert set(desk) == set(PUBLISHED)
    fig = desk[name]
    assert fig.get_size_inches()[0] == 7 and fig.get_size_inches()[1] <= 9.7
    assert_readable(fig)
    assert_explained(fig)
    cells = [ax for ax in fig.axes if ax.images and ax.axison]
    for text in texts(fig):
        ax = text.axes if text.axes in cells else None
        x, y = (round(at) for at in text.get_position()) if ax and text in ax.texts else (-1, -1)
        values = np.asarray(ax.images[0].get_array()) if ax else np.empty((0, 0))
        inside = 0 <= y < values.shape[0] and 0 <= x < values.shape[1] and (x, y) == text.get_position()
        ground = ax.images[0].to_rgba(values[y, x]) if ax and inside else "white"
        assert contrast(text.get_color(), ground) >= 4.5, text.get_text()


def test_figures_5_to_8_say_where_codes_come_from(desk: dict[str, Figure], config: Config) -> None:
    said = {
        system: strips.range_words(system, configuration.resolve(config, run), np.array([-1.0, 1.0]))
        for system in configuration.PICTURE_SYSTEMS
        for run in [Results(config, "desk", DESK).run("digits", system)]
    }
    assert "evenly from −1.0 to 1.0, so that the sweep is their whole range" in said["infogan_cr"]
    assert "posterior of the β-VAE" in said["idgan_sc"]


# -------------------------------------------------------------------------------------------------------------- forest
def test_the_papers_value_of_a_check_is_what_it_prints(config: Config) -> None:
    results = Results(config, "desk", DESK / "published")
    table = forest.with_paper(results, forest._checks(results)).set_index(
        ["claim", "quantity", "metric", "arm", "other"]
    )
    printed = table["paper"]
    assert printed["C5", "score", "dci", "idgan_sc_prior/c10", "infogan"].item() == pytest.approx(0.72 - 0.60)
    assert printed["C6", "score", "mig", "idgan_sc", "factor_vae"].item() == -0.01
    ends = table.xs("curve_end", level="quantity")["paper"]
    assert ends.loc["C4"].tolist() == pytest.approx([0.90, 0.10, 0.02, 0.10])
    assert printed.loc["C9"].isna().all() and printed.loc["C2"].isna().all()


def test_forests_show_every_estimate_and_interval(desk: dict[str, Figure], config: Config) -> None:
    checks = pd.read_csv(DESK / "published/checks.csv")
    known = checks[checks["estimate"].notna()]
    lines = [line for ax in desk["figure_checks"].axes for line in ax.lines]
    intervals = {tuple(np.round(line.get_xdata(), 9)) for line in lines if "interval" in str(line.get_label())}
    assert intervals == set(zip(known["low"].round(9), known["high"].round(9), strict=True))
    marked = [float(line.get_xdata()[0]) for line in lines if line.get_marker() == "o"]
    assert sorted(marked) == pytest.approx(sorted(known["estimate"]))
    small = [line for ax in desk["forest"].axes for line in ax.lines if line.get_marker() == "o"]
    scores = known[known["other"].notna() & known["quantity"].isin(["score", "curve_end"])]
    assert len(small) == len(scores.drop_duplicates(["quantity", "metric", "arm", "other"]))


def test_pairs_of_infogan_cr_are_at_chance_by_the_figure(desk: dict[str, Figure]) -> None:
    """C11's right panel: InfoGAN-CR's labels are right as often as those of unrelated pairs, IDGAN-SC's more often."""
    low = {}
    for container in desk["figure_pairs"].axes[1].containers:
        segments = np.stack([np.asarray(part) for part in container[2][0].get_segments()])  # (2, 2, 2)
        low[str(container[0].get_label())] = segments[..., 1].min(axis=1)
    assert all((ends < 0).all() for name, ends in low.items() if name.startswith("InfoGAN-CR"))
    assert all((ends > 0.05).all() for name, ends in low.items() if name.startswith("IDGAN-SC")) and len(low) == 5


def test_every_layer_of_the_networks_has_a_word() -> None:
    from idgan_sc.models import networks, networks_celeba
    from idgan_sc.models.networks import shapes

    rows = []
    for kind in (networks, networks_celeba):
        for size in (32, 64):
            rows += shapes(kind.Generator(size, 1, 5, 5), torch.zeros(2, 5), torch.zeros(2, 5))
            rows += shapes(kind.Discriminator(size, 1, 5), torch.zeros(2, 1, size, size))
    for size in networks.SIZES:
        rows += shapes(networks.ConvEncoder(size, 1, 5), torch.zeros(2, 1, size, size))
    layers = {row["kind"] for row in rows if row["parameters"] and "Norm" not in row["kind"]}
    assert layers <= set(architecture.LAYER_WORDS)
