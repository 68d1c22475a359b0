"""The corpus of protocol faults says what it sends and loses nothing of the document."""

from collections import Counter

import pytest
from arqonbus_adversarial.protocol_faults import (
    DOCUMENT,
    HEAD,
    PROTOCOL_FAULTS,
    TAIL,
    header_alone,
    long_form,
)
from arqonbus_conformance.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

GOOD = b'{"text":"never, however long it takes"}'


def server() -> ServerProtocol:
    """Websockets' server with the handshake behind it: an independent judge of what RFC 6455 forbids."""
    return ServerProtocol(state=OPEN)


def test_every_fault_has_a_name_of_its_own() -> None:
    """Case ids are made of the names."""
    names = Counter(fault.name for fault in PROTOCOL_FAULTS)

    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("fault", PROTOCOL_FAULTS, ids=lambda fault: fault.name)
def test_an_independent_server_closes_on_every_fault(fault) -> None:
    """What the corpus calls a fault, websockets fails with one of the codes that the corpus allows."""
    judge = server()

    judge.receive_data(fault.wire(GOOD))

    assert judge.close_expected()
    assert judge.close_sent is not None
    assert judge.close_sent.code in fault.codes


def test_no_placeholder_reaches_the_wire() -> None:
    """Every stand-in for the document is replaced, masked or not."""
    plain = [
        fault._replace(
            frames=tuple(
                one._replace(masked=False) if isinstance(one, Frame) else one for one in fault.frames
            )
        )
        for fault in PROTOCOL_FAULTS
    ]

    sent = b"".join(fault.wire(GOOD) for fault in plain)

    assert not any(stand_in in sent for stand_in in (DOCUMENT, HEAD, TAIL))
    assert GOOD in sent


def test_the_long_forms_spell_the_length_they_have() -> None:
    """A long form differs from the shortest only in the bytes of its length."""
    assert long_form(1, b"hi", 2) == b"\x81\xfe\x00\x02\x00\x00\x00\x00hi"
    assert long_form(1, b"hi", 8) == b"\x81\xff" + bytes(7) + b"\x02\x00\x00\x00\x00hi"
    assert header_alone(9, 2**40) == b"\x89\xff\x00\x00\x01\x00\x00\x00\x00\x00" + bytes(4)


def test_a_good_frame_is_no_fault() -> None:
    """The judge of these tests can say no: a good frame is not closed."""
    judge = server()

    judge.receive_data(long_form(1, b"x" * 126, 2))

    assert judge.close_sent is None
