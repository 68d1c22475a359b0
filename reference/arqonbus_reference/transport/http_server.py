"""The HTTP interface: monitoring and administration, GET and HEAD only."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import BadHttpMethod
from aiohttp.web_protocol import RequestHandler

from arqonbus_reference.access import ANONYMOUS, Principal
from arqonbus_reference.transport.deployment_view import DeploymentView
from arqonbus_reference.transport.http_entry import Door, HttpError
from arqonbus_reference.transport.http_routes import JSON, ROUTES, Asked, Route, View

MAX_CONNECTIONS: Final = 1024
MAX_LINE_BYTES: Final = 8190
MAX_HEADERS: Final = 64
MAX_PARAMETERS: Final = 32
IDLE_SECONDS: Final = 30.0
"""The longest a connection may take for the head of its next request."""
LINGER_SECONDS: Final = 1.0
"""How long the body of a request, which nobody wants, is read away."""
SHUTDOWN_SECONDS: Final = 2.0

_silent = logging.getLogger("arqonbus_reference.http")
_silent.disabled = True  # aiohttp would log what strangers send
_METHODS: Final = ("GET", "HEAD")
_REQUEST_LINE: Final = re.compile(r"b[\"'][A-Z]{1,32} /")
"""How aiohttp's exception quotes a request line with a method of letters."""


class HttpServer(Generic[View]):
    """Serves `routes`, which look at `view`; `enter` gives the principal of Authorization headers or raises HttpError."""

    def __init__(
        self,
        view: View,
        routes: Mapping[str, Route[View]],
        *,
        enter: Callable[[Sequence[str]], Principal],
        allowed_origins: frozenset[str],
        report: Callable[[str, BaseException], None],
    ) -> None:
        self._view = view
        self._routes = routes
        self._enter = enter
        self._allowed_origins = allowed_origins
        self._report = report
        self._connections = _Connections(self._handle)
        self._listeners: list[asyncio.Server] = []

    def protocol(self) -> asyncio.Protocol:
        """What serves one connection, for a listener that is somebody else's."""
        return self._connections()

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Serve from now on, on sockets that are bound already."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            self._listeners.append(await loop.create_server(self._connections, sock=sock))

    async def close(self) -> None:
        """Stop listening, finish the requests begun, close every connection."""
        for listener in self._listeners:
            listener.close()
        self._connections.pre_shutdown()
        await self._connections.shutdown(SHUTDOWN_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        try:
            response = await self._answer(request)
        except HttpError as error:
            response = _response(error.status, error.body, JSON, error.headers)
        except Exception as error:  # noqa: BLE001 - INT: whatever a handler raises is counted, announced and answered
            self._report("http", error)
            failure = HttpError(500, "internal_error", "the request could not be answered")
            response = _response(500, failure.body, JSON)
        response.headers["Vary"] = "Origin"
        origin = request.headers.get("Origin")
        if origin is not None and origin in self._allowed_origins:  # HTTP-014, HTTP-016
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        route = self._routes.get(request.rel_url.raw_path)
        if route is None:
            raise HttpError(404, "not_found", "no such path; /openapi.json lists all")
        if request.method not in _METHODS:  # HTTP-012
            raise _wrong_method()
        principal = ANONYMOUS
        if not route.open_to_all:
            principal = self._enter(request.headers.getall("Authorization", []))
        parameters = _parameters(request.rel_url.raw_query_string, route)
        status, body = await route.handler(Asked(self._view, principal, parameters))
        encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return _response(status, encoded, route.content_type)


def monitoring(view: DeploymentView) -> HttpServer[DeploymentView]:
    """The HTTP interface of a deployment."""
    return HttpServer(
        view,
        ROUTES,
        enter=Door(view, "http").enter,
        allowed_origins=view.settings.allowed_origins,
        report=view.faults.report,
    )


def _wrong_method() -> HttpError:
    return HttpError(405, "method_not_allowed", "allowed: GET HEAD", {"Allow": ", ".join(_METHODS)})


def _parameters(query: str, route: Route[Any]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise HttpError(400, "bad_request", "query: not UTF-8, or too many parameters") from None
    parameters = dict(pairs)
    for name in parameters:
        if name not in route.parameters:
            allowed = " ".join(route.parameters) or "none"
            text = f"{name[:64]!r}: unknown query parameter; allowed: {allowed}"
            raise HttpError(400, "bad_request", text)
    if len(parameters) != len(pairs):
        raise HttpError(400, "bad_request", "query: a parameter stands twice; allowed: once")
    return parameters


def _response(
    status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
) -> web.Response:
    fixed = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Server": "ArqonBus",
    }
    return web.Response(status=status, body=body, headers=fixed | (headers or {}))


class _NoAccessLog(AbstractAccessLogger):
    """Requests are counted by whoever asks; a line for each would be a flood of a stranger's making."""

    @property
    def enabled(self) -> bool:
        """Never."""
        return False

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Not called while disabled."""


class _Connections(web.Server):
    """aiohttp's low-level server, with its limits lowered and its texts replaced."""

    def __call__(self) -> RequestHandler:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            logger=_silent,
            access_log=_silent,
            access_log_class=_NoAccessLog,
        )


class _Connection(RequestHandler):
    """One connection; what is no HTTP is told so in JSON."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._manager is not None and len(self._manager.connections) > MAX_CONNECTIONS:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what aiohttp could not read."""
        error = HttpError(
            status, "bad_request" if status < 500 else "internal_error", "not a readable HTTP request"
        )
        if isinstance(exc, BadHttpMethod) and _REQUEST_LINE.search(str(exc)):
            error = _wrong_method()  # HTTP-012: a method that the parser does not even know
        response = _response(error.status, error.body, JSON, error.headers)
        response.force_close()
        return response
