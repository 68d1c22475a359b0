"""Shield's HTTP interface: health, counters, and a description of both."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.metrics import EXPOSITION_CONTENT_TYPE
from arqonbus_reference.shield.gateway import Gateway
from arqonbus_reference.transport import http_bodies as bodies
from arqonbus_reference.transport.http_entry import administrator
from arqonbus_reference.transport.http_routes import Answer, Asked, Route
from arqonbus_reference.transport.http_server import HttpServer


class SpineBody(msgspec.Struct, frozen=True):
    """The spine in /health."""

    connected: bool


class PolicyBody(msgspec.Struct, frozen=True):
    """The policy in /health; `problem` is that of a newer file, which is not used."""

    loaded: bool
    sha256: str | None
    problem: str | None


class ShieldHealthBody(msgspec.Struct, frozen=True):
    """/health; `reason` is null exactly when healthy."""

    status: Literal["healthy", "unhealthy"]
    reason: str | None
    spine: SpineBody
    policy: PolicyBody


async def _health(asked: Asked[Gateway]) -> Answer:
    status, body = asked.view.health()
    return Answer(status, msgspec.convert(body, ShieldHealthBody))


async def _metrics(asked: Asked[Gateway]) -> Answer:
    return Answer(200, asked.view.count().prometheus())


async def _openapi(asked: Asked[Gateway]) -> Answer:
    from arqonbus_reference.transport.openapi import document  # noqa: PLC0415 - loaded when it is asked for

    secured = asked.view.settings.environment != "dev"
    return Answer(200, document(ROUTES.values(), secured=secured, title="ArqonBus Shield monitoring"))


_ROUTES: Final[tuple[Route[Gateway], ...]] = (
    Route(
        "/health", "Whether clients reach the bus.", _health, ShieldHealthBody, (200, 503), open_to_all=True
    ),
    Route("/metrics", "Counters, text exposition.", _metrics, str, content_type=EXPOSITION_CONTENT_TYPE),
    Route("/openapi.json", "This description.", _openapi, bodies.DocumentBody),
)
ROUTES: Final = {route.path: route for route in _ROUTES}
"""The routes by path."""


def monitoring(gateway: Gateway) -> HttpServer[Gateway]:
    """The HTTP interface of a Shield; outside dev all but /health is for administrators."""

    def enter(authorizations: Sequence[str]) -> Principal:
        if gateway.settings.environment == "dev":
            return ANONYMOUS
        return administrator(gateway.authenticator, authorizations, gateway.refused)

    return HttpServer(
        gateway,
        ROUTES,
        enter=enter,
        allowed_origins=gateway.settings.allowed_origins,
        report=gateway.faults.report,
    )
