"""Bearer tokens of the suite: minted as they should be, or signed by hand as they should not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from types import EllipsisType
from typing import Final, NamedTuple

import jwt

from arqonbus_conformance.findings import NotOffered

__all__ = ["ROLES", "TOKEN_SECONDS", "Credentials", "Token", "TokenPart", "mint", "sign"]

TOKEN_SECONDS: Final = 3600
"""How long a minted token lives, in seconds."""

ROLES: Final = {"admin": True, "user": False}
"""The roles that cases name instead of a token; the value says whether it is an administrator's."""

Token = str | EllipsisType | None
"""A raw token, None for none at all, ``...`` for the default one."""

TokenPart = Mapping[str, object] | str | bytes
"""The claims or the header of a token: an object, or a text or bytes in its place."""


def mint(secret: bytes, tenant_id: str, subject: str, *, admin: bool = False, **overrides: object) -> str:
    """A valid HS256 token; ``overrides`` replace claims, ``...`` as a value leaves one out."""
    issued = int(time.time())
    claims: dict[str, object] = {
        "sub": subject,
        "tenant_id": tenant_id,
        "iat": issued,
        "exp": issued + TOKEN_SECONDS,
    }
    if admin:
        claims["role"] = "admin"
    claims |= overrides
    kept = {name: value for name, value in claims.items() if value is not ...}
    return sign(kept, secret=secret)


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def sign(claims: TokenPart, *, secret: bytes, header: TokenPart | None = None) -> str:
    """A compact JWS over ``claims`` with an HMAC-SHA256 signature, whatever claims and header say.

    Text and bytes are taken as they are, so that duplicate keys, NaN and nonsense can be signed. A plain token
    (a mapping and no header of its own) is made by PyJWT, so that the suite's own arithmetic is not its only judge.
    """
    if header is None and isinstance(claims, Mapping) and not _beyond_pyjwt(claims, secret):
        return jwt.encode(dict(claims), secret, algorithm="HS256")
    head = header if header is not None else {"alg": "HS256", "typ": "JWT"}
    signed = f"{_segment(_document(head))}.{_segment(_document(claims))}"
    return f"{signed}.{_segment(hmac.new(secret, signed.encode('ascii'), hashlib.sha256).digest())}"


def _beyond_pyjwt(claims: Mapping[str, object], secret: bytes) -> bool:
    # PyJWT refuses what a hostile issuer would write: an issuer that is no string, a key shorter than the hash.
    return len(secret) < 32 or not isinstance(claims.get("iss", ""), str)


def _document(part: TokenPart) -> bytes:
    if isinstance(part, bytes):
        return part
    return (part if isinstance(part, str) else json.dumps(part, separators=(",", ":"))).encode()


class Credentials(NamedTuple):
    """What the suite may show to a deployment; nothing where authentication is off.

    ``tokens`` are ready-made ones by (tenant, administrator?); a ``secret`` makes any other.
    """

    enabled: bool = False
    secret: bytes | None = None
    tokens: Mapping[tuple[str, bool], str] = {}

    def token(self, tenant: str, namespace: str, *, admin: bool = False, **overrides: object) -> str:
        """A token of a tenant that belongs to this namespace alone where tokens can be minted.

        Raises:
            NotOffered: there is neither a secret nor a ready-made token for that.
        """
        if self.secret is not None:
            kind = "admin" if admin else "user"
            return mint(
                self.secret, f"{tenant}-{namespace}", f"{kind}-{tenant}-{namespace}", admin=admin, **overrides
            )
        ready = self.tokens.get((tenant, admin))
        if ready is None or overrides:
            kind = "an administrator" if admin else "a user"
            raise NotOffered(
                f"the target offers no token of {kind} of tenant {tenant!r} with claims {overrides}"
            )
        return ready

    def bearer(self, token: Token, tenant: str, namespace: str, *, admin: bool) -> dict[str, str]:
        """The Authorization header for ``token``; empty where there is nothing to show.

        Raises:
            NotOffered: there is no default token for that.
        """
        if isinstance(token, EllipsisType):
            if not self.enabled:
                return {}
            token = self.token(tenant, namespace, admin=admin)
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def bearer_of(self, who: Token, tenant: str, namespace: str) -> dict[str, str]:
        """As ``bearer``, for one of ``ROLES``, or for any other token as an administrator.

        Raises:
            NotOffered: there is no default token for that.
        """
        if isinstance(who, str) and who in ROLES:
            return self.bearer(..., tenant, namespace, admin=ROLES[who])
        return self.bearer(who, tenant, namespace, admin=True)

    def signed(self, claims: TokenPart, header: TokenPart | None = None, secret: bytes | None = None) -> str:
        """A token over exactly these claims, by this secret or the deployment's.

        Raises:
            NotOffered: no secret is known.
        """
        key = secret if secret is not None else self.secret
        if key is None:
            raise NotOffered("the target offers no signing secret")
        return sign(claims, secret=key, header=header)
