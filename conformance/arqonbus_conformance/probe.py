"""The first look at a bus: whether it lets us in, and what it says of itself in its welcome."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from arqonbus_conformance import expect
from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.route import Route
from arqonbus_conformance.tokens import Credentials, Token
from arqonbus_conformance.transcript import Transcript

__all__ = ["PROBE_SECONDS", "WANTS_CREDENTIALS", "Greeting", "NotLetIn", "greeting"]

PROBE_SECONDS: Final = 3.0
"""The longest the probe waits for each thing: the connection, the upgrade, the welcome."""
WANTS_CREDENTIALS: Final = (401, 403)
"""How an upgrade is answered where the credentials are missing or not enough."""


class Greeting(NamedTuple):
    """What a bus greeted with, while the connection is open.

    Attributes:
        client: the connected client.
        capabilities: what it says that it can; empty where the welcome is none.
        fault: what is wrong with the welcome, None where nothing is.
    """

    client: Client
    capabilities: Mapping[str, object]
    fault: Violation | None


class NotLetIn(Unreachable):
    """The upgrade was answered, but not granted.

    Attributes:
        status: the HTTP status of the answer.
    """

    def __init__(self, url: str, status: int) -> None:
        self.status = status
        said = f"{url} answered the upgrade with {status}"
        if self.wants_credentials:
            super().__init__(f"{said}: it wants credentials; give a profile that names them (--target)")
        else:
            super().__init__(f"{said}: it is no bus, or not at this path")

    @property
    def wants_credentials(self) -> bool:
        """Whether it was for want of credentials."""
        return self.status in WANTS_CREDENTIALS


@asynccontextmanager
async def greeting(
    url: str, credentials: Credentials, route: Route, token: Token = ..., kind: type[Bus] = Bus
) -> AsyncIterator[Greeting]:
    """What the bus, or a Shield by its ``kind``, greets with, connected as long as this lasts.

    ``token`` is as in ``Bus.connect``.

    Raises:
        NotLetIn: the upgrade was refused.
        Unreachable: there is no WebSocket server that lets us in.
    """
    bus = kind(url, credentials, Namespace(), Transcript(), route)
    try:
        headers = bus.authorization(token, tenant="a", admin=False)
        connection = await bus.open(name="probe", headers=headers, within=PROBE_SECONDS)
        if isinstance(connection, Refusal):
            raise NotLetIn(url, connection.status)
        yield await _greeting(Client(connection))
    except Violation as fault:
        # A server that wants a certificate may end the connection without a word.
        bare = url.startswith("wss:") and route.reach.client_certificate is None
        hint = "; it may want one: tls.client_certificate is not given" if bare else ""
        raise Unreachable(f"{url} is no WebSocket server: {fault}{hint}") from fault
    except NotOffered as fault:
        raise Unreachable(f"{url}: {fault}") from fault
    finally:
        await bus.close()


async def _greeting(client: Client) -> Greeting:
    try:
        await client.until(lambda: client.received or None, "the welcome", PROBE_SECONDS)
        capabilities = client.welcome["payload"]["protocol"]["capabilities"]
        expect.that(isinstance(capabilities, dict), "capabilities are no object", actual=capabilities)
    except (Violation, TypeError) as fault:
        # A welcome of another shape ends in a field that cannot be read.
        shape = Violation("the welcome has another shape", actual=client.raw)
        found = fault if isinstance(fault, Violation) else shape
        return Greeting(client, {}, found)
    return Greeting(client, capabilities, None)
