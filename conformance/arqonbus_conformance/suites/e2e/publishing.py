"""Publishers that go on until they are told to stop, and what became of each of their messages."""

import asyncio
from collections.abc import Callable
from typing import Final

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client
from arqonbus_conformance.findings import Unanswered
from arqonbus_conformance.history import History
from arqonbus_conformance.suites.conditions import Record

WINDOW: Final = 16
"""Messages of one publisher that may be unanswered at a time."""
REPLY_SECONDS: Final = 10.0
"""The longest a publisher waits for an answer while something is being killed."""


class Publishing:
    """A stream of messages to one channel from several publishers at once.

    Attributes:
        history: what was published, acknowledged and refused so far.
        acknowledged: how many messages were acknowledged so far.
        undecided: whether a refusal is taken for no answer at all. It is where the bus dies before it can clear up
            after its storage: a message refused because the storage's answer was lost may then stand or not.
        refusal: the one error code that a message may be refused with.
    """

    def __init__(
        self, place: Record, *, undecided: bool = False, refusal: str = "STORAGE_UNAVAILABLE"
    ) -> None:
        self.place = place
        self.history = History()
        self.undecided = undecided
        self.refusal = refusal
        self.acknowledged = 0
        self._refusals = 0
        self._stopping = asyncio.Event()
        self._change = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, *publishers: Client) -> None:
        """Let each of them publish from now on."""
        self._tasks += [asyncio.ensure_future(self._speak(publisher)) for publisher in publishers]

    async def acknowledgements(self, more: int, within: float = 10.0) -> None:
        """Return when so many more messages were acknowledged than are now.

        Raises:
            Unanswered: they were not within so many seconds.
        """
        await self._until(lambda: self.acknowledged, more, "acknowledgements", within)

    async def refusals(self, more: int, within: float = 10.0) -> None:
        """Return when so many more messages were refused than are now.

        Raises:
            Unanswered: they were not within so many seconds.
        """
        await self._until(lambda: self._refusals, more, "refusals", within)

    async def end(self) -> None:
        """Send nothing more, and return when each message was answered or its connection was gone."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def _until(self, count: Callable[[], int], more: int, what: str, within: float) -> None:
        wanted = count() + more
        try:
            async with asyncio.timeout(within), self._change:
                await self._change.wait_for(lambda: count() >= wanted)
        except TimeoutError:
            raise Unanswered(f"fewer than {wanted} {what} within {within:g} s", actual=count()) from None

    async def _speak(self, publisher: Client) -> None:
        window = asyncio.Semaphore(WINDOW)
        answers: list[asyncio.Task[None]] = []
        while not self._stopping.is_set() and publisher.connection.end is None:
            await window.acquire()
            envelope = publisher.message_to(**self.place, text=f"{publisher.name} {len(answers)}")
            self.history.invoked(envelope["id"], publisher.name)
            await publisher.send(envelope)
            answers.append(asyncio.ensure_future(self._answer(publisher, envelope["id"], window)))
        await asyncio.gather(*answers)

    async def _answer(self, publisher: Client, message: str, window: asyncio.Semaphore) -> None:
        try:
            reply = await publisher.reply(message, REPLY_SECONDS)
        except Unanswered:
            # With its connection gone nobody knows what became of it; silence on a live one is a violation.
            if publisher.connection.end is None:
                raise
            return
        finally:
            window.release()
        refused = reply["status"] != "success"
        if refused:
            expect.rejected(reply, code=self.refusal)
            self._refusals += 1
        else:
            self.acknowledged += 1
        if not (refused and self.undecided):
            self.history.replied(reply)
        async with self._change:
            self._change.notify_all()


def hear(history: History, member: Client) -> set[str]:
    """Note every channel message that the member received; return their ids."""
    heard = [
        frame for frame in member.received if frame["type"] == "message" and frame["sender"] != "arqonbus"
    ]
    for frame in heard:
        history.delivered(frame["id"], member.name, frame["metadata"]["sequence"])
    return {frame["id"] for frame in heard}
