"""Covariances of many points, block by block: no copy of all of them is made."""

import numpy as np

from idgan_sc.metrics.checks import Array

BLOCK = 8192  # rows; a block of twenty columns stays in the processor's cache


def covariance(*columns: Array) -> Array:
    """Compute the covariance of all columns together.

    Covariance (D, D) of all columns together, each array (N, D_i): Σ_n (x - mean)(x - mean)' / N.
    """
    width = sum(array.shape[1] for array in columns)
    first = np.concatenate([array[:BLOCK].mean(axis=0) for array in columns])  # near the mean, so nothing cancels
    total, sums, points = np.zeros((width, width)), np.zeros(width), len(columns[0])
    block = np.empty((width, min(BLOCK, points)))
    for start in range(0, points, BLOCK):
        part = block[:, : min(BLOCK, points - start)]
        np.concatenate([array[start : start + BLOCK].T for array in columns], out=part)
        part -= first[:, None]
        total += part @ part.T
        sums += part.sum(axis=1)
    return np.asarray(total / points - np.outer(sums, sums) / points**2)
