"""The subscriber that sees what passes over the spine."""

import pytest
from arqonbus_conformance.findings import Unanswered, Unreachable
from arqonbus_conformance.spine_tap import Tap
from arqonbus_conformance.transcript import Transcript
from arqonbus_fixtures.nats import open_nats


async def test_what_passes_is_seen() -> None:
    """A message of any subject is seen, found by a canary in its subject, headers or data, and waited for."""
    nats = await open_nats()
    tap, speaker = Tap(nats.url, Transcript()), Tap(nats.url, Transcript())
    await tap.open()
    await speaker.open("nothing")

    await speaker.publish("in.t.canary-a.raw", b"x")
    await speaker.publish("other", b"canary-b", {"Some": "canary-c"})
    last = await tap.passed("canary-c")

    assert last.subject == "other"
    assert [one.subject for one in tap.holding("canary-")] == ["in.t.canary-a.raw", "other"]
    assert tap.holding("canary-d") == []
    await tap.close()
    await speaker.close()
    await nats.close()


async def test_what_does_not_come_is_said() -> None:
    """A wait that ends with nothing names what it waited for, and what came instead."""
    nats = await open_nats()
    tap = Tap(nats.url, Transcript())
    await tap.open()

    with pytest.raises(Unanswered, match="canary"):
        await tap.passed("canary", within=0.05)
    await tap.close()
    await nats.close()


async def test_a_spine_that_is_not_there() -> None:
    """Nobody listens at the address: the case was not judged."""
    tap = Tap("nats://127.0.0.1:1", Transcript())

    with pytest.raises(Unreachable, match="spine"):
        await tap.open()
