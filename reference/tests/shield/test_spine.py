"""The connection to NATS by itself: it ends when it is told to."""

import asyncio

import pytest
from arqonbus_reference.secret import Url
from arqonbus_reference.shield.spine import Spine
from shield.spine_bench import Faults

WAIT_SECONDS = 10.0
NOWHERE = Url("nats://127.0.0.1:9")


class Losing:
    """A client whose attempt to connect loses the first cancellation."""

    is_connected = False
    is_closed = True

    def __init__(self) -> None:
        self.lost = 0

    async def connect(self, **_: object) -> None:
        while not self.lost:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.lost += 1
        await asyncio.Event().wait()


async def test_a_spine_closes_although_a_cancellation_got_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `wait_for` of Python 3.11, where one that meets a refused connection does nothing."""
    faults = Faults()
    spine = Spine(NOWHERE, name="test", report=faults.report)
    client = Losing()
    spine._client = client  # type: ignore[assignment]
    monkeypatch.setattr("arqonbus_reference.shield.spine.CONNECT_SECONDS", 0.01)
    await spine.start()

    await asyncio.wait_for(spine.close(), WAIT_SECONDS)

    assert client.lost == 1
    assert all(task.done() for task in spine._tasks)
    assert faults == []


async def test_a_task_that_does_not_end_is_told_of() -> None:
    """After so many cancellations it is reported, and closing goes on."""
    faults = Faults()
    spine = Spine(NOWHERE, name="test", report=faults.report)
    spine._client = Losing()  # type: ignore[assignment]
    over = asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    spine._tasks = [asyncio.create_task(stubborn())]
    await asyncio.sleep(0)
    await asyncio.wait_for(spine.close(), WAIT_SECONDS)
    over.set()

    assert [site for site, _ in faults] == ["spine.close"]
