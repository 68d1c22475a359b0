"""Tokens are read strictly, and refusals say nothing."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from arqonbus_reference.access import MAX_NUMBER, Authenticator, Principal, RejectedError
from hypothesis import given
from hypothesis import strategies as st

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
NOW = 1_800_000_000
CLAIMS = {"sub": "ann", "tenant_id": "acme", "iat": NOW - 10, "exp": NOW + 60}
HEADER = {"alg": "HS256", "typ": "JWT"}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def token(claims: Any = CLAIMS, header: Any = HEADER, secret: str = SECRET) -> str:
    """A signed token; a str is taken as the JSON text itself."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signing_input = ".".join(encoded(text.encode()) for text in texts)
    signature = hmac.digest(secret.encode(), signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{encoded(signature)}"


def bearer(*args: Any, **kwargs: Any) -> list[str]:
    return [f"Bearer {token(*args, **kwargs)}"]


def claims_text(extra: str) -> str:
    return json.dumps(CLAIMS)[:-1] + f", {extra}}}"


def without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(SECRET, clock=lambda: NOW)


def test_a_good_token_names_its_principal(authenticator: Authenticator) -> None:
    """Tenant, subject and end of the session come from the claims."""
    principal = authenticator.authenticate(bearer())

    assert principal == Principal("acme", "ann", admin=False, expires_at=NOW + 60)


def test_only_the_role_admin_makes_an_administrator(authenticator: Authenticator) -> None:
    """The role is compared as written."""
    roles = ["admin", "Admin", "admin ", "user", ""]

    administrators = [
        role for role in roles if authenticator.authenticate(bearer({**CLAIMS, "role": role})).admin
    ]

    assert administrators == ["admin"]


def test_no_header_is_missing(authenticator: Authenticator) -> None:
    """Without an Authorization header nothing was offered."""
    with pytest.raises(RejectedError) as refusal:
        authenticator.authenticate([])

    assert refusal.value.details == "missing"


@pytest.mark.parametrize(
    "headers",
    [
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic YTpi"],
        ["Bearer a.b"],
        ["Bearer a.b.c.d"],
        ["Bearer a.b.c "],
        ["Bearer\ta.b.c"],
        ["Bearer a.b.c="],
        ["Bearer ä.b.c"],
        [token()],
        [f"Token {token()}"],
        [*bearer(), *bearer()],
        [f"Bearer {token()},Bearer {token()}"],
        ["Bearer " + "a" * 8190 + ".b.c"],
        ["Bearer " + " " * 100_000 + token()],
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_single_bearer_token_is_malformed(
    authenticator: Authenticator, headers: list[str]
) -> None:
    """One header, one scheme, three segments of base64url, 8192 bytes at most."""
    with pytest.raises(RejectedError) as refusal:
        authenticator.authenticate(headers)

    assert refusal.value.details == "malformed"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_may_be_written_in_any_case(authenticator: Authenticator, scheme: str) -> None:
    """RFC 9110: the scheme is case-insensitive, one or more spaces follow."""
    assert authenticator.authenticate([f"{scheme} {token()}"]).subject == "ann"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "nOnE"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": "hs256"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "HS256 "},
        {"typ": "JWT"},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "b64": True},
        {"alg": "HS256", "kid": 7},
        '{"alg": "none", "alg": "HS256"}',
        '{"alg": "HS256", "x": NaN}',
        '["HS256"]',
        "HS256",
        "[" * 4000,
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_header_is_rejected(authenticator: Authenticator, header: Any) -> None:
    """Exactly alg HS256, no crit, no tricks, even when the signature over it is right."""
    with pytest.raises(RejectedError) as refusal:
        authenticator.authenticate(bearer(header=header))

    assert refusal.value.details == "rejected"


@pytest.mark.parametrize(
    "claims",
    [
        without("sub"),
        without("tenant_id"),
        without("exp"),
        without("iat"),
        {**CLAIMS, "sub": ""},
        {**CLAIMS, "sub": 7},
        {**CLAIMS, "sub": None},
        {**CLAIMS, "sub": "s" * 129},
        {**CLAIMS, "sub": "\ud800"},
        {**CLAIMS, "tenant_id": 7},
        {**CLAIMS, "tenant_id": "t" * 129},
        {**CLAIMS, "role": ["admin"]},
        {**CLAIMS, "role": None},
        {**CLAIMS, "exp": True},
        {**CLAIMS, "exp": str(NOW + 60)},
        {**CLAIMS, "exp": NOW + 60.5},
        {**CLAIMS, "exp": float(NOW + 60)},
        {**CLAIMS, "exp": MAX_NUMBER + 1},
        {**CLAIMS, "exp": -1},
        {**CLAIMS, "iat": True},
        {**CLAIMS, "iat": NOW + 6},
        {**CLAIMS, "nbf": NOW + 6},
        {**CLAIMS, "nbf": "0"},
        {**CLAIMS, "nbf": False},
        {**CLAIMS, "exp": NOW - 5},
        claims_text('"sub": "bob"'),
        claims_text('"a": {"b": 1, "b": 2}'),
        claims_text('"a": NaN'),
        claims_text('"a": -Infinity'),
        claims_text('"a": 1e999'),
        claims_text('"a": 1e17'),
        claims_text('"a": -1'),
        claims_text('"a": ' + "9" * 5000),
        claims_text('"a": ' + "[" * 2000 + "]" * 2000),
        json.dumps([CLAIMS]),
        " ",
        "{",
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_claims_are_rejected(authenticator: Authenticator, claims: Any) -> None:
    """Absent, ill-typed, duplicate, absurd or out of time: the answer is the same word."""
    with pytest.raises(RejectedError) as refusal:
        authenticator.authenticate(bearer(claims))

    assert refusal.value.details == "rejected"
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    "claims",
    [
        {**CLAIMS, "tenant_id": ""},
        {**CLAIMS, "tenant_id": "t" * 128, "sub": "s" * 128},
        {**CLAIMS, "exp": MAX_NUMBER},
        {**CLAIMS, "iat": NOW + 5, "nbf": NOW + 5},
        {**CLAIMS, "aud": ["x"], "extra": {"deep": [1, 2.5, None, True]}},
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_edges_of_what_is_allowed_are_accepted(
    authenticator: Authenticator, claims: dict[str, Any]
) -> None:
    """The twin of the rejected claims: one step inside each bound."""
    assert authenticator.authenticate(bearer(claims)).tenant == claims["tenant_id"]


def test_a_token_within_its_leeway_has_the_rest_of_it(authenticator: Authenticator) -> None:
    """Four seconds after `exp` one second of leeway is left for the session."""
    principal = authenticator.authenticate(bearer({**CLAIMS, "exp": NOW - 4}))

    assert principal.expires_at == NOW + 1


def test_another_secret_is_rejected(authenticator: Authenticator) -> None:
    """A signature by anyone else is worth nothing."""
    with pytest.raises(RejectedError) as refusal:
        authenticator.authenticate(bearer(secret=SECRET[::-1]))

    assert refusal.value.details == "rejected"


def test_utf_16_claims_are_rejected(authenticator: Authenticator) -> None:
    """JSON readers that guess at encodings would accept them."""
    signing_input = f"{encoded(json.dumps(HEADER).encode())}.{encoded(json.dumps(CLAIMS).encode('utf-16'))}"
    signature = hmac.digest(SECRET.encode(), signing_input.encode(), hashlib.sha256)

    with pytest.raises(RejectedError):
        authenticator.authenticate([f"Bearer {signing_input}.{encoded(signature)}"])


def test_a_short_secret_is_refused() -> None:
    """31 bytes are too few for HS256."""
    with pytest.raises(ValueError, match="32 bytes"):
        Authenticator("x" * 31)


@given(st.text(max_size=200))
def test_no_header_value_breaks_the_authenticator(value: str) -> None:
    """Whatever is sent, the outcome is a RejectedError."""
    authenticator = Authenticator(SECRET, clock=lambda: NOW)

    with pytest.raises(RejectedError):
        authenticator.authenticate([f"Bearer {value}"])


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_byte_passes(position: int, byte: int) -> None:
    """A token with any one byte replaced by another is refused."""
    authenticator = Authenticator(SECRET, clock=lambda: NOW)
    good = token().encode()
    at = position % len(good)
    changed = good[:at] + bytes([byte if byte != good[at] else byte ^ 1]) + good[at + 1 :]

    with pytest.raises(RejectedError):
        authenticator.authenticate([f"Bearer {changed.decode('latin-1')}"])
