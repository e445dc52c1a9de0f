"""Bias and SD of each score with few points, measured on known codes; written by `benchmarks/metrics_small_samples.py`.

Five factors of 3, 6, 40, 32 and 32 values, codes that mix neighbours a little, five codes of noise. The bias is the
mean over draws less the score of 100 000 points.
"""

MEASURED: dict[str, dict[int, tuple[float, float]]] = {}  # metric -> points -> (bias, SD)
WORTH_SAYING = 0.05


def caution(metric: str, points: int) -> str:
    """What bias and SD the score had with about so few points, if that is worth saying; else empty."""
    table = MEASURED.get(metric, {})
    near = [n for n in table if n >= points / 1.5] if table else []
    if not near:
        return ""
    bias, sd = table[min(near)]
    if max(abs(bias), sd) < WORTH_SAYING:
        return ""
    return f"with {min(near)} points its bias was {bias:+.2f} and its SD {sd:.2f} on known codes"
