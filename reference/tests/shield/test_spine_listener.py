"""What a bus says of the spine that it serves, while NATS comes and goes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arqonbus_fixtures.nats import EmbeddedNats
from arqonbus_reference.deployment import Deployment
from arqonbus_reference.logs import open_log
from arqonbus_reference.secret import Url
from arqonbus_reference.settings import Settings
from arqonbus_reference.shield.downlink import Downlink
from arqonbus_reference.spine_listener import spine_listener
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.transport.application import limits_of
from arqonbus_reference.transport.handshake import Doorway
from arqonbus_reference.transport.websocket_bus import WebSocketBus
from prometheus_client.parser import text_string_to_metric_families
from shield.spine_bench import Silence, eventually


class Scene:
    """A bus that serves the spine at a URL, and no other listener."""

    def __init__(self, url: str) -> None:
        settings = Settings(nats_url=Url(url))
        self.deployment = Deployment(settings, MemoryStorage(max_history=10), Silence())
        self.reader = self.deployment.telemetry.subscribe("default")
        self.bus = WebSocketBus(
            self.deployment, limits_of(settings), Doorway(self.deployment.authenticate, frozenset())
        )
        self.listener: Downlink = spine_listener(
            Url(url), self.deployment, self.bus, open_log("error", "json", [])
        )
        self.deployment.attach(self.bus, self.listener)

    def said(self) -> list[Any]:
        """Of the spine in /health, in the status command and in /metrics."""
        health, status = self.deployment.health()[1], self.deployment.status("default")
        return [health["spine"], status["spine"], self.deployment.count().as_json()["spine"]]

    def exposed(self) -> list[float]:
        """The values of the gauge."""
        exposition = self.deployment.count().prometheus().decode()
        return [
            sample.value
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
            if sample.name == "arqonbus_spine_connected"
        ]

    async def event(self) -> dict[str, Any]:
        """The next one of telemetry, without its time."""
        found: dict[str, Any] = json.loads(await self.reader.next() or b"")
        return {name: value for name, value in found.items() if name != "timestamp"}


@pytest.fixture
async def scene(nats_server: EmbeddedNats) -> AsyncIterator[Scene]:
    scene = Scene(nats_server.url)
    await scene.listener.start()
    yield scene
    await scene.listener.close()


async def test_a_connected_spine_is_said_everywhere(scene: Scene) -> None:
    """In health, status, metrics and telemetry."""
    event = await scene.event()

    assert event == {"event_type": "spine.connected", "severity": "info"}
    assert scene.said() == [{"connected": True, "reason": None}] * 2 + [{"connected": True}]
    assert scene.exposed() == [1]


async def test_a_lost_spine_is_said_everywhere_and_the_bus_stays_healthy(
    scene: Scene, nats_server: EmbeddedNats
) -> None:
    """Its own endpoint is served as before; when NATS is back, that is said too."""
    await scene.event()
    reason = f"{nats_server.url} is not connected"

    await nats_server.kill()
    lost = await scene.event()
    said, exposed, code = scene.said(), scene.exposed(), scene.deployment.health()[0]
    await nats_server.start()
    found = await scene.event()

    assert lost == {"event_type": "spine.disconnected", "severity": "error", "reason": reason}
    assert said == [{"connected": False, "reason": reason}] * 2 + [{"connected": False}]
    assert (exposed, code) == ([0], 200)
    assert found["event_type"] == "spine.connected"
    await eventually(lambda: scene.said()[2] == {"connected": True}, "the spine is connected again")


async def test_a_bus_without_a_spine_says_nothing_of_one() -> None:
    """No member, no sample."""
    scene = Scene("nats://127.0.0.1:1")
    scene.deployment.attach(scene.bus)

    assert "spine" not in scene.deployment.health()[1]
    assert "spine" not in scene.deployment.status(None)
    assert "spine" not in scene.deployment.count().as_json()
    assert scene.exposed() == []
