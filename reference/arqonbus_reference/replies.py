"""What the bus says: whole text frames, encoded once."""

import secrets
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec

from arqonbus_reference.errors import ErrorCode
from arqonbus_reference.timestamps import format_ms
from arqonbus_reference.transport.frames import text_frame

_encode = msgspec.json.encode
_process = secrets.token_hex(3)
_counter = count(1)

stamp = lru_cache(maxsize=16)(format_ms)
"""RFC 3339 text of milliseconds since the epoch."""


def new_id(now: int) -> str:
    """An id of the counted form, unique in this process."""
    return f"arq_{now}_{next(_counter)}_{_process}"


def _envelope(kind: str, now: int, **fields: Any) -> bytes:
    head = {"id": new_id(now), "type": kind, "timestamp": stamp(now), "version": "1.0"}
    return text_frame(_encode(head | fields))


def from_bus(now: int, payload: dict[str, Any]) -> bytes:
    """A message of the bus itself."""
    return _envelope("message", now, sender="arqonbus", payload=payload)


def acknowledgement(message_id: str, now: int, sequence: int | None, durability: str) -> bytes:
    """The message_response to an accepted message; `sequence` is None for what carries none."""
    counted = "" if sequence is None else f'"sequence":{sequence},'
    text = (
        f'{{"id":"{message_id}","type":"message_response","timestamp":"{stamp(now)}","version":"1.0",'
        f'"request_id":"{message_id}","status":"success","metadata":{{{counted}"durability":"{durability}"}}}}'
    )
    return text_frame(text.encode())


def error(
    now: int, request_id: str | None, code: ErrorCode, text: str, payload: dict[str, Any] | None = None
) -> bytes:
    """The refusal of a request that is no command, or of a frame that is no envelope."""
    fields: dict[str, Any] = {"status": "error", "error": text, "error_code": code}
    if request_id is not None:
        fields["request_id"] = request_id
    if payload is not None:
        fields["payload"] = payload
    return _envelope("error", now, **fields)


def response(now: int, request_id: str, message: str, data: Any) -> bytes:
    """The success of a command; `data` is anything msgspec encodes to an object."""
    payload = {"message": message, "data": data}
    return _envelope("response", now, request_id=request_id, status="success", payload=payload)


def failure(
    now: int,
    request_id: str,
    code: ErrorCode,
    message: str,
    data: dict[str, Any] | None = None,
    **payload: Any,
) -> bytes:
    """The failure of a command; `payload` stands beside message and data."""
    payload = {"message": message, "data": data or {}} | payload
    return _envelope(
        "response",
        now,
        request_id=request_id,
        status="error",
        error=message,
        error_code=code,
        payload=payload,
    )


def refusal(now: int, request_id: str | None, code: ErrorCode, text: str, *, command: bool) -> bytes:
    """The refusal of a request, in the form in which it would have been answered."""
    if command and request_id is not None:
        return failure(now, request_id, code, text)
    return error(now, request_id, code, text)


def too_many(now: int, request_id: str | None, wait: float, *, command: bool) -> bytes:
    """The refusal of a request over the rate; it is allowed again in `wait` seconds."""
    text = f"too many requests; allowed again in {wait:.3f} s"
    retry_after = max(wait, 0.001)
    if command and request_id is not None:
        return failure(now, request_id, "RATE_LIMIT_EXCEEDED", text, retry_after=retry_after)
    return error(now, request_id, "RATE_LIMIT_EXCEEDED", text, {"retry_after": retry_after})
