"""A client of the bus as cases use it: sends envelopes or nonsense, waits for what must come, remembers it all."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from arqonbus_conformance.envelopes import Observed, check_own, envelope, read
from arqonbus_conformance.findings import SuiteFault, Violation
from arqonbus_conformance.frames import Frame, Opcode
from arqonbus_conformance.waiting import until
from arqonbus_conformance.wire import REPLY_SECONDS, Close, Connection

__all__ = ["Client"]

TERMINAL = frozenset({"message_response", "response", "error"})
"""The types of envelope that end a request."""
SHOWN_FRAMES = 5
"""How many of the latest frames an unanswered wait shows."""

SHOWN_CHARACTERS = 300
"""How much of each of them, in characters."""

Found = TypeVar("Found")


class Client:
    """One connected client; made by ``Bus.connect``, which waits for the welcome.

    Every wait is bounded by ``within`` seconds and raises ``Unanswered``, which says what was awaited and what
    came instead. Waiting ends early when the connection does.

    Attributes:
        connection: the connection underneath, for what this class has no word for.
        received: every envelope received so far, the welcome first.
        raw: the text of each of them, as it came.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.name
        self.received: list[Observed] = []
        self.raw: list[str] = []
        self._messages: deque[Observed] = deque()
        self._rejections: deque[Observed] = deque()
        self._replies: dict[str, list[Observed]] = {}
        self._answered: dict[str, int] = {}
        connection.listen(self._take)

    def _take(self, text: str) -> None:
        try:
            document = read(text)
        except ValueError:
            document = None
        if not isinstance(document, Observed):
            self.connection.fault = Violation("a frame from the bus is not a JSON object", actual=text)
            return
        self.received.append(document)
        self.raw.append(text)
        kind = document.get("type")
        if kind == "message" and len(self.received) > 1:
            self._messages.append(document)
        elif kind in TERMINAL:
            if kind == "error":
                self._rejections.append(document)
            request_id = document.get("request_id")
            if isinstance(request_id, str):
                self._replies.setdefault(request_id, []).append(document)

    # Who it is.

    @property
    def welcome(self) -> Observed:
        """The first envelope from the bus."""
        return self.received[0]

    @property
    def id(self) -> str:
        """The client id that the welcome gave."""
        given = self.welcome["payload"]["client_id"]
        if not isinstance(given, str):
            raise Violation("client_id in the welcome is no string", expected="a string", actual=given)
        return given

    @property
    def pongs(self) -> list[bytes]:
        """The payloads of the pongs received so far."""
        return self.connection.pongs

    # Sending.

    def envelope(self, type: str = "message", /, **fields: object) -> dict[str, Any]:  # noqa: A002 - the field's name
        """A valid frame of an envelope of that type with ``fields`` on top; ``...`` as a value removes a field."""
        return envelope(type, **fields)

    async def send(self, message: Mapping[str, object], *, malformed: bool = False) -> None:
        """Send an envelope as JSON.

        Raises:
            SuiteFault: it does not match the schema of what a client may send and ``malformed`` was not said.
        """
        if not malformed:
            check_own(message)
        await self.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def send_text(self, text: str | bytes) -> None:
        """Send a text frame with exactly this content, whatever it is."""
        payload = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        await self.send_frame(Opcode.TEXT, payload)

    async def send_frame(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
    ) -> None:
        """Send one frame exactly as told, right or wrong."""
        self.connection.write_frame(Frame(opcode, payload, fin=fin, rsv=rsv, masked=masked))
        await self.connection.drained()

    async def send_bytes(self, data: bytes) -> None:
        """Put bytes on the wire as they are."""
        self.connection.write_bytes(data)
        await self.connection.drained()

    # Waiting.

    async def until(
        self, find: Callable[[], Found | None], what: str, within: float = REPLY_SECONDS
    ) -> Found:
        """Wait until ``find`` returns something; ``what`` says what that is.

        Raises:
            Unanswered: nothing was found in time, or the connection ended.
            Violation: the deployment broke the protocol.
        """
        seen = len(self.received)

        def came() -> str:
            latest = self.raw[seen:][-SHOWN_FRAMES:]
            return "; ".join(text[:SHOWN_CHARACTERS] for text in latest) if latest else "no frame"

        return await until(self.connection, find, what, within, came)

    async def reply(self, request_id: str, within: float = REPLY_SECONDS) -> Observed:
        """The terminal reply to that id; asked again, the one after it."""

        def find() -> Observed | None:
            replies = self.replies_to(request_id)
            taken = self._answered.get(request_id, 0)
            return replies[taken] if len(replies) > taken else None

        found = await self.until(find, f"the reply to {request_id}", within)
        self._answered[request_id] = self._answered.get(request_id, 0) + 1
        self._forget_rejection(found)
        return found

    def _forget_rejection(self, frame: Observed) -> None:
        kept = [one for one in self._rejections if one is not frame]
        self._rejections = deque(kept)

    async def rejection(self, within: float = REPLY_SECONDS) -> Observed:
        """The next ``error`` frame that no ``request`` or ``reply`` has returned yet."""
        return await self.until(
            lambda: self._rejections.popleft() if self._rejections else None, "an error frame", within
        )

    async def request(
        self,
        message: Mapping[str, object] | bytes | str,
        *,
        request_id: str | None = None,
        within: float = REPLY_SECONDS,
        malformed: bool = False,
    ) -> Observed:
        """Send a message and return the one terminal reply to its id.

        Bytes and text are sent as they are. The id awaited is ``request_id``, or the one in the message; where it
        has none that could be read, the next ``error`` frame is the answer.
        """
        if isinstance(message, (bytes, str)):
            awaited = request_id if request_id is not None else _readable_id(message)
            await self.send_text(message)
        else:
            given = message.get("id")
            awaited = request_id if request_id is not None else given if isinstance(given, str) else None
            await self.send(message, malformed=malformed)
        if awaited is None:
            return await self.rejection(within)
        return await self.reply(awaited, within)

    async def command(self, name: str, /, *, within: float = REPLY_SECONDS, **args: object) -> Observed:
        """The response to a command."""
        fields: dict[str, object] = {"command": name}
        if args:
            fields["args"] = args
        return await self.request(envelope("command", **fields), within=within)

    async def succeed(self, name: str, /, *, within: float = REPLY_SECONDS, **args: object) -> Observed:
        """The data of a command that must succeed.

        Raises:
            Violation: it did not.
        """
        response = await self.command(name, within=within, **args)
        if response.get("type") != "response" or response.get("status") != "success":
            raise Violation(
                f"{name} did not succeed", expected="a response with status success", actual=response
            )
        data = response["payload"]["data"]
        if not isinstance(data, Observed):
            raise Violation(f"payload.data of {name} is no object", expected="an object", actual=data)
        return data

    async def join(self, room: str, channel: str) -> Observed:
        """Join a channel; the data of the response."""
        return await self.succeed("join_channel", room=room, channel=channel)

    async def leave(self, room: str, channel: str) -> Observed:
        """Leave a channel; the data of the response."""
        return await self.succeed("leave_channel", room=room, channel=channel)

    async def publish(
        self,
        room: str | None = None,
        channel: str | None = None,
        *,
        to: str | None = None,
        payload: Mapping[str, object] | None = None,
        text: str | None = None,
        within: float = REPLY_SECONDS,
        **fields: object,
    ) -> Observed:
        """Send a message and return its terminal reply, whichever it is; ``text`` makes the payload {text}."""
        return await self.request(
            self.message_to(room, channel, to=to, payload=payload, text=text, **fields), within=within
        )

    def message_to(
        self,
        room: str | None = None,
        channel: str | None = None,
        *,
        to: str | None = None,
        payload: Mapping[str, object] | None = None,
        text: str | None = None,
        **fields: object,
    ) -> dict[str, Any]:
        """The envelope that ``publish`` sends, for sending it otherwise."""
        if (payload is None) == (text is None):
            raise SuiteFault("a message takes either payload or text")
        target = {"room": room, "channel": channel, "to_client": to}
        named = {name: value for name, value in target.items() if value is not None}
        return envelope("message", **{**named, "payload": payload or {"text": text}, **fields})

    # What came.

    async def message(
        self, within: float = REPLY_SECONDS, *, where: Callable[[Observed], bool] = lambda message: True
    ) -> Observed:
        """The next ``message`` received that satisfies ``where``; earlier ones are passed over."""

        def find() -> Observed | None:
            while self._messages:
                candidate = self._messages.popleft()
                if where(candidate):
                    return candidate
            return None

        return await self.until(find, "a message", within)

    async def messages_until(self, text: str, within: float = REPLY_SECONDS) -> list[Observed]:
        """All messages received since the last such call, up to and including the one whose payload.text is ``text``."""
        collected: list[Observed] = []

        def find() -> bool | None:
            while self._messages:
                collected.append(self._messages.popleft())
                if _text(collected[-1]) == text:
                    return True
            return None

        await self.until(find, f"the message {text!r}", within)
        return collected

    async def texts_until(self, text: str, within: float = REPLY_SECONDS) -> list[str]:
        """As ``messages_until``, the payload.text of each; a payload without text stands as its JSON."""
        return [_text(message) for message in await self.messages_until(text, within)]

    def replies_to(self, request_id: str) -> list[Observed]:
        """Every terminal reply to that id received so far."""
        return self._replies.get(request_id, [])

    async def barrier(self, within: float = REPLY_SECONDS) -> None:
        """Return after everything the bus had queued for this client before has been received."""
        await self.succeed("ping", within=within)

    # The end.

    async def closed(self, within: float = REPLY_SECONDS) -> Close:
        """How the connection ended; waits for the end.

        Raises:
            Unanswered: it was still open after ``within`` seconds.
        """
        return await self.connection.closed(within)

    async def close(self, code: int | None = 1000, reason: str = "") -> Close:
        """Close in order: send a close frame and wait for the deployment's and the end."""
        self.connection.start_close(code, reason)
        return await self.connection.closed()

    def abort(self) -> None:
        """Vanish: reset the TCP connection."""
        self.connection.abort()

    def stop_reading(self) -> None:
        """Read nothing more, so that data piles up in the deployment."""
        self.connection.stop_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.connection.resume_reading()


def _text(message: Observed) -> str:
    payload = message.get("payload")
    text = payload.get("text") if isinstance(payload, dict) else None
    return text if isinstance(text, str) else json.dumps(payload)


def _readable_id(message: bytes | str) -> str | None:
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return None
    given = document.get("id") if isinstance(document, dict) else None
    return given if isinstance(given, str) else None
