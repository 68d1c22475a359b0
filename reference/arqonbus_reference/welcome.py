"""The first frame to a client: what this deployment can do, and its limits (CONN-001)."""

from typing import Any

from arqonbus_reference import replies
from arqonbus_reference.envelope import MAX_NESTING
from arqonbus_reference.settings import Settings


def welcome(settings: Settings, capabilities: dict[str, bool], client_id: str, now: int) -> bytes:
    """The frame; `now` is milliseconds since the epoch."""
    limits: dict[str, Any] = {
        "max_message_size": settings.max_message_size,
        "max_nesting": MAX_NESTING,
        "outbox_bytes": settings.outbox_bytes,
        "rate_limit_per_second": settings.rate_limit_per_second,
        "max_history_size": settings.max_history_size,
    }
    protocol = {"versions": ["1.0"], "capabilities": capabilities, "limits": limits}
    payload = {"welcome": "ArqonBus 1.0", "client_id": client_id, "protocol": protocol}
    return replies.from_bus(now, payload)
