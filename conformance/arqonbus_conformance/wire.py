"""One WebSocket connection to a deployment, made by a client that can misbehave.

Own codec on an asyncio transport: the handshake is websockets' sans-I/O client, frames are built and parsed here,
and everything said either way goes into the transcript.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from arqonbus_conformance.findings import Unanswered, Violation
from arqonbus_conformance.frames import (
    OPCODES,
    Frame,
    FrameDecoder,
    FrameFault,
    Opcode,
    close_payload,
    encode,
    read_close,
)
from arqonbus_conformance.handshake import PROTOBUF, Handshake, Refusal
from arqonbus_conformance.observing import observed
from arqonbus_conformance.pace import Pace
from arqonbus_conformance.transcript import END, Transcript

__all__ = ["REPLY_SECONDS", "Close", "Connection"]

REPLY_SECONDS: Final = 5.0
"""The longest a client waits for what must come, unless told otherwise, in seconds."""
ABNORMAL: Final = 1006
"""What stands for an end without a close frame (RFC 6455 section 7.4.1)."""


class Close(NamedTuple):
    """How a connection ended: the code and reason of the close frame; 1006 where none came."""

    code: int
    reason: str


class Connection(asyncio.Protocol):
    """A connection from its first byte on; ``changed`` tells waiters that something came.

    Attributes:
        name: who the transcript says is speaking.
        end: how it ended, None while it lives.
        fault: what the deployment sent that no server may send, None so far.
        answer_pings: whether pings get their pong by themselves (they do).
        answer_close: whether a close frame is answered by itself (it is).
        pongs: the payloads of the pongs received.
        subprotocol: the one that the upgrade chose; with that of protobuf, messages are binary and heard as JSON.
    """

    def __init__(
        self, name: str, transcript: Transcript, handshake: Handshake, pace: Pace | None = None
    ) -> None:
        self.name = name
        self._pace = pace if pace is not None else Pace()
        self.end: Close | None = None
        self.fault: Violation | None = None
        self.answer_pings = True
        self.answer_close = True
        self.pongs: list[bytes] = []
        self.pings: list[bytes] = []
        self.subprotocol: str | None = None
        self.granted: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._listener: Callable[[str], None] | None = None
        self._unheard: list[str] = []
        self._transcript = transcript
        self._handshake: Handshake | None = handshake
        self._decoder = FrameDecoder()
        self._fragments = bytearray()
        self._message_opcode: int = Opcode.TEXT
        self._change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._close_frame: Close | None = None
        self._close_sent = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the upgrade request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise, for the type checker
        assert self._handshake is not None  # noqa: S101 - set at construction
        self._transport = transport
        self._transcript.record(self.name, ">", "upgrade", self._handshake.request)
        transport.write(self._handshake.request)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the answer to the upgrade, then of frames."""
        if self._handshake is None:
            self._take_frames(data)
            return
        try:
            outcome = self._handshake.receive(data)
        except ValueError as fault:
            self._transcript.record(self.name, "<", "answer", data)
            self._refuse(Violation("the answer to the upgrade is not right", actual=str(fault)))
            return
        self._settle(outcome)

    def eof_received(self) -> bool:
        """Note the end of the stream; the transport closes by itself."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how the connection ended and wake every waiter."""
        if self._handshake is not None and not self.granted.done():
            if isinstance(exc, ssl.SSLError):
                self.granted.set_exception(exc)
            else:
                self._finish_unanswered()
        reset = "" if exc is None else f"connection reset ({type(exc).__name__})"
        self.end = self._close_frame or Close(ABNORMAL, reset)
        self._transcript.record(self.name, "<", END, f"{self.end.code} {self.end.reason}".strip())
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        """Hold writers back: the deployment does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._writable.set()

    # The handshake.

    def _finish_unanswered(self) -> None:
        assert self._handshake is not None  # noqa: S101 - asked by the caller
        try:
            outcome = self._handshake.eof()
        except ValueError as fault:
            self._refuse(Violation("the upgrade was not answered", actual=str(fault)))
            return
        if outcome is None:
            self._refuse(Violation("the upgrade was not answered", actual="the connection ended"))
        else:
            self._settle(outcome)

    def _refuse(self, fault: Violation) -> None:
        if not self.granted.done():
            self.granted.set_exception(fault)

    def _settle(self, outcome: Refusal | Literal[True] | None) -> None:
        if outcome is None or self.granted.done():
            return
        if isinstance(outcome, Refusal):
            head = f"{outcome.status} {dict(outcome.headers)} "
            self._transcript.record(self.name, "<", "refusal", head.encode() + outcome.body)
            self.granted.set_result(outcome)
            return
        self._transcript.record(self.name, "<", "upgraded", "101")
        assert self._handshake is not None  # noqa: S101 - data_received asked
        self.subprotocol = self._handshake.subprotocol
        remainder, self._handshake = self._handshake.remainder, None
        self.granted.set_result(None)
        if remainder:
            self._take_frames(remainder)

    # Frames from the deployment.

    def _take_frames(self, data: bytes) -> None:
        try:
            frames = self._decoder.feed(data)
            for frame in frames:
                self._take(frame)
        except FrameFault as fault:
            self._transcript.record(self.name, "<", "fault", data)
            self.fault = Violation("the deployment broke the WebSocket protocol", actual=f"it sent {fault}")
            self.abort()
        self._wake()

    def _take(self, frame: Frame) -> None:
        kind = Opcode(frame.opcode).name.lower()
        self._transcript.record(self.name, "<", kind if frame.fin else f"{kind}+", _readable(frame))
        if frame.opcode == Opcode.PING:
            self.pings.append(frame.payload)
            if self.answer_pings:
                self.write_frame(Frame(Opcode.PONG, frame.payload, masked=True))
        elif frame.opcode == Opcode.PONG:
            self.pongs.append(frame.payload)
        elif frame.opcode == Opcode.CLOSE:
            self._close_frame = Close(*read_close(frame.payload))
            if self.answer_close and not self._close_sent:
                self.write_frame(Frame(Opcode.CLOSE, frame.payload, masked=True))
        else:
            if frame.opcode != Opcode.CONTINUATION:
                self._message_opcode = frame.opcode
            self._fragments += frame.payload
            if frame.fin:
                self._take_message()

    def _take_message(self) -> None:
        message, self._fragments = bytes(self._fragments), bytearray()
        text = self._view(message)
        if self._listener is None:
            self._unheard.append(text)
        else:
            self._listener(text)

    def _view(self, message: bytes) -> str:
        """The JSON text of a message, in whichever form was negotiated."""
        negotiated = Opcode.BINARY if self.subprotocol == PROTOBUF else Opcode.TEXT
        if self._message_opcode != negotiated:
            came = Opcode(self._message_opcode).name.lower()
            raise FrameFault(f"a {came} message where {negotiated.name.lower()} was negotiated")
        try:
            return _protobuf_view(message) if negotiated == Opcode.BINARY else message.decode()
        except UnicodeDecodeError:
            raise FrameFault("a text message that is not UTF-8") from None
        except ValueError as fault:
            raise FrameFault(f"a binary message that is none: {fault}") from None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Give every text message to ``listener``, those that came before this call first."""
        self._listener = listener
        unheard, self._unheard = self._unheard, []
        for text in unheard:
            listener(text)

    def _wake(self) -> None:
        change, self._change = self._change, asyncio.get_running_loop().create_future()
        if not change.done():
            change.set_result(None)

    # What a client does.

    def changed(self) -> asyncio.Future[None]:
        """Done when anything comes after this call, the end of the connection included."""
        return self._change

    def write_frame(self, frame: Frame, mask_key: bytes | None = None) -> None:
        """Put a frame, right or wrong, on the wire without waiting."""
        kind = Opcode(frame.opcode).name.lower() if frame.opcode in OPCODES else f"op{frame.opcode}"
        self._transcript.record(self.name, ">", kind if frame.fin else f"{kind}+", _readable(frame))
        if frame.opcode == Opcode.CLOSE:
            self._close_sent = True
        self._write(encode(frame, mask_key))

    def write_bytes(self, data: bytes) -> None:
        """Put bytes on the wire as they are, without waiting."""
        self._transcript.record(self.name, ">", "raw", data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._pace.spend()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self, within: float = REPLY_SECONDS) -> None:
        """Wait until the budget allows for what was written, and the operating system has taken most of it.

        Raises:
            Unanswered: the deployment did not read for ``within`` seconds.
        """
        await self._pace.settled()
        if self._transport is None or self._transport.is_closing():
            # Nothing is ever full here: without a turn of the loop a sender would go on beyond its time limit.
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(within):
                await self._writable.wait()
        except TimeoutError:
            raise Unanswered(f"{self.name}: the deployment read nothing for {within:g} s") from None

    def stop_reading(self) -> None:
        """Take nothing more from the socket, so that the deployment's data piles up on its side."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write_eof(self) -> None:
        """Half-close: say that nothing more will be written."""
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def abort(self) -> None:
        """End the TCP connection with a reset, without a close frame."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None and not self._transport.is_closing():
            linger_now = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_now)
        self._transport.abort()

    def start_close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame without waiting for the answer."""
        if self.end is None:
            self.write_frame(Frame(Opcode.CLOSE, close_payload(code, reason), masked=True))

    async def closed(self, within: float = REPLY_SECONDS) -> Close:
        """How the connection ended; waits for its end.

        Raises:
            Unanswered: it was still open after ``within`` seconds.
            Violation: the deployment broke the WebSocket protocol.
        """
        observed()
        try:
            async with asyncio.timeout(within):
                while self.end is None:
                    await asyncio.shield(self._change)
        except TimeoutError:
            raise Unanswered(
                f"{self.name}: the connection was not closed within {within:g} s",
                expected="a close frame and the end of the connection",
                actual=f"close frame: {self._close_frame}, TCP connection still open",
            ) from None
        if self.fault is not None:
            raise self.fault
        return self.end

    async def ended_or_aborted(self, within: float = 1.0) -> None:
        """Return when the connection has ended; it is reset after ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.end is None:
                    await asyncio.shield(self._change)
        except TimeoutError:
            self.abort()


def _readable(frame: Frame) -> bytes | str:
    """What the transcript shows of a frame: code and reason of a close frame, the payload of any other."""
    if frame.opcode != Opcode.CLOSE or len(frame.payload) < 2:
        return frame.payload
    reason = frame.payload[2:].decode("utf-8", "backslashreplace")
    return f"{int.from_bytes(frame.payload[:2], 'big')} {reason}".rstrip()


def _protobuf_view(message: bytes) -> str:
    from arqonbus_conformance.protobuf_view import to_json  # noqa: PLC0415 - its library takes 0.1 s to import

    return to_json(message)
