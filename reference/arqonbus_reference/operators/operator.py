"""An operator: which messages it takes, and where it sends them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from arqonbus_reference.names import Name

MAX_CONDITIONS = 16

Comparison = Literal["eq", "ne", "gt", "ge", "lt", "le", "contains", "starts_with", "ends_with", "exists"]
FIELD_PATTERN = r"^(room|channel|sender|(payload|metadata)(\.[A-Za-z0-9_-]{1,64}){1,8})$(?!\n)"
FIELD_ALLOWED = "room channel sender payload.NAME metadata.NAME"

Field = Annotated[str, Meta(pattern=FIELD_PATTERN, description=FIELD_ALLOWED)]
Text = Annotated[str, Meta(max_length=1024)]
Value = bool | int | float | Text | None


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison that a message must pass; for `exists` the value is true."""

    field: Field
    op: Comparison
    value: Value


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The channel that gets the messages."""

    room: Name
    channel: Name


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages that pass every condition of `when` go to `then`."""

    when: Annotated[list[Condition], Meta(max_length=MAX_CONDITIONS)]
    then: Destination


_WORDS: dict[Comparison, str] = {
    "eq": "is",
    "ne": "is not",
    "gt": "is greater than",
    "ge": "is at least",
    "lt": "is less than",
    "le": "is at most",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
}


def explained(operator: Operator) -> str:
    """The operator as one English sentence."""
    conditions = " and ".join(map(_condition_text, operator.when))
    which = f"whose {conditions}" if conditions else "of every room"
    return f"Messages {which} go to channel {operator.then.channel} of room {operator.then.room}."


def _condition_text(condition: Condition) -> str:
    if condition.op == "exists":
        return f"{condition.field} exists"
    return f"{condition.field} {_WORDS[condition.op]} {msgspec.json.encode(condition.value).decode()}"
