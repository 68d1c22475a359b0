import base64
import json
import time

import jwt
import pytest
from arqonbus_conformance.findings import NotOffered
from arqonbus_conformance.tokens import Credentials, mint, sign

SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_minted_token_is_one_for_anybody() -> None:
    """PyJWT accepts it, and the claims are those the specification asks for."""
    claims = jwt.decode(mint(SECRET, "t", "ann"), SECRET, algorithms=["HS256"])

    assert {"sub", "tenant_id", "iat", "exp"} == set(claims)
    assert claims["exp"] > time.time()


def test_an_administrators_token_says_so() -> None:
    """And claims can be replaced or left out."""
    claims = jwt.decode(mint(SECRET, "t", "ann", admin=True, sub=..., nbf=1), SECRET, algorithms=["HS256"])

    assert claims["role"] == "admin"
    assert claims["nbf"] == 1
    assert "sub" not in claims


@pytest.mark.parametrize("claims", ['{"sub":"a","sub":"b"}', b'{"exp":NaN}'])
def test_nonsense_can_be_signed_rightly(claims: str | bytes) -> None:
    """Raw text goes in as it is, and the signature over it is right."""
    token = sign(claims, secret=SECRET)

    head, body, _ = token.split(".")
    raw = claims.encode() if isinstance(claims, str) else claims
    assert base64.urlsafe_b64decode(body + "==") == raw
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}


def test_both_signers_agree() -> None:
    """A token signed by hand is the token PyJWT makes."""
    claims = {"sub": "ann", "exp": 2_000_000_000}

    by_hand = sign(claims, secret=SECRET, header={"alg": "HS256", "typ": "JWT"})

    assert jwt.decode(by_hand, SECRET, algorithms=["HS256"]) == claims


def test_a_short_secret_can_be_signed_with() -> None:
    """A hostile issuer has no minimum."""
    assert sign({"sub": "ann"}, secret=b"short").count(".") == 2


def test_ready_made_tokens_stand_where_no_secret_is() -> None:
    """But nothing else can be made of them."""
    credentials = Credentials(enabled=True, tokens={("a", False): "ready"})

    assert credentials.token("a", "n") == "ready"
    for refused in (
        lambda: credentials.token("b", "n"),
        lambda: credentials.token("a", "n", sub="x"),
        lambda: credentials.signed({}),
    ):
        with pytest.raises(NotOffered):
            refused()


def test_tenants_of_two_cases_differ() -> None:
    """A namespace has tenants of its own where tokens can be minted."""
    credentials = Credentials(enabled=True, secret=SECRET)

    tenants = {
        jwt.decode(credentials.token("a", namespace), SECRET, algorithms=["HS256"])["tenant_id"]
        for namespace in ("n1", "n2")
    }

    assert len(tenants) == 2
    assert jwt.decode(credentials.signed({"sub": "x"}), SECRET, algorithms=["HS256"]) == {"sub": "x"}
