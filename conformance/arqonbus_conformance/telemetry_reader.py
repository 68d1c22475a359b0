"""The telemetry endpoint of a deployment as cases use it."""

from collections.abc import Callable
from typing import TypeVar

from arqonbus_conformance.bus import Upgrades
from arqonbus_conformance.endpoint import CONNECT_SECONDS
from arqonbus_conformance.envelopes import Observed, read
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.frames import Frame, Opcode
from arqonbus_conformance.handshake import Headers, Refusal
from arqonbus_conformance.tokens import Token
from arqonbus_conformance.waiting import until
from arqonbus_conformance.wire import REPLY_SECONDS, Close, Connection

__all__ = ["Telemetry", "TelemetryReader"]

Found = TypeVar("Found")


class TelemetryReader:
    """One reader that has received its hello.

    Attributes:
        events: every event received, the hello first.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.name
        self.events: list[Observed] = []
        connection.listen(self._take)

    def _take(self, text: str) -> None:
        try:
            event = read(text)
        except ValueError:
            event = None
        if not isinstance(event, Observed):
            self.connection.fault = Violation("a telemetry frame is not a JSON object", actual=text)
            return
        self.events.append(event)

    @property
    def hello(self) -> Observed:
        """The first event."""
        return self.events[0]

    def matching(self, event_type: str, **fields: object) -> list[Observed]:
        """The events of that type so far whose fields have these values."""
        return [
            event
            for event in self.events
            if event.get("event_type") == event_type
            and all(event.get(name) == value for name, value in fields.items())
        ]

    async def event(self, event_type: str, *, within: float = REPLY_SECONDS, **fields: object) -> Observed:
        """The first event of that type whose fields have these values, received before or yet to come.

        Raises:
            Unanswered: none came within the time.
        """

        def find() -> Observed | None:
            found = self.matching(event_type, **fields)
            return found[0] if found else None

        return await self._until(find, f"the event {event_type} {fields or ''}".strip(), within)

    async def events_of(
        self, event_type: str, count: int, *, within: float = REPLY_SECONDS, **fields: object
    ) -> list[Observed]:
        """The first ``count`` such events."""

        def find() -> list[Observed] | None:
            found = self.matching(event_type, **fields)
            return found[:count] if len(found) >= count else None

        return await self._until(find, f"{count} events {event_type} {fields or ''}".strip(), within)

    async def _until(self, find: Callable[[], Found | None], what: str, within: float) -> Found:
        def came() -> str:
            kinds = [str(event.get("event_type")) for event in self.events]
            return f"events so far: {', '.join(kinds[-20:]) or 'none'}"

        return await until(self.connection, find, what, within, came)

    async def send_text(self, text: str | bytes) -> None:
        """Send a text frame, which the deployment must ignore."""
        payload = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self.connection.write_frame(Frame(Opcode.TEXT, payload, masked=True))
        await self.connection.drained()

    def stop_reading(self) -> None:
        """Read nothing more."""
        self.connection.stop_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.connection.resume_reading()

    async def closed(self, within: float = REPLY_SECONDS) -> Close:
        """How the connection ended; waits for the end."""
        return await self.connection.closed(within)

    async def close(self) -> Close:
        """Close in order."""
        self.connection.start_close()
        return await self.connection.closed()

    def abort(self) -> None:
        """Vanish: reset the TCP connection."""
        self.connection.abort()


class Telemetry(Upgrades):
    """The telemetry endpoint, in the namespace of the case."""

    async def connect(
        self,
        token: str | None = "admin",  # noqa: S107 - a role, not a secret
        *,
        tenant: str = "a",
        name: str = "reader",
        receive_buffer_bytes: int | None = None,
        within: float = REPLY_SECONDS,
    ) -> TelemetryReader:
        """A reader that has received the first frame; ``token`` is admin, user, a raw token, or None.

        Raises:
            Violation: the upgrade was refused, or no first frame came.
        """
        outcome = await self.open(
            name=name,
            headers=self._role(token, tenant),
            receive_buffer_bytes=receive_buffer_bytes,
        )
        if isinstance(outcome, Refusal):
            raise Violation(
                "the upgrade of a telemetry reader was refused",
                expected="101 Switching Protocols",
                actual=f"{outcome.status} {outcome.body[:500]!r}",
            )
        return await self._greeted(outcome, within)

    async def _greeted(self, connection: Connection, within: float) -> TelemetryReader:
        reader = TelemetryReader(connection)
        await until(
            connection, lambda: reader.events or None, "the first telemetry frame", within, lambda: "nothing"
        )
        return reader

    def _role(self, token: Token, tenant: str) -> dict[str, str]:
        return self.credentials.bearer_of(token, tenant, self.namespace.prefix)

    async def upgrade(
        self,
        headers: Headers | None = None,
        path: str = "/",
        method: str = "GET",
        *,
        token: Token = "admin",  # noqa: S107 - a role, not a secret
        tenant: str = "a",
        origin: str | None = None,
        raw: bytes | None = None,
        name: str = "reader",
        within: float = CONNECT_SECONDS,
    ) -> Refusal | TelemetryReader:
        """Try an upgrade and return the refusal, or the reader where it was granted.

        Raises:
            Unanswered: no answer came.
        """
        named = {} if origin is None else {"Origin": origin}
        made = {**self._role(token, tenant), **named, **(headers or {})}
        outcome = await self.open(name=name, path=path, method=method, headers=made, raw=raw, within=within)
        return outcome if isinstance(outcome, Refusal) else await self._greeted(outcome, within)
