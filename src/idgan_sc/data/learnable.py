"""Refuse a user's own images of which nothing can be learned, while they are read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from idgan_sc.files import DataError

LEVELS = 16  # of 256 that the darkest and the brightest pixel lie apart, at least


def refuse_few(n: int, least: int, where: Path) -> None:
    """Refuse fewer images than `least`, which a batch of training and the evaluation need.

    Raises
    ------
    DataError
        If there are fewer.
    """
    if n < least:
        raise DataError(f"{where} holds {n} images, training and evaluation at this preset need {least}: add images")


def refuse_narrow(low: int, high: int, where: Path) -> None:
    """Refuse images whose pixels, `low` to `high`, are almost of one brightness.

    Raises
    ------
    DataError
        If they are.
    """
    if high - low < LEVELS:
        raise DataError(
            f"{where}: all pixels are {low} to {high}, where 0 is black and 255 white: stretch them over that range"
        )


def different(
    chunks: Iterable[np.ndarray], names: Iterable[str], where: Path, notes: Counter[str]
) -> Iterator[np.ndarray]:
    """Hand on chunks of images, and count in `notes` those that equal an earlier one.

    chunks: (m, ...). names: of the images, for the message.

    Raises
    ------
    DataError
        After the last chunk, if all images are the same.
    """
    first: dict[bytes, str] = {}
    again, pair, name_of = 0, "", iter(names)
    for chunk in chunks:
        for image, name in zip(chunk, name_of, strict=False):
            earlier = first.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), name)
            if earlier != name:
                again, pair = again + 1, pair or f"{name} as {earlier}"
        yield chunk
    if again and len(first) == 1:
        raise DataError(f"{where}: all {again + 1} images are the same, so that nothing can be learned: mend them")
    if again:
        notes[f"are the same as an earlier one, first {pair}"] = again
