"""Tokens of an attacker: the algorithm, the header, the numbers, the size and the shape open nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Client, Refusal
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.admission import opens, refused
from arqonbus_conformance.suites.unit.signing import OTHER_SECRET, segment, signed, token_of, token_vectors
from arqonbus_fixtures.golden import filled

from arqonbus_adversarial.token_attacks import (
    CLAIMS,
    HEADER,
    SHAPES,
    SIGNED_ATTACKS,
    TOKEN_BYTES,
    SignedAttack,
    pointing_elsewhere,
)


def claims_of(bus: Bus, text: str = CLAIMS) -> str:
    """The claims with this moment and a tenant of this case filled in."""
    return filled(text, now=int(time.time()), tenant=bus.name("tenant"))


def padded(bus: Bus, size: int) -> str:
    """A good token of as many bytes as possible up to `size`."""
    claims = claims_of(bus)
    fits = ""
    for fill in range(size):
        token = signed(bus, HEADER, f'{claims[:-1]},"pad":"{"x" * (5800 + fill)}"}}')
        if len(token) > size:
            return fits
        fits = token
    return fits


@needs("auth")
@pytest.mark.parametrize("vector", token_vectors("AUTH-004", "AUTH-006", accepted=False))
async def test_a_forged_token_is_answered_401(bus: Bus, vector: dict[str, Any]) -> None:
    """The golden vectors of algorithms, critical headers, duplicates and numbers; a good token opens before and after."""
    await opens(bus)

    outcome = await bus.upgrade(token=token_of(bus, vector))

    refused(outcome)
    await opens(bus)


@needs("auth")
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(one, id=ascii(one.name), marks=pytest.mark.requirement(one.requirement))
        for one in SIGNED_ATTACKS
    ],
)
async def test_a_right_signature_saves_no_wrong_token(bus: Bus, attack: SignedAttack) -> None:
    """Signed with the deployment's own secret, and refused all the same."""
    outcome = await bus.upgrade(token=signed(bus, attack.header, claims_of(bus, attack.claims)))

    refused(outcome)
    await opens(bus)


@requirement("AUTH-004")
@needs("auth")
@pytest.mark.parametrize("number", range(len(pointing_elsewhere(""))))
async def test_a_header_cannot_choose_the_key(bus: Bus, number: int) -> None:
    """A key embedded, linked or named in the header is not the key."""
    header = pointing_elsewhere(segment(OTHER_SECRET))[number]

    outcomes = [
        await bus.upgrade(token=bus.sign(bus.claims(), header=header, secret=secret))
        for secret in (OTHER_SECRET, b"", b"\x00")
    ]

    for outcome in outcomes:
        refused(outcome)
    await opens(bus)


@requirement("AUTH-004", "AUTH-002")
@needs("auth")
@pytest.mark.parametrize("secret", [b"", b"secret", b"changeme", b"password", b"null", b"0" * 32], ids=repr)
async def test_no_usual_secret_signs(bus: Bus, secret: bytes) -> None:
    """The empty secret and the well-known ones are not the deployment's."""
    outcome = await bus.upgrade(token=bus.sign(bus.claims(admin=True), secret=secret))

    refused(outcome)
    await opens(bus)


@requirement("AUTH-006", "AUTH-002")
@needs("auth")
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_token_of_another_shape_is_answered_401(bus: Bus, shape: str) -> None:
    """Three parts joined by dots, as they are, and nothing else."""
    token = bus.token()
    header, claims, signature = token.split(".")

    outcome = await bus.upgrade(token=SHAPES[shape].format(h=header, c=claims, s=signature))

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    assert outcome.status in (400, 401), outcome
    await opens(bus, token)


@requirement("AUTH-006")
@needs("auth")
async def test_a_token_of_8192_bytes_is_read_and_a_longer_one_not(bus: Bus) -> None:
    """The longest good token opens a session; one just longer is refused."""
    longest = padded(bus, TOKEN_BYTES)
    too_long = padded(bus, TOKEN_BYTES + 4)

    client = await bus.connect("longest", token=longest)
    outcome = await bus.upgrade(token=too_long)

    assert len(longest) <= TOKEN_BYTES < len(too_long)
    refused(outcome)
    await client.barrier()


@depth("smoke")
@requirement("AUTH-006", "CONN-007")
@needs("auth")
@pytest.mark.parametrize("size", [9000, 20_000, 60_000])
async def test_a_giant_token_is_refused_without_harm(bus: Bus, size: int) -> None:
    """A token that is mostly padding is refused as a token or as a header too large."""
    outcome = await bus.upgrade(token=f"{bus.token()}{'x' * size}")

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    assert outcome.status in (400, 401, 431), outcome
    await opens(bus)


@requirement("AUTH-006", "INT-002")
@needs("auth")
@pytest.mark.parametrize("place", ["header", "claims"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_nesting_in_a_token_is_no_fault_of_the_deployment(bus: Bus, opening: str, place: str) -> None:
    """A thousand levels within a signed token are refused or ignored; they break nothing, and excuse no signature."""
    closing = "]" if opening == "[" else "}"
    deep = opening * 900 + "0" + closing * 900
    header, claims = HEADER, claims_of(bus)
    token = (
        signed(bus, f'{header[:-1]},"x":{deep}}}', claims)
        if place == "header"
        else signed(bus, header, f'{claims[:-1]},"x":{deep}}}')
    )

    outcome = await bus.upgrade(token=token)

    assert isinstance(outcome, Client) or outcome.status == 401, outcome
    refused(await bus.upgrade(token=f"{token.rpartition('.')[0]}.{bus.token().rpartition('.')[2]}"))
    await opens(bus)


@requirement("AUTH-008", "CONN-012")
@needs("auth")
async def test_a_hundred_bad_tokens_leave_the_sessions_alone(bus: Bus) -> None:
    """An attacker who guesses is refused each time; nobody who is in is thrown out, and a good token still opens."""
    ann, bob = await bus.clients("ann", "bob")
    await ann.join(bus.room, "c")

    outcomes = [await bus.upgrade(token=f"{number}.{number}.{number}") for number in range(100)]

    for outcome in outcomes:
        refused(outcome)
    expect.succeeded(await bob.publish(bus.room, "c", text="undisturbed"))
    assert await ann.texts_until("undisturbed") == ["undisturbed"]
    await opens(bus)
