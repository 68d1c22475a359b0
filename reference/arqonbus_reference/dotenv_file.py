"""The variables of a `.env` file, read as written: no interpolation, no line skipped in silence."""

import io
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

MAX_FILE_BYTES: Final = 65_536


class DotenvError(Exception):
    """The file cannot be read as a `.env` file; `problem` says why without quoting it."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def dotenv_variables(path: Path) -> dict[str, str]:
    """The variables of the file, empty when there is no file; a name without `=` counts as set to nothing.

    Raises:
        DotenvError: it is no file, too long, not UTF-8, or holds a line that is no assignment.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DotenvError(f"cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise DotenvError(f"is longer than {MAX_FILE_BYTES} bytes")
    return _variables(content)


def _variables(content: bytes) -> dict[str, str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DotenvError("is not UTF-8") from error
    variables: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise DotenvError(f"line {binding.original.line} is no assignment")
        if binding.key is not None:
            variables[binding.key] = binding.value or ""
    return variables
