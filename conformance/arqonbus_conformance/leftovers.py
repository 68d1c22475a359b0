"""What a run left on the main deployment: the deployment itself is asked, for each tenant that cases were in."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.findings import NotOffered, Unfinished, Unreachable, Violation
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.stage import Stage
from arqonbus_conformance.tokens import mint
from arqonbus_conformance.traces import Place, tenant_of
from arqonbus_conformance.transcript import Transcript

__all__ = ["MOST_FOUND", "Left", "left_on_main", "together"]

SETTLE_SECONDS: Final = 3.0
"""How long a deployment may take to notice that the last clients are gone, in seconds."""
AGAIN_SECONDS: Final = 0.05
"""After how many seconds it is asked again meanwhile."""
AT_ONCE: Final = 16
"""How many tenants are asked at the same time."""
MOST_FOUND: Final = 100
"""The most things that are told one by one."""


Answer = TypeVar("Answer")


class _Payload(msgspec.Struct, Generic[Answer]):
    data: Answer


class _Response(msgspec.Struct, Generic[Answer]):
    status: Literal["success"]
    payload: _Payload[Answer]


class _Channel(msgspec.Struct):
    room: str
    channel: str
    member_count: int


class _Channels(msgspec.Struct):
    channels: list[_Channel]
    truncated: bool


class _Connections(msgspec.Struct):
    current: int


class _Status(msgspec.Struct):
    connections: _Connections


class Left(NamedTuple):
    """What was left behind, a sentence each; ``problem`` says why it could not be looked for, None where it was."""

    found: tuple[str, ...] = ()
    problem: str | None = None


def together(parts: Iterable[Left]) -> Left:
    """What several lookers saw, within the bound on what is told."""
    seen = list(parts)
    found = tuple(dict.fromkeys(sentence for part in seen for sentence in part.found))
    problem = next((part.problem for part in seen if part.problem is not None), None)
    if len(found) > MOST_FOUND:
        found = (*found[:MOST_FOUND], f"and {len(found) - MOST_FOUND} more")
    return Left(found, problem)


async def left_on_main(stage: Stage) -> Left:
    """What the cases of this process left on the main deployment, once all of their clients have ended.

    A channel that a client created or joined must be in no list any more; in a tenant of ours alone there must be no
    channel and no other connection at all.
    """
    waiting: list[str | None] = list(stage.traces.places)
    room = asyncio.Semaphore(AT_ONCE)
    deadline = time.monotonic() + SETTLE_SECONDS
    found: dict[str | None, tuple[str, ...]] = {}
    try:
        while waiting:
            said = await asyncio.gather(*(_left_in(stage, tenant, room) for tenant in waiting))
            found.update(zip(waiting, said, strict=True))
            waiting = [tenant for tenant in waiting if found[tenant]]
            if time.monotonic() >= deadline:
                break
            if waiting:
                await asyncio.sleep(AGAIN_SECONDS)
    except (Violation, Unfinished, Unreachable, NotOffered, msgspec.ValidationError) as fault:
        return Left(problem=f"the deployment could not be asked what the run left behind: {fault}")
    return together([Left(sentences) for sentences in found.values()])


async def _left_in(stage: Stage, tenant: str | None, room: asyncio.Semaphore) -> tuple[str, ...]:
    """What is left in one tenant, asked when there is room for it."""
    assert stage.endpoints is not None  # noqa: S101 - open() has set it
    bus = Bus(stage.endpoints.bus, stage.credentials, Namespace(), Transcript(), stage.route)
    await room.acquire()
    try:
        client = await bus.connect("leftovers", token=_token(stage, tenant, bus.namespace))
        alone = _is_ours_alone(stage, tenant)
        channels = [
            line
            for line in await _listed(client, {place.room for place in stage.traces.places[tenant]})
            if alone or Place(line.room, line.channel) in stage.traces.places[tenant]
        ]
        of = "" if tenant is None else f" of tenant {tenant}"
        found = [
            f"channel {one.channel} of room {one.room}{of}, members: {one.member_count}" for one in channels
        ]
        if alone:
            others = (await _answer(client, _Status, "status")).connections.current - 1
            found += [f"connections{of}: {others}"] if others else []
        return tuple(found)
    finally:
        await bus.close()
        room.release()


async def _listed(client: Client, rooms: Iterable[str]) -> list[_Channel]:
    """The channels of the tenant; where they are too many for one list, those of these rooms."""
    everything = await _answer(client, _Channels, "list_channels")
    if not everything.truncated:
        return everything.channels
    by_room = [await _answer(client, _Channels, "list_channels", room=room) for room in sorted(rooms)]
    return [line for one in by_room for line in one.channels]


async def _answer(client: Client, form: type[Answer], command: str, **args: Any) -> Answer:
    """The data that a command answers with, in this form.

    Raises:
        ValidationError: it has another one, or the command failed.
    """
    response = await client.command(command, **args)
    return msgspec.convert(response, _Response[form]).payload.data  # type: ignore[valid-type]


def _is_ours_alone(stage: Stage, tenant: str | None) -> bool:
    """Whether nobody but this run has clients in that tenant: its name was made for it."""
    return tenant is not None and any(prefix in tenant for prefix in stage.traces.prefixes)


def _token(stage: Stage, tenant: str | None, namespace: Namespace) -> str | None:
    """A token of that tenant.

    Raises:
        NotOffered: there is none.
    """
    if tenant is None:
        return None
    if stage.credentials.secret is not None:
        return mint(stage.credentials.secret, tenant, f"user-{namespace.prefix}")
    for token in stage.credentials.tokens.values():
        if tenant_of(token) == tenant:
            return token
    raise NotOffered(f"the target offers no token of tenant {tenant!r}")
