"""History under other names, for those who may not, and with faulty arguments."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.telling import tell, texts

WINDOW: dict[str, Any] = {"from_ts": "2026-01-01T00:00:00Z", "to_ts": "2036-01-01T00:00:00Z"}

NO_TIMES: list[Any] = [
    "",
    "yesterday",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-13-01T00:00:00Z",
    0,
    1.5,
    None,
    [],
]

NO_CURSORS: list[Any] = [
    "",
    "x",
    "0",
    "-1",
    "0-0-0",
    "999999999999999999999999",
    "../..",
    "\u0000",
    "x" * 5000,
    5,
    {},
]


@requirement("HIST-009")
@pytest.mark.parametrize("alias", ["history", "history.get"])
async def test_the_aliases_of_get_answer_alike(bus: Bus, alias: str) -> None:
    """The same arguments give the same data, whatever the command is called."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 12)

    for args in ({"limit": 5}, {"channel": "c"}, {}):
        canonical = await ann.succeed("op.history.get", room=bus.room, **args)
        expect.equal(await ann.succeed(alias, room=bus.room, **args), canonical, f"data of {alias} {args}")


@depth("smoke")
@requirement("HIST-009")
async def test_the_alias_of_replay_answers_alike(bus: Bus) -> None:
    """history.replay is op.history.replay."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 12)

    canonical, alias = [
        await ann.succeed(name, room=bus.room, channel="c", limit=7, **WINDOW)
        for name in ("op.history.replay", "history.replay")
    ]

    expect.equal(alias, canonical, "data of the alias")
    expect.equal(len(alias["entries"]), 7, "number of entries")


@requirement("HIST-009")
@pytest.mark.parametrize(
    ("alias", "args"),
    [
        ("history", {}),
        ("history.get", {}),
        (
            "history.replay",
            {"channel": "c", "from_ts": "2026-01-01T00:00:00Z", "to_ts": "2026-01-02T00:00:00Z"},
        ),
    ],
    ids=["history", "history.get", "history.replay"],
)
async def test_the_aliases_refuse_alike(bus: Bus, alias: str, args: dict[str, Any]) -> None:
    """A fault in the arguments has the same code under every name, and without it each succeeds."""
    ann = await bus.connect("ann")

    response = await ann.command(alias, room=bus.room, limit=0, **args)

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="limit")
    await ann.succeed(alias, room=bus.room, limit=1, **args)


@requirement("HIST-008")
@pytest.mark.parametrize("name", ["op.history.get", "history", "history.get"])
@pytest.mark.parametrize("args", [{}, {"limit": 10}], ids=["bare", "limited"])
async def test_history_of_everything_is_denied(bus: Bus, name: str, args: dict[str, Any]) -> None:
    """One who is no administrator must name a room; with a room the same client reads."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 1)

    response = await ann.command(name, **args)

    expect.failed(response, "AUTHORIZATION_DENIED")
    expect.equal(response["payload"]["data"], {}, "data")
    expect.equal(texts(await ann.succeed(name, room=bus.room, **args)), ["0"], "texts with a room")


@requirement("HIST-008")
@needs("auth")
async def test_an_administrator_reads_its_whole_tenant(bus: Bus) -> None:
    """Without room an administrator gets the rooms of its own tenant, and of no other."""
    ann = await bus.connect("ann")
    eve = await bus.connect("eve", tenant="b")
    root = await bus.connect("root", admin=True)
    await ann.publish(bus.room, "c", text="in a room")
    await ann.publish(bus.other_room, text="in another")
    await eve.publish(bus.room, "c", text="another tenant's")

    data = await root.succeed("op.history.get", limit=1000)

    found = texts(data)
    assert {"in a room", "in another"} <= set(found)
    assert "another tenant's" not in found


@depth("smoke")
@requirement("HIST-008", "CMD-003")
async def test_a_channel_without_a_room_is_a_fault(bus: Bus) -> None:
    """Channel alone is no place."""
    ann = await bus.connect("ann")

    response = await ann.command("op.history.get", channel="c")

    expect.failed(response, "COMMAND_VALIDATION_ERROR")
    await ann.succeed("op.history.get", room=bus.room, channel="c")


@requirement("HIST-014")
@pytest.mark.parametrize("value", NO_TIMES, ids=repr)
@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("op.history.get", "since"),
        ("op.history.get", "until"),
        ("op.history.replay", "from_ts"),
        ("op.history.replay", "to_ts"),
    ],
)
async def test_a_time_that_is_none_is_refused(bus: Bus, name: str, argument: str, value: object) -> None:
    """Every time is RFC 3339 with a zone; a fault is named, and the next command is served."""
    ann = await bus.connect("ann")
    good = {"room": bus.room, "channel": "c"} | (
        WINDOW if name.endswith("replay") else {"since": WINDOW["from_ts"]}
    )
    await ann.succeed(name, **good)

    response = await ann.command(name, **good | {argument: value})

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names=argument)
    await ann.succeed(name, **good)


@depth("smoke")
@requirement("HIST-014")
@pytest.mark.parametrize("value", NO_CURSORS, ids=lambda value: repr(value)[:20])
async def test_a_cursor_that_is_none_is_refused(bus: Bus, value: object) -> None:
    """Only what the bus gave as a cursor is one; a real one is accepted before and after."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 3)
    place: dict[str, Any] = {"room": bus.room, "channel": "c", "limit": 1}
    real = (await ann.succeed("op.history.get", **place))["cursor"]
    await ann.succeed("op.history.get", **place, cursor=real)

    response = await ann.command("op.history.get", **place, cursor=value)

    expect.failed(response, "COMMAND_VALIDATION_ERROR", names="cursor")
    data = await ann.succeed("op.history.get", **place, cursor=real)
    expect.equal(texts(data), ["1"], "texts of the second page")
