"""Payloads in parts."""

import pytest
from arqonbus_reference.shield.parcels import Joiner, split
from hypothesis import given
from hypothesis import strategies as st


@given(st.binary(max_size=300), st.integers(1, 400))
def test_what_is_split_is_joined_again(payload: bytes, limit: int) -> None:
    """With its last part and not before; no part is over the limit."""
    joiner = Joiner()
    parts = list(split(payload, limit))

    found = [joiner.add(part, more=more) for part, more in parts]

    assert found == [None] * (len(parts) - 1) + [payload]
    assert max(len(part) for part, _ in parts) <= limit


def test_too_large_a_payload_is_refused_and_the_next_is_whole() -> None:
    """Nothing of the first is left."""
    joiner = Joiner(10)
    joiner.add(b"x" * 8, more=True)

    with pytest.raises(OverflowError, match="payload: 11 bytes and more; allowed: 10"):
        joiner.add(b"xxx", more=True)

    assert joiner.add(b"next", more=False) == b"next"


def test_what_was_cleared_is_gone() -> None:
    """After an outage the rest of a payload does not come."""
    joiner = Joiner()
    joiner.add(b"half", more=True)

    joiner.clear()

    assert joiner.add(b"whole", more=False) == b"whole"
