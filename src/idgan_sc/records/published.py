"""Define what is published of a run and which older sources are accepted.

An accepted source makes the same numbers as today's.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from idgan_sc.files import DataError

WEIGHTS, CARD = "model.safetensors", "card.md"  # of the runs that `shipped` names
AS_GENERATORS = "infogan_cr, as generators"  # the baselines' other protocol: few images, scored as generated ones are
SCORE_FILES = ("scores.csv", "curve.csv", "association.csv")  # of a run
GATHERED = ("record.json", *SCORE_FILES)


@dataclass(frozen=True)
class Accepted:
    """Hold source hashes that are as valid as today's.

    They are grouped by what they made. The edits after them change no number. They stay valid as long as today's
    source is the one that they were proved for.
    """

    trainings: frozenset[str] = frozenset()
    baselines: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    proved_for: frozenset[str] = frozenset()

    def of(self, kind: str, today: str) -> frozenset[str]:
        """Return the valid older hashes of a kind of work.

        They are valid only if they were proved for today's source, whose hash is given.
        """
        older: frozenset[str] = getattr(self, kind)
        return older if today in self.proved_for else frozenset()


def accepted(root: Path) -> Accepted:
    """Read what a preset's `accepted.yaml` lists.

    For each kind of work, the file has lines of `source hash: reason`. Then it has `proved_for`.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    import yaml  # the command line's help must not need it

    path = root / "accepted.yaml"
    try:
        return _listed(path.read_text(encoding="utf-8")) if path.exists() else Accepted()
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path} needs `trainings`, `baselines` or `images` with lines of `source hash: reason` ({reason}): mend it"
        ) from error


@cache
def _listed(text: str) -> Accepted:
    import yaml

    kinds = dict(yaml.safe_load(text) or {})
    proved_for = frozenset(map(str, kinds.pop("proved_for", [])))
    listed = {name: frozenset(map(str, dict(lines))) for name, lines in kinds.items()}
    return Accepted(**listed, proved_for=proved_for)
