"""What Shield says of itself, to whom, and on the same listener as its clients."""

import json
from collections.abc import AsyncIterator

import pytest
from arqonbus_fixtures.nats import EmbeddedNats
from prometheus_client.parser import text_string_to_metric_families
from shield.gateway_bench import AnsweringBus, Edge, bearer, message, received, token
from shield.spine_bench import News

DEPLOYED = {"ARQONBUS_ENVIRONMENT": "staging", "SHIELD_HOST": "127.0.0.1", "SHIELD_PORT": "4000"}


@pytest.fixture
async def bus(nats_server: EmbeddedNats, news: News) -> AsyncIterator[AnsweringBus]:
    bus = AnsweringBus(nats_server.url, news)
    await bus.spine.start()
    yield bus
    await bus.spine.close()


async def test_health_says_whether_the_bus_is_reached(nats_server: EmbeddedNats, bus: AnsweringBus) -> None:
    """200 while it is; 503 with the reason once NATS is gone, and an upgrade is 503 with Retry-After then."""
    edge = Edge(nats_server.url, bus, bus.news)
    await edge.start()

    status, _, text = await edge.get("/health")
    await nats_server.kill()
    await bus.news.until(lambda: not edge.gateway.uplink.connected, "the outage is seen")
    later, _, later_text = await edge.get("/health")
    refused, headers, _ = await edge.get("/ws", bearer(token()) | UPGRADE)
    await edge.close()

    policy = {"loaded": False, "sha256": None, "problem": None}
    assert (status, later, refused) == (200, 503, 503)
    assert json.loads(text) == {
        "status": "healthy", "reason": None, "spine": {"connected": True}, "policy": policy
    }  # fmt: skip
    assert json.loads(later_text)["spine"] == {"connected": False}
    assert json.loads(later_text)["reason"]
    assert headers["Retry-After"] == "1"


async def test_sessions_outlive_an_outage(nats_server: EmbeddedNats, bus: AnsweringBus) -> None:
    """Each frame is refused at once meanwhile, and answered again afterwards."""
    edge = Edge(nats_server.url, bus, bus.news)
    await edge.start()
    ann = await edge.client()

    await nats_server.kill()
    await bus.news.until(lambda: not edge.gateway.uplink.connected, "the outage is seen")
    await ann.send(message(1))
    refusal = await received(ann)
    await nats_server.start()
    await bus.news.until(lambda: edge.gateway.uplink.connected, "service resumes")
    await ann.send(message(1))
    answer = await received(ann)
    await edge.close()

    assert (refusal["type"], refusal["error_code"]) == ("error", "SPINE_UNAVAILABLE")
    assert refusal["request_id"] == "arq_1_1_abcdef"
    assert answer["status"] == "success"
    assert edge.gateway.metrics.frames == {"spine_unavailable": 1, "passed": 1}


async def test_dev_starts_without_nats() -> None:
    """It says so in /health, and lets nobody in."""
    edge = Edge("nats://127.0.0.1:9", None, News())
    await edge.start()

    status, _, text = await edge.get("/health")
    refused, _, _ = await edge.get("/ws", bearer(token()) | UPGRADE)
    await edge.close()

    assert (status, refused) == (503, 503)
    assert "nats://127.0.0.1:9" in json.loads(text)["reason"]


async def test_counters_are_prometheus_text_and_name_no_tenant(
    nats_server: EmbeddedNats, bus: AnsweringBus
) -> None:
    """All begin with arqonbus_shield_."""
    edge = Edge(nats_server.url, bus, bus.news)
    await edge.start()
    ann = await edge.client(tenant_id="canary-tenant")
    await ann.send(message(1))
    await received(ann)
    await ann.send("nonsense")
    await received(ann)

    status, headers, text = await edge.get("/metrics")
    await edge.close()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    frames = {sample.labels["result"]: sample.value for sample in families["arqonbus_shield_frames"].samples}
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert all(name.startswith("arqonbus_shield_") for name in families)
    assert frames == {"passed": 1.0, "validation_error": 1.0}
    assert "canary-tenant" not in text


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json"])
async def test_outside_dev_only_administrators_look_closer(
    nats_server: EmbeddedNats, bus: AnsweringBus, path: str
) -> None:
    """401 without a token, 403 with another's; /health is for everybody."""
    edge = Edge(nats_server.url, bus, bus.news, **DEPLOYED)
    await edge.start()

    nobody, headers, _ = await edge.get(path)
    ann, _, _ = await edge.get(path, bearer(token()))
    root, _, _ = await edge.get(path, bearer(token(role="admin")))
    health, _, _ = await edge.get("/health")
    await edge.close()

    assert (nobody, ann, root, health) == (401, 403, 200, 200)
    assert headers["WWW-Authenticate"] == "Bearer"


async def test_the_description_names_every_path(nats_server: EmbeddedNats, bus: AnsweringBus) -> None:
    """And what is not described is not there."""
    edge = Edge(nats_server.url, bus, bus.news)
    await edge.start()

    _, _, text = await edge.get("/openapi.json")
    statuses = {path: (await edge.get(path))[0] for path in json.loads(text)["paths"]}
    elsewhere, _, _ = await edge.get("/status")
    await edge.close()

    assert statuses == {"/health": 200, "/metrics": 200, "/openapi.json": 200}
    assert elsewhere == 404


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}
