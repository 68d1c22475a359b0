"""Top-level names that a deployment must not have: those of the standard library, of others, and of everybody. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.distributions import Installed
from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.known_names import generic_names, known_owner
from arqonbus_conformance.packaging.wheel import MODULE_SUFFIXES

__all__ = ["claimed_names", "names_beside", "stand_ins"]


def claimed_names(
    names: Mapping[str, str], distribution: str, stdlib: frozenset[str], installed: Mapping[str, Installed]
) -> Iterator[Finding]:
    """A finding for each name (with a file that makes it) that is not the distribution's to take."""
    for name, file in sorted(names.items()):
        bearers = _bearers(name, installed, distribution)
        owner = known_owner(name)
        if name in stdlib:
            yield finding("shadows-stdlib", f"{name!r} is a module of the standard library", file)
        elif bearers:
            yield finding(
                "shadows-dependency", f"{name!r} is installed by {', '.join(bearers)} as well", file
            )
        elif owner is not None and canonicalize_name(owner) != distribution:
            yield finding("claims-known-name", f"{name!r} belongs to the distribution {owner}", file)
        elif name in generic_names():
            yield finding(
                "generic-name", f"{name!r} says nothing of whose it is; others install it, too", file
            )


def names_beside(tree: Path) -> dict[str, str]:
    """What a program that is started in the tree could import from the tree: name and place."""
    found: dict[str, str] = {}
    for root in (tree, tree / "src"):
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            package = path.is_dir() and any(path.glob("*.py"))
            if package or (path.is_file() and path.name.endswith(MODULE_SUFFIXES)):
                found.setdefault(path.name.partition(".")[0], str(path.relative_to(tree)))
    return found


def stand_ins(
    beside: Mapping[str, str],
    shipped: Iterable[str],
    distribution: str,
    stdlib: frozenset[str],
    installed: Mapping[str, Installed],
) -> Iterator[Finding]:
    """A finding for each name in the tree that is imported instead of a dependency by whoever starts there."""
    for name in sorted(beside.keys() - set(shipped)):
        bearers = _bearers(name, installed, distribution)
        if name in stdlib:
            what = (
                f"{name!r} in the tree is imported instead of the standard library by what is started there"
            )
            yield finding("shadows-stdlib", what, beside[name])
        elif bearers:
            what = (
                f"{name!r} in the tree is imported instead of {', '.join(bearers)} by what is started there"
            )
            yield finding("shadows-dependency", what, beside[name])


def _bearers(name: str, installed: Mapping[str, Installed], distribution: str) -> list[str]:
    """The other distributions with this top-level name."""
    return sorted(
        one.name for one in installed.values() if name in one.top_level and one.name != distribution
    )
