"""Both ends of the spine to try things on: a client of Shield that remembers, and waiting for what must become true."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from arqonbus_reference.secret import Url
from arqonbus_reference.shield import link
from arqonbus_reference.shield.spine import Arrival, Spine

DEADLINE_SECONDS = 15.0
"""The longest a test waits for what must come; the promises of the spine are shorter."""

EPOCH = "ab" * 8


class News:
    """Wakes whoever waits for a condition."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it holds; it is looked at after each piece of news."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not condition():
                    self._event.clear()
                    await self._event.wait()
        except TimeoutError:
            raise AssertionError(f"within {DEADLINE_SECONDS:g} s not: {what}") from None


class EdgeClient:
    """A client of Shield that keeps what it is told."""

    def __init__(self, news: News) -> None:
        self.news = news
        self.texts: list[dict[str, Any]] = []
        self.unanswered_ids: list[str] = []
        self.commands_unanswered: list[bool] = []
        self.ended: tuple[int, str] | None = None
        self.told: list[str] = []
        self.session: link.EdgeSession

    def deliver(self, frames: bytes) -> None:
        self.texts += [json.loads(text) for text in link.texts(frames)]
        self.news.tell()

    def unanswered(self, request_id: str, *, command: bool) -> None:
        self.unanswered_ids.append(request_id)
        self.commands_unanswered.append(command)
        self.news.tell()

    def end(self, code: int, reason: str) -> None:
        assert self.ended is None, "ended twice"
        self.ended = (code, reason)
        self.news.tell()

    def pause(self) -> None:
        self.told.append("pause")
        self.news.tell()

    def resume(self) -> None:
        self.told.append("resume")
        self.news.tell()

    def send(self, request_id: str) -> None:
        self.session.send(b'{"id":"%s"}' % request_id.encode(), request_id, command=False)

    def request_ids(self) -> list[str]:
        """Those of the answers, in order."""
        return [text["request_id"] for text in self.texts if "request_id" in text]


class Faults(list[tuple[str, BaseException]]):
    """What was reported."""

    def report(self, site: str, error: BaseException) -> None:
        self.append((site, error))


class ScriptedBus:
    """A bus of a few lines: it keeps what came, and says what the test tells it to say."""

    def __init__(self, url: str, news: News) -> None:
        self.news = news
        self.faults = Faults()
        self.arrived: list[Arrival] = []
        self.questions: list[Arrival] = []
        self.knows: dict[str, link.Seen] = {}
        self.answering = True
        self.spine = Spine(Url(url), name="bus", report=self.faults.report, changed=self.beat)
        self.spine.subscribe(link.INBOUND, self._take)
        self.spine.subscribe(link.NODE_SYNC, self._asked)

    def beat(self, epoch: str = EPOCH) -> None:
        if self.spine.connected:
            self.spine.publish(link.BUS_BEAT, b"", {link.EPOCH: epoch})

    def _take(self, arrival: Arrival) -> None:
        self.arrived.append(arrival)
        self.news.tell()

    def _asked(self, arrival: Arrival) -> None:
        self.questions.append(arrival)
        if self.answering:
            self.answer(arrival)
        self.news.tell()

    def answer(self, question: Arrival) -> None:
        known = json.dumps({name: [seen.up, seen.down] for name, seen in self.knows.items()})
        headers = {link.EPOCH: EPOCH, link.SEQUENCE: question.headers[link.SEQUENCE]}
        self.spine.publish(link.outbound(question.headers[link.NODE], "synced"), known.encode(), headers)

    def say(self, node: str, kind: str, session: str, payload: bytes = b"", **headers: str) -> None:
        named = {link.SESSION: session} | {
            f"Arqon-{name.capitalize()}": value for name, value in headers.items()
        }
        self.spine.publish(link.outbound(node, kind), payload, named)
