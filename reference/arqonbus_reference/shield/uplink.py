"""Shield's side of the spine: the sessions of one node, and whether the bus can be reached through NATS.

A node hears the bus beat. After each outage, whoever had it, it asks the bus what that has seen of each session; until it is answered
nothing is sent, and what was on its way is refused when it takes too long.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from arqonbus_reference.shield import link
from arqonbus_reference.shield.edge_session import Session
from arqonbus_reference.shield.parcels import Joiner, split
from arqonbus_reference.shield.spine import Arrival, Spine, SpineUnavailableError

ASK_BEATS: Final = 4
"""Beats of our own until a question that was not answered is asked again."""

GAP: Final = "a delivery was lost; read the history"
"""The reason for which a session with a gap is closed with 1012."""


class Uplink:
    """The sessions of one Shield process, for one event loop.

    Makes the spine's `changed` its own; `changed()`, which may be replaced, is called after `connected` changed.
    """

    def __init__(
        self, spine: Spine, *, node: str | None = None, report: Callable[[str, BaseException], None]
    ) -> None:
        self._spine = spine
        self._node = secrets.token_hex(8) if node is None else link.checked_id(node)
        self._report = report
        self.changed: Callable[[], None] = lambda: None
        self._sessions: dict[str, Session] = {}
        self._epoch: str | None = None
        self._synced = False
        self._silent_beats = 0
        self._question = 0
        self._asked_beats = 0
        self._answer = Joiner()
        self._beating: asyncio.Task[None] | None = None
        spine.changed = self._spine_changed
        spine.subscribe(link.BUS_BEAT, self._bus_beat)
        spine.subscribe(link.outbound(self._node, "*"), self._arrived)

    # -- state

    @property
    def connected(self) -> bool:
        """Whether the bus can be reached: NATS is connected, the bus beats, and it agreed on what was lost before."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """Why the bus cannot be reached now, or None."""
        if not self._spine.connected:
            return self._spine.reason or "the spine is not connected"
        return None if self._synced else "no bus answers on the spine"

    def __len__(self) -> int:
        return len(self._sessions)

    # -- life

    async def start(self) -> bool:
        """Connect and stay connected; whether NATS answered the first attempt. `connected` follows when the bus answers."""
        answered = await self._spine.start()
        self._beating = asyncio.create_task(self._beat(), name="uplink.beat")
        return answered

    async def close(self) -> None:
        """Send what was handed over before, and disconnect; sessions should be closed before."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        await self._spine.close()
        self._cut()

    def open(self, tenant: str, opening: link.Opening, client: link.EdgeClient) -> link.EdgeSession:
        """Begin a client's session; its first delivery is the welcome of the bus.

        Raises:
            SpineUnavailableError: the bus cannot be reached now.
        """
        if (reason := self.reason) is not None:
            raise SpineUnavailableError(reason)
        session = Session(self._spine, tenant, client, obstacle=lambda: self.reason, over=self._forget)
        session.begin(opening, self._node, self._question)
        self._sessions[session.session_id] = session
        return session

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.session_id, None)

    # -- signs of life

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(link.BEAT_SECONDS)
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001  the boundary: one client's fault must not end the beat (INT)
                self._report("uplink.beat", error)

    def _tick(self) -> None:
        """Say that this node lives, and see whether the bus does."""
        self._silent_beats += 1
        self._asked_beats += 1
        if self._silent_beats >= link.LEASE_BEATS:
            self._cut()
        if self._spine.connected:
            self._say(link.NODE_BEAT, b"", {link.NODE: self._node})

    def _bus_beat(self, arrival: Arrival) -> None:
        epoch = link.checked_id(arrival.headers.get(link.EPOCH))
        if epoch != self._epoch:
            self._epoch = epoch
            self._ask()
        elif self._synced:
            self._silent_beats = 0
        elif self._asked_beats >= ASK_BEATS:
            self._ask()

    def _spine_changed(self) -> None:
        if self._spine.connected:
            self._ask()
        else:
            self._cut()
            self.changed()

    def _cut(self) -> None:
        """The bus cannot be reached: answer everything that is on its way."""
        was, self._synced = self._synced, False
        self._each(Session.give_up)
        if was:
            self.changed()

    def _each(self, act: Callable[[Session], object]) -> None:
        """For every session, whatever goes wrong with one."""
        for session in tuple(self._sessions.values()):
            try:
                act(session)
            except Exception as error:  # noqa: BLE001  the boundary: one client's fault must not reach another's session (INT)
                self._report("uplink.session", error)

    # -- what the bus has seen

    def _ask(self) -> None:
        """Ask what the bus has seen of each session; nothing is sent until it has answered."""
        was, self._synced = self._synced, False
        self._question += 1
        self._asked_beats = 0
        self._answer.clear()
        self._each(_end_if_closing)
        known = {name: link.Seen(session.up, session.down) for name, session in self._sessions.items()}
        for part, more in split(msgspec.json.encode(known), self._spine.max_payload_bytes):
            headers = {link.NODE: self._node, link.SEQUENCE: str(self._question)}
            self._say(link.NODE_SYNC, part, headers | ({link.MORE: "1"} if more else {}))
        if was:
            self.changed()

    def _say(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        try:
            self._spine.publish(subject, payload, headers)
        except SpineUnavailableError as error:
            if self._spine.connected:  # else `changed` has said so
                self._report("uplink.say", error)

    def _answered(self, arrival: Arrival) -> None:
        """The bus has said what it has seen; what it sent again came before."""
        if self._synced or link.checked_sequence(arrival.headers.get(link.SEQUENCE)) != self._question:
            return
        payload = self._answer.add(arrival.payload, more=link.MORE in arrival.headers)
        if payload is None:
            return
        self._epoch = link.checked_id(arrival.headers.get(link.EPOCH))
        known = link.decoded(payload, link.Known)
        whole: list[bool] = []
        self._each(lambda session: whole.append(_agreed(session, known.get(session.session_id))))
        if all(whole):
            self._synced, self._silent_beats = True, 0
            self.changed()

    # -- what the bus sends

    def _arrived(self, arrival: Arrival) -> None:
        kind = arrival.subject.rpartition(".")[2]
        if kind == "synced":
            self._answered(arrival)
            return
        if kind == "lost":
            if self._synced:
                self._ask()
            return
        session = self._sessions.get(link.checked_id(arrival.headers.get(link.SESSION)))
        if session is None:
            return  # it ended here while this was on its way
        if kind == "frames":
            sequence = link.checked_sequence(arrival.headers.get(link.SEQUENCE))
            more = link.MORE in arrival.headers
            if not session.take(sequence, arrival.payload, more=more) and self._synced:
                self._ask()
        elif kind == "close":
            ending = link.decoded(arrival.payload, link.Ending)
            session.end(ending.code, ending.reason)
        elif kind in ("pause", "resume"):
            session.pause(paused=kind == "pause")
        else:
            raise link.LinkError(f"subject: {arrival.subject[:64]!r} is none that a node hears")


def _end_if_closing(session: Session) -> None:
    if session.closing is not None:
        session.end(session.closing.code, session.closing.reason)


def _agreed(session: Session, seen: link.Seen | None) -> bool:
    """Whether nothing of a session is missing; one that the bus does not know ends."""
    if seen is None:
        session.end(1012, GAP)
        return True
    return session.agree(seen)
