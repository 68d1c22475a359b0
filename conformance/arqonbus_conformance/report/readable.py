"""Text of a hostile deployment, made harmless to look at: nothing invisible, nothing that turns the line around. Pure."""

import unicodedata
from typing import Final

__all__ = ["readable"]

SEEN: Final = frozenset("\n\t")
"""Control characters that a page shows as what they are."""
INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories of characters that are not seen, reorder the text around them, or cannot be written at all."""


def readable(text: str) -> str:
    r"""The text with every character seen: controls and what hides or reorders as ``\xXX`` or ``\uXXXX``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in SEEN or unicodedata.category(character) not in INVISIBLE:
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
