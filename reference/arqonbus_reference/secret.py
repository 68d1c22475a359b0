"""Values that must not appear in logs, errors or reports, and text cleaned of them."""

from typing import Final
from urllib.parse import urlsplit

HIDDEN: Final = "***"
WELL_KNOWN: Final = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "arqon-dev-secret",
        "arqonbus-dev-secret",
        "change-me",
        "change-me-in-production",
        "change-this-secret",
        "changeit",
        "default",
        "default-secret",
        "dev-secret",
        "dev-secret-change-in-production",
        "insecure",
        "jwt-secret",
        "my-secret",
        "my-super-secret-key",
        "password",
        "please-change-this-secret-in-production",
        "replace-me",
        "secret",
        "secret-key",
        "secretkey",
        "super-secret",
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "super-secret-key",
        "test",
        "test-secret",
        "test-secret-key",
        "the-secret",
        "this-is-a-secret-key",
        "your-256-bit-secret",
        "your-secret-key",
        "your-secret-key-change-in-production",
        "your-super-secret-jwt-key",
    }
)
"""Secrets printed in documentation and examples; a repetition of one is as well known."""


class Secret:
    """A secret that only `reveal` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Url(str):
    """A URL for a client library; its `repr` hides a password and a query."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(hidden_url(self))

    @property
    def password(self) -> str | None:
        """The password in the URL, as written."""
        return urlsplit(self).password


def hidden_url(url: str) -> str:
    """The URL, well formed or not, without what stands before an `@` or after a `?`."""
    url = str(url)  # a Url would hide itself again in its own repr
    before, mark, after = url.rpartition("@")
    if mark:
        scheme, slashes, _ = before.partition("//")
        # An @ without // is no URL: nothing before the @ can be told from a password.
        url = f"{scheme}{slashes}{HIDDEN}@{after}" if slashes else f"{HIDDEN}@{after}"
    address, question, _ = url.partition("?")
    return f"{address}{question}{HIDDEN}" if question else url


def is_well_known(secret: str) -> bool:
    """Whether the secret is an example of some documentation, a repetition of one, or of one character."""
    plain = _letters(secret)
    return any(_repeats(plain, word) for word in _WELL_KNOWN_LETTERS) or len(set(secret)) <= 1


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _repeats(text: str, word: str) -> bool:
    """Whether `text` is `word` over and over, the last one perhaps cut."""
    return bool(text) and (word * (len(text) // len(word) + 1)).startswith(text)


_WELL_KNOWN_LETTERS: Final = frozenset(_letters(word) for word in WELL_KNOWN)
