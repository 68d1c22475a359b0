"""What waits to be written: traffic first, copies in room of their own."""

from arqonbus_reference.shield.backlog import (
    MAX_WAITING_BYTES,
    MAX_WAITING_COPY_BYTES,
    Backlog,
    Parcel,
)

MEBIBYTE = 1_048_576


def parcel(name: str, size: int = MEBIBYTE) -> Parcel:
    return Parcel(name, bytes(size), None, "")


def taken(backlog: Backlog) -> list[str]:
    return [backlog.next().subject for _ in range(len(backlog))]


def test_traffic_keeps_its_order_and_goes_before_copies() -> None:
    """Whenever they came."""
    backlog = Backlog()

    backlog.add_copy(parcel("copy 1"))
    backlog.add(parcel("1"))
    backlog.add_copy(parcel("copy 2"))
    backlog.add(parcel("2"))

    assert taken(backlog) == ["1", "2", "copy 1", "copy 2"]


def test_copies_take_no_room_of_the_traffic() -> None:
    """A flood of them is dropped beyond its bound, and all the traffic that may wait still may."""
    backlog = Backlog()

    kept = [backlog.add_copy(parcel("copy")) for _ in range(100)]
    accepted = [backlog.add(parcel("traffic")) for _ in range(MAX_WAITING_BYTES // MEBIBYTE)]

    assert kept.count(True) == MAX_WAITING_COPY_BYTES // MEBIBYTE
    assert all(accepted)


def test_a_copy_that_was_written_makes_room_for_another() -> None:
    """The bound is of what waits."""
    backlog = Backlog()
    backlog.add_copy(parcel("first", MAX_WAITING_COPY_BYTES))
    dropped = not backlog.add_copy(parcel("over", 1))

    backlog.next()

    assert dropped
    assert backlog.add_copy(parcel("next", MAX_WAITING_COPY_BYTES))


def test_beyond_its_bound_traffic_is_refused_until_some_is_written() -> None:
    """The bound is exact; what is refused is not kept."""
    backlog = Backlog()
    backlog.add(parcel("full", MAX_WAITING_BYTES + 1))

    refused = not backlog.add(parcel("over", 1))
    written = taken(backlog)

    assert refused
    assert written == ["full"]
    assert backlog.add(parcel("next", 1))


def test_a_cleared_backlog_has_all_its_room_again() -> None:
    """Nothing waits, of either kind."""
    backlog = Backlog()
    backlog.add(parcel("traffic", MAX_WAITING_BYTES + 1))
    backlog.add_copy(parcel("copy", MAX_WAITING_COPY_BYTES))

    backlog.clear()

    assert not backlog
    assert backlog.add(parcel("traffic", 1))
    assert backlog.add_copy(parcel("copy", MAX_WAITING_COPY_BYTES))
