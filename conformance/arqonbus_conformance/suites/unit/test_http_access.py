"""Who may ask over HTTP, and what a browser of another origin may read."""

from __future__ import annotations

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.plugin import depth, needs, requirement

ADMINISTRATION = [
    "/status",
    "/metrics",
    "/metrics/prometheus",
    "/storage/stats",
    "/storage/history?room=r",
    "/system/info",
    "/system/config",
    "/telemetry/stats",
    "/openapi.json",
]

ANSWERED = [("/health", 200, "status"), ("/status", 200, "server"), ("/nowhere", 404, "error")]
"""A path, the status of its answer to an administrator, and a field of it."""

FOREIGN_ORIGINS = ["https://evil.example", "null", "http://localhost", "https://evil.example\t", "*"]


@requirement("HTTP-013")
@needs("http", "auth")
@pytest.mark.parametrize("path", ADMINISTRATION)
async def test_administration_needs_an_administrators_token(http: Http, path: str) -> None:
    """Without a token 401 with WWW-Authenticate, with another's 403, with an administrator's 200."""
    without, user, admin = [await http.get(path, token=token) for token in (None, "user", "admin")]

    expect.equal((without.status, user.status, admin.status), (401, 403, 200), "statuses")
    assert without.headers.get("www-authenticate", "").startswith("Bearer")
    for refused in (without, user):
        assert isinstance(refused.json()["error"], str)


@requirement("HTTP-013")
@needs("http", "auth")
@pytest.mark.parametrize("fault", ["garbage", "expired", "other-secret", "no-exp"])
async def test_a_bad_token_is_answered_401(http: Http, bus: Bus, fault: str) -> None:
    """A token that the bus would refuse opens no administration either, whatever role it claims."""
    claims = bus.claims(admin=True)
    token = {
        "garbage": "x.y.z",
        "expired": bus.token(admin=True, exp=claims["iat"] - 60),
        "other-secret": bus.sign(claims, secret=b"another secret of thirty-two bytes or so"),
        "no-exp": bus.token(admin=True, exp=...),
    }[fault]

    response = await http.get("/status", token=token)

    expect.equal(response.status, 401, "status")
    assert response.headers.get("www-authenticate", "").startswith("Bearer")
    expect.equal((await http.get("/status")).status, 200, "status with a good token")


@depth("smoke")
@requirement("AUTH-008", "HTTP-013")
@needs("http", "auth")
async def test_a_401_over_http_does_not_say_what_is_wrong(http: Http, bus: Bus) -> None:
    """Beside missing and malformed there is one answer to every bad token, in its body and in its challenge."""
    claims = bus.claims(admin=True)
    tokens = [
        None,
        "x",
        bus.token(admin=True, exp=claims["iat"] - 60),
        bus.token(admin=True, nbf=claims["iat"] + 600),
        bus.sign(claims, secret=b"another secret of thirty-two bytes or so"),
        bus.token(admin=True, sub=...),
    ]

    answers = [await http.get("/status", token=token) for token in tokens]

    expect.equal({answer.status for answer in answers}, {401}, "statuses")
    expect.equal(
        [answer.json()["details"] for answer in answers],
        ["missing", "malformed", *["rejected"] * 4],
        "details",
    )
    expect.equal(len({answer.text for answer in answers[2:]}), 1, "number of different bodies")
    challenges = {answer.headers["WWW-Authenticate"] for answer in answers}
    expect.equal(len(challenges), 1, "number of different challenges")


@requirement("HTTP-013")
@needs("http", "auth")
@pytest.mark.parametrize("role", ["Admin", "ADMIN", "admin ", "administrator", "root", ""])
async def test_only_the_role_admin_administrates(http: Http, bus: Bus, role: str) -> None:
    """A role that merely looks like it is none."""
    response = await http.get("/status", token=bus.token(role=role))

    expect.equal(response.status, 403, "status")
    expect.equal((await http.get("/status", token=bus.token(role="admin"))).status, 200, "status for admin")


@requirement("HTTP-013")
@needs("http", "auth")
async def test_a_token_elsewhere_is_not_looked_at(http: Http, bus: Bus) -> None:
    """A token in a cookie or another header is none."""
    token = bus.token(admin=True)

    answers = [
        await http.get("/status", token=None, headers=headers)
        for headers in ({"Cookie": f"token={token}"}, {"X-Authorization": f"Bearer {token}"})
    ]

    expect.equal([answer.status for answer in answers], [401, 401], "statuses")
    expect.equal(
        (await http.get("/status", token=token)).status, 200, "status with the token where it belongs"
    )


@requirement("HTTP-013")
@needs("http", "no-auth")
@pytest.mark.parametrize("path", ADMINISTRATION)
async def test_administration_is_open_where_authentication_is_off(http: Http, path: str) -> None:
    """In dev without authentication every path answers without a token."""
    response = await http.get(path, token=None)

    expect.equal(response.status, 200, "status")


@requirement("HTTP-014")
@needs("http")
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(("path", "status", "field"), ANSWERED)
async def test_a_foreign_origin_is_not_echoed(
    http: Http, path: str, status: int, field: str, origin: str
) -> None:
    """No answer allows a browser page of another origin, or any page, to read it; without an origin it is answered."""
    plain = await http.get(path)
    response = await http.get(path, headers={"Origin": origin})

    expect.equal((await http.get("/ready")).status, 200, "status of /ready")
    expect.equal(plain.status, status, "status without an origin")
    expect.that(field in plain.json(), f"the answer has no {field}", actual=plain.text)
    assert "access-control-allow-origin" not in response.headers, response.headers
    assert "access-control-allow-credentials" not in response.headers, response.headers


@depth("smoke")
@requirement("HTTP-014")
@needs("http")
async def test_a_preflight_of_a_foreign_origin_allows_nothing(http: Http) -> None:
    """What a browser asks before a request with a token is not granted."""
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }

    response = await http.get("/status", method="OPTIONS", headers=asked)

    allowed = [name for name in response.headers if name.startswith("access-control-allow")]
    expect.equal(allowed, [], "CORS headers")
    expect.that("server" in (await http.get("/status")).json(), "/status does not answer without an origin")
