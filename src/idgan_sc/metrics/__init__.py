"""Disentanglement metrics under the two published protocols: NumPy, SciPy and scikit-learn only."""

from idgan_sc.metrics.own import Scores, score, score_disentanglement_lib
from idgan_sc.metrics.sampling import DisentanglementLibDraw, Draw, draw_disentanglement_lib, draw_infogan_cr
from idgan_sc.metrics.scoring import (
    CARBONNEAU_METRICS,
    DISENTANGLEMENT_LIB_METRICS,
    METRICS,
    MORE_METRICS,
    score_codes,
    score_codes_disentanglement_lib,
)

__all__ = [
    "CARBONNEAU_METRICS",
    "DISENTANGLEMENT_LIB_METRICS",
    "METRICS",
    "MORE_METRICS",
    "DisentanglementLibDraw",
    "Draw",
    "Scores",
    "draw_disentanglement_lib",
    "draw_infogan_cr",
    "score",
    "score_codes",
    "score_codes_disentanglement_lib",
    "score_disentanglement_lib",
]
