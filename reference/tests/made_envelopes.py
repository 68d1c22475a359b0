"""Envelopes made for tests, as documents and as the bytes of a frame."""

import json
from typing import Any

ID = "arq_1_2_abcdef"
HEAD: dict[str, Any] = {"id": ID, "timestamp": "2026-11-22T10:00:00Z", "version": "1.0"}
MESSAGE = HEAD | {"type": "message", "room": "r", "channel": "c", "payload": {"text": "hello"}}
COMMAND = HEAD | {"type": "command", "command": "ping"}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def spliced(old: str, new: str, document: dict[str, Any] = MESSAGE) -> bytes:
    text = json.dumps(document)
    assert old in text
    return text.replace(old, new).encode()


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return {"deep": value}
