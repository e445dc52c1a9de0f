"""Score the codes of a data set by the preset's draws.

Codes of a user's own images are scored as `metrics.score` does.
"""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from idgan_sc.data.images import Images
from idgan_sc.files import DataError
from idgan_sc.metrics import Draw, draw_infogan_cr, score_codes
from idgan_sc.metrics import score as score_arrays
from idgan_sc.metrics.information import association
from idgan_sc.metrics.reading import read
from idgan_sc.records.results import Job
from idgan_sc.seeds import numpy_stream

IBGAN_DEPTHS = {"shape": 4, "scale": 2, "orientation": 4, "x": 2, "y": 2}  # the InfoGAN-CR code's, for dSprites
DEPTH = 4  # of the forest for a factor that the InfoGAN-CR code does not know

Array = np.ndarray
Shares = tuple[list[str], Array]  # names of factors (K,), and (k, K)


def draw(images: Images, indices: np.ndarray, preset: str, sizes: dict[str, Any], number: int) -> Draw:
    """Return evaluation draw `number` of a preset.

    It is the same for every run, so that scores are paired over runs.
    """
    if images.classes is None:
        raise DataError(f"data set {images.name} has no factors: nothing can be scored")
    rng = numpy_stream(number, f"draw/{images.name}/{preset}")
    wanted = {key: sizes[key] for key in ("groups", "group_size", "std", "points")}
    try:
        return draw_infogan_cr(images.classes[indices], **wanted, rng=rng)
    except ValueError as error:
        raise DataError(f"evaluation at preset {preset}: {error}: raise `pool`") from error


def scores_of(
    images: Images, indices: np.ndarray, preset: str, codes: np.ndarray, chosen: Draw, metrics: list[str]
) -> dict[str, float]:
    """Return the scores of codes (N, k) of the images `indices`, by metric.

    There is one random stream for the forests of all codes.
    """
    assert images.classes is not None
    return score_codes(
        codes,
        images.classes[indices],
        images.values(indices),
        chosen,
        rng=numpy_stream(0, f"forest/{images.name}/{preset}"),
        metrics=metrics,
        depths=[IBGAN_DEPTHS.get(name, DEPTH) for name in images.factor_names],
        discrete=[k for k, name in enumerate(images.factor_names) if name in images.discrete],
    )


@dataclass(frozen=True)
class Drawn:
    """By evaluation draws of fixed sizes, the same for every run of a preset."""

    images: Images
    indices: Array  # of the images whose codes are scored
    preset: str
    sizes: dict[str, Any]

    @cached_property
    def draws(self) -> list[Draw]:
        return [
            draw(self.images, self.indices, self.preset, self.sizes, number) for number in range(self.sizes["draws"])
        ]

    def scores(self, codes: Array, number: int, metrics: Sequence[str]) -> dict[str, float]:
        """Scores of codes (N, k) on draw `number`."""
        return scores_of(self.images, self.indices, self.preset, codes, self.draws[number], list(metrics))

    def shares(self, codes: Array) -> Shares:
        """Mutual information of every dimension and factor over the factor's entropy."""
        assert self.images.classes is not None
        return list(self.images.factor_names), association(codes, self.images.classes[self.indices])


@dataclass(frozen=True)
class Own:
    """Score codes by all images of the pool, each once.

    So the scores are those of `idgan_sc.metrics.score`.
    """

    images: Images
    indices: Array
    draws: list[int]  # seeds
    reported: set[str] = field(default_factory=set)  # what was left out is said once

    @property
    def factors(self) -> dict[str, Array]:
        return dict(zip(self.images.factor_names, self.images.values(self.indices).T, strict=True))

    def scores(self, codes: Array, number: int, metrics: Sequence[str]) -> dict[str, float]:
        """Scores of codes (N, k) with seed `number`; what is refused is named on stderr."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cautions are said below
            found = score_arrays(
                codes,
                self.factors,
                rng=self.draws[number],
                categories=self.images.discrete,
                depths=[DEPTH] * len(self.images.factor_names),  # whatever a factor is called
                metrics=list(metrics),
            )
        for name, why in (*found.left_out.items(), *found.refused.items()):
            self._say(f"left out: {name}: {why}")
        for doubt in found.doubts:
            self._say(f"odd: {doubt}")
        for name, why in found.cautions.items():
            self._say(f"few images ({found.points}) for {name}: {why}")
        return found.values

    def shares(self, codes: Array) -> Shares:
        """Return the shares as `Drawn` does, with a continuous factor in bins.

        Only factors that take at least two values in the pool are included.
        """
        points = read(codes, self.factors, self.images.discrete)
        if not points.names:
            return [], np.empty((codes.shape[1], 0))
        return list(points.names), association(points.codes, points.classes())

    def _say(self, words: str) -> None:
        if words not in self.reported:
            print(words, file=sys.stderr)
        self.reported.add(words)


def scorer(job: Job, images: Images, indices: Array) -> Drawn | Own:
    """What scores codes of these images of a run's data set.

    Raises
    ------
    DataError
        If they have no factors.
    """
    if images.classes is None:
        raise DataError(f"data set {images.name} has no factors: nothing can be scored")
    sizes = job.results.evaluation(job.run.dataset)
    if job.results.dataset_settings(job.run.dataset)["source"] == "folder":
        return Own(images, indices, list(range(sizes["draws"])))
    return Drawn(images, indices, job.run.preset, sizes)
