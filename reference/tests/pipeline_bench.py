"""A pipeline whose storage, connections and surroundings are doubles that write down what they are told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from arqonbus_reference.effects import Announce, Execute, Outbound
from arqonbus_reference.pipeline import Pipeline
from arqonbus_reference.session import Session
from arqonbus_reference.storage.interface import Entry, StreamKey
from broker_bench import Bench, documents

MAX_TURNS = 100
"""Turns of the event loop within which everything that can happen does."""


class Shelf:
    """A storage double that stores when it is told to, and keeps what was asked of it."""

    def __init__(self, *, immediate: bool = False) -> None:
        self.immediate = immediate
        self.batches: list[list[Entry]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[StreamKey] = []

    async def last_sequences(self, keys: Sequence[StreamKey]) -> list[int]:
        self.asked += keys
        return [0 for _ in keys]

    def append_now(self, entries: Sequence[Entry]) -> str:
        self.batches.append(list(entries))
        if self.failure:
            raise self.failure
        return "memory"

    async def append(self, entries: Sequence[Entry]) -> str:
        self.batches.append(list(entries))
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return "durable"


class Outlet:
    """What a connection is to the pipeline."""

    def __init__(self) -> None:
        self.paused = 0
        self.resumed = 0

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.resumed += 1


class Scene:
    """A pipeline whose surroundings write down what they are told."""

    def __init__(self, *, immediate: bool = False) -> None:
        self.bench = Bench()
        self.shelf = Shelf(immediate=immediate)
        self.pipeline = Pipeline(self.bench.broker, self.shelf, self)  # type: ignore[arg-type]
        self.sent: dict[Session, list[dict[str, Any]]] = {}
        self.faults: list[str] = []
        self.executed: list[str] = []
        self.finish = asyncio.Event()
        self.finish.set()
        self.gone: list[Session] = []
        self.heard = asyncio.Event()
        self.told: list[Announce] = []

    def client(self) -> Session:
        session, _ = self.bench.broker.connect(self.bench.client().principal, Outlet())
        return session

    def send(self, outbound: Outbound) -> None:
        for session, frames in outbound.items():
            self.sent.setdefault(session, []).extend(documents(frames))
        self.heard.set()

    def announce(self, announcement: Announce) -> None:
        self.told.append(announcement)

    async def execute(self, execute: Execute) -> None:
        self.executed.append(execute.command)
        await self.finish.wait()

    def appended(self, entries: list[Entry]) -> None:
        """Nobody consumes."""

    def departed(self, session: Session) -> None:
        self.gone.append(session)

    def failed(self, site: str, error: BaseException) -> None:
        self.faults.append(site)

    def message(self, session: Session, text: str = "x", **target: Any) -> None:
        fields = {"payload": {"text": text}} | (target or {"room": "r", "channel": "c"})
        self.pipeline.frame(session, self.bench.frame("message", **fields))

    def command(self, session: Session, name: str, **args: Any) -> None:
        self.pipeline.frame(session, self.bench.frame("command", command=name, args=args))

    async def until(self, happened: Callable[[], object]) -> None:
        """Let the loop turn until something happened."""
        for _ in range(MAX_TURNS):
            if happened():
                return
            await asyncio.sleep(0)
        raise AssertionError("it did not happen")

    async def answered(self, session: Session, count: int) -> None:
        """Wait until a session was sent so many frames."""
        while len(self.sent.get(session, [])) < count:
            self.heard.clear()
            await self.heard.wait()

    def types(self, session: Session) -> list[str]:
        return [document["type"] for document in self.sent.get(session, [])]
