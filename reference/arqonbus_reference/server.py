"""A whole bus in one process: bind, start, serve, drain."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from arqonbus_reference.deployment import Deployment
from arqonbus_reference.lifecycle import (
    GOING_AWAY,
    authority,
    notify_supervisor,
    refuse,
    spare_collection,
    stop_event,
)
from arqonbus_reference.listeners import BindError, Listeners, bind
from arqonbus_reference.logs import Log, open_log
from arqonbus_reference.problem import Problem
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import StorageUnavailableError
from arqonbus_reference.storage.opening import open_storage
from arqonbus_reference.transport.application import limits_of
from arqonbus_reference.transport.handshake import Doorway
from arqonbus_reference.transport.http_server import monitoring
from arqonbus_reference.transport.telemetry_socket import TelemetrySocket
from arqonbus_reference.transport.websocket_bus import WebSocketBus

if TYPE_CHECKING:
    from arqonbus_reference.shield.downlink import Downlink

CATCH_UP_SECONDS = 1.0
"""The longest a drain goes on reading from clients that do not stop sending."""


class Endpoints(NamedTuple):
    """Where a running deployment is reached."""

    bus: str
    http: str
    telemetry: str


async def serve(
    settings: Settings,
    *,
    ready: Callable[[Endpoints], None] | None = None,
    stop: asyncio.Event | None = None,
) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP, or until `stop` where it is given, then drain; the exit code: 0, or 78 when it could not start.

    `ready` is called once everything listens and the storage has answered, or its absence was announced. In staging and prod the
    caller has run the preflight before.
    """
    try:
        listeners = bind(settings)
    except BindError as refused:
        return refuse(refused.problems)
    log = open_log(settings.log_level, settings.log_format, settings.secrets())
    deployment = Deployment(settings, open_storage(settings, time.time), log)
    try:
        await deployment.storage.start()
    except StorageUnavailableError:
        _close(listeners)
        await deployment.storage.close()
        problem = "no Redis or Valkey that can be used answers there"
        return refuse(
            [Problem("ARQONBUS_REDIS_URL", problem, "a reachable server, in prod one that persists")]
        )
    stop = stop or stop_event()
    for name in settings.unknown:
        log.warning("unknown variable", variable=name)
    await _run(deployment, listeners, log, stop, ready)
    return 0


async def _run(
    deployment: Deployment,
    listeners: Listeners,
    log: Log,
    stop: asyncio.Event,
    ready: Callable[[Endpoints], None] | None,
) -> None:
    bus = WebSocketBus(
        deployment,
        limits_of(deployment.settings),
        Doorway(deployment.authenticate, deployment.settings.allowed_origins),
    )
    http, telemetry = monitoring(deployment), TelemetrySocket(deployment)
    await telemetry.start(listeners.telemetry)
    await http.start(listeners.http)
    await bus.start(listeners.server)
    spine = await _start_spine(deployment, bus, log)
    deployment.attach(bus, spine)
    spare_collection()
    endpoints = _endpoints(deployment.settings, listeners)
    log.info("server.ready", **endpoints._asdict(), storage=deployment.storage.status().status)
    notify_supervisor("READY=1")
    if ready is not None:
        ready(endpoints)
    await stop.wait()
    log.info("server.draining", connections=len(bus.connections))
    notify_supervisor("STOPPING=1")
    try:
        async with asyncio.timeout(deployment.settings.drain_seconds):
            await _drain(deployment, bus, spine)
            await telemetry.close()
            await http.close()
            await deployment.consumers.close()
            await deployment.storage.close()
    except TimeoutError:
        log.warning("server.drain_cut_off", drain_seconds=deployment.settings.drain_seconds)
        bus.cut_off(1001, GOING_AWAY)
    log.info("server.stopped")


async def _start_spine(deployment: Deployment, bus: WebSocketBus, log: Log) -> "Downlink | None":
    """Serve clients behind Shield too, where NATS_URL is set; NATS may come later."""
    url = deployment.settings.nats_url
    if url is None:
        return None
    from arqonbus_reference.spine_listener import spine_listener  # noqa: PLC0415 - 0.1 s of CPU that only a spine should cost

    spine = spine_listener(url, deployment, bus, log)
    if not await spine.start():
        log.warning("spine.unavailable", reason=spine.reason)
    return spine


async def _drain(deployment: Deployment, bus: WebSocketBus, spine: "Downlink | None") -> None:
    """Answer what came before the signal, then close every client with 1001 (CONF-021, CONF-022)."""
    deployment.draining = True
    deployment.telemetry.emit("server.draining", "warning", connections=len(bus.connections))
    bus.stop_accepting()
    if spine is not None:
        spine.stop_accepting()
    await asyncio.sleep(0)  # two turns of the loop read what has already reached this machine
    await asyncio.sleep(0)
    try:
        await asyncio.wait_for(deployment.pipeline.drained(), CATCH_UP_SECONDS)
    except TimeoutError:
        deployment.pipeline.hold()
        for connection in bus.connections:
            connection.pause()
        if spine is not None:
            spine.stop_reading()
        await deployment.pipeline.drained()
    await bus.close(1001, GOING_AWAY)
    if spine is not None:
        await spine.close()
    await deployment.pipeline.drained()


def _endpoints(settings: Settings, listeners: Listeners) -> Endpoints:
    """Where it really listens: a port of 0 was chosen by the system."""
    return Endpoints(
        bus=f"ws://{authority(settings.server_host, listeners.server)}",
        http=f"http://{authority(settings.http_host, listeners.http)}",
        telemetry=f"ws://{authority(settings.telemetry_host, listeners.telemetry)}",
    )


def _close(listeners: Listeners) -> None:
    for sockets in listeners:
        for listener in sockets:
            listener.close()
