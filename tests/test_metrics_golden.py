"""The golden check itself, on a folder made here; and the golden values, where a checkout has them beside it."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import check_golden
from idgan_sc.metrics import dci

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "golden"
here = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden values beside this checkout")
SLOW = ("dci_RandomForest", "dci_gbt", "dci_LassoCV", "dci_rf_rows", "rdc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Golden values of one random encoder, with a constant code, in the format of the golden folder: our own."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, [3, 6, 40, 32, 32], size=(4500, 5)).astype(np.uint8)
    pool = np.hstack([classes + rng.normal(size=(4500, 5)), np.full((4500, 1), 0.5)]).astype(np.float32)
    members = [rng.choice(np.flatnonzero(classes[:, i % 5] == 1), size=100) for i in range(500)]
    np.savez(
        tmp_path / "own.npz",
        codes=pool,
        factor_classes=classes,
        factor_values=classes.astype(np.float64),
        eval_std_codes=pool[:3000],
        groups=pool[np.array(members)],
        group_labels=(np.arange(500) % 5).astype(np.uint8),
    )
    data = check_golden.load(tmp_path / "own.npz")
    expected: dict[str, Any] = {}
    for implementation, metric in (
        ("infogancr_original", "factor_vae"),
        ("infogancr_original", "sap"),
        ("infogancr_sklearn1.9.1", "mig"),
        ("dlib_sklearn1.9.1", "factor_vae_prune0.05"),
        ("dlib_sklearn0.20.4", "sap_continuous"),
    ):
        ours = check_golden.checks_of(implementation, metric)(data, {})
        fields = {field: written(check.value) for field, check in ours.items()}
        expected.setdefault("own", {}).setdefault(implementation, {})[metric] = fields
    expected["own"]["infogancr_original"]["dci_Lasso"] = {"error": "ValueError: Input contains NaN"}
    write(tmp_path, expected)
    return tmp_path


def written(value: Any) -> Any:
    """As JSON has it: non-finite numbers are strings."""
    array = np.asarray(value, dtype=object)
    return (
        np.array([str(x) if not np.isfinite(x) else float(x) for x in array.ravel()], dtype=object)
        .reshape(array.shape)
        .tolist()
    )


def write(folder: Path, expected: dict[str, Any]) -> None:
    (folder / "expected.json").write_text(json.dumps(expected))


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["check_golden.py", str(folder), *options])
    return check_golden.main()


def test_own_values_pass(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, folder) == 0
    assert "16 compared, 0 failed, 0 not covered, 0 left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("infogancr_original", "factor_vae", "score"), 0.123, "failed: own infogancr_original factor_vae score"),
        (("infogancr_original", "sap", "score"), 0.5, "one is finite, the other not"),
        (("infogancr_sklearn1.9.1", "mig", "mi"), [[1.0]], "shapes (1, 1) and (6, 5)"),
        (("infogancr_original", "mig", "median"), 1.0, "not covered: own infogancr_original mig median"),
        (("infogancr_original", "new_metric"), {"score": 1.0}, "not covered: own infogancr_original new_metric"),
        (("another_code", "mig"), {"score": 1.0}, "not covered: own another_code mig"),
        (("infogancr_original", "mig"), {"error": "ValueError"}, "the reference raised 'ValueError', mig did not"),
    ],
)
def test_a_difference_or_a_gap_fails(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: tuple[str, ...],
    value: Any,
    said: str,
) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    place = expected["own"]
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    write(folder, expected)
    assert run(monkeypatch, folder) == 1
    assert said in capsys.readouterr().out


def test_an_empty_folder_is_no_success(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {})
    assert run(monkeypatch, folder) == 1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("ubisoft_classes", "mig", "value"), 0.5, "failed: own ubisoft_classes mig value"),
        (("ubisoft_classes", "mig", "value"), "nan", None),  # the constant code's
        (("infomec", "infom", "per_seed"), [0.1], "failed: own infomec infom per_seed"),
        (("infomec", "active_latents"), [1] * 6, "failed: own infomec active_latents value"),
        (("icebeem_mcc", "pearson", "error"), "ValueError", None),
        (("infomec", "another"), 1.0, "not covered: own infomec another"),
    ],
)
def test_the_second_file_is_compared_too(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: tuple[str, ...],
    value: Any,
    said: str | None,
) -> None:
    """Its entries have their own tolerances, and a bare value is compared as it is."""
    expected: dict[str, Any] = {
        "_meta": {},
        "own": {
            "_points_on_bin_edge": {"bins10": []},
            "ubisoft_classes": {"mig": {"value": "nan", "tolerance": 1e-9}},
            "infomec": {"active_latents": [1, 1, 1, 1, 1, 0]},
        },
    }
    place = expected["own"]
    for key in path[:-1]:
        place = place.setdefault(key, {"tolerance": 1e-4, "seeds": [0]} if key == "infom" else {})
    place[path[-1]] = value
    (folder / "expected2.json").write_text(json.dumps(expected))
    assert run(monkeypatch, folder) == int(said is not None)
    assert (said or " 0 failed") in capsys.readouterr().out


@here
def test_golden_values_over_several_models() -> None:
    for of in (check_golden.udr_entries, check_golden.centrality_entries):
        for where, expected, checks in of(GOLDEN):
            fields = [field for field in expected if field not in check_golden.SETTINGS]
            assert fields
            for field in fields:
                assert check_golden.verdict(field, expected[field], checks.get(field))[0] == "compared", (where, field)


@here
@pytest.mark.parametrize(
    "encoder",
    [
        *(pytest.param(name, marks=pytest.mark.long) for name in ("s02_perm_scaled_d10", "s05_partial35_d5")),
        "s09_const_dim_d6",
    ],
)
def test_golden_values_without_the_slow_ones(encoder: str) -> None:
    for name, implementation, metric, expected in check_golden.entries(GOLDEN):
        if name == encoder and not metric.startswith(SLOW):
            data = check_golden.load(GOLDEN / f"{name}.npz")
            verdicts = check_golden.compare(data, implementation, metric, expected)
            assert {verdict for verdict, _ in verdicts} == {"compared"}, verdicts


@here
def test_golden_forest_and_cross_validated_lasso() -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text())["s03_rot45_pairs_d5"]
    data = check_golden.load(GOLDEN / "s03_rot45_pairs_d5.npz")
    for implementation, metric in (
        ("infogancr_sklearn1.9.1", "dci_RandomForestIBGAN_10trees"),
        ("infogancr_original", "dci_LassoCV"),
    ):
        verdicts = check_golden.compare(data, implementation, metric, expected[implementation][metric])
        assert {verdict for verdict, _ in verdicts} == {"compared"}, verdicts
    importance = dci.lasso_cv_importance(data["codes"], data["factor_values"])
    np.testing.assert_allclose(importance, expected["infogancr_original"]["dci_LassoCV"]["R"], atol=1e-9)


@here
@pytest.mark.long
def test_all_golden_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, GOLDEN) == 0
