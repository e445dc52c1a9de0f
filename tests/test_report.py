"""The page and the documents: every number comes from an artifact, and what stands in the repository is up to date."""

import copy
import dataclasses
import doctest
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import make_floor
from idgan_sc import claims, cli, paper, tables
from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.data.dsprites import FACTORS
from idgan_sc.files import DataError, write_arrays
from idgan_sc.report import bundle as bundles
from idgan_sc.report import documents, markup, page

ROOT = Path(__file__).parents[1]
SEEDS = 10


@pytest.fixture(scope="session")
def made_up(shipped: Config) -> Config:
    changed = copy.deepcopy(shipped)
    changed["presets"]["desk"]["seeds"] = {"first": 0, "count": SEEDS}
    changed["presets"]["desk"]["runs"] = {"dsprites": changed["runs"]["dsprites"]}
    return changed


@pytest.fixture(scope="session")
def results(made_up: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with everything that page and documents read, from made-up scores."""
    return write_results(made_up, tmp_path_factory.mktemp("report") / "desk")


def write_results(config: Config, root: Path) -> Path:
    rng = np.random.default_rng(0)
    scores, curves = [], []
    for run in bundles.with_predecessors(config, configuration.runs(config, "desk", "dsprites")):
        settings = configuration.resolve(config, run)
        _write_record(root, run)
        if run.system.endswith("stage_a"):
            continue
        code = tables.scored_codes(settings)[0]
        about = {"dataset": run.dataset, "system": run.system, "variant": run.variant, "seed": run.seed, "code": code}
        about |= {"k": settings["c_dim"], "protocol": "infogan_cr"}
        scores += [about | {"metric": metric, "value": rng.uniform(0.3, 0.9)} for metric in tables.METRICS]
        curves += [
            about | {"metric": "factor_vae", "step": step, "draw": 0, "value": rng.uniform(0.3, 0.9)}
            for step in (0, 1000, 2000)
        ]
    pd.DataFrame(scores).to_csv(root / "scores.csv", index=False)
    pd.DataFrame(curves).to_csv(root / "curves.csv", index=False)
    make_floor(root)
    for system, k in (("infogan_cr", 5), ("idgan_sc", 10)):
        write_traversal(root / f"runs/dsprites/{system}/main/0/traversal.npz", k)
    claims.write_claims(config, "desk", root)
    paper.write_findings(config, root)
    tables.table3(config, "desk", root)
    tables.differences(config, "desk", root)
    bundles.write_cost(config, "desk", root)
    return root


def _write_record(root: Path, run: Run) -> None:
    content = dataclasses.asdict(run) | {"seconds": 90.0, "threads": 1, "peak_memory_mb": 700, "commit": "a" * 40}
    content |= {"dirty": False, "processor": "a processor", "device": "cpu", "source": "0" * 12}
    (root / run.path).mkdir(parents=True)
    (root / run.path / "record.json").write_text(json.dumps(content))


def write_traversal(path: Path, k: int) -> None:
    """Images whose grey tells anchor, code and value apart: see `grey`."""
    images = np.zeros((2, k, 10, 1, 8, 8), np.uint8)
    for anchor, code, step in np.ndindex(2, k, 10):
        images[anchor, code, step] = grey(anchor, code, step)
    write_arrays(
        path,
        values=np.linspace(-2, 2, 10),
        anchors=np.linspace(-1, 1, 2 * k).reshape(2, k),
        images=images,
        association=np.linspace(0.1, 0.9, k * 5).reshape(k, 5)[::-1],
        factor_names=np.array(FACTORS.names),
    )


def grey(anchor: int, code: int, step: int) -> int:
    return 10 + 120 * anchor + 10 * code + step


def test_examples_in_docstrings() -> None:
    for module in (markup, documents):
        assert doctest.testmod(module).failed == 0


# ------------------------------------------------------------------------------------------------------------- page
def test_the_page_is_one_small_file_without_links_to_a_network(made_up: Config, results: Path) -> None:
    path = page.write_page(made_up, "desk", results)
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 15_000_000
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", text) and "@import" not in text and "fetch(" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert page.render(made_up, "desk", results) == text


def test_the_pages_numbers_are_the_artifacts(made_up: Config, results: Path) -> None:
    """Each seed's score, the paper's values and the verdicts: none but what the files hold."""
    text = page.render(made_up, "desk", results)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    scores = pd.read_csv(results / "scores.csv")
    shown = [value for row in data["scores"] for _, value in row["seeds"]]
    assert sorted(shown) == pytest.approx(sorted(scores["value"].round(4)))
    printed = {(row["label"], row["metric"]): row["paper"] for row in data["scores"] if row["paper"] is not None}
    assert printed[("InfoGAN-CR", "mig")] == 0.37 and len(printed) == 25
    words = pd.read_csv(results / "claims.csv")["verdict"].map(claims.VERDICT_WORDS)
    cells = re.findall(r"<tr><td>C\d+</td><td>.*?</td><td>.*?</td><td>(.*?)</td>", text)
    assert cells == words.tolist()
    assert f"{len(pd.read_csv(results / 'cost.csv'))} trainings" in text


def test_anchors_are_left_out_before_the_page_grows_too_large(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    config = configuration.load(ROOT / "config.yaml")
    config["presets"]["desk"]["seeds"] = {"first": 0, "count": SEEDS}
    assert [len(g["sprites"]) for g in page.generators(config, "desk", results)] == [2, 2]
    monkeypatch.setattr(page, "MOST", 10)
    assert [len(g["sprites"]) for g in page.generators(config, "desk", results)] == [1, 1]


def test_a_sheet_lays_codes_in_rows_and_values_in_columns() -> None:
    images = np.arange(2 * 3 * 3 * 4 * 5).reshape(2, 3, 3, 4, 5)
    laid = page.sheet(images)
    assert laid.shape == (8, 15, 3)
    assert (laid[4:, 5:10].transpose(2, 0, 1) == images[1, 1]).all()
    assert page.sheet(images[:, :, :1]).shape == (8, 15)


def test_markdown_is_escaped() -> None:
    assert "&lt;script&gt;" in markup.to_html("| <script> |\n|---|\n| a\\|b |")
    assert "<td>a|b</td>" in markup.to_html("| h |\n|---|\n| a\\|b |")


# -------------------------------------------------------------------------------------------------------- documents
def test_documents_follow_the_artifacts(made_up: Config, results: Path, tmp_path: Path) -> None:
    """A changed verdict, score or cost changes the text, and nothing else does."""
    root = tmp_path / "published"
    bundles.copy_bundle(results, root)
    (tmp_path / "README.md").write_text("# x\n<!-- generated: verdicts -->\nold 0.99\n<!-- end of generated -->\nend\n")
    bundle = bundles.Bundle(made_up, "desk", root)
    first = documents.documents(made_up, bundle, tmp_path)
    assert [path.name for path in first] == [*documents.DOCUMENTS, "README.md"]
    assert "0.99" not in first[tmp_path / "README.md"] and first[tmp_path / "README.md"].endswith(
        "generated -->\nend\n"
    )
    frame = pd.read_csv(root / "claims.csv")
    frame["verdict"] = "not_reproduced"
    frame.to_csv(root / "claims.csv", index=False)
    second = documents.documents(made_up, bundle, tmp_path)
    assert "11 not reproduced" in second[tmp_path / "REPLICATION.md"]
    assert second[tmp_path / "README.zh-CN.md"].count("| 未复现 |") == 11
    assert all(first[path] != second[path] for path in first if path.name != "ARTIFACT.md")


def test_the_documents_numbers_are_the_artifacts(made_up: Config, results: Path, tmp_path: Path) -> None:
    bundles.copy_bundle(results, tmp_path)
    bundle = bundles.Bundle(made_up, "desk", tmp_path)
    text = documents.documents(made_up, bundle, tmp_path / "nowhere")
    costs, checks = pd.read_csv(tmp_path / "cost.csv"), pd.read_csv(tmp_path / "checks.csv")
    replication = text[tmp_path / "nowhere" / "REPLICATION.md"]
    assert f"{len(costs) * 90 / 3600:.2f} core-hours for {len(costs)} trainings" in replication
    assert (tmp_path / "tables/table3.md").read_text().strip() in replication
    artifact = text[tmp_path / "nowhere" / "ARTIFACT.md"]
    ranges = re.findall(r": (-?\d\.\d{3}), accepted from (-?\d\.\d{3}) to (-?\d\.\d{3})", artifact)
    measured = checks[checks["estimate"].notna()]
    assert ranges == [
        tuple(f"{value:.3f}" for value in row) for row in measured[["estimate", "low", "high"]].to_numpy()
    ]


def test_templates_hold_no_measured_number() -> None:
    """What an author could type by hand and forget: decimals and percentages."""
    for name in documents.DOCUMENTS:
        text = (documents.TEMPLATES / name).read_text(encoding="utf-8").replace("Python 3.11", "")
        assert not re.search(r"\d+\.\d+|\d+ ?%", text), name


def test_an_unknown_placeholder_is_refused(made_up: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown placeholder \{\{verdict\}\}"):
        documents.fill("{{verdict}}", bundles.Bundle(made_up, "desk", tmp_path))


def test_what_stands_in_the_repository_is_what_the_published_artifacts_say(shipped: Config) -> None:
    """README, REPLICATION.md, ARTIFACT.md and README.zh-CN.md: `idgan-sc publish` would change nothing."""
    preset = documents.PUBLISHED
    bundle = bundles.Bundle(shipped, preset, ROOT / "results" / preset / "published")
    for path, text in documents.documents(shipped, bundle, ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: idgan-sc publish --preset {preset}"
    assert documents.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))


def test_publish_copies_what_the_documents_need(
    made_up: Config, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "results/desk"
    shutil.copytree(results, root)
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    cli.main(["publish", "--preset", "desk"])
    assert (root / "published/claims.csv").read_bytes() == (root / "claims.csv").read_bytes()
    assert "Of the paper's 11 claims" in (tmp_path / "REPLICATION.md").read_text()


def test_origins_say_what_was_recomputed_and_what_comes_from_which_commit(made_up: Config, results: Path) -> None:
    costs = pd.read_csv(results / "cost.csv")
    assert set(costs["origin"]) == {"recomputed here"}
    costs.loc[costs["system"] == "idgan", ["origin", "commit"]] = ["committed", "b" * 40]
    text = page.origins_table(costs)
    assert f"| ID-GAN (modified) | committed | {SEEDS} | bbbbbbbbbb | no |" in text
    assert f"| InfoGAN-CR | recomputed here | {2 * SEEDS} | aaaaaaaaaa | no |" in text
