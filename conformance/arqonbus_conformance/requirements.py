"""The frozen requirement set: what is judged, sentence by sentence."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, NamedTuple

__all__ = [
    "Level",
    "Requirement",
    "RequirementSet",
    "RequirementSetError",
    "Scope",
    "parse",
    "requirement_set",
]

REVISION: Final = "1.0"
"""The revision of the specification that this suite judges."""
SUITES: Final = ("unit", "integration", "e2e", "regression", "adversarial")
"""The suites, in the order in which they are shown."""
PHASES: Final = range(6)
"""The phases of the productionization plan; what each is about says ``phases.py``."""
CRITERIA: Final = (
    "no-stubs",
    "no-auth-bypass",
    "fail-closed-start",
    "explicit-durability",
    "reproducible-dependencies",
)
"""The criteria of "production ready" that stand on single requirements; ``criteria.py`` adds that all suites ran."""
TEXTS: Final = ("level", "suite", "scope", "source", "sentence")
"""The fields of an entry that are texts, beside its id."""
_ID: Final = re.compile(r"[A-Z]+-[0-9]{3}")


class Level(StrEnum):
    """How binding a requirement is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Scope(StrEnum):
    """From where a requirement can be judged: from outside alone, or only where deployments can be launched."""

    ENDPOINT = "endpoint"
    DEPLOYMENT = "deployment"


class RequirementSetError(Exception):
    """The requirement set is not what it must be; the text names the requirement and the field."""


class Requirement(NamedTuple):
    """One obligation.

    Attributes:
        phase: the phase of the productionization plan whose exit it belongs to, one of ``PHASES``.
        security: whether a waiver may never cover it.
        criteria: the criteria of "production ready" that stand on it, each one of ``CRITERIA``.
    """

    id: str
    level: Level
    suite: str
    scope: Scope
    source: str
    sentence: str
    phase: int
    security: bool = False
    criteria: tuple[str, ...] = ()

    @property
    def area(self) -> str:
        """The part of the id before the number."""
        return self.id.partition("-")[0]


class RequirementSet(NamedTuple):
    """All obligations of one revision, by id in the order of the file, and the SHA-256 of that file."""

    revision: str
    digest: str
    by_id: Mapping[str, Requirement]

    def of(self, ids: Iterable[str]) -> list[Requirement]:
        """The requirements with these ids, in the order of the set."""
        wanted = set(ids)
        return [one for one in self.by_id.values() if one.id in wanted]


def parse(data: bytes) -> RequirementSet:
    """The requirement set in a TOML document.

    Raises:
        RequirementSetError: it is not one.
    """
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RequirementSetError(f"not TOML: {fault}") from fault
    by_id: dict[str, Requirement] = {}
    for entry in document.get("requirement", []):
        one = _requirement(entry)
        if one.id in by_id:
            raise RequirementSetError(f"{one.id}: occurs twice")
        by_id[one.id] = one
    if not by_id:
        raise RequirementSetError("requirement: none; allowed: at least one")
    digest = hashlib.sha256(data).hexdigest()
    return RequirementSet(str(document.get("revision", "")), digest, MappingProxyType(by_id))


def _requirement(entry: Mapping[str, Any]) -> Requirement:
    name = entry.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise RequirementSetError(f"id: {name!r} is not allowed; allowed: AREA-NNN")
    allowed: dict[str, Sequence[str]] = {"level": list(Level), "scope": list(Scope), "suite": SUITES}
    for field in TEXTS:
        value = entry.get(field)
        if not isinstance(value, str) or not value or value not in allowed.get(field, [value]):
            raise _refused(name, field, value, ", ".join(allowed.get(field, ["a text"])))
    phase, security, criteria = entry.get("phase"), entry.get("security", False), entry.get("criteria", [])
    if type(phase) is not int or phase not in PHASES:
        raise _refused(name, "phase", phase, f"{PHASES[0]} to {PHASES[-1]}")
    if type(security) is not bool:
        raise _refused(name, "security", security, "true or false")
    if not isinstance(criteria, list) or not all(one in CRITERIA for one in criteria):
        raise _refused(name, "criteria", criteria, f"a list of {', '.join(CRITERIA)}")
    if strays := sorted(entry.keys() - {*Requirement._fields}):
        raise RequirementSetError(f"{name}: {strays[0]}: there is no such field")
    return Requirement(
        id=name,
        level=Level(entry["level"]),
        suite=entry["suite"],
        scope=Scope(entry["scope"]),
        source=entry["source"],
        sentence=entry["sentence"],
        phase=phase,
        security=security,
        criteria=tuple(criteria),
    )


def _refused(name: str, field: str, value: object, allowed: str) -> RequirementSetError:
    return RequirementSetError(f"{name}: {field}: {value!r} is not allowed; allowed: {allowed}")


@cache
def requirement_set(revision: str = REVISION) -> RequirementSet:
    """The shipped requirement set of that revision."""
    return parse(resources.files(__package__).joinpath(f"requirements/{revision}.toml").read_bytes())
