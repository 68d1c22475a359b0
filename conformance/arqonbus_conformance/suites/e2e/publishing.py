"""Publishers that go on until they are told to stop, and what became of each of their messages."""

import asyncio
from collections.abc import Callable
from typing import Final

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client
from arqonbus_conformance.findings import Unanswered
from arqonbus_conformance.suites.conditions import Record

WINDOW: Final = 16
"""Messages of one publisher that may be unanswered at a time."""
REPLY_SECONDS: Final = 10.0
"""The longest a publisher waits for an answer while something is being killed."""


class Publishing:
    """A stream of messages to one channel from several publishers at once.

    Attributes:
        sent: every text sent, in the order of sending.
        acknowledged: the sequence that each acknowledged text was given.
        refused: the texts that were refused with STORAGE_UNAVAILABLE.
    """

    def __init__(self, place: Record) -> None:
        self.place = place
        self.sent: list[str] = []
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
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
        await self._until(lambda: len(self.acknowledged), more, "acknowledgements", within)

    async def refusals(self, more: int, within: float = 10.0) -> None:
        """Return when so many more messages were refused than are now.

        Raises:
            Unanswered: they were not within so many seconds.
        """
        await self._until(lambda: len(self.refused), more, "refusals", within)

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
        number = 0
        while not self._stopping.is_set() and publisher.connection.end is None:
            await window.acquire()
            text = f"{publisher.name} {number}"
            number += 1
            envelope = publisher.message_to(**self.place, text=text)
            self.sent.append(text)
            await publisher.send(envelope)
            answers.append(asyncio.ensure_future(self._answer(publisher, envelope, window)))
        await asyncio.gather(*answers)

    async def _answer(self, publisher: Client, envelope: Record, window: asyncio.Semaphore) -> None:
        text = envelope["payload"]["text"]
        try:
            reply = await publisher.reply(envelope["id"], REPLY_SECONDS)
        except Unanswered:
            # With its connection gone nobody knows what became of it; silence on a live one is a violation.
            if publisher.connection.end is None:
                raise
            return
        finally:
            window.release()
        if reply["status"] == "success":
            self.acknowledged[text] = expect.succeeded(reply)["metadata"]["sequence"]
        else:
            expect.rejected(reply, code="STORAGE_UNAVAILABLE")
            self.refused.add(text)
        async with self._change:
            self._change.notify_all()


def judge(
    stream: Publishing, entries: list[Record], delivered: list[Record], *, undecided: bool = False
) -> None:
    """History is what the stream and a member of its channel were told: no more, no less, in one order.

    `undecided` says that the bus died before it could clear up after the storage: then a message refused because the
    storage's answer was lost may stand or not, and nobody is left to know.

    Raises:
        Violation: an acknowledged or delivered message is missing or stands under another sequence; a message stands
            twice; a refused one, or one that nobody sent, stands at all; the sequence does not grow by one; a
            publisher's messages stand in another order than it sent them.
    """
    stored = [(entry["sequence"], entry["message"]["payload"]["text"]) for entry in entries]
    texts = [text for _, text in stored]
    known = dict(zip(texts, (sequence for sequence, _ in stored), strict=True))
    expect.equal(sorted(set(texts)), sorted(texts), "the stored messages, each once")
    expect.equal(set(texts) - set(stream.sent), set(), "the stored messages that nobody sent")
    refused = set() if undecided else stream.refused
    expect.equal(set(texts) & refused, set(), "the stored messages that were refused")
    lost = {text: sequence for text, sequence in stream.acknowledged.items() if known.get(text) != sequence}
    expect.equal(lost, {}, "the acknowledged messages that are not stored under their sequence")
    heard = {message["payload"]["text"]: message["metadata"]["sequence"] for message in delivered}
    unkept = {text: sequence for text, sequence in heard.items() if known.get(text) != sequence}
    expect.equal(unkept, {}, "the delivered messages that are not stored under their sequence")
    expect.equal([sequence for sequence, _ in stored], list(range(1, len(stored) + 1)), "the stored sequence")
    expect.ascending(entries)
    for publisher in sorted({text.split()[0] for text in texts}):
        numbers = [int(text.split()[1]) for text in texts if text.split()[0] == publisher]
        expect.equal(numbers, sorted(numbers), f"the order of what {publisher} sent")
