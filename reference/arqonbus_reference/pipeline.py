"""From frames to effects, one tick of the event loop at a time, in the order of arrival.

All messages that came in one tick are stored with one call and delivered with one write per member. What is no message (a command, a client
that left) first waits for the messages before it, so that a client's requests take effect in the order it sent them.
"""

import asyncio
import time
from collections import deque

from arqonbus_reference import replies
from arqonbus_reference.broker import Broker
from arqonbus_reference.effects import Publication
from arqonbus_reference.envelope import Envelope, InvalidEnvelopeError, parse
from arqonbus_reference.errors import ErrorCode
from arqonbus_reference.session import Session
from arqonbus_reference.storage.interface import Durability, Entry, Storage, StorageUnavailableError
from arqonbus_reference.surroundings import Left, Moment, Pausable, Surroundings

MAX_BATCH_MESSAGES = 4096
"""Messages stored and delivered at once; then the event loop gets its turn."""

MAX_BATCH_BYTES = 4 * 1_048_576
"""Bytes of the messages of one batch, after which it is closed."""

MAX_WAITING_FRAMES = 32_768
MAX_WAITING_BYTES = 64 * 1_048_576
"""Frames, and their bytes, that wait for storage; beyond either, clients that send are read no more until it eases."""

STALL_SECONDS = 0.1
"""When the storage keeps a batch longer, requests without effect are answered ahead of what waits."""

EFFECTLESS = frozenset({"ping", "status", "help"})
"""Commands that may overtake messages."""

ORDERED = frozenset({"op.group.create", "operator.join"})
"""Commands with I/O that messages behind them wait for: a group that begins at `new` must get those."""

MAX_EXECUTING = 1024
"""Commands with I/O under way; beyond it, nothing new is begun."""

STORAGE_REFUSAL = "the storage is not available; try again later"


class Pipeline:
    """Orders everything that clients send."""

    def __init__(self, broker: Broker, storage: Storage, surroundings: Surroundings) -> None:
        self._broker = broker
        self._storage = storage
        self._surroundings = surroundings
        self._arrivals: deque[tuple[Session, Envelope | InvalidEnvelopeError | Left, bytes]] = deque()
        self._waiting_bytes = 0
        self._paused: dict[Pausable, None] = {}
        self._held = False
        self._scheduled = False
        self._storing: asyncio.Task[None] | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._executing: dict[asyncio.Task[None], Session] = {}
        self._departing: set[Session] = set()
        self._idle: asyncio.Event = asyncio.Event()

    # -- in

    def frame(self, session: Session, frame: bytes) -> None:
        """A text frame came from a client."""
        try:
            self._arrived(session, parse(frame), frame)
        except InvalidEnvelopeError as invalid:
            self._arrived(session, invalid, frame)

    def invalid(self, session: Session, invalid: InvalidEnvelopeError) -> None:
        """A frame came that is known to be no envelope."""
        self._arrived(session, invalid, b"")

    def _arrived(self, session: Session, envelope: Envelope | InvalidEnvelopeError, frame: bytes) -> None:
        self._arrivals.append((session, envelope, frame))
        self._waiting_bytes += len(frame)
        if len(self._arrivals) > MAX_WAITING_FRAMES or self._waiting_bytes > MAX_WAITING_BYTES:
            outlet: Pausable = session.outlet
            self._paused[outlet] = None
            outlet.pause()
        self._schedule()

    def left(self, session: Session, code: int, reason: str) -> None:
        """A client is gone; what it sent before still counts."""
        self._arrivals.append((session, Left(code, reason), b""))
        self._schedule()

    def hold(self) -> None:
        """Let no client send again: what came is the rest."""
        self._held = True

    async def drained(self) -> None:
        """Wait until everything that came is dealt with."""
        while self._arrivals or self._storing or self._executing:
            self._idle.clear()
            self._schedule()
            await self._idle.wait()

    # -- the tick

    def _schedule(self) -> None:
        if not self._scheduled and self._storing is None:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        moment = Moment.now()
        now = moment.milliseconds
        arrivals = self._arrivals
        batch: list[Publication] = []
        batch_bytes = 0
        while arrivals and self._storing is None and len(self._executing) < MAX_EXECUTING:
            session, envelope, frame = arrivals[0]
            is_message = type(envelope) is Envelope and envelope.type == "message"
            if batch and (
                not is_message or len(batch) >= MAX_BATCH_MESSAGES or batch_bytes >= MAX_BATCH_BYTES
            ):
                full = is_message
                self._store(batch, now)
                batch, batch_bytes = [], 0
                if full:
                    self._schedule()
                    break
                continue
            arrivals.popleft()
            self._waiting_bytes -= len(frame)
            batch_bytes += len(frame)
            accepted = self._begin_safely(session, envelope, frame, moment)
            if accepted is not None:
                batch.append(accepted)
        if batch:
            self._store(batch, now)
        self._ease()

    def _begin_safely(
        self, session: Session, envelope: Envelope | InvalidEnvelopeError | Left, frame: bytes, moment: Moment
    ) -> Publication | None:
        try:
            return self._begin(session, envelope, frame, moment)
        except Exception as error:  # noqa: BLE001  the boundary: one request's fault must not stop the bus (INT)
            self._failed("pipeline.begin", error, session, envelope, moment.milliseconds)
            return None

    def _begin(
        self, session: Session, envelope: Envelope | InvalidEnvelopeError | Left, frame: bytes, moment: Moment
    ) -> Publication | None:
        """Deal with one arrival; a message that is accepted is given back, to be stored."""
        broker, now = self._broker, moment.milliseconds
        if isinstance(envelope, Left):
            for announcement in broker.disconnect(session, *envelope):
                self._surroundings.announce(announcement)
            self._depart(session)
            return None
        refusal = broker.limit(session, envelope, now, moment.monotonic)
        if refusal is not None:
            self._surroundings.send({session: [refusal]})
        elif isinstance(envelope, InvalidEnvelopeError):
            self._surroundings.send({session: [broker.invalid(session, envelope, now)]})
        elif envelope.type == "message":
            accepted = broker.accept(session, envelope, frame, now)
            if isinstance(accepted, Publication):
                return accepted
            if accepted is not None:
                self._surroundings.send({session: [accepted]})
        else:
            self._request(session, envelope, now)
        return None

    def _request(self, session: Session, envelope: Envelope, now: int) -> None:
        outbound, announcements, execute = self._broker.request(session, envelope, now)
        self._surroundings.send(outbound)
        for announcement in announcements:
            self._surroundings.announce(announcement)
        if execute is not None:
            task = asyncio.get_running_loop().create_task(self._surroundings.execute(execute))
            self._executing[task] = session
            task.add_done_callback(self._executed)
            if execute.command in ORDERED:
                self._hold_for(task)

    def _executed(self, task: asyncio.Task[None]) -> None:
        session = self._executing.pop(task)
        if session in self._departing:
            self._depart(session)
        self._ease()

    def _depart(self, session: Session) -> None:
        """Let a client go once its last command is answered."""
        self._departing.discard(session)
        if session in self._executing.values():
            self._departing.add(session)
        else:
            self._surroundings.departed(session)

    # -- storing

    def _store(self, batch: list[Publication], now: int) -> None:
        """Store, deliver and acknowledge a batch; at once where that needs no I/O."""
        if self._storage.immediate and not self._broker.unsequenced(batch):
            try:
                entries = self._broker.seal(batch, now)
                durability = self._storage.append_now(entries)
            except Exception as error:  # noqa: BLE001  the boundary: the publishers are told, the bus lives on (INT)
                self._refuse(batch, error, now)
            else:
                self._commit(batch, entries, durability, now)
            return
        self._hold_for(asyncio.get_running_loop().create_task(self._append(batch)))

    def _hold_for(self, task: asyncio.Task[None]) -> None:
        """Let everything behind wait until the storage has answered."""
        self._storing = task
        task.add_done_callback(self._stored)
        self._stall = asyncio.get_running_loop().call_later(STALL_SECONDS, self._answer_ahead)

    async def _append(self, batch: list[Publication]) -> None:
        now = time.time_ns() // 1_000_000
        try:
            unsequenced = self._broker.unsequenced(batch)
            if unsequenced:
                last = await self._storage.last_sequences([stream.key for stream in unsequenced])
                for stream, sequence in zip(unsequenced, last, strict=True):
                    stream.sequence = sequence
            entries = self._broker.seal(batch, now)
            durability: Durability = await self._storage.append(entries) if entries else "memory"
        except Exception as error:  # noqa: BLE001  the boundary: the publishers are told, the bus lives on (INT)
            self._refuse(batch, error, now)
        else:
            self._commit(batch, entries, durability, now)

    def _stored(self, task: asyncio.Task[None]) -> None:
        self._storing = None
        if self._stall is not None:
            self._stall.cancel()
        if not task.cancelled():
            task.result()
        self._ease()

    def _answer_ahead(self) -> None:
        """Answer what needs no order while the storage keeps everything else waiting (STORE-006)."""
        moment = Moment.now()
        kept: deque[tuple[Session, Envelope | InvalidEnvelopeError | Left, bytes]] = deque()
        for session, envelope, frame in self._arrivals:
            if _is_effectless(envelope):
                self._waiting_bytes -= len(frame)
                self._begin_safely(session, envelope, frame, moment)
            else:
                kept.append((session, envelope, frame))
        self._arrivals = kept
        self._stall = asyncio.get_running_loop().call_later(STALL_SECONDS, self._answer_ahead)

    def _commit(
        self, batch: list[Publication], entries: list[Entry], durability: Durability, now: int
    ) -> None:
        """Deliver and acknowledge what is stored; whatever fails from here on, it is not refused any more."""
        try:
            self._surroundings.send(self._broker.commit(batch, durability, now))
            self._surroundings.appended(entries)
        except Exception as error:  # noqa: BLE001  the boundary: the bus lives on (INT)
            self._surroundings.failed("pipeline.commit", error)

    def _refuse(self, batch: list[Publication], error: Exception, now: int) -> None:
        self._surroundings.failed("storage.append", error)
        code: ErrorCode = "INTERNAL_ERROR"
        text = "the message could not be processed"
        if isinstance(error, StorageUnavailableError):
            code, text = "STORAGE_UNAVAILABLE", STORAGE_REFUSAL
            direct = [publication for publication in batch if publication.stream is None]
            batch = [publication for publication in batch if publication.stream is not None]
            self._broker.seal(direct, now)  # STORE-006: what needs no storage goes on
            self._surroundings.send(self._broker.commit(direct, "memory", now))
        self._surroundings.send(self._broker.refuse(batch, code, text, now))

    # -- bounds and faults

    def _ease(self) -> None:
        """Go on with what waits, and let held-back clients send again once the half is done."""
        if (
            self._paused
            and not self._held
            and len(self._arrivals) < MAX_WAITING_FRAMES // 2
            and self._waiting_bytes < MAX_WAITING_BYTES // 2
        ):
            paused, self._paused = self._paused, {}
            for outlet in paused:
                outlet.resume()
        if self._arrivals:
            self._schedule()
        elif self._storing is None and not self._executing:
            self._idle.set()

    def _failed(self, site: str, error: Exception, session: Session, envelope: object, now: int) -> None:
        self._surroundings.failed(site, error)
        request_id = envelope.id if isinstance(envelope, Envelope) else None
        if request_id is not None and envelope.type in ("command", "operator.join"):  # type: ignore[attr-defined]
            reply = replies.failure(now, request_id, "INTERNAL_ERROR", "the command could not be carried out")
        else:
            reply = replies.error(now, request_id, "INTERNAL_ERROR", "the request could not be processed")
        self._surroundings.send({session: [reply]})


def _is_effectless(envelope: Envelope | InvalidEnvelopeError | Left) -> bool:
    if isinstance(envelope, Envelope):
        return envelope.type == "command" and envelope.command in EFFECTLESS
    return isinstance(envelope, InvalidEnvelopeError)
