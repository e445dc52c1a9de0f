"""Figures of made-up results: whole files, the plotted data beside them, no text over another, missing runs shown."""

import doctest
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats

from conftest import make_floor
from idgan_sc import config as configuration
from idgan_sc.config import Config
from idgan_sc.data.dsprites import render
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import words
from idgan_sc.report.figures import architecture, canvas, paper, registry

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
    make_floor(root)
    folder = root / f"runs/dsprites/idgan_sc/main/{configuration.seeds(config, preset)[0]}"
    folder.mkdir(parents=True)
    np.savez(folder / "traversal.npz", **make_traversal())
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
    """Code 2j + 1 changes factor j alone, in rendered sprites; the other codes change nothing."""
    sizes, base = np.array([3, 6, 40, 32, 32]), np.array([2, 4, 5, 16, 16])
    association = np.full((k, 5), 0.02)
    association[2 * np.arange(5), np.arange(5)] = [0.5, 0.6, 0.2, 0.9, 0.8]

    def drawn(code: int, share: float) -> np.ndarray:
        classes = base.copy()
        if code % 2 == 0:
            classes[code // 2] = round(share * (sizes[code // 2] - 1))
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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Every figure drawn during a test, by name."""
    kept: dict[str, Figure] = {}
    save = canvas.save

    def spy(fig: Figure, results: Results, name: str, frame: pd.DataFrame) -> list[Path]:
        kept[name] = fig
        return save(fig, results, name, frame)

    for module in (paper, architecture):
        monkeypatch.setattr(module, "save", spy)
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
    """No text touches another or leaves the figure."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(fig)]
    for name, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= fig.bbox.x1 and box.y1 <= fig.bbox.y1, f"{name!r} is cut off"
    for (one, a), (two, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        assert apart, f"{one!r} overlaps {two!r}"


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(paper).failed == 0


@pytest.mark.parametrize("name", registry.FIGURES)
@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_figures_are_whole_readable_and_say_what_they_are(
    name: str, preset: str, tmp_path: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    root = make_results(tmp_path, config, preset, steps=34560)
    paths = registry.FIGURES[name](Results(config, preset, root))
    assert [path.name for path in paths] == [f"{name}.csv", f"{name}.png", f"{name}.pdf"]
    png, pdf = paths[1].read_bytes(), paths[2].read_bytes()
    assert png.startswith(b"\x89PNG") and png.endswith(b"IEND\xaeB`\x82")
    assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF") and b"/FontFile2" in pdf
    assert b"CreationDate" not in pdf and b"Software" not in png
    assert not list(paths[0].parent.glob(".tmp-*"))
    assert_readable(drawn[name])
    said = " ".join(text.get_text() for text in texts(drawn[name])).replace("\n", " ").replace("\xa0", " ")
    for word in (config["presets"][preset]["title"], "dSprites", "n = "):
        assert word in said
    assert ("no evidence: a test of the pipeline" in said) == (preset == "quick")


def test_figures_do_not_depend_on_the_process(root: Path, config: Config) -> None:
    code = (
        "import sys; from pathlib import Path; from idgan_sc import config\n"
        "from idgan_sc.report.figures import architecture, paper\n"
        "from idgan_sc.records.results import Results\n"
        f"c = config.load({str(Path(__file__).parents[1] / 'config.yaml')!r})\n"
        f"results = Results(c, 'quick', Path({str(root)!r}))\n"
        "for figure in (paper.figure1, architecture.figure2, paper.figure3): figure(results)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "1"})
    there = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    draws = (paper.figure1, architecture.figure2, paper.figure3)
    here = {path.name: path.read_bytes() for draw in draws for path in draw(Results(config, "quick", root))}
    assert len(here) == 9
    assert here == there


def test_figure3_plots_means_over_seeds_and_its_table_has_them(
    root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    points = pd.read_csv(root / "curves.csv")
    others = [points.assign(value=9.0, **{c: "other"}) for c in ("dataset", "variant", "metric", "protocol")]
    pd.concat([points, *others]).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(paper.figure3(Results(config, "quick", root))[0])
    line_of = {line.get_color(): line for line in drawn["figure3"].axes[0].lines if line.get_marker() == "o"}
    for system in ARMS:
        mine = frame[frame["system"] == system]
        of_seed = points[points["system"] == system].groupby(["step", "seed"])["value"].mean().unstack()
        np.testing.assert_allclose(mine["mean"], of_seed.mean(axis=1))
        np.testing.assert_allclose(mine["high"] - mine["mean"], of_seed.std(axis=1, ddof=1))
        np.testing.assert_allclose(line_of[words.COLOURS[system]].get_xydata(), mine[["step", "mean"]])
        assert set(mine["paper_level"]) == {config["reported"]["figure3"][system]}


def test_figure3_shows_differences_within_a_seed(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    points = make_curves(seeds=6, steps=300)
    points["value"] += points["seed"].map(dict(enumerate([0.0, 0.3, -0.2, 0.1, -0.1, 0.2])))  # a seed's own level
    lost = points.query("system == 'infogan_cr' and seed == 5").index
    points.drop(lost).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(paper.figure3(Results(config, "quick", root))[0])
    assert frame.loc[frame["system"] == "infogan", "above"].isna().all()
    lines = {line.get_color(): line for line in drawn["figure3"].axes[1].lines if line.get_marker() == "o"}
    assert len(lines) == 2
    for system, n in (("infogan_cr", 5), ("idgan_sc_prior", 6)):
        mine = frame[frame["system"] == system]
        values = points[points["seed"] < n].groupby(["system", "step", "seed"])["value"].mean()
        difference = (values[system] - values["infogan"]).unstack()  # (steps, seeds)
        half = stats.t.ppf(0.975, n - 1) * difference.std(axis=1, ddof=1) / np.sqrt(n)
        np.testing.assert_allclose(mine["above"], difference.mean(axis=1), atol=1e-12)
        np.testing.assert_allclose(mine["above_high"] - mine["above"], half, atol=1e-12)
        np.testing.assert_allclose(mine["above"] - mine["above_low"], half, atol=1e-12)
        np.testing.assert_allclose(lines[words.COLOURS[system]].get_xydata(), mine[["step", "above"]])
    said = [text.get_text() for text in texts(drawn["figure3"])]
    assert {"paper +0.08", "paper +0.10"} <= set(said)
    assert_readable(drawn["figure3"])


def test_figure3_with_one_seed_has_no_band(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    make_curves(seeds=1, steps=300).to_csv(root / "curves.csv", index=False)
    frame = pd.read_csv(paper.figure3(Results(config, "quick", root))[0])
    assert frame["sd"].isna().all() and frame["low"].isna().all()
    assert "no band" in " ".join(text.get_text() for text in texts(drawn["figure3"]))
    assert_readable(drawn["figure3"])


def test_figure3_shows_which_arms_are_missing(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    curves = make_curves(seeds=2, steps=300)
    curves[curves["system"] == "infogan"].to_csv(root / "curves.csv", index=False)
    paper.figure3(Results(config, "quick", root))
    missing = [text.get_text() for text in texts(drawn["figure3"]) if "missing" in text.get_text()]
    assert missing == ["InfoGAN-CR\nmissing", "IDGAN-SC\n(without β-VAE)\nmissing"]
    assert_readable(drawn["figure3"])
    curves[:0].to_csv(root / "curves.csv", index=False)
    paper.figure3(Results(config, "quick", root))
    assert_readable(drawn["figure3"])


@pytest.mark.parametrize("ends", [(0.8, 0.88, 0.9), (0.9, 0.9, 0.9), (0.999, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_figure3_is_readable_wherever_the_arms_end(
    ends: tuple[float, ...], root: Path, config: Config, drawn: dict[str, Figure]
) -> None:
    curves = make_curves(seeds=2, steps=20)
    curves["value"] = curves["system"].map(dict(zip(ARMS, ends, strict=True)))
    curves.to_csv(root / "curves.csv", index=False)
    paper.figure3(Results(config, "quick", root))
    assert_readable(drawn["figure3"])


@pytest.mark.parametrize("name", ["figure1", "figure4"])
def test_rows_of_images_are_the_associated_codes(name: str, root: Path, config: Config) -> None:
    frame = pd.read_csv(registry.FIGURES[name](Results(config, "quick", root))[0])
    arrays = make_traversal()
    of_factor = frame.drop_duplicates("factor").set_index("factor")
    for factor, row in of_factor.iterrows():
        position = FACTOR_NAMES.index(str(factor))
        assert row["code"] == 2 * position + 1
        assert row["association"] == arrays["association"][2 * position, position]
    assert len(of_factor) == {"figure1": 2, "figure4": 5}[name]


def test_table_of_figure4_names_the_very_images(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    frame = pd.read_csv(paper.figure4(Results(config, "quick", root))[0])
    images = make_traversal()["images"]
    shown = [image.get_array() for image in drawn["figure4"].axes[0].images]
    assert len(shown) == len(frame) == 50
    for tile, (_, row) in zip(shown, frame.iterrows(), strict=True):
        s = round((row["value"] + 2) / 4 * 9)
        expected = images[0, row["code"] - 1, s]
        np.testing.assert_array_equal(tile, expected[0])
        assert row["sha256"] == canvas.contents(expected)["sha256"]


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
    for line in ("SN conv 16×16×32", "deconv 32×32×64", "linear 1024", "conv 1×1×256", "(x₁, x₂): 32×32×2", "c: 10"):
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
    assert "Q: the code c" not in [text.get_text() for text in texts(drawn["figure2"])]


def test_colour_images_are_drawn(root: Path, config: Config, drawn: dict[str, Figure]) -> None:
    path = next(root.glob("runs/*/*/*/*/traversal.npz"))
    arrays = make_traversal()
    coloured = {name: np.repeat(arrays[name], 3, axis=-3) for name in ("images", "pairs")}
    np.savez(path, **{**arrays, **coloured})
    paper.figure1(Results(config, "quick", root))
    assert {image.get_array().shape for image in drawn["figure1"].axes[0].images} == {(32, 32, 3)}  # type: ignore[union-attr]


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


def test_colours_of_systems_are_all_different(config: Config) -> None:
    assert set(words.COLOURS) == set(config["runs"]["dsprites"])
    assert len(set(words.COLOURS.values())) == 7


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
