"""Covariances of many points, block by block: no copy of all of them is made."""

import numpy as np

from idgan_sc.metrics.checks import Array

BLOCK = 8192  # rows; a block of twenty columns stays in the processor's cache


def covariance(x: Array, y: Array) -> Array:
    """Σ_n (x - mean)(y - mean) / N, shape (D, K), of x (N, D) and y (N, K)."""
    mx, my = x.mean(axis=0), y.mean(axis=0)
    total = np.zeros((x.shape[1], y.shape[1]))
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        total += (x[rows] - mx).T @ (y[rows] - my)
    return total / len(x)


def variance(x: Array) -> Array:
    """Σ_n (x - mean)² / N, shape (D,), of x (N, D)."""
    mean = x.mean(axis=0)
    total = np.zeros(x.shape[1])
    for start in range(0, len(x), BLOCK):
        total += np.square(x[start : start + BLOCK] - mean).sum(axis=0)
    return np.asarray(total / len(x))
