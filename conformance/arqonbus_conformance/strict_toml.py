"""A TOML document read field by field: what does not fit is collected, so that all of it is said at once. Pure."""

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["Fields", "NotToml", "document"]

SHOWN_CHARACTERS: Final = 80
"""How much of a refused value a problem shows."""


class NotToml(Exception):  # noqa: N818 - says what the text is
    """The text is no TOML; the message says where it stops being any."""


def document(text: str) -> dict[str, Any]:
    """The tables of a TOML document.

    Raises:
        NotToml: it is none.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise NotToml(f"it is not TOML: {fault}") from fault


class Fields:
    """The fields of one table; each is taken once, and what nobody took is refused by ``done``.

    Attributes:
        problems: what does not fit so far, one sentence each: the field, the value and what is allowed.
    """

    def __init__(self, where: str, values: object, problems: list[str]) -> None:
        self.problems = problems
        self._where = where
        self._known: list[str] = []
        if not isinstance(values, dict):
            self._refuse(where or "the document", repr(values), "a table")
        self._values: Mapping[str, Any] = values if isinstance(values, dict) else {}

    def take(
        self,
        field: str,
        allowed: str,
        fits: Callable[[Any], bool],
        *,
        required: bool = False,
        shown: Callable[[Any], str] = repr,
    ) -> Any | None:
        """The value of ``field``; None where it is missing or does not fit, which is a problem where it is required.

        ``shown`` makes the text of a refused value, for fields that may hold what nobody should read.
        """
        self._known.append(field)
        if field not in self._values:
            if required:
                self.problems.append(f"{self.name(field)}: it is missing; allowed: {allowed}")
            return None
        value = self._values[field]
        if not fits(value):
            self._refuse(self.name(field), shown(value), allowed)
            return None
        return value

    def text(self, field: str, allowed: str = "a text", *, most: int, required: bool = False) -> str | None:
        """A text of 1 to ``most`` characters that is more than space, without what no terminal should print."""
        value: str | None = self.take(
            field,
            f"{allowed} of at most {most} characters",
            lambda given: isinstance(given, str) and given.isprintable() and 0 < len(given.strip()) <= most,
            required=required,
        )
        return value

    def table(self, field: str) -> "Fields":
        """The fields of the table ``field``; of an empty one where it is missing."""
        self._known.append(field)
        return Fields(self.name(field), self._values.get(field, {}), self.problems)

    def texts(self) -> dict[str, str]:
        """Every field, all of which must be texts of any kind."""
        return {
            field: value
            for field in self._values
            if (value := self.take(field, "a text", lambda given: isinstance(given, str))) is not None
        }

    def say(self, field: str, problem: str) -> None:
        """Note what is wrong with a field that cannot be said as a value that is refused."""
        self.problems.append(f"{self.name(field)}: {problem}")

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def name(self, field: str) -> str:
        """How problems call a field."""
        return f"{self._where}.{field}" if self._where else field

    def done(self) -> None:
        """Refuse every field that was not taken."""
        for field in sorted(self._values.keys() - set(self._known)):
            self.problems.append(
                f"{self.name(field)}: there is no such field; allowed: {', '.join(self._known)}"
            )

    def _refuse(self, what: str, shown: str, allowed: str) -> None:
        if len(shown) > SHOWN_CHARACTERS:
            shown = f"{shown[:SHOWN_CHARACTERS]}..."
        self.problems.append(f"{what}: {shown} is not allowed; allowed: {allowed}")
