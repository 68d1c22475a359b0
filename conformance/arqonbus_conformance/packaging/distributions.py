"""The distributions that are installed in an environment, and which of them a module belongs to."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from importlib.metadata import Distribution, distributions
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.wheel import MODULE_SUFFIXES

__all__ = ["Installed", "applies", "declared", "installed_in", "owners"]


class Installed(NamedTuple):
    """One distribution; ``modules`` are the dotted names of its modules and packages, of the first two levels."""

    name: str
    modules: frozenset[str]
    requires: tuple[Requirement, ...]

    @property
    def top_level(self) -> frozenset[str]:
        """Its importable top-level names."""
        return frozenset(name for name in self.modules if "." not in name)


def installed_in(folders: Iterable[str]) -> dict[str, Installed]:
    """What the metadata in these folders says; nothing is imported."""
    found = (_installed(one) for one in distributions(path=list(folders)))
    return {one.name: one for one in found}


def _installed(one: Distribution) -> Installed:
    modules: set[str] = set()
    for file in one.files or ():
        parts = file.parts
        if parts[0] == ".." or not file.name.endswith(MODULE_SUFFIXES) or "__pycache__" in parts:
            continue
        names = [*parts[:-1], file.name.partition(".")[0]]
        modules.update(".".join(names[:depth]) for depth in (1, 2) if len(names) >= depth)
    requires = tuple(Requirement(line) for line in one.requires or ())
    return Installed(canonicalize_name(one.name), frozenset(modules), requires)


def owners(name: str, installed: Mapping[str, Installed]) -> frozenset[str]:
    """The distributions that a dotted name may come from: several share a namespace such as ``google``."""
    top, *rest = name.split(".")
    having = [one for one in installed.values() if top in one.modules]
    if rest:
        inner = f"{top}.{rest[0]}"
        having = [one for one in having if inner in one.modules or not _shares(one, top)]
    return frozenset(one.name for one in having)


def _shares(one: Installed, top: str) -> bool:
    """Whether a distribution has part of a namespace, and not the package or module itself."""
    parts = (name for name in one.modules if name.startswith(f"{top}."))
    return f"{top}.__init__" not in one.modules and any(parts)


def applies(requirement: Requirement, markers: Mapping[str, str], extra: str = "") -> bool:
    """Whether a requirement counts for an interpreter with these markers."""
    environment: dict[str, str | AbstractSet[str]] = {**markers, "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def declared(
    requirements: Iterable[Requirement], installed: Mapping[str, Installed], markers: Mapping[str, str]
) -> frozenset[str]:
    """The distributions that are declared: those required, and what the extras asked for require."""
    names: set[str] = set()
    waiting = [one for one in requirements if applies(one, markers)]
    seen: set[str] = set()
    while waiting:
        one = waiting.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        name = canonicalize_name(one.name)
        names.add(name)
        if name in installed:
            inner = installed[name].requires
            waiting += [
                other
                for extra in one.extras
                for other in inner
                if applies(other, markers, extra) and not applies(other, markers)
            ]
    return frozenset(names)
