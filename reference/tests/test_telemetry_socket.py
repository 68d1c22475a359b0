"""The telemetry WebSocket: events out, nothing in, nobody delayed."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import jwt
import msgspec
import pytest
from arqonbus_reference import telemetry as hub_module
from arqonbus_reference.access import Authenticator
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.settings import Settings
from arqonbus_reference.telemetry import EVENT_TYPES, TelemetryHub
from arqonbus_reference.transport import telemetry_socket
from arqonbus_reference.transport.telemetry_socket import TelemetrySocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
ORIGIN = "https://console.example"


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    sockets = []

    async def serve(**changes: Any) -> Any:
        settings = msgspec.structs.replace(Settings(), **changes)
        view: Any = SimpleNamespace(
            settings=settings,
            metrics=Metrics(),
            telemetry=TelemetryHub(),
            authenticator=Authenticator(SECRET) if settings.enable_auth else None,
            version="0.1.0",
        )
        served = TelemetrySocket(view)
        listener = socket.create_server(("127.0.0.1", 0))
        await served.start([listener])
        sockets.append(served)
        view.url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        view.socket = served
        return view

    yield serve
    for served in sockets:
        await served.close()


def bearer(role: str = "admin", tenant: str = "acme", seconds: int = 600) -> dict[str, str]:
    now = int(time.time())
    claims = {"sub": "ann", "tenant_id": tenant, "iat": now, "exp": now + seconds, "role": role}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


async def next_event(reader: Any) -> dict[str, Any]:
    frame = await asyncio.wait_for(reader.recv(), 5)
    assert isinstance(frame, str)
    event: dict[str, Any] = json.loads(frame)
    return event


async def refusal(view: Any, path: str = "/", **options: Any) -> tuple[int, dict[str, Any], Any]:
    with pytest.raises(InvalidStatus) as refused:
        await connect(view.url + path, **options)
    response = refused.value.response
    return response.status_code, json.loads(response.body or b"{}"), response.headers


async def test_hello_comes_first_and_then_events(serve: Callable[..., Any]) -> None:
    """TEL-001, TEL-010: in the order they were emitted, more than ten in a row."""
    view = await serve()
    async with connect(view.url) as reader:
        hello = await next_event(reader)
        for number in range(50):
            view.telemetry.emit("client.connected", tenant="default", client_id=f"c{number}")
        clients = [(await next_event(reader))["client_id"] for _ in range(50)]

    assert (hello["event_type"], hello["severity"], hello["version"]) == ("telemetry.hello", "info", "0.1.0")
    assert hello["event_types"] == list(EVENT_TYPES)
    assert clients == [f"c{number}" for number in range(50)]


async def test_a_reader_sees_its_tenant_and_the_deployment(serve: Callable[..., Any]) -> None:
    """AUTH-010 for telemetry: another tenant's events do not appear before the sentinel."""
    view = await serve(enable_auth=True)
    async with connect(view.url, additional_headers=bearer()) as reader:
        await next_event(reader)
        view.telemetry.emit("client.connected", tenant="bolt", client_id="hidden")
        view.telemetry.emit("client.connected", tenant="acme", client_id="own")
        view.telemetry.emit("server.draining", connections=1)
        seen = [(await next_event(reader))["event_type"] for _ in range(2)]

    assert seen == ["client.connected", "server.draining"]


async def test_an_administrators_token_is_needed(serve: Callable[..., Any]) -> None:
    """TEL-008: 401 with a challenge, 403 for others, each refused token announced without it."""
    view = await serve(enable_auth=True)
    async with connect(view.url, additional_headers=bearer()) as reader:
        await next_event(reader)
        missing = await refusal(view)
        query = await refusal(view, f"/?token={bearer()['Authorization'][7:]}")
        member = await refusal(view, additional_headers=bearer("member"))
        announced = [await next_event(reader) for _ in range(2)]

    assert (missing[0], query[0], member[0]) == (401, 401, 403)
    assert missing[1] == {"error": "unauthorized", "details": "missing"}
    assert missing[2]["WWW-Authenticate"] == "Bearer"
    assert [(event["interface"], event["details"]) for event in announced] == [("telemetry", "missing")] * 2


async def test_origins_follow_the_rule_of_the_bus(serve: Callable[..., Any]) -> None:
    """A browser page from elsewhere is refused; no origin and an allowed one are not."""
    view = await serve(allowed_origins=frozenset({ORIGIN}))

    status, body, _ = await refusal(view, origin="https://evil.example")
    async with connect(view.url, origin=ORIGIN) as reader:
        hello = await next_event(reader)

    assert (status, body["error"]) == (403, "forbidden")
    assert hello["event_type"] == "telemetry.hello"


async def test_other_paths_are_not_found(serve: Callable[..., Any]) -> None:
    """One stream, one path."""
    view = await serve()

    assert (await refusal(view, "/ws"))[:2] == (
        404,
        {"error": "not_found", "details": "no such path; allowed: /"},
    )


async def test_what_a_reader_sends_changes_nothing(serve: Callable[..., Any]) -> None:
    """TEL-011: up to 4096 bytes, text or binary, valid or not."""
    view = await serve()
    async with connect(view.url) as reader:
        await next_event(reader)
        for frame in ("x" * 4096, b"\x00", "{}", '{"event_type": "server.draining"}'):
            await reader.send(frame)
        await (await reader.ping())
        view.telemetry.emit("server.draining")
        after = await next_event(reader)

    assert after["event_type"] == "server.draining"
    assert view.telemetry.stats()["emitted"] == 1


async def test_a_longer_frame_ends_the_connection(serve: Callable[..., Any]) -> None:
    """What a reader may make us hold is bounded."""
    view = await serve()
    async with connect(view.url) as reader:
        await next_event(reader)
        await reader.send("x" * 4097)
        with pytest.raises(ConnectionClosed):
            await next_event(reader)

    assert reader.close_code == 1009


async def test_compression_is_not_negotiated(serve: Callable[..., Any]) -> None:
    """A deflate context for each reader would be its to spend."""
    view = await serve()

    async with connect(view.url, compression="deflate") as reader:
        await next_event(reader)

    assert reader.response.headers.get("Sec-WebSocket-Extensions") is None


async def test_a_slow_reader_is_closed_and_delays_nobody(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TEL-009: it gets 1013 while another reader gets every event."""
    monkeypatch.setattr(hub_module, "MAX_QUEUED_EVENTS", 8)
    view = await serve()
    padding = "x" * 100_000
    async with connect(view.url, max_queue=1) as slow, connect(view.url) as quick:
        await next_event(quick)
        for number in range(200):
            view.telemetry.emit("client.connected", client_id=str(number), padding=padding)
            received = await next_event(quick)
        with pytest.raises(ConnectionClosed):
            async for _ in slow:
                pass

    assert received["client_id"] == "199"
    assert slow.close_code in {1013, 1006}
    assert view.telemetry.stats()["dropped"] > 0


async def test_a_drain_delivers_what_was_emitted(serve: Callable[..., Any]) -> None:
    """TEL-007: server.draining arrives before 1001."""
    view = await serve()
    async with connect(view.url) as reader:
        await next_event(reader)
        view.telemetry.routed("default", accepted=3)
        view.telemetry.emit("server.draining", "warning", connections=1)
        closing = asyncio.create_task(view.socket.close())
        events = [(await next_event(reader))["event_type"] for _ in range(2)]
        with pytest.raises(ConnectionClosed):
            await next_event(reader)
        await closing

    assert sorted(events) == ["message.routed", "server.draining"]
    assert reader.close_code == 1001


async def test_a_session_ends_with_its_token(serve: Callable[..., Any]) -> None:
    """4401 when the token expires, as on the bus."""
    view = await serve(enable_auth=True)

    async with connect(view.url, additional_headers=bearer(seconds=1)) as reader:
        await next_event(reader)
        with pytest.raises(ConnectionClosed):
            await next_event(reader)

    assert reader.close_code == 4401


async def test_readers_are_bounded(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed gets 503 with Retry-After, and a freed place is given again."""
    monkeypatch.setattr(telemetry_socket, "MAX_READERS", 1)
    view = await serve()
    left, unsubscribe = asyncio.Event(), view.telemetry.unsubscribe
    monkeypatch.setattr(view.telemetry, "unsubscribe", lambda reader: (unsubscribe(reader), left.set()))
    async with connect(view.url) as reader:
        await next_event(reader)
        status, _, headers = await refusal(view)
    await asyncio.wait_for(left.wait(), 5)
    async with connect(view.url) as reader:
        hello = await next_event(reader)

    assert (status, headers["Retry-After"]) == (503, "1")
    assert hello["event_type"] == "telemetry.hello"


async def test_a_drain_does_not_wait_for_who_does_not_read(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that is stuck and a connection that never asked are cut off in time."""
    monkeypatch.setattr(telemetry_socket, "CLOSE_SECONDS", 0.1)
    view = await serve()
    _, mute = await asyncio.open_connection("127.0.0.1", int(view.url.rpartition(":")[2]))
    async with connect(view.url, max_queue=1) as stuck:
        await next_event(stuck)
        for _ in range(300):
            view.telemetry.emit("client.connected", padding="x" * 100_000)

        async with asyncio.timeout(5):
            await view.socket.close()

        mute.close()
        stuck.transport.abort()

    assert view.telemetry.stats()["readers"] == 0
