"""Which fields an envelope has and which belong to its type, in the places the golden vectors do not reach."""

from __future__ import annotations

from typing import Any

import pytest

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Bus
from arqonbus_conformance.plugin import depth, requirement
from arqonbus_conformance.suites.unit.stage import Stage, answers_nobody

PING: dict[str, Any] = {"type": "command", "command": "ping"}

BASES: dict[str, dict[str, Any]] = {
    "command": PING,
    "telemetry": {"type": "telemetry", "payload": {"n": 1}},
    "operator.join": {"type": "operator.join", "payload": {"group": "g", "room": "r", "channel": "c"}},
}

WRONG_TYPES: list[tuple[str, str, Any]] = [
    ("command", "command", 5),
    ("command", "command", ["ping"]),
    ("command", "args", "room"),
    ("command", "args", 0),
    ("command", "metadata", None),
    ("command", "sender", 5),
    ("telemetry", "payload", None),
    ("telemetry", "payload", []),
    ("telemetry", "payload", "text"),
    ("telemetry", "metadata", []),
    ("operator.join", "metadata", "x"),
    ("operator.join", "timestamp", None),
]

WRONG_IDS: list[Any] = [[], {}, True, 1.5, ["arq_1_1_abcdef"], {"id": "arq_1_1_abcdef"}]

FOREIGN_FIELDS: list[tuple[str, str, Any]] = [
    ("telemetry", "channel", "c"),
    ("telemetry", "to_client", "c1"),
    ("telemetry", "command", "ping"),
    ("telemetry", "args", {}),
    ("operator.join", "room", "r"),
    ("operator.join", "channel", "c"),
    ("operator.join", "to_client", "c1"),
    ("operator.join", "args", {}),
    ("operator.join", "command", "ping"),
]

UNKNOWN_FIELDS = [
    "rooms",
    "payload ",
    "reply_to",
    "__proto__",
    "sequence",
    "client_id",
    "tenant",
    "constructor",
]

MORE_VERSIONS = ["0.9", "1.0.0", " 1.0", "01.0", "1,0", "1.0\n", "1.0\u0000", "\uff11.0"]


def base(kind: str, stage: Stage) -> dict[str, Any]:
    """A complete envelope of `kind`."""
    return stage.speaker.envelope(**BASES[kind])


@depth("smoke")
@requirement("ENV-007")
@pytest.mark.parametrize("value", [None, 5, [], {}, True])
async def test_a_to_client_of_the_wrong_type_is_refused(bus: Bus, value: object) -> None:
    """A direct message whose addressee is no string is refused, not sent to nobody."""
    stage = await Stage.of(bus)
    envelope = stage.message(room=..., channel=...) | {"to_client": value}

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names="to_client")


@requirement("ENV-007", "ENV-020")
@pytest.mark.parametrize("value", WRONG_IDS, ids=repr)
async def test_an_id_of_the_wrong_type_is_refused_without_request_id(bus: Bus, value: object) -> None:
    """An id that is no string cannot be answered to, so the error carries no request_id."""
    stage = await Stage.of(bus)

    refusal = await stage.refusal_of(stage.message() | {"id": value})

    expect.rejected(refusal, code="VALIDATION_ERROR", names="id")
    answers_nobody(refusal)


@requirement("ENV-007")
@pytest.mark.parametrize(("kind", "field", "value"), WRONG_TYPES)
async def test_a_wrong_type_is_refused_in_every_type_of_envelope(
    bus: Bus, kind: str, field: str, value: object
) -> None:
    """The fields of commands, telemetry and operator.join are typed as strictly as those of messages."""
    stage = await Stage.of(bus)
    envelope = base(kind, stage) | {field: value}

    refusal = await stage.refusal_of(envelope, PING)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field)


@requirement("ENV-009")
@pytest.mark.parametrize("kind", ["message", "command", "telemetry", "operator.join"])
@pytest.mark.parametrize("version", MORE_VERSIONS, ids=repr)
async def test_another_version_is_refused_in_every_type(bus: Bus, version: str, kind: str) -> None:
    """1.0, spelled exactly, is the one version of this revision."""
    stage = await Stage.of(bus)
    whole = stage.message() if kind == "message" else base(kind, stage)

    refusal = await stage.refusal_of(whole | {"version": version}, PING)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=whole["id"], names="version")


@depth("smoke")
@requirement("ENV-010")
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("telemetry", "payload"),
        ("operator.join", "payload"),
        ("command", "timestamp"),
        ("telemetry", "version"),
    ],
)
async def test_a_missing_field_is_refused_in_every_type(bus: Bus, kind: str, field: str) -> None:
    """What a command, telemetry and operator.join require is asked for by its name."""
    stage = await Stage.of(bus)
    envelope = base(kind, stage)
    del envelope[field]

    refusal = await stage.refusal_of(envelope, PING)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field)


@requirement("ENV-014")
@pytest.mark.parametrize("field", UNKNOWN_FIELDS)
async def test_an_unknown_field_is_refused(bus: Bus, field: str) -> None:
    """A field that is no client's is refused by name, not ignored."""
    stage = await Stage.of(bus)
    envelope = stage.message() | {field: "x"}

    refusal = await stage.refusal_of(envelope)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field.strip())


@requirement("ENV-014")
@pytest.mark.parametrize(("kind", "field", "value"), FOREIGN_FIELDS)
async def test_a_field_of_another_type_is_refused(bus: Bus, kind: str, field: str, value: object) -> None:
    """A field that belongs to another type of envelope is refused by name."""
    stage = await Stage.of(bus)
    envelope = base(kind, stage) | {field: value}

    refusal = await stage.refusal_of(envelope, PING)

    expect.rejected(refusal, code="VALIDATION_ERROR", request_id=envelope["id"], names=field)
