"""The way to a deployment: a TCP connection, straight or through a proxy, and whom to trust at its end."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, Literal, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
from python_socks.async_.asyncio import Proxy

from arqonbus_conformance.findings import NotOffered, Unreachable
from arqonbus_conformance.pace import Pace
from arqonbus_conformance.reach import LOCAL, Reach

__all__ = ["DIRECT", "Reached", "Route", "plain_reason"]


class Reached(Protocol):
    """An interface with an address and a way to it."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def route(self) -> "Route":
        """The way to it."""
        ...


class Route:
    """How connections to one deployment are made.

    Attributes:
        reach: what the profile says of it.
        pace: how fast may be sent.
    """

    def __init__(self, reach: Reach = LOCAL) -> None:
        self.reach = reach
        self.pace = Pace(reach.requests_per_second)
        self._context: ssl.SSLContext | None = None

    def tls(self) -> ssl.SSLContext:
        """The context of every TLS connection: the certificate and the host name are always verified.

        Raises:
            Unreachable: a file that the profile names cannot be used.
        """
        if self._context is None:
            self._context = _context(self.reach)
        return self._context

    def for_requests(self) -> dict[str, Any]:
        """The same way, as keyword arguments of the library ``requests``, which generated HTTP requests go through.

        Raises:
            NotOffered: the client key is locked, which that library cannot open.
        """
        reach = self.reach
        if reach.passphrase is not None:
            raise NotOffered(
                "the HTTP client of generated requests cannot open tls.client_key with a passphrase"
            )
        options: dict[str, Any] = {}
        if reach.ca is not None:
            options["verify"] = str(reach.ca)
        if reach.client_certificate is not None:
            pair = (str(reach.client_certificate), str(reach.client_key or reach.client_certificate))
            options["cert"] = pair
        if reach.proxy is not None:
            options["proxies"] = {"http": reach.proxy, "https": reach.proxy}
        return options

    async def socket(
        self, host: str, port: int, *, within: float, receive_buffer_bytes: int | None = None
    ) -> socket.socket:
        """A connected TCP socket to the port, through the proxy where there is one; counts against the budget.

        Raises:
            Unreachable: it could not be made within so many seconds.
        """
        await self.pace.turn()
        try:
            async with asyncio.timeout(within):
                if self.reach.proxy is None:
                    return await _direct(host, port, receive_buffer_bytes)
                raw = await Proxy.from_url(self.reach.proxy).connect(host, port, timeout=within)
        except TimeoutError:
            raise Unreachable(f"{host}:{port}: no TCP connection within {within:g} s") from None
        except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as fault:
            raise Unreachable(f"{host}:{port}: the proxy made no connection: {fault}") from fault
        except OSError as fault:
            raise Unreachable(f"{host}:{port}: {fault}") from fault
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer_bytes is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        return raw

    async def streams(
        self, host: str, port: int, *, tls: bool, within: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A stream to the port, inside TLS where that is asked for.

        Raises:
            Unreachable: it could not be made within so many seconds.
        """
        context = self.tls() if tls else None
        raw = await self.socket(host, port, within=within)
        try:
            async with asyncio.timeout(within):
                return await asyncio.open_connection(
                    sock=raw, ssl=context, server_hostname=host if tls else None
                )
        except (OSError, TimeoutError) as fault:
            raw.close()
            raise Unreachable(f"{host}:{port}: {plain_reason(fault, self.reach)}") from fault

    def http_trust(self) -> ssl.SSLContext | Literal[True]:
        """What an HTTP session verifies with; its own context where the profile adds nothing to that."""
        return self.tls() if self.reach.ca or self.reach.client_certificate else True

    def connector(self) -> aiohttp.TCPConnector:
        """What makes the connections of an HTTP session; each is used once.

        Raises:
            Unreachable: a file that the profile names cannot be used.
        """
        if self.reach.proxy is None:
            return aiohttp.TCPConnector(force_close=True, limit=0, ssl=self.http_trust())
        return _Connector(self)


class _Connector(aiohttp.TCPConnector):
    """Makes the connections of an HTTP session through the proxy of a route."""

    def __init__(self, route: Route) -> None:
        super().__init__(force_close=True, limit=0, ssl=route.http_trust(), resolver=_Unresolved())
        self._route = route

    # The only place where aiohttp lets a socket be handed in.
    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: Any,
        req: Any,
        timeout: Any,  # noqa: ASYNC109 - the signature of the method that it overrides
        client_error: Any = None,
        **kwargs: Any,
    ) -> Any:
        host, port = addr_infos[0][4][:2]
        within = timeout.total or timeout.sock_connect
        raw = await self._route.socket(host, port, within=within)
        try:
            return await self._loop.create_connection(*args, **kwargs, sock=raw)
        except OSError as fault:
            raw.close()
            reason = plain_reason(fault, self._route.reach)
            raise Unreachable(f"{host}:{port}: {reason}") from fault


class _Unresolved(AbstractResolver):
    """Leaves names to the proxy."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The name itself as its address."""
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


async def _direct(host: str, port: int, receive_buffer_bytes: int | None) -> socket.socket:
    loop = asyncio.get_running_loop()
    refusals = []
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
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
    raise OSError("; ".join(refusals))


def _context(reach: Reach) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if reach.ca is not None:
        context = ssl.create_default_context(cadata=_certificates(reach.ca))
    if reach.client_certificate is not None:
        try:
            # Without a passphrase OpenSSL would ask at the terminal: the empty one is refused instead.
            context.load_cert_chain(reach.client_certificate, reach.client_key, reach.passphrase or "")
        except (OSError, ValueError) as fault:
            raise Unreachable(
                f"tls.client_certificate {reach.client_certificate} cannot be used: {fault}"
            ) from fault
    return context


def _certificates(path: Path) -> str:
    try:
        text = path.read_text("ascii")
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError) as fault:
        raise Unreachable(f"tls.ca {path} cannot be used: {fault}") from fault
    return text


def plain_reason(fault: BaseException, reach: Reach) -> str:
    """What went wrong with a connection, in words; of a certificate also whom we trust."""
    if isinstance(fault, TimeoutError):
        return "no connection in time"
    trusted = f"tls.ca is {reach.ca}" if reach.ca is not None else "tls.ca is not given"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {fault.verify_message}; {trusted}"
    if isinstance(fault, ssl.SSLError):
        shown = reach.client_certificate or "not given"
        return f"TLS failed: {fault.reason or fault}; {trusted}, tls.client_certificate is {shown}"
    return str(fault)


DIRECT = Route()
"""Straight to a deployment of our own on this machine."""
