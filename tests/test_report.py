"""The page and the documents: every number comes from an artifact, and what stands in the repository is up to date."""

import copy
import dataclasses
import doctest
import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from conftest import job, make_baselines
from idgan_sc import cli
from idgan_sc import config as configuration
from idgan_sc.config import Config, Run, planned_runs, redistributable, with_predecessors
from idgan_sc.data.dsprites import FACTORS
from idgan_sc.evaluation import gather
from idgan_sc.evaluation.generators.traverse import anchor_noise
from idgan_sc.evaluation.model import load, to_bytes
from idgan_sc.evaluation.score import score
from idgan_sc.files import DataError, write_arrays
from idgan_sc.models import build
from idgan_sc.publish import documents, film, interactive, page, page_claims, points
from idgan_sc.publish import origins as bundles
from idgan_sc.publish import publish as publishing
from idgan_sc.publish.copy import copy_runs
from idgan_sc.records import machine
from idgan_sc.records.published import CARD, SCORE_FILES, WEIGHTS
from idgan_sc.records.record import fingerprint, protocol_hash
from idgan_sc.records.results import Results
from idgan_sc.report import claims, errata, read, readings, tables, words
from idgan_sc.training import checkpoint
from idgan_sc.training.encode import encode

ROOT = Path(__file__).parents[1]
SEEDS = 10


@pytest.fixture(scope="session")
def made_up(shipped: Config) -> Config:
    changed = copy.deepcopy(shipped)
    changed["presets"]["desk"]["seeds"] = {"first": 0, "count": SEEDS}
    changed["judging"]["needs"] = SEEDS
    changed["presets"]["desk"]["runs"] = {name: changed["runs"][name] for name in ("dsprites",)}
    changed["presets"]["desk"]["runs"]["faces"] = changed["runs"]["celeba"]
    changed["presets"]["desk"]["datasets"]["faces"]["seeds"] = {"first": 3, "count": 2}
    return changed


@pytest.fixture(scope="session")
def results(made_up: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with everything that page and documents read, from made-up scores."""
    return write_results(made_up, tmp_path_factory.mktemp("report") / "desk")


def write_results(config: Config, root: Path) -> Path:
    rng = np.random.default_rng(0)
    scores, curves, associations = [], [], []
    for run in with_predecessors(config, planned_runs(config, "desk")):
        settings = configuration.resolve(config, run)
        (root / run.path).mkdir(parents=True, exist_ok=True)
        if run.system.endswith("stage_a") or run.dataset != "dsprites":
            continue
        code = read.scored_codes(settings)[0]
        about = {"dataset": run.dataset, "system": run.system, "variant": run.variant, "seed": run.seed, "code": code}
        about |= {"k": settings["c_dim"], "protocol": "infogan_cr"}
        scores += [about | {"metric": metric, "value": rng.uniform(0.3, 0.9)} for metric in words.METRIC_LABELS]
        curves += [
            about | {"metric": "factor_vae", "step": step, "draw": 0, "value": rng.uniform(0.3, 0.9)}
            for step in (0, 1000, 2000)
        ]
        row = {key: about[key] for key in about if key != "protocol"}
        associations += [row | {"dimension": 1, "factor": "shape", "value": 0.5}]
    pd.DataFrame(scores).to_csv(root / "scores.csv", index=False)
    pd.DataFrame(curves).to_csv(root / "curves.csv", index=False)
    make_baselines(root)
    pd.DataFrame(associations).to_csv(root / "associations.csv", index=False)
    labels = pd.DataFrame({"measure": "code_changes_" + pd.Series(FACTORS.names), "value": np.arange(5) / 8})
    counts = pd.DataFrame({"measure": ["code_matched", "code_pairs"], "value": [9, 20]})
    labels = pd.concat([labels, counts])
    of_codes = pd.concat([labels.assign(code=code, system="idgan", variant="main", seed=0) for code in range(1, 11)])
    unmatched = (of_codes["code"] == 4) & of_codes["measure"].str.startswith("code_changes_")
    of_codes = of_codes[~unmatched]
    for system, k in (("infogan_cr", 5), ("idgan_sc", 10), ("idgan", 10)):
        write_traversal(root / f"runs/dsprites/{system}/main/0/traversal.npz", k)
    of_codes.to_csv(root / "runs/dsprites/idgan/main/0/pair_labels.csv", index=False)
    for system in ("infogan_cr", "idgan_sc"):
        write_traversal(root / f"runs/faces/{system}/main/3/traversal.npz", 10, FACES, channels=3)
        for seed in (3, 4):
            write_leakage(root, Run("desk", "faces", system, "main", seed))
    gather.gather_leakage(Results(config, "desk", root))
    for run in with_predecessors(config, planned_runs(config, "desk")):
        _write_record(config, root, run)
        if (root / run.path / "traversal.npz").exists():
            write_weights(root / run.path)
    claims.write_claims(Results(config, "desk", root))
    errata.write_findings(Results(config, "desk", root))
    tables.table3(Results(config, "desk", root))
    tables.stage_a(Results(config, "desk", root))
    tables.differences(Results(config, "desk", root))
    bundles.write_cost(Results(config, "desk", root))
    return root


def _write_record(config: Config, root: Path, run: Run) -> None:
    settings = configuration.resolve(config, run)
    digest = fingerprint(settings, run.seed, [], "0" * 12)
    channels = configuration.dataset_row(run.dataset).channels
    content: dict[str, Any] = {
        "settings": settings,
        "channels": channels,
        "before": {},
        "outputs": {},
        "fingerprint": digest,
    }
    content |= dataclasses.asdict(run) | {"seconds": 90.0, "threads": 1, "peak_memory_mb": 700, "commit": "a" * 40}
    content |= {"dirty": False, "processor": "a processor", "device": "cpu", "source": "0" * 12, "data": "procedural"}
    (root / run.path).mkdir(parents=True, exist_ok=True)
    (root / run.path / "record.json").write_text(json.dumps(content))


def write_weights(folder: Path) -> None:
    """Weights of an untrained generator, as they are published, large enough for its images to differ."""
    record = json.loads((folder / "record.json").read_text())
    settings = record["settings"]
    method = build(settings, record["channels"], record["seed"], settings.get("start", ""), "cpu")
    rng = torch.Generator().manual_seed(0)
    for tensor in method.networks["generator"].parameters():
        tensor.data.normal_(0, 0.1, generator=rng)
    players = {name: method.networks[name] for name in ("generator", "discriminator")}
    tensors = {f"{name}/{key}": value for name, net in players.items() for key, value in net.state_dict().items()}
    checkpoint.save(folder / WEIGHTS, tensors, {"fingerprint": record["fingerprint"]})


FACES = ("background", "fringe", "azimuth", "light", "expression")


def write_leakage(root: Path, run: Run) -> None:
    """Code j moves factor j most, by 0.6 + j / 100."""
    rows: list[tuple[str, int | None, str | None, float]] = []
    for j, (i, factor) in itertools.product(range(10), enumerate(FACES)):
        rows.append(("change", j + 1, factor, 0.6 + j / 100 if i == j else 0.1))
    rows += [("row_entropy", j + 1, None, 0.5) for j in range(10)]
    rows += [("outside", i + 1, factor, 0.25) for i, factor in enumerate(FACES)]
    frame = pd.DataFrame(rows, columns=["measure", "code", "factor", "value"]).astype({"code": "Int64"})
    about = pd.DataFrame({**gather.run_columns(run), "anchors": 64}, index=frame.index)
    pd.concat([about, frame], axis=1).to_csv(root / run.path / "leakage.csv", index=False)


def write_traversal(path: Path, k: int, factors: tuple[str, ...] = FACTORS.names, channels: int = 1) -> None:
    """Images whose grey tells anchor, code and value apart: see `grey`."""
    images = np.zeros((2, k, 10, channels, 8, 8), np.uint8)
    for anchor, code, step in np.ndindex(2, k, 10):
        images[anchor, code, step] = grey(anchor, code, step)
    write_arrays(
        path,
        values=np.linspace(-2, 2, 10),
        anchors=np.linspace(-1, 1, 2 * k).reshape(2, k),
        images=images,
        association=np.linspace(0.1, 0.9, k * 5).reshape(k, 5)[::-1],
        factor_names=np.array(factors),
    )


def grey(anchor: int, code: int, step: int) -> int:
    return 10 + 120 * anchor + 10 * code + step


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(documents).failed == 0


# ------------------------------------------------------------------------------------------------------------- page
def test_the_page_is_one_small_file_that_loads_nothing(made_up: Config, results: Path) -> None:
    written = page.write_page(Results(made_up, "desk", results))
    text = written[0].read_text(encoding="utf-8")
    assert [path.name for path in written] == ["index.html"] and written[0].stat().st_size < 8_000_000
    assert not re.search(r"""<link[^>]+href=["'](?!data:)|src=["'](?!data:)""", text)
    assert not re.search(r"@import|fetch\(|XMLHttpRequest|url\(", text)
    assert page.render(Results(made_up, "desk", results)) == text


def data_of(text: str) -> dict[str, Any]:
    return dict(json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1]))  # type: ignore[index]


def test_the_pages_numbers_are_the_artifacts(made_up: Config, results: Path) -> None:
    """Each seed's score, the paper's values, the baseline and the verdicts: none but what the files hold."""
    text = page.render(Results(made_up, "desk", results))
    data = data_of(text)
    scores = pd.read_csv(results / "scores.csv")
    leaks = [row for row in data["scores"] if row["metric"] == "leakage_faces"]
    assert [row["seeds"] for row in leaks] == [[[3, 0.25], [4, 0.25]]] * 2
    rows = [row for row in data["scores"] if row not in leaks]
    assert sorted(value for row in rows for _, value in row["seeds"]) == pytest.approx(sorted(scores["value"].round(4)))
    printed = {(row["label"], row["metric"]): row["paper"] for row in rows if row["paper"] is not None}
    assert printed[("InfoGAN-CR", "mig")] == 0.37 and len(printed) == 25
    assert {row["baseline"] for row in rows} == {0.4}
    for row in rows:
        assert row["mean"] == pytest.approx(np.mean([value for _, value in row["seeds"]]), abs=1e-4)
        assert row["low"] < row["mean"] < row["high"]
    shown = readings.shown_verdicts(pd.read_csv(results / "claims.csv"), pd.read_csv(results / "readings.csv"))
    words = list(shown.values())
    told = [re.sub("</?strong>", "**", words) for words in re.findall(r'<span class="verdict">(.*?)</span>', text)]
    assert told == words
    assert f"{len(pd.read_csv(results / 'cost.csv'))} trainings" in text


def test_rows_that_build_on_a_common_run_are_joined(made_up: Config, results: Path) -> None:
    family = {row["label"]: row["family"] for row in points.points(Results(made_up, "desk", results))}
    assert family["InfoGAN-CR"] == family["InfoGAN (modified)"] != family["InfoGAN-CR, 10 codes"]
    assert family["ID-GAN (modified)"] == family["IDGAN-SC (with β-VAE)"] == family["β-VAE"] != family["FactorVAE"]


def test_every_claim_has_an_anchor_its_checks_and_its_command(made_up: Config, results: Path) -> None:
    text, judged = page.render(Results(made_up, "desk", results)), pd.read_csv(results / "checks.csv")
    data = data_of(text)
    for claim in made_up["claims"]:
        assert text.count(f'id="{claim}"') == 1 and f'href="#{claim}"' in text
        assert f"make prove CLAIM={claim} BUDGET" in text
    assert len(data["checks"]) == len(judged) == text.count('<div class="check">')
    assert text.count('<svg class="forest"') == judged["estimate"].notna().sum() + 3  # three of them beside the answer
    c6 = judged.index[judged["claim"] == "C6"][0]
    shown = data["checks"][f"check{c6}"]
    scores = pd.read_csv(results / "scores.csv").query(
        "metric == 'mig' and system == 'factor_vae' and variant == 'main'"
    )
    assert shown[1]["label"] == "FactorVAE" and shown[1]["seeds"][0][1] == pytest.approx(
        scores["value"].iloc[0], abs=1e-4
    )


def test_the_forest_plot_shows_what_the_claim_says_and_what_was_found() -> None:
    check = {"rule": "difference", "value": 0.1, "margin": 0.02, "estimate": 0.0, "low": -0.2, "high": 0.2}
    assert page_claims.forest(check) == page_claims.Forest((120.0, 130.0), (50.0, 150.0), 100.0, False)
    assert page_claims.forest(check | {"rule": "order", "value": np.nan}).zone == (100.0, 200.0)  # type: ignore[union-attr]
    level = page_claims.forest(check | {"rule": "level", "value": 5.0, "estimate": 3.0, "low": np.nan})
    assert level == page_claims.Forest((95.0, 105.0), None, 0.0, True)
    assert page_claims.forest(check | {"estimate": np.nan}) is None


def test_readings_made_after_registration_come_first(made_up: Config, results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "desk")
    reading = {"claim": "C6", "reading": "not shown <here>", "reason": "the margin is narrow"}
    pd.DataFrame([reading]).to_csv(tmp_path / "desk/readings.csv", index=False)
    text = page.render(Results(made_up, "desk", tmp_path / "desk"))
    answer = text[text.index('id="answer"') : text.index('id="play"')]
    assert "not shown &lt;here&gt;" in answer and "Bold: read after registration" in answer
    groups = re.findall(r"<dt>(.*?)</dt>", answer)
    assert sum('href="#C6"' in links for links in groups) == 1  # not by its registered word as well
    assert "<strong>not shown &lt;here&gt;</strong>; registered: " in text and text.count("the margin is narrow") == 1


def test_a_generator_without_weights_or_too_large_is_named(
    monkeypatch: pytest.MonkeyPatch, made_up: Config, results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path / "desk")
    (tmp_path / "desk/runs/dsprites/idgan/main/0" / WEIGHTS).unlink()
    here = Results(made_up, "desk", tmp_path / "desk")
    found, left_out = interactive.interactive_generators(here)
    assert (
        len(found) == 4
        and "ID-GAN (modified) on procedural dSprites (a stand-in): its weights are not at hand." in left_out
    )
    assert "Not shown: ID-GAN (modified) on" in page.render(here)
    monkeypatch.setattr(interactive, "MOST", sum(len(g["weights"]) for g in found) - 1)
    found, left_out = interactive.interactive_generators(here)
    assert len(found) == 3 and "the page would be too large" in left_out[-1]


def test_systems_that_are_not_the_papers_have_a_page_of_their_own(
    made_up: Config, results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path / "desk")
    config = copy.deepcopy(made_up)
    config["systems"]["mine"] = dict(config["systems"]["infogan_cr"])
    config["presets"]["desk"]["systems"]["mine"] = dict(config["presets"]["desk"]["systems"]["infogan_cr"])
    runs = config["presets"]["desk"]["runs"]
    runs["dsprites"] = {**runs["dsprites"], "mine": ["main"]}  # not in the paper's own list, which is the same object
    here = Results(config, "desk", tmp_path / "desk")
    run = Run("desk", "dsprites", "mine", "main", 0)
    _write_record(config, here.root, run)
    write_traversal(here.root / run.path / "traversal.npz", 5)
    write_weights(here.root / run.path)
    written = page.write_page(here)
    assert [path.name for path in written] == ["index.html", "others.html"]
    text = [path.read_text(encoding="utf-8") for path in written]
    assert [len(data_of(t)["generators"]) for t in text] == [5, 1]
    assert 'href="others.html"' in text[0] and 'href="index.html"' in text[1] and "dsprites-mine" not in text[0]
    page.write_page(Results(made_up, "desk", here.root))
    assert not written[1].exists()


def test_every_traversed_generator_is_shown_with_what_was_measured(made_up: Config, results: Path) -> None:
    """The pair that the paper compares first; beside a slider the factor most associated with the code."""
    found, left_out = interactive.interactive_generators(Results(made_up, "desk", results))
    assert [(g["dataset"], g["system"], g["seed"], g["pictured"]) for g in found] == [
        ("dsprites", "infogan_cr", 0, True), ("dsprites", "idgan_sc", 0, True), ("dsprites", "idgan", 0, False),
        ("faces", "infogan_cr", 3, True), ("faces", "idgan_sc", 3, True),
    ]  # fmt: skip
    assert len(left_out) == 2 and all("has not been traversed yet" in sentence for sentence in left_out)
    association, leakage = found[3]["matrices"]
    assert association["factors"] == leakage["factors"] == ["background", "fringe", "angle", "light", "expression"]
    assert leakage["rows"][2] == [0.1, 0.1, 0.62, 0.1, 0.1] and leakage["own"][2] == [2, 2]
    assert "angle 25%" in leakage["about"] and leakage["beside"] == [0.5] * 10
    assert found[0]["strongest"][0] == "y, 90%" and len(found[0]["matrices"]) == 1
    redrawn = found[2]["matrices"][1]
    shares = [0.0, 0.125, 0.25, 0.375, 0.5]
    assert redrawn["rows"] == [*[shares] * 3, [None] * 5, *[shares] * 6] and redrawn["factors"][1] == "size"
    assert "Of 90 of 200 pairs" in redrawn["about"]
    assert (
        interactive._strongest_factors([leakage], 10)[1] == "fringe, 0.61 SD"
        and interactive._strongest_factors([], 2) == ["no factor known"] * 2
    )


def test_a_slider_covers_the_prior_or_three_deviations_and_every_start(
    made_up: Config, shipped: Config, results: Path
) -> None:
    reaches = {g["id"]: g["reach"] for g in interactive.interactive_generators(Results(made_up, "desk", results))[0]}
    assert reaches["dsprites-infogan_cr"] == 1.0 and reaches["dsprites-idgan_sc"] == 3.0
    published = interactive.interactive_generators(Results(shipped, "desk", ROOT / "results/desk/published"))[0]
    for g in published:
        assert np.abs(g["anchors"]).max() <= g["reach"] and np.abs(g["noise"]).max() <= g["noise_reach"]


def test_codes_that_the_vae_does_not_use_are_told_by_its_log(made_up: Config, results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "desk")
    log = pd.DataFrame({"step": [1, 2], **{f"kl_{j + 1}": [1.0, 0.02 if j % 2 else 0.009] for j in range(10)}})
    log.to_csv(tmp_path / "desk/runs/dsprites/beta_vae/main/0/log.csv", index=False)
    found, _ = interactive.interactive_generators(Results(made_up, "desk", tmp_path / "desk"))
    assert [g["dead"] for g in found] == [[], [0, 2, 4, 6, 8], [0, 2, 4, 6, 8], [], []]


def test_weights_beyond_half_precision_are_refused() -> None:
    with pytest.raises(DataError, match="too large for half precision"):
        interactive.pack([torch.tensor([1e5])])


def test_a_sheet_lays_codes_in_rows_and_values_in_columns() -> None:
    images = np.arange(2 * 3 * 3 * 4 * 5).reshape(2, 3, 3, 4, 5)
    laid = interactive.sheet(images)
    assert laid.shape == (8, 15, 3)
    assert (laid[4:, 5:10].transpose(2, 0, 1) == images[1, 1]).all()
    assert interactive.sheet(images[:, :, :1]).shape == (8, 15)


def test_the_starts_of_the_published_generators_draw_the_published_images(shipped: Config) -> None:
    """Codes from `traversal.npz` and noise drawn again: the images that were traversed, byte for byte."""
    here = Results(shipped, "desk", ROOT / "results/desk/published")
    runs = [run for run in configuration.shown_generators(shipped, "desk") if here.find(run, WEIGHTS).exists()]
    assert len(runs) == 9
    for run in runs:
        folder = here.find(run, "traversal.npz").parent
        with np.load(folder / "traversal.npz") as arrays:
            anchors, images = arrays["anchors"], arrays["images"]
        model = load(folder)
        drawn = to_bytes(model.traverse(anchors[:2], 3, noise=anchor_noise(model)[:2]))
        assert np.abs(drawn.astype(int) - images[:2, 3]).max() <= 1, run  # other processors round differently


def test_every_data_set_has_a_note_of_its_own(shipped: Config) -> None:
    here = Results(shipped, "desk", ROOT / "results/desk/published")
    notes = {name: page.data_note(here, name) for name in here.datasets}
    assert "737 280 images drawn by this project" in notes["dsprites"].replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert notes["digits"].startswith("Procedural digits (a stand-in for MNIST)") and "thickness 10" in notes["digits"]
    assert "azimuth 9" in notes["faces"] and "may be passed on" in notes["faces"]
    assert "Neither" in page.data_note(dataclasses.replace(here, preset="paper"), "celeba")


def test_the_film_is_small_and_moves(made_up: Config, results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "desk")
    path = film.write_film(Results(made_up, "desk", tmp_path / "desk"))
    with Image.open(path) as shown:
        assert shown.n_frames > 30 and shown.info["loop"] == 0  # type: ignore[attr-defined]
    assert path.stat().st_size < 1_500_000
    first = path.read_bytes()
    assert film.write_film(Results(made_up, "desk", tmp_path / "desk")).read_bytes() == first
    for weights in (tmp_path / "desk").rglob(WEIGHTS):
        weights.unlink()
    with pytest.raises(DataError, match="no two traversed generators"):
        film.write_film(Results(made_up, "desk", tmp_path / "desk"))


# -------------------------------------------------------------------------------------------------------- documents
def test_documents_follow_the_artifacts(made_up: Config, results: Path, tmp_path: Path) -> None:
    """A changed verdict, score or cost changes the text, and nothing else does."""
    root = tmp_path / "published"
    shutil.copytree(results, root)
    (tmp_path / "README.md").write_text("# x\n<!-- generated: verdicts -->\nold 0.99\n<!-- end of generated -->\nend\n")
    bundle = Results(made_up, "desk", root)
    first = documents.documents(bundle, tmp_path)
    assert [path.name for path in first] == [*documents.DOCUMENTS, "README.md"]
    assert "0.99" not in first[tmp_path / "README.md"] and first[tmp_path / "README.md"].endswith(
        "generated -->\nend\n"
    )
    frame = pd.read_csv(root / "claims.csv")
    frame = frame.assign(verdict="not_reproduced", yes=0, no=2, unclear=1, few=0, untested=0, elsewhere=0)
    frame.loc[frame["claim"] == "C1", "elsewhere"] = 1
    frame.to_csv(root / "claims.csv", index=False)
    second = documents.documents(bundle, tmp_path)
    assert "10 not reproduced, 1 not reproduced as far as judged here." in second[tmp_path / "REPLICATION.md"]
    assert second[tmp_path / "README.zh-CN.md"].count("| 未复现（2 项不成立，1 项不明确） |") == 10
    assert (
        "| 未复现（仅就此处检验的部分：2 项不成立，1 项不明确，1 项在其他预设检验） |"
        in second[tmp_path / "README.zh-CN.md"]
    )
    assert all(first[path] != second[path] for path in first if path.name != "ARTIFACT.md")
    frame = pd.read_csv(root / "checks.csv")
    frame["estimate"] += 0.001
    frame.to_csv(root / "checks.csv", index=False)
    assert documents.documents(bundle, tmp_path)[tmp_path / "ARTIFACT.md"] != second[tmp_path / "ARTIFACT.md"]


def test_the_documents_numbers_are_the_artifacts(made_up: Config, results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    bundle = Results(made_up, "desk", tmp_path)
    text = documents.documents(bundle, tmp_path / "nowhere")
    costs, checks = pd.read_csv(tmp_path / "cost.csv"), pd.read_csv(tmp_path / "checks.csv")
    replication = text[tmp_path / "nowhere" / "REPLICATION.md"]
    assert f"{len(costs) * 90 / 3600:.2f} core-hours for {len(costs)} trainings" in replication
    assert (tmp_path / "tables/table3.md").read_text().strip() in replication
    artifact = text[tmp_path / "nowhere" / "ARTIFACT.md"]
    ranges = re.findall(r": (−?\d\.\d{3}), expected from (−?\d\.\d{3}) to (−?\d\.\d{3})", artifact)
    measured = checks[checks["low"].notna() & (checks["low"] != checks["high"]) & (checks["rule"] != "settled_by")]
    assert len(measured) > 30  # what is left out never varies, has too few seeds, or is a curve's
    half = (measured["high"] - measured["low"]) / 2
    expected = zip(measured["estimate"], half * 2**0.5, strict=True)
    assert ranges == [tuple(words.places(value, 3) for value in (e, e - h, e + h)) for e, h in expected]


def test_templates_hold_no_measured_number() -> None:
    """What an author could type by hand and forget: decimals and percentages."""
    for name in documents.DOCUMENTS:
        text = (documents.TEMPLATES / name).read_text(encoding="utf-8").replace("Python 3.11", "")
        assert not re.search(r"\d+\.\d+|\d+ ?%", text), name


def test_an_unknown_placeholder_is_refused(made_up: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown placeholder \{\{verdict\}\}"):
        documents.fill("{{verdict}}", Results(made_up, "desk", tmp_path))


def stale(config: Config, repository: Path) -> list[str]:
    """Files whose text is not what the published artifacts say."""
    preset = documents.PUBLISHED_PRESET
    published = repository / "results" / preset / "published"
    wanted = documents.documents(Results(config, preset, published), repository)
    wanted[published / "report/index.html"] = page.render(Results(config, preset, published))
    found = [path.name for path, text in wanted.items() if without_images(_read(path)) != without_images(text)]
    measured = set(pd.read_csv(repository / "benchmarks/measured.csv")["value"])
    written = [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]
    return found + sorted(measured ^ {one for path in written for one in quantities(_read(path))})


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def without_images(text: str) -> str:
    """The same picture has other bytes under another version of zlib."""
    return re.sub(r"[A-Za-z0-9+/=]{200,}", "", text)


UNITS = "CPU-minutes|CPU seconds|core-hours|GPU-hours|ms|minutes|hours|seconds|s|GB|MB|%|GFLOP/s|jobs|trainings"
QUANTITY = re.compile(rf"(?<![\w.])\d[\d .]*[ \n]?(?:{UNITS})(?!\w)")


def quantities(text: str) -> set[str]:
    """Numbers with a unit that stand in a text outside of its generated parts and its code."""
    written = re.sub(r"```.*?```|<!-- generated.*?<!-- end of generated -->", "", text, flags=re.S)
    return {" ".join(match.split()) for match in QUANTITY.findall(written)}


MEND = "`snakemake publish`, and for a measured number of README a row of benchmarks/measured.csv"


def test_what_stands_in_the_repository_is_what_the_published_artifacts_say(shipped: Config) -> None:
    """README, REPLICATION.md, ARTIFACT.md, README.zh-CN.md and the page: `snakemake publish` would change nothing."""
    assert stale(shipped, ROOT) == [], MEND
    assert documents.BLOCK.search(_read(ROOT / "README.md"))


def test_the_longest_seeds_that_are_stated_are_those_of_the_records() -> None:
    costs = pd.read_csv(ROOT / "results/desk/published/cost.csv")
    run = costs["run"].str.split("/", expand=True)
    hours = (costs["seconds"] * costs["threads"] / 3600).groupby([run[0] == "dsprites", run[0], run[3]]).sum()
    longest = hours.groupby(level=0).max()
    measured = pd.read_csv(ROOT / "benchmarks/measured.csv")
    stated = measured.loc[measured["command"].eq("results/desk/published/cost.csv"), "value"].tolist()
    assert stated == [f"{longest[True]:.2f} core-hours", f"{longest[False]:.2f} core-hours"]


MEASURED = pd.read_csv(ROOT / "benchmarks/measured.csv").set_index("command")["value"]
QUICK = MEASURED["time snakemake --cores all all"].iloc[0]  # minutes, and then CPU-minutes
CHANGED = (  # at once: a file, a number in it, and what is said to be stale; a README twice, in two texts of it
    [
        ("README.md", r"\| C4 \|.*?\| (\d+) \|", "README.md"),
        ("REPLICATION.md", r"(\d\.\d\d) ± ", "REPLICATION.md"),
        ("README.zh-CN.md", r"\| C4 \|.*?\| (\d+) \|", "README.zh-CN.md"),
        ("ARTIFACT.md", r"(\d+) trainings", "ARTIFACT.md"),
        ("results/desk/published/report/index.html", r"(\d+) trainings", "index.html"),
    ],
    [
        ("README.md", QUICK, QUICK),
        ("REPLICATION.md", r"InfoGAN-CR \| \d+ \| (0\.\d\d)", "REPLICATION.md"),
    ],
)


@pytest.mark.parametrize("changes", CHANGED, ids=["one a file", "others"])
def test_a_changed_number_is_found(changes: list[tuple[str, str, str]], shipped: Config, tmp_path: Path) -> None:
    for kept in (*documents.DOCUMENTS, *documents.WRITTEN, "benchmarks/measured.csv"):
        (tmp_path / kept).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(ROOT / kept, tmp_path / kept)
    shutil.copytree(ROOT / "results/desk/published", tmp_path / "results/desk/published")
    for name, number, _ in changes:
        text = _read(tmp_path / name)
        match = re.search(number, text)
        assert match is not None
        start, end = match.span(match.lastindex or 0)
        changed = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text[start:end])
        (tmp_path / name).write_text(text[:start] + changed + text[end:], encoding="utf-8")
    assert {said for _, _, said in changes} <= set(stale(shipped, tmp_path))


def registered_differences(protocol: str) -> set[tuple[str, str, str, str]]:
    """System, key, paper's value and value here, of the table in PROTOCOL.md; systems share its rows."""
    block = re.search(r"<!-- generated: differences -->(.*?)<!-- end", protocol, re.S)
    assert block is not None
    rows = [line.strip("| ").split(" | ") for line in block[1].splitlines() if line.startswith("| ")][2:]
    return {(place, key, paper, here) for key, paper, here, places in rows for place in places.split(", ")}


def test_the_fixed_tables_of_the_protocol_are_what_config_yaml_says(shipped: Config) -> None:
    """PROTOCOL.md is text since it was registered: its planned checks and differences are still the configuration's."""
    text = _read(ROOT / "results/desk/PROTOCOL.md")
    checks = documents.fill("{{planned_checks}}", Results(shipped, "desk", ROOT / "results/desk/published"))
    assert f"<!-- generated: planned_checks -->\n{checks}\n<!-- end of generated -->" in text
    table = pd.read_csv(ROOT / "results/desk/published/tables/differences.csv", keep_default_na=False)
    expected = set(table[["system", "key", "paper", "here"]].itertuples(index=False, name=None))
    assert registered_differences(text) == expected
    changed = text.replace("| 8 | 0.5 | beta_vae", "| 8 | 0.6 | beta_vae")
    assert registered_differences(changed) != expected


def test_a_change_after_registration_is_said(shipped: Config, tmp_path: Path) -> None:
    """Settings, seeds, evaluation, margins and levels are registered; words and other presets are not."""

    def said(config: Config) -> str:
        return documents.fill("{{protocol}}", Results(config, "desk", tmp_path / "published"))

    assert said(shipped) == "dsprites: not registered; digits: not registered; faces: not registered"
    digits = protocol_hash(shipped, "desk", "dsprites")
    line = f"**Registered 2026-11-25: dsprites as `{digits}`.** No more.\n"
    (tmp_path / "PROTOCOL.md").write_text(f"# Protocol\n\n{line.replace(digits, '0' * 12)}\n{line}", encoding="utf-8")
    words = f"dsprites: registered 2026-11-25 as `{digits}`; digits: not registered; faces: not registered"
    assert said(shipped) == words
    changes: list[tuple[tuple[str | int, ...], object]] = [
        (("presets", "desk", "systems", "idgan_sc", "alpha"), 0.3),
        (("presets", "desk", "systems", "beta_vae", "beta"), 1.0),
        (("presets", "desk", "seeds", "count"), 30),
        (("presets", "desk", "evaluation", "points"), 10000),
        (("claims", "C4", "checks", 1, "margin"), 0.01),
        (("judging", "alpha"), 0.1),
    ]
    unchanged: list[tuple[tuple[str | int, ...], object]] = [
        (("claims", "C4", "sentence"), "other words"),
        (("presets", "desk", "datasets", "digits", "families", "gan", "steps"), 10),
        (("presets", "quick", "families", "gan", "steps"), 10),
        (("compute", "threads"), 2),
    ]
    for path, value in changes + unchanged:
        config = copy.deepcopy(shipped)
        row: Any = config
        for key in path[:-1]:
            row = row[key]
        row[path[-1]] = value
        differs = words.replace("`;", "`, **and config.yaml differs from it**;")
        assert said(config) == (differs if (path, value) in changes else words), path


def test_the_published_tables_follow_from_the_published_runs(shipped: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every published table, verdict and text again, from the runs' files alone; no picture is compared."""
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, to, **kw: to.touch() if to.suffix == ".pdf" else save(figure, to, **kw)
    )
    root = ROOT / "results" / documents.PUBLISHED_PRESET
    with publishing.published_alone(root) as alone:
        publishing.derive(Results(shipped, documents.PUBLISHED_PRESET, alone))
        made = {path.relative_to(alone) for path in alone.rglob("*") if publishing.is_derived_file(path)}
        assert made >= {path.relative_to(root / "published") for path in publishing.derived(root / "published")}, MEND
        for name in sorted(made):
            if name.suffix == ".csv":
                frames = [_frame(folder / name) for folder in (root / "published", alone)]
                pd.testing.assert_frame_equal(*frames, rtol=1e-6, obj=str(name))
            elif name.suffix not in (".png", ".pdf", ".gif"):
                texts = [without_images(_read(folder / name)) for folder in (root / "published", alone)]
                assert texts[0] == texts[1], f"{name}: {MEND}"


def _frame(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.stat().st_size > 1 else pd.DataFrame()


def test_the_papers_protocol_has_as_many_trainings_as_readme_says(shipped: Config) -> None:
    trainings = with_predecessors(shipped, planned_runs(shipped, "paper"))
    assert f"{len(trainings)} trainings" in quantities(_read(ROOT / "README.md"))


def test_the_readme_beside_the_mnist_figures_states_their_table() -> None:
    folder = ROOT / "results/desk/published/mnist"
    table, text = pd.read_csv(folder / "leakage.csv"), _read(folder / "README.md")
    for column in documents.MNIST:
        values = " | ".join(f"{value:.2f}" for value in table[column])
        assert f"| {values} |" in text, column


@pytest.fixture(scope="module")
def measured_desk(
    small_config: Config, finished: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Config, Path]:
    """A preset of evidence with two finished and scored runs, and what each builds on."""
    config = copy.deepcopy(small_config)
    config["presets"]["test"] |= {"evidence": True, "runs": {"dsprites": {"beta_vae": ["main"], "idgan_sc": ["main"]}}}
    root = tmp_path_factory.mktemp("measured") / "results/test"
    shutil.copytree(finished("idgan_sc").parents[4], root, symlinks=True)
    for path in (*root.rglob(CARD), *root.rglob(WEIGHTS)):  # other tests' of the same runs
        path.unlink()
    for run in planned_runs(config, "test"):
        encode(job(config, run, root))
        score(job(config, run, root))
    return config, root


@pytest.fixture
def finished_desk(measured_desk: tuple[Config, Path], tmp_path: Path) -> tuple[Config, Path]:
    """A copy of it to change at will."""
    config, root = measured_desk
    shutil.copytree(root, tmp_path / "results/test", symlinks=True)
    return copy.deepcopy(config), tmp_path / "results/test"


def test_publish_needs_nothing_but_finished_runs(
    finished_desk: tuple[Config, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No data set, no other run; what is published counts afterwards, stage A and association included."""
    config, root = finished_desk
    monkeypatch.setattr(publishing, "PUBLISHED_PRESET", "test")
    shutil.rmtree(root / "runs/dsprites/beta_vae/main/0/.curve", ignore_errors=True)
    (root / "data/dsprites").unlink()
    (tmp_path / "README.md").write_text("# x\n<!-- generated: verdicts -->\n<!-- end of generated -->\n")
    publishing.publish(Results(config, "test", root), tmp_path)
    published = root / "published"
    for run in with_predecessors(config, planned_runs(config, "test")):
        assert (published / run.path / "record.json").exists() and (published / run.path / "log.csv").exists()
    assert (published / "runs/dsprites/idgan_sc/main/0/association.csv").exists()
    assert set(pd.read_csv(published / "claims.csv")["verdict"]) == {"inconclusive", "not_tested"}
    cells = pd.read_csv(published / "tables/table3.csv").set_index("system")
    commit = str(machine.commit()["commit"])[:7]
    assert cells.loc["idgan_sc", "origin"].str.startswith(f"commit {commit}").all()
    assert f"The runs behind the rows: commit {commit}" in _read(tmp_path / "REPLICATION.md")
    assert not {"weights.safetensors", "codes.npz"} & {path.name for path in published.rglob("*")}
    left = published / "figures/figure9.png"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"")
    publishing.publish(Results(config, "test", root), tmp_path)
    assert not left.exists()


@pytest.mark.long
def test_only_the_preset_that_documents_are_about_writes_them(
    finished_desk: tuple[Config, Path], tmp_path: Path
) -> None:
    config, root = finished_desk
    stale = root / "floor/dsprites.csv"
    stale.parent.mkdir()
    stale.write_text("fingerprint,value\n0,1\n")
    publishing.publish(Results(config, "test", root), tmp_path)
    assert (root / "published/claims.csv").exists() and not (tmp_path / "REPLICATION.md").exists()
    assert not (root / "published/floor/dsprites.csv").exists()  # of other settings or source


def test_a_run_is_published_whole_and_undamaged(finished_desk: tuple[Config, Path]) -> None:
    """One that is trained alone would hide the folder in which its codes can be scored."""
    config, root = finished_desk
    run = Run("test", "dsprites", "idgan_sc", "main", 0)
    scores = root / run.path / "scores.csv"
    kept = scores.read_text()
    scores.unlink()
    assert root / "published" / run.path not in copy_runs(Results(config, "test", root))
    assert Results(config, run.preset, root).find(run, "scores.csv") == scores
    scores.write_text(kept.replace("0.", "0.1", 1))
    with pytest.raises(DataError, match=r"scores\.csv is damaged"):
        copy_runs(Results(config, "test", root))
    assert not (root / "published" / run.path / "scores.csv").exists()
    scores.write_text(kept)
    assert root / "published" / run.path in copy_runs(Results(config, "test", root))


def test_what_others_settings_trained_or_measured_is_refused(finished_desk: tuple[Config, Path]) -> None:
    config, root = finished_desk
    runs = planned_runs(config, "test")
    run, names = runs[-1], SCORE_FILES
    Results(config, "test", root).refuse_others(runs, names, "evaluation")  # scored by these settings
    noted = root / run.path / "hashes.json"
    hashes = json.loads(noted.read_text())
    noted.write_text(json.dumps({name: digest for name, digest in hashes.items() if name != "evaluation"}))
    Results(config, "test", root).refuse_others([run], names, "evaluation")  # not noted: passes
    noted.write_text(json.dumps(hashes))
    other = copy.deepcopy(config)
    other["evaluation"]["points"] += 1
    other["presets"]["test"].setdefault("evaluation", {})["points"] = other["evaluation"]["points"]
    with pytest.raises(DataError, match=r" measured by other settings of `evaluation`"):
        Results(other, "test", root).refuse_others(runs, names, "evaluation")
    other = copy.deepcopy(config)
    other["systems"]["beta_vae"]["beta"] = 99.0
    for section in other["presets"]["test"].get("systems", {}), other["datasets"]["dsprites"].get("systems", {}):
        section.get("beta_vae", {}).pop("beta", None)
    with pytest.raises(DataError, match="trained by other settings or source"):
        Results(other, "test", root).refuse_others(runs, names, "evaluation")


def test_an_accepted_source_counts_below_one_of_today(finished_desk: tuple[Config, Path], tmp_path: Path) -> None:
    config, _ = finished_desk
    run, results = planned_runs(config, "test")[-1], Results(config, "test", tmp_path)
    assert results.fingerprints(run) == {results.expected(run)}
    today = "".join(f'- "{results.source(run)}"\n' for run in with_predecessors(config, planned_runs(config, "test")))
    (tmp_path / "accepted.yaml").write_text(f"trainings:\n  old: a reason\nproved_for:\n{today}")
    before = [
        fingerprint(results.settings(earlier), earlier.seed, [results.expected(r) for r in first.values()], "old")
        for earlier in results.before(run).values()
        for first in [results.before(earlier)]
    ]
    mixed = fingerprint(results.settings(run), run.seed, before, results.source(run))
    assert before and {mixed, results.expected(run)} < results.fingerprints(run)


def test_images_of_a_users_own_stay_whatever_their_name(shipped: Config) -> None:
    changed = copy.deepcopy(shipped)
    changed["datasets"]["pets"] = {"source": "folder"}
    assert not redistributable(changed, Run("desk", "pets", "idgan_sc", "main", 0))
    assert redistributable(changed, Run("desk", "dsprites", "idgan_sc", "main", 0))


def test_what_is_no_evidence_is_not_published(capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["publish", "--preset", "quick"])
    assert "makes no evidence" in capsys.readouterr().err


def test_origins_say_what_was_recomputed_and_what_comes_from_which_commit(made_up: Config, results: Path) -> None:
    costs = pd.read_csv(results / "cost.csv")
    assert set(costs["origin"]) == {"recomputed here"}
    costs.loc[costs["system"] == "idgan", ["origin", "commit"]] = ["committed", "b" * 40]
    text = page.origins_table(costs)
    assert f"| ID-GAN (modified) | committed | {SEEDS} | bbbbbbbbbb | no |" in text
    assert f"| InfoGAN-CR | recomputed here | {2 * SEEDS + 2} | aaaaaaaaaa | no |" in text
