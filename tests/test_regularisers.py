"""The study of the pair regularisers: renderer, rotations, what true factors allow, resuming, tables and the page."""

import copy
import itertools
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError
from idgan_sc.data import dsprites
from idgan_sc.data.images import Factors, Images, open_images, save_images
from idgan_sc.evaluation import regularisers as study
from idgan_sc.evaluation.cells import NO_NOISE
from idgan_sc.files import DataError, claimed
from idgan_sc.models.codes import balanced_classes, recombine
from idgan_sc.publish import documents
from idgan_sc.records.results import Results
from idgan_sc.report import regularisers as report
from idgan_sc.report.figures.regularisers import regularisers, regularisers_figure

ROOT = Path(__file__).parents[1]
SIZES = (3, 6, 4, 4, 4)  # of the small grid
EVERY = (1, 1, 13, 8, 8)  # of its classes among those of dSprites: orientation 0 and 39 look alike


@pytest.fixture(scope="session")
def whole_grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every combination of fewer values: orientations 0, 13, 26, 39, every eighth place."""
    folder = tmp_path_factory.mktemp("grid") / "dsprites"
    classes = np.stack(np.unravel_index(np.arange(np.prod(SIZES)), SIZES), axis=1)
    pixels = np.packbits(dsprites.render(classes * np.array(EVERY)).reshape(len(classes), -1), axis=1)
    values = [known[::step][:size] for known, step, size in zip(dsprites.FACTORS.values, EVERY, SIZES, strict=True)]
    factors = Factors(dsprites.FACTORS.names, SIZES, tuple(values), dsprites.FACTORS.discrete)
    save_images(
        folder, [pixels], name="dsprites", source="procedural dSprites renderer", licence="MIT", shape=(1, 64, 64),
        n=len(classes), packed=True, factors=factors, classes=classes,
    )  # fmt: skip
    return folder


@pytest.fixture
def images(whole_grid: Path) -> Images:
    return open_images(whole_grid)


@pytest.fixture
def tiny(config: Config) -> Config:
    """The study with 3 steps, one seed and two rotations."""
    config["regularisers"] |= {"seeds": 1, "pairs": 20, "steps": 3, "last": 2, "fresh": 2}
    rotations = config["regularisers"]["rotations"]
    config["regularisers"]["rotations"] = {name: rotations[name] for name in ("aligned", "x_y_45", "random_1")}
    return config


@pytest.fixture
def results(tiny: Config, tmp_path: Path, whole_grid: Path) -> Results:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dsprites").symlink_to(whole_grid)
    return Results(tiny, "test", tmp_path)


# ----------------------------------------------------------------------------------------------------- the renderer
def test_aligned_codes_are_the_factors(images: Images) -> None:
    """A code moves its own factor through all its classes, and the image is the stored one of these classes."""
    renderer = study.Renderer(images, 32, {}, NO_NOISE, "cpu")
    for factor, size in enumerate(SIZES):
        c = torch.zeros(101, 5)
        c[:, factor] = torch.linspace(-8, 8, 101)
        classes = renderer.classes(torch.empty(101, 0), c)
        middle = torch.tensor([size // 2 for size in SIZES])
        others = [i for i in range(5) if i != factor]
        assert (classes[:, others] == middle[others]).all()
        assert classes[:, factor].unique().tolist() == list(range(size)) and (classes[:, factor].diff() >= 0).all()
    drawn = renderer(torch.empty(101, 0), c)
    expected = images.batch(np.ravel_multi_index(tuple(classes.T.numpy()), SIZES), 32)
    assert torch.equal(drawn, torch.from_numpy(expected))


def test_the_noise_carries_its_factor_and_no_code_does(images: Images) -> None:
    renderer = study.Renderer(images, 32, {"random": 1}, "orientation", "cpu")
    c, z = torch.randn(500, 4, generator=torch.manual_seed(0)), torch.full((500, 1), 3.0)
    classes = renderer.classes(z, c)
    assert (classes[:, 2] == SIZES[2] - 1).all() and len(classes[:, [0, 1, 3, 4]].unique(dim=0)) > 200


@pytest.mark.parametrize("name", ["aligned", "x_y_15", "x_y_45", "scale_orientation_45", "random_1", "random_3"])
def test_a_rotation_leaves_the_distribution_of_images(shipped: Config, images: Images, name: str) -> None:
    """Every combination of classes stays as frequent, and the codes of a factor stay uncorrelated with others."""
    about = shipped["regularisers"]["rotations"][name]
    renderer = study.Renderer(images, 32, about, NO_NOISE, "cpu")
    matrix = renderer.rotation.double()
    assert torch.allclose(matrix @ matrix.T, torch.eye(5, dtype=torch.float64), atol=1e-6)
    assert float(torch.linalg.det(matrix)) == pytest.approx(1, abs=1e-6)
    n = 400_000
    c = torch.randn(n, 5, generator=torch.manual_seed(1))
    index = np.ravel_multi_index(tuple(renderer.classes(torch.empty(n, 0), c).T.numpy()), SIZES)
    cells = int(np.prod(SIZES))
    count = np.bincount(index, minlength=cells)
    chi2 = ((count - n / cells) ** 2 / (n / cells)).sum()
    assert abs(chi2 - cells) < 5 * np.sqrt(2 * cells)


def test_rotations_are_what_they_say(shipped: Config) -> None:
    names = list(dsprites.FACTORS.names)
    rotations = {
        name: study.rotation_matrix(about, names) for name, about in shipped["regularisers"]["rotations"].items()
    }
    assert (rotations["aligned"] == np.eye(5)).all()
    at_45 = rotations["x_y_45"]  # one code moves along a diagonal of x and y, and no other factor
    assert (
        np.allclose(np.abs(at_45[:, 3]), [0, 0, 0, np.sqrt(0.5), np.sqrt(0.5)]) and (at_45[:3, :3] == np.eye(3)).all()
    )
    quarter = study.rotation_matrix({"plane": ["x", "y"], "degrees": 90}, names)
    assert np.allclose(quarter[3:, 3:], [[0, -1], [1, 0]])
    assert not np.allclose(rotations["random_1"], rotations["random_2"])
    assert np.array_equal(rotations["random_1"], study.rotation_matrix({"random": 1}, names))


def test_a_data_set_with_gaps_is_refused(small_data: Path) -> None:
    with pytest.raises(DataError, match="does not hold every combination"):
        study.Renderer(open_images(small_data), 32, {}, NO_NOISE, "cpu")


# ---------------------------------------------------------------------------------------- what true factors allow
def counted(looks: list[np.ndarray], rule: str) -> tuple[float, float, float]:
    """Accuracy, cross-entropy and share of equal pairs, from every pair of classes of a small grid, counted one by one.

    looks: of every factor, which look each of its values has.
    """
    sizes = [len(look) for look in looks]
    weight: dict[tuple[Any, ...], np.ndarray] = {}
    for first in itertools.product(*map(range, sizes)):
        for s in range(len(sizes)):
            free = [range(n) if (j == s) == (rule == "change_one") else [first[j]] for j, n in enumerate(sizes)]
            seconds = list(itertools.product(*free))
            for second in seconds:
                seen = tuple((look[a], look[b]) for look, a, b in zip(looks, first, second, strict=True))
                mine = weight.setdefault(seen, np.zeros(len(sizes)))
                mine[s] += 1 / np.prod(sizes) / len(sizes) / len(seconds)
    table = np.array(list(weight.values()))
    alike = np.array([all(a == b for a, b in seen) for seen in weight])
    known = table[table > 0], (table / table.sum(1, keepdims=True))[table > 0]
    return table.max(1).sum(), float(-(known[0] * np.log(known[1])).sum()), table[alike].sum()


@pytest.mark.parametrize("rule", ["change_one", "keep_one"])
@pytest.mark.parametrize(
    "looks", [[[0, 1], [0, 1, 2]], [[0, 1, 2], [0, 1, 2, 0], [0, 1]], [[0, 0], [0, 1, 2, 3]], [[0, 1]] * 3], ids=str
)
def test_the_ceiling_is_that_of_every_pair_counted(looks: list[list[int]], rule: str) -> None:
    shares = [np.unique(look, return_counts=True)[1] / len(look) for look in looks]
    found = study.ceiling(shares, rule)
    expected = counted([np.array(look) for look in looks], rule)
    assert (found["accuracy"], found["cross_entropy"], found["identical"]) == pytest.approx(expected, abs=1e-12)


def test_values_that_look_alike_are_one(images: Images) -> None:
    shares = study.looks(images)
    assert [share.tolist() for share in shares[:2]] == [[1 / 3] * 3, [1 / 6] * 6]
    assert sorted(shares[2].tolist()) == [0.25, 0.25, 0.5]  # a full turn is none


def test_the_ceiling_of_dsprites_is_that_of_drawn_pairs() -> None:
    """The best guess by the frequencies of the values, tried on pairs drawn by the project's own rules."""
    sizes = torch.tensor([3, 6, 39, 32, 32])  # orientations that look different
    frequency = torch.tensor([1 / 3, 1 / 6, 1 / 40, 1 / 32, 1 / 32])
    rng, n = torch.Generator().manual_seed(0), 200_000
    shares = [np.full(size, 1 / size) for size in (3, 6)] + [np.r_[2 / 40, np.full(38, 1 / 40)]]
    shares += [np.full(32, 1 / 32)] * 2

    def values() -> torch.Tensor:
        drawn = (torch.rand(n, 5, generator=rng) * torch.tensor([3, 6, 40, 32, 32])).long()
        return drawn % sizes

    for rule, expected in (("change_one", 0.948917), ("keep_one", 0.918858)):
        s = balanced_classes(n, torch.arange(5), rng)
        first = values()
        second = recombine(first, values(), s, rule)
        agrees = first == second
        likely = frequency.expand(n, 5).clone()
        likely[:, 2] *= 1 + (first[:, 2] == 0)
        if rule == "change_one":  # the one that differs; where none does, the one most often drawn alike
            guess = torch.where(agrees.all(1), likely.argmax(1), (~agrees).float().argmax(1))
        else:  # of those that agree, the one least likely to do so by chance
            guess = torch.where(agrees, 1 / likely, 0).argmax(1)
        assert study.ceiling(shares, rule)["accuracy"] == pytest.approx(expected, abs=1e-6)
        assert float((guess == s).float().mean()) == pytest.approx(expected, abs=4 * np.sqrt(0.25 / n))


# --------------------------------------------------------------------------------------------- measuring, resuming
def test_the_study_runs_goes_on_and_gives_the_same_bytes(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after some cells, the same command ends in the bytes of an uninterrupted one, and measures none twice."""
    written = regularisers(results)
    assert all(path.stat().st_size > 0 for path in written)
    path = study.rows_path(results)
    whole, rows = path.read_bytes(), pd.read_csv(path)
    assert len(rows) == len(study.cells(results.config["regularisers"])) == 2 * 4 * 3
    assert rows[["loss_last", "loss", "accuracy"]].notna().all().all() and rows["source"].nunique() == 1
    assert (rows["codes"] == 5 - (rows["noise"] == "orientation")).all()
    # codes of a seed are the same in every cell: only what they show differs
    equal = rows[(rows["pair_rule"] == "change_one") & (rows["noise"] == "none")].groupby("rotation")["identical"]
    assert (equal.nunique() == 1).all()

    rows.iloc[[1, 7, 20]].to_csv(path, index=False)
    done, measure = [], study.train_cell
    monkeypatch.setattr(study, "train_cell", lambda *given: done.append(given) or measure(*given))
    study.train_missing_cells(results)
    assert path.read_bytes() == whole and len(done) == len(rows) - 3
    study.train_missing_cells(results)
    assert len(done) == len(rows) - 3
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == [".lock"]


def test_rows_of_other_settings_are_refused(results: Results, tiny: Config) -> None:
    study.train_missing_cells(results)
    before = study.rows_path(results).read_bytes()
    tiny["regularisers"]["steps"] = 4
    with pytest.raises(DataError, match=r"rows\.csv has rows of other settings or source than today's: delete it"):
        study.train_missing_cells(results)
    assert study.rows_path(results).read_bytes() == before


def test_a_piece_of_work_is_taken_once(tmp_path: Path) -> None:
    """A second process passes over what is claimed, or waits for it."""
    path, seen = tmp_path / ".cell", []

    def other(wait: bool) -> None:
        with claimed(path, wait) as mine:
            seen.append(mine)

    with claimed(path, wait=False) as mine:
        assert mine
        other(wait=False)
        thread = threading.Thread(target=other, args=(True,))
        thread.start()
        thread.join(0.2)
        assert seen == [False] and thread.is_alive()
    thread.join(5)
    assert seen == [False, True] and not path.exists()


def test_the_network_learns_what_it_is_shown(results: Results, tiny: Config, images: Images) -> None:
    """A few more steps lower the loss from that of a network that tells nothing, and only the pair network moves."""
    tiny["regularisers"] |= {"pairs": 64, "steps": 80, "last": 5, "fresh": 5}
    cell = study.Cell("none", 0, "change_one", "cross_entropy", "aligned")
    settings = study.settings_of(results, cell)
    assert settings["lr_pair"] == results.settings(results.run("dsprites", "idgan_sc_prior"))["lr_pair"]
    first = study.train_cell(settings | {"steps": 1, "last": 1}, 0, images, "cpu")
    found = study.train_cell(settings, 0, images, "cpu")
    assert first["loss_last"] == pytest.approx(report.nothing_told(tiny["regularisers"], "cross_entropy", 5), abs=0.01)
    assert found["loss"] < first["loss"] - 0.05 and found["accuracy"] > 0.3
    assert 0 <= found["identical"] < 0.4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": "idgan_sc"}, "has `code` vae, and the study needs prior"),
        ({"arm": "infogan_cr"}, "has `pair_loss` cross_entropy"),
        ({"arm": "nobody"}, "unknown system `nobody`"),
        ({"last": 901}, "exceeds the 900 steps"),
        ({"noise": ["colour"]}, "regularisers.noise"),
        ({"rotations": {"aligned": {}, "x": {"plane": ["x", "x"], "degrees": 3}}}, "regularisers.rotations.x"),
        ({"rotations": {"aligned": {}, "x": {"plane": ["x", "y"]}}}, "degrees"),
        ({"rotations": {"x": {"random": 1}}}, "aligned"),
    ],
)
def test_a_study_that_cannot_be_meant_is_refused(shipped: Config, changes: dict[str, Any], message: str) -> None:
    config = copy.deepcopy(shipped)
    config["regularisers"] |= changes
    with pytest.raises(ConfigError, match=message):
        configuration.validate(config)


# ---------------------------------------------------------------------------------------- tables, figure and page
def made_up(results: Results, above: dict[str, float]) -> pd.DataFrame:
    """Rows of every cell, whose loss lies `above` that of aligned codes by rotation; a tenth more in each seed."""
    known = {"loss_last": 1.0, "accuracy": 0.9, "accuracy_of_batch": 0.9, "identical": 0.1}
    rows = [
        {**vars(cell), "codes": 4 + (cell.noise == "none"), "loss": 1.0 + above[cell.rotation] * (1 + 0.1 * cell.seed)}
        for cell in study.cells(results.config["regularisers"])
    ]
    frame = pd.DataFrame(rows).assign(**known, fingerprint="f", source="s")[study.COLUMNS]
    study.rows_path(results).parent.mkdir()
    frame.to_csv(study.rows_path(results), index=False)
    study.write_ceilings(results)
    return frame


def test_tables_state_what_the_rows_hold(results: Results, tiny: Config) -> None:
    tiny["regularisers"] |= {"seeds": 3, "pairs": 128}
    tiny["regularisers"]["rotations"]["random_2"] = {"random": 2}
    rows = made_up(results, {"aligned": 0.0, "x_y_45": 0.1, "random_1": 0.2, "random_2": 0.4})
    csv, page = report.write_tables(results)
    table = pd.read_csv(csv).set_index([*report.CORNER, "turned"])
    random = table.loc[("none", "keep_one", "cross_entropy", "random")]
    assert random["above"] == pytest.approx(0.3 * 1.1) and random["above_sd"] == pytest.approx(0.03)
    assert random["share"] == pytest.approx(0.3 * 1.1 / (np.log(5) - 1), rel=1e-5) and random["seeds"] == 3
    assert random["least"] == pytest.approx(0.2)
    contrastive = table.loc[("none", "keep_one", "contrastive", "random")]
    assert contrastive["share"] == pytest.approx(0.3 * 1.1 / (np.log(127) - 1), rel=1e-5)
    text = page.read_text()
    assert (
        "| all factors coded | keep one, cross-entropy (InfoGAN-CR) | 1.000 ± 0.000 | +0.110 ± 0.010 (18 %) |" in text
    )
    assert "x–y 45° (+0.110 ± 0.010 (18 %)) costs least and random (+0.330 ± 0.030 (54 %)) costs most" in text
    assert "in 9 of 9 comparisons" in text and f"{len(rows)} of" not in text
    few = rows[(rows["seed"] == 0) | (rows["rotation"] == "aligned")]
    few.to_csv(study.rows_path(results), index=False)
    assert f"{len(few)} of {len(rows)} trainings; n = 1–3 seeds" in report.write_tables(results)[1].read_text()


def test_a_cell_without_its_aligned_one_is_refused(results: Results) -> None:
    rows = made_up(results, {"aligned": 0.0, "x_y_45": 0.1, "random_1": 0.2})
    rows[rows["rotation"] != "aligned"].to_csv(study.rows_path(results), index=False)
    with pytest.raises(DataError, match="lacks aligned cells"):
        report.compared(results)
    rows.assign(rotation=rows["rotation"].replace("x_y_45", "gone")).to_csv(study.rows_path(results), index=False)
    with pytest.raises(DataError, match=r"that `regularisers` in config\.yaml has not"):
        report.compared(results)


def test_the_figure_draws_the_rows_with_a_caption_outside(results: Results) -> None:
    rows = made_up(results, {"aligned": 0.0, "x_y_45": 0.1, "random_1": 0.2})
    paths = {path.suffix: path for path in regularisers_figure(results)}
    drawn = pd.read_csv(paths[".csv"])
    assert len(drawn) == len(rows) and drawn["above"].max() == pytest.approx(0.2)
    assert paths[".png"].stat().st_size > 10_000 and paths[".pdf"].read_bytes()[:4] == b"%PDF"
    assert "share of what is learned" in paths[".md"].read_text()


def test_the_page_is_what_the_committed_rows_say(shipped: Config) -> None:
    page = ROOT / "docs/regularisers.md"
    beside = Results(shipped, "desk", ROOT / "results/desk/published")
    assert documents.fill_blocks(page.read_text(), beside) == page.read_text(), "run `idgan-sc publish --preset desk`"
    here = Results(shipped, "desk", ROOT / "results/desk")
    rows, known = study.read_rows(study.rows_path(here)), study.cells(shipped["regularisers"])
    assert set(rows[study.KEY].itertuples(index=False, name=None)) <= {tuple(vars(cell).values()) for cell in known}
    assert rows["source"].nunique() == 1


def test_the_page_says_of_the_argument_what_the_rows_say(shipped: Config) -> None:
    """The sentences of docs/regularisers.md that are written by hand."""
    rows = report.compared(Results(shipped, "desk", ROOT / "results/desk"))
    assert len(rows) == len(study.cells(shipped["regularisers"])) and set(rows["seed"]) == {0, 1, 2}
    turned = rows[rows["rotation"] != "aligned"]
    corners = turned.groupby(["pair_rule", "pair_loss"])["above"]
    assert set(corners.size()) == {51}
    lower = corners.apply(lambda above: int((above > 0).sum()))
    assert (lower["change_one", "contrastive"], lower["change_one", "cross_entropy"]) == (51, 33)
    table = report.summary(rows).set_index(["pair_rule", "pair_loss", "turned", "noise"])
    share = table["share"]
    own = share["change_one", "contrastive"]
    assert own["random"].round(2).tolist() == [0.34, 0.2]
    assert all(own[f"x–y {degrees}°"].max() < 0.105 for degrees in ("15", "22.5", "30", "45"))
    assert share["change_one", "cross_entropy", "random"].max() < 0
    spread, rises = (
        table.xs("none", level="noise").loc[("change_one", "cross_entropy"), name] for name in ("loss_sd", "above")
    )
    assert (rises.abs() > spread["aligned"]).sum() == 1
    for loss in ("contrastive", "cross_entropy"):
        keep, change = share["keep_one", loss], share["change_one", loss]
        assert (keep["x–y 45°"] > change["x–y 45°"]).all() and keep["shape–scale 45°"].abs().max() < 0.055
        assert (keep["random"].min() > share.xs("random", level="turned")["change_one"]).all()


def test_the_page_shows_the_figure_of_the_committed_rows(shipped: Config, tmp_path: Path) -> None:
    committed = ROOT / "results/desk/regularisers"
    shutil.copytree(committed, tmp_path / "regularisers")
    drawn = regularisers_figure(Results(shipped, "desk", tmp_path))[-1]
    shown, again = (np.asarray(Image.open(p).convert("L"), float) for p in (committed / drawn.name, drawn))
    mend = "run `idgan-sc figure regularisers --preset desk`"
    assert shown.shape == again.shape and np.abs(shown - again).mean() < 0.5, mend
