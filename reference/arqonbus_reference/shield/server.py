"""A whole Shield in one process: bind, start, serve, drain."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from arqonbus_reference.allowed import shortened
from arqonbus_reference.lifecycle import (
    GOING_AWAY,
    authority,
    notify_supervisor,
    refuse,
    spare_collection,
    stop_event,
)
from arqonbus_reference.listeners import BindError, bind_one
from arqonbus_reference.logs import Log, open_log
from arqonbus_reference.problem import Problem
from arqonbus_reference.shield.gateway import Gateway
from arqonbus_reference.shield.monitoring import monitoring
from arqonbus_reference.shield.policy import PolicyError
from arqonbus_reference.shield.settings import ShieldSettings
from arqonbus_reference.transport.application import limits_of
from arqonbus_reference.transport.handshake import Doorway
from arqonbus_reference.transport.http_server import HttpServer
from arqonbus_reference.transport.websocket_bus import WebSocketBus

PATH: Final = "/ws"
"""Where clients come in; every other path of the listener is HTTP."""

MEET_SECONDS: Final = 2.0
"""How long a Shield that reached NATS waits for the bus before it calls itself ready all the same."""


class Shield:
    """A running Shield; `start` serves on sockets that are bound already, `drain` ends it in order."""

    def __init__(self, gateway: Gateway) -> None:
        settings = gateway.settings
        doorway = Doorway(
            gateway.authenticate,
            settings.allowed_origins,
            paths=(PATH,),
            token_first=True,
            unavailable=gateway.unavailable,
        )
        self._gateway = gateway
        self._http: HttpServer[Gateway] = monitoring(gateway)
        self._bus = WebSocketBus(gateway, limits_of(settings), doorway, divert=self._divert)
        self._watch: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """Clients connected now."""
        return len(self._bus.connections)

    async def start(self, sockets: list[socket.socket]) -> bool:
        """Serve from now on; whether NATS answered."""
        answered = await self._gateway.uplink.start()
        if self._gateway.policy is not None:
            self._watch = asyncio.create_task(self._gateway.policy.watch(), name="shield.policy")
        await self._bus.start(sockets)
        return answered

    def _divert(self, head: bytes) -> asyncio.Protocol | None:
        line = head.partition(b"\r\n")[0].split(b" ")
        target = line[1] if len(line) == 3 else b""
        return None if target.partition(b"?")[0] == PATH.encode() else self._http.protocol()

    async def drain(self) -> None:
        """Accept nothing new, answer what is in flight, close every client with 1001."""
        self._bus.stop_accepting()
        await asyncio.sleep(0)  # two turns of the loop read what has already reached this machine
        await asyncio.sleep(0)
        waiting = [connection.gone for connection in self._bus.connections]
        for client in tuple(self._gateway.clients):
            client.stop_reading()
            client.leave(1001, GOING_AWAY)
        await asyncio.gather(*waiting)
        await self._bus.close(1001, GOING_AWAY)
        await self._http.close()

    def cut_off(self) -> None:
        """Close every client at once."""
        self._bus.cut_off(1001, GOING_AWAY)

    async def close(self) -> None:
        """Leave the spine and end the threads of the policy."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._gateway.leave()
        if self._gateway.policy is not None:
            self._gateway.policy.close()


async def serve(
    settings: ShieldSettings,
    *,
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP, or until `stop` where it is given, then drain; the exit code: 0, or 78 when it could not start.

    `ready` is called with the URL of the endpoint once it listens. The caller has run the preflight before.
    """
    try:
        sockets = bind_one("SHIELD_PORT", settings.host, settings.port)
    except BindError as refused:
        return refuse(refused.problems)
    log = open_log(settings.log_level, settings.log_format, settings.secrets())
    try:
        gateway = Gateway(settings, log)
    except PolicyError as error:
        for listener in sockets:
            listener.close()
        text = f"{shortened(str(settings.policy_path))} cannot be used: {error}"
        return refuse([Problem("POLICY_WASM_PATH", text, "the module that the preflight has seen")])
    stop = stop or stop_event()
    for name in settings.unknown:
        log.warning("unknown variable", variable=name)
    await _run(gateway, sockets, log, stop, ready)
    return 0


async def _run(
    gateway: Gateway,
    sockets: list[socket.socket],
    log: Log,
    stop: asyncio.Event,
    ready: Callable[[str], None] | None,
) -> None:
    settings, shield = gateway.settings, Shield(gateway)
    if not (await shield.start(sockets) and await gateway.meet(MEET_SECONDS)):
        log.warning("spine.unavailable", reason=gateway.uplink.reason)
    spare_collection()
    place = authority(settings.host, sockets)
    log.info("shield.ready", websocket=f"ws://{place}{PATH}", http=f"http://{place}")
    notify_supervisor("READY=1")
    if ready is not None:
        ready(f"ws://{place}{PATH}")
    await stop.wait()
    log.info("shield.draining", connections=shield.connections)
    notify_supervisor("STOPPING=1")
    try:
        async with asyncio.timeout(settings.drain_seconds):
            await shield.drain()
            await shield.close()
    except TimeoutError:
        log.warning("shield.drain_cut_off", drain_seconds=settings.drain_seconds)
        shield.cut_off()
    log.info("shield.stopped")
