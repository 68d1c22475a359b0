"""The HTTP interface: what it answers, to whom, and that nothing makes it fail."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import jwt
import msgspec
import pytest
from arqonbus_reference.access import Authenticator
from arqonbus_reference.faults import Faults
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import Entry, StorageUnavailableError, StreamKey
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.telemetry import TelemetryHub
from arqonbus_reference.transport import http_server
from arqonbus_reference.transport.http_routes import ROUTES
from arqonbus_reference.transport.http_server import monitoring
from prometheus_client.parser import text_string_to_metric_families

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
ORIGIN = "https://console.example"
GUARDED = [path for path, route in ROUTES.items() if not route.open_to_all]


class DeadStorage(MemoryStorage):
    """Answers nothing."""

    async def stats(self) -> tuple[int, int]:
        """Never."""
        raise StorageUnavailableError

    async def history(self, query: Any) -> Any:
        """Never."""
        raise StorageUnavailableError


class FakeDeployment:
    """A deployment without a bus."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.storage: Any = MemoryStorage(max_history=100)
        self.telemetry = TelemetryHub()
        self.authenticator = Authenticator(SECRET) if settings.enable_auth else None
        self.logged: list[dict[str, Any]] = []
        self.faults = Faults(self.metrics, self.telemetry, self)
        self.started_at = 1_700_000_000.5
        self.version = "0.1.0"
        self.ready: tuple[bool, str | None] = (True, None)
        self.healthy = 200

    def error(self, event: str, **fields: Any) -> None:
        """Keep a log line."""
        self.logged.append({"event": event, **fields})

    def count(self) -> Metrics:
        """The metrics as they are."""
        return self.metrics

    def status(self, tenant: str | None) -> dict[str, Any]:
        """Of an idle deployment."""
        return {
            "server": {"status": "ok", "version": self.version, "uptime_seconds": 1.5},
            "connections": {"current": 0},
            "messages": {"accepted": 0, "delivered": 0, "rejected": 0},
            "storage": self.storage.status()._asdict(),
            "capabilities": {"auth": False, "history": True},
        }

    def readiness(self) -> tuple[bool, str | None]:
        """As set by the test."""
        return self.ready

    def health(self) -> tuple[int, dict[str, Any]]:
        """As set by the test."""
        return self.healthy, {
            "status": "healthy" if self.healthy == 200 else "unhealthy",
            "reason": None if self.healthy == 200 else "storage gone",
            "version": self.version,
            "uptime_seconds": 1.5,
            "storage": self.storage.status()._asdict(),
        }


class Served:
    """A deployment, the address of its HTTP interface, and a client."""

    def __init__(self, deployment: FakeDeployment, port: int, client: aiohttp.ClientSession) -> None:
        self.deployment = deployment
        self.port = port
        self._client = client

    async def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, Any, aiohttp.typedefs.LooseHeaders]:
        """Status, body (decoded when JSON) and headers of one request."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._client.request(method, url, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            is_json = response.content_type == "application/json" and text
            return response.status, json.loads(text) if is_json else text, response.headers

    async def raw(self, request: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    async with aiohttp.ClientSession() as client:
        servers = []

        async def serve(**changes: Any) -> Served:
            deployment = FakeDeployment(msgspec.structs.replace(Settings(), **changes))
            server = monitoring(deployment)
            listener = socket.create_server(("127.0.0.1", 0))
            await server.start([listener])
            servers.append(server)
            return Served(deployment, listener.getsockname()[1], client)

        yield serve
        for server in servers:
            await server.close()


def bearer(role: str = "admin", tenant: str = "default") -> str:
    claims = {"sub": "ann", "tenant_id": tenant, "iat": 0, "exp": 2**40, "role": role}
    return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"


def stored(room: str, channel: str | None, sequence: int, tenant: str = "default") -> Entry:
    message = json.dumps({"payload": {"n": sequence}}).encode()
    return Entry(StreamKey(tenant, room, channel), sequence, 1_700_000_000_000 + sequence, message)


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


@pytest.mark.parametrize("path", GUARDED)
async def test_guarded_paths_are_for_administrators(serve: Callable[..., Any], path: str) -> None:
    """HTTP-013: 401 with a challenge, 403 for others, 200 for administrators."""
    served = await serve(enable_auth=True)
    query = "?room=r" if path == "/storage/history" else ""

    nobody, nobody_body, headers = await served.ask(path + query)
    bad, bad_body, _ = await served.ask(path + query, Authorization="Bearer a.b.c")
    member, member_body, _ = await served.ask(path + query, Authorization=bearer("member"))
    administrator, _, _ = await served.ask(path + query, Authorization=bearer())

    assert (nobody, bad, member, administrator) == (401, 401, 403, 200)
    assert headers["WWW-Authenticate"] == "Bearer"
    assert nobody_body == {"error": "unauthorized", "details": "missing"}
    assert bad_body == {"error": "unauthorized", "details": "rejected"}
    assert member_body["error"] == "forbidden"
    assert served.deployment.metrics.auth_rejected == 2


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_need_no_token(serve: Callable[..., Any], path: str) -> None:
    """A load balancer has none."""
    served = await serve(enable_auth=True)

    assert (await served.ask(path))[0] == 200


async def test_without_authentication_only_dev_is_open(serve: Callable[..., Any]) -> None:
    """Preflight refuses this; should it ever run, the door is shut."""
    served = await serve(environment="staging")

    assert (await served.ask("/status"))[0] == 401


async def test_history_belongs_to_the_tenant_of_the_token(serve: Callable[..., Any]) -> None:
    """AUTH-010: an administrator of one tenant reads nothing of another's."""
    served = await serve(enable_auth=True)
    served.deployment.storage.append_now([stored("r", "c", 1, tenant="acme")])

    _, own, _ = await served.ask("/storage/history?room=r", Authorization=bearer(tenant="acme"))
    _, other, _ = await served.ask("/storage/history?room=r", Authorization=bearer(tenant="bolt"))

    assert (own["count"], other["count"]) == (1, 0)


async def test_only_an_allowed_origin_is_echoed(serve: Callable[..., Any]) -> None:
    """HTTP-014, HTTP-016: with Vary, on errors too; never a wildcard."""
    served = await serve(allowed_origins=frozenset({ORIGIN}))

    allowed = (await served.ask("/health", Origin=ORIGIN))[2]
    allowed_error = (await served.ask("/nowhere", Origin=ORIGIN))[2]
    other = (await served.ask("/health", Origin="https://evil.example"))[2]

    assert allowed["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed_error["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in other
    assert allowed["Vary"] == other["Vary"] == "Origin"


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


async def test_a_websocket_upgrade_is_no_upgrade_here(serve: Callable[..., Any]) -> None:
    """The path decides, not the wish."""
    served = await serve()

    status, _, _ = await served.ask("/health", Upgrade="websocket", Connection="Upgrade")

    assert status == 200


async def test_a_connection_that_never_asks_is_closed(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request does not hold a connection longer than none."""
    monkeypatch.setattr(http_server, "IDLE_SECONDS", 0.1)
    served = await serve()

    answer = await served.raw(b"GET /health HTTP/1.1\r\nHost:")

    assert answer == b""


async def test_connections_are_bounded(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is closed at once; the first is served on."""
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)
    served = await serve()
    first, _, _ = await served.ask("/health")

    refused = await served.raw(b"")
    again, _, _ = await served.ask("/health")

    assert (first, refused, again) == (200, b"", 200)
