"""The way to one endpoint, step by step: its name, a TCP connection, TLS. The first step that fails ends it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from arqonbus_conformance.doctor.certificates import expiry_check
from arqonbus_conformance.doctor.check import Blame, Check, ok, problem, skipped
from arqonbus_conformance.endpoint import CONNECT_SECONDS
from arqonbus_conformance.findings import Unreachable
from arqonbus_conformance.route import DIRECT, Route

__all__ = ["Place", "proxy_check", "way_checks"]

PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443, "nats": 4222, "tls": 4222}
"""The port of a scheme where an address gives none."""
SECURE: Final = ("wss", "https")
"""The schemes that speak TLS."""


class Place(NamedTuple):
    """Where one endpoint is.

    Attributes:
        about: the field of the profile.
        url: its address as given.
    """

    about: str
    url: str

    @property
    def host(self) -> str:
        """The name or the address of its machine."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        parts = urlsplit(self.url)
        return parts.port or PORTS[parts.scheme]

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return urlsplit(self.url).scheme in SECURE


async def proxy_check(route: Route) -> Check:
    """Whether the proxy of a route takes connections."""
    if route.reach.proxy is None:
        return skipped("proxy.url_env", "TCP", "no proxy is named")
    parts = urlsplit(route.reach.proxy)
    host, port = parts.hostname or "", parts.port or 0
    try:
        (await DIRECT.socket(host, port, within=CONNECT_SECONDS)).close()
    except Unreachable as fault:
        detail = f"the proxy takes no connection: {fault}"
        return problem("proxy.url_env", "TCP", detail, "start it, or correct the variable", Blame.TARGET)
    return ok("proxy.url_env", "TCP", f"the proxy at {host}:{port} takes connections")


async def way_checks(place: Place, route: Route) -> AsyncIterator[Check]:
    """One check for each step; the last one is a problem where the endpoint cannot be reached."""
    for step in (_name_check, _tcp_check, _tls_check):
        check = await step(place, route)
        yield check
        if check.blame is not None:
            return


async def _name_check(place: Place, route: Route) -> Check:
    if route.reach.proxy is not None:
        return skipped(place.about, "name", "left to the proxy")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        fault = f"no answer within {CONNECT_SECONDS:g} s"
    except (OSError, UnicodeError) as failed:
        fault = str(failed)
    else:
        addresses = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
        return ok(place.about, "name", f"{place.host} is {addresses}")
    detail = f"the name {place.host} is not resolved: {fault}"
    return problem(
        place.about, "name", detail, "correct the address, or look at the name service", Blame.TARGET
    )


async def _tcp_check(place: Place, route: Route) -> Check:
    through = "" if route.reach.proxy is None else " through the proxy"
    try:
        (await route.socket(place.host, place.port, within=CONNECT_SECONDS)).close()
    except Unreachable as fault:
        step = "start the deployment, or correct the address; a firewall may be between"
        return problem(place.about, "TCP", f"no connection{through}: {fault}", step, Blame.TARGET)
    return ok(place.about, "TCP", f"port {place.port} takes connections{through}")


async def _tls_check(place: Place, route: Route) -> Check:
    if not place.secure:
        return skipped(place.about, "TLS", f"{place.url} does not speak it")
    try:
        _, writer = await route.streams(place.host, place.port, tls=True, within=CONNECT_SECONDS)
    except Unreachable as fault:
        step = "name the right certificates in [tls], or renew that of the server"
        return problem(place.about, "TLS", str(fault), step, Blame.TARGET)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    whose = f"certificate of {place.host}:{place.port}"
    return expiry_check(place.about, whose, [x509.load_der_x509_certificate(shown)], datetime.now(UTC))
