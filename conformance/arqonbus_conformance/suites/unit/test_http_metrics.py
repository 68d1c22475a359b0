"""Counters that move with the traffic, as JSON and as text exposition."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.exposition import families_in
from arqonbus_conformance.suites.unit.stage import Stage

METRICS: dict[str, str] = {
    "arqonbus_connections": "gauge",
    "arqonbus_connections_total": "counter",
    "arqonbus_messages_total": "counter",
    "arqonbus_deliveries_total": "counter",
    "arqonbus_errors_total": "counter",
    "arqonbus_slow_consumers_closed_total": "counter",
    "arqonbus_storage_degraded": "gauge",
    "arqonbus_auth_rejected_total": "counter",
}


async def counters(http: Http) -> dict[str, Any]:
    """The document of /metrics."""
    response = await http.get("/metrics")
    expect.equal(response.status, 200, "status of /metrics")
    document: dict[str, Any] = response.json()
    return document


async def samples(http: Http) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples of /metrics/prometheus by name and labels."""
    response = await http.get("/metrics/prometheus")
    expect.equal(response.status, 200, "status of /metrics/prometheus")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families_in(response.text)
        for sample in family.samples
    }


async def traffic(bus: Bus) -> None:
    """One connection more, one accepted and delivered message, one rejected message."""
    stage = await Stage.of(bus)
    await stage.say("counted")
    await stage.heard("counted")
    await stage.speaker.send(stage.message(payload={}), malformed=True)
    await stage.speaker.rejection()


@depth("smoke")
@requirement("HTTP-004")
@needs("http")
async def test_metrics_has_every_counter(http: Http) -> None:
    """connections, messages, errors, slow consumers, storage and telemetry, whole numbers all."""
    metrics = await counters(http)

    expect.equal(set(metrics["connections"]), {"current", "total", "rejected"}, "connections")
    expect.equal(set(metrics["messages"]), {"accepted", "delivered", "rejected"}, "messages")
    expect.equal(set(metrics["telemetry"]), {"readers", "emitted", "dropped"}, "telemetry")
    assert isinstance(metrics["errors"], dict)
    assert isinstance(metrics["slow_consumers_closed"], int)
    assert metrics["storage"]["degraded"] in (0, 1)


@requirement("HTTP-004")
@needs("http")
async def test_metrics_move_with_the_traffic(http: Http, bus: Bus) -> None:
    """Connections, acceptances, deliveries and rejections each count at least what this case did."""
    before = await counters(http)

    await traffic(bus)

    after = await counters(http)
    grown = {name: after["messages"][name] - before["messages"][name] for name in after["messages"]}
    assert all(growth >= 1 for growth in grown.values()), grown
    assert after["connections"]["total"] >= before["connections"]["total"] + 2
    assert after["connections"]["current"] >= 2


@depth("smoke")
@requirement("HTTP-005")
@needs("http")
async def test_the_exposition_is_valid_and_complete(http: Http) -> None:
    """Every named metric is there once, with HELP and TYPE, in text a Prometheus server reads."""
    response = await http.get("/metrics/prometheus")

    families = families_in(response.text)
    types = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}
    expect.equal({name: types.get(name) for name in METRICS}, METRICS, "types of the metrics")
    expect.equal(len(types), len(families), "number of different families")
    assert all(family.documentation for family in families)
    assert response.headers.get("content-type", "").startswith("text/plain"), response.headers
    assert response.text.endswith("\n")


@requirement("HTTP-005")
@needs("http")
async def test_the_exposition_moves_with_the_traffic(http: Http, bus: Bus) -> None:
    """Each of the counters counts at least what this case did, and none ever falls."""
    before = await samples(http)

    await traffic(bus)

    after = await samples(http)
    moved = [
        ("arqonbus_connections_total", ()),
        ("arqonbus_messages_total", (("result", "accepted"),)),
        ("arqonbus_messages_total", (("result", "rejected"),)),
        ("arqonbus_deliveries_total", ()),
    ]
    grown = {key: after.get(key, 0) - before.get(key, 0) for key in moved}
    assert all(growth >= 1 for growth in grown.values()), grown
    fallen = {key for key in before if key[0].endswith("_total") and after.get(key, -1) < before[key]}
    expect.equal(fallen, set(), "counters that fell")


@requirement("HTTP-005")
@needs("http")
async def test_the_gauge_of_connections_counts_the_living(http: Http, bus: Bus) -> None:
    """Five clients of this case are among the connections."""
    await bus.clients(*(f"client{number}" for number in range(5)))

    now = await samples(http)

    assert now["arqonbus_connections", ()] >= 5


@requirement("HTTP-005")
@needs("http")
async def test_a_room_is_never_a_label(http: Http, bus: Bus) -> None:
    """What clients name does not become a metric: neither its number nor its secrecy would be bounded."""
    ann = await bus.connect("ann")
    expect.succeeded(await ann.publish(bus.room, "c", text="unlabelled"))

    response = await http.get("/metrics/prometheus")

    expect.that("arqonbus_connections" in response.text, "there are no metrics", actual=response.text)
    assert bus.room not in response.text
    assert ann.id not in response.text


@requirement("HTTP-004", "HTTP-005")
@needs("http")
@pytest.mark.parametrize("result", ["accepted", "rejected"])
async def test_both_forms_count_alike(http: Http, bus: Bus, result: str) -> None:
    """A reading of one form between two of the other lies between them."""
    await traffic(bus)
    key = ("arqonbus_messages_total", (("result", result),))

    low = (await counters(http))["messages"][result]
    between = (await samples(http))[key]
    high = (await counters(http))["messages"][result]

    assert low <= between <= high


@requirement("HTTP-005")
@needs("http", "auth")
async def test_a_rejected_token_is_counted(http: Http, bus: Bus) -> None:
    """Each refused upgrade counts in arqonbus_auth_rejected_total."""
    before = await samples(http)

    await bus.upgrade(token="nonsense")  # noqa: S106 - no secret of anybody

    after = await samples(http)
    total = {
        moment: sum(value for (name, _), value in one.items() if name == "arqonbus_auth_rejected_total")
        for moment, one in (("before", before), ("after", after))
    }
    assert total["after"] >= total["before"] + 1, total
