"""Where the values come from that a profile names: the process environment, then a ``.env`` beside the profile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

__all__ = ["ENVIRONMENT_FILE", "with_environment_file"]

ENVIRONMENT_FILE: Final = ".env"
"""The file beside a profile whose variables are read where the process has none of that name."""


def with_environment_file(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` with what ``.env`` in the folder adds; a variable of the process wins, even an empty one.

    Raises:
        OSError: the file is there and cannot be read.
        UnicodeDecodeError: it is no text.
    """
    path = folder / ENVIRONMENT_FILE
    if not path.is_file():
        return dict(environ)
    # Values stay as they stand: a secret may hold a dollar sign.
    written = dotenv_values(path, interpolate=False, encoding="utf-8")
    return {**{name: value for name, value in written.items() if value is not None}, **environ}
