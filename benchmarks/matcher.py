"""Speed and exactness of the matcher on the whole dSprites grid: blurred, noisy sprites and two at once.

    python benchmarks/matcher.py results/quick/data/dsprites --images 256 --check 16

`--npy` matches the images of a file instead, (n, 1, size, size) in [0, 1].
"""

import argparse
import time
from pathlib import Path

import numpy as np

from idgan_sc.data.images import Images, open_images
from idgan_sc.evaluation.generators.nearest_image import Matcher


def degraded(images: Images, n: int, size: int) -> np.ndarray:
    """What a fair generator makes of sprites: soft edges, some noise, one in ten with a second sprite."""
    rng = np.random.default_rng(0)
    x = images.batch(rng.integers(images.n, size=n), size)
    x[::10] = np.maximum(x[::10], images.batch(rng.integers(images.n, size=len(x[::10])), size))
    x = (2 * x + np.roll(x, 1, 2) + np.roll(x, 1, 3)) / 4
    return np.clip(x + 0.03 * rng.standard_normal(x.shape), 0, 1).astype(np.float32)


def brute_force(images: Images, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index and squared distance of the nearest of all images, in float64."""
    g = generated.reshape(len(generated), -1).astype(np.float64)
    index, distance = np.zeros(len(g), np.int64), np.full(len(g), np.inf)
    for first in range(0, images.n, 8192):
        rows = np.arange(first, min(first + 8192, images.n))
        true = images.batch(rows, generated.shape[-1]).reshape(len(rows), -1).astype(np.float64)
        squares = (true**2).sum(1)[:, None] - 2 * true @ g.T + (g**2).sum(1)
        nearer = squares.min(0) < distance
        index[nearer], distance[nearer] = rows[squares.argmin(0)][nearer], squares.min(0)[nearer]
    return index, distance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the whole procedural or real dSprites")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=32, choices=(32, 64))
    parser.add_argument("--check", type=int, default=0, help="compare so many with brute force")
    parser.add_argument("--npy", type=Path, help="images to match instead")
    args = parser.parse_args()
    images = open_images(args.data)
    x = np.load(args.npy)[: args.images] if args.npy else degraded(images, args.images, args.size)
    started = time.process_time()
    matcher = Matcher(images, args.size)
    indexed = time.process_time()
    found = matcher.nearest(x)
    seconds = time.process_time() - indexed
    print(f"bounds of {images.n} images: {indexed - started:.1f} CPU s")
    print(f"{len(x)} images at {args.size}×{args.size}: {seconds:.1f} CPU s, {60 * len(x) / seconds:.0f} a minute")
    print("|g − x|²/|x|², percentiles 5, 50, 95:", np.percentile(found.relative, [5, 50, 95]).round(3))
    if args.check:
        index, distance = brute_force(images, x[: args.check])
        capped = np.isfinite(found.distance[: args.check])
        error = np.abs(found.distance[: args.check] - distance)[capped].max()
        same = found.index[: args.check] == index
        print(f"{same.sum()} of {args.check} the same image as by brute force; distances differ by at most {error:.1e}")


if __name__ == "__main__":
    main()
