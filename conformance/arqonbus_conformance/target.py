"""What is judged: a target profile, parsed once into types that cannot be wrong."""

import os
import secrets
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arqonbus_conformance.tokens import Credentials

__all__ = [
    "CLAIMS",
    "DEGRADED",
    "STRICT",
    "Endpoints",
    "LaunchProfile",
    "ProfileError",
    "Target",
    "embedded_reference",
    "parse_profile",
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
CLAIMS: Final = ("auth", "durable", "consumer_groups")
"""What a profile may claim for its deployment; what it does not mention, the welcome decides."""
TELEMETRY_PORT: Final = 8081
"""Where the telemetry endpoint of a quick target is looked for when none is given."""
TOKEN_NAMES: Final = {
    f"{tenant}_{kind}": (tenant, kind == "admin") for tenant in "ab" for kind in ("user", "admin")
}
"""The ready-made tokens a profile may name: the tenant, and whether it is an administrator's."""
COMMAND_LINE: Final = "a command line, quoted as in a shell"
VALKEY_SOURCES: Final = ("embedded", "container")
"""Where a Valkey that the gate may kill can come from."""
VALKEY: Final = "{valkey}"
"""What stands for the address of that Valkey in the environment of the main deployment."""


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


class LaunchProfile(NamedTuple):
    """How to launch a deployment: command lines (``{python}`` is this interpreter) and the main one's environment."""

    command: str
    preflight: str
    environment: Mapping[str, str]


class Target(NamedTuple):
    """What is judged and what may be done to it.

    Attributes:
        name: what reports call it.
        endpoints: the main deployment, None where the gate launches it.
        claims: what the deployment is said to do; a missing one is decided by its welcome.
        credentials: what may be shown to the main deployment.
        launch: how cases launch deployments of their own, None where they may not.
        valkey: where a Valkey that may be killed comes from, None where there is none.
        telemetry_guessed: whether the telemetry endpoint was not given but assumed.
        secret: the signing secret of this run for launched deployments.
    """

    name: str
    endpoints: Endpoints | None
    claims: Mapping[str, bool]
    credentials: Credentials
    launch: LaunchProfile | None = None
    valkey: str | None = None
    telemetry_guessed: bool = False
    secret: str = ""


class _Table:
    """One table of a profile; collects every problem instead of stopping at the first."""

    def __init__(self, name: str, values: object, problems: list[str]) -> None:
        self._name = name
        self._problems = problems
        if not isinstance(values, dict):
            self.refuse("", values, "a table")
            values = {}
        self._values: dict[str, Any] = values
        self._known: set[str] = set()

    def refuse(self, field: str, value: object, allowed: str) -> None:
        where = ".".join(part for part in (self._name, field) if part) or "the profile"
        self._problems.append(f"{where}: {value!r} is not allowed; allowed: {allowed}")

    def say(self, field: str, problem: str) -> None:
        """Note what is wrong with a field that cannot be said as a value that is refused."""
        self._problems.append(f"{'.'.join(part for part in (self._name, field) if part)}: {problem}")

    def take(self, field: str, allowed: str, fits: Callable[[Any], bool], *, required: bool = False) -> Any:
        """The value of ``field``, None where it is absent or refused."""
        self._known.add(field)
        value = self._values.get(field)
        if value is None:
            if required:
                self.say(field, f"it is missing; allowed: {allowed}")
            return None
        if not fits(value):
            self.refuse(field, value, allowed)
            return None
        return value

    def text(self, field: str, allowed: str = "a text", *, required: bool = False) -> str | None:
        value: str | None = self.take(
            field, allowed, lambda given: isinstance(given, str) and bool(given), required=required
        )
        return value

    def table(self, field: str) -> "_Table":
        self._known.add(field)
        return _Table(
            ".".join(part for part in (self._name, field) if part),
            self._values.get(field, {}),
            self._problems,
        )

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def strings(self) -> dict[str, str]:
        """Every entry, all of which must be texts."""
        for field in self._values:
            self.take(field, "a text", lambda given: isinstance(given, str))
            self._known.add(field)
        return {field: value for field, value in self._values.items() if isinstance(value, str)}

    def done(self) -> None:
        for field in sorted(self._values.keys() - self._known):
            self.say(field, f"there is no such field; allowed: {', '.join(sorted(self._known))}")


def _address(schemes: tuple[str, ...]) -> tuple[str, Callable[[Any], bool]]:
    def fits(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            parts = urlsplit(value)
            return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False

    return " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes), fits


WEBSOCKET: Final = _address(("ws", "wss"))
HTTP: Final = _address(("http", "https"))


def _endpoints(table: _Table) -> Endpoints | None:
    bus = table.take("bus", *WEBSOCKET, required=True)
    http = table.take("http", *HTTP)
    telemetry = table.take("telemetry", *WEBSOCKET)
    table.done()
    return None if bus is None else Endpoints(bus, http, telemetry)


def _is_command_line(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(shlex.split(value))
    except ValueError:
        return False  # a quotation without its end


def _credentials(table: _Table, environ: Mapping[str, str]) -> Credentials:
    def named(owner: _Table, field: str) -> str | None:
        variable = owner.text(field, "the name of an environment variable")
        if variable is not None and not environ.get(variable):
            owner.say(field, f"the environment variable {variable} is not set")
        return None if variable is None else environ.get(variable)

    secret = named(table, "jwt_secret_env")
    tokens_table = table.table("token_env")
    ready = {key: named(tokens_table, field) for field, key in TOKEN_NAMES.items()}
    tokens_table.done()
    table.done()
    tokens = {key: token for key, token in ready.items() if token}
    return Credentials(bool(secret or tokens), secret.encode() if secret else None, tokens)


def _launch(table: _Table) -> LaunchProfile | None:
    command = table.take("command", COMMAND_LINE, _is_command_line, required=True)
    preflight = table.take("preflight", COMMAND_LINE, _is_command_line)
    environment = table.table("environment").strings()
    table.done()
    if command is None:
        return None
    serve_removed = command.removesuffix(" serve")
    return LaunchProfile(command, preflight or f"{serve_removed} preflight", environment)


def parse_profile(text: str, environ: Mapping[str, str]) -> Target:
    """The target that a profile describes; credentials are read from ``environ`` by name.

    Raises:
        ProfileError: with every problem at once.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ProfileError([f"the profile is not TOML: {fault}"]) from fault
    problems: list[str] = []
    top = _Table("", document, problems)
    name = top.text("name", required=True)
    endpoints = _endpoints(top.table("endpoints")) if "endpoints" in top else None
    claims_table = top.table("claims")
    claims = {
        claim: claims_table.take(claim, "true or false", lambda given: isinstance(given, bool))
        for claim in CLAIMS
    }
    claims_table.done()
    credentials = _credentials(top.table("credentials"), environ)
    launch = _launch(top.table("launch")) if "launch" in top else None
    control = top.table("control")
    valkey = control.take("valkey", " or ".join(VALKEY_SOURCES), VALKEY_SOURCES.__contains__)
    control.done()
    top.done()
    if launch is not None and valkey is None and "valkey" not in control:
        for variable, value in launch.environment.items():
            if VALKEY in value:
                problems.append(
                    f"launch.environment.{variable}: {VALKEY} needs control.valkey, which is missing"
                )
    if endpoints is None and launch is None and not problems:
        problems.append("the profile gives neither endpoints nor launch; allowed: at least one of them")
    if problems:
        raise ProfileError(problems)
    known = {claim: value for claim, value in claims.items() if value is not None}
    # A random secret per run, so that nothing launched for one run believes another's tokens.
    return Target(
        name or "",
        endpoints,
        known,
        credentials,
        launch,
        valkey if launch else None,
        secret=secrets.token_hex(32),
    )


def read_profile(path: Path, environ: Mapping[str, str] | None = None) -> Target:
    """The target in a profile file.

    Raises:
        ProfileError: it cannot be read or is not valid; each problem names the file.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ProfileError([f"the profile {path} cannot be read: {fault}"]) from fault
    try:
        return parse_profile(text, os.environ if environ is None else environ)
    except ProfileError as fault:
        raise ProfileError([f"{path}: {problem}" for problem in fault.problems]) from fault


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
    table = _Table("", {name: value for name, value in given.items() if value is not None}, problems)
    endpoints = _endpoints(table)
    if problems or endpoints is None:
        raise ProfileError([f"--{problem.replace('bus:', 'url:', 1)}" for problem in problems])
    if endpoints.telemetry is None:
        parts = urlsplit(bus)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        endpoints = endpoints._replace(telemetry=f"{parts.scheme}://{host}:{TELEMETRY_PORT}")
    return Target(bus, endpoints, {}, Credentials(), telemetry_guessed=telemetry is None)
