"""What each HTTP route answers."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http, Telemetry
from arqonbus_conformance.plugin import depth, exclusive, needs, requirement
from arqonbus_conformance.suites.conditions import eventually
from arqonbus_conformance.suites.unit.telling import moment

STORAGE = {"mode", "backend", "durable", "status", "reason", "persistence"}
JSON_ROUTES = [
    "/health",
    "/ready",
    "/status",
    "/metrics",
    "/storage/stats",
    "/system/info",
    "/system/config",
    "/telemetry/stats",
    "/openapi.json",
]


async def answer(http: Http, path: str, **query: Any) -> dict[str, Any]:
    """The JSON object that the route answers with 200."""
    response = await http.get(path, params=query or None)
    expect.equal(response.status, 200, f"status of {path}")
    document = response.json()
    assert isinstance(document, dict), document
    return document


@requirement("HTTP-001")
@needs("http")
async def test_health_says_healthy_and_why_not(http: Http) -> None:
    """A deployment that is judged is healthy, or degraded with a reason."""
    health = await answer(http, "/health")

    assert health["status"] in {"healthy", "degraded"}, health
    expect.equal(health["reason"] is None, health["status"] == "healthy", "whether there is no reason")
    assert isinstance(health["version"], str)
    assert health["version"]
    assert isinstance(health["uptime_seconds"], (int, float))
    assert health["uptime_seconds"] >= 0
    assert set(health["storage"]) >= STORAGE
    assert isinstance(health["storage"]["durable"], bool)


@requirement("HTTP-001")
@needs("http")
async def test_uptime_grows(http: Http) -> None:
    """A later answer has no earlier uptime, and before long a later one, in whole seconds too."""
    first = await answer(http, "/health")

    second = await answer(http, "/health")

    assert second["uptime_seconds"] >= first["uptime_seconds"]
    await eventually(
        "an uptime that has grown",
        lambda: answer(http, "/health"),
        lambda health: bool(health["uptime_seconds"] > first["uptime_seconds"]),
    )


@requirement("HTTP-002")
@needs("http")
async def test_ready_says_ready(http: Http) -> None:
    """A deployment that is judged is ready, without a reason."""
    ready = await answer(http, "/ready")

    expect.equal(ready, {"ready": True, "reason": None}, "body of /ready")


@depth("smoke")
@requirement("HTTP-001", "HTTP-002", "HTTP-013")
@needs("http")
@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_health_and_readiness_need_no_token(http: Http, path: str) -> None:
    """Probes carry no token, and a bad one does not matter to them."""
    statuses = [(await http.get(path, token=token)).status for token in (None, "nonsense")]

    expect.equal(statuses, [200, 200], "statuses")


@exclusive
@depth("smoke")
@requirement("HTTP-003")
@needs("http")
async def test_status_agrees_with_the_command(http: Http, bus: Bus) -> None:
    """The route has the same parts, version, storage and capabilities; its counts are the whole deployment's."""
    ann = await bus.connect("ann")

    command = await ann.succeed("status")
    route = await answer(http, "/status")

    expect.equal(set(route), set(command), "parts")
    for part in ("storage", "capabilities"):
        expect.equal(route[part], command[part], part)
    for field in ("version", "status"):
        expect.equal(route["server"][field], command["server"][field], f"server.{field}")
    assert route["connections"]["current"] >= command["connections"]["current"]
    for counter in ("accepted", "delivered", "rejected"):
        assert route["messages"][counter] >= command["messages"][counter], counter


@exclusive
@depth("smoke")
@requirement("HTTP-006")
@needs("http")
async def test_storage_stats_count_what_is_stored(http: Http, bus: Bus) -> None:
    """Streams and entries are counts, and three messages to a new channel are among them."""
    ann = await bus.connect("ann")
    before = await answer(http, "/storage/stats")

    for number in range(3):
        await ann.publish(bus.room, "c", text=f"{number}")
    after = await answer(http, "/storage/stats")

    assert set(after) >= STORAGE | {"streams", "entries"}
    assert after["streams"] >= before["streams"] + 1, (before, after)
    assert after["entries"] >= before["entries"] + 3, (before, after)
    health = await answer(http, "/health")
    expect.equal(
        {field: after[field] for field in STORAGE}, {f: health["storage"][f] for f in STORAGE}, "storage"
    )


@depth("smoke")
@requirement("HTTP-008")
@needs("http")
async def test_system_info_says_what_runs(http: Http) -> None:
    """Version, environment, Python, platform, when it started and what it depends on."""
    info = await answer(http, "/system/info")
    health = await answer(http, "/health")

    expect.equal(info["version"], health["version"], "version")
    assert info["environment"] in {"dev", "staging", "prod"}
    assert all(isinstance(info[field], str) and info[field] for field in ("python", "platform"))
    moment(info["started_at"], "started_at")
    assert isinstance(info["dependencies"], dict)
    expect.that(info["dependencies"], "no dependency is reported", expected="at least one", actual={})
    assert all(isinstance(version, str) for version in info["dependencies"].values())


@requirement("HTTP-009")
@needs("http")
async def test_system_config_shows_the_settings(http: Http, bus: Bus) -> None:
    """The variables are shown under their names, and what the welcome says agrees with them."""
    ann = await bus.connect("ann")
    limits = ann.welcome["payload"]["protocol"]["limits"]

    config = await answer(http, "/system/config")

    expect.equal(
        str(config["ARQONBUS_MAX_MESSAGE_SIZE"]), str(limits["max_message_size"]), "MAX_MESSAGE_SIZE"
    )
    expect.equal(str(config["ARQONBUS_OUTBOX_BYTES"]), str(limits["outbox_bytes"]), "OUTBOX_BYTES")
    assert {"ARQONBUS_ENVIRONMENT", "ARQONBUS_STORAGE_MODE", "ARQONBUS_ENABLE_AUTH"} <= set(config)


@depth("smoke")
@requirement("HTTP-009")
@needs("http", "auth")
async def test_system_config_redacts_the_secret(http: Http) -> None:
    """The signing secret is shown as *** and appears nowhere in the answer."""
    response = await http.get("/system/config")

    expect.equal(response.json()["ARQONBUS_AUTH_JWT_SECRET"], "***", "ARQONBUS_AUTH_JWT_SECRET")
    secret = (http.credentials.secret or b"no secret is known to the suite").decode()
    assert secret not in response.text


@depth("smoke")
@requirement("HTTP-010")
@needs("http")
async def test_telemetry_stats_are_counts(http: Http) -> None:
    """readers, emitted and dropped, each a whole number."""
    stats = await answer(http, "/telemetry/stats")

    expect.equal(set(stats), {"readers", "emitted", "dropped"}, "fields")
    expect.equal({type(value) for value in stats.values()}, {int}, "types")
    assert min(stats.values()) >= 0


@requirement("HTTP-010")
@needs("http", "telemetry")
async def test_telemetry_stats_count_a_reader(http: Http, telemetry: Telemetry) -> None:
    """While a reader is connected it is counted, and what is emitted to it as well."""
    before = await answer(http, "/telemetry/stats")
    reader = await telemetry.connect()

    during = await answer(http, "/telemetry/stats")

    expect.that(during["readers"] >= 1, "a connected reader is not counted", actual=during)
    expect.that(during["emitted"] >= before["emitted"], "the count of events went back", actual=during)
    assert reader.hello["event_type"] == "telemetry.hello"


@requirement("HTTP-012")
@needs("http")
@pytest.mark.parametrize("path", JSON_ROUTES)
async def test_a_route_answers_json_and_head_without_body(http: Http, path: str) -> None:
    """GET is answered with a JSON content type; HEAD with the same status and nothing in the body."""
    get = await http.get(path)
    head = await http.get(path, method="HEAD")

    expect.equal((get.status, head.status), (200, 200), "statuses of GET and HEAD")
    assert get.headers.get("content-type", "").startswith("application/json"), get.headers
    expect.equal(head.text, "", "body of HEAD")


@requirement("HTTP-012")
@needs("http")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/health", "/status", "/storage/history", "/metrics/prometheus"])
async def test_a_wrong_method_is_answered_405(http: Http, path: str, method: str) -> None:
    """Allow names GET and HEAD, and the body is a JSON error; GET is a right one."""
    right = await http.get(path, params={"room": "r"} if path == "/storage/history" else {})
    response = await http.get(path, method=method)

    expect.equal(right.status, 200, "status of GET")

    expect.equal(response.status, 405, "status")
    allowed = {one.strip() for one in response.headers.get("allow", "").split(",")}
    expect.equal(allowed, {"GET", "HEAD"}, "Allow")
    assert {"error", "details"} <= set(response.json())


@requirement("HTTP-012")
@needs("http")
@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/health/", "/Health", "/metrics/x", "/system", "/storage", "/..%2fhealth", "//health"],
)
async def test_an_unknown_path_is_answered_404(http: Http, path: str) -> None:
    """The body is a JSON error, and it does not show the inside; a path that is known is answered."""
    response = await http.get(path)

    expect.equal((response.status, (await http.get("/status")).status), (404, 200), "statuses")
    body = response.json()
    assert isinstance(body["error"], str)
    assert isinstance(body["details"], str)
    expect.no_internals(body["details"])


@depth("smoke")
@requirement("HTTP-012")
@needs("http")
@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/system/config"])
async def test_an_unknown_query_parameter_is_answered_400(http: Http, path: str) -> None:
    """A parameter that the route does not have is a fault, not ignored."""
    good = await http.get(path)

    bad = await http.get(path, params={"verbose": "1"})

    expect.equal((good.status, bad.status), (200, 400), "statuses without and with the parameter")
    assert isinstance(bad.json()["error"], str)
