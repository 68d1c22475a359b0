"""What ends a case before its last line: one exception per verdict that is not *holds*.

A case raises these (through the client, through ``expect`` or by a plain ``assert``); the plugin maps them to
verdicts with one table (``verdict_of`` in ``judging.py``). Any exception not named there means that the suite
itself is broken.
"""

from typing import Final

__all__ = [
    "NotApplicable",
    "NotOffered",
    "OutOfScope",
    "SuiteFault",
    "Unanswered",
    "Unfinished",
    "Unreachable",
    "Violation",
]

SHOWN_CHARACTERS: Final = 2000
"""How much of an expected or actual value a violation shows, in characters."""


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"


class Violation(AssertionError):  # noqa: N818 - named after the finding, as every verdict is
    """The deployment did something that a requirement forbids, or left out what it demands.

    Attributes:
        what: the sentence of the finding.
        expected: what would have been right, as text; empty when the sentence says it.
        actual: what was seen instead, as text.
    """

    def __init__(self, what: str, *, expected: object = "", actual: object = "") -> None:
        self.what = what
        self.expected = _shown(expected)
        self.actual = _shown(actual)
        parts = [what]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.actual:
            parts.append(f"actual: {self.actual}")
        super().__init__("\n".join(parts))


class Unanswered(Violation):
    """What a requirement demands did not come within its time; the text says what was awaited and what came."""


class Unreachable(Exception):  # noqa: N818 - named after the state of the deployment, as every verdict is
    """No connection could be made (refused, reset, timed out): the requirement was not judged (unknown)."""


class Unfinished(Exception):  # noqa: N818 - as above
    """A case did not end within its time, or a prerequisite failed: not judged (unknown)."""


class NotOffered(Exception):  # noqa: N818 - as above
    """The case needs something that the target does not offer: not judged (unverified)."""


class NotApplicable(Exception):  # noqa: N818 - as above
    """The deployment does not claim the capability that the case is about."""


class OutOfScope(Exception):  # noqa: N818 - as above
    """The scope of this run leaves the case out."""


class SuiteFault(Exception):  # noqa: N818 - as above
    """The suite did something wrong itself, such as sending a message it did not mean to be malformed."""
