"""The second protocol: what a difference lets one say, how often that is wrong, and how many seeds it takes."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps

from conftest import SHIPPED, make_baselines
from idgan_sc import config as configuration
from idgan_sc.config import Config, ConfigError
from idgan_sc.config.claims import contrasts
from idgan_sc.data import rooms
from idgan_sc.files import DataError, write_arrays
from idgan_sc.publish import documents
from idgan_sc.records import pictured
from idgan_sc.records.record import protocol_hash
from idgan_sc.records.results import Results
from idgan_sc.report import conclusions, second_protocol, statistics
from idgan_sc.report.comparisons import Gathered
from idgan_sc.report.figures import strips
from idgan_sc.report.figures.canvas import contents
from idgan_sc.report.figures.registry import drawers

PUBLISHED = SHIPPED.parent / "results/desk/published"
MARGIN, ALPHA = 0.02, 0.05


def drawn(difference: float, sd: float, n: int, times: int = 1000) -> list[tuple[str, float]]:
    """What is concluded from as many samples."""
    rng = np.random.default_rng(0)
    samples = rng.normal(difference, sd, (times, n))
    return [statistics.conclusion(statistics.paired(sample, np.zeros(n)), MARGIN) for sample in samples]


# ----------------------------------------------------------------------------------------------------- what can be said
@pytest.mark.parametrize(
    ("difference", "wrong"),
    [
        (0.0, {"above", "below"}),
        (0.01, {"below"}),
        (MARGIN, {"below", "within"}),
        (-MARGIN, {"above", "within"}),
        (0.05, {"below", "within"}),
    ],
)
@pytest.mark.parametrize("sd", [0.01, 0.05])
def test_what_is_said_is_wrong_no_more_often_than_alpha(difference: float, wrong: set[str], sd: float) -> None:
    """A no, below 0 or within the margin, has the error control of a yes."""
    found = drawn(difference, sd, 20)
    rate = np.mean([said in wrong and p < ALPHA for said, p in found])
    assert rate <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / len(found))


@pytest.mark.parametrize(
    "true", [(0, 0, 0, 0, 0), (0.05, 0, 0, 0, 0.02), (0.02, -0.02, 0.02, 0.05, 0.05), (0.01, 0.01, 0, 0, 0)]
)
@pytest.mark.parametrize("sd", [0.01, 0.04])
def test_a_family_is_wrong_anywhere_no_more_often_than_alpha(true: tuple[float, ...], sd: float) -> None:
    """By Holm's method over five comparisons of 20 seeds, whatever the five true differences are."""
    rng, times, wrong = np.random.default_rng(2), 600, 0
    for _ in range(times):
        said = [
            statistics.conclusion(statistics.paired(rng.normal(mean, sd, 20), np.zeros(20)), MARGIN) for mean in true
        ]
        adjusted = statistics.holm([p for _, p in said])
        wrong += any(
            p < ALPHA and not {"above": mean > 0, "below": mean < 0, "within": abs(mean) < MARGIN}[name]
            for (name, _), p, mean in zip(said, adjusted, true, strict=True)
        )
    assert wrong / times <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / times)


# ----------------------------------------------------------------------------------------------------- how many seeds
@pytest.mark.parametrize(
    ("difference", "sd", "n"), [(0.05, 0.08, 20), (0.02, 0.03, 10), (0.0, 0.05, 8), (-0.03, 0.04, 30)]
)
def test_chances_are_those_of_the_noncentral_t_and_of_samples(difference: float, sd: float, n: int) -> None:
    chances = statistics.chances(difference, sd, n, MARGIN, ALPHA)
    bound = sps.t.isf(ALPHA / 2, n - 1)
    assert chances["above"] == pytest.approx(sps.nct.sf(bound, n - 1, difference * np.sqrt(n) / sd), abs=2e-3)
    assert chances["below"] == pytest.approx(sps.nct.cdf(-bound, n - 1, difference * np.sqrt(n) / sd), abs=2e-3)
    narrow = statistics.chances(difference / 10, sd / 10, n, MARGIN, ALPHA)
    found = drawn(difference / 10, sd / 10, n)
    within = np.mean([said == "within" and p < ALPHA for said, p in found])
    # a sample that lies within the margin can lie above 0 too; then the smaller p speaks
    both = np.mean([said != "within" and p < ALPHA for said, p in found])
    assert within - 0.03 <= narrow["within"] <= within + both + 0.03


def test_the_least_number_of_pairs_is_the_least() -> None:
    arguments = {"margin": MARGIN, "alpha": 0.01, "power": 0.8}
    n = statistics.pairs_needed(0.05, 0.08, "above", **arguments)
    assert n is not None
    reached = [statistics.chances(0.05, 0.08, m, MARGIN, 0.01)["above"] for m in (n - 1, n)]
    assert reached[0] < 0.8 <= reached[1]
    assert statistics.difference_found(0.08, n, 0.01, 0.8) <= 0.05 < statistics.difference_found(0.08, n - 1, 0.01, 0.8)
    assert statistics.pairs_needed(0.0001, 0.08, "above", **arguments) is None


# -------------------------------------------------------------------------------------------------------- the contrasts
def test_a_main_effect_is_the_mean_of_two_differences(shipped: Config, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arms = ["infogan_cr/main", "infogan_cr/change_ce", "idgan_sc_prior/main", "idgan_sc_prior/keep_sc"]
    value = {arm: rng.uniform(size=3) for arm in arms}  # by seed; of change_ce the last is missing
    rows = [
        {"dataset": "dsprites", "system": arm.split("/")[0], "variant": arm.split("/")[1], "seed": seed,
         "code": "q_mean", "metric": "factor_vae", "protocol": "infogan_cr", "step": step, "draw": 0, "k": 5,
         "value": value[arm][seed] if step > 2000 else 9.0}
        for arm in arms for seed in range(3) for step in (0, 2000, 2500, 3000)
        if not (arm.endswith("change_ce") and seed == 2)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "curves.csv", index=False)
    gathered = Gathered(Results(shipped, "desk", tmp_path))
    effects = {c.what: second_protocol.differences(gathered, c) for c in contrasts(shipped) if c.what}
    keep_ce, change_ce, change_sc, keep_sc = (value[arm][:2] for arm in arms)
    pairs, loss = effects["change one code − keep one code"], effects["contrastive loss − cross-entropy"]
    np.testing.assert_allclose(pairs, ((change_sc - keep_sc) + (change_ce - keep_ce)) / 2)
    np.testing.assert_allclose(loss, ((change_sc - change_ce) + (keep_sc - keep_ce)) / 2)
    pd.DataFrame([row for row in rows if row["seed"] == 0]).to_csv(tmp_path / "curves.csv", index=False)
    with pytest.raises(DataError, match="no comparison of the second protocol has 2 seeds"):
        second_protocol.power(Results(shipped, "desk", tmp_path))


def test_what_is_shown_is_by_seed_beside_how_far_one_arm_wanders(shipped: Config, tmp_path: Path) -> None:
    """Of two arms by hand; the seed that one of them lacks does not count."""
    curves = {("infogan", 0): [9, 0.2, 0.4], ("infogan", 1): [9, 0.5, 0.5], ("infogan", 2): [9, 0.1, 0.1]}
    curves |= {("infogan_cr", 0): [9, 0.8, 0.8], ("infogan_cr", 1): [9, 0.6, 0.6]}
    about = {"dataset": "rooms", "variant": "main", "code": "q_mean", "protocol": "infogan_cr", "k": 10}
    points = [
        about | {"system": system, "seed": seed, "metric": "factor_vae", "step": step, "draw": draw, "value": value}
        for (system, seed), values in curves.items()
        for step, value in zip((2000, 2500, 3000), values, strict=True)
        for draw in (0, 1)
    ]
    scores = [about | {"system": s, "seed": n, "metric": "mig", "value": v[2] / 2} for (s, n), v in curves.items()]
    pd.DataFrame(points).to_csv(tmp_path / "curves.csv", index=False)
    pd.DataFrame(scores).to_csv(tmp_path / "scores.csv", index=False)
    paths = second_protocol.effects(Results(shipped, "rooms", tmp_path))
    (row,) = pd.read_csv(paths[0]).to_dict("records")
    assert (row["dataset"], row["n"], row["by_seed"]) == ("rooms", 2, "0.5000 0.1000")
    assert row["difference"] == pytest.approx(0.3) and row["sd"] == pytest.approx(np.std([0.5, 0.1], ddof=1))
    assert row["one_arm"] == pytest.approx(np.std([0.2, 0.4], ddof=1) / 4)  # three of four curves are level
    assert row["mig"] == pytest.approx((0.4 + 0.3 - 0.2 - 0.25) / 2) and row["dci"] != row["dci"]
    assert "0.300 ± 0.283 | 0.500, 0.100 | 0.035" in paths[1].read_text()
    arms = pd.read_csv(second_protocol.levels(Results(shipped, "rooms", tmp_path))[0]).set_index("system")
    assert arms.loc["infogan", "by_seed"] == "0.3000 0.5000 0.1000" and arms.loc["infogan", "first"] == 9
    assert arms.loc["infogan", ["n", "level", "end"]].tolist() == pytest.approx([3, 0.3, (0.4 + 0.5 + 0.1) / 3])
    assert arms.loc["infogan_cr", "one_seed"] == 0 and "main" not in arms.loc["infogan_cr", "arm"]
    pd.DataFrame(points[:6]).to_csv(tmp_path / "curves.csv", index=False)
    with pytest.raises(DataError, match="no comparison of the second protocol has a seed"):
        second_protocol.effects(Results(shipped, "rooms", tmp_path))


# --------------------------------------------------------------------------------------------------- what is concluded
def second(shipped: Config, seeds: int) -> Config:
    """The shipped configuration, its rooms judged by the second protocol with so many seeds."""
    config = copy.deepcopy(shipped)
    rooms = config["presets"]["rooms"]
    rooms["protocol"], rooms["seeds"]["count"] = "second", seeds
    for system, variant in (("infogan", "again"), ("infogan_cr", "alpha_2"), ("idgan_sc_prior", "alpha_2")):
        rooms["runs"]["rooms"][system].append(variant)
    configuration.validate(config)
    return config


def write_curves(root: Path, levels: dict[str, float], seeds: dict[str, int]) -> None:
    """Curves of rooms that lie at a level by arm, and wander by seed alone."""
    wander = np.random.default_rng(3).normal(0, 0.004, (len(levels), 12))
    rows = [
        {"dataset": "rooms", "system": arm.split("/")[0], "variant": arm.split("/")[1], "seed": seed, "code": "q_mean",
         "metric": "factor_vae", "protocol": "infogan_cr", "step": step, "draw": 0, "k": 10,
         "value": level + 0.1 * (seed % 2) + wander[number, seed]}
        for number, (arm, level) in enumerate(levels.items()) for seed in range(seeds[arm]) for step in (0, 2500, 3000)
    ]  # fmt: skip
    root.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(root / "curves.csv", index=False)


LEVELS = {
    "infogan/main": 0.7, "infogan/again": 0.7, "infogan_cr/main": 0.75, "idgan_sc_prior/main": 0.7,
    "infogan_cr/change_ce": 0.72, "idgan_sc_prior/keep_sc": 0.73, "infogan_cr/alpha_2": 0.6,
    "idgan_sc_prior/alpha_2": 0.65,
}  # fmt: skip


def test_higher_lower_and_no_difference_are_concluded(shipped: Config, tmp_path: Path) -> None:
    """SC equals InfoGAN and is below InfoGAN-CR, so that one part of C4 is a no, and C3 is a yes."""
    write_curves(tmp_path, LEVELS, dict.fromkeys(LEVELS, 12))
    results = Results(second(shipped, 12), "rooms", tmp_path)
    table = conclusions.conclude(Gathered(results)).set_index("comparison")
    cr, sc, between = table.index[:3]
    assert list(table["said"][:3]) == ["above", "within", "below"]
    assert list(table["answer"][:3]) == ["yes", "no", "no"]
    assert table.loc[[cr, sc, between], "paper"].tolist() == pytest.approx([0.08, 0.10, 0.02])
    rule = table.loc["change one code − keep one code"]
    assert rule["difference"] == pytest.approx((0.7 + 0.72 - 0.73 - 0.75) / 2, abs=0.004) and rule["said"] == "below"
    assert pd.isna(rule["claim"]) and pd.isna(rule["paper"])
    primary = table[table["family"] == "primary"]
    assert primary["p_holm"].tolist() == pytest.approx(statistics.holm(primary["p"].tolist()))
    claims = conclusions.judge_claims(results, table.reset_index())
    assert claims.set_index("claim")["answer"].to_dict() == {"C3": "yes", "C4": "no"}
    text = conclusions.conclusions(results)[1].read_text()
    assert "no difference beyond ± 0.02" in text and "C3, InfoGAN-CR scores higher than InfoGAN: yes." in text


def test_the_figure_shows_each_comparison_with_its_conclusion(shipped: Config, tmp_path: Path) -> None:
    """Figure 3 is drawn of the same data set, of the arms that the paper has."""
    write_curves(tmp_path, LEVELS, dict.fromkeys(LEVELS, 12))
    make_baselines(tmp_path, "rooms")
    results = Results(second(shipped, 12), "rooms", tmp_path)
    assert {"figure3", "figure_conclusions"} <= set(drawers(results)) and "figure1" not in drawers(results)
    drawn = pd.read_csv(drawers(results)["figure_conclusions"](results)[0])
    pd.testing.assert_frame_equal(
        drawn[["comparison", "difference", "said"]],
        conclusions.conclude(Gathered(results))[["comparison", "difference", "said"]].reset_index(drop=True),
    )
    curves = pd.read_csv(drawers(results)["figure3"](results)[0])
    ends = curves[curves["seed"].isna()].groupby("system")["mean"].last()
    assert ends["infogan_cr"] - ends["infogan"] == pytest.approx(0.05, abs=0.005)
    assert (tmp_path / "figures/figure_conclusions.md").read_text().count("Holm") == 1


def test_figure4_shows_every_factor_of_its_data_set(shipped: Config, tmp_path: Path) -> None:
    """Code 9 − f stands for factor f, but code 1 for none; the true strips are the drawn rooms."""
    rng, names = np.random.default_rng(4), rooms.FACTORS.names
    association = np.full((10, len(names)), 0.01)
    association[[9 - f for f in range(len(names))], range(len(names))] = 0.5
    made = rng.integers(0, 255, (1, 10, 10, 3, 32, 32), dtype=np.uint8)
    results = Results(second(shipped, 12), "rooms", tmp_path)
    arrays = {"association": association, "factor_names": np.array(names), "values": np.linspace(-1, 1, 10)}
    for run in pictured.traversed_runs(results, lambda runs, *_: runs):
        write_arrays(tmp_path / run.path / "traversal.npz", images=made, pairs=made, **arrays)
    assert pictured.second_figures(results, lambda runs, *_: runs) == ["figure3", "figure4", "figure_conclusions"]
    assert pictured.second_figures(results, lambda runs, *_: []) == ["figure3", "figure_conclusions"]
    shown = pd.read_csv(drawers(results)["figure4"](results)[0])
    assert list(dict.fromkeys(shown["system"])) == ["true", "infogan_cr", "idgan_sc_prior"]
    mine = shown[shown["system"] == "idgan_sc_prior"].drop_duplicates("factor")
    assert mine["factor"].tolist() == list(names) and mine["code"].tolist() == [10, 9, 8, 7, 6, 5]
    true = strips.true_sweep("rooms", "floor", 10, 32)
    assert true is not None and shown["sha256"][0] == contents(true[0])["sha256"]
    assert "seed 0 of each" in (tmp_path / "figures/figure4.md").read_text()


def test_a_comparison_that_lacks_a_seed_is_not_concluded_and_moves_no_other(shipped: Config, tmp_path: Path) -> None:
    """Its p counts as 1, so that the others are adjusted as if it were to fail."""
    write_curves(tmp_path, LEVELS, dict.fromkeys(LEVELS, 12) | {"idgan_sc_prior/main": 11})
    results = Results(second(shipped, 12), "rooms", tmp_path)
    table = conclusions.conclude(Gathered(results))
    assert list(table["said"][:3]) == ["above", "few", "few"]
    assert table["p_holm"][0] == pytest.approx(min(5 * table["p"][0], 1.0)) and table["p_holm"][1] == 1.0
    claims = conclusions.judge_claims(results, table)
    assert claims.set_index("claim")["answer"].to_dict() == {"C3": "yes", "C4": "few"}
    assert "11 of 12 seeds" in conclusions.conclusions(results)[1].read_text()


def test_a_preset_of_the_first_protocol_is_not_concluded(shipped: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"preset desk is not judged by the second protocol: see `idgan-sc claims`"):
        conclusions.conclusions(Results(shipped, "desk", tmp_path))


def test_the_protocol_that_judges_enters_the_hash_of_its_presets_alone(shipped: Config) -> None:
    changed, of_second = copy.deepcopy(shipped), second(shipped, 12)
    changed["second_protocol"]["margin"] = 0.03
    assert protocol_hash(changed, "desk", "dsprites") == protocol_hash(shipped, "desk", "dsprites")
    moved = copy.deepcopy(of_second)
    moved["second_protocol"]["margin"] = 0.03
    assert protocol_hash(moved, "rooms", "rooms") != protocol_hash(of_second, "rooms", "rooms")


def test_the_text_of_the_protocol_has_what_config_yaml_and_the_curves_say(shipped: Config) -> None:
    text = (SHIPPED.parent / "results/second/PROTOCOL.md").read_text(encoding="utf-8")
    asked = documents.fill(
        "{{planned_contrasts}}", Results(shipped, "second", SHIPPED.parent / "results/second/published")
    )
    assert f"<!-- generated: planned_contrasts -->\n{asked}\n<!-- end of generated -->" in text
    turned = pd.read_csv(SHIPPED.parent / "results/rooms/pilot/turned.csv")
    steps = shipped["presets"]["second"]["systems"]["infogan_stage_a"]["steps"]
    after = turned[turned["step"] == steps].pivot(index="seed", columns="metric", values="value")
    rows = [f"| {seed} | {row['factor_vae']:.2f} | {row['factor_vae_turned']:.2f} |" for seed, row in after.iterrows()]
    assert len(rows) == 3 and "\n".join(rows) in text


def test_the_published_spreads_are_those_of_the_intervals(shipped: Config) -> None:
    """The same differences stand, with intervals, among the exploratory comparisons."""
    power = pd.read_csv(PUBLISHED / "tables/power.csv").query("family == 'primary'")
    explored = pd.read_csv(PUBLISHED / "exploratory.csv").query("measure == 'curve_last_third'").head(3)
    spread = (explored["high"] - explored["low"]) / 2 / sps.t.isf(0.025, explored["n"] - 1) * np.sqrt(explored["n"])
    np.testing.assert_allclose(power["sd"], spread)
    assert (power["seeds_0.10"] <= power["seeds_0.05"]).all() and (power["seeds_0.05"] <= power["seeds_0.02"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[0].update(arms=["infogam"]), r"'primary', comparison 1: unknown system `infogam`"),
        (lambda rows: rows[3].pop("what"), r"'primary', comparison 4: `what` is missing"),
        (lambda rows: rows[1].pop("others"), "`?'?others"),
        (lambda rows: rows[0].update(claim="C5"), r"'primary', comparison 1: unknown claim .*`C5`"),
    ],
)
def test_a_comparison_that_cannot_be_meant_is_refused(
    change: Callable[[Any], Any], message: str, shipped: Config
) -> None:
    spoilt = copy.deepcopy(shipped)
    change(spoilt["second_protocol"]["families"]["primary"])
    with pytest.raises(ConfigError, match=message):
        configuration.validate(spoilt)


def test_a_preset_that_lacks_an_arm_of_the_protocol_is_refused(shipped: Config) -> None:
    """Holm's method over fewer comparisons than are registered would be too lenient."""
    spoilt = copy.deepcopy(shipped)
    spoilt["presets"]["second"]["runs"]["rooms"]["infogan"].remove("again")
    with pytest.raises(ConfigError, match=r"presets\.second: .*infogan/again.* add `again` to runs\.rooms\.infogan"):
        configuration.validate(spoilt)
