"""Metrics, telemetry hub and faults: counted, announced, bounded."""

import asyncio
from typing import Any

import msgspec
import pytest
from arqonbus_reference.faults import Faults
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.telemetry import MAX_QUEUED_EVENTS, Reader, TelemetryHub
from prometheus_client.parser import text_string_to_metric_families


class RecordingLog:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append({"event": event, **fields})


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.prometheus().decode())
        for sample in family.samples
    }


async def events(reader: Reader, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(5):
        return [msgspec.json.decode(await reader.next() or b"") for _ in range(count)]


def test_the_exposition_has_the_names_of_the_specification() -> None:
    """HTTP-005: a Prometheus parser reads each metric back."""
    metrics = Metrics()
    metrics.connections, metrics.connections_total, metrics.deliveries = 2, 5, 70
    metrics.messages_accepted, metrics.messages_rejected = 9, 3
    metrics.slow_consumers_closed, metrics.auth_rejected, metrics.storage_degraded = 1, 4, True
    metrics.errors["storage.append"] = 6

    found = samples(metrics)

    assert found == {
        ("arqonbus_connections", frozenset()): 2,
        ("arqonbus_connections_total", frozenset()): 5,
        ("arqonbus_messages_total", frozenset({("result", "accepted")})): 9,
        ("arqonbus_messages_total", frozenset({("result", "rejected")})): 3,
        ("arqonbus_deliveries_total", frozenset()): 70,
        ("arqonbus_errors_total", frozenset({("site", "storage.append")})): 6,
        ("arqonbus_slow_consumers_closed_total", frozenset()): 1,
        ("arqonbus_storage_degraded", frozenset()): 1,
        ("arqonbus_auth_rejected_total", frozenset()): 4,
    }


def test_a_new_deployment_has_counted_nothing() -> None:
    """Every value begins at zero."""
    assert set(samples(Metrics()).values()) == {0}


async def test_an_event_reaches_its_tenant_and_the_deployments_own_reach_all() -> None:
    """TEL: an administrator sees its tenant and the deployment, no other tenant."""
    hub = TelemetryHub()
    ann, bob = hub.subscribe("acme"), hub.subscribe("bolt")

    hub.emit("client.connected", tenant="acme", client_id="c1")
    hub.emit("storage.degraded", "error", reason="gone")

    assert [event["event_type"] for event in await events(ann, 2)] == ["client.connected", "storage.degraded"]
    assert [event["event_type"] for event in await events(bob, 1)] == ["storage.degraded"]
    assert len(bob) == 0


async def test_every_event_has_type_time_and_severity() -> None:
    """TEL-010: the three fields come before the event's own."""
    hub = TelemetryHub(clock=lambda: 1_700_000_000.1239)
    reader = hub.subscribe("default")

    hub.emit("server.draining", "warning", connections=3)

    assert await events(reader, 1) == [
        {
            "event_type": "server.draining",
            "timestamp": "2023-11-14T22:13:20.123Z",
            "severity": "warning",
            "connections": 3,
        }
    ]


async def test_a_reader_that_falls_behind_is_marked_and_holds_no_more() -> None:
    """TEL-009: 1024 events are queued, the next is dropped and counted."""
    hub = TelemetryHub()
    slow, gone = hub.subscribe("default"), hub.subscribe("default")
    hub.unsubscribe(gone)

    for _ in range(MAX_QUEUED_EVENTS):
        hub.emit("client.connected")
    on_the_edge = slow.overflowed.is_set()
    hub.emit("client.connected")

    assert (on_the_edge, slow.overflowed.is_set()) == (False, True)
    assert (len(slow), len(gone)) == (MAX_QUEUED_EVENTS, 0)
    assert hub.stats() == {"readers": 1, "emitted": MAX_QUEUED_EVENTS + 1, "dropped": 1}


async def test_routed_traffic_is_added_up_for_each_tenant() -> None:
    """TEL-004: counters since the last event, for each tenant its own."""
    hub = TelemetryHub()
    ann, bob = hub.subscribe("acme"), hub.subscribe("bolt")

    hub.routed("acme", accepted=1, delivered=3)
    hub.routed("acme", accepted=1, rejected=2)
    hub.routed("bolt", delivered=5)
    hub.flush()

    (acme,), (bolt,) = await events(ann, 1), await events(bob, 1)
    assert (acme["accepted"], acme["delivered"], acme["rejected"]) == (2, 3, 2)
    assert (bolt["accepted"], bolt["delivered"], bolt["rejected"]) == (0, 5, 0)
    assert acme["interval_seconds"] >= 0


async def test_routed_traffic_is_announced_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is counted; and nothing is announced when nothing happened."""
    monkeypatch.setattr("arqonbus_reference.telemetry.ROUTED_INTERVAL_SECONDS", 0.05)
    hub = TelemetryHub()
    reader = hub.subscribe("acme")

    hub.routed("acme", accepted=1)
    (first,) = await events(reader, 1)
    hub.routed("acme", accepted=2)
    hub.routed("acme", accepted=3)
    (second,) = await events(reader, 1)
    hub.flush()

    assert (first["accepted"], second["accepted"]) == (1, 5)
    assert second["interval_seconds"] >= 0.049
    assert len(reader) == 0


async def test_an_ended_reader_gives_the_rest_and_then_none() -> None:
    """What was emitted before the end is not lost by it."""
    hub = TelemetryHub()
    reader = hub.subscribe("default")
    waiting = asyncio.create_task(reader.next())
    await asyncio.sleep(0)

    hub.emit("server.draining")
    reader.end()

    assert b"server.draining" in (await waiting or b"")
    assert await reader.next() is None


async def test_a_fault_is_counted_announced_and_logged() -> None:
    """INT: the class name is told to readers, the traceback to the operator."""
    metrics, hub, log = Metrics(), TelemetryHub(), RecordingLog()
    reader = hub.subscribe("default")
    error = RuntimeError("with a detail")

    Faults(metrics, hub, log).report("storage.append", error)

    (event,) = await events(reader, 1)
    assert metrics.errors == {"storage.append": 1}
    assert (event["event_type"], event["site"], event["error"]) == (
        "error.storage.append",
        "storage.append",
        "RuntimeError",
    )
    assert "detail" not in str(event)
    assert log.lines == [
        {"event": "error caught", "site": "storage.append", "unlogged": 0, "exc_info": error}
    ]


async def test_a_storm_of_faults_is_counted_in_full_and_logged_once_a_second() -> None:
    """The log says how many it left out."""
    metrics, log = Metrics(), RecordingLog()
    now = iter([0.0, 0.1, 0.2, 1.1])
    faults = Faults(metrics, TelemetryHub(), log, clock=lambda: next(now))

    for _ in range(4):
        faults.report("http", ValueError())

    assert metrics.errors == {"http": 4}
    assert [line["unlogged"] for line in log.lines] == [0, 2]
