"""What a release must show before it may be deployed: a policy, parsed once and strictly. Pure."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from arqonbus_conformance import strict_toml
from arqonbus_conformance.criteria import TITLES
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.target import CLAIMS

__all__ = ["DEPTHS", "SCOPES", "Policy", "PolicyError", "TargetPolicy", "parse_policy", "stricter"]

DEPTHS: Final = ("smoke", "standard", "full")
"""The levels of a run, the shallowest first."""
SCOPES: Final = (str(Scope.ENDPOINT), str(Scope.DEPLOYMENT))
"""The scopes of a run, the narrower first."""
DEFAULT_AGE_HOURS: Final = 168.0
"""How old a sign-off may be where no policy says it: a week."""
MOST_AGE_HOURS: Final = 8784.0
"""The largest age that a policy may allow: a leap year."""
MOST_WAIVERS: Final = 200
"""The most waivers that a policy may accept."""
TEXT_CHARACTERS: Final = 500
"""How long a text of a policy may be."""
_REVISION: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class PolicyError(Exception):
    """The policy is not valid; each problem names the field, the value and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class TargetPolicy(NamedTuple):
    """Which deployment must have been judged; None for what does not matter. Digests are SHA-256, hexadecimal."""

    name: str | None = None
    version: str | None = None
    commit: str | None = None
    package_digest: str | None = None
    tls_key_sha256: str | None = None


class Policy(NamedTuple):
    """What must be true of a sign-off, beside that its run passed.

    Attributes:
        level: the least level, one of ``DEPTHS``.
        scope: the least scope, one of ``SCOPES``.
        max_age_hours: how long ago its run may have begun.
        requirement_set: the oldest revision of the requirement set; None for the newest that is frozen.
        waivers: how many waivers may have been needed.
        mutation_score: the least share of known-bad deployments that the gate caught, 0 to 1; None where none is needed.
        criteria: the criteria of "production ready" that must hold.
        claims: what the deployment must claim to do, so that it was judged by it.
        target: which deployment must have been judged.
    """

    level: str = "standard"
    scope: str = SCOPES[0]
    max_age_hours: float = DEFAULT_AGE_HOURS
    requirement_set: str | None = None
    waivers: int = MOST_WAIVERS
    mutation_score: float | None = None
    criteria: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    target: TargetPolicy = TargetPolicy()


def parse_policy(text: str) -> Policy:
    """The policy in a TOML document; what it leaves out is as in ``Policy()``.

    Raises:
        PolicyError: with every problem at once.
    """
    try:
        top = strict_toml.document(text)
    except strict_toml.NotToml as fault:
        raise PolicyError([str(fault)]) from fault
    problems: list[str] = []
    fields = strict_toml.Fields("", top, problems)
    taken: dict[str, Any] = {
        "level": fields.take("level", ", ".join(DEPTHS), _one_of(DEPTHS)),
        "scope": fields.take("scope", ", ".join(SCOPES), _one_of(SCOPES)),
        "max_age_hours": fields.take(
            "max_age_hours", f"a number of hours from 0 to {MOST_AGE_HOURS:g}", _number_up_to(MOST_AGE_HOURS)
        ),
        "requirement_set": fields.take("requirement_set", 'a revision such as "1.0"', _matching(_REVISION)),
        "waivers": fields.take(
            "waivers",
            f"a whole number from 0 to {MOST_WAIVERS}",
            lambda given: type(given) is int and 0 <= given <= MOST_WAIVERS,
        ),
        "mutation_score": fields.take("mutation_score", "a number from 0 to 1", _number_up_to(1.0)),
        "criteria": fields.take("criteria", f"a list of {', '.join(TITLES)}", _list_of(TITLES)),
        "claims": fields.take("claims", f"a list of {', '.join(CLAIMS)}", _list_of(CLAIMS)),
    }
    target = fields.take("target", "a table", lambda given: isinstance(given, dict))
    read = _target(strict_toml.Fields("target", target or {}, problems))
    fields.done()
    if problems:
        raise PolicyError(problems)
    given = {name: value for name, value in taken.items() if value is not None}
    for name in {"criteria", "claims"} & given.keys():
        given[name] = tuple(given[name])
    return Policy(**given, target=read)


def _target(fields: strict_toml.Fields) -> TargetPolicy:
    texts = {name: fields.text(name, most=TEXT_CHARACTERS) for name in ("name", "version", "commit")}
    digests = {
        name: fields.take(name, "a SHA-256 in 64 small hexadecimal digits", _matching(_SHA256))
        for name in ("package_digest", "tls_key_sha256")
    }
    fields.done()
    return TargetPolicy(**texts, **digests)


def stricter(policy: Policy, level: str | None, target: str | None) -> Policy:
    """The policy with a level that is at least this one, and this name of the target where the policy has none."""
    deeper = policy.level if level is None else max(policy.level, level, key=DEPTHS.index)
    name = target if policy.target.name is None else policy.target.name
    return policy._replace(level=deeper, target=policy.target._replace(name=name))


def _one_of(allowed: Collection[str]) -> Callable[[Any], bool]:
    return lambda given: isinstance(given, str) and given in allowed


def _list_of(allowed: Collection[str]) -> Callable[[Any], bool]:
    return lambda given: isinstance(given, list) and all(map(_one_of(allowed), given))


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda given: isinstance(given, str) and pattern.fullmatch(given) is not None


def _number_up_to(most: float) -> Callable[[Any], bool]:
    return lambda given: type(given) in {int, float} and 0 <= given <= most
