"""The requirement sets: what is judged, sentence by sentence; frozen ones, and drafts of what comes later."""

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
    "frozen_revisions",
    "newest_frozen",
    "order_of",
    "parse",
    "requirement_set",
    "revisions",
]

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
_FOLDER: Final = resources.files("arqonbus_conformance").joinpath("requirements")


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
    return bool(since) and order_of(since) > order_of(revision)


def order_of(revision: str) -> tuple[int, ...]:
    """What revisions are sorted by: 1.10 is newer than 1.9."""
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
    names = [file.name.removesuffix(".toml") for file in _FOLDER.iterdir()]
    return tuple(sorted(filter(_REVISION.fullmatch, names), key=order_of))


@cache
def frozen_revisions() -> tuple[str, ...]:
    """The shipped revisions that are frozen, the oldest first.

    Raises:
        RequirementSetError: a file is not the one that was frozen under its name, or is not there any more.
    """
    shipped, digests = revisions(), _digests()
    if missing := [name for name in digests if name not in shipped]:
        raise RequirementSetError(
            f"requirements/{DIGESTS}: {missing[0]!r} is frozen, and requirements/{missing[0]}.toml is not there"
        )
    return tuple(name for name in shipped if check_frozen(name, _data(name), digests))


def newest_frozen() -> str:
    """The revision that is judged by where nobody names another.

    Raises:
        RequirementSetError: no revision is frozen, or one that is was changed.
    """
    frozen = frozen_revisions()
    if not frozen:
        raise RequirementSetError(f"requirements/{DIGESTS}: no revision is frozen; allowed: at least one")
    return frozen[-1]


@cache
def requirement_set(revision: str | None = None) -> RequirementSet:
    """The shipped requirement set of that revision (the newest frozen one where none is named), with what later ones add.

    Raises:
        RequirementSetError: there is none of that revision, a file is no requirement set, says that it is another
            revision, or is not the one that was frozen under its name.
    """
    frozen = frozen_revisions()
    named = newest_frozen() if revision is None else revision
    sets = {name: parse(_data(name)) for name in revisions()}
    for name, one in sets.items():
        if one.revision != name:
            raise RequirementSetError(
                f"requirements/{name}.toml: revision: {one.revision!r} is not allowed; allowed: {name!r}"
            )
    if named not in sets:
        raise RequirementSetError(f"{named!r} is no requirement set; there are: {', '.join(sets)}")
    judged = sets[named]
    later = dict(judged.later)
    for name, added in sets.items():
        if order_of(name) > order_of(named):
            for new in added.by_id.values():
                if new.id not in judged.by_id:
                    later.setdefault(new.id, new.since or name)
    return judged._replace(later=MappingProxyType(later), frozen=named in frozen)


def _data(revision: str) -> bytes:
    return _FOLDER.joinpath(f"{revision}.toml").read_bytes()


def _digests() -> Mapping[str, object]:
    return tomllib.loads(_FOLDER.joinpath(DIGESTS).read_text("utf-8"))


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
