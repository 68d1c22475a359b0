"""Tenants behind one Shield: names that look alike, and what one of them can learn of another."""

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Client
from arqonbus_conformance.edge import Shield, Tap
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.conditions import texts_of

ALIKE: list[list[str]] = [
    ["a.b", "a_b", "a b", "a/b", "a%2Eb"],
    ["*", ">", "%", "", "%2A"],
    ["a", "A", "a.", ".a", "\u0430"],  # the last one is Cyrillic
    ["x\r\ny", "x\ny", "x\x00y", "x\ty", "xy"],
    ["é", "e\u0301", "%C3%A9", "%c3%a9", "É"],
]
"""Groups of names that a careless mapping to subjects would confuse."""


def token_for(shield: Shield, tenant: str) -> str:
    """A good token of a tenant of exactly that name; names are not of this case alone, rooms are."""
    return shield.sign(shield.claims() | {"tenant_id": tenant, "sub": shield.name("subject")})


async def opened(shield: Shield, name: str, tenant: str) -> Client | None:
    """A client of that tenant; None where no tenant may have such a name."""
    outcome = await shield.upgrade(token=token_for(shield, tenant), name=name)
    return outcome if isinstance(outcome, Client) else None


@requirement("ISO-001", "ISO-004")
@pytest.mark.parametrize("names", ALIKE, ids=range(len(ALIKE)))
async def test_no_message_crosses_between_names_that_look_alike(shield: Shield, names: list[str]) -> None:
    """Each tenant of the group hears its own message in the same room, and no other; at least two of them can come in."""
    found = {name: await opened(shield, f"c{place}", name) for place, name in enumerate(names)}
    clients = {name: client for name, client in found.items() if client is not None}
    expect.that(len(clients) >= 2, "tenants that may come in", actual=list(clients))
    speakers = {name: await shield.connect("speaker", token=token_for(shield, name)) for name in clients}
    for client in clients.values():
        await client.join(shield.room, "c")

    for place, (name, speaker) in enumerate(speakers.items()):
        reply = expect.succeeded(await speaker.publish(shield.room, "c", text=f"canary {place}"))
        expect.equal(reply["metadata"]["sequence"], 1, f"sequence of the first message of {name!r}")
    for speaker in speakers.values():
        expect.succeeded(await speaker.publish(shield.room, "c", text="the end"))

    for place, client in enumerate(clients.values()):
        assert await client.texts_until("the end") == [f"canary {place}", "the end"]
        page = await client.succeed("op.history.get", room=shield.room, channel="c")
        assert texts_of(page["entries"]) == [f"canary {place}", "the end"]


@requirement("ISO-004")
async def test_every_tenant_has_a_subject_of_its_own(shield: Shield, tap: Tap) -> None:
    """The frames of tenants whose names look alike pass under different subjects, of four parts each."""
    subjects: dict[str, str] = {}
    for place, name in enumerate(name for names in ALIKE for name in names):
        client = await opened(shield, f"c{place}", name)
        if client is not None:
            canary = shield.name(f"canary{place}x")
            expect.succeeded(await client.publish(shield.room, "c", text=canary))
            seen = await tap.passed(canary, under="in.")
            subjects[name] = seen.subject

    expect.that(len(subjects) >= 2, "tenants that may come in", actual=list(subjects))
    expect.equal(len(set(subjects.values())), len(subjects), "number of different subjects")
    for name, subject in subjects.items():
        parts = subject.split(".")
        expect.equal((len(parts), parts[:2], parts[3]), (4, ["in", "t"], "raw"), f"the subject of {name!r}")
        expect.that(not set(parts[2]) & set("*> \r\n\t\x00"), "a character that NATS reads", actual=subject)


@depth("smoke")
@requirement("ISO-002")
async def test_through_shield_a_tenant_cannot_find_what_another_has(shield: Shield) -> None:
    """Its channels, clients, history and groups answer as if they never were; the owner sees all of them."""
    ann, bob = await shield.connect("ann", tenant="a"), await shield.connect("bob", tenant="b")
    await ann.succeed("create_channel", room=shield.room, channel="c", description="private")
    await ann.join(shield.room, "c")
    expect.succeeded(await ann.publish(shield.room, "c", text="private"))
    never = shield.other_room

    pairs = [
        (
            await bob.command("channel_info", room=shield.room, channel="c"),
            await bob.command("channel_info", room=never, channel="c"),
        ),
        (await bob.publish(to=ann.id, text="psst"), await bob.publish(to="c-never-was", text="psst")),
        (
            await bob.command("leave_channel", room=shield.room, channel="c"),
            await bob.command("leave_channel", room=never, channel="c"),
        ),
    ]
    listed = [await client.succeed("list_channels", room=shield.room) for client in (ann, bob)]
    read = [await client.succeed("op.history.get", room=shield.room, channel="c") for client in (ann, bob)]

    for theirs, nobodys in pairs:
        expect.equal(theirs.get("error_code"), "TARGET_NOT_FOUND", "error code")
        expect.equal(theirs.get("error_code"), nobodys.get("error_code"), "error code for what never was")
        same = str(theirs.get("error")).replace(shield.room, "R").replace(ann.id, "C")
        other = str(nobodys.get("error")).replace(never, "R").replace("c-never-was", "C")
        expect.equal(same, other, "error text")
    assert [data["count"] for data in listed] == [1, 0]
    assert [texts_of(data["entries"]) for data in read] == [["private"], []]
