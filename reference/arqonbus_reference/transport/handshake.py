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

from arqonbus_reference.access import Principal, RejectedError

MAX_HEAD_BYTES = 32_768
"""Bytes of a request's head; a longer one is answered 431."""

# AUTH-006: a token may have 8192 bytes, which websockets' own limit of a line does not leave room for.
http11.MAX_LINE_LENGTH = MAX_HEAD_BYTES

RETRY_AFTER_SECONDS = 1
PATHS = ("/", "/ws")

_silent = logging.getLogger("arqonbus_reference.handshake")
_silent.disabled = True  # websockets would log what strangers send


class Refused(NamedTuple):
    """No WebSocket: these bytes, then the end; `details` names a refused token, None for every other reason."""

    response: bytes
    details: str | None = None


class Accepted(NamedTuple):
    """A WebSocket for `principal`, opened by these bytes."""

    response: bytes
    principal: Principal


def answer(
    head: bytes,
    *,
    allowed_origins: frozenset[str],
    authenticate: Callable[[Sequence[str]], Principal],
    full: bool,
) -> Accepted | Refused:
    """The answer to a request's head, up to and including its empty line.

    `authenticate` gets the values of all Authorization headers and may raise RejectedError; `full` refuses one more connection.
    """
    protocol = ServerProtocol(logger=_silent)
    protocol.receive_data(head)
    events = protocol.events_received()
    if not events:
        return _unreadable(protocol)
    request = events[0]
    assert isinstance(request, Request)  # noqa: S101  for the type checker: before the handshake there is nothing else
    response = protocol.accept(request)
    unfit = _unfit(request, response, allowed_origins, full=full)
    if unfit is not None:
        return unfit
    try:
        return Accepted(response.serialize(), authenticate(request.headers.get_all("Authorization")))
    except RejectedError as rejected:
        challenge = {"WWW-Authenticate": "Bearer"}
        refusal = refused(HTTPStatus.UNAUTHORIZED, "unauthorized", rejected.details, challenge)
        return refusal._replace(details=rejected.details)


def _unfit(
    request: Request, response: Response, allowed_origins: frozenset[str], *, full: bool
) -> Refused | None:
    """Why this request gets no WebSocket whoever asks, None when it may."""
    if request.path.partition("?")[0] not in PATHS:
        return refused(HTTPStatus.NOT_FOUND, "not_found", "no such path; allowed: / and /ws")
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        kept = {name: response.headers[name] for name in ("Upgrade", "Allow") if name in response.headers}
        status = HTTPStatus(response.status_code)
        return refused(status, "not_a_websocket_handshake", "see RFC 6455 section 4.2.1", kept)
    origins = request.headers.get_all("Origin")
    if origins and not (len(origins) == 1 and origins[0] in allowed_origins):
        return refused(HTTPStatus.FORBIDDEN, "forbidden", "origin not allowed")
    if full:
        later = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", "try again later", later)
    return None


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
