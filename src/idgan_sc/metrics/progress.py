"""How far a long computation is, said on stderr: what it goes through, one factor at a time."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Progress = Callable[[Iterable[Any]], Iterable[Any]]  # hands on what it is given
silent: Progress = iter


def on_stderr(what: str) -> Progress:
    """A Progress that tells after each item how many are done and how long it took."""

    def told(items: Iterable[Any]) -> Iterator[Any]:
        listed, start = list(items), time.monotonic()
        for done, item in enumerate(listed, 1):
            yield item
            print(f"{what}: {done} of {len(listed)}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    return told
