"""Intervals from random halves: seeded, the same on any number of processes, as wide as repeated data are scattered."""

from typing import Any

import numpy as np
import pytest

from idgan_sc.metrics import compare, score, score_carbonneau, score_disentanglement_lib


def sample(points: int, seed: int, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 4, size=(points, 2))
    return factors @ np.array([[1.0, 0.3], [0.0, 1.0]]) + noise * rng.normal(size=factors.shape), factors


def test_intervals_are_seeded_and_do_not_depend_on_processes() -> None:
    names = ["mig", "factor_vae", "mcc_pearson"]
    one, same, other = (
        score(*sample(300, 0), metrics=names, draws=6, rng=seed, jobs=jobs).intervals
        for seed, jobs in ((0, 1), (0, 2), (1, 1))
    )
    assert one == same != other
    assert list(one) == names


def test_every_score_of_every_protocol_gets_one() -> None:
    for scored, names in (
        (score, ["sap", "dci_lasso", "infom", "infoe", "irs", "jemmig"]),
        (score_disentanglement_lib, ["factor_vae", "sap", "mig", "explicitness"]),
        (score_carbonneau, ["mig", "sap", "dci", "explicitness"]),
    ):
        found: Any = scored(*sample(400, 1), metrics=names, draws=4)
        assert found.intervals.keys() == found.values.keys() == set(names)
        assert all(low <= found.values[name] <= high for name, (low, high) in found.intervals.items())
        assert found.intervals["sap"][0] < found.intervals["sap"][1]
        assert f"[{found.intervals[names[0]][0]:.3f}, " in str(found)
        assert found.values == scored(*sample(400, 1), metrics=names).values  # a request for them changes no score


@pytest.mark.parametrize("name", ["mig", "mcc_pearson", "sap"])
def test_halves_scatter_as_repeated_data_do(name: str) -> None:
    repeated = [score(*sample(400, seed), metrics=[name]).values[name] for seed in range(150)]
    low, high = score(*sample(400, 999), metrics=[name], draws=150).intervals[name]
    assert (high - low) / (2 * 1.96 * np.std(repeated)) == pytest.approx(1, abs=0.35)


def test_the_same_representation_does_not_differ_from_itself() -> None:
    codes, factors = sample(300, 3)
    found = compare(codes, -codes, factors, metrics=["mig", "sap"], draws=5)
    assert list(found.differences.values()) == pytest.approx([0, 0], abs=1e-12)
    assert all(abs(end) < 1e-12 for ends in found.intervals.values() for end in ends)


def test_a_paired_interval_is_narrower_than_two_apart() -> None:
    codes, factors = sample(600, 4)
    worse = codes + 0.1 * np.random.default_rng(5).normal(size=codes.shape)
    found = compare(codes, worse, factors, metrics=["mcc_pearson"], draws=60)
    low, high = found.intervals["mcc_pearson"]
    assert low > 0  # a small difference, seen
    apart = [score(z, factors, metrics=["mcc_pearson"], draws=60).intervals["mcc_pearson"] for z in (codes, worse)]
    assert high - low < 0.7 * np.hypot(*(end[1] - end[0] for end in apart))


def test_comparison_prints_and_names_what_one_refuses() -> None:
    codes, factors = sample(300, 6)
    found = compare(codes, codes[:, :1], factors, metrics=["mig", "factor_vae"], draws=4)
    assert found.refused == {"mig": "second codes: it compares codes, and there is one"}
    assert [line.split()[0] for line in str(found).splitlines()] == ["first", "factor_vae", "mig"]
    assert found.rows()[0]["metric"] == "factor_vae"


def test_comparison_says_which_codes_do_not_fit() -> None:
    codes, factors = sample(300, 6)
    for first, second, said in (
        (codes, codes[:-1], "first codes have 300 rows and second codes 299"),
        (codes[:-1], codes, "first codes have 299 rows and second codes 300"),
        (codes[:-1], codes[:-1], "first codes have 299 rows and factors 300"),
        (codes, {"u": codes[:, 0], "v": codes[:9, 1]}, "second codes must be .* 'u' has 300 rows and 'v' 9"),
        (codes * np.nan, codes, "first codes contain NaN"),
        (codes, codes[:, 0], r"second codes must have shape \(N, D\)"),
    ):
        with pytest.raises(ValueError, match=said):
            compare(first, second, factors, metrics=["mig"], draws=2)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(codes)
    with pytest.raises(ValueError, match="first codes and second codes have different indices"):
        compare(frame, frame[::-1], factors, metrics=["mig"], draws=2)


def test_comparison_warns_as_a_score_does() -> None:
    codes, factors = sample(60, 6)
    still = np.column_stack([codes, np.ones(60)])
    with pytest.warns(UserWarning) as caught:
        found = compare(codes, still, factors, metrics=["mig"], draws=4)
    odd, few = (str(one.message) for one in caught)
    assert odd == "second codes: column 2 takes one value only and can tell nothing"
    assert few == "few points (60) for mig: its error is known only from 100 points on"
    assert {one.filename for one in caught} == {__file__}
    assert found.cautions == {"mig": "its error is known only from 100 points on"} and found.doubts == (odd,)
    assert str(found).splitlines()[-1] == f"odd: {odd}" and found.rows()[0]["note"] == found.cautions["mig"]


@pytest.mark.parametrize("draws", [1, -1, 0.5, True])
def test_what_is_no_number_of_draws_is_refused(draws: Any) -> None:
    with pytest.raises(ValueError, match="draws must be"):
        score(*sample(100, 0), draws=draws)
    with pytest.raises(ValueError, match="draws must be"):
        compare(*sample(100, 0), sample(100, 0)[1], draws=draws)


def test_unknown_protocol_and_jobs() -> None:
    codes, factors = sample(100, 0)
    with pytest.raises(ValueError, match="no protocol 'dlib'; there are infogan_cr, disentanglement_lib, carbonneau"):
        compare(codes, codes, factors, protocol="dlib")
    for jobs in ("all", 0):
        with pytest.raises(ValueError, match="jobs must be a whole number from 1 on"):
            score(codes, factors, draws=2, jobs=jobs)
