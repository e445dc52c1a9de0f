"""Statistics against textbook numbers, SciPy, and the coverage they promise."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as sps

from idgan_sc.report import statistics

# Student (1908), the sleep data: extra hours under two drugs, the same ten patients.
SLEEP_A = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_B = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(statistics).failed == 0


def test_summary_has_no_interval_below_five_and_no_sd_below_two() -> None:
    assert statistics.summary([]) == statistics.Summary(0, None, None, None, None, None)
    assert statistics.summary([0.5]) == statistics.Summary(1, 0.5, None, None, None, None)
    four = statistics.summary([1.0, 2.0, 3.0, 4.0])
    assert (four.n, four.mean, four.low, four.high) == (4, 2.5, None, None)
    assert four.sd == pytest.approx(1.2909944)


def test_summary_interval_is_students() -> None:
    s = statistics.summary(SLEEP_A)
    expected = sps.t.interval(0.95, 9, loc=np.mean(SLEEP_A), scale=sps.sem(SLEEP_A))
    assert (s.low, s.high) == pytest.approx(expected)
    assert statistics.summary([0.3] * 6).sd == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bad", [[1.0, float("nan")], [float("inf")], [[1.0, 2.0]]])
def test_what_is_not_a_list_of_finite_numbers_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        statistics.summary(bad)


def test_paired_is_the_textbook_answer_for_the_sleep_data() -> None:
    c = statistics.paired(SLEEP_A, SLEEP_B)
    assert (round(c.t, 4), c.df, round(c.p, 6)) == (-4.0621, 9, 0.002833)  # as R's help page of `sleep` prints
    assert (c.low, c.high) == pytest.approx((-2.4598858, -0.7001142))
    assert c.effect == pytest.approx(-1.58 / np.std(np.subtract(SLEEP_A, SLEEP_B), ddof=1))
    assert c.superiority == 0.05  # nine patients slept longer with B, one equally long


def test_welch_is_the_textbook_answer_for_the_sleep_data() -> None:
    c = statistics.welch(SLEEP_A, SLEEP_B)
    assert (round(c.t, 4), round(c.df, 3), round(c.p, 5)) == (-1.8608, 17.776, 0.07939)  # as R prints
    assert (c.low, c.high) == pytest.approx((-3.3654832, 0.2054832))
    u = sps.mannwhitneyu(SLEEP_A, SLEEP_B).statistic
    assert c.superiority == pytest.approx(u / 100)


def test_hedges_factor_is_close_to_the_usual_approximation() -> None:
    for df in (4, 18, 98):
        assert statistics.hedges(df) == pytest.approx(1 - 3 / (4 * df - 1), abs=3e-3)
    c = statistics.welch(SLEEP_A, SLEEP_B)
    pooled = np.sqrt((np.var(SLEEP_A, ddof=1) + np.var(SLEEP_B, ddof=1)) / 2)
    assert c.effect == pytest.approx(statistics.hedges(18) * -1.58 / pooled)


@pytest.mark.parametrize(
    ("compare", "a", "b"),
    [
        (statistics.paired, [1.0, 2.0], [1.0]),
        (statistics.paired, [1.0], [2.0]),
        (statistics.paired, [1.0, 2.0], [0.0, 1.0]),
        (statistics.welch, [1.0], [1.0, 2.0]),
        (statistics.welch, [1.0, 1.0], [2.0, 2.0]),
    ],
)
def test_comparisons_without_a_standard_error_are_refused(compare, a, b) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"compar|differ|varies"):
        compare(a, b)


@pytest.mark.filterwarnings("ignore:Precision loss")
@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=20), st.integers(0, 99))
def test_comparisons_agree_with_scipy(values: list[float], seed: int) -> None:
    other = np.random.default_rng(seed).normal(size=len(values))
    expected = sps.ttest_rel(values, other)
    got = statistics.paired(values, other)
    assert (got.t, got.p) == pytest.approx((expected.statistic, expected.pvalue))
    expected = sps.ttest_ind(values, other, equal_var=False)
    got = statistics.welch(values, other)
    assert (got.t, got.df, got.p) == pytest.approx((expected.statistic, expected.df, expected.pvalue))


def test_swapping_the_systems_mirrors_a_comparison() -> None:
    for compare in (statistics.paired, statistics.welch):
        one, two = compare(SLEEP_A, SLEEP_B), compare(SLEEP_B, SLEEP_A)
        assert (one.difference, one.low, one.effect) == pytest.approx((-two.difference, -two.high, -two.effect))
        assert one.p == pytest.approx(two.p)
        assert one.superiority + two.superiority == pytest.approx(1)


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_tost_is_the_larger_one_sided_test() -> None:
    d = np.subtract(SLEEP_A, SLEEP_B)
    for margin in (0.5, 2.0, 4.0):
        upper = sps.ttest_1samp(d, margin, alternative="less").pvalue
        lower = sps.ttest_1samp(d, -margin, alternative="greater").pvalue
        assert statistics.equivalence(statistics.paired(SLEEP_A, SLEEP_B), margin) == pytest.approx(max(upper, lower))


def test_detectable_difference_of_the_textbook_design() -> None:
    """Cohen: 64 a group find a medium effect, d = 0.5, with power .80 at .05; 34 pairs find d_z = 0.5."""
    groups = statistics.Comparison((64, 64), 0, np.sqrt(2 / 64), 126, 0, 0, 0, 1, 0, 0.5)
    assert statistics.detectable(groups, alpha=0.05, power=0.80) == pytest.approx(0.5, abs=0.005)
    pairs = statistics.Comparison((34, 34), 0, np.sqrt(1 / 34), 33, 0, 0, 0, 1, 0, 0.5)
    assert statistics.detectable(pairs, alpha=0.05, power=0.80) == pytest.approx(0.5, abs=0.01)


def test_intervals_cover_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    inside = predicted = 0
    for _ in range(2000):
        values = rng.normal(0.8, 0.1, size=6)
        s = statistics.summary(values)
        assert s.low is not None and s.high is not None
        inside += s.low < 0.8 < s.high
        low, high = statistics.prediction_interval(values, 50)
        predicted += low < rng.normal(0.8, 0.1, size=50).mean() < high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
    assert predicted / 2000 == pytest.approx(0.95, abs=0.015)


def test_prediction_interval_needs_five_values() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        statistics.prediction_interval([1.0, 2.0, 3.0, 4.0], 50)


@pytest.mark.parametrize("df", [1, 2, 4, 9, 19, 49, 98])
def test_the_detectable_difference_exists_at_every_size_and_shrinks(df: int) -> None:
    """SciPy's noncentral t distribution has no number far out for some df; the search must not depend on it."""
    c = statistics.Comparison((df + 1, df + 1), 0, 1.0, df, 0, 0, 0, 1, 0, 0.5)
    found = statistics.detectable(c, alpha=0.05, power=0.80)
    assert found > sps.t.isf(0.025, df)
    reached = np.random.default_rng(0).normal(found, 1, 200_000) / np.sqrt(
        np.random.default_rng(1).chisquare(df, 200_000) / df
    )
    assert np.mean(np.abs(reached) > sps.t.isf(0.025, df)) == pytest.approx(0.80, abs=0.005)


def test_tests_err_as_rarely_as_they_promise() -> None:
    """Under equal means, paired and Welch reject one time in twenty, and TOST at the very margin does too."""
    rng = np.random.default_rng(0)
    rejected = np.zeros(3)
    for _ in range(1000):
        shared = rng.normal(size=8)
        a, b = shared + rng.normal(size=8), shared + rng.normal(size=8)
        far = rng.normal(0, 3, size=14)
        at_margin = statistics.paired(a + 5.0, b)
        rejected += [
            statistics.paired(a, b).p < 0.05,
            statistics.welch(a, far).p < 0.05,
            statistics.equivalence(at_margin, 5.0) < 0.05,
        ]
    assert rejected / 1000 == pytest.approx(0.05, abs=0.018)


def test_a_difference_without_variation_is_judged_by_its_signs() -> None:
    with pytest.raises(statistics.NothingVaries):  # the same difference but for rounding
        statistics.paired([0.55, 0.60, 0.58], [0.45, 0.50, 0.48])
    c = statistics.constant(0.1, 6)
    assert (c.p, c.low, c.high, c.superiority) == (2**-5, 0.1, 0.1, 1.0)
    assert statistics.equivalence(c, 0.2) < 1e-6 and statistics.equivalence(c, 0.05) > 0.99
