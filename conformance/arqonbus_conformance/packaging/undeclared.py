"""Imports that no declared dependency answers, judged from the text of the modules. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

import msgspec
from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.distributions import Installed, owners
from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.known_names import known_owner

__all__ = ["Imported", "Known", "undeclared"]


class Imported(msgspec.Struct, frozen=True):
    """One import; ``guard`` is '' where it is needed, else optional, typing or conditional."""

    name: str
    file: str
    line: int
    guard: str

    @property
    def top(self) -> str:
        """Its top-level name."""
        return self.name.partition(".")[0]


class Known(NamedTuple):
    """What the imports of a wheel are held against.

    Attributes:
        own: its own top-level names.
        stdlib: those of the standard library.
        declared: the distributions that it declares.
        extras: those that it declares for an extra only.
    """

    own: frozenset[str]
    stdlib: frozenset[str]
    installed: Mapping[str, Installed]
    declared: frozenset[str]
    extras: frozenset[str]


def undeclared(imports: Iterable[Imported], known: Known) -> Iterator[Finding]:
    """A finding for each top-level name that is imported and not declared, the first place named."""
    judged = ((kind, one) for one in imports if (kind := _kind(one, known)))
    ordered = sorted(judged, key=lambda pair: (pair[0], pair[1].top, pair[1].file, pair[1].line))
    for (kind, top), group in groupby(ordered, key=lambda pair: (pair[0], pair[1].top)):
        places = [one for _, one in group]
        first, more = places[0], len({(one.file, one.line) for one in places}) - 1
        where = f"{first.file}:{first.line}" + (f" and {more} more" if more else "")
        yield finding(kind, _what(kind, top, first, known), where)


def _kind(one: Imported, known: Known) -> str:
    """The kind of finding that an import amounts to, '' for none."""
    if one.top in known.own or one.top in known.stdlib:
        return ""
    found = owners(one.name, known.installed)
    if found & known.declared:
        return ""
    if one.guard:
        return "optional-import"
    if found:
        return "undeclared-transitive-import"
    return "optional-import" if _distribution(one.top) in known.extras else "undeclared-import"


def _distribution(top: str) -> str:
    """The distribution that usually has this top-level name."""
    return canonicalize_name(known_owner(top) or top)


def _what(kind: str, top: str, first: Imported, known: Known) -> str:
    if kind == "undeclared-transitive-import":
        bearers = ", ".join(sorted(owners(first.name, known.installed)))
        return (
            f"{top!r} is imported, and its distribution ({bearers}) is there only since another requires it"
        )
    if kind == "undeclared-import":
        usual = known_owner(top)
        named = f" (the distribution {usual} has it)" if usual else ""
        return f"{top!r} is imported, and no declared dependency has it{named}"
    reasons = {
        "optional": "guarded against its absence",
        "typing": "seen by type checkers only",
        "conditional": "imported on some platforms or versions only",
        "": "declared for an extra only",
    }
    return f"{top!r} is not declared; it is {reasons[first.guard]}"
