"""What cases made on the main deployment: taken back at the end of each case, and remembered for the end of the run."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import jwt

from arqonbus_conformance.bus import Bus, Session
from arqonbus_conformance.envelopes import Observed
from arqonbus_conformance.findings import NotOffered, Unfinished, Unreachable, Violation

__all__ = ["Place", "Traces", "tenant_of", "tidy"]

TIDY_SECONDS: Final = 2.0
"""How long one case may take to delete the channels that it created, in seconds."""


class Place(NamedTuple):
    """A channel of a room."""

    room: str
    channel: str


class Traces:
    """The channels that clients of this process created or joined on the main deployment, by tenant.

    Attributes:
        prefixes: those of the namespaces that were used.
        places: by tenant, None where there is no authentication.
    """

    def __init__(self) -> None:
        self.prefixes: set[str] = set()
        self.places: dict[str | None, set[Place]] = {}

    def note(self, bus: Bus) -> None:
        """Remember what the clients of one case made."""
        self.prefixes.add(bus.namespace.prefix)
        for session in bus.sessions:
            if places := _created(session) | _joined(session):
                self.places.setdefault(tenant_of(session.token), set()).update(places)


def _created(session: Session) -> set[Place]:
    """The channels that the client asked for with ``create_channel``, whoever made them in the end."""
    return {place for place, data in _responses(session) if "created" in data}


def _joined(session: Session) -> set[Place]:
    return {place for place, data in _responses(session) if data.get("joined") is True}


def _responses(session: Session) -> Iterator[tuple[Place, Observed]]:
    """The data of each response about one channel."""
    for document in session.client.received:
        payload = document.get("payload") if document.get("type") == "response" else None
        data = payload.get("data") if isinstance(payload, dict) else None
        if isinstance(data, Observed):
            room, channel = data.get("room"), data.get("channel")
            if isinstance(room, str) and isinstance(channel, str):
                yield Place(room, channel), data


def tenant_of(token: str | None) -> str | None:
    """The tenant that a token is about, None where it says none or there is no token."""
    if token is None:
        return None
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    tenant = claims.get("tenant_id")
    return tenant if isinstance(tenant, str) else None


async def tidy(bus: Bus) -> None:
    """Delete the channels that clients of this case created, as those that may: the creator, or its subject.

    What cannot be deleted in time is left for ``leftovers.py`` to find.
    """
    try:
        async with asyncio.timeout(TIDY_SECONDS):
            wanted = {place for session in bus.sessions for place in _created(session)}
            for session in tuple(bus.sessions):
                mine = wanted & (_created(session) | _joined(session))
                if mine:
                    wanted -= await _deleted(bus, session, mine)
    except (TimeoutError, Violation, Unfinished, Unreachable, NotOffered):
        return


async def _deleted(bus: Bus, session: Session, places: set[Place]) -> set[Place]:
    """Delete them as that client; those that are gone then."""
    client = session.client
    if client.connection.end is not None:
        if session.token is None:
            return set()  # only the connection itself could, and it has ended
        client = await bus.connect("tidy", token=session.token)
    client.resume_reading()
    answers = {
        place: await client.command("delete_channel", room=place.room, channel=place.channel)
        for place in sorted(places)
    }
    return {place for place, answer in answers.items() if answer.get("status") == "success"}
