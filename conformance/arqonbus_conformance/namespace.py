"""Names that belong to one case alone, so that cases and other traffic never meet."""

import itertools
import secrets

__all__ = ["Namespace"]


class Namespace:
    """A prefix that no other case of any run has, and names made from it."""

    def __init__(self) -> None:
        self.prefix = secrets.token_hex(5)
        self._numbers = itertools.count(1)

    def name(self, word: str) -> str:
        """A unique name within the grammar of names that still says ``word``; at most 128 characters."""
        return f"{word}-{self.prefix}-{next(self._numbers)}"
