"""What reading a frame costs everybody else."""

from contextlib import suppress

import pytest
from arqonbus_reference.diagnosis import InvalidEnvelopeError
from arqonbus_reference.envelope import parse
from calls import counted_calls
from made_envelopes import spliced

MEGABYTE = 1_000_000
BRACKETS = ",".join(["[]"] * (MEGABYTE // 3))
OBJECTS = "[" * 60 + ",".join(["{}"] * (MEGABYTE // 3)) + "]" * 60
NUMBERS = ",".join(["1"] * (MEGABYTE // 2))
COSTLY = {
    "brackets": f'"payload": {{"a": [{BRACKETS}]}}',
    "quotes without an end": '"payload": {"a": [[[' + "[]," * 50 + '"' + '\\"' * (MEGABYTE // 2),
    "objects in metadata": f'"payload": {{"a": 1}}, "metadata": {{"a": {OBJECTS}}}',
    "a payload beside metadata": f'"payload": {{"a": [{NUMBERS}]}}, "metadata": {{}}',
}


@pytest.mark.parametrize("members", COSTLY.values(), ids=COSTLY.keys())
def test_a_frame_that_is_costly_to_check_does_not_hold_up_the_loop(members: str) -> None:
    """One frame of the largest size took up to 3 s of everybody's time; now it is read by few calls, four for an object at most."""
    frame = spliced('"payload": {"text": "hello"}', members)

    with counted_calls() as calls, suppress(InvalidEnvelopeError):
        parse(frame)

    assert calls.count <= 200 + 4 * members.count("{")
