"""Both ends of the spine to try things on: a client of Shield that remembers, and waiting for what must become true."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from arqonbus_reference.access import ANONYMOUS
from arqonbus_reference.deployment import Deployment
from arqonbus_reference.secret import Url
from arqonbus_reference.settings import Settings
from arqonbus_reference.shield import link
from arqonbus_reference.shield.downlink import Downlink
from arqonbus_reference.shield.spine import Arrival, Spine
from arqonbus_reference.shield.uplink import Uplink
from arqonbus_reference.storage.interface import StreamKey
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.transport.application import Limits
from arqonbus_reference.transport.handshake import Doorway
from arqonbus_reference.transport.websocket_bus import WebSocketBus

DEADLINE_SECONDS = 15.0
"""The longest a test waits for what must come; the promises of the spine are shorter."""


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


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for what changes without telling anybody."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.005)
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
        self.epoch = 0
        self.spine = Spine(Url(url), name="bus", report=self.faults.report, changed=self.connected)
        self.spine.subscribe(link.INBOUND, self._take)
        self.spine.subscribe(link.NODE_SYNC, self._asked)

    def connected(self) -> None:
        if self.spine.connected:
            self.new_epoch()

    def new_epoch(self) -> None:
        self.epoch += 1
        self.beat()

    def beat(self) -> None:
        self.spine.publish(link.BUS_BEAT, b"", {link.EPOCH: f"{self.epoch:016x}"})

    def _take(self, arrival: Arrival) -> None:
        self.arrived.append(arrival)
        self.news.tell()

    def _asked(self, arrival: Arrival) -> None:
        self.questions.append(arrival)
        # A node that was back before the bus asks once more when it hears of a new epoch.
        if self.answering and self.spine.connected:
            self.answer(arrival)
        self.news.tell()

    def answer(self, question: Arrival) -> None:
        known = json.dumps({name: [seen.up, seen.down] for name, seen in self.knows.items()})
        headers = {link.EPOCH: f"{self.epoch:016x}", link.SEQUENCE: question.headers[link.SEQUENCE]}
        self.spine.publish(link.outbound(question.headers[link.NODE], "synced"), known.encode(), headers)

    def say(self, node: str, kind: str, session: str, payload: bytes = b"", **headers: str) -> None:
        named = {link.SESSION: session} | {
            f"Arqon-{name.capitalize()}": value for name, value in headers.items()
        }
        self.spine.publish(link.outbound(node, kind), payload, named)


class Silence:
    """A log that keeps errors."""

    def __init__(self) -> None:
        self.errors: list[dict[str, Any]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.errors.append({"event": event, **fields})


class RealBus:
    """A whole bus but for its HTTP interfaces, at the end of the spine and on a port for direct clients."""

    def __init__(self, url: str, *, max_connections: int = 100, **settings: Any) -> None:
        self.log = Silence()
        self.storage = MemoryStorage(max_history=100_000)
        self.deployment = Deployment(Settings(**settings), self.storage, self.log)
        limits = Limits(
            max_message_bytes=self.deployment.settings.max_message_size,
            outbox_bytes=self.deployment.settings.outbox_bytes,
            max_connections=max_connections,
            handshake_seconds=5.0,
            ping_interval_seconds=20.0,
            ping_timeout_seconds=20.0,
        )
        self.direct = WebSocketBus(self.deployment, limits, Doorway(lambda _: ANONYMOUS))
        self.spine = Spine(Url(url), name="bus", report=self.deployment.failed)
        self.downlink = Downlink(
            self.spine,
            self.deployment,
            limits,
            full=lambda: len(self.direct.connections) + len(self.downlink.clients) >= max_connections,
        )
        self.port = 0

    async def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        await self.direct.start([listener])
        await self.downlink.start()

    async def close(self) -> None:
        self.direct.stop_accepting()
        await self.direct.close(1001, "going away")
        await self.downlink.close()
        await self.deployment.pipeline.drained()

    async def stored(self, tenant: str = "default", room: str = "r", channel: str = "c") -> list[int]:
        """The numbers of the messages in a channel's history, in order."""
        key = StreamKey(tenant, room, channel)
        entries, _ = await self.storage.replay(key, 0, 2**50, 100_000, strict_sequence=False)
        return [json.loads(entry.message)["payload"]["n"] for entry in entries]


class Member(EdgeClient):
    """A client behind Shield that speaks to a real bus; `published` counts what it handed over."""

    published = 0

    @property
    def client_id(self) -> str:
        return str(self.texts[0]["payload"]["client_id"])

    @property
    def received(self) -> list[int]:
        """The numbers in what others published, in order."""
        return [text["payload"]["n"] for text in self.texts if "n" in text.get("payload", {})]

    def command(self, name: str, request_id: str = "arq_1_1_aaaaaa", **args: Any) -> None:
        text = envelope(request_id, "command", command=name, args=args)
        self.session.send(text, request_id, command=True)

    def publish(self, number: int, room: str = "r", channel: str = "c", **payload: Any) -> None:
        request_id = message_id(number)
        payload = {"n": number} | payload
        text = envelope(request_id, "message", room=room, channel=channel, payload=payload)
        self.session.send(text, request_id, command=False)
        self.published += 1

    def acknowledged(self) -> list[int]:
        """The numbers of the messages that the bus took, in order."""
        return [
            int(text["request_id"].split("_")[2])
            for text in self.texts
            if text["type"] == "message_response" and text["status"] == "success"
        ]

    def is_answered(self) -> bool:
        """Whether each message was acknowledged or refused, once."""
        return len(self.acknowledged()) + len(self.unanswered_ids) == self.published

    async def join(self, room: str = "r", channel: str = "c") -> None:
        self.command("join_channel", room=room, channel=channel)
        await self.answered("arq_1_1_aaaaaa")

    async def answered(self, request_id: str) -> dict[str, Any]:
        """The answer to a request, once it is there."""
        await self.news.until(lambda: request_id in self.request_ids(), f"the answer to {request_id}")
        return next(text for text in self.texts if text.get("request_id") == request_id)


def message_id(number: int) -> str:
    return f"arq_1_{number}_bbbbbb"


def envelope(request_id: str, kind: str, **fields: Any) -> bytes:
    head = {"id": request_id, "type": kind, "timestamp": "2026-11-22T10:00:00Z", "version": "1.0"}
    return json.dumps(head | fields).encode()


class Edge:
    """A node of Shield without its gateway."""

    def __init__(self, url: str, news: News) -> None:
        self.news = news
        self.faults = Faults()
        self.spine = Spine(Url(url), name="node", report=self.faults.report)
        self.uplink = Uplink(self.spine, report=self.faults.report)
        self.uplink.changed = news.tell

    async def start(self) -> None:
        await self.uplink.start()
        await self.reached()

    async def reached(self) -> None:
        await self.news.until(lambda: self.uplink.connected, "the bus is reached")

    async def cut_off(self) -> None:
        await self.news.until(lambda: not self.uplink.connected, "the bus is not reached any more")

    async def member(self, tenant: str = "default", *, admin: bool = False) -> Member:
        """A client that has been welcomed."""
        member = Member(self.news)
        member.session = self.uplink.open(tenant, link.Opening("ann", admin=admin), member)
        await self.news.until(lambda: bool(member.texts) or member.ended is not None, "the welcome")
        return member
