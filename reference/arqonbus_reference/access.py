"""Who may come in: one bearer token, HS256, read as strictly as it can be."""

import json
import math
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

MAX_TOKEN_BYTES: Final = 8192
MAX_NUMBER: Final = 2**53
"""The largest number a token may hold; JSON readers disagree beyond."""
MAX_CLAIM_CHARACTERS: Final = 128
MAX_CONTAINERS: Final = 256
"""Objects and arrays in a token's header or claims; how deep a JSON reader can go differs between Pythons."""
LEEWAY_SECONDS: Final = 5.0

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")

Details = Literal["missing", "malformed", "rejected"]


class Principal(NamedTuple):
    """Whom a token names; `expires_at` (seconds since the epoch) is when its session must end."""

    tenant: str
    subject: str
    admin: bool
    expires_at: float | None


ANONYMOUS: Final = Principal("default", "", admin=False, expires_at=None)
"""Every client while authentication is off."""


class RejectedError(Exception):
    """No entry; `details` is all that the client may be told."""

    def __init__(self, details: Details) -> None:
        super().__init__(details)
        self.details: Details = details


class Authenticator:
    """Turns Authorization headers into a principal; needs a secret of at least 32 bytes."""

    def __init__(
        self,
        secret: str,
        *,
        leeway_seconds: float = LEEWAY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        import jwt  # noqa: PLC0415 - 0.1 s of CPU that a start without authentication should not pay

        self._key = secret.encode()
        if len(self._key) < 32:
            raise ValueError("secret: too short; allowed: at least 32 bytes")
        self._signatures = jwt.PyJWS(algorithms=["HS256"])
        self._invalid = jwt.InvalidTokenError
        self._leeway_seconds = leeway_seconds
        self._clock = clock

    def authenticate(self, authorizations: Sequence[str]) -> Principal:
        """The principal named by the only Authorization header.

        Raises:
            RejectedError: missing (no header), malformed (no single well-formed bearer token), rejected (any other reason).
        """
        if not authorizations:
            raise RejectedError("missing")
        # AUTH-006: bounded before anything reads it; 16 bytes for the scheme and spaces
        if len(authorizations) > 1 or len(authorizations[0]) > MAX_TOKEN_BYTES + 16:
            raise RejectedError("malformed")
        carried = _BEARER.fullmatch(authorizations[0])
        if carried is None or len(carried[1]) > MAX_TOKEN_BYTES:
            raise RejectedError("malformed")
        try:
            return self._principal(carried[1])
        except (self._invalid, ValueError):
            # AUTH-008: which check failed is nobody's business
            raise RejectedError("rejected") from None

    def _principal(self, token: str) -> Principal:
        verified = self._signatures.decode_complete(token, self._key, algorithms=["HS256"])
        # PyJWT read the header leniently (last duplicate wins): read it again, strictly.
        _check_header(_json_object(_header_bytes(token)))
        claims = _json_object(verified["payload"])
        subject, tenant = _text(claims, "sub", 1), _text(claims, "tenant_id", 0)
        role = _text(claims, "role", 0) if "role" in claims else ""
        now, leeway = self._clock(), self._leeway_seconds
        expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
        begins = _instant(claims, "nbf") if "nbf" in claims else issued
        if now >= expires + leeway or now < issued - leeway or now < begins - leeway:
            raise ValueError("not valid now")
        # A token accepted within its leeway would otherwise open a session that is over at once.
        session_end = float(expires) if now < expires else expires + leeway
        return Principal(tenant, subject, role == "admin", session_end)


def _header_bytes(token: str) -> bytes:
    segment = token.partition(".")[0]
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _check_header(header: dict[str, Any]) -> None:
    # AUTH-004: exactly HS256, whatever else PyJWT may learn to accept
    if header.get("alg") != "HS256" or "crit" in header or "b64" in header:
        raise ValueError("header")


def _json_object(encoded: bytes) -> dict[str, Any]:
    """The object, without duplicate keys, non-finite or absurd numbers (AUTH-006)."""
    if encoded.count(b"[") + encoded.count(b"{") > MAX_CONTAINERS:
        raise ValueError("too many objects and arrays")
    # json.loads(bytes) would guess at UTF-16 and UTF-32
    value = json.loads(
        encoded.decode("utf-8"),
        object_pairs_hook=_unique,
        parse_constant=_refuse,
        parse_int=_bounded_int,
        parse_float=_bounded_float,
    )
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one exception for every fault of a token
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _bounded_int(digits: str) -> int:
    number = int(digits) if len(digits) <= 17 else MAX_NUMBER + 1
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError("absurd number")
    return number


def _bounded_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or not 0 <= number <= MAX_NUMBER:
        raise ValueError("absurd number")
    return number


def _text(claims: dict[str, Any], name: str, low: int) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not low <= len(value) <= MAX_CLAIM_CHARACTERS:
        raise ValueError(name)
    value.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
    return value


def _instant(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:  # a bool is an int to isinstance
        raise ValueError(name)
    return value
