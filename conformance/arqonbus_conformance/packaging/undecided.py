"""Why a package was not looked at to the end, where that is no fault of the package."""

from arqonbus_conformance.verdict import ExitCode

__all__ = ["InputError", "UndecidedError"]


class InputError(Exception):
    """What was named cannot be looked at: the text names it and says what is allowed."""


class UndecidedError(Exception):
    """The look ended early; ``code`` is that of the whole run, the text says why."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.INCOMPLETE) -> None:
        super().__init__(sentence)
        self.code = code
