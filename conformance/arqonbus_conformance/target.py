"""What is judged: a target profile, parsed once into types that cannot be wrong."""

import os
import secrets
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arqonbus_conformance.addresses import HTTP, SPINE, WEBSOCKET, address
from arqonbus_conformance.environment_file import with_environment_file
from arqonbus_conformance.launch_profile import (
    Control,
    LaunchProfile,
    control_of,
    launch_of,
    without_server,
)
from arqonbus_conformance.marks import Blast
from arqonbus_conformance.reach import LOCAL, NAME_CHARACTERS, Reach, environment_value, reach_of
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.strict_toml import Fields, NotToml, document
from arqonbus_conformance.tokens import Credentials

__all__ = [
    "CLAIMS",
    "DEGRADED",
    "STRICT",
    "Draft",
    "Endpoints",
    "LaunchProfile",
    "ProfileError",
    "Target",
    "draft_profile",
    "embedded_reference",
    "parse_profile",
    "profile_text",
    "quick_target",
    "read_profile",
]

STRICT: Final[dict[str, str | None]] = {
    "ARQONBUS_ENVIRONMENT": "staging",
    "ARQONBUS_STORAGE_MODE": "strict",
    "ARQONBUS_STORAGE_BACKEND": "redis_streams",
    "ARQONBUS_ENABLE_AUTH": "true",
}
"""Environment of a strict deployment in staging; the secret and the storage URL come on top."""
DEGRADED: Final[dict[str, str | None]] = {
    "ARQONBUS_STORAGE_MODE": "degraded",
    "ARQONBUS_STORAGE_BACKEND": "redis_streams",
}
"""Environment of a degraded deployment in dev; the storage URL comes on top."""
CLAIMS: Final = ("auth", "durable", "consumer_groups", "shield")
"""What a profile may claim for its deployment; what it does not mention, the welcome decides."""
TELEMETRY_PORT: Final = 8081
"""Where the telemetry endpoint of a quick target is looked for when none is given."""
TOKEN_NAMES: Final = {
    f"{tenant}_{kind}": (tenant, kind == "admin") for tenant in "ab" for kind in ("user", "admin")
}
"""The ready-made tokens a profile may name: the tenant, and whether it is an administrator's."""


class ProfileError(Exception):
    """The profile is not valid; each problem names the field, the value and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class Endpoints(NamedTuple):
    """Where the interfaces of a deployment are; None for one that is not known."""

    bus: str
    http: str | None
    telemetry: str | None
    shield: str | None = None
    nats: str | None = None


class Target(NamedTuple):
    """What is judged and what may be done to it.

    Attributes:
        name: what reports call it.
        endpoints: the main deployment, None where the gate launches it.
        claims: what the deployment is said to do; a missing one is decided by its welcome.
        credentials: what may be shown to the main deployment.
        shield_credentials: what may be shown to its Shield; None where the same.
        launch: how cases launch deployments of their own, None where they may not.
        control: where the servers come from that cases may kill.
        telemetry_guessed: whether the telemetry endpoint was not given but assumed.
        secret: the signing secret of this run for launched deployments.
        reach: how connections to the main deployment are made.
        allowed: how far the effects of a case may reach.
        scope: what is judged unless the command line says otherwise, None where the profile does not say.
    """

    name: str
    endpoints: Endpoints | None
    claims: Mapping[str, bool]
    credentials: Credentials
    launch: LaunchProfile | None = None
    control: Control = Control(None, None)
    telemetry_guessed: bool = False
    secret: str = ""
    reach: Reach = LOCAL
    allowed: tuple[Blast, ...] = tuple(Blast)
    scope: Scope | None = None
    shield_credentials: Credentials | None = None


def _endpoints(table: Fields) -> Endpoints | None:
    bus = address(table, "bus", WEBSOCKET, required=True)
    http = address(table, "http", HTTP)
    telemetry = address(table, "telemetry", WEBSOCKET)
    shield = address(table, "shield", WEBSOCKET)
    nats = address(table, "nats", SPINE)
    table.done()
    return None if bus is None else Endpoints(bus, http, telemetry, shield, nats)


def _both_credentials(table: Fields, environ: Mapping[str, str]) -> tuple[Credentials, Credentials | None]:
    """Those of the bus, and those of Shield where it has its own."""
    shield = _credentials(table.table("shield"), environ) if "shield" in table else None
    return _credentials(table, environ), shield


def _credentials(table: Fields, environ: Mapping[str, str]) -> Credentials:
    secret = environment_value(table, "jwt_secret_env", environ)
    tokens_table = table.table("token_env")
    ready = {key: environment_value(tokens_table, field, environ) for field, key in TOKEN_NAMES.items()}
    tokens_table.done()
    table.done()
    tokens = {key: token for key, token in ready.items() if token}
    return Credentials(bool(secret or tokens), secret.encode() if secret else None, tokens)


def _claims(table: Fields) -> dict[str, bool]:
    claims = {
        claim: table.take(claim, "true or false", lambda given: isinstance(given, bool)) for claim in CLAIMS
    }
    table.done()
    return {claim: value for claim, value in claims.items() if value is not None}


def _allowed(limits: Fields) -> tuple[Blast, ...]:
    words = f"a list of {', '.join(Blast)}"
    given = limits.take("blast_radius", words, _are_radii)
    return tuple(Blast) if given is None else tuple(Blast(radius) for radius in given)


def _are_radii(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(one in tuple(Blast) for one in value)


class Draft(NamedTuple):
    """What can be made of a profile: the target as far as it is valid, and what is wrong with the rest."""

    target: Target
    problems: tuple[str, ...]


def parse_profile(text: str, environ: Mapping[str, str], folder: Path = Path()) -> Target:
    """The target that a profile in ``folder`` describes; credentials are read from ``environ`` by name.

    Raises:
        ProfileError: with every problem at once.
    """
    target, problems = draft_profile(text, environ, folder)
    if problems:
        raise ProfileError(problems)
    return target


def draft_profile(text: str, environ: Mapping[str, str], folder: Path = Path()) -> Draft:
    """What can be made of a profile, valid or not; a target of a draft with problems is looked at, never judged.

    Raises:
        ProfileError: it is not TOML.
    """
    try:
        fields = document(text)
    except NotToml as fault:
        raise ProfileError([f"the profile: {fault}"]) from fault
    problems: list[str] = []
    top = Fields("", fields, problems)
    name = top.text("name", most=NAME_CHARACTERS, required=True)
    scope = top.take("scope", " or ".join(Scope), tuple(Scope).__contains__)
    endpoints = _endpoints(top.table("endpoints")) if "endpoints" in top else None
    claims = _claims(top.table("claims"))
    credentials, shield_credentials = _both_credentials(top.table("credentials"), environ)
    launch = launch_of(top.table("launch")) if "launch" in top else None
    control_table = top.table("control")
    control = control_of(control_table)
    limits = top.table("limits")
    allowed = _allowed(limits)
    reach = reach_of(top, limits, folder, environ)
    limits.done()
    top.done()
    if launch is not None:
        problems.extend(without_server(launch, control_table))
    if endpoints is None and launch is None and not problems:
        problems.append("the profile gives neither endpoints nor launch; allowed: at least one of them")
    # A random secret per run, so that nothing launched for one run believes another's tokens.
    target = Target(
        name or "",
        endpoints,
        claims,
        credentials,
        launch,
        control if launch else Control(None, None),
        secret=secrets.token_hex(32),
        reach=reach,
        allowed=allowed,
        scope=Scope(scope) if scope is not None else None,
        shield_credentials=shield_credentials,
    )
    return Draft(target, tuple(problems))


def read_profile(path: Path, environ: Mapping[str, str] | None = None) -> Target:
    """The target in a profile file; variables it names are those of ``environ``, then of a ``.env`` beside it.

    Raises:
        ProfileError: it cannot be read or is not valid; each problem names the file.
    """
    text, variables = profile_text(path, environ)
    try:
        return parse_profile(text, variables, path.parent)
    except ProfileError as fault:
        raise ProfileError([f"{path}: {problem}" for problem in fault.problems]) from fault


def profile_text(path: Path, environ: Mapping[str, str] | None = None) -> tuple[str, dict[str, str]]:
    """The text of a profile file, and the variables that it may name.

    Raises:
        ProfileError: it, or the ``.env`` beside it, cannot be read.
    """
    try:
        variables = with_environment_file(path.parent, os.environ if environ is None else environ)
        return path.read_text("utf-8"), variables
    except (OSError, UnicodeDecodeError) as fault:
        raise ProfileError([f"the profile {path} cannot be read: {fault}"]) from fault


def embedded_reference() -> Target:
    """The reference deployment, launched by the gate with everything it needs."""
    text = resources.files(__package__).joinpath("profiles/embedded-reference.toml").read_text("utf-8")
    return parse_profile(text, {})


def quick_target(bus: str, http: str | None, telemetry: str | None) -> Target:
    """A running deployment known by its addresses alone; its welcome says what it claims.

    Raises:
        ProfileError: an address is none.
    """
    problems: list[str] = []
    given = {"bus": bus, "http": http, "telemetry": telemetry}
    table = Fields("", {name: value for name, value in given.items() if value is not None}, problems)
    endpoints = _endpoints(table)
    if problems or endpoints is None:
        raise ProfileError([f"--{problem.replace('bus:', 'url:', 1)}" for problem in problems])
    if endpoints.telemetry is None:
        parts = urlsplit(bus)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        endpoints = endpoints._replace(telemetry=f"{parts.scheme}://{host}:{TELEMETRY_PORT}")
    return Target(bus, endpoints, {}, Credentials(), telemetry_guessed=telemetry is None)
