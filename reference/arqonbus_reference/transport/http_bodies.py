"""The bodies that the HTTP interface answers with: encoded by the handlers, described by /openapi.json."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from arqonbus_reference.storage.interface import Persistence


class StorageBody(msgspec.Struct, frozen=True):
    """What the storage says of itself."""

    mode: Literal["strict", "degraded"]
    backend: Literal["memory", "redis_streams"]
    durable: bool
    status: Literal["ok", "degraded", "unavailable"]
    reason: str | None
    persistence: Persistence


class StorageStatsBody(StorageBody, frozen=True):
    """/storage/stats."""

    streams: int
    entries: int


class SpineBody(msgspec.Struct, frozen=True):
    """What a bus that serves the spine says of it; `reason` is null exactly when connected."""

    connected: bool
    reason: str | None


class SpineConnectedBody(msgspec.Struct, frozen=True):
    """The spine in /metrics."""

    connected: bool


class HealthBody(msgspec.Struct, frozen=True):
    """/health; `reason` is null exactly when healthy."""

    status: Literal["healthy", "degraded", "unhealthy"]
    reason: str | None
    version: str
    uptime_seconds: float
    storage: StorageBody
    spine: SpineBody | UnsetType = UNSET


class ReadyBody(msgspec.Struct, frozen=True):
    """/ready; `reason` is null exactly when ready."""

    ready: bool
    reason: str | None


class ServerBody(msgspec.Struct, frozen=True):
    """The server in /status."""

    status: Literal["ok", "degraded", "unavailable", "draining"]
    version: str
    uptime_seconds: float


class CurrentBody(msgspec.Struct, frozen=True):
    """Connections in /status."""

    current: int


class MessagesBody(msgspec.Struct, frozen=True):
    """Messages counted since the start."""

    accepted: int
    delivered: int
    rejected: int


class StatusBody(msgspec.Struct, frozen=True):
    """/status."""

    server: ServerBody
    connections: CurrentBody
    messages: MessagesBody
    storage: StorageBody
    capabilities: dict[str, bool]
    spine: SpineBody | UnsetType = UNSET


class ConnectionsBody(msgspec.Struct, frozen=True):
    """Connections in /metrics; `total` and `rejected` are counted since the start."""

    current: int
    total: int
    rejected: int


class DegradedBody(msgspec.Struct, frozen=True):
    """The storage in /metrics."""

    degraded: bool


class TelemetryStatsBody(msgspec.Struct, frozen=True):
    """/telemetry/stats."""

    readers: int
    emitted: int
    dropped: int


class MetricsBody(msgspec.Struct, frozen=True):
    """/metrics."""

    connections: ConnectionsBody
    messages: MessagesBody
    errors: dict[str, int]
    slow_consumers_closed: int
    storage: DegradedBody
    telemetry: TelemetryStatsBody
    spine: SpineConnectedBody | UnsetType = UNSET


class SystemInfoBody(msgspec.Struct, frozen=True):
    """/system/info; `started_at` is RFC 3339."""

    version: str
    environment: Literal["dev", "staging", "prod"]
    python: str
    platform: str
    started_at: str
    dependencies: dict[str, str]


Shown = str | int | float | bool | list[str] | None
ConfigBody = dict[str, Shown]
"""/system/config: variable and value."""

DocumentBody = dict[str, Any]
"""/openapi.json."""


class ErrorBody(msgspec.Struct, frozen=True):
    """Any error: a code, and a text for whoever asked."""

    error: str
    details: str
