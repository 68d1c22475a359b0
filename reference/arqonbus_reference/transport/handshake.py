"""The opening handshake: an HTTP request's head in, the answer out. No I/O."""

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from websockets import http11
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from arqonbus_reference.access import Principal, RejectedError

MAX_HEAD_BYTES = 32_768
"""Bytes of a request's head; a longer one is answered 431."""

# AUTH-006: a token may have 8192 bytes, which websockets' own limit of a line does not leave room for.
http11.MAX_LINE_LENGTH = MAX_HEAD_BYTES

RETRY_AFTER_SECONDS = 1
PATHS = ("/", "/ws")
PROTOBUF = Subprotocol("arqon.v1.protobuf")
"""The one subprotocol: binary frames that hold protobuf."""

_silent = logging.getLogger("arqonbus_reference.handshake")
_silent.disabled = True  # websockets would log what strangers send


class Refused(NamedTuple):
    """No WebSocket: these bytes, then the end; `details` names a refused token, None for every other reason."""

    response: bytes
    details: str | None = None


class Accepted(NamedTuple):
    """A WebSocket for `principal`, opened by these bytes; `protobuf` when it offered the subprotocol."""

    response: bytes
    principal: Principal
    protobuf: bool = False


def _always() -> None:
    return None


class Doorway(NamedTuple):
    """What an endpoint asks of an upgrade.

    `authenticate` gets the values of all Authorization headers and may raise RejectedError; with `token_first` it is asked before
    anything else of a request to one of the `paths`. `unavailable` says why nobody can come in now, or None.
    """

    authenticate: Callable[[Sequence[str]], Principal]
    allowed_origins: frozenset[str] = frozenset()
    paths: tuple[str, ...] = PATHS
    token_first: bool = False
    unavailable: Callable[[], str | None] = _always


def answer(head: bytes, doorway: Doorway, *, full: bool) -> Accepted | Refused:
    """The answer to a request's head, up to and including its empty line; `full` refuses one more connection."""
    protocol = ServerProtocol(logger=_silent, select_subprotocol=_select)
    protocol.receive_data(head)
    events = protocol.events_received()
    if not events:
        return _unreadable(protocol)
    request = events[0]
    assert isinstance(request, Request)  # noqa: S101  for the type checker: before the handshake there is nothing else
    if request.path.partition("?")[0] not in doorway.paths:
        allowed = " and ".join(doorway.paths)
        return refused(HTTPStatus.NOT_FOUND, "not_found", f"no such path; allowed: {allowed}")
    authorizations = request.headers.get_all("Authorization")
    try:
        principal = doorway.authenticate(authorizations) if doorway.token_first else None
        response = protocol.accept(request)
        unfit = _unfit(request, response, doorway, full=full)
        if unfit is not None:
            return unfit
        principal = doorway.authenticate(authorizations) if principal is None else principal
        return Accepted(response.serialize(), principal, protocol.subprotocol == PROTOBUF)
    except RejectedError as rejected:
        challenge = {"WWW-Authenticate": "Bearer"}
        refusal = refused(HTTPStatus.UNAUTHORIZED, "unauthorized", rejected.details, challenge)
        return refusal._replace(details=rejected.details)


def _select(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return PROTOBUF if PROTOBUF in offered else None


def _unfit(request: Request, response: Response, doorway: Doorway, *, full: bool) -> Refused | None:
    """Why this request gets no WebSocket whoever asks, None when it may."""
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        kept = {name: response.headers[name] for name in ("Upgrade", "Allow") if name in response.headers}
        status = HTTPStatus(response.status_code)
        return refused(status, "not_a_websocket_handshake", "see RFC 6455 section 4.2.1", kept)
    origins = request.headers.get_all("Origin")
    if origins and not (len(origins) == 1 and origins[0] in doorway.allowed_origins):
        return refused(HTTPStatus.FORBIDDEN, "forbidden", "origin not allowed")
    if full:
        return _later("too_many_connections", "try again later")
    reason = doorway.unavailable()
    return None if reason is None else _later("unavailable", reason)


def _later(error: str, details: str) -> Refused:
    return refused(HTTPStatus.SERVICE_UNAVAILABLE, error, details, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def refused(status: HTTPStatus, error: str, details: str, extra: dict[str, str] | None = None) -> Refused:
    """An HTTP error with a JSON body, after which the connection ends."""
    body = msgspec.json.encode({"error": error, "details": details})
    headers = Headers(extra or {})
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Refused(Response(status, status.phrase, headers, body).serialize())


def too_large() -> Refused:
    """The answer to a head over MAX_HEAD_BYTES."""
    return refused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request_too_large", f"allowed: {MAX_HEAD_BYTES} bytes"
    )


def _unreadable(protocol: ServerProtocol) -> Refused:
    sent = b"".join(protocol.data_to_send())
    if b" 414 " in sent[:16] or b" 431 " in sent[:16]:
        return too_large()
    return refused(HTTPStatus.BAD_REQUEST, "bad_request", "not an HTTP/1.1 request without body")
