"""The messages that the suite sends, and what it makes of the ones it receives.

Whatever a client of this suite sends as an envelope is checked against ``schemas/client-envelope.schema.json``
first: a malformed message that was not meant to be one would blame the deployment for a fault of the suite.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from types import EllipsisType
from typing import Any, SupportsIndex

import jsonschema_rs

from arqonbus_conformance.findings import SuiteFault, Violation

__all__ = ["Observed", "ObservedList", "check_own", "envelope", "message_id", "now", "read"]


def message_id() -> str:
    """A fresh message id: time in nanoseconds, a random run of digits, six hexadecimal digits."""
    return f"arq_{time.time_ns()}_{secrets.randbelow(10**9)}_{secrets.token_hex(3)}"


def now() -> str:
    """The current time as RFC 3339 in UTC with microseconds."""
    return datetime.now(UTC).isoformat()


def envelope(kind: str = "message", /, **fields: object) -> dict[str, Any]:
    """An envelope of type ``kind`` with id, timestamp and version filled in; ``...`` as a value leaves a field out."""
    made: dict[str, object] = {"id": message_id(), "type": kind, "timestamp": now(), "version": "1.0"}
    made |= fields
    return {name: value for name, value in made.items() if not isinstance(value, EllipsisType)}


@cache
def _own_schema() -> jsonschema_rs.Validator:
    text = resources.files(__package__).joinpath("schemas/client-envelope.schema.json").read_text("utf-8")
    return jsonschema_rs.validator_for(json.loads(text))


def check_own(message: Mapping[str, object]) -> None:
    """Check a message of the suite against the schema of what a client may send.

    Raises:
        SuiteFault: it is malformed; say ``malformed=True`` where that is meant.
    """
    error = next(_own_schema().iter_errors(message), None)
    if error is not None:
        raise SuiteFault(
            f"the suite was about to send a malformed envelope without saying malformed=True: "
            f"{error.message} at {list(error.instance_path)} in {json.dumps(message)[:400]}"
        )


class Observed(dict[str, Any]):
    """A JSON object from the deployment: reading a field that is not there is the deployment's fault."""

    def __missing__(self, name: str) -> Any:
        raise Violation(f"a field {name!r} is missing", expected=f"a field {name!r}", actual=dict(self))


class ObservedList(list[Any]):
    """A JSON array from the deployment: reading an item that is not there is the deployment's fault."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise Violation(
                f"item {index} is missing", expected=f"an item {index}", actual=f"{len(self)} items"
            ) from None


def _observed(pairs: Iterable[tuple[str, Any]]) -> Observed:
    return Observed((name, ObservedList(value) if type(value) is list else value) for name, value in pairs)


def read(text: str) -> Any:
    """The JSON document in ``text``, objects as ``Observed``; integers are exact.

    Raises:
        ValueError: it is not JSON.
    """
    document = json.loads(text, object_pairs_hook=_observed)
    return ObservedList(document) if type(document) is list else document
