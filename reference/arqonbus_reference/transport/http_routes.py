"""Every path of the HTTP interface: what it takes, what it answers, who may ask."""

import platform
import re
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from arqonbus_reference import dependencies
from arqonbus_reference.access import Principal
from arqonbus_reference.errors import CommandError
from arqonbus_reference.grammar import NAME_RULE, is_name
from arqonbus_reference.history import (
    DEFAULT_PAGE_ENTRIES,
    MAX_ENTRIES,
    History,
    HistoryPage,
)
from arqonbus_reference.metrics import EXPOSITION_CONTENT_TYPE
from arqonbus_reference.storage.interface import StorageUnavailableError
from arqonbus_reference.timestamps import format_ms
from arqonbus_reference.transport import http_bodies as bodies
from arqonbus_reference.transport.deployment_view import DeploymentView
from arqonbus_reference.transport.http_entry import HttpError

JSON: Final = "application/json"
Parameters = dict[str, str]
_LIMIT = re.compile(r"[0-9]{1,4}")


class Answer(NamedTuple):
    """A status and a body: a structure for JSON, bytes for other content."""

    status: int
    body: Any


View = TypeVar("View")


class Asked(NamedTuple, Generic[View]):
    """A request that was let in, its query parameters known and unique; `view` is what it may look at."""

    view: View
    principal: Principal
    parameters: Parameters


class Route(NamedTuple, Generic[View]):
    """A path: GET and HEAD alike."""

    path: str
    summary: str
    handler: Callable[[Asked[View]], Awaitable[Answer]]
    body: Any
    statuses: tuple[int, ...] = (200,)
    """Those that carry `body`."""
    content_type: str = JSON
    parameters: tuple[str, ...] = ()
    open_to_all: bool = False
    needs_storage: bool = False


async def _health(asked: Asked[DeploymentView]) -> Answer:
    status, health = asked.view.health()
    return Answer(status, msgspec.convert(health, bodies.HealthBody))


async def _ready(asked: Asked[DeploymentView]) -> Answer:
    ready, reason = asked.view.readiness()
    return Answer(200 if ready else 503, bodies.ReadyBody(ready, None if ready else reason))


async def _status(asked: Asked[DeploymentView]) -> Answer:
    return Answer(200, msgspec.convert(asked.view.status(None), bodies.StatusBody))


async def _metrics(asked: Asked[DeploymentView]) -> Answer:
    counted = {**asked.view.count().as_json(), "telemetry": asked.view.telemetry.stats()}
    return Answer(200, msgspec.convert(counted, bodies.MetricsBody))


async def _prometheus(asked: Asked[DeploymentView]) -> Answer:
    return Answer(200, asked.view.count().prometheus())


async def _storage_stats(asked: Asked[DeploymentView]) -> Answer:
    try:
        streams, entries = await asked.view.storage.stats()
    except StorageUnavailableError as error:
        asked.view.faults.report("http.storage_stats", error)
        raise HttpError(503, "storage_unavailable", "the storage does not answer") from error
    status = asked.view.storage.status()._asdict()
    return Answer(200, bodies.StorageStatsBody(**status, streams=streams, entries=entries))


async def _history(asked: Asked[DeploymentView]) -> Answer:
    try:
        page = await History(asked.view.storage).query(
            asked.principal.tenant,
            room=_name(asked.parameters, "room"),
            channel=_name(asked.parameters, "channel") if "channel" in asked.parameters else None,
            limit=_limit(asked.parameters),
            since=asked.parameters.get("since"),
            until=asked.parameters.get("until"),
            cursor=asked.parameters.get("cursor"),
        )
    except CommandError as error:
        if error.code == "STORAGE_UNAVAILABLE":
            asked.view.faults.report("http.storage_history", error)
            raise HttpError(503, "storage_unavailable", error.message) from error
        raise HttpError(400, "bad_request", error.message) from error
    return Answer(200, page)


async def _system_info(asked: Asked[DeploymentView]) -> Answer:
    settings = asked.view.settings
    return Answer(
        200,
        bodies.SystemInfoBody(
            version=asked.view.version,
            environment=settings.environment,
            python=platform.python_version(),
            platform=sys.platform,
            started_at=format_ms(int(asked.view.started_at * 1000)),
            dependencies=_versions(),
        ),
    )


async def _system_config(asked: Asked[DeploymentView]) -> Answer:
    return Answer(200, asked.view.settings.shown())


async def _telemetry_stats(asked: Asked[DeploymentView]) -> Answer:
    return Answer(200, bodies.TelemetryStatsBody(**asked.view.telemetry.stats()))


async def _openapi(asked: Asked[DeploymentView]) -> Answer:
    from arqonbus_reference.transport.openapi import document  # noqa: PLC0415 - it describes this table

    return Answer(200, document(ROUTES.values(), secured=asked.view.authenticator is not None))


@cache
def _versions() -> dict[str, str]:
    return dependencies.versions()


def _name(parameters: Parameters, field: str) -> str:
    value = parameters.get(field)
    if value is None or not is_name(value):
        shown = "missing" if value is None else f"{value[:64]!r} is not allowed"
        raise HttpError(400, "bad_request", f"{field}: {shown}; allowed: {NAME_RULE}")
    return value


def _limit(parameters: Parameters) -> int:
    value = parameters.get("limit", str(DEFAULT_PAGE_ENTRIES))
    if not _LIMIT.fullmatch(value) or not 1 <= int(value) <= MAX_ENTRIES:
        text = f"limit: {value[:64]!r} is not allowed; allowed: 1-{MAX_ENTRIES}"
        raise HttpError(400, "bad_request", text)
    return int(value)


_ROUTES: Final[tuple[Route[DeploymentView], ...]] = (
    Route(
        "/health", "Whether the deployment works.", _health, bodies.HealthBody, (200, 503), open_to_all=True
    ),
    Route("/ready", "Whether it takes clients.", _ready, bodies.ReadyBody, (200, 503), open_to_all=True),
    Route("/status", "The state of the whole deployment.", _status, bodies.StatusBody),
    Route("/metrics", "Counters.", _metrics, bodies.MetricsBody),
    Route("/metrics/prometheus", "Text exposition.", _prometheus, str, content_type=EXPOSITION_CONTENT_TYPE),
    Route("/storage/stats", "What is stored.", _storage_stats, bodies.StorageStatsBody, needs_storage=True),
    Route(
        "/storage/history",
        "Stored messages, newest page first.",
        _history,
        HistoryPage,
        parameters=("room", "channel", "limit", "since", "until", "cursor"),
        needs_storage=True,
    ),
    Route("/system/info", "What runs here.", _system_info, bodies.SystemInfoBody),
    Route("/system/config", "The configuration, secrets hidden.", _system_config, bodies.ConfigBody),
    Route("/telemetry/stats", "The telemetry stream.", _telemetry_stats, bodies.TelemetryStatsBody),
    Route("/openapi.json", "This description.", _openapi, bodies.DocumentBody),
)
ROUTES: Final = {route.path: route for route in _ROUTES}
"""The routes by path."""
