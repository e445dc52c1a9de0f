"""The evaluation draws: what each group shares, how draws are distributed, what is refused."""

import time

import numpy as np
import pytest
from scipy.stats import chisquare

from idgan_sc.metrics import draw_disentanglement_lib, draw_infogan_cr

LIB_SIZES = {"train_votes": 400, "eval_votes": 200, "batch_size": 8, "variance": 50, "train": 60, "test": 70}


def grid(*counts: int) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_infogan_cr_groups_share_the_value_of_the_factor_in_turn() -> None:
    classes = grid(3, 4, 5)
    draw = draw_infogan_cr(classes, groups=90, group_size=7, std=60, points=40, rng=rng())
    np.testing.assert_array_equal(draw.group_labels, np.arange(90) % 3)
    for group, label in zip(draw.groups, draw.group_labels, strict=True):
        assert len(set(classes[group, label])) == 1
    assert sorted(draw.std) == list(range(60))  # without replacement
    assert draw.points.shape == (40,)
    assert len(set(draw.points)) < 40  # with


def test_infogan_cr_draws_are_uniform_on_a_full_grid() -> None:
    classes = grid(3, 4, 5)
    draw = draw_infogan_cr(classes, groups=30_000, group_size=2, std=1, points=60_000, rng=rng())
    assert chisquare(np.bincount(draw.points, minlength=60)).pvalue > 1e-3
    for factor in range(3):
        first, second = draw.groups[draw.group_labels == factor].T
        assert chisquare(np.bincount(first, minlength=60)).pvalue > 1e-3
        # given the shared value, the other factors of two members are independent and uniform
        other = (factor + 1) % 3
        pairs = classes[first, other] * classes[:, other].max() + classes[first, other] + classes[second, other]
        assert chisquare(np.unique(pairs, return_counts=True)[1]).pvalue > 1e-3


def test_infogan_cr_values_are_uniform_though_the_pool_is_not() -> None:
    classes = np.column_stack([np.repeat([0, 1], [90, 10]), np.arange(100) % 2])
    draw = draw_infogan_cr(classes, groups=4_000, group_size=2, std=1, points=1, rng=rng())
    fixed = classes[draw.groups[::2, 0], 0]
    assert abs(fixed.mean() - 0.5) < 0.05


def test_disentanglement_lib_votes_and_pairs_share_values() -> None:
    classes = grid(3, 4, 5)
    draw = draw_disentanglement_lib(classes, **LIB_SIZES, rng=rng())
    for group, label in zip(draw.train_groups, draw.train_group_labels, strict=True):
        assert len(set(classes[group, label])) == 1
    for pairs, label in zip(draw.eval_pairs, draw.eval_pair_labels, strict=True):
        np.testing.assert_array_equal(classes[pairs[:, 0], label], classes[pairs[:, 1], label])
        if label == 2:
            assert len(set(classes[pairs[:, 0], label])) > 1 or len(pairs) < 3  # its own value for each pair
    assert chisquare(np.bincount(draw.train_group_labels, minlength=3)).pvalue > 1e-3
    shapes = draw.eval_groups.shape, draw.train_pairs.shape, draw.variance.shape, draw.train.shape, draw.test.shape
    assert shapes == ((200, 8), (400, 8, 2), (50,), (60,), (70,))


def test_disentanglement_lib_members_are_uniform_on_a_full_grid() -> None:
    draw = draw_disentanglement_lib(grid(3, 4, 5), **LIB_SIZES | {"train_votes": 20_000}, rng=rng())
    for members in (draw.train_groups[:, 1], draw.train_pairs[:, 0, 0], draw.train_pairs[:, 0, 1]):
        assert chisquare(np.bincount(members, minlength=60)).pvalue > 1e-3


def test_draws_are_seeded() -> None:
    one, same, other = (
        draw_infogan_cr(grid(3, 4), groups=6, group_size=5, std=9, points=9, rng=rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.groups, same.groups)
    np.testing.assert_array_equal(one.std, same.std)
    assert (one.points != other.points).any()


def test_a_pool_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="13 images without replacement wanted, 12 there"):
        draw_infogan_cr(grid(3, 4), groups=6, group_size=5, std=13, points=9, rng=rng())
    with pytest.raises(ValueError, match="factor 0 has a value with a single image"):
        draw_infogan_cr(grid(3, 4)[:9], groups=6, group_size=5, std=9, points=9, rng=rng())
    with pytest.raises(ValueError, match="factor 1 takes one value only"):
        draw_infogan_cr(grid(3, 1), groups=6, group_size=5, std=3, points=9, rng=rng())
    with pytest.raises(ValueError, match="classes must be integers"):
        draw_infogan_cr(grid(3, 4) / 2, groups=6, group_size=5, std=3, points=9, rng=rng())


def test_the_full_grid_of_dsprites_is_drawn_from_in_a_second_or_so() -> None:
    classes = grid(3, 6, 40, 32, 32)
    start = time.process_time()
    draw_infogan_cr(classes, groups=500, group_size=100, std=73_728, points=73_728, rng=rng())
    assert time.process_time() - start < 3
