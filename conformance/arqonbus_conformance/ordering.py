"""The order of the cases of a run, drawn from its seed. Pure."""

import hashlib
from collections.abc import Iterable, Sequence

__all__ = ["shuffled"]


def shuffled(groups: Iterable[Sequence[str]], seed: int) -> list[str]:
    """All cases in an order that the seed and their ids alone determine; groups stay together.

    A case keeps its place relative to the others when further cases come or go.
    """
    drawn = sorted(groups, key=lambda group: _drawn(seed, min(group)))
    return [case for group in drawn for case in sorted(group, key=lambda case: _drawn(seed, case))]


def _drawn(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()
