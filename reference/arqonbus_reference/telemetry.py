"""The stream of events for operators: emitted without waiting, queued for each reader within a bound."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

MAX_QUEUED_EVENTS: Final = 1024
"""Events one reader may be behind; one more and it is closed."""
ROUTED_INTERVAL_SECONDS: Final = 1.0

Severity = Literal["debug", "info", "warning", "error", "critical"]

EVENT_TYPES: Final = (
    "telemetry.hello",
    "client.connected",
    "client.disconnected",
    "channel.joined",
    "channel.left",
    "message.routed",
    "auth.rejected",
    "storage.degraded",
    "storage.unavailable",
    "storage.recovered",
    "spine.connected",
    "spine.disconnected",
    "error.<site>",
    "slow_consumer.closed",
    "server.draining",
    "client.telemetry",
)
_encode: Final = msgspec.json.Encoder().encode


class Reader:
    """What one telemetry connection has still to send."""

    __slots__ = ("_ended", "_queue", "_wakeup", "overflowed", "tenant")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.overflowed = asyncio.Event()
        """Set once the reader has missed an event: its stream is no longer whole."""
        self._queue: deque[bytes] = deque()
        self._wakeup = asyncio.Event()
        self._ended = False

    def __len__(self) -> int:
        return len(self._queue)

    def offer(self, frame: bytes) -> bool:
        """Queue the frame; False when the reader is too far behind."""
        if len(self._queue) >= MAX_QUEUED_EVENTS:
            self.overflowed.set()
            return False
        self._queue.append(frame)
        self._wakeup.set()
        return True

    async def next(self) -> bytes | None:
        """The oldest frame not yet sent, or None after the last one of an ended stream."""
        while not self._queue:
            if self._ended:
                return None
            self._wakeup.clear()
            await self._wakeup.wait()
        return self._queue.popleft()

    def end(self) -> None:
        """What is queued is the rest."""
        self._ended = True
        self._wakeup.set()


class TelemetryHub:
    """Where events are emitted and readers subscribe; all in one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._readers: set[Reader] = set()
        self._emitted = 0
        self._dropped = 0
        self._routed: dict[str, list[int]] = {}
        self._routed_timer: asyncio.TimerHandle | None = None
        self._routed_since = time.monotonic()

    def subscribe(self, tenant: str) -> Reader:
        """A reader of the events of the tenant and of the deployment, from now on."""
        reader = Reader(tenant)
        self._readers.add(reader)
        return reader

    def unsubscribe(self, reader: Reader) -> None:
        """Queue nothing more for the reader."""
        self._readers.discard(reader)

    def emit(
        self, event_type: str, severity: Severity = "info", *, tenant: str | None = None, **fields: Any
    ) -> None:
        """Queue an event for every reader that may see it; `tenant` None is the deployment's own event."""
        self._emitted += 1
        if not self._readers:
            return
        frame = self.frame(event_type, severity, **fields)
        for reader in self._readers:
            if (tenant is None or tenant == reader.tenant) and not reader.offer(frame):
                self._dropped += 1

    def frame(self, event_type: str, severity: Severity, **fields: Any) -> bytes:
        """An event as it is sent."""
        return _encode(
            {"event_type": event_type, "timestamp": _rfc3339(self._clock()), "severity": severity, **fields}
        )

    def routed(self, tenant: str, *, accepted: int = 0, delivered: int = 0, rejected: int = 0) -> None:
        """Count traffic; `message.routed` follows at most once per second and tenant."""
        counts = self._routed.get(tenant)
        if counts is None:
            counts = self._routed[tenant] = [0, 0, 0]
            self._schedule_routed()
        counts[0] += accepted
        counts[1] += delivered
        counts[2] += rejected

    def stats(self) -> dict[str, int]:
        """Readers connected now, events emitted, and events a reader was too slow for."""
        return {"readers": len(self._readers), "emitted": self._emitted, "dropped": self._dropped}

    def flush(self) -> None:
        """Emit the counted traffic now, before the stream ends."""
        if self._routed_timer is not None:
            self._routed_timer.cancel()
            self._emit_routed()

    def _schedule_routed(self) -> None:
        if self._routed_timer is None:
            due = self._routed_since + ROUTED_INTERVAL_SECONDS - time.monotonic()
            self._routed_timer = asyncio.get_running_loop().call_later(max(0.0, due), self._emit_routed)

    def _emit_routed(self) -> None:
        self._routed_timer = None
        routed, self._routed = self._routed, {}
        now = time.monotonic()
        interval_seconds, self._routed_since = round(now - self._routed_since, 3), now
        for tenant, (accepted, delivered, rejected) in routed.items():
            self.emit(
                "message.routed",
                "debug",
                tenant=tenant,
                accepted=accepted,
                delivered=delivered,
                rejected=rejected,
                interval_seconds=interval_seconds,
            )


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
