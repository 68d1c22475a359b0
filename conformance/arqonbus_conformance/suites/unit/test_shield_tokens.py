"""Which token opens a session at Shield, where it is looked for, and when the session ends."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client, Refusal
from arqonbus_conformance.edge import Shield
from arqonbus_conformance.findings import Unanswered
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.conditions import eventually
from arqonbus_conformance.suites.unit.admission import opens, refused, refused_alike
from arqonbus_conformance.suites.unit.shield_vectors import shield_vectors
from arqonbus_conformance.suites.unit.signing import OTHER_SECRET, token_of
from arqonbus_conformance.wire import Close

LEEWAY_SECONDS = 5


@depth("smoke")
@requirement("AUTH-011")
async def test_no_token_is_answered_401_by_shield(shield: Shield) -> None:
    """Without Authorization the upgrade is refused as missing; with a token it is granted before and after."""
    await opens(shield)

    outcome = await shield.upgrade(token=None)

    refused(outcome, "missing")
    await opens(shield)


@requirement("AUTH-011")
@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YW5uOnB3", "Token TOKEN", "TOKEN", "bearerTOKEN"]
)
async def test_what_is_no_bearer_token_is_answered_401_by_shield(shield: Shield, value: str) -> None:
    """Another scheme, an empty token or a token without its scheme opens nothing."""
    outcome = await shield.upgrade(
        token=None, headers={"Authorization": value.replace("TOKEN", shield.token())}
    )

    refused(outcome)
    await opens(shield)


@requirement("AUTH-011")
async def test_two_authorizations_open_nothing_at_shield(shield: Shield) -> None:
    """Two Authorization headers are no authorization, whichever of them is good."""
    good = f"Bearer {shield.token()}"

    outcomes = [
        await shield.upgrade(token=None, headers={"Authorization": pair})
        for pair in (["Bearer x.y.z", good], [good, "Bearer x.y.z"])
    ]

    for outcome in outcomes:
        assert isinstance(outcome, Refusal)
        assert outcome.status in (400, 401), outcome
    await opens(shield)


@pytest.mark.parametrize("vector", shield_vectors("AUTH-012", "AUTH-013", accepted=False))
async def test_a_token_that_is_wrong_is_answered_401_by_shield(
    shield: Shield, vector: dict[str, Any]
) -> None:
    """The golden vectors of signatures, times and claims; a good token opens before and after."""
    await opens(shield)

    outcome = await shield.upgrade(token=token_of(shield, vector))

    refused(outcome)
    await opens(shield)


@pytest.mark.parametrize("vector", shield_vectors("AUTH-012", "AUTH-013", "AUTH-014", accepted=True))
async def test_a_token_that_is_right_opens_a_session_at_shield(
    shield: Shield, vector: dict[str, Any]
) -> None:
    """The accepted twins: at the greatest lengths, with optional claims, within the leeway; the session is served."""
    client = await shield.connect("opened", token=token_of(shield, vector))

    assert client.welcome["payload"]["client_id"] == client.id
    await client.barrier()


@requirement("AUTH-012")
@pytest.mark.parametrize("place", [0, 1, 2], ids=["header", "claims", "signature"])
async def test_a_changed_token_is_answered_401_by_shield(shield: Shield, place: int) -> None:
    """One changed character in header, claims or signature spoils the token, which opens before and after."""
    token = shield.token()
    await opens(shield, token)
    parts = token.split(".")
    part = parts[place]
    parts[place] = part[:8] + ("A" if part[8] != "A" else "B") + part[9:]

    outcome = await shield.upgrade(token=".".join(parts))

    refused(outcome)
    await opens(shield, token)


@requirement("AUTH-012")
async def test_a_token_that_was_good_is_answered_401_by_shield_once_it_expired(shield: Shield) -> None:
    """That it has opened a session does not count when it is shown again after its end and the leeway."""
    expires = int(time.time()) + 3 - LEEWAY_SECONDS
    token = shield.token(exp=expires)
    await opens(shield, token)

    async def shown_again() -> Refusal | Client:
        outcome = await shield.upgrade(token=token)
        if isinstance(outcome, Client):
            outcome.abort()  # whether and how sessions end is another requirement
        return outcome

    outcome = await eventually(
        "the upgrade being refused",
        shown_again,
        lambda outcome: isinstance(outcome, Refusal),
        within=3 + 2 * LEEWAY_SECONDS,
    )

    refused(outcome)
    await opens(shield)


@requirement("AUTH-015")
@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "jwt"])
async def test_shield_does_not_look_at_a_token_in_the_query(shield: Shield, name: str) -> None:
    """A good token in the query string is no token at all: the answer is the one to an upgrade without any."""
    without = await shield.upgrade(token=None)

    outcome = await shield.upgrade(token=None, path=f"/ws?{name}={shield.token()}")

    refused_alike(outcome, without)
    await opens(shield)


@requirement("AUTH-015")
@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "token=TOKEN; access_token=TOKEN; Authorization=Bearer TOKEN"},
        {"Sec-WebSocket-Protocol": "bearer, TOKEN"},
        {"Proxy-Authorization": "Bearer TOKEN"},
        {"X-Authorization": "Bearer TOKEN"},
    ],
    ids=["cookie", "subprotocol", "proxy", "x"],
)
async def test_shield_does_not_look_at_a_token_elsewhere(shield: Shield, headers: dict[str, str]) -> None:
    """A good token in a cookie, a subprotocol or another header is no token at all: the answer is the one to none."""
    token = shield.token()
    without = await shield.upgrade(token=None)

    outcome = await shield.upgrade(
        token=None, headers={name: value.replace("TOKEN", token) for name, value in headers.items()}
    )

    refused_alike(outcome, without)
    await opens(shield, token)


@requirement("AUTH-015")
async def test_a_bad_token_elsewhere_does_not_matter_to_shield(shield: Shield) -> None:
    """The accepted twin: with a good token in Authorization, what stands elsewhere is not looked at."""
    outcome = await shield.upgrade(path="/ws?token=nonsense", headers={"Cookie": "token=nonsense"})

    assert isinstance(outcome, Client), outcome
    await outcome.barrier()


@requirement("AUTH-017")
async def test_a_session_at_shield_ends_when_its_token_expires(shield: Shield) -> None:
    """The session is served until its token expires, then closed with 4401; another one goes on."""
    expires = int(time.time()) + 2
    ann = await shield.connect("ann", token=shield.token(exp=expires))
    bob = await shield.connect("bob")
    await ann.barrier()

    close = await ann.closed(within=2 + LEEWAY_SECONDS + 5)

    expect.equal(close.code, 4401, "close code")
    assert time.time() >= expires - LEEWAY_SECONDS
    await bob.barrier()


@requirement("AUTH-017")
async def test_a_busy_session_at_shield_ends_when_its_token_expires(shield: Shield) -> None:
    """A client that never falls silent is closed with 4401 as well: the end of a token is no idle time."""
    expires = int(time.time()) + 2
    ann = await shield.connect("ann", token=shield.token(exp=expires))
    await ann.barrier()  # until then it is served

    async def end_after_a_frame() -> Close | None:
        with suppress(Unanswered):  # how it ends is asked, not whether the last frame was still answered
            await ann.barrier()
        return ann.connection.end

    close = await eventually(
        "the busy session being closed", end_after_a_frame, bool, within=2 + LEEWAY_SECONDS + 5
    )

    assert close is not None
    expect.equal(close.code, 4401, "close code")
    assert time.time() >= expires - LEEWAY_SECONDS


@requirement("AUTH-018")
async def test_a_401_of_shield_does_not_say_what_is_wrong(shield: Shield) -> None:
    """An expired token, a forged one and one without a claim get the same answer, byte for byte."""
    claims = shield.claims()
    tokens = [
        shield.token(exp=claims["iat"] - 60),
        shield.token(nbf=claims["iat"] + 600),
        shield.sign(claims, secret=OTHER_SECRET),
        shield.token(sub=...),
        shield.sign(claims | {"tenant_id": 5}),
    ]

    outcomes = [await shield.upgrade(token=token) for token in tokens]

    for outcome in outcomes:
        refused(outcome, "rejected")
        refused_alike(outcome, outcomes[0])
    await opens(shield)


@requirement("AUTH-018")
@pytest.mark.parametrize("token", ["x", "x.y", "x.y.z", "a.b.c.d", "..", "\u00e9.\u00e9.\u00e9", "x" * 4000])
async def test_what_is_no_token_is_answered_without_a_story_by_shield(shield: Shield, token: str) -> None:
    """Nonsense gets the same fields as anything else, and no parser speaks."""
    outcome = await shield.upgrade(token=token)

    refused(outcome)
    await opens(shield)
