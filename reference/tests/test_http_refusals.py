"""What the HTTP interface refuses, and that nothing makes it fail."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from arqonbus_reference.storage.interface import StorageUnavailableError
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.transport.http_routes import ROUTES


class DeadStorage(MemoryStorage):
    """Answers nothing."""

    async def stats(self) -> tuple[int, int]:
        """Never."""
        raise StorageUnavailableError

    async def history(self, query: Any) -> Any:
        """Never."""
        raise StorageUnavailableError


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "room"),
        ("?room=", "room"),
        ("?room=a/b", "room"),
        ("?room=.a", "room"),
        ("?room=r%0A", "room"),
        ("?room=r&channel=", "channel"),
        ("?room=r&channel=%2A", "channel"),
        ("?room=r&limit=0", "limit"),
        ("?room=r&limit=1001", "limit"),
        ("?room=r&limit=-1", "limit"),
        ("?room=r&limit=1.0", "limit"),
        ("?room=r&limit=%D9%A1", "limit"),
        ("?room=r&limit=", "limit"),
        ("?room=r&since=yesterday", "since"),
        ("?room=r&until=2024-01-01T00:00:00", "until"),
        ("?room=r&cursor=", "cursor"),
        ("?room=r&cursor=%00", "cursor"),
        ("?room=r&cursor=1.01.r:c", "cursor"),
        pytest.param("?room=r&cursor=" + "A" * 4000, "cursor", id="long cursor"),
        ("?room=r&room=s", "query"),
        ("?room=r&color=red", "color"),
        ("?room=r&%FF=1", "query"),
        ("?room=%FF", "query"),
        ("?room=r" + "&x=1" * 40, "query"),
    ],
)
async def test_bad_parameters_are_named(serve: Callable[..., Any], query: str, named: str) -> None:
    """HTTP-007, HTTP-015: 400 in JSON, never 5xx, never ignored."""
    served = await serve()

    status, body, _ = await served.ask(f"/storage/history{query}")

    assert (status, body["error"]) == (400, "bad_request")
    assert named in body["details"].partition(":")[0]


@pytest.mark.parametrize("path", sorted(set(ROUTES) - {"/storage/history"}))
async def test_an_unknown_parameter_is_refused_everywhere(serve: Callable[..., Any], path: str) -> None:
    """A typing error must not pass silently."""
    served = await serve()

    assert (await served.ask(f"{path}?verbose=1"))[0] == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_another_method_is_refused(serve: Callable[..., Any], method: str) -> None:
    """HTTP-012: 405 with Allow, also where a token would be needed."""
    served = await serve(enable_auth=True)

    for path in ("/health", "/status"):
        status, body, headers = await served.ask(path, method)
        assert (status, body["error"], headers["Allow"]) == (405, "method_not_allowed", "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/Health", "/health/", "//health", "/storage", "/..%2fhealth", "/%00"])
async def test_an_unknown_path_is_not_found(serve: Callable[..., Any], path: str) -> None:
    """HTTP-012: paths are compared as written."""
    served = await serve()

    status, body, _ = await served.ask(path)

    assert (status, body["error"]) == (404, "not_found")


async def test_a_dead_storage_is_503_and_no_secret(serve: Callable[..., Any]) -> None:
    """INT-003: counted under a named site."""
    served = await serve()
    served.deployment.storage = DeadStorage(max_history=1)

    stats, stats_body, _ = await served.ask("/storage/stats")
    history, history_body, _ = await served.ask("/storage/history?room=r")

    assert (stats, history) == (503, 503)
    assert stats_body["error"] == history_body["error"] == "storage_unavailable"
    assert served.deployment.metrics.errors == {"http.storage_stats": 1, "http.storage_history": 1}


async def test_a_fault_of_ours_is_counted_and_tells_nothing(serve: Callable[..., Any]) -> None:
    """INT-001, INT-002: 500 without the exception's text; the next request is served."""
    served = await serve()
    served.deployment.ready = None

    status, body, _ = await served.ask("/ready")
    after, _, _ = await served.ask("/health")

    assert (status, body) == (
        500,
        {"error": "internal_error", "details": "the request could not be answered"},
    )
    assert served.deployment.metrics.errors == {"http": 1}
    assert after == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_http_is_told_so_in_json(serve: Callable[..., Any], request_bytes: bytes) -> None:
    """HTTP-015: a 4xx with our body, then the end; others are served, nothing is counted as our fault."""
    served = await serve()

    answer = await served.raw(request_bytes)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1].startswith(b"4")
    assert json.loads(body)["error"] == "bad_request"
    assert (await served.ask("/health"))[0] == 200
    assert served.deployment.metrics.errors == {}
