"""Tokens built to the letter from the golden vectors, signed as each of them says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from arqonbus_fixtures.golden import filled, vectors

from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.findings import NotOffered

OTHER_SECRET: Final = b"a secret that is not the deployment's own"

_DIGESTS: Final[dict[str, Callable[..., Any]]] = {
    "HS256": hashlib.sha256,
    "HS384": hashlib.sha384,
    "HS512": hashlib.sha512,
    "other-secret": hashlib.sha256,
}


def segment(data: str | bytes) -> str:
    """A part of a compact JWS: base64url without padding."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def signed(bus: Bus, header: str | bytes, claims: str | bytes, signature: str = "HS256") -> str:
    """A token of exactly this header and these claims; `signature` as in the golden corpus `tokens`.

    Raises:
        NotOffered: the deployment's signing secret is not known to the suite.
        KeyError: `signature` is none of the corpus.
    """
    if bus.credentials.secret is None:
        raise NotOffered("the target offers no signing secret")
    body = f"{segment(header)}.{segment(claims)}"
    if signature in ("empty", "stripped"):
        return body + ("." if signature == "empty" else "")
    key = OTHER_SECRET if signature == "other-secret" else bus.credentials.secret
    mac = hmac.new(key, body.encode("ascii"), _DIGESTS[signature]).digest()
    return f"{body}.{segment(mac)}"


def token_of(bus: Bus, vector: dict[str, Any]) -> str:
    """The token of a golden vector, for this deployment and a tenant of this case."""
    now = int(time.time())
    claims = filled(vector["claims"], now=now, tenant=bus.name("tenant"))
    return signed(bus, vector["header"], claims, vector["signature"])


def token_vectors(*requirements: str, accepted: bool) -> list[Any]:
    """The vectors of these requirements that are accepted, or refused, as parameters."""
    return [
        pytest.param(vector, id=vector["name"], marks=pytest.mark.requirement(vector["requirement"]))
        for vector in vectors("tokens")
        if vector["requirement"] in requirements and vector["accepted"] is accepted
    ]
