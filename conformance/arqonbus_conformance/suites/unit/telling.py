"""Filling a channel with messages, and reading the texts of a history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client

DISTINCT_ATTEMPTS = 500
"""How many messages are published at most until enough of them were stored at different times."""


async def tell(client: Client, room: str, channel: str | None, count: int) -> list[str]:
    """Publish `count` messages without waiting in between; each was acknowledged when their texts are returned."""
    messages = [client.message_to(room, channel, text=f"{number}") for number in range(count)]
    for message in messages:
        await client.send(message)
    for message in messages:
        expect.succeeded(await client.reply(message["id"]))
    return [f"{number}" for number in range(count)]


def texts(data: dict[str, Any]) -> list[str]:
    """The payload texts of the entries of a history, in their order."""
    return [entry["message"]["payload"]["text"] for entry in data["entries"]]


def instant(entry: dict[str, Any]) -> datetime:
    """When the entry was stored."""
    return datetime.fromisoformat(entry["stored_at"])


async def tell_over_time(client: Client, room: str, channel: str, moments: int) -> list[dict[str, Any]]:
    """Publish one by one until the entries have at least so many different `stored_at`; the entries, ascending."""
    for number in range(DISTINCT_ATTEMPTS):
        expect.succeeded(await client.publish(room, channel, text=f"{number}"))
        data = await client.succeed("op.history.get", room=room, channel=channel, limit=1000)
        if len({entry["stored_at"] for entry in data["entries"]}) >= moments:
            return list(data["entries"])
    raise expect.Violation(
        f"{DISTINCT_ATTEMPTS} messages were stored at fewer than {moments} different times"
    )
