"""What stands beside the verdicts: readings, exploratory comparisons, sensitivity, and the dictionary of columns."""

import copy
import doctest
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats as sps

from conftest import make_baselines
from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError
from idgan_sc.config import claims as planned
from idgan_sc.config.claims import exploratory_checks, parse_arm
from idgan_sc.files import DataError
from idgan_sc.records.results import Results
from idgan_sc.report import claims, dictionary, exploratory, readings, verdict_sensitivity, words
from idgan_sc.report.comparisons import Gathered
from test_claims import PAPER, write_results

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results/desk/published"


@pytest.fixture
def config(shipped: Config) -> Config:
    changed = copy.deepcopy(shipped)
    changed["presets"]["desk"]["seeds"] = {"first": 0, "count": 20}
    return changed


def read(config: Config, root: Path) -> pd.DataFrame:
    """The readings of made-up results."""
    claims.write_claims(Results(config, "desk", root))
    return pd.read_csv(root / "readings.csv").set_index("claim")


def test_examples_in_docstrings() -> None:
    for module in (planned, words, dictionary):
        assert doctest.testmod(module).failed == 0


# ------------------------------------------------------------------------------------------------------------ readings
def test_what_the_paper_says_needs_no_reading(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, PAPER, starts={"infogan_cr": 0.7, "idgan_sc_prior": 0.7})
    found = read(config, tmp_path)
    assert list(found.index) == list(config["readings"]) and found["reading"].drop("C1").isna().all()
    page = (tmp_path / "claims.md").read_text()
    assert page.count("Read after registration") == 1  # C1, whose level is judged at another preset


def test_a_level_that_is_judged_elsewhere_is_measured_here(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, {arm: end - 0.2 for arm, end in PAPER.items()})
    found = read(config, tmp_path).loc["C1"]
    assert found["reading"] == "stable; level not tested: 0.60 against 0.80"
    assert found["registered"] == "reproduced as far as judged here (1 yes, 1 judged at another preset)"
    page = (tmp_path / "claims.md").read_text()
    assert f"| **{found['reading']}**; registered: {found['registered']} |" in page
    write_results(tmp_path, PAPER, starts={"infogan": 0.5})  # not stable: the registered word says all
    assert pd.isna(read(config, tmp_path).loc["C1", "reading"])


def test_a_no_refutes_a_conjunction_whatever_else_is_a_yes(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, PAPER | {"factor_vae": 0.99, "infogan/c10": 0.9})
    found = read(config, tmp_path).loc["C5"]
    checks = pd.read_csv(tmp_path / "checks.csv").query("claim == 'C5'")
    no, yes = ((checks["answer"] == answer).sum() for answer in ("no", "yes"))
    assert no > 0 and yes > 0
    assert found["reading"] == f"refuted as stated: {no} no in 24 checks"
    unequal = checks[(checks["answer"] == "yes") & checks["words"].str.contains("10 codes against 5")]
    assert f"Yes with 10 codes against 5: {len(unequal)} of {yes}; with equal numbers of codes: " in found["evidence"]
    scores = pd.read_csv(tmp_path / "scores.csv").query("metric == 'dci'")
    pair = [scores[(scores["system"] == s) & (scores["variant"] == "c10")] for s in ("idgan_sc_prior", "infogan")]
    a, b = (mine.set_index("seed")["value"].sort_index().to_numpy() for mine in pair)
    interval = sps.ttest_rel(a, b).confidence_interval()
    assert f"DCI {words.with_interval((a - b).mean(), interval.low, interval.high)}" in found["evidence"]


def test_a_printed_difference_outside_the_interval_is_said(config: Config, tmp_path: Path) -> None:
    """0.05 ± 0.02 or so: 0.08 is outside, 0.06 inside, so that the registered answer is unclear."""
    write_results(tmp_path, PAPER | {"infogan_cr": 0.85}, sd=0.04)
    found, checks = read(config, tmp_path).loc["C3"], pd.read_csv(tmp_path / "checks.csv")
    row = checks[(checks["claim"] == "C3") & (checks["rule"] == "difference")].iloc[0]
    assert row["answer"] == "unclear" and row["high"] < 0.08
    assert found["reading"].startswith("the printed +0.08 lies outside the interval")
    assert words.with_interval(row["estimate"], row["low"], row["high"]) in found["evidence"]


def test_a_gain_that_no_interval_leaves_room_for_is_said(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, PAPER | {"idgan_sc": 0.88}, sd=0.06)
    checks = pd.read_csv(claims.write_claims(Results(config, "desk", tmp_path))[1]).query("claim == 'C7'")
    orders = checks[checks["rule"] == "order"]
    found = pd.read_csv(tmp_path / "readings.csv").set_index("claim").loc["C7", "reading"]
    excluded = ((orders["answer"] == "unclear") & (orders["high"] < 0.02)).all()
    assert isinstance(found, str) == excluded


@pytest.mark.parametrize(("shift", "side"), [(0.1, "against"), (-0.1, "for")])
def test_a_check_lost_among_all_is_read_alone(shift: float, side: str, config: Config, tmp_path: Path) -> None:
    config["claims"]["C10"]["datasets"] = ["dsprites"]
    rows = [
        {"dataset": "dsprites", "system": arm, "variant": "main", "seed": seed, "leakage": level + 0.02 * (seed - 9.5)}
        for arm, level in (("infogan_cr", 0.4), ("idgan_sc", 0.4 + shift))
        for seed in range(20)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "leakage.csv")
    write_results(tmp_path, PAPER)
    found = read(config, tmp_path).loc["C10", "reading"]
    assert found.startswith(f"{side} the claim if tested alone (p = 0.0") and "among the 40 tests" in found


def test_too_few_seeds_and_presets_without_evidence_have_no_reading(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, PAPER, seeds=3)
    assert read(config, tmp_path)["reading"].isna().all()
    claims.write_claims(Results(config, "quick", tmp_path))
    assert pd.read_csv(tmp_path / "readings.csv")["reading"].isna().all()


def test_published_readings_are_those_of_the_published_checks() -> None:
    """The figures that the published data give; another run of the desk would give others."""
    found = pd.read_csv(PUBLISHED / "readings.csv").set_index("claim")
    assert set(found.index) == {"C1", "C3", "C5", "C7", "C10", "C11"} and found["reading"].notna().all()
    for claim, numbers in {
        "C1": "0.597 [0.540, 0.655]", "C3": "0.002 [−0.067, 0.071]", "C5": "FactorVAE 0.023 [−0.006, 0.053]",
        "C7": "MIG −0.038 [−0.079, 0.004]", "C10": "−0.133 [−0.221, −0.045]", "C11": "0.006 [−0.009, 0.020]",
    }.items():  # fmt: skip
        assert numbers in found.loc[claim, "evidence"], claim


# --------------------------------------------------------------------------------------------------------- exploratory
def test_exploratory_comparisons_are_scipys(shipped: Config) -> None:
    """Every published row of Table 3's scores and of the curve's end again, by SciPy, from the published files."""
    frame = pd.read_csv(PUBLISHED / "exploratory.csv")
    scores, curves = (pd.read_csv(PUBLISHED / f"{name}.csv") for name in ("scores", "curves"))
    scores, curves = (table[table["dataset"] == "dsprites"] for table in (scores, curves))
    last = curves.groupby(["system", "variant"])["step"].transform("max")
    of_curves = {"curve_end": curves[curves["step"] == last], "curve_last_third": curves[curves["step"] > 2 / 3 * last]}
    checked = 0
    for _, row in frame[frame["other"].notna() & (frame["other"] != "pixel_components") & (frame["n"] > 0)].iterrows():
        of_curve = of_curves.get(row["measure"])
        table, metric = (scores, row["measure"]) if of_curve is None else (of_curve, "factor_vae")
        values = []
        for arm, code in ((row["arm"], row["code"]), (row["other"], row["other_code"])):
            system, variant = configuration.split_arm(arm)
            mine = table[(table["system"] == system) & (table["variant"] == variant) & (table["metric"] == metric)]
            values.append(
                mine[mine["code"] == code].groupby("seed")["value"].mean().drop(row["without_seed"], errors="ignore")
            )
        test = sps.ttest_rel(*values) if row["design"] == "paired" else sps.ttest_ind(*values, equal_var=False)
        interval = test.confidence_interval()
        expected = (values[0].mean() - values[1].mean(), interval.low, interval.high)
        assert (row["estimate"], row["low"], row["high"]) == pytest.approx(expected, abs=1e-9), row["topic"]
        checked += 1
    assert checked > 50


def test_exploratory_comparisons_name_what_the_data_say(shipped: Config) -> None:
    found = pd.read_csv(PUBLISHED / "exploratory.csv")

    def estimate(arm: str, other: str, measure: str, **wanted: Any) -> str:
        rows = found[(found["arm"] == arm) & (found["other"] == other) & (found["measure"] == measure)]
        for column, value in wanted.items():
            rows = rows[rows[column] == value]
        return words.with_interval(*rows[["estimate", "low", "high"]].iloc[0])

    assert estimate("infogan_cr/alpha_2", "infogan", "curve_end") == "−0.086 [−0.136, −0.035]"
    assert estimate("idgan_sc/alpha_2", "idgan", "curve_end") == "−0.096 [−0.125, −0.066]"
    assert estimate("idgan_sc_prior/alpha_2", "infogan", "curve_end") == "−0.063 [−0.143, 0.017]"
    assert estimate("infogan_cr", "infogan", "curve_end", without_seed=3).startswith("0.030 ")
    assert estimate("idgan_sc_prior", "infogan", "curve_last_third") == "0.025 [0.002, 0.049]"
    assert estimate("idgan_sc", "beta_vae", "mig").startswith("−0.060 ")
    assert estimate("idgan_sc", "idgan", "factor_vae") == "0.000 [−0.025, 0.025]"
    page = (PUBLISHED / "exploratory.md").read_text()
    assert "Exploratory: chosen when the results were known" in page and "not measured" in page


def test_a_baseline_is_taken_with_as_many_codes(config: Config, tmp_path: Path) -> None:
    write_results(tmp_path, PAPER)
    baseline = make_baselines(tmp_path)
    levels = pd.read_csv(baseline)
    levels.loc[(levels["system"] == "pixel_components") & (levels["k"] == 10), "value"] = 0.7
    levels.to_csv(baseline, index=False)
    exploratory.write_exploratory(Results(config, "desk", tmp_path))
    found = pd.read_csv(tmp_path / "exploratory.csv").query("other == 'pixel_components' and measure == 'dci'")
    means = found.set_index("arm")["estimate"]
    assert means["infogan"] == pytest.approx(0.8 - 0.5, abs=0.01)
    assert means["infogan/c10"] == pytest.approx(0.8 - 0.7, abs=0.01)
    assert "principal components" in (tmp_path / "exploratory.md").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["readings"].update(C12=c["readings"]["C1"]), "unknown claim `C12`"),
        (lambda c: c["readings"]["C1"].update(rule="good"), "readings.C1.rule"),
        (lambda c: c["readings"]["C1"].pop("reason"), "`?'?reason"),
        (
            lambda c: c["exploratory"][0]["comparisons"][0]["pairs"].append(["infogam", "idgan"]),
            "unknown system `infogam`",
        ),
        (lambda c: c["exploratory"][0]["comparisons"][0].update(arms=["infogan"]), "exploratory.0.comparisons.0"),
        (lambda c: c["exploratory"][3]["comparisons"][0]["pairs"].append(["infogan:q", "idgan"]), "unknown code `q`"),
        (lambda c: c["exploratory"][6]["comparisons"][0].pop("metrics"), "`metrics` is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: Callable[[Config], Any], message: str, shipped: Config) -> None:
    spoilt = copy.deepcopy(shipped)
    change(spoilt)
    with pytest.raises(ConfigError, match=message):
        configuration.validate(spoilt)


def test_arms_and_comparisons_are_taken_apart(shipped: Config) -> None:
    assert str(parse_arm("infogan/c10:q_mean")) == "infogan/c10" and parse_arm("infogan/c10:q_mean").code == "q_mean"
    found = exploratory_checks(shipped)
    assert {check.rule for check in found} == {"level", "difference"}
    assert all("pairs" not in check.options for check in found)


# --------------------------------------------------------------------------------------------------------- sensitivity
@pytest.fixture
def noisy(config: Config, tmp_path: Path) -> pd.DataFrame:
    write_results(tmp_path, PAPER | {"infogan_cr": 0.83, "idgan_sc_prior": 0.85}, sd=0.04)
    verdict_sensitivity.write_sensitivity(Results(config, "desk", tmp_path))
    return pd.read_csv(tmp_path / "verdict_sensitivity.csv")


def test_a_smaller_family_is_milder_and_the_registered_row_is_the_verdict(
    noisy: pd.DataFrame, config: Config, tmp_path: Path
) -> None:
    claims.write_claims(Results(config, "desk", tmp_path))
    registered = noisy[noisy["what"] == "registered"].set_index("claim")
    verdicts = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert registered["verdict"].to_dict() == verdicts["verdict"].to_dict()
    assert (registered["changed"] == 0).all()
    for _, row in noisy[noisy["what"] == "family"].iterrows():
        decided = registered.loc[row["claim"], ["yes", "no"]].sum()
        assert row["yes"] + row["no"] >= decided, row["judged"]


def test_the_false_discovery_rate_is_scipys() -> None:
    p = [0.001, 0.04, 0.03, 0.6]
    assert verdict_sensitivity._benjamini_hochberg([], p) == pytest.approx(sps.false_discovery_control(p))
    assert verdict_sensitivity._benjamini_hochberg([], []) == []


def test_holm_within_claims_is_holm_of_each(config: Config) -> None:
    orders = [check for check in planned.planned_checks(config) if check.rule == "order"][
        :5
    ]  # one of C3, two of C4, two of C5
    p = [0.02, 0.03, 0.02, 0.01, 0.5]
    adjusted = verdict_sensitivity._holm_by(lambda claim: claim)(orders, p)
    assert [check.claim for check in orders] == ["C3", "C4", "C4", "C5", "C5"]
    assert adjusted == pytest.approx([0.02, 0.04, 0.04, 0.02, 0.5])


def test_one_seed_is_left_out_at_a_time(noisy: pd.DataFrame) -> None:
    seeds = noisy[noisy["what"] == "seed"]
    assert sorted(seeds["judged"].unique(), key=lambda name: int(name.split()[-1]))[-1] == "without seed 19"
    assert (seeds.loc[seeds["claim"] == "C3", "few"] == 0).all()  # the claim needs one seed less
    assert len(seeds[seeds["claim"] == "C3"]) == 20 and len(seeds[seeds["claim"] == "C9"]) == 5


def test_what_rests_on_one_seed_is_found(config: Config, tmp_path: Path) -> None:
    """A directional check that holds only with the seed whose difference is large."""
    write_results(tmp_path, dict.fromkeys(PAPER, 0.8), sd=0.0)
    curves = pd.read_csv(tmp_path / "curves.csv")
    lifted = (curves["system"] == "infogan_cr") & (curves["seed"] == 7)
    curves.loc[lifted, "value"] -= 2.0
    curves.to_csv(tmp_path / "curves.csv", index=False)
    results = Results(config, "desk", tmp_path)
    verdict_sensitivity.write_sensitivity(results)
    found = pd.read_csv(tmp_path / "verdict_sensitivity.csv").query("claim == 'C3' and what == 'seed'")
    moved = found[found["changed"] > 0]
    assert moved["judged"].tolist() == ["without seed 7"]
    exploratory.write_exploratory(results)
    weight = pd.read_csv(tmp_path / "exploratory.csv").query("arm == 'infogan_cr' and without_seed == 7")
    assert len(weight) == 1 and weight["estimate"].iloc[0] == pytest.approx(0.0)
    left = Gathered(results).without([7]).values("dsprites", planned.planned_checks(config)[0], parse_arm("infogan"))
    assert len(left) == 19 and 7 not in left.index


# ---------------------------------------------------------------------------------------------------------- dictionary
def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.csv"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no checkout of git")
    return [ROOT / name for name in listed.stdout.splitlines() if not name.startswith("tests/")]


def test_every_column_of_every_committed_csv_is_defined() -> None:
    paths = committed()
    assert len(paths) > 1000
    undefined = set()
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        short = re.sub(r"^results/\w+/(published/)?", "", name)  # of every preset, as below its own results
        for column in dictionary.header(path):
            try:
                assert dictionary.meaning(short, column).strip()
            except DataError as error:
                undefined.add(str(error))
    assert not undefined


def test_a_column_without_a_definition_is_refused() -> None:
    with pytest.raises(DataError, match=r"tables/table3.csv: nothing says what its column `colour` means"):
        dictionary.meaning("tables/table3.csv", "colour")


def test_every_definition_has_a_column() -> None:
    """What is defined and stands in no file would be forgotten."""
    found = {column for path in committed() for column in dictionary.header(path)}
    used = {name for name in dictionary._definitions()["everywhere"] if not name.endswith("*")}
    assert used <= found | {"licence"}, used - found


def test_readings_stand_first_wherever_verdicts_are_shown() -> None:
    table, read_ = (pd.read_csv(PUBLISHED / f"{name}.csv") for name in ("claims", "readings"))
    shown = readings.shown_verdicts(table, read_)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for claim, cell in shown.items():
        reading = re.match(r"\*\*.*?\*\*", cell)
        short = reading[0] if reading else cell.partition(" (")[0]  # README has no counts of answers
        assert f"| {short} |" in readme, claim
        assert f"| {cell} |" in (PUBLISHED / "claims.md").read_text(encoding="utf-8"), claim
