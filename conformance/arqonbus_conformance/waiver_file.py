"""The file of waivers in the repository of whoever judges a deployment."""

from datetime import date
from pathlib import Path
from typing import Final

from arqonbus_conformance.waivers import Waiver, WaiverFileError, parse

__all__ = ["DEFAULT", "read_waivers", "waivers_of"]

DEFAULT: Final = Path("waivers.toml")
"""The file that is read without being named, where there is one."""
FILE_BYTES: Final = 1_048_576
"""How large such a file may be."""


def read_waivers(path: Path, today: date) -> tuple[Waiver, ...]:
    """The waivers of a file.

    Raises:
        WaiverFileError: it cannot be read or is not valid; each problem names the file.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES + 1)
        if len(data) > FILE_BYTES:
            raise WaiverFileError([f"{path}: it is longer than {FILE_BYTES} bytes"])
        text = data.decode()
    except (OSError, UnicodeDecodeError) as fault:
        raise WaiverFileError([f"{path}: it cannot be read: {fault}"]) from fault
    try:
        return parse(text, today)
    except WaiverFileError as fault:
        raise WaiverFileError([f"{path}: {problem}" for problem in fault.problems]) from fault


def waivers_of(path: Path | None, today: date) -> tuple[tuple[Waiver, ...], str]:
    """The waivers of the named file, or of ``DEFAULT`` where there is one, and the name of the file ("" without).

    Raises:
        WaiverFileError: the file cannot be read or is not valid.
    """
    if path is None and not DEFAULT.exists():
        return (), ""
    named = path if path is not None else DEFAULT
    return read_waivers(named, today), str(named)
