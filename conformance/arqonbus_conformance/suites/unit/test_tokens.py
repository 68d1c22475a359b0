"""Which token opens a session on the bus, where it is looked for, and when the session ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Refusal
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.admission import opens, refused
from arqonbus_conformance.suites.unit.signing import OTHER_SECRET, token_of, token_vectors

LEEWAY_SECONDS = 5

NO_BEARER = [
    "",
    "Bearer",
    "Bearer ",
    "Basic YW5uOnB3",
    "Token TOKEN",
    "TOKEN",
    "Bearer: TOKEN",
    "bearerTOKEN",
]


@requirement("AUTH-001")
@needs("auth")
@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_no_token_is_answered_401(bus: Bus, path: str) -> None:
    """Without Authorization the upgrade is refused as missing; with a token it is granted before and after."""
    await opens(bus)

    outcome = await bus.upgrade(token=None, path=path)

    refused(outcome, "missing")
    await opens(bus)


@requirement("AUTH-001", "AUTH-008")
@needs("auth")
@pytest.mark.parametrize("value", NO_BEARER)
async def test_what_is_no_bearer_token_is_answered_401(bus: Bus, value: str) -> None:
    """Another scheme, an empty token or a token without its scheme opens nothing."""
    await opens(bus)

    outcome = await bus.upgrade(token=None, headers={"Authorization": value.replace("TOKEN", bus.token())})

    refused(outcome)
    await opens(bus)


@requirement("AUTH-001")
@needs("auth")
async def test_two_authorizations_open_nothing(bus: Bus) -> None:
    """Two Authorization headers are no authorization, whichever of them is good."""
    good = f"Bearer {bus.token()}"

    outcomes = [
        await bus.upgrade(token=None, headers={"Authorization": pair})
        for pair in (["Bearer x.y.z", good], [good, "Bearer x.y.z"])
    ]

    for outcome in outcomes:
        assert isinstance(outcome, Refusal)
        assert outcome.status in (400, 401), outcome
    await opens(bus)


@needs("auth")
@pytest.mark.parametrize("vector", token_vectors("AUTH-002", "AUTH-003", accepted=False))
async def test_a_token_that_is_wrong_is_answered_401(bus: Bus, vector: dict[str, Any]) -> None:
    """The golden vectors of signatures, times and claims; a good token opens before and after."""
    await opens(bus)

    outcome = await bus.upgrade(token=token_of(bus, vector))

    refused(outcome)
    await opens(bus)


@depth("smoke")
@needs("auth")
@pytest.mark.parametrize("vector", token_vectors("AUTH-002", "AUTH-003", "AUTH-004", accepted=True))
async def test_a_token_that_is_right_opens_a_session(bus: Bus, vector: dict[str, Any]) -> None:
    """The accepted twins: at the greatest lengths, with optional claims, within the leeway; the session is served."""
    client = await bus.connect("opened", token=token_of(bus, vector))

    assert client.welcome["payload"]["client_id"] == client.id
    await client.barrier()


@requirement("AUTH-002")
@needs("auth")
@pytest.mark.parametrize("place", [0, 1, 2], ids=["header", "claims", "signature"])
async def test_a_changed_token_is_answered_401(bus: Bus, place: int) -> None:
    """One changed character in header, claims or signature spoils the token."""
    token = bus.token()
    parts = token.split(".")
    part = parts[place]
    parts[place] = part[:8] + ("A" if part[8] != "A" else "B") + part[9:]

    outcome = await bus.upgrade(token=".".join(parts))

    refused(outcome)
    await opens(bus, token)


@requirement("AUTH-002")
@needs("auth")
async def test_another_tokens_signature_does_not_fit(bus: Bus) -> None:
    """The signature of one good token under the claims of another opens nothing."""
    mine, yours = bus.token(), bus.token(sub="another")
    forged = ".".join([*mine.split(".")[:2], yours.split(".")[2]])

    outcome = await bus.upgrade(token=forged)

    refused(outcome)
    await opens(bus, mine)


@depth("smoke")
@requirement("AUTH-002")
@needs("auth")
async def test_the_leeway_is_5_seconds(bus: Bus) -> None:
    """A nbf some seconds ahead is forgiven, one far beyond the leeway is not."""
    now = int(time.time())

    early = await bus.upgrade(token=bus.token(nbf=now + 2 * LEEWAY_SECONDS + 2))

    refused(early, "rejected")
    await opens(bus, bus.token(nbf=now + LEEWAY_SECONDS - 3))


@requirement("AUTH-005")
@needs("auth")
@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "jwt"])
async def test_a_token_in_the_query_is_not_looked_at(bus: Bus, name: str) -> None:
    """A good token in the query string is no token at all."""
    outcome = await bus.upgrade(token=None, path=f"/?{name}={bus.token()}")

    refused(outcome, "missing")


@requirement("AUTH-005")
@needs("auth")
@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "token=TOKEN; access_token=TOKEN; Authorization=Bearer TOKEN"},
        {"Sec-WebSocket-Protocol": "bearer, TOKEN"},
        {"Sec-WebSocket-Protocol": "TOKEN"},
        {"Proxy-Authorization": "Bearer TOKEN"},
        {"X-Authorization": "Bearer TOKEN"},
    ],
    ids=["cookie", "subprotocol-pair", "subprotocol", "proxy", "x"],
)
async def test_a_token_in_another_header_is_not_looked_at(bus: Bus, headers: dict[str, str]) -> None:
    """A good token in a cookie, a subprotocol or another header is no token at all."""
    token = bus.token()

    outcome = await bus.upgrade(
        token=None, headers={name: value.replace("TOKEN", token) for name, value in headers.items()}
    )

    refused(outcome, "missing")
    await opens(bus, token)


@depth("smoke")
@requirement("AUTH-005")
@needs("auth")
async def test_a_bad_token_elsewhere_does_not_matter(bus: Bus) -> None:
    """The accepted twin: with a good token in Authorization, what stands elsewhere is not looked at."""
    outcome = await bus.upgrade(
        path="/?token=nonsense", headers={"Cookie": "token=nonsense", "X-Authorization": "Bearer nonsense"}
    )

    assert isinstance(outcome, Client), outcome
    await outcome.barrier()


@requirement("AUTH-007")
@needs("auth")
async def test_a_session_ends_when_its_token_expires(bus: Bus) -> None:
    """The session is served until its token expires, then closed with 4401; another one goes on."""
    expires = int(time.time()) + 2
    ann = await bus.connect("ann", token=bus.token(exp=expires))
    bob = await bus.connect("bob")
    await ann.barrier()

    close = await ann.closed(within=2 + LEEWAY_SECONDS + 5)

    expect.equal(close.code, 4401, "close code")
    assert time.time() >= expires - LEEWAY_SECONDS
    await bob.barrier()


@requirement("AUTH-008")
@needs("auth")
async def test_a_401_does_not_say_what_is_wrong(bus: Bus) -> None:
    """An expired token, a forged one and one without a claim get the same answer, byte for byte."""
    claims = bus.claims()
    tokens = [
        bus.token(exp=claims["iat"] - 60),
        bus.token(nbf=claims["iat"] + 600),
        bus.sign(claims, secret=OTHER_SECRET),
        bus.token(sub=...),
        bus.sign(claims | {"tenant_id": 5}),
    ]

    outcomes = [await bus.upgrade(token=token) for token in tokens]

    for outcome in outcomes:
        refused(outcome, "rejected")
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    expect.equal(len({outcome.body for outcome in refusals}), 1, "number of different bodies")
    # A challenge may hold an error and its description (RFC 6750): they would be as talkative as a body.
    challenges = {outcome.headers["WWW-Authenticate"] for outcome in refusals}
    expect.equal(len(challenges), 1, "number of different challenges")
    await opens(bus)


@requirement("AUTH-008", "INT-002")
@needs("auth")
@pytest.mark.parametrize("token", ["x", "x.y", "x.y.z", "a.b.c.d", "..", "\u00e9.\u00e9.\u00e9", "x" * 4000])
async def test_what_is_no_token_is_answered_without_a_story(bus: Bus, token: str) -> None:
    """Nonsense gets the same three fields as anything else, and no parser speaks."""
    outcome = await bus.upgrade(token=token)

    refused(outcome)
    await opens(bus)
