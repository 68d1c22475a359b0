"""A Shield on a real NATS with a bus of a few lines behind it, and clients that knock."""

import asyncio
import hashlib
import hmac
import json
import socket
import time
from base64 import urlsafe_b64encode
from typing import Any

import aiohttp
from arqonbus_reference.logs import open_log
from arqonbus_reference.proto import arqon_pb2
from arqonbus_reference.shield import link
from arqonbus_reference.shield.gateway import Gateway
from arqonbus_reference.shield.server import Shield
from arqonbus_reference.shield.settings import read
from arqonbus_reference.shield.spine import Arrival
from arqonbus_reference.transport.frames import text_frame
from shield.spine_bench import News, ScriptedBus
from websockets.asyncio.client import ClientConnection, connect

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
WAIT_SECONDS = 10.0
WELCOME = {"id": "arq_1_1_abcdef", "type": "message", "timestamp": "2026-01-01T00:00:00.000Z", "version": "1.0", "sender": "arqonbus", "payload": {"welcome": "ArqonBus 1.0"}}  # fmt: skip


def token(secret: str = SECRET, header: Any = None, **claims: Any) -> str:
    """A token of tenant acme that is good for an hour, but for what the claims say."""
    now = int(time.time())
    chosen = {"sub": "ann", "tenant_id": "acme", "iat": now, "exp": now + 3600} | claims
    parts = [json.dumps(part).encode() for part in (header or {"alg": "HS256"}, chosen)]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).rstrip(b"=")
    return f"{signed.decode()}.{signature.decode()}"


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def message(number: int = 1, text: str = "hello") -> str:
    """A message of a client, as JSON."""
    return json.dumps(
        {
            "id": f"arq_1_{number}_abcdef",
            "type": "message",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "version": "1.0",
            "room": "r",
            "payload": {"text": text},
        }
    )


def envelope(number: int = 1, **fields: Any) -> bytes:
    """A message of a client, as protobuf."""
    chosen = {"trace_id": f"arq_1_{number}_abcdef", "timestamp": 1_764_000_000_000, "room_id": "r"} | fields
    if "signal" not in chosen and "cmd" not in chosen:
        chosen["event"] = arqon_pb2.Event(type="message", data=b'{"text":"hello"}')
    encoded: bytes = arqon_pb2.Envelope(**chosen).SerializeToString()
    return encoded


def read_envelope(frame: bytes) -> Any:
    return arqon_pb2.Envelope.FromString(frame)


class AnsweringBus(ScriptedBus):
    """A bus that welcomes, acknowledges each frame, and lets go; `silent` keeps the acknowledgements back."""

    def __init__(self, url: str, news: News) -> None:
        super().__init__(url, news)
        self.silent = False
        self._nodes: dict[str, str] = {}
        self._down: dict[str, int] = {}
        self._up: dict[str, int] = {}
        self._owed: list[tuple[str, bytes]] = []

    def _take(self, arrival: Arrival) -> None:
        session = arrival.headers.get(link.SESSION)
        if session is not None:
            self._serve(arrival, session)
        super()._take(arrival)

    def _serve(self, arrival: Arrival, session: str) -> None:
        kind = arrival.subject.rpartition(".")[2]
        self._up[session] = int(arrival.headers[link.SEQUENCE])
        if kind == "open":
            self._nodes[session] = arrival.headers[link.NODE]
            self.frame(session, WELCOME)
        elif kind == "raw" and self.silent:
            self._owed.append((session, arrival.payload))
        elif kind == "raw":
            self._acknowledge(session, arrival.payload)
        elif kind == "close":
            self.let_go(session, arrival.payload)
        self.knows[session] = link.Seen(self._up[session], self._down.get(session, 0))

    def let_go(self, session: str, ending: bytes) -> None:
        self.say(self._nodes[session], "close", session, ending)

    def _acknowledge(self, session: str, payload: bytes) -> None:
        self.frame(session, WELCOME | {"type": "message_response", "request_id": json.loads(payload)["id"], "status": "success"})  # fmt: skip

    def answer_all(self) -> None:
        """Acknowledge what was kept back."""
        self.silent = False
        owed, self._owed = self._owed, []
        for session, payload in owed:
            self._acknowledge(session, payload)

    def frame(self, session: str, document: dict[str, Any]) -> None:
        self._down[session] = self._down.get(session, 0) + 1
        self.say(
            self._nodes[session],
            "frames",
            session,
            text_frame(json.dumps(document).encode()),
            sequence=str(self._down[session]),
        )

    def raw(self) -> list[bytes]:
        """The frames that passed Shield, in order."""
        return [arrival.payload for arrival in self.arrived if arrival.subject.endswith(".raw")]

    def sessions(self) -> list[str]:
        return list(self._nodes)


class Edge:
    """A running Shield; it knows how to knock at it."""

    def __init__(self, url: str, bus: AnsweringBus | None, news: News, **variables: str) -> None:
        found = read({"JWT_SECRET": SECRET, "NATS_URL": url} | variables, None)
        assert found.problems == []
        self.bus = bus
        self.news = news
        self.gateway = Gateway(found.settings, open_log("error"))
        self.gateway.uplink.changed = news.tell
        self.shield = Shield(self.gateway)
        self.port = 0
        self.clients: list[ClientConnection] = []

    async def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        await self.shield.start([listener])
        if self.bus is not None:
            await self.news.until(lambda: self.gateway.uplink.connected, "the bus is reached")

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def client(
        self, *, protobuf: bool = False, welcomed: bool = True, **claims: Any
    ) -> ClientConnection:
        offered: Any = ["arqon.v1.protobuf"] if protobuf else None
        client = await connect(self.url, additional_headers=bearer(token(**claims)), subprotocols=offered)
        self.clients.append(client)
        if welcomed:
            await asyncio.wait_for(client.recv(), WAIT_SECONDS)
        return client

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any, str]:
        """Status, headers and text of an answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}", headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.text()

    async def close(self) -> None:
        for client in self.clients:
            client.transport.abort()
        await self.shield.drain()
        await self.shield.close()


async def received(client: ClientConnection) -> Any:
    """The next frame: a document, or an envelope where it is binary."""
    frame = await asyncio.wait_for(client.recv(), WAIT_SECONDS)
    return read_envelope(frame) if isinstance(frame, bytes) else json.loads(frame)


async def close_code(client: ClientConnection) -> int | None:
    """How the server ended it."""
    await asyncio.wait_for(client.wait_closed(), WAIT_SECONDS)
    return client.close_code
