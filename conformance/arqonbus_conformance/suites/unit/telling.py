"""Filling a channel with messages, and reading what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client

Thing = TypeVar("Thing")

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


def only(things: Sequence[Thing]) -> Thing:
    """The one thing there is.

    Raises:
        Violation: there is none, or more than one.
    """
    expect.equal(len(things), 1, f"number of {things!r:.500}")
    return things[0]


def both(things: Sequence[Thing]) -> tuple[Thing, Thing]:
    """The two things there are.

    Raises:
        Violation: there are more or fewer.
    """
    expect.equal(len(things), 2, f"number of {things!r:.500}")
    return things[0], things[1]


def texts(data: dict[str, Any]) -> list[str]:
    """The payload texts of the entries of a history, in their order."""
    return [entry["message"]["payload"]["text"] for entry in data["entries"]]


def instant(entry: dict[str, Any]) -> datetime:
    """When the entry was stored.

    Raises:
        Violation: its `stored_at` is not RFC 3339 with a zone.
    """
    return moment(entry["stored_at"], "stored_at")


def moment(text: object, what: str) -> datetime:
    """The moment that a timestamp from the deployment names.

    Raises:
        Violation: it is not RFC 3339 with a zone.
    """
    if not isinstance(text, str) or not expect.TIMESTAMP.fullmatch(text):
        raise expect.Violation(f"{what} is no timestamp", expected="RFC 3339 with a zone", actual=text)
    return datetime.fromisoformat(text)


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
