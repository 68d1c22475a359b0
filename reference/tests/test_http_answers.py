"""What each path of the HTTP interface answers."""

from collections.abc import Callable
from typing import Any

import pytest
from arqonbus_reference.settings import Settings
from arqonbus_reference.transport.http_routes import ROUTES
from http_bench import SECRET, stored
from prometheus_client.parser import text_string_to_metric_families


@pytest.mark.parametrize("path", ROUTES)
async def test_each_path_answers_get_and_head_alike(serve: Callable[..., Any], path: str) -> None:
    """The head of a resource is that of its GET, without a body."""
    served = await serve()
    query = "?room=r" if path == "/storage/history" else ""

    got, body, headers = await served.ask(path + query)
    head, nothing, head_headers = await served.ask(path + query, "HEAD")

    assert (got, head, nothing) == (200, 200, "")
    assert body
    assert headers["Content-Type"] == head_headers["Content-Type"] == ROUTES[path].content_type
    assert headers["Server"] == "ArqonBus"


async def test_health_is_what_the_deployment_says(serve: Callable[..., Any]) -> None:
    """HTTP-001: 200 with everything, 503 with the reason."""
    served = await serve()

    status, body, _ = await served.ask("/health")
    served.deployment.healthy = 503
    ill_status, ill_body, _ = await served.ask("/health")

    assert (status, body["status"], body["reason"]) == (200, "healthy", None)
    assert set(body) == {"status", "reason", "version", "uptime_seconds", "storage"}
    assert (ill_status, ill_body["status"], ill_body["reason"]) == (503, "unhealthy", "storage gone")


async def test_ready_says_why_not(serve: Callable[..., Any]) -> None:
    """HTTP-002: a reason exactly when not ready."""
    served = await serve()

    ready = await served.ask("/ready")
    served.deployment.ready = (False, "draining")
    draining = await served.ask("/ready")

    assert ready[:2] == (200, {"ready": True, "reason": None})
    assert draining[:2] == (503, {"ready": False, "reason": "draining"})


async def test_metrics_move_with_what_is_counted(serve: Callable[..., Any]) -> None:
    """HTTP-004, HTTP-005: both forms tell the same numbers."""
    served = await serve()
    served.deployment.metrics.messages_accepted = 7

    _, body, _ = await served.ask("/metrics")
    _, text, _ = await served.ask("/metrics/prometheus")

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert body["messages"]["accepted"] == 7
    assert body["telemetry"] == {"readers": 0, "emitted": 0, "dropped": 0}
    assert [s.value for s in families["arqonbus_messages"].samples if s.labels == {"result": "accepted"}] == [
        7
    ]


async def test_history_gives_stored_messages_as_they_were(serve: Callable[..., Any]) -> None:
    """HTTP-007: pages of the asking tenant, newest first, messages unchanged."""
    served = await serve()
    served.deployment.storage.append_now([stored("r", "c", n) for n in (1, 2, 3)])
    served.deployment.storage.append_now([stored("r", "c", 1, tenant="other")])

    _, newest, _ = await served.ask("/storage/history?room=r&channel=c&limit=2")
    _, older, _ = await served.ask(f"/storage/history?room=r&channel=c&limit=2&cursor={newest['cursor']}")

    assert [entry["sequence"] for entry in newest["entries"]] == [2, 3]
    assert newest["entries"][0]["message"] == {"payload": {"n": 2}}
    assert (older["count"], older["cursor"]) == (1, None)


async def test_history_of_an_unknown_room_is_empty(serve: Callable[..., Any]) -> None:
    """HIST-012 over HTTP: not an error."""
    served = await serve()

    assert (await served.ask("/storage/history?room=nowhere"))[:2] == (
        200,
        {"entries": [], "count": 0, "cursor": None},
    )


async def test_configuration_is_shown_without_secrets(serve: Callable[..., Any]) -> None:
    """HTTP-009: every variable, the secret as asterisks."""
    environ = {"ARQONBUS_AUTH_JWT_SECRET": SECRET, "ARQONBUS_REDIS_URL": "redis://:pass-word@h"}
    settings = Settings.load(environ, None)
    served = await serve(auth_jwt_secret=settings.auth_jwt_secret, redis_url=settings.redis_url)

    _, body, _ = await served.ask("/system/config")

    assert body["ARQONBUS_AUTH_JWT_SECRET"] == "***"
    assert body["ARQONBUS_SERVER_PORT"] == 9100
    assert SECRET not in str(body)
    assert "pass-word" not in str(body)
