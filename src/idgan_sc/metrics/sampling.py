"""Draw the images of an evaluation as indices into one encoded pool.

The draws are those of the two protocols. Every image is encoded once and found by its index. On a full grid of
factors, the draws follow the distributions of the reference codes exactly. Both references draw the other
factors at random and then overwrite the fixed one. This is a uniform draw among the images with the fixed
value.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from idgan_sc.metrics.checks import as_factors

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """One evaluation draw of the InfoGAN-CR protocol; every entry is an index into the pool."""

    groups: Indices  # (M, L): the images of a group share one value of one factor
    group_labels: Indices  # (M,): which factor
    std: Indices  # (S,): images that estimate each code's standard deviation
    points: Indices  # (P,): images of MIG, SAP, DCI, modularity and explicitness


@dataclass(frozen=True)
class DisentanglementLibDraw:
    """One evaluation draw of the disentanglement_lib protocol; every entry is an index into the pool."""

    train_groups: Indices  # (M, B): FactorVAE votes that train the classifier
    train_group_labels: Indices  # (M,)
    eval_groups: Indices  # (M', B)
    eval_group_labels: Indices  # (M',)
    train_pairs: Indices  # (M, B, 2): β-VAE pairs, each with its own shared value
    train_pair_labels: Indices  # (M,)
    eval_pairs: Indices  # (M', B, 2)
    eval_pair_labels: Indices  # (M',)
    variance: Indices  # (S,): images that estimate each code's variance
    train: Indices  # (P,): training points of SAP, DCI, modularity and explicitness, and the points of MIG
    test: Indices  # (P',)


@dataclass(frozen=True)
class _ByValue:
    """Sort the pool by one factor.

    The images with one of its values are then one slice.
    """

    order: Indices  # (N,)
    start: Indices  # (V,) where each value's slice begins
    count: Indices  # (V,) and how long it is
    rank: Indices  # (N,) which value each image has

    @classmethod
    def of(cls, classes: npt.NDArray[np.integer], factor: int) -> "_ByValue":
        _, rank, count = np.unique(classes[:, factor], return_inverse=True, return_counts=True)
        if count.min() < 2:
            raise ValueError(
                f"pool too small: factor {factor} has a value with a single image, and a group of one image "
                f"repeated says nothing ({len(classes)} images, {len(count)} values)"
            )
        return cls(np.argsort(rank, kind="stable"), np.cumsum(count) - count, count, rank)

    def members(self, values: Indices, rng: np.random.Generator) -> Indices:
        """Draw an image for each entry of `values`, in the same shape.

        The draw is uniform among the images with that value.
        """
        offsets = rng.integers(0, self.count[values])
        return self.order[self.start[values] + offsets]


def _sorted_pool(classes: npt.NDArray[np.integer]) -> list[_ByValue]:
    checked = as_factors(classes, len(classes))
    if not np.issubdtype(checked.dtype, np.integer):
        raise ValueError(f"classes must be integers, got {checked.dtype}")
    return [_ByValue.of(checked, k) for k in range(checked.shape[1])]


def draw_infogan_cr(
    classes: npt.NDArray[np.integer], *, groups: int, group_size: int, std: int, points: int, rng: np.random.Generator
) -> Draw:
    """Draw the groups and points of the InfoGAN-CR protocol.

    The reference's sizes are 500 groups of 100, 73 728 `std` and 73 728 `points`. Group i fixes factor i mod K at a
    value drawn uniformly among the values present. Its members are drawn with replacement. `std` is drawn without
    replacement, `points` with replacement. `classes` is (N, K).

    >>> classes = np.stack(np.meshgrid(range(3), range(4)), -1).reshape(-1, 2)
    >>> draw = draw_infogan_cr(classes, groups=4, group_size=5, std=6, points=7, rng=np.random.default_rng(0))
    >>> draw.group_labels.tolist(), draw.groups.shape, draw.std.shape, draw.points.shape
    ([0, 1, 0, 1], (4, 5), (6,), (7,))
    """
    pool = _sorted_pool(classes)
    if std > len(classes):
        raise ValueError(f"pool too small: {std} images without replacement wanted, {len(classes)} there")
    labels = np.arange(groups) % len(pool)
    members = np.empty((groups, group_size), dtype=np.int64)
    for k, by_value in enumerate(pool):
        fixed = labels == k
        values = rng.integers(0, len(by_value.count), size=int(fixed.sum()))
        members[fixed] = by_value.members(np.repeat(values[:, None], group_size, axis=1), rng)
    return Draw(
        groups=members,
        group_labels=labels,
        std=rng.choice(len(classes), size=std, replace=False),
        points=rng.integers(0, len(classes), size=points),
    )


def draw_disentanglement_lib(
    classes: npt.NDArray[np.integer],
    *,
    train_votes: int,
    eval_votes: int,
    batch_size: int,
    variance: int,
    train: int,
    test: int,
    rng: np.random.Generator,
) -> DisentanglementLibDraw:
    """Draw the votes and points of the disentanglement_lib protocol.

    The study's sizes are 10 000, 5 000, 64, 10 000, 10 000 and 5 000. Each vote fixes a factor drawn at random. A
    FactorVAE group shares one value of that factor. In a β-VAE batch, each pair shares a value of its own. All
    draws are with replacement. `classes` is (N, K).

    >>> classes = np.stack(np.meshgrid(range(3), range(4)), -1).reshape(-1, 2)
    >>> sizes = dict(train_votes=6, eval_votes=5, batch_size=4, variance=9, train=8, test=7)
    >>> draw = draw_disentanglement_lib(classes, **sizes, rng=np.random.default_rng(0))
    >>> draw.train_groups.shape, draw.eval_pairs.shape, draw.test.shape
    ((6, 4), (5, 4, 2), (7,))
    """
    pool = _sorted_pool(classes)
    train_groups, train_group_labels = _votes(pool, train_votes, batch_size, rng)
    eval_groups, eval_group_labels = _votes(pool, eval_votes, batch_size, rng)
    train_pairs, train_pair_labels = _pairs(pool, train_votes, batch_size, rng)
    eval_pairs, eval_pair_labels = _pairs(pool, eval_votes, batch_size, rng)
    return DisentanglementLibDraw(
        train_groups,
        train_group_labels,
        eval_groups,
        eval_group_labels,
        train_pairs,
        train_pair_labels,
        eval_pairs,
        eval_pair_labels,
        variance=rng.integers(0, len(classes), size=variance),
        train=rng.integers(0, len(classes), size=train),
        test=rng.integers(0, len(classes), size=test),
    )


def _votes(pool: list[_ByValue], votes: int, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Groups (M, B) that share the value of their first image, and their factors (M,)."""
    labels = rng.integers(0, len(pool), size=votes)
    first = rng.integers(0, len(pool[0].order), size=votes)
    members = np.empty((votes, batch_size), dtype=np.int64)
    for k, by_value in enumerate(pool):
        fixed = labels == k
        values = by_value.rank[first[fixed]]
        members[fixed] = by_value.members(np.repeat(values[:, None], batch_size, axis=1), rng)
    members[:, 0] = first
    return members, labels


def _pairs(pool: list[_ByValue], votes: int, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Draw pairs (M, B, 2) of images that share the fixed factor's value.

    The first image is random. The second is drawn among the images with the same value.
    """
    labels = rng.integers(0, len(pool), size=votes)
    first = rng.integers(0, len(pool[0].order), size=(votes, batch_size))
    second = np.empty_like(first)
    for k, by_value in enumerate(pool):
        fixed = labels == k
        second[fixed] = by_value.members(by_value.rank[first[fixed]], rng)
    return np.stack([first, second], axis=2), labels
