"""Tokens of an attacker at the edge: nothing opens, nothing is fetched, and nothing of it reaches the spine."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Refusal
from arqonbus_conformance.edge import Shield, Tap
from arqonbus_conformance.plugin import exclusive, requirement
from arqonbus_conformance.suites.unit.admission import opens, refused
from arqonbus_conformance.suites.unit.shield_vectors import AT_THE_EDGE, shield_vectors
from arqonbus_conformance.suites.unit.signing import OTHER_SECRET, segment, signed, token_of
from arqonbus_fixtures.golden import filled

from arqonbus_adversarial.token_attacks import CLAIMS, SHAPES, SIGNED_ATTACKS, TOKEN_BYTES, SignedAttack

LOOPBACK: Final = "127.0.0.1"
KEY_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
"""A file of Linux that has the same content for every process of a machine, in containers too, and nobody's secret."""
STRANGERS: Final = 100
"""Upgrades that are refused in one case: many more than there are signs of life in the meantime."""
CANARY_SECONDS: Final = 5.0
"""The longest a connection to our own listener may take."""
TIMES_SHOWN: Final = 8
"""Times that a token is shown which names an address: a fetch aside, in a thread, begins a moment after the answer."""
FOLDERS_UP: Final = 16
"""Enough to come from any folder of keys to the root; the root has none above it."""


def claims_of(shield: Shield, text: str = CLAIMS) -> str:
    """The claims with this moment and a tenant of this case filled in."""
    return filled(text, now=int(time.time()), tenant=shield.name("tenant"))


@pytest.mark.parametrize("vector", shield_vectors("AUTH-014", "AUTH-016", accepted=False))
async def test_a_forged_token_is_answered_401_by_shield(shield: Shield, vector: dict[str, Any]) -> None:
    """The golden vectors of algorithms, critical headers, duplicates and numbers; a good token opens before and after."""
    await opens(shield)

    outcome = await shield.upgrade(token=token_of(shield, vector))

    refused(outcome)
    await opens(shield)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(one, id=ascii(one.name), marks=pytest.mark.requirement(AT_THE_EDGE[one.requirement]))
        for one in SIGNED_ATTACKS
    ],
)
async def test_a_right_signature_saves_no_wrong_token_at_shield(shield: Shield, attack: SignedAttack) -> None:
    """Signed with the deployment's own secret, and refused all the same; a good token opens before and after."""
    await opens(shield)

    outcome = await shield.upgrade(token=signed(shield, attack.header, claims_of(shield, attack.claims)))

    refused(outcome)
    await opens(shield)


@requirement("AUTH-016")
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_token_of_another_shape_opens_nothing_at_shield(shield: Shield, shape: str) -> None:
    """Three parts joined by dots, as they are, and nothing else."""
    token = shield.token()
    header, claims, signature = token.split(".")

    outcome = await shield.upgrade(token=SHAPES[shape].format(h=header, c=claims, s=signature))

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    assert outcome.status in (400, 401), outcome
    await opens(shield, token)


@requirement("AUTH-016")
@pytest.mark.parametrize("size", [TOKEN_BYTES + 1, 20_000, 60_000])
async def test_a_giant_token_is_refused_by_shield(shield: Shield, size: int) -> None:
    """A token that is mostly padding is refused as a token or as a header too large."""
    token = shield.token()

    outcome = await shield.upgrade(token=f"{token}{'x' * (size - len(token))}")

    assert isinstance(outcome, Refusal), "the upgrade was granted"
    assert outcome.status in (400, 401, 431), outcome
    await opens(shield, token)


@requirement("AUTH-014")
@pytest.mark.parametrize("secret", [b"", b"secret", b"changeme", b"password", b"null", b"0" * 32], ids=repr)
async def test_no_usual_secret_signs_for_shield(shield: Shield, secret: bytes) -> None:
    """The empty secret and the well-known ones are not the deployment's."""
    outcome = await shield.upgrade(token=shield.sign(shield.claims(admin=True), secret=secret))

    refused(outcome)
    await opens(shield)


class Canary:
    """A listener on loopback that must not be called: the address that a token names."""

    def __init__(self) -> None:
        self.port = 0
        self._callers: list[Any] = []
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._called, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _called(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.append(writer.get_extra_info("peername"))
        self._news.set()
        writer.close()

    async def calls(self) -> int:
        """How many connections came before this call: one of our own, made last, is taken after all of them."""
        async with asyncio.timeout(CANARY_SECONDS):
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
            own = writer.get_extra_info("sockname")
            while own not in self._callers:
                self._news.clear()
                await self._news.wait()
        writer.close()
        return self._callers.index(own)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


@pytest_asyncio.fixture(loop_scope="session")
async def canary() -> AsyncIterator[Canary]:
    """A listener that must not be called."""
    listener = Canary()
    await listener.open()
    yield listener
    await listener.close()


def contents(file: Path) -> list[bytes]:
    """What a reader may take for the key in that file: all of it, or all but the line's end; nothing where there is none."""
    whole = file.read_bytes() if file.exists() else b""
    return [whole, whole.strip()]


def named_keys(port: int) -> dict[str, dict[str, Any]]:
    """Headers that name a key of the attacker's own, wherever a header can name one."""
    here = f"http://{LOOPBACK}:{port}"
    key = segment(OTHER_SECRET)
    return {
        "jwk": {"alg": "HS256", "jwk": {"kty": "oct", "k": key}},
        "jku": {"alg": "HS256", "jku": f"{here}/keys"},
        "x5u": {"alg": "HS256", "x5u": f"{here}/certificate"},
        "x5c": {"alg": "HS256", "x5c": [key]},
        "kid-url": {"alg": "HS256", "kid": f"{here}/key"},
        "kid-null": {"alg": "HS256", "kid": "../../../../../../dev/null"},
        "kid-sql": {"alg": "HS256", "kid": "x' UNION SELECT 'key"},
        "kid-shell": {"alg": "HS256", "kid": f"|curl {here}"},
        "kid-file": {"alg": "HS256", "kid": str(KEY_FILE)},
        "kid-file-above": {"alg": "HS256", "kid": "/".join([".."] * FOLDERS_UP) + str(KEY_FILE)},
        "iss": {"alg": "HS256", "iss": here},
    }


def naming(shield: Shield, header: dict[str, Any]) -> dict[str, Any]:
    """Good claims, and beside them those that the header names the same way."""
    return shield.claims() | {key: value for key, value in header.items() if key != "alg"}


@requirement("AUTH-019")
@pytest.mark.parametrize("name", named_keys(0))
async def test_a_header_cannot_choose_the_key_of_shield(shield: Shield, canary: Canary, name: str) -> None:
    """A key embedded, linked or named in the header is not the key, and nobody fetches or reads it."""
    header = named_keys(canary.port)[name]

    outcomes = [
        await shield.upgrade(token=shield.sign(shield.claims(), header=header, secret=secret))
        for secret in (OTHER_SECRET, b"", b"\x00", b"key", *contents(KEY_FILE))
    ]
    await opens(shield)

    for outcome in outcomes:
        refused(outcome)
    expect.equal(await canary.calls(), 0, "connections to the address that the token names")


@requirement("AUTH-019")
@pytest.mark.parametrize("name", ["jku", "x5u", "kid-url", "iss"])
async def test_nothing_that_a_good_token_names_is_fetched(shield: Shield, canary: Canary, name: str) -> None:
    """Neither a header nor a claim of that name; the token may open a session."""
    header = named_keys(canary.port)[name]

    token = shield.sign(naming(shield, header), header=header)
    for _ in range(TIMES_SHOWN):
        await shield.upgrade(token=token)
    await opens(shield)

    expect.equal(await canary.calls(), 0, "connections to the address that the token names")


@requirement("AUTH-019")
@pytest.mark.parametrize("name", ["jku", "x5u", "kid-url", "iss"])
async def test_nothing_that_a_forged_token_names_is_fetched(
    shield: Shield, canary: Canary, name: str
) -> None:
    """Neither a header nor a claim of that name, before or after the token is refused."""
    header = named_keys(canary.port)[name]

    token = shield.sign(naming(shield, header), header=header, secret=OTHER_SECRET)
    outcomes = [await shield.upgrade(token=token) for _ in range(TIMES_SHOWN)]
    await opens(shield)

    for outcome in outcomes:
        refused(outcome)
    expect.equal(await canary.calls(), 0, "connections to the address that the token names")


@requirement("AUTH-020")
@exclusive
async def test_a_refused_upgrade_reaches_nothing_behind(shield: Shield, tap: Tap) -> None:
    """Eighty attacks put no message on the spine; the good token that follows does, with the tenant of its own."""
    mark = shield.name("tenant")
    good = f"{mark}-good"
    attacks = [signed(shield, one.header, claims_of(shield, one.claims)) for one in SIGNED_ATTACKS[:80]]

    outcomes = await asyncio.gather(*(shield.upgrade(token=token) for token in attacks))
    await opens(shield, shield.sign(shield.claims() | {"tenant_id": good}))
    await tap.passed(good)

    for outcome in outcomes:
        refused(outcome)
    strays = [one.subject for one in tap.holding(mark) if not one.holds(good)]
    expect.equal(strays, [], "subjects of messages that name the tenant of refused tokens")
    passed_on = [one.subject for token in attacks for one in tap.holding(token.split(".")[1])]
    expect.equal(passed_on, [], "subjects of messages that hold the claims of refused tokens as they came")
    expect.equal(as_often(tap, len(attacks)), [], "kinds of subjects with a message for each refused token")


@requirement("AUTH-020")
@exclusive
@pytest.mark.parametrize("token", [None, "nonsense", "x.y.z"], ids=["missing", "malformed", "rejected"])
async def test_no_refused_upgrade_is_reported_on_the_spine(
    shield: Shield, tap: Tap, token: str | None
) -> None:
    """A hundred upgrades of strangers are refused, and nothing passes over the spine as often as that."""
    good = shield.name("tenant")

    outcomes = await asyncio.gather(*(shield.upgrade(token=token) for _ in range(STRANGERS)))
    await opens(shield, shield.sign(shield.claims() | {"tenant_id": good}))
    await tap.passed(good)

    for outcome in outcomes:
        assert isinstance(outcome, Refusal), "the upgrade was granted"
        assert 400 <= outcome.status < 500, outcome  # in which words is another requirement
    expect.equal(as_often(tap, STRANGERS), [], "kinds of subjects with a message for each refused upgrade")


def as_often(tap: Tap, times: int) -> list[str]:
    """The first words of subjects that came so many times or more.

    What names nobody is told from signs of life by its number: those came a few times in the meantime.
    """
    kinds = Counter(one.subject.partition(".")[0] for one in tap.seen)
    return [kind for kind, count in kinds.items() if count >= times]


@requirement("AUTH-020", "AUTH-018")
async def test_a_hundred_bad_tokens_leave_the_sessions_at_shield_alone(shield: Shield) -> None:
    """An attacker who guesses is refused each time; nobody who is in is thrown out, and a good token still opens."""
    ann, bob = await shield.clients("ann", "bob")
    await ann.join(shield.room, "c")

    outcomes = [await shield.upgrade(token=f"{number}.{number}.{number}") for number in range(100)]

    for outcome in outcomes:
        refused(outcome)
    expect.succeeded(await bob.publish(shield.room, "c", text="undisturbed"))
    assert await ann.texts_until("undisturbed") == ["undisturbed"]
    await opens(shield)
