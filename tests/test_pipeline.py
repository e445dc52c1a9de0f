"""The whole chain at the `test` preset through Snakemake, as a user runs it, and what a change makes it run again."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from idgan_sc.report.words import BASELINES

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
TABLES = ["table1", "table2", "table3", "stage_a", "differences"]
FIGURES = ["figure1", "figure2", "figure3", "figure4"]


NOTE = """
import atexit, os, sys
atexit.register(lambda: open(os.path.join(os.environ["NOTES"], str(os.getpid())), "w").write(sys.argv[0]))
"""


def snakemake(folder: Path, *arguments: str, **more: str) -> str:
    """Run Snakemake in `folder`, with more variables; its whole output."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **more}
    command = [str(BIN / "snakemake"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def jobs(folder: Path, *arguments: str) -> dict[str, int]:
    """Rule -> number of jobs that a dry run would start."""
    found = re.search(r"Job stats:\n.*?\n-+.*?\n(.*?)\n\n", snakemake(folder, "-n", *arguments), re.S)
    rows = [line.split() for line in found[1].splitlines()] if found else []
    return {row[0]: int(row[1]) for row in rows if row[0] not in ("total", "all")}


def copy_project(folder: Path) -> Path:
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("\npreset: quick", "\npreset: test"))
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Path:
    """A finished run of everything, as a clone would have it."""
    folder = copy_project(tmp_path_factory.mktemp("chain"))
    for name in ("notes", "hook"):
        (folder / name).mkdir()
    (folder / "hook/sitecustomize.py").write_text(NOTE)
    path = f"{folder / 'hook'}:{os.environ.get('PYTHONPATH', '')}"
    snakemake(folder, "--cores", "2", "all", PYTHONPATH=path, NOTES=str(folder / "notes"))
    return folder


@pytest.fixture
def changed(chain):
    """Change the chain's configuration for one test: key path -> value."""
    path = chain / "config.yaml"
    original = path.read_text()

    def change(*keys: str, to: object) -> None:
        config = yaml.safe_load(original)
        row = config
        for key in keys[:-1]:
            row = row.setdefault(key, {})
        row[keys[-1]] = to
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    yield change
    path.write_text(original)


def test_the_report_of_snakemake_has_captions_and_a_landing_page(chain, tmp_path):
    snakemake(chain, "all", "--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as file:
        text = "".join(file.read(name).decode() for name in file.namelist() if name.endswith((".js", ".html")))
    assert all(f'"{category}"' in text for category in ("Claims", "Tables", "Figures", "Page"))
    for words in ("A replication of IDGAN-SC", "All results at preset test", "table3 at preset test"):
        assert words in text, words


def test_makes_every_table_and_figure(chain):
    results = chain / "results/test"
    for name in TABLES:
        assert all((results / f"tables/{name}.{kind}").stat().st_size > 0 for kind in ("csv", "md", "tex"))
    for name in FIGURES:
        assert all((results / f"figures/{name}.{kind}").stat().st_size > 0 for kind in ("png", "pdf", "csv"))
    for name in ("claims.csv", "checks.csv", "errata.csv", "cost.csv", "associations.csv", "report/index.html"):
        assert (results / name).stat().st_size > 0
    assert set(pd.read_csv(results / "claims.csv").verdict) == {"not_tested"}
    page = (results / "report/index.html").read_text()
    assert page.count('id="weights-') == 5 and page.count('<figure class="paper">') == len(FIGURES)
    systems = set(pd.read_csv(results / "scores.csv").system)
    assert systems == {"beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc"}


def test_every_job_was_a_copy_of_one_process_with_the_libraries(chain):
    names = [Path(note.read_text()).name for note in (chain / "notes").iterdir()]
    assert names.count("warm.py") == 1
    assert names.count("idgan-sc") >= names.count("__main__.py") - 2 > 40  # whoever asked before it listened ran itself


def test_runs_nothing_twice(chain):
    assert jobs(chain, "all") == {}


def test_targets_work_as_typed(chain):
    for target in ("figures", "tables"):
        assert "Nothing to be done" in snakemake(chain, target)


def test_a_changed_system_runs_again_with_what_depends_on_it_and_nothing_else(chain, changed):
    changed("presets", "test", "systems", "idgan_sc", to={"alpha": 1.0})
    counts = jobs(chain, "all")
    assert (counts["train"], counts["encode"], counts["score"]) == (1, 1, 1)
    assert "train_stage_a" not in counts and "data" not in counts


@pytest.mark.long
def test_a_changed_vae_runs_again_with_what_is_distilled_from_it(chain, changed):
    changed("presets", "test", "systems", "beta_vae", to={"beta": 3.0})
    counts = jobs(chain, "all")
    assert (counts["train"], counts["train_stage_a"]) == (3, 1)  # beta_vae, idgan, idgan_sc; idgan's stage A


def test_an_added_metric_trains_nothing(chain, changed):
    changed("evaluation", "metrics", to=["factor_vae", "beta_vae", "sap", "mig", "dci", "dci_lasso"])
    counts = jobs(chain, "all")
    assert counts["score"] > 0
    assert not {"train", "train_stage_a", "encode", "data"} & set(counts)


def test_an_unknown_setting_stops_everything_before_any_job(chain, changed):
    changed("presets", "test", "families", to={"gan": {"alhpa": 1.0}})
    command = [str(BIN / "snakemake"), "-n", "all"]
    done = subprocess.run(command, cwd=chain, capture_output=True, text=True)
    assert done.returncode != 0
    assert "unknown key `alhpa`: did you mean `alpha`?" in done.stdout + done.stderr


@pytest.mark.long
def test_paper_preset_plans_the_full_protocol(chain):
    counts = jobs(chain, "--cores", "8", "--config", "preset=paper", "--", "all")
    assert counts["train"] == 500 + 30  # 10 arms of 50 seeds; two arms and a β-VAE of 5 on MNIST and on CelebA
    assert counts["train_stage_a"] == 150 + 20  # two for the prior's 5 and 10 codes, one for the distilled
    assert (counts["score"], counts["encode"], counts["leakage"]) == (500, 520, 20)


@pytest.mark.long
def test_a_sweep_can_be_run_in_pieces(chain, changed, tmp_path):
    """`runs` makes what is missing of the named seeds; another machine goes on from what was published of them."""
    changed("presets", "test", "seeds", to={"first": 0, "count": 3})
    assert jobs(chain, "--config", "seeds=0", "--", "runs") == {}
    counts = jobs(chain, "--config", "seeds=1-2", "--", "runs")
    assert (counts["train"], counts["train_stage_a"], counts["score"]) == (2 * 8, 2 * 3, 2 * 8)
    another = copy_project(tmp_path)
    shutil.copy(chain / "config.yaml", another)
    for name in ("record.json", "scores.csv", "curve.csv", "association.csv", "traversal.npz", "networks.json"):
        for path in (chain / "results/test/runs").rglob(name):
            target = another / "results/test/published" / path.relative_to(chain / "results/test")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    assert jobs(another, "--config", "seeds=0", "--", "runs") == {}
    counts = jobs(another, "--config", "seeds=0,1", "--", "runs")
    assert (counts["train"], counts["train_stage_a"], counts["score"]) == (8, 3, 8)
    rest = jobs(another, "--config", "allow_missing=true", "--", "all")  # of what is there alone
    assert set(rest) == {"data", "baseline", "gather", "table", "figure", "claims", "report"}
    assert rest["figure"] == 4
    shutil.rmtree(another / "results/test/published/runs/dsprites/idgan_sc")  # which three of the figures show
    assert jobs(another, "--config", "allow_missing=true", "--", "figures")["figure"] == 1
    command = [str(BIN / "snakemake"), "-n", "--config", "seeds=2-3", "--", "runs"]
    done = subprocess.run(command, cwd=chain, capture_output=True, text=True)
    assert (
        done.returncode != 0
        and "--config seeds=2-3 are not all planned: preset test has 0-2" in done.stdout + done.stderr
    )


@pytest.mark.long
def test_a_piece_of_one_data_set_leaves_the_others_alone(chain):
    def piece(*options):
        command = [str(BIN / "snakemake"), "-n", "--config", "preset=desk", *options, "--", "runs"]
        return subprocess.run(command, cwd=chain, capture_output=True, text=True)

    output = piece("dataset=digits", "seeds=0,4").stdout
    assert "runs/digits/" in output and "runs/dsprites/" not in output and "runs/faces/" not in output
    for option, answer in (
        ("dataset=mnist", "is none of preset desk: choose one of dsprites, digits, faces"),
        ("seeds=5", "are not all planned: preset desk has 0-4"),
    ):
        done = piece("dataset=digits", "seeds=0", option)  # the last of two settings of a key counts
        assert done.returncode != 0 and f"--config {option} {answer}" in done.stdout + done.stderr


@pytest.mark.long
def test_published_runs_get_no_job(chain, tmp_path):
    """A fresh clone that holds the published records trains nothing and draws no data for scores and tables."""
    clone = copy_project(tmp_path)
    published = clone / "results/test/published"
    for name in ("data", "floor"):
        (published / name).mkdir(parents=True)
    shutil.copy(chain / "results/test/data/dsprites/dataset.json", published / "data/dsprites.json")
    shutil.copy(chain / "results/test/floor/dsprites.csv", published / "floor")
    for folder in (chain / "results/test/runs").glob("dsprites/*/*/*"):
        target = published / folder.relative_to(chain / "results/test")
        target.mkdir(parents=True)
        for name in ("record.json", "scores.csv", "curve.csv", "association.csv", "traversal.npz", "networks.json"):
            if (folder / name).exists():
                shutil.copy(folder / name, target)
    assert not {"train", "train_stage_a", "encode", "score", "traverse", "data"} & set(jobs(clone, "all"))
    snakemake(clone, "all")
    for name in ("scores.csv", "curves.csv", "figures/figure3.png", "figures/figure4.pdf", "associations.csv"):
        assert (clone / "results/test" / name).read_bytes() == (chain / "results/test" / name).read_bytes(), name
    cells = [pd.read_csv(folder / "results/test/tables/table3.csv") for folder in (chain, clone)]
    origins = [frame.pop("origin") for frame in cells]
    pd.testing.assert_frame_equal(*cells)
    assert set(origins[0]) == {"here"}
    is_baseline = cells[1]["system"].isin(BASELINES)  # scored here, in seconds
    assert origins[1][~cells[1]["missing"] & ~is_baseline].str.startswith("commit ").all()


@pytest.mark.long
def test_publish_trains_nothing(chain, tmp_path):
    """A fresh clone publishes what it holds, here nothing, whatever preset it is set to."""
    clone = copy_project(tmp_path)
    assert jobs(clone, "publish") == {"publish": 1}
    snakemake(clone, "publish")
    assert set(pd.read_csv(clone / "results/desk/published/claims.csv").verdict) == {"not_tested"}
    assert "11 not tested" in (clone / "REPLICATION.md").read_text()


@pytest.mark.long
def test_publish_ships_a_card_with_each_weight_file(chain):
    """By rule, and of evidence alone; generators are measured first. Last here: published runs count from then on."""
    config = (chain / "config.yaml").read_text()
    before, preset = config.split("\n  test:", 1)
    (chain / "config.yaml").write_text(before + "\n  test:" + preset.replace("evidence: false", "evidence: true", 1))
    counts = jobs(chain, "publish")
    assert (counts["card"], counts["match"]) == (7, 5) and not {"train", "train_stage_a"} & set(counts)
    snakemake(chain, "--cores", "2", "publish")
    published = chain / "results/test/published/runs/dsprites"
    weights = list(published.rglob("model.safetensors"))
    assert len(weights) == 7 and all(path.parts[-3:-1] == ("main", "0") for path in weights)
    for path in weights:
        card = path.with_name("card.md").read_text()
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card and path.stat().st_size < 4 * 2**20
        generator = path.parts[-4] not in ("beta_vae", "factor_vae")
        assert ("the generator's own images" in card) == generator
    assert not list(published.rglob("weights.safetensors"))
