"""Precision and recall on answers known in advance, and against the definition written out point by point."""

import doctest

import numpy as np
import pytest

from idgan_sc.evaluation.generators import precision_recall as module
from idgan_sc.evaluation.generators.precision_recall import precision_recall

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((300, 5))


def by_definition(points: np.ndarray, manifold: np.ndarray, k: int) -> float:
    """Kynkäänniemi et al. 2019, Eq. (1), one pair of points at a time."""
    inside = 0
    for p in points:
        for i, m in enumerate(manifold):
            others = [np.linalg.norm(m - o) for j, o in enumerate(manifold) if j != i]
            if np.linalg.norm(p - m) <= sorted(others)[k - 1]:
                inside += 1
                break
    return inside / len(points)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(module).failed == 0


def test_identical_sets_have_both_and_distant_ones_neither() -> None:
    assert precision_recall(REAL, REAL, k=3) == (1, 1)
    assert precision_recall(REAL, REAL[::-1], k=3) == (1, 1)
    assert precision_recall(REAL, REAL + 100, k=3) == (0, 0)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_is_the_definition(k: int) -> None:
    real, generated = REAL[:40, :2], RNG.standard_normal((30, 2)) + 1.5
    expected = by_definition(generated, real, k), by_definition(real, generated, k)
    assert precision_recall(real, generated, k=k) == pytest.approx(expected, abs=1e-12)
    assert min(expected) > 0 and max(expected) < 1


def test_a_dropped_mode_costs_recall_alone() -> None:
    """Of four equally likely modes, the generator makes all, then two, then one."""
    centres = 50 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    real = np.concatenate([c + RNG.standard_normal((100, 2)) for c in centres])
    found = []
    for modes in (4, 2, 1):
        made = centres[np.arange(400) % modes] + RNG.standard_normal((400, 2))
        found.append(precision_recall(real, made, k=3))
    precisions, recalls = zip(*found, strict=True)
    assert min(precisions) > 0.9
    assert (
        recalls[0] > 0.9 and recalls[1] == pytest.approx(0.5, abs=0.05) and recalls[2] == pytest.approx(0.25, abs=0.05)
    )


def test_noise_costs_precision() -> None:
    made = np.concatenate([REAL[:150], 20 * RNG.standard_normal((150, 5))])
    precision, recall = precision_recall(REAL, made, k=3)
    assert precision == pytest.approx(0.5, abs=0.05) and recall > 0.9


def test_swapping_the_sets_swaps_the_answers() -> None:
    other = 0.7 * RNG.standard_normal((200, 5))
    assert precision_recall(REAL, other, k=3) == precision_recall(other, REAL, k=3)[::-1]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    other = REAL + 0.5
    whole = precision_recall(REAL, other, k=3)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert precision_recall(REAL, other, k=3) == whole


@pytest.mark.parametrize(
    ("real", "generated", "k", "said"),
    [
        (REAL, REAL[:, :4], 3, "shapes"),
        (REAL[0], REAL[0], 3, "shapes"),
        (REAL, np.where(REAL > 1, np.nan, REAL), 3, "NaN"),
        (REAL, REAL[:3], 3, "3 points have no 3 neighbours"),
        (REAL, REAL, 0, "no 0 neighbours"),
    ],
)
def test_refuses_what_has_no_answer(real: np.ndarray, generated: np.ndarray, k: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        precision_recall(real, generated, k=k)
