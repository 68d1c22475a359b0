"""Where a WebSocket endpoint is, and how a connection to it begins."""

import asyncio
import socket
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from arqonbus_conformance.findings import Unanswered, Unreachable
from arqonbus_conformance.handshake import Handshake, Refusal
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.wire import Connection

__all__ = ["CONNECT_SECONDS", "Endpoint", "open_connection"]

CONNECT_SECONDS: Final = 5.0
"""The longest a TCP connection and the answer to an upgrade may take, in seconds."""


class Endpoint(NamedTuple):
    """Where a WebSocket endpoint is."""

    url: str
    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """The endpoint of a ``ws://`` or ``wss://`` address.

        Raises:
            ValueError: another scheme, no host, or a port that is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            raise ValueError(f"{url!r} is not allowed; allowed: ws://HOST[:PORT] or wss://HOST[:PORT]")
        tls = ssl.create_default_context() if parts.scheme == "wss" else None
        return cls(url, parts.hostname, parts.port or (443 if tls else 80), tls)


async def open_connection(
    endpoint: Endpoint,
    handshake: Handshake,
    transcript: Transcript,
    *,
    name: str,
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
    raw = await _connected(endpoint, receive_buffer_bytes, within)
    try:
        _, connection = await loop.create_connection(
            lambda: Connection(name, transcript, handshake),
            sock=raw,
            ssl=endpoint.tls,
            server_hostname=endpoint.host if endpoint.tls else None,
        )
    except OSError as fault:
        raise Unreachable(f"{endpoint.url}: {fault}") from fault
    try:
        async with asyncio.timeout(within):
            refusal = await connection.granted
    except TimeoutError:
        connection.abort()
        raise Unanswered(f"{name}: the upgrade to {endpoint.url} was not answered in {within:g} s") from None
    except BaseException:
        connection.abort()
        raise
    if refusal is None:
        return connection
    connection.abort()
    return refusal


async def _connected(endpoint: Endpoint, receive_buffer_bytes: int | None, within: float) -> socket.socket:
    loop = asyncio.get_running_loop()
    refusals = []
    try:
        async with asyncio.timeout(within):
            addresses = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            for family, kind, protocol, _, address in addresses:
                raw = socket.socket(family, kind, protocol)
                raw.settimeout(0)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if receive_buffer_bytes is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
                try:
                    await loop.sock_connect(raw, address)
                except OSError as fault:
                    raw.close()
                    refusals.append(str(fault))
                except BaseException:
                    raw.close()
                    raise
                else:
                    return raw
    except OSError as fault:
        raise Unreachable(f"{endpoint.url}: {fault}") from fault
    except TimeoutError:
        raise Unreachable(f"{endpoint.url}: no TCP connection within {within:g} s") from None
    raise Unreachable(f"{endpoint.url}: {'; '.join(refusals)}")
