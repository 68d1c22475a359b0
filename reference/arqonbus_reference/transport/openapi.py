"""The OpenAPI 3.1 description, made from the table of routes and the structures that the handlers encode."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from arqonbus_reference.history import HistoryGetArgs
from arqonbus_reference.storage.views import CURSOR_PATTERN
from arqonbus_reference.transport.http_bodies import ErrorBody
from arqonbus_reference.transport.http_routes import JSON, Route

_REFERENCE: Final = "#/components/schemas/{name}"
_EXACT: Final = {
    "since": {"format": "date-time"},
    "until": {"format": "date-time"},
    "cursor": {"pattern": CURSOR_PATTERN},
}
"""What msgspec's constraints leave to the handlers."""
API_VERSION: Final = "1.0"


def document(
    routes: Iterable[Route[Any]], *, secured: bool, title: str = "ArqonBus monitoring and administration"
) -> dict[str, Any]:
    """The description of a deployment; `secured` where authentication is on."""
    table = list(routes)
    schemas, components = msgspec.json.schema_components(
        [*(route.body for route in table), ErrorBody], ref_template=_REFERENCE
    )
    error = schemas[-1]
    paths = {
        route.path: {
            method: _operation(route, schema if method == "get" else None, error, method, secured=secured)
            for method in ("get", "head")
        }
        for route, schema in zip(table, schemas, strict=False)
    }
    described: dict[str, Any] = {"schemas": components}
    if secured:
        described["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": API_VERSION},
        "paths": paths,
        "components": described,
    }


def _operation(
    route: Route[Any], schema: dict[str, Any] | None, error: dict[str, Any], method: str, *, secured: bool
) -> dict[str, Any]:
    guarded = secured and not route.open_to_all
    content = None if schema is None else {route.content_type: {"schema": schema}}
    failure = None if schema is None else {JSON: {"schema": error}}
    responses = {str(status): _response(status, content) for status in route.statuses}
    failures = [400, *([401, 403] if guarded else []), *([503] if route.needs_storage else [])]
    responses |= {str(status): _response(status, failure) for status in failures}
    if guarded:
        responses["401"]["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}}
    operation = {
        "operationId": f"{method}{route.path.replace('/', '_').replace('.', '_')}",
        "summary": route.summary,
        "parameters": [_parameter(name) for name in route.parameters],
        "responses": responses,
    }
    return operation | ({"security": [{"bearer": []}]} if guarded else {})


def _response(status: int, content: dict[str, Any] | None) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase} | ({} if content is None else {"content": content})


def _parameter(name: str) -> dict[str, Any]:
    schema = {key: value for key, value in _ARGUMENTS[name].items() if key != "default"}
    schema |= _EXACT.get(name, {})
    return {"name": name, "in": "query", "required": name == "room", "schema": schema}


def _arguments() -> dict[str, Any]:
    _, components = msgspec.json.schema_components([HistoryGetArgs], ref_template=_REFERENCE)
    properties: dict[str, Any] = components["HistoryGetArgs"]["properties"]
    return properties


_ARGUMENTS: Final = _arguments()
