"""What can be sent again, and for how long."""

from arqonbus_reference.shield.windows import PART_BYTES, Part, Window, Windows


def filled(windows: Windows, count: int, *, now: int = 0) -> Window:
    """A window of so many parts of 100 bytes."""
    window = Window()
    for sequence in range(1, count + 1):
        windows.keep(window, Part(sequence, b"x" * 100, more=False), now)
    return window


def sequences(parts: list[Part] | None) -> list[int] | None:
    """Their numbers."""
    return None if parts is None else [part.sequence for part in parts]


def test_what_was_missed_is_given_again() -> None:
    """All of it, in order; nothing where nothing was missed."""
    window = filled(Windows(), 5)

    assert sequences(window.after(3, 5)) == [4, 5]
    assert sequences(window.after(5, 5)) == []


def test_what_is_too_old_is_forgotten() -> None:
    """Whoever missed that cannot go on, whoever has it can."""
    windows = Windows(beats=10)
    window = filled(windows, 3, now=0)
    windows.keep(window, Part(4, b"x", more=False), now=5)

    windows.trim(now=11)

    assert window.after(2, 4) is None
    assert sequences(window.after(3, 4)) == [4]


def test_all_windows_together_are_bounded() -> None:
    """The oldest part goes first, whose ever it is."""
    windows = Windows(limit_bytes=3 * (100 + PART_BYTES))
    first, second = filled(windows, 2), filled(windows, 2)

    assert first.after(0, 2) is None
    assert sequences(first.after(1, 2)) == [2]
    assert sequences(second.after(0, 2)) == [1, 2]


def test_a_number_that_was_never_sent_is_no_state_of_ours() -> None:
    """It cannot go on from there."""
    window = filled(Windows(), 2)

    assert window.after(3, 2) is None
