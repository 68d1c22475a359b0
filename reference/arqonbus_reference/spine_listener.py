"""The bus on the spine: where NATS_URL is set, clients behind Shield are served beside those of its own endpoint."""

from arqonbus_reference.deployment import Deployment
from arqonbus_reference.logs import Log
from arqonbus_reference.secret import Url
from arqonbus_reference.shield.downlink import Downlink
from arqonbus_reference.shield.spine import Spine
from arqonbus_reference.transport.application import limits_of
from arqonbus_reference.transport.websocket_bus import WebSocketBus


def spine_listener(url: Url, deployment: Deployment, bus: WebSocketBus, log: Log) -> Downlink:
    """The bus's side of the spine at `url`, not started; both kinds of clients count for the most there may be."""
    most = deployment.settings.max_connections

    def full() -> bool:
        return len(bus.connections) + len(listener.clients) >= most

    def changed() -> None:
        if listener.connected:
            log.info("spine.connected")
            deployment.telemetry.emit("spine.connected")
        else:
            log.warning("spine.unavailable", reason=listener.reason)
            deployment.telemetry.emit("spine.disconnected", "error", reason=listener.reason)

    spine = Spine(url, name="arqonbus", report=deployment.failed)
    listener = Downlink(spine, deployment, limits_of(deployment.settings), full=full, changed=changed)
    bus.elsewhere = lambda: len(listener.clients)
    return listener
