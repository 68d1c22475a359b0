"""Top-level names that are taken: by well-known distributions, or by everybody."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["generic_names", "known_owner"]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("known_names.toml").read_text("utf-8"))


def known_owner(top: str) -> str | None:
    """The distribution that is known for this top-level name, None where none is."""
    owner: str | None = _table()["distributions"].get(top)
    return owner


def generic_names() -> frozenset[str]:
    """Top-level names that say nothing of whose they are."""
    return frozenset(_table()["generic"]["names"])
