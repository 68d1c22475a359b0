"""A client of the bus that negotiated protobuf can do what any other can, and both see the same."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arqonbus_reference.deployment import Deployment
from arqonbus_reference.logs import open_log
from arqonbus_reference.proto import arqon_pb2
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.opening import open_storage
from arqonbus_reference.transport.application import limits_of
from arqonbus_reference.transport.handshake import PROTOBUF, Doorway
from arqonbus_reference.transport.websocket_bus import WebSocketBus
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

WAIT_SECONDS = 5.0
DATA = '{"n":123456789012345678901234567890,"é":"\\u00e9"}'


@pytest.fixture
async def url() -> AsyncIterator[str]:
    settings = Settings()
    deployment = Deployment(settings, open_storage(settings, time.time), open_log())
    await deployment.storage.start()
    bus = WebSocketBus(deployment, limits_of(settings), Doorway(deployment.authenticate))
    listener = socket.create_server(("127.0.0.1", 0))
    await bus.start([listener])
    deployment.attach(bus)
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
    bus.stop_accepting()
    await bus.close(1001, "bye")
    await deployment.storage.close()


def envelope(number: int, **payload: Any) -> bytes:
    fields = {"trace_id": f"arq_1_{number}_abcdef", "timestamp": 1_764_000_000_000} | payload
    encoded: bytes = arqon_pb2.Envelope(**fields).SerializeToString()
    return encoded


def join(number: int) -> bytes:
    data = b'{"room":"r","channel":"c"}'
    return envelope(number, cmd=arqon_pb2.Command(type="join_channel", data=data))


async def received(client: ClientConnection) -> Any:
    frame = await asyncio.wait_for(client.recv(), WAIT_SECONDS)
    return arqon_pb2.Envelope.FromString(frame) if isinstance(frame, bytes) else json.loads(frame)


async def test_both_views_of_a_message_agree(url: str) -> None:
    """One client speaks protobuf, the other JSON; the payload arrives byte for byte."""
    async with connect(url, subprotocols=[PROTOBUF]) as ann, connect(url) as bob:
        welcome, _ = await received(ann), await received(bob)
        await ann.send(join(1))
        assert (await received(ann)).headers["status"] == "success"
        await bob.send(
            '{"id":"arq_1_2_abcdef","type":"command","timestamp":"2026-01-01T00:00:00Z","version":"1.0",'
            '"command":"join_channel","args":{"room":"r","channel":"c"}}'
        )
        assert (await received(bob))["status"] == "success"

        event = arqon_pb2.Event(type="message", data=DATA.encode())
        await ann.send(envelope(3, event=event, room_id="r", headers={"channel": "c"}))
        acknowledged = await received(ann)
        as_text = await asyncio.wait_for(bob.recv(), WAIT_SECONDS)
        await bob.send(as_text.replace("arq_1_3_", "arq_1_4_").partition(',"metadata"')[0] + "}")
        delivered = await received(ann)

    assert welcome.tenant_id == "default"
    assert json.loads(welcome.event.data)["protocol"]["capabilities"]["protobuf"] is True
    assert (acknowledged.event.type, acknowledged.headers["request_id"]) == (
        "message_response",
        "arq_1_3_abcdef",
    )
    assert f'"payload":{DATA}' in as_text
    assert (delivered.trace_id, delivered.event.data) == ("arq_1_4_abcdef", DATA.encode())


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (b"\xff\xff", "envelope"),
        (envelope(1, signal=arqon_pb2.SystemSignal(type="BAN")), "payload"),
        (envelope(1, event=arqon_pb2.Event(type="message", data=b"{}"), room_id="r"), "payload"),
    ],
)
async def test_what_is_no_envelope_is_answered(url: str, frame: bytes, field: str) -> None:
    """VALIDATION_ERROR in protobuf, and the session lives on, for text frames too."""
    async with connect(url, subprotocols=[PROTOBUF]) as ann:
        await received(ann)

        await ann.send(frame)
        refusal = await received(ann)
        await ann.send(join(2))
        after = await received(ann)

    assert (refusal.event.type, refusal.headers["error_code"]) == ("error", "VALIDATION_ERROR")
    assert refusal.headers["error"].startswith(f"{field}: ")
    assert (after.headers["request_id"], after.headers["status"]) == ("arq_1_2_abcdef", "success")


async def test_binary_frames_need_the_subprotocol(url: str) -> None:
    """ENV-025: else 1003."""
    async with connect(url) as ann:
        await received(ann)

        await ann.send(join(1))
        with pytest.raises(ConnectionClosed):
            await received(ann)

    assert ann.close_code == 1003
