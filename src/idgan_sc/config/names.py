"""List known names in a message; of many, those near to a given name."""

from collections.abc import Iterable
from difflib import get_close_matches

MANY = 12  # names that one line can list


def listed(name: object, known: Iterable[object], all_in: str = "") -> str:
    """The known names as words; of more than `MANY` those nearest to `name`.

    `all_in` says where all of them are.

    >>> listed("mgi", ["mig", "sap"])
    'mig, sap'
    >>> listed("f7", [f"f{k}" for k in range(40)], "config.yaml has all")
    'f7, f37, f27, … (40; config.yaml has all)'
    """
    names = list(map(str, known))
    if len(names) <= MANY:
        return ", ".join(names)
    return f"{', '.join(get_close_matches(str(name), names, 3, 0.0))}, … ({len(names)}{all_in and f'; {all_in}'})"
