"""What the distributions on an import path say they installed: the RECORD of each, read and not believed."""

import base64
import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.doubles import is_test
from arqonbus_conformance.packaging.wheel import MODULE_SUFFIXES

__all__ = ["Distributions", "Recorded", "changed_files", "distributions_on"]

HASHED_BYTES: Final = 4 * 1024 * 1024 * 1024
"""The most bytes of one distribution that are compared with its RECORD."""


class Recorded(NamedTuple):
    """One distribution that has a RECORD.

    Attributes:
        folder: where it is installed.
        files: below the folder, with their hash as RECORD has it, "" for none.
    """

    name: str
    version: str
    folder: Path
    files: dict[str, str]

    @property
    def has_installer(self) -> bool:
        """Whether an installer of wheels put it there; a distribution of an operating system is changed on purpose."""
        return any(file.endswith(".dist-info/INSTALLER") for file in self.files)

    def modules(self) -> dict[str, list[Path]]:
        """Dotted name and files of each module that is inside no package of its own: the package `aiohttp`, no `aiohttp.web`."""
        places = {_dotted(file): file for file in self.files if _is_module(file)}
        packages = {name.removesuffix(".__init__") for name in places if name.endswith(".__init__")}
        made: dict[str, list[Path]] = {}
        for file in filter(_is_module, self.files):
            name = _dotted(file).removesuffix(".__init__")
            parts = name.split(".")
            above = (".".join(parts[:depth]) for depth in range(1, len(parts)))
            if packages.isdisjoint(above) and all(part.isidentifier() for part in parts):
                made.setdefault(name, []).append(self.folder / file)
        return made


def _is_module(file: str) -> bool:
    parts = PurePosixPath(file).parts
    return file.endswith(MODULE_SUFFIXES) and parts[0] != ".." and "__pycache__" not in parts


def _dotted(file: str) -> str:
    """The name of a module by its file, with ``__init__`` where it is a package."""
    path = PurePosixPath(file)
    return ".".join([*path.parts[:-1], path.name.partition(".")[0]])


class Distributions(NamedTuple):
    """The distributions on an import path, the first of each name.

    Attributes:
        recorded: those that have a RECORD, by name.
        unrecorded: the names of those that have none.
        editable: the names of those whose modules lie in a tree somewhere, where no RECORD tells of them.
    """

    recorded: dict[str, Recorded]
    unrecorded: list[str]
    editable: list[str]


def distributions_on(path: Iterable[str]) -> Distributions:
    """What the metadata in the folders of an import path says; nothing is imported."""
    found = Distributions({}, [], [])
    for one in distributions(path=list(path)):
        name = canonicalize_name(one.name or "")
        if not name or name in found.recorded or name in found.unrecorded:
            continue
        files = _files(one)
        if files is None:
            found.unrecorded.append(name)
            continue
        folder = os.path.abspath(str(one.locate_file("")))  # noqa: PTH100 - a link stays one
        found.recorded[name] = Recorded(name, one.version, Path(folder), files)
        if _is_editable(one):
            found.editable.append(name)
    return found


def _is_editable(one: Distribution) -> bool:
    """As PEP 610 has it; a file that cannot be understood says nothing."""
    try:
        told = json.loads(one.read_text("direct_url.json") or "{}")
        return bool(told.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return False


def _files(one: Distribution) -> dict[str, str] | None:
    """What RECORD lists, None where there is none."""
    text = one.read_text("RECORD")
    if text is None:
        return None
    rows = (row for row in csv.reader(text.splitlines()) if row)
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def changed_files(one: Recorded) -> Iterator[tuple[str, str]]:
    """Each file that is not as RECORD has it, and how; a missing file counts where it is a module and no test."""
    left = HASHED_BYTES
    for file, digest in one.files.items():
        path = one.folder / file
        if not digest.startswith("sha256="):
            continue
        if not path.is_file():
            if _is_module(file) and not is_test(file):
                yield file, "is missing"
            continue
        left -= path.stat().st_size
        if left < 0:
            yield file, f"was not compared, nor what comes after it: more than {HASHED_BYTES} bytes"
            return
        if _digest(path) != digest:
            yield file, "was changed"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        made = hashlib.file_digest(stream, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
