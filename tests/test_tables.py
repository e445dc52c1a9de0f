"""Tables from made-up results: complete, escaped, and nothing that is missing or too few hidden."""

import doctest
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import make_baselines
from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.data.dsprites import FACTORS, N
from idgan_sc.data.images import save_images
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import differences, render, tables, words
from idgan_sc.report.statistics import summary

SENTENCE = "This is no evidence: a test of the pipeline."


@pytest.fixture(scope="module")
def config() -> Config:
    return configuration.load(Path(__file__).parents[1] / "config.yaml")


@pytest.fixture
def root(tmp_path: Path, config: Config) -> Path:
    make_scores(config, "quick", seeds=2).to_csv(tmp_path / "scores.csv", index=False)
    make_curves(config, "desk", seeds=2).to_csv(tmp_path / "curves.csv", index=False)
    make_baselines(tmp_path)
    return tmp_path


def make_scores(config: Config, preset: str, seeds: int) -> pd.DataFrame:
    """Scores of every run that a preset has, of its own seeds up to a number."""
    rng = np.random.default_rng(0)
    rows = []
    for run in configuration.runs_on(config, preset, "dsprites"):
        settings = configuration.resolve(config, run)
        codes = ["q_mean"] if settings["family"] == "gan" else ["vae_mean", "vae_sample"]
        about = {"dataset": run.dataset, "system": run.system, "variant": run.variant, "k": settings["c_dim"]}
        rows += [
            about | {"seed": seed, "code": code, "metric": metric, "protocol": "infogan_cr", "value": rng.uniform()}
            for seed in range(seeds if run.seed == configuration.seeds_of(config, preset)[0] else 0)
            for code in codes
            for metric in words.METRIC_LABELS
        ]
    return pd.DataFrame(rows)


def make_curves(config: Config, preset: str, seeds: int) -> pd.DataFrame:
    """Two draws at steps 0 and 9 of every run from a stage A, alike at step 0: .4 and .6 by seed; .9 at 9."""
    scores = make_scores(config, preset, seeds)
    scores = scores[(scores["code"] == "q_mean")].assign(value=0.4 + 0.2 * scores["seed"])
    points = [
        scores.assign(step=step, draw=draw, value=(0.9 if step else scores["value"]) + 0.02 * draw)
        for step in (0, 9)
        for draw in (0, 1)
    ]
    return pd.concat(points, ignore_index=True)


def make_images(root: Path, n: int) -> None:
    """A data set that says it is dSprites: `n` images, all black."""
    save_images(
        root / "data/dsprites",
        [np.zeros((n, 512), dtype=np.uint8)],
        name="dsprites",
        source="dSprites file",
        licence="none",
        shape=(1, 64, 64),
        n=n,
        packed=True,
        factors=FACTORS,
        classes=np.zeros((n, 5), dtype=np.uint8),
    )


def make_other_images(root: Path, config: Config, preset: str) -> None:
    """The preset's other data sets, black and tiny; published ones in the paper's number."""
    for name in configuration.datasets_of(config, preset)[1:]:
        n = config["reported"]["table1"].get(name, 10)
        save_images(
            root / "data" / name, [np.zeros((n, 8), dtype=np.uint8)], name=name, source="black", licence="none",
            shape=(1, 8, 8), n=n, packed=True,
        )  # fmt: skip


def csv(paths: list[Path]) -> pd.DataFrame:
    assert [path.suffix for path in paths] == [".csv", ".md", ".tex"]
    return pd.read_csv(paths[0])


def assert_sound_latex(text: str) -> None:
    """What a LaTeX run would complain about: unescaped characters, unbalanced groups, rows of unequal length."""
    assert text.count("{") == text.count("}")
    depth = np.cumsum([(c == "{") - (c == "}") for c in re.sub(r"\\[{}]", "", text)])
    assert depth.min() == 0 and depth[-1] == 0
    assert re.findall(r"\\begin\{(\S+?)\}", text) == re.findall(r"\\end\{(\S+?)\}", text)[::-1]
    assert text.startswith("% needs the packages array and booktabs")
    for line in text.splitlines()[1:]:
        assert not re.search(r"(?<!\\)[%#_^~]", line), line
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line
        assert not re.search(r"[^\x00-\x7f]", line), line
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    assert not any(row.lstrip().startswith(("[", "*")) for row in rows)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(tables).failed == 0


def test_every_table_is_written_and_says_what_it_is(root: Path, config: Config) -> None:
    make_images(root, N)
    make_other_images(root, config, "quick")
    for preset, evidence in (("quick", False), ("desk", True)):
        for name, table in tables.TABLES.items():
            paths = table(Results(config, preset, root))
            assert [path.name for path in paths] == [f"{name}.csv", f"{name}.md", f"{name}.tex"]
            frame = pd.read_csv(paths[0])
            assert set(frame["preset"]) == {preset}
            assert set(frame["planned_seeds"]) == {len(configuration.seeds_of(config, preset))}
            for path in paths[1:]:
                text = path.read_text()
                assert (SENTENCE in text) == (not evidence)
                assert (
                    f"Preset {preset}" in text and "data: procedural dSprites (a stand-in)" in text and "n = " in text
                )
            assert_sound_latex(paths[2].read_text())
    assert not list((root / "tables").glob(".tmp-*"))


def test_equal_results_give_equal_bytes(root: Path, config: Config) -> None:
    first = [path.read_bytes() for path in tables.table3(Results(config, "quick", root))]
    assert first == [path.read_bytes() for path in tables.table3(Results(config, "quick", root))]


# ------------------------------------------------------------------------------------------------------------- Table 1
def test_table1_refuses_another_number_of_images_than_the_papers(root: Path, config: Config) -> None:
    make_images(root, 10)
    with pytest.raises(DataError, match=r"says 10 images, the paper has 737280"):
        tables.table1(Results(config, "quick", root))
    assert not (root / "tables").exists()


def test_table1_names_the_stand_in_and_dashes_what_is_not_run(
    root: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(root, N)
    make_other_images(root, config, "quick")
    frame = csv(tables.table1(Results(config, "quick", root))).set_index("dataset")
    assert frame.loc["dsprites", ["paper_count", "count", "shape", "trained_shape"]].tolist() == [
        737280, 737280, "64×64×1", "32×32×1",
    ]  # fmt: skip
    assert "stand-in" in frame.loc["dsprites", "source"]
    assert frame["count"].isna().tolist() == [False, True, True, False, False]
    markdown = (root / "tables/table1.md").read_text()
    assert "| MNIST | 70\N{NARROW NO-BREAK SPACE}000 | – | – | – | – | – |" in markdown
    for name in ("dsprites", "digits", "faces"):
        (root / f"published/data/{name}.json").parent.mkdir(exist_ok=True, parents=True)
        (root / "data" / name / "dataset.json").rename(root / f"published/data/{name}.json")
    with pytest.raises(DataError, match=r"data/dsprites/dataset.json is missing"):  # no run of it counts
        tables.table1(Results(config, "quick", root))
    monkeypatch.setattr(Results, "is_published", lambda *_: True)
    again = csv(tables.table1(Results(config, "quick", root))).set_index("dataset")
    pd.testing.assert_frame_equal(frame, again)  # from what is published of the data sets
    (root / "published/data/digits.json").write_text("{}")
    with pytest.raises(DataError, match=r"digits.json is missing or damaged"):
        tables.table1(Results(config, "quick", root))
    make_images(root, N)
    make_other_images(root, config, "paper")
    assert not csv(tables.table1(Results(config, "paper", root)))["source"].str.contains("stand-in").any()


# ------------------------------------------------------------------------------------------------------------- Table 2
def test_table2_is_the_papers_and_follows_the_configuration(root: Path, config: Config) -> None:
    frame = csv(tables.table2(Results(config, "paper", root))).set_index("system")
    assert frame["first_system"].tolist() == ["infogan_stage_a"] * 3
    assert frame["second_pair_rule"].tolist() == ["none", "keep_one", "change_one"]
    steps = "34\N{NARROW NO-BREAK SPACE}560 steps"
    assert frame["second"].tolist() == [
        f"no regulariser, {steps}",
        f"keep one dimension, cross-entropy (Eq. 2), α = 2, m = 64, {steps}",
        f"change one dimension, supervised contrastive loss (Eq. 6), α = 2, m = 384, {steps}",
    ]
    changed = {**config, "systems": {**config["systems"]}}
    changed["systems"]["infogan_cr"] = {**config["systems"]["infogan_cr"], "pair_start": 1000, "alpha": 0.5}
    second = csv(tables.table2(Results(changed, "paper", root))).set_index("system").loc["infogan_cr", "second"]
    assert "α = 0.5, m = 64, from step 1\N{NARROW NO-BREAK SPACE}000" in second


# ------------------------------------------------------------------------------------------------------------- Table 3
def test_table3_has_every_cell_and_its_numbers(root: Path, config: Config) -> None:
    everything = csv(tables.table3(Results(config, "quick", root)))
    is_baseline = everything["system"].isin(words.BASELINES)
    assert everything[is_baseline].groupby("system")["mean"].agg(["min", "max"]).T.to_dict("list") == {
        "noise_codes": [0.25, 0.25], "pixel_components": [0.5, 0.5], "untrained_q": [0.4, 0.4],
    }  # fmt: skip
    assert is_baseline.sum() == 5 * 3 * 2 and everything[is_baseline]["paper_mean"].isna().all()
    frame = everything[~is_baseline]
    assert frame["system"].nunique() == 7
    assert len(frame) == 5 * (7 + 3 + 2)  # seven systems, three of them with 10 codes, two with a second code
    assert set(frame["n"]) == {2} and frame["low"].isna().all() and not frame["missing"].any()
    scores = pd.read_csv(root / "scores.csv")
    for _, cell in frame.iterrows():
        key = ["system", "variant", "code", "metric"]
        values = scores[(scores[key] == cell[key]).all(axis=1)]["value"]
        assert cell["mean"] == pytest.approx(values.mean()) and cell["sd"] == pytest.approx(values.std())
    prior = frame[frame["system"] == "idgan_sc_prior"].drop_duplicates("variant").set_index("variant")["k"]
    assert prior.to_dict() == {"main": 5, "c10": 10}


def test_printed_values_stand_once_beside_the_row_they_belong_to(root: Path, config: Config) -> None:
    frame = csv(tables.table3(Results(config, "quick", root)))
    printed = frame[frame["paper_mean"].notna()].drop_duplicates("system").set_index("system")
    where = printed[["variant", "code"]].apply(tuple, axis=1).to_dict()
    assert where == {
        "factor_vae": ("main", "vae_sample"),
        "infogan": ("main", "q_mean"),
        "infogan_cr": ("main", "q_mean"),
        "idgan_sc_prior": ("c10", "q_mean"),
        "idgan_sc": ("main", "q_mean"),
    }
    assert frame["paper_mean"].notna().sum() == 25
    assert frame["source_mean"].notna().sum() == 17
    cells = frame.set_index(["system", "variant", "code", "metric"])
    quoted = cells.loc[("infogan", "main", "q_mean", "factor_vae")]
    assert quoted[["paper_mean", "paper_spread", "source_mean", "source_spread"]].tolist() == [0.82, 0.1, 0.82, 0.01]


def test_table3_has_the_papers_alpha_where_a_preset_runs_it(tmp_path: Path, config: Config) -> None:
    """A row of its own that says its α; none at a preset whose arms have the paper's α anyway."""
    make_scores(config, "desk", seeds=1).to_csv(tmp_path / "scores.csv", index=False)
    make_baselines(tmp_path)
    frame = csv(tables.table3(Results(config, "desk", tmp_path))).drop_duplicates(["system", "variant"])
    labels = frame.set_index(["system", "variant"])["label"]
    for system, name in (("infogan_cr", "InfoGAN-CR"), ("idgan_sc", "IDGAN-SC (with β-VAE)")):
        assert labels[system].to_dict().items() >= {"main": f"{name} (α = 0.2)", "alpha_2": f"{name} (α = 2)"}.items()
    assert not frame["missing"].astype(bool)[frame["variant"] == "alpha_2"].any()
    assert "alpha_2" not in set(csv(tables.table3(Results(config, "paper", tmp_path)))["variant"])


def test_table3_has_a_row_a_model_with_ours_the_papers_and_the_difference(tmp_path: Path, config: Config) -> None:
    scores = make_scores(config, "paper", seeds=6)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    make_baselines(tmp_path)
    frame = csv(tables.table3(Results(config, "paper", tmp_path)))
    text = (tmp_path / "tables/table3.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == len(frame) / 5
    assert lines[0].startswith("| β-VAE (β = 8) | 10 | posterior mean* | 6 of 50 |")
    cell = frame.set_index(["system", "variant", "code", "metric"]).loc[("infogan_cr", "main", "q_mean", "mig")]
    assert cell["difference"] == pytest.approx(cell["mean"] - 0.37)
    shown = words.with_interval(cell["mean"], cell["low"], cell["high"], 2)
    row = next(line for line in lines if line.startswith("| InfoGAN-CR"))
    assert rf"| {shown} \| 0.37 \| {words.signed(cell['mean'] - 0.37)} |" in row
    assert r" \| 0.63† \| " in lines[0]  # the source's value, where the paper has none
    marked = [line.split(" | ")[2] for line in lines]
    assert [code.endswith("*") for code in marked] == [True] * 10 + [False] * (2 + 6)


def test_table3_says_that_the_same_difference_is_measured_twice(tmp_path: Path, config: Config) -> None:
    scores, curves = (make(config, "desk", 3) for make in (make_scores, make_curves))
    scores.loc[scores["metric"] == "factor_vae", "value"] = 0.5
    lifted = (scores["system"] == "idgan_sc_prior") & (scores["variant"] == "main")
    scores.loc[lifted & (scores["metric"] == "factor_vae"), "value"] = 0.54
    curves.loc[(curves["system"] == "idgan_sc_prior") & (curves["step"] == 9), "value"] += 0.03
    scores.to_csv(tmp_path / "scores.csv", index=False)
    curves.to_csv(tmp_path / "curves.csv", index=False)
    make_baselines(tmp_path)
    text = tables.table3(Results(config, "desk", tmp_path))[1].read_text()
    assert "is measured twice on the same runs" in text
    assert "InfoGAN-CR 0.000 and 0.000; IDGAN-SC (without β-VAE) 0.040 and 0.030." in text


@pytest.mark.parametrize(("n", "interval"), [(1, False), (4, False), (5, True), (50, True)])
def test_table3_has_an_interval_from_five_seeds_on(n: int, interval: bool, tmp_path: Path, config: Config) -> None:
    scores = make_scores(config, "paper", seeds=n)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    make_baselines(tmp_path)
    frame = csv(tables.table3(Results(config, "paper", tmp_path)))
    frame = frame[~frame["system"].isin(words.BASELINES)]
    assert frame["low"].notna().all() == frame["low"].notna().any() == interval
    text = (tmp_path / "tables/table3.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| ID-GAN (modified)"))
    assert (" [" in row, " ± " in row) == (interval, 1 < n < 5)
    assert (f"| {n} of 50 |" in text) == (n < 50)
    if interval:
        values = scores[(scores["system"] == "idgan") & (scores["metric"] == "mig")]["value"].to_numpy()
        cell = frame[(frame["system"] == "idgan") & (frame["metric"] == "mig")].iloc[0]
        assert (cell["low"], cell["high"]) == pytest.approx((summary(values).low, summary(values).high))


def test_table3_shows_missing_runs_and_single_missing_cells(root: Path, config: Config) -> None:
    scores = pd.read_csv(root / "scores.csv")
    gone = scores["system"] == "idgan"
    single = (scores["system"] == "infogan_cr") & (scores["metric"] == "mig") & (scores["seed"] == 1)
    scores[~gone & ~single].to_csv(root / "scores.csv", index=False)
    frame = csv(tables.table3(Results(config, "quick", root)))
    assert frame[frame["missing"]]["system"].unique().tolist() == ["idgan"]
    text = (root / "tables/table3.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    row = next(line for line in text.splitlines() if line.startswith("| ID-GAN (modified)"))
    assert "| 0 of 2 |" in row and row.count("missing") == 5
    assert text.count("(n = 1)") == 2  # 5 and 10 codes


def test_rows_of_other_variants_data_sets_and_protocols_are_not_mixed_in(root: Path, config: Config) -> None:
    before = csv(tables.table3(Results(config, "quick", root)))
    scores = pd.read_csv(root / "scores.csv")
    others = [
        scores.assign(**{column: value, "value": 9.0})
        for column, value in (("variant", "uniform"), ("dataset", "digits"), ("protocol", "disentanglement_lib"))
    ]
    key = ["dataset", "system", "variant", "seed", "code", "metric", "protocol"]
    pd.concat([scores, *others]).drop_duplicates(key).to_csv(root / "scores.csv", index=False)
    pd.testing.assert_frame_equal(before, csv(tables.table3(Results(config, "quick", root))))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: pd.concat([s, s[:1]]), "stands twice"),
        (lambda s: s.assign(value=np.nan), "is not a number"),
        (lambda s: s.assign(value="x"), "is not a number"),
        (lambda s: s.drop(columns=["code", "value"]), "lacks the columns code, value"),
        (lambda s: s.assign(k=7), "are not of"),
        (lambda s: s.assign(seed="0x"), "seed is '0x', no whole number"),
        (lambda s: s.assign(k=4.5), "k is '4.5', no whole number"),
    ],
)
def test_spoilt_scores_are_one_clear_error(spoil, message: str, root: Path, config: Config) -> None:  # type: ignore[no-untyped-def]
    spoil(pd.read_csv(root / "scores.csv")).to_csv(root / "scores.csv", index=False)
    with pytest.raises(DataError, match=message):
        tables.table3(Results(config, "quick", root))


def test_absent_and_unreadable_scores_are_one_clear_error(root: Path, config: Config) -> None:
    for content in (b"", b"\xff\xfe\x00", b'a,b\n"1,2\n3,4,5\n'):
        (root / "scores.csv").write_bytes(content)
        with pytest.raises(DataError, match=r"scores\.csv"):
            tables.table3(Results(config, "quick", root))
    (root / "scores.csv").unlink()
    with pytest.raises(DataError, match="is missing"):
        tables.table3(Results(config, "quick", root))


# ------------------------------------------------------------------------------------------------------------- stage A
def test_stage_a_has_a_row_a_stage_with_the_baseline_of_as_many_codes(root: Path, config: Config) -> None:
    other = pd.read_csv(root / "curves.csv")
    columns = ("dataset", "system", "variant", "metric", "protocol")
    others = [other.assign(value=9.0, **{column: other[column] + "_"}) for column in columns]
    pd.concat([other, *others]).to_csv(root / "curves.csv", index=False)
    is_baseline = pd.read_csv(root / "floor/dsprites.csv")
    is_baseline.loc[is_baseline["k"] == 10, "value"] = 0.7
    is_baseline.to_csv(root / "floor/dsprites.csv", index=False)
    frame = csv(tables.stage_a(Results(config, "desk", root))).set_index(["system", "variant"])
    assert frame["k"].to_dict() == {
        ("infogan_stage_a", "main"): 5,
        ("infogan_stage_a", "c10"): 10,
        ("idgan_stage_a", "main"): 10,
    }
    assert (frame["n"] == 2).all()
    np.testing.assert_allclose(frame["mean"], 0.51)  # 0.41 and 0.61: both draws, step 0 alone
    np.testing.assert_allclose(frame[["lowest", "highest"]], [[0.41, 0.61]] * 3)
    assert frame["floor"].tolist() == [0.5, 0.7, 0.7]
    assert frame["above"].tolist() == [1, 0, 0]
    assert "| InfoGAN after stage A | 5 | 2 of 10 | 0.51 ± 0.14 | 0.41 | 0.61 | 0.50 | 1 |" in (
        root / "tables/stage_a.md"
    ).read_text().replace("\\|", "|")


def test_stage_a_dashes_what_has_not_run(root: Path, config: Config) -> None:
    curves = pd.read_csv(root / "curves.csv")
    curves[curves["system"] == "idgan_sc"].to_csv(root / "curves.csv", index=False)
    frame = csv(tables.stage_a(Results(config, "desk", root))).set_index(["system", "variant"])
    assert frame["n"].tolist() == [0, 0, 2]
    assert frame["above"].isna().tolist() == [True, True, False]
    assert "| InfoGAN after stage A | 10 | 0 of 10 | – | – | – | 0.50 | – |" in (root / "tables/stage_a.md").read_text()


# --------------------------------------------------------------------------------------------------------- differences
def test_differences_are_exactly_those_from_the_paper(root: Path, config: Config) -> None:
    frame = csv(tables.differences(Results(config, "quick", root)))
    listed = {(row["system"], row["key"]) for _, row in frame.iterrows()}
    planned = configuration.runs_on(config, "paper", "dsprites")
    run = {run.system for run in configuration.with_predecessors(config, planned)}
    assert not {place for place, _ in listed} & (config["systems"].keys() - run), "a system that neither side runs"
    for system in run:
        ours, papers = (
            configuration.resolve(config, Run(preset, "dsprites", system, "main", 0)) for preset in ("quick", "paper")
        )
        expected = {key for key in {**ours, **papers} if ours.get(key) != papers.get(key)} - {"source", "pool"}
        assert {key for place, key in listed if place == system} == expected
    assert {("data set dsprites", "source"), ("evaluation", "pool"), ("seeds", "count")} <= listed
    assert (frame["paper"].astype(str) != frame["here"].astype(str)).all()


def test_the_paper_differs_in_nothing_from_itself(root: Path, config: Config) -> None:
    assert csv(tables.differences(Results(config, "paper", root))).empty
    assert "There is no difference." in (root / "tables/differences.md").read_text()


def test_differences_are_read_by_system_and_in_words(root: Path, config: Config) -> None:
    frame = csv(tables.differences(Results(config, "desk", root)))
    text = (root / "tables/differences.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert (
        "| β: 0.5 (paper 8); pixels a side: 32 (paper 64); steps: 15\N{NARROW NO-BREAK SPACE}000 (paper 576"
        in rows["β-VAE"]
    )
    assert {"InfoGAN-CR on MNIST", "data set CelebA", "evaluation", "seeds"} < set(rows)
    assert sum(line.count("(paper ") for line in rows.values()) == len(frame)
    assert not re.search(r"[a-z]_[a-z]", " ".join(rows).replace("alpha_2", ""))
    assert set(frame["key"]) <= {*differences.WORDS, "steps"}, "a key without words"


def test_differences_name_changed_runs_and_settings_that_only_one_side_has(root: Path, config: Config) -> None:
    quick = {**config["presets"]["quick"], "runs": {"dsprites": {"infogan_cr": ["main"]}}}
    quick["systems"] = {**quick["systems"], "infogan_cr": {"pair_rule": "none"}}
    changed = {**config, "presets": {**config["presets"], "quick": quick}}
    frame = csv(tables.differences(Results(changed, "quick", root))).set_index(["system", "key"])
    assert frame.loc[("infogan_cr on dsprites", "variants"), ["paper", "here"]].tolist() == ["main, c10", "main"]
    assert frame.loc[("idgan on dsprites", "variants"), "here"] == "–"
    assert frame.loc[("infogan_cr", "alpha"), ["paper", "here"]].tolist() == ["2", "–"]


# ----------------------------------------------------------------------------------------------------------- rendering
PUBLISHED = sorted((Path(__file__).parents[1] / "results/desk/published/tables").glob("*.tex"))
DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}\usepackage[utf8]{inputenc}\usepackage{array,booktabs}
\usepackage[letterpaper,textwidth=7in,textheight=9.5in]{geometry}
\begin{document}\input{table}\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("path", PUBLISHED, ids=[path.stem for path in PUBLISHED])
def test_a_published_table_fits_on_a_page(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "table.tex")
    (tmp_path / "page.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout and "Float too large" not in done.stdout
    assert "(1 page" in done.stdout.replace("\n", "")


def test_latex_and_markdown_escape_what_is_special() -> None:
    nasty = r"50% of a_b & #1 {x} ~ ^ \ $5 |z| <β> [0, 1] * “"[:-2]
    page = render.Page("Table 9", nasty, ["a", nasty], "ll", [[nasty, nasty], None, ["[1]", "*"]], [nasty])
    text = render.latex(page)
    assert_sound_latex(text)
    for piece in (r"50\% of a\_b \& \#1 \{x\}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textbackslash{} \$5"):
        assert piece in text
    assert r"\textless{}$\beta$\textgreater{} {[}0, 1{]}" in text
    assert r"\addlinespace" in text
    assert r"\|z\|" in render.markdown(page)
