"""A client behind Shield as the bus has it: an endpoint like a connection of its own, at the other end of the spine."""

from typing import Any, Protocol

from arqonbus_reference.shield import link
from arqonbus_reference.shield.parcels import Joiner, split
from arqonbus_reference.shield.windows import Part, Window
from arqonbus_reference.transport.application import Application, Limits


class Way(Protocol):
    """The way to the node of a client, as `FarClient` needs it."""

    application: Application
    limits: Limits

    @property
    def part_bytes(self) -> int:
        """The largest part of a payload."""
        ...

    def soon(self, client: "FarClient") -> None:
        """Call `flush` of this client at the end of this tick."""
        ...

    def carry(self, client: "FarClient", part: Part) -> bool:
        """Keep a part and send it; False when it can only be sent after the node asked."""
        ...

    def tell(self, client: "FarClient", kind: str, ending: link.Ending | None = None) -> None:
        """Send `close`, `pause` or `resume`, unless nothing can be sent now: the node asks afterwards."""
        ...

    def missed(self, client: "FarClient") -> None:
        """A number is missing of what the client sent: let its node ask."""
        ...

    def forget(self, client: "FarClient") -> None:
        """The session is over."""
        ...


class FarClient:
    """One session of a node: a `transport.application.Endpoint` that the pipeline can pause.

    `up` and `down` are the last numbers received and sent.
    """

    protobuf: bool = False  # Shield does that at its edge

    __slots__ = (
        "_closed",
        "_ending",
        "_frames",
        "_joiner",
        "_unsent_bytes",
        "_way",
        "down",
        "ever_paused",
        "node",
        "paused",
        "session",
        "session_id",
        "tenant",
        "up",
        "window",
    )

    def __init__(self, way: Way, session_id: str, node: str, tenant: str) -> None:
        self.session: Any = None
        self.session_id = session_id
        self.node = node
        self.tenant = tenant
        self.up = 1
        self.down = 0
        self.window = Window()
        self.paused = False
        self.ever_paused = False
        self._way = way
        self._joiner = Joiner(way.limits.max_message_bytes)
        self._frames: list[bytes] = []
        self._unsent_bytes = 0
        self._ending: link.Ending | None = None
        self._closed = False

    # -- from the node

    def take(self, sequence: int, part: bytes, *, more: bool) -> None:
        """Take what comes next from the client; late copies are dropped, and all behind a missing number until the node asked."""
        if self._closed or self._ending is not None or sequence <= self.up:
            return
        if sequence != self.up + 1:
            self._way.missed(
                self
            )  # after an outage the client library of a node still sends what it had buffered
            return
        self.up = sequence
        try:
            self._read(part, more=more)
        except Exception as error:  # noqa: BLE001  the boundary: one client's fault must not end the subscription (INT)
            self._way.application.failed("spine.read", error)
            self.close(1011, "internal error")

    def _read(self, part: bytes, *, more: bool) -> None:
        try:
            text = self._joiner.add(part, more=more)
            if text is not None and not text.isascii():
                text.decode()
        except OverflowError:
            self.close(1009, f"message over {self._way.limits.max_message_bytes} bytes")
        except UnicodeDecodeError:
            self.close(1007, "text is not UTF-8")
        else:
            if text is not None:
                self._way.application.text(self, text)

    def leave(self, ending: link.Ending) -> None:
        """The client is gone, or Shield closes it: answer what came before, then confirm the end."""
        if self._ending is None and not self._closed:
            self._ending = ending
            if ending.code == 1013:
                self._way.application.slow(self, self._way.limits.outbox_bytes)
            self._way.application.closed(self, ending.code, ending.reason)

    def vanish(self, reason: str) -> None:
        """Nobody is at the other end any more."""
        self._end(1006, reason)
        self._way.forget(self)

    def resume_at(self, up: int) -> None:
        """The node sent up to this number; what did not arrive is lost."""
        if up > self.up:
            self._joiner.clear()
            self.up = up
        self._unsent_bytes = 0

    # -- to the node

    def send(self, frames: list[bytes]) -> None:
        """Send whole frames with all others of this tick; a client for which over `outbox_bytes` wait is closed (LIM-001)."""
        if self._closed:
            return
        if not self._frames:
            self._way.soon(self)
        self._frames += frames

    def flush(self) -> None:
        """Hand over what was sent in this tick."""
        if not self._frames:
            return
        frames, self._frames = self._frames, []
        payload = frames[0] if len(frames) == 1 else b"".join(frames)
        for part, more in split(payload, self._way.part_bytes):
            self.down += 1
            if not self._way.carry(self, Part(self.down, part, more)):
                self._unsent_bytes += len(part)
        if self._unsent_bytes > self._way.limits.outbox_bytes and not self._closed:
            self._way.application.slow(self, self._unsent_bytes)
            self.close(1013, "slow consumer")

    def close(self, code: int, reason: str) -> None:
        """Close the client, after what was sent before."""
        if self._closed:
            return
        self.flush()
        if not self._closed:  # flushing may have found it too slow
            self._way.tell(self, "close", link.Ending(code, reason))
            self._end(code, reason)
            self._way.forget(self)

    def finish(self) -> None:
        """Everything it sent is answered: confirm its end."""
        if self._ending is not None:
            self.close(self._ending.code, self._ending.reason)

    def abort(self) -> None:
        """Cut it off."""
        self.close(1011, "internal error")

    def pause(self) -> None:
        """Read no more from this client until `resume`."""
        self.paused = self.ever_paused = True
        self._way.tell(self, "pause")

    def resume(self) -> None:
        """Read from this client again."""
        self.paused = False
        self._way.tell(self, "resume")

    def _end(self, code: int, reason: str) -> None:
        self._closed = True
        self._frames = []
        if self._ending is None:
            self._ending = link.Ending(code, reason)
            self._way.application.closed(self, code, reason)
