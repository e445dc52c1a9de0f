"""Disentanglement metrics under three published protocols, and newer ones: NumPy, SciPy and scikit-learn only."""

from idgan_sc.metrics.explanations import explain
from idgan_sc.metrics.intervals import Comparison
from idgan_sc.metrics.own import compare, score, score_carbonneau, score_disentanglement_lib
from idgan_sc.metrics.result import Scores
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
    "Comparison",
    "DisentanglementLibDraw",
    "Draw",
    "Scores",
    "compare",
    "draw_disentanglement_lib",
    "draw_infogan_cr",
    "explain",
    "score",
    "score_carbonneau",
    "score_codes",
    "score_codes_disentanglement_lib",
    "score_disentanglement_lib",
]
