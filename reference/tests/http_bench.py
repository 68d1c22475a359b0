"""The HTTP interface over a deployment without a bus, and a client that asks it."""

import asyncio
import json
from typing import Any

import aiohttp
from arqonbus_reference.access import Authenticator
from arqonbus_reference.faults import Faults
from arqonbus_reference.metrics import Metrics
from arqonbus_reference.settings import Settings
from arqonbus_reference.storage.interface import Entry, StreamKey
from arqonbus_reference.storage.memory import MemoryStorage
from arqonbus_reference.telemetry import TelemetryHub

SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"


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


def stored(room: str, channel: str | None, sequence: int, tenant: str = "default") -> Entry:
    message = json.dumps({"payload": {"n": sequence}}).encode()
    return Entry(StreamKey(tenant, room, channel), sequence, 1_700_000_000_000 + sequence, message)
