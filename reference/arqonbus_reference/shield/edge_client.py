"""One client of Shield: its frames pass the checks in the order sent, and what the bus sends goes to it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from arqonbus_reference.limits import TokenBucket
from arqonbus_reference.shield import link
from arqonbus_reference.shield.checks import Checks
from arqonbus_reference.shield.mirror import Mirror
from arqonbus_reference.shield.protobuf_outlet import ProtobufOutlet
from arqonbus_reference.shield.schema import Judged
from arqonbus_reference.shield.spine import SpineUnavailableError
from arqonbus_reference.transport.application import Endpoint

MAX_WAITING_FRAMES: Final = 256
MAX_WAITING_BYTES: Final = 4 * 1_048_576
"""Frames of one client, and their bytes, that wait for the policy; beyond either it is read no more until half are judged."""

TOKEN_EXPIRED: Final = 4401


class EdgeClient:
    """A client, as the spine needs it (`link.EdgeClient`); `join` gives it its session on the bus.

    `report(site, error)` takes what goes wrong inside.
    """

    def __init__(
        self,
        connection: Endpoint,
        tenant: str,
        checks: Checks,
        mirror: Mirror,
        *,
        rate: int,
        report: Callable[[str, BaseException], None],
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._outlet: Endpoint | ProtobufOutlet = (
            ProtobufOutlet(connection, tenant) if connection.protobuf else connection
        )
        self._checks = checks
        self._mirror = mirror
        self._bucket = TokenBucket(rate)
        self._report = report
        self._session: link.EdgeSession | None = None
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._waiting_bytes = 0
        self._judging: asyncio.Task[None] | None = None
        self._holds: set[str] = set()
        self._suspect = False
        self._left = False
        self._leaving: link.Ending | None = None

    def join(self, session: link.EdgeSession) -> None:
        """Its session on the bus has begun."""
        self._session = session

    # -- from the client

    def frame(self, payload: bytes, *, binary: bool) -> None:
        """A frame came; it is judged after those before it."""
        if self._checks.policy is None:
            judged = self._judged(payload, binary=binary)
            if judged is not None:
                self._publish(judged)
            return
        self._waiting.append((payload, binary))
        self._waiting_bytes += len(payload)
        if len(self._waiting) > MAX_WAITING_FRAMES or self._waiting_bytes > MAX_WAITING_BYTES:
            self._hold("policy")
        if self._judging is None:
            self._judging = asyncio.create_task(self._judge(), name="shield.judge")

    def left(self, code: int, reason: str) -> None:
        """The connection is being closed; what came before still counts, unless the token is over."""
        self._left = True
        if code == TOKEN_EXPIRED:
            self._waiting.clear()
        self.leave(code, reason)

    def leave(self, code: int, reason: str) -> None:
        """End the session on the bus once every frame that came was judged; `end` follows when the bus has answered them."""
        if self._leaving is None:
            self._leaving = link.Ending(code, reason)
        if self._judging is None:
            self._close_session()

    def _close_session(self) -> None:
        if self._leaving is None:
            return
        if self._session is None:
            self._connection.finish()
        else:
            self._session.close(self._leaving.code, self._leaving.reason)

    async def _judge(self) -> None:
        """Judge what waits, one frame after the other."""
        try:
            while self._waiting:
                payload, binary = self._waiting.popleft()
                self._waiting_bytes -= len(payload)
                judged = self._judged(payload, binary=binary)
                if judged is not None:
                    refusal, self._suspect = await self._checks.allows(judged, suspect=self._suspect)
                    if refusal is not None:
                        self._send(refusal)
                    elif not (self._leaving and self._leaving.code == TOKEN_EXPIRED):
                        self._publish(judged)
                if (
                    len(self._waiting) <= MAX_WAITING_FRAMES // 2
                    and self._waiting_bytes <= MAX_WAITING_BYTES // 2
                ):
                    self._release("policy")
        except Exception as error:  # noqa: BLE001  the boundary: what could not be judged must not pass, nor be lost in silence
            self._report("shield.judge", error)
            self._waiting.clear()
            self._connection.close(1011, "internal error")
        finally:
            self._judging = None
            self._close_session()

    def _judged(self, payload: bytes, *, binary: bool) -> Judged | None:
        found = self._checks.schema(payload, self._bucket, binary=binary)
        if isinstance(found, Judged):
            return found
        self._send(found)
        return None

    def _publish(self, judged: Judged) -> None:
        try:
            if self._session is None:
                raise SpineUnavailableError("no session")  # noqa: TRY301 - refused as any other
            self._session.send(judged.text, judged.request_id, command=judged.command)
        except SpineUnavailableError:
            self.unanswered(judged.request_id, command=judged.command)
        else:
            self._checks.passed()
            self._mirror.copy(self._tenant, judged.text, judged.request_id)

    # -- to the client (link.EdgeClient)

    def deliver(self, frames: bytes) -> None:
        """Send whole WebSocket text frames of the server, in order."""
        self._send(frames)

    def unanswered(self, request_id: str, *, command: bool) -> None:
        """Answer a request SPINE_UNAVAILABLE."""
        self._send(self._checks.unavailable(request_id, command=command))

    def end(self, code: int, reason: str) -> None:
        """The session on the bus is over, and everything before it answered: close the connection."""
        if self._left:
            self._connection.finish()
            return
        self._connection.close(code, reason)
        self._holds.clear()
        self._connection.resume()  # what it still sends is read away: unread, it would make the kernel drop our close frame

    def pause(self) -> None:
        """Read no more: the bus has enough of this client."""
        self._hold("bus")

    def resume(self) -> None:
        """Read again."""
        self._release("bus")

    def stop_reading(self) -> None:
        """Read no more, for a drain."""
        self._hold("drain")

    def _send(self, frames: bytes) -> None:
        try:
            self._outlet.send([frames])
        except Exception as error:  # noqa: BLE001  the boundary: a client with a gap is closed, the others are served
            self._report("shield.send", error)
            self._connection.close(1011, "internal error")

    def _hold(self, reason: str) -> None:
        if not self._holds:
            self._connection.pause()
        self._holds.add(reason)

    def _release(self, reason: str) -> None:
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds:
                self._connection.resume()
