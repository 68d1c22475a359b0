"""One running bus: its parts, and what carries out their decisions."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any

from arqonbus_reference import replies
from arqonbus_reference.access import ANONYMOUS, Authenticator, Principal
from arqonbus_reference.broker import Broker
from arqonbus_reference.caller import Caller
from arqonbus_reference.effects import Announce, Execute, Outbound
from arqonbus_reference.envelope import InvalidEnvelopeError
from arqonbus_reference.errors import CommandError
from arqonbus_reference.faults import Faults
from arqonbus_reference.groups import Groups, JoinArgs
from arqonbus_reference.history import History
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.operators.synthesis import Synthesis
from arqonbus_reference.pipeline import Pipeline
from arqonbus_reference.push_consumers import PushConsumers
from arqonbus_reference.session import Session
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import Entry, Storage, StorageEvent, StreamKey
from arqonbus_reference.telemetry import TelemetryHub
from arqonbus_reference.transport.application import Endpoint, Listener
from arqonbus_reference.transport.frames import text_frame
from arqonbus_reference.welcome import welcome

ROUTED_REPORT_SECONDS = 0.25
"""After traffic, this long until it is reported to telemetry, which announces at most once per second."""

Handler = Callable[[Caller, Any], Awaitable[tuple[str, Any]]]


class Deployment:
    """The application behind the bus WebSocket, and what the HTTP API looks at."""

    def __init__(self, settings: Settings, storage: Storage, log: Any) -> None:
        self.settings = settings
        self.storage = storage
        self.version = version("arqonbus-conformance")
        self.started_at = time.time()
        self.draining = False
        self._listeners: list[Listener] = []
        self.telemetry = TelemetryHub()
        self.metrics = Metrics()
        self.faults = Faults(self.metrics, self.telemetry, log)
        secret = settings.auth_jwt_secret
        self.authenticator = Authenticator(secret.reveal()) if settings.enable_auth and secret else None
        self.broker = Broker(
            rate=settings.rate_limit_per_second,
            telemetry_rate=settings.telemetry_rate_per_second,
            describe_status=self.status,
        )
        self.history = History(storage)
        self.consumers = PushConsumers(
            storage, min_idle_ms=settings.group_min_idle_ms, report=self.faults.report
        )
        self._groups = Groups(storage, self.consumers)
        self._synthesis = Synthesis(settings)
        self.pipeline = Pipeline(self.broker, storage, self)
        self._handlers = self._io_commands()
        self._reported: dict[str, tuple[int, int, int]] = {}
        self._report_timer: asyncio.TimerHandle | None = None
        storage.on_event = self._storage_changed

    def _io_commands(self) -> dict[str, Handler]:
        return {
            "op.history.get": self.history.get,
            "op.history.replay": self.history.replay,
            "op.group.create": self._groups.create,
            "op.group.read": self._groups.read,
            "op.group.ack": self._groups.ack,
            "op.group.claim": self._groups.claim,
            "op.group.pending": self._groups.pending,
            "op.synthesis.run": self._synthesis.run,
        }

    def attach(self, *listeners: Listener | None) -> None:
        """Everything listens now: the deployment is ready."""
        self._listeners = [listener for listener in listeners if listener is not None]

    # -- what it says of itself

    def capabilities(self) -> dict[str, bool]:
        """What is true now."""
        durable = self.storage.status().durable
        return {
            "auth": self.authenticator is not None,
            "history": True,
            "durable": durable,
            "consumer_groups": durable,
            "protobuf": True,
            "synthesis": self.settings.synthesis_enabled,
        }

    def status(self, tenant: str | None) -> dict[str, Any]:
        """The data of the status command for one tenant, for all with None."""
        tenants = [self.broker.tenant(tenant)] if tenant is not None else list(self.broker.tenants.values())
        storage = self.storage.status()
        return {
            "server": {
                "status": "draining" if self.draining else storage.status,
                "version": self.version,
                "uptime_seconds": round(time.time() - self.started_at, 3),
            },
            "connections": {"current": sum(len(found.sessions) for found in tenants)},
            "messages": {
                "accepted": sum(found.accepted for found in tenants),
                "delivered": sum(found.delivered for found in tenants),
                "rejected": sum(found.rejected for found in tenants),
            },
            "storage": storage._asdict(),
            "capabilities": self.capabilities(),
        } | self._listening()

    def _listening(self) -> dict[str, Any]:
        """What the listeners say of themselves."""
        return {name: state for listener in self._listeners for name, state in listener.state().items()}

    def readiness(self) -> tuple[bool, str | None]:
        """Whether clients should come, and why not."""
        storage = self.storage.status()
        if not self._listeners:
            return False, "starting"
        if self.draining:
            return False, "draining"
        if storage.status == "unavailable":
            return False, storage.reason
        return True, None

    def health(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status and body of /health."""
        storage = self.storage.status()
        status = {"ok": "healthy", "degraded": "degraded", "unavailable": "unhealthy"}[storage.status]
        body = {
            "status": status,
            "reason": None if status == "healthy" else storage.reason,
            "version": self.version,
            "uptime_seconds": round(time.time() - self.started_at, 3),
            "storage": storage._asdict(),
        } | self._listening()
        return (503 if status == "unhealthy" else 200), body

    def count(self) -> Metrics:
        """The metrics, brought up to date."""
        tenants = self.broker.tenants.values()
        self.metrics.messages_accepted = sum(tenant.accepted for tenant in tenants)
        self.metrics.messages_rejected = sum(tenant.rejected for tenant in tenants)
        self.metrics.deliveries = sum(tenant.delivered for tenant in tenants)
        self.metrics.connections = sum(len(tenant.sessions) for tenant in tenants)
        self.metrics.connections_rejected = sum(listener.rejected for listener in self._listeners)
        spine = self._listening().get("spine")
        self.metrics.spine_connected = None if spine is None else spine["connected"]
        self.metrics.storage_degraded = self.storage.status().status == "degraded"
        return self.metrics

    # -- transport.websocket_bus.Application

    def authenticate(self, authorizations: Sequence[str]) -> Principal:
        """Who comes in. Raises: RejectedError."""
        return ANONYMOUS if self.authenticator is None else self.authenticator.authenticate(authorizations)

    def opened(self, connection: Endpoint, principal: Principal) -> None:
        """Welcome a client (CONN-001)."""
        outlet: Any = connection
        if connection.protobuf:
            from arqonbus_reference.shield.protobuf_outlet import ProtobufOutlet  # noqa: PLC0415 - 0.1 s of CPU

            outlet = ProtobufOutlet(outlet, principal.tenant)
        session, announcement = self.broker.connect(principal, outlet)
        connection.session = session
        self.metrics.connections_total += 1
        outlet.send([welcome(self.settings, self.capabilities(), session.client_id, _now())])
        self.announce(announcement)

    def text(self, connection: Endpoint, payload: bytes) -> None:
        """A frame for the pipeline."""
        self.pipeline.frame(connection.session, payload)

    def binary(self, connection: Endpoint, payload: bytes) -> None:
        """A protobuf frame for the pipeline; a fault where protobuf was not negotiated (ENV-025)."""
        if not connection.protobuf:
            connection.close(1003, "binary frames are not negotiated")
            return
        from arqonbus_reference.shield.schema import json_view  # noqa: PLC0415 - loaded by `opened`

        try:
            self.pipeline.frame(connection.session, json_view(payload))
        except InvalidEnvelopeError as invalid:
            self.pipeline.invalid(connection.session, invalid)

    def closed(self, connection: Endpoint, code: int, reason: str) -> None:
        """Forget a client, after what it sent before."""
        session = connection.session
        if isinstance(session, Session):
            self.pipeline.left(session, code, reason)

    def refused(self, details: str) -> None:
        """Count and announce a refused token, without it."""
        self.metrics.auth_rejected += 1
        self.telemetry.emit("auth.rejected", "warning", interface="bus", details=details)

    def slow(self, connection: Endpoint, unsent_bytes: int) -> None:
        """Count and announce a slow consumer (LIM-003)."""
        session = connection.session
        self.metrics.slow_consumers_closed += 1
        if isinstance(session, Session):
            fields = {"client_id": session.client_id, "unsent_bytes": unsent_bytes}
            self.telemetry.emit("slow_consumer.closed", "warning", tenant=session.principal.tenant, **fields)

    # -- pipeline.Surroundings

    def send(self, outbound: Outbound) -> None:
        """Hand frames to the connections; those that are gone drop them."""
        for session, frames in outbound.items():
            try:
                session.outlet.send(frames)
            except Exception as error:  # noqa: BLE001  the boundary: one dead connection must not silence others (CONN-012)
                self.faults.report("websocket.write", error)
                session.outlet.abort()
        if self._report_timer is None:
            self._report_timer = asyncio.get_running_loop().call_later(
                ROUTED_REPORT_SECONDS, self._report_routed
            )

    def announce(self, announcement: Announce) -> None:
        """Emit an event of one tenant."""
        self.telemetry.emit(announcement.event_type, tenant=announcement.tenant, **announcement.fields)

    def appended(self, entries: list[Entry]) -> None:
        """Wake the push consumers of the streams."""
        for key in {entry.key for entry in entries}:
            self.consumers.wake(key)

    def departed(self, session: Session) -> None:
        """What it consumed goes to others (GROUP-010)."""
        self.consumers.leave(session.client_id)
        session.outlet.finish()

    def failed(self, site: str, error: BaseException) -> None:
        """Count, announce and log (INT-003)."""
        self.faults.report(site, error)

    async def execute(self, execute: Execute) -> None:
        """Run a command with I/O and answer it."""
        session, request_id = execute.session, execute.request_id
        try:
            message, data = await self._run(execute)
            frame = replies.response(_now(), request_id, message, data)
        except CommandError as refused:
            if refused.code == "STORAGE_UNAVAILABLE":
                self.faults.report("storage.read", refused.__cause__ or refused)
            frame = replies.failure(_now(), request_id, refused.code, refused.message, refused.data)
        except Exception as error:  # noqa: BLE001  the boundary: the client is told, the bus lives on (INT)
            self.faults.report(f"command.{execute.command}", error)
            frame = replies.failure(
                _now(), request_id, "INTERNAL_ERROR", "the command could not be carried out"
            )
        session.outlet.send([frame])

    async def _run(self, execute: Execute) -> tuple[str, Any]:
        if execute.command == "operator.join":
            return await self._join(execute.session, execute.args)
        return await self._handlers[execute.command](execute.session.caller, execute.args)

    async def _join(self, session: Session, args: JoinArgs) -> tuple[str, Any]:
        key = StreamKey(session.principal.tenant, args.room, args.channel)
        outlet = session.outlet
        await self.consumers.join(
            session.client_id,
            lambda message: outlet.send([text_frame(message)]),
            key,
            args.group,
            args.prefetch,
        )
        if session.client_id not in self.broker.tenant(session.principal.tenant).sessions:
            self.consumers.leave(session.client_id)
        data = {"group": args.group, "room": args.room, "channel": args.channel, "prefetch": args.prefetch}
        return "consuming", data

    # -- inside

    def _storage_changed(self, event: StorageEvent) -> None:
        recovered = event.event_type == "storage.recovered"
        fields: dict[str, Any] = {"reason": event.reason}
        if recovered:
            fields |= {"written_back": event.written_back, "lost": event.lost}
        self.telemetry.emit(event.event_type, "info" if recovered else "error", **fields)

    def _report_routed(self) -> None:
        self._report_timer = None
        for name, tenant in self.broker.tenants.items():
            now = (tenant.accepted, tenant.delivered, tenant.rejected)
            before = self._reported.get(name, (0, 0, 0))
            if now != before:
                self._reported[name] = now
                accepted, delivered, rejected = (new - old for new, old in zip(now, before, strict=True))
                self.telemetry.routed(name, accepted=accepted, delivered=delivered, rejected=rejected)


def _now() -> int:
    return time.time_ns() // 1_000_000
