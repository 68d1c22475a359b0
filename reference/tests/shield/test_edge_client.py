"""One client of Shield, between a connection and a session that write down what they are told."""

import asyncio
from typing import Any

import pytest
from arqonbus_reference.shield.checks import Checks
from arqonbus_reference.shield.edge_client import MAX_WAITING_FRAMES, EdgeClient
from arqonbus_reference.shield.metrics import ShieldMetrics
from arqonbus_reference.shield.mirror import Mirror
from shield.gateway_bench import WAIT_SECONDS, message
from shield.spine_bench import Faults


class Told:
    """A connection, and a session on the bus: keeps the calls in order."""

    protobuf = False

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **_: self.calls.append((name, *arguments))

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class Judge:
    """A policy that answers once it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def check(self, text: bytes, *, suspect: bool) -> str:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return "allowed"


class Scene:
    """A client that has joined."""

    def __init__(self, judge: Judge | None) -> None:
        metrics = ShieldMetrics()
        self.faults = Faults()
        self.connection, self.session, spine = Told(), Told(), Told()
        checks = Checks(strict=True, policy=judge, metrics=metrics)  # type: ignore[arg-type]
        mirror = Mirror(spine, 0.0, metrics)  # type: ignore[arg-type]
        self.client = EdgeClient(self.connection, "acme", checks, mirror, rate=0, report=self.faults.report)
        self.client.join(self.session)

    async def judged(self) -> None:
        """Wait until every frame that came is judged."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.client._judging is not None:
                await asyncio.wait([self.client._judging])


@pytest.fixture
async def judge() -> Judge:
    return Judge()


async def test_a_client_that_outruns_the_policy_is_held_back(judge: Judge) -> None:
    """Beyond the bound it is read no more; once half are judged it is read again, and nothing is lost."""
    scene = Scene(judge)

    for number in range(MAX_WAITING_FRAMES + 2):
        scene.client.frame(message(number).encode(), binary=False)
    held = scene.connection.names()
    judge.open.set()
    await scene.judged()

    assert held == ["pause"]
    assert scene.connection.names() == ["pause", "resume"]
    assert scene.session.names() == ["send"] * (MAX_WAITING_FRAMES + 2)


async def test_two_reasons_to_hold_a_client_back_count_as_one(judge: Judge) -> None:
    """It is read again when the last of them is gone."""
    scene = Scene(judge)

    scene.client.pause()
    scene.client.stop_reading()
    scene.client.resume()
    scene.client.pause()

    assert scene.connection.names() == ["pause"]


async def test_the_bus_is_told_of_a_close_after_the_frames_before_it(judge: Judge) -> None:
    """However the policy takes its time."""
    scene = Scene(judge)
    scene.client.frame(message(1).encode(), binary=False)

    scene.client.left(1000, "bye")
    before = scene.session.names()
    judge.open.set()
    await scene.judged()

    assert before == []
    assert scene.session.names() == ["send", "close"]
    assert scene.session.calls[1] == ("close", 1000, "bye")


async def test_what_waits_when_the_token_expires_does_not_pass(judge: Judge) -> None:
    """Neither what waits nor what is being judged."""
    scene = Scene(judge)
    for number in range(3):
        scene.client.frame(message(number).encode(), binary=False)
    await asyncio.sleep(0)

    scene.client.left(4401, "token expired")
    judge.open.set()
    await scene.judged()

    assert scene.session.names() == ["close"]


async def test_a_client_that_closed_gets_its_own_close_back() -> None:
    """No close frame of ours with a code that may not be sent."""
    scene = Scene(None)

    scene.client.left(1005, "")
    scene.client.end(1005, "")

    assert scene.connection.names() == ["finish"]


async def test_a_session_that_ends_closes_the_client_and_reads_on() -> None:
    """What it still sends is read away, whatever held it back."""
    scene = Scene(None)
    scene.client.stop_reading()

    scene.client.end(1012, "gap")

    assert scene.connection.calls == [("pause",), ("close", 1012, "gap"), ("resume",)]


async def test_what_cannot_be_judged_does_not_pass(judge: Judge) -> None:
    """The client is closed with 1011, and the fault is reported."""
    scene = Scene(judge)
    judge.error = RuntimeError("no thread")
    for number in range(2):
        scene.client.frame(message(number).encode(), binary=False)

    judge.open.set()
    await scene.judged()

    assert scene.session.names() == []
    assert scene.connection.calls == [("close", 1011, "internal error")]
    assert [site for site, _ in scene.faults] == ["shield.judge"]
