"""Where a WebSocket endpoint is, and how a connection to it begins."""

import asyncio
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from arqonbus_conformance.findings import Unanswered, Unreachable
from arqonbus_conformance.handshake import Handshake, Refusal
from arqonbus_conformance.route import DIRECT, Route, plain_reason
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.wire import Connection

__all__ = ["CONNECT_SECONDS", "Endpoint", "open_connection"]

CONNECT_SECONDS: Final = 5.0
"""The longest a TCP connection and the answer to an upgrade may take, in seconds."""


class Endpoint(NamedTuple):
    """Where a WebSocket endpoint is, and whether it speaks TLS."""

    url: str
    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """The endpoint of a ``ws://`` or ``wss://`` address.

        Raises:
            ValueError: another scheme, no host, or a port that is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            raise ValueError(f"{url!r} is not allowed; allowed: ws://HOST[:PORT] or wss://HOST[:PORT]")
        tls = parts.scheme == "wss"
        return cls(url, parts.hostname, parts.port or (443 if tls else 80), tls)


async def open_connection(
    endpoint: Endpoint,
    handshake: Handshake,
    transcript: Transcript,
    *,
    name: str,
    route: Route = DIRECT,
    receive_buffer_bytes: int | None = None,
    within: float = CONNECT_SECONDS,
) -> Connection | Refusal:
    """Connect, send the upgrade and wait for the answer: an open connection or the refusal.

    Raises:
        Unreachable: no TCP connection could be made, or it was reset before an answer.
        Unanswered: no answer to the upgrade came within the time.
        Violation: the answer is not HTTP, or grants the upgrade wrongly.
    """
    loop = asyncio.get_running_loop()
    context = route.tls() if endpoint.tls else None
    try:
        raw = await route.socket(
            endpoint.host, endpoint.port, within=within, receive_buffer_bytes=receive_buffer_bytes
        )
    except Unreachable as fault:
        raise Unreachable(f"{endpoint.url}: {fault}") from fault
    try:
        _, connection = await loop.create_connection(
            lambda: Connection(name, transcript, handshake, route.pace),
            sock=raw,
            ssl=context,
            server_hostname=endpoint.host if context else None,
        )
    except OSError as fault:
        raw.close()
        raise Unreachable(f"{endpoint.url}: {plain_reason(fault, route.reach)}") from fault
    try:
        async with asyncio.timeout(within):
            refusal = await connection.granted
    except TimeoutError:
        connection.abort()
        raise Unanswered(f"{name}: the upgrade to {endpoint.url} was not answered in {within:g} s") from None
    except ssl.SSLError as fault:
        # With TLS 1.3 a server refuses the certificate of a client only after the handshake.
        raise Unreachable(f"{endpoint.url}: {plain_reason(fault, route.reach)}") from fault
    except BaseException:
        connection.abort()
        raise
    if refusal is None:
        return connection
    connection.abort()
    return refusal
