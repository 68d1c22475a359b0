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
    "check_frozen",
    "parse",
    "requirement_set",
    "revisions",
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
DIGESTS: Final = "digests.toml"
"""The file that says which bytes each revision was frozen as."""
_ID: Final = re.compile(r"[A-Z]+-[0-9]{3}")
_REVISION: Final = re.compile(r"[0-9]+\.[0-9]+")


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
        since: the revision that brought it, "" for that of its file.
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
    since: str = ""

    @property
    def area(self) -> str:
        """The part of the id before the number."""
        return self.id.partition("-")[0]


class RequirementSet(NamedTuple):
    """All obligations of one revision, by id in the order of the file, and the SHA-256 of that file.

    ``later`` holds what the suite already knows of later revisions: by id, the revision that brought it. Cases that
    judge it are run, and not scored. One that is not ``frozen`` is a draft: it may say something else tomorrow.
    """

    revision: str
    digest: str
    by_id: Mapping[str, Requirement]
    later: Mapping[str, str] = MappingProxyType({})
    frozen: bool = False

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
    revision = str(document.get("revision", ""))
    by_id: dict[str, Requirement] = {}
    later: dict[str, str] = {}
    for entry in document.get("requirement", []):
        one = _requirement(entry)
        if one.id in by_id or one.id in later:
            raise RequirementSetError(f"{one.id}: occurs twice")
        if _is_later(one.since, revision):
            later[one.id] = one.since
        else:
            by_id[one.id] = one
    if not by_id:
        raise RequirementSetError("requirement: none; allowed: at least one")
    digest = hashlib.sha256(data).hexdigest()
    return RequirementSet(revision, digest, MappingProxyType(by_id), MappingProxyType(later))


def _is_later(since: str, revision: str) -> bool:
    """Whether a requirement came after that revision."""
    return bool(since) and _order(since) > _order(revision)


def _order(revision: str) -> tuple[int, ...]:
    return tuple(int(part) for part in revision.split(".") if part.isdecimal())


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
    since = entry.get("since", "")
    if not isinstance(since, str) or not (since == "" or _REVISION.fullmatch(since)):
        raise _refused(name, "since", since, "a revision such as 1.1")
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
        since=since,
    )


def _refused(name: str, field: str, value: object, allowed: str) -> RequirementSetError:
    return RequirementSetError(f"{name}: {field}: {value!r} is not allowed; allowed: {allowed}")


def revisions() -> tuple[str, ...]:
    """The revisions whose requirement sets are shipped, the oldest first."""
    names = [
        file.name.removesuffix(".toml")
        for file in resources.files(__package__).joinpath("requirements").iterdir()
    ]
    return tuple(sorted(filter(_REVISION.fullmatch, names), key=_order))


@cache
def requirement_set(revision: str = REVISION) -> RequirementSet:
    """The shipped requirement set of that revision, with what later ones add.

    Raises:
        RequirementSetError: a file is no requirement set, or is not the one that was frozen under its name.
    """
    folder = resources.files(__package__).joinpath("requirements")
    frozen = tomllib.loads(folder.joinpath(DIGESTS).read_text("utf-8"))
    sets = {}
    for file in folder.iterdir():
        name = file.name.removesuffix(".toml")
        if _REVISION.fullmatch(name):
            data = file.read_bytes()
            sets[name] = parse(data)._replace(frozen=check_frozen(name, data, frozen))
    judged = sets[revision]
    later = {
        one.id: one.since or name
        for name, added in sets.items()
        if _order(name) > _order(revision)
        for one in added.by_id.values()
        if one.id not in judged.by_id
    }
    return judged._replace(later=MappingProxyType({**judged.later, **later}))


def check_frozen(revision: str, data: bytes, frozen: Mapping[str, object]) -> bool:
    """Whether these bytes are what was frozen as that revision; False where it is a draft still.

    Raises:
        RequirementSetError: something else was frozen under that name.
    """
    if revision not in frozen:
        return False
    found = hashlib.sha256(data).hexdigest()
    if frozen[revision] != found:
        raise RequirementSetError(
            f"requirements/{revision}.toml: SHA-256 {found} is not allowed; allowed: {frozen[revision]}, as frozen in "
            f"requirements/{DIGESTS}. A frozen revision never changes: what comes later is a file of its own"
        )
    return True
