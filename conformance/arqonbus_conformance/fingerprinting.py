"""Looking at the main deployment for what tells it from others: what it says of itself, and the key it shows."""

import ssl
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arqonbus_conformance.client import Client
from arqonbus_conformance.findings import NotOffered, Unfinished, Unreachable, Violation
from arqonbus_conformance.fingerprint import Fingerprint, said_in
from arqonbus_conformance.http_client import Http
from arqonbus_conformance.route import Route
from arqonbus_conformance.target import Endpoints

__all__ = ["fingerprint_of", "tls_key_sha256"]

ANSWER_SECONDS: Final = 3.0
"""The longest each answer may take, in seconds; without one that part of the fingerprint is not known."""
TLS_PORTS: Final = {"wss": 443, "https": 443}
"""The schemes of endpoints that show a certificate, and their usual ports."""


async def fingerprint_of(
    client: Client, http: Http | None, endpoints: Endpoints, route: Route
) -> Fingerprint:
    """The fingerprint of the deployment that this client is connected to; what cannot be learnt stays None."""
    said = said_in(await _status(client), await _system_info(http))
    return msgspec.structs.replace(said, tls_key_sha256=await tls_key_sha256(endpoints, route))


async def _status(client: Client) -> object:
    """The member ``server`` of what the command ``status`` answers, None where there is none."""
    try:
        status = await client.succeed("status", within=ANSWER_SECONDS)
        return status["server"]
    except (Violation, Unfinished, TypeError):
        # An answer of another shape ends in a field that cannot be read. Cases judge that; here nothing was said.
        return None


async def _system_info(http: Http | None) -> object:
    """What ``/system/info`` answers, None where it does not."""
    if http is None:
        return None
    try:
        answer = await http.get("/system/info", within=ANSWER_SECONDS)
        return answer.json() if answer.status == 200 else None
    except (Violation, Unfinished, Unreachable, NotOffered):
        return None


async def tls_key_sha256(endpoints: Endpoints, route: Route) -> str | None:
    """SHA-256 over the SubjectPublicKeyInfo (DER) of the certificate that the first endpoint with TLS shows.

    The bus is looked at first, then HTTP, then telemetry; None where none of them speaks TLS, or where no connection
    could be made within ``ANSWER_SECONDS``.
    """
    for url in endpoints:
        parts = urlsplit(url or "")
        if url is None or parts.scheme not in TLS_PORTS or parts.hostname is None:
            continue
        port = parts.port or TLS_PORTS[parts.scheme]
        try:
            _, writer = await route.streams(parts.hostname, port, tls=True, within=ANSWER_SECONDS)
        except Unreachable:
            return None  # cases judge whether it can be reached
        try:
            return _key_of(writer.get_extra_info("ssl_object"))
        finally:
            writer.close()
    return None


def _key_of(session: ssl.SSLObject) -> str:
    shown = session.getpeercert(binary_form=True)
    assert shown is not None  # noqa: S101 - the context verifies a certificate, so there is one
    key = x509.load_der_x509_certificate(shown).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
