"""What the endpoints of a running deployment say of it, as far as they can be asked; for writing its profile."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from arqonbus_conformance.endpoint import CONNECT_SECONDS
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.http_client import Http
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.probe import WANTS_CREDENTIALS, NotLetIn, greeting
from arqonbus_conformance.route import Route
from arqonbus_conformance.target import Endpoints, ProfileError
from arqonbus_conformance.telemetry_reader import Telemetry
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["Answers", "ask"]

HEALTH_STATUS: Final = (200, 503)
"""How /health answers."""


class Answers(NamedTuple):
    """What was learned.

    Attributes:
        auth: whether the bus asks for credentials.
        capabilities: what its welcome says that it can; None where nobody was let in.
        limits: those in its welcome; None where nobody was let in.
        storage: what /health says of the storage; None where it was not asked.
        unasked: what could not be asked and why, one sentence each.
    """

    auth: bool
    capabilities: Mapping[str, object] | None
    limits: Mapping[str, object] | None
    storage: Mapping[str, object] | None
    unasked: tuple[str, ...]


async def ask(endpoints: Endpoints, credentials: Credentials, route: Route) -> Answers:
    """Ask every endpoint that is given.

    Raises:
        Unreachable: one does not answer as what it is given for.
        ProfileError: the bus refuses a token.
    """
    unasked: list[str] = []
    auth, capabilities, limits = await _bus(endpoints.bus, credentials, route)
    if capabilities is None:
        unasked.append("the bus wants credentials (--token-variable): its welcome could not be read")
    storage = None
    if endpoints.http is None:
        unasked.append("no address of the HTTP interface was given (--http): the storage could not be asked")
    else:
        storage = await _storage(endpoints.http, route)
    if endpoints.telemetry is None:
        unasked.append("no address of the telemetry interface was given (--telemetry)")
    elif not await _let_in_by_telemetry(endpoints.telemetry, credentials, route):
        unasked.append("the telemetry interface wants an administrator's token: its events could not be seen")
    return Answers(auth, capabilities, limits, storage, tuple(unasked))


Greeted = tuple[bool, Mapping[str, object] | None, Mapping[str, object] | None]
"""Whether credentials are asked for, and capabilities and limits of the welcome."""


async def _bus(url: str, credentials: Credentials, route: Route) -> Greeted:
    try:
        return (False, *await _welcome(url, route, None))
    except NotLetIn as fault:
        if not fault.wants_credentials:
            raise
    greeted: tuple[Mapping[str, object] | None, Mapping[str, object] | None] = (None, None)
    for token in credentials.tokens.values():
        try:
            greeted = await _welcome(url, route, token)
        except NotLetIn as fault:
            raise ProfileError([f"--token-variable: {url} refuses a token ({fault.status})"]) from fault
    return True, *greeted


async def _welcome(
    url: str, route: Route, token: str | None
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    async with greeting(url, Credentials(), route, token) as greeted:
        if greeted.fault is not None:
            raise Unreachable(f"{url}: its first frame is no welcome: {greeted.fault.what}")
        limits = greeted.client.welcome["payload"]["protocol"].get("limits")
        return greeted.capabilities, limits if isinstance(limits, dict) else {}


async def _storage(url: str, route: Route) -> Mapping[str, object]:
    http = Http(url, Credentials(), Namespace(), Transcript(), route)
    try:
        health = await http.get("/health", token=None, within=CONNECT_SECONDS)
        storage = health.json().get("storage") if health.status in HEALTH_STATUS else None
    except (Violation, AttributeError) as fault:
        raise Unreachable(f"{url}: GET /health got no answer of an ArqonBus: {fault}") from fault
    finally:
        await http.close()
    if not isinstance(storage, dict):
        raise Unreachable(f"{url}: GET /health answered {health.status}, which is no health of an ArqonBus")
    return storage


async def _let_in_by_telemetry(url: str, credentials: Credentials, route: Route) -> bool:
    telemetry = Telemetry(url, credentials, Namespace(), Transcript(), route)
    try:
        try:
            reader = await telemetry.upgrade(within=CONNECT_SECONDS)
        except NotOffered:
            reader = await telemetry.upgrade(token=None, within=CONNECT_SECONDS)
        if isinstance(reader, Refusal):
            if reader.status in WANTS_CREDENTIALS:
                return False
            raise Unreachable(f"{url}: the upgrade was answered with {reader.status}: it is no telemetry")
        if reader.hello.get("event_type") != "telemetry.hello":
            raise Unreachable(f"{url}: its first frame is no telemetry.hello")
    except Violation as fault:
        raise Unreachable(f"{url}: it is no telemetry interface: {fault}") from fault
    finally:
        await telemetry.close()
    return True
