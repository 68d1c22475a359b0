"""/storage/history: op.history.get over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus, Http
from arqonbus_conformance.plugin import depth, needs, requirement
from arqonbus_conformance.suites.unit.telling import tell, texts

PATH = "/storage/history"

BAD_PARAMETERS: list[Any] = [
    {"limit": "0"},
    {"limit": "1001"},
    {"limit": "-1"},
    {"limit": "ten"},
    {"limit": "1.5"},
    {"limit": ""},
    {"limit": " 1"},
    {"limit": "\u0661"},
    {"limit": "1" * 5000},
    {"since": "yesterday"},
    {"since": "2026-01-01T00:00:00"},
    {"until": "1767225600"},
    {"until": ""},
    {"cursor": "not a cursor!"},
    {"cursor": ""},
    {"room": "a/b"},
    {"room": ""},
    {"room": "x" * 129},
    {"channel": "a:b"},
    {"channel": ".."},
    {"offset": "0"},
    {"Limit": "1"},
]


@requirement("HTTP-007")
@needs("http")
@pytest.mark.parametrize("args", [{}, {"limit": 3}, {"channel": "c"}, {"channel": "unknown"}], ids=repr)
async def test_the_route_answers_as_the_command(http: Http, bus: Bus, args: dict[str, Any]) -> None:
    """The same arguments give the same entries, count and cursor."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 8)
    await tell(ann, bus.room, None, 3)

    command = await ann.succeed("op.history.get", room=bus.room, **args)
    response = await http.get(PATH, params={"room": bus.room} | args)

    expect.equal(response.status, 200, "status")
    document = response.json()
    expect.equal(document["entries"], command["entries"], "entries")
    expect.equal(document["count"], command["count"], "count")
    expect.equal(document["cursor"] is None, command["cursor"] is None, "whether there is no cursor")


@requirement("HTTP-007")
@needs("http")
async def test_the_route_is_paged_by_its_cursor(http: Http, bus: Bus) -> None:
    """The cursor of a page asks for the page before it."""
    ann = await bus.connect("ann")
    await tell(ann, bus.room, "c", 5)

    first = (await http.get(PATH, params={"room": bus.room, "limit": 3})).json()
    second = (await http.get(PATH, params={"room": bus.room, "limit": 3, "cursor": first["cursor"]})).json()

    expect.equal((texts(first), texts(second)), (["2", "3", "4"], ["0", "1"]), "texts of the pages")
    expect.equal(second["cursor"], None, "cursor of the last page")


@requirement("HTTP-007")
@needs("http")
async def test_a_room_is_required(http: Http, bus: Bus) -> None:
    """Without room the request is a fault; with one it is answered."""
    good = await http.get(PATH, params={"room": bus.room})

    bad = await http.get(PATH)

    expect.equal((good.status, bad.status), (200, 400), "statuses with and without room")
    assert "room" in bad.json()["details"]


@requirement("HTTP-007")
@needs("http")
@pytest.mark.parametrize("fault", BAD_PARAMETERS, ids=lambda fault: repr(fault)[:30])
async def test_a_bad_parameter_is_answered_400(http: Http, bus: Bus, fault: dict[str, str]) -> None:
    """The answer is a JSON error that names the parameter; the good request is answered before and after."""
    good = {"room": bus.room, "limit": "10"}
    before = await http.get(PATH, params=good)

    response = await http.get(PATH, params=good | fault)

    after = await http.get(PATH, params=good)
    expect.equal((before.status, response.status, after.status), (200, 400, 200), "statuses")
    body = response.json()
    assert isinstance(body["error"], str)
    assert next(iter(fault)) in body["details"], body
    expect.no_internals(body["details"])


@requirement("HTTP-007")
@needs("http")
async def test_a_parameter_given_twice_is_answered_400(http: Http, bus: Bus) -> None:
    """Two rooms are no room; either of them alone is one."""
    response = await http.get(f"{PATH}?room={bus.room}&room={bus.other_room}")

    expect.equal(response.status, 400, "status")
    for room in (bus.room, bus.other_room):
        expect.equal((await http.get(f"{PATH}?room={room}")).status, 200, "status of one room")


@depth("smoke")
@requirement("HTTP-007")
@needs("http")
async def test_the_history_of_an_unknown_room_is_empty(http: Http, bus: Bus) -> None:
    """An unknown room is 200 with nothing in it."""
    response = await http.get(PATH, params={"room": bus.name("nowhere")})

    expect.equal(response.status, 200, "status")
    expect.equal((response.json()["entries"], response.json()["count"]), ([], 0), "entries and count")
