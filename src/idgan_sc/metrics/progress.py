"""Report the progress of a long computation on stderr.

The computation goes through its items one by one, such as the factors.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Progress = Callable[[Iterable[Any]], Iterable[Any]]  # hands on what it is given
silent: Progress = iter


def on_stderr(what: str) -> Progress:
    """Make a Progress that reports after each item.

    It prints how many items are done and how long they took.
    """

    def told(items: Iterable[Any]) -> Iterator[Any]:
        listed, start = list(items), time.monotonic()
        for done, item in enumerate(listed, 1):
            yield item
            print(f"{what}: {done} of {len(listed)}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    return told
