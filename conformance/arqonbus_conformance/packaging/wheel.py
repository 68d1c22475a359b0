"""A wheel as a file: what it says it is, what is in it, and whether its RECORD agrees."""

import base64
import csv
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.undecided import InputError

__all__ = ["MODULE_SUFFIXES", "Wheel"]

WHEEL_BYTES: Final = 1024 * 1024 * 1024
"""The largest wheel that is looked at, unpacked."""
WHEEL_FILES: Final = 50_000
"""The most files of a wheel that is looked at."""
UNHASHED: Final = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})
"""Files of .dist-info that RECORD lists without a hash, or not at all."""
MODULE_SUFFIXES: Final = (".py", ".so", ".pyd")
TEST_CLASSIFIER: Final = "Framework :: Pytest"
"""Who has this ships tests and doubles on purpose: they are the product."""


class Wheel:
    """A wheel, opened.

    Raises:
        InputError: the file is none, or is larger than what is looked at.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
            with zipfile.ZipFile(path) as archive:
                listed = archive.infolist()
        except (InvalidWheelFilename, OSError, zipfile.BadZipFile) as fault:
            raise InputError(f"{str(path)!r} is no wheel: {fault}") from fault
        size = sum(entry.file_size for entry in listed)
        if size > WHEEL_BYTES or len(listed) > WHEEL_FILES:
            raise InputError(
                f"{str(path)!r} holds {size} bytes in {len(listed)} files; allowed: {WHEEL_BYTES} in {WHEEL_FILES}"
            )
        self.name, self.version = canonicalize_name(name), str(version)
        self.names = tuple(entry.filename for entry in listed if not entry.is_dir())
        self.sizes = {entry.filename: entry.file_size for entry in listed}
        folders = {name.partition("/")[0] for name in self.names}
        self.info = next((one for one in sorted(folders) if one.endswith(".dist-info")), "")
        if f"{self.info}/METADATA" not in self.names:
            raise InputError(f"{str(path)!r} is no wheel: it has no .dist-info/METADATA")
        self.metadata: Message = message_from_bytes(self.read(f"{self.info}/METADATA"))

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            InputError: the archive is damaged there.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as fault:
            raise InputError(f"{str(self.path)!r} is damaged: {name}: {fault}") from fault

    @property
    def sha256(self) -> str:
        """Of the file itself, hexadecimal."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def requirements(self) -> list[Requirement]:
        """What it declares to depend on, extras included.

        Raises:
            InputError: a line of it cannot be understood.
        """
        try:
            return [Requirement(str(line)) for line in self.metadata.get_all("Requires-Dist", [])]
        except InvalidRequirement as fault:
            raise InputError(f"{str(self.path)!r}: Requires-Dist: {fault}") from fault

    @property
    def is_test_tool(self) -> bool:
        """Whether tests are what it is for."""
        return TEST_CLASSIFIER in self.metadata.get_all("Classifier", [])

    def installed(self) -> Iterator[tuple[str, str]]:
        """Path in the wheel and path below the folder of installed modules, of each file that goes there."""
        for name in self.names:
            parts = PurePosixPath(name).parts
            if parts[0].endswith(".data"):
                if len(parts) > 2 and parts[1] in {"purelib", "platlib"}:
                    yield name, "/".join(parts[2:])
            elif not parts[0].endswith(".dist-info"):
                yield name, name

    def top_level(self) -> dict[str, str]:
        """Each importable top-level name, and a file that makes it."""
        found: dict[str, str] = {}
        for name, place in self.installed():
            if place.endswith(MODULE_SUFFIXES):
                found.setdefault(PurePosixPath(place).parts[0].partition(".")[0], name)
        return found

    def disagreements(self) -> Iterator[Finding]:
        """What RECORD does not say of the files, or says of files that are not there."""
        record = f"{self.info}/RECORD"
        if record not in self.names:
            yield finding("record-disagrees", "the wheel has no RECORD", record)
            return
        rows = [row for row in csv.reader(io.StringIO(self.read(record).decode("utf-8", "replace"))) if row]
        said = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
        times = Counter([row[0] for row in rows])
        for name in sorted(name for name, count in times.items() if count > 1):
            yield finding("record-disagrees", "RECORD lists it more than once", name)
        for name, count in sorted(Counter(self.names).items()):
            if count > 1:
                yield finding("record-disagrees", "the archive holds it more than once", name)
        for name in sorted(said.keys() - set(self.names)):
            yield finding("record-disagrees", "RECORD lists it, and it is not in the wheel", name)
        for name in sorted(set(self.names)):
            if (problem := self._problem(name, said.get(name))) is not None:
                yield finding("record-disagrees", problem, name)

    def _problem(self, name: str, digest: str | None) -> str | None:
        """What is wrong with one file's line in RECORD."""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            return "its path leads out of the wheel"
        if name.startswith(f"{self.info}/") and name.rpartition("/")[2] in UNHASHED:
            return None
        if digest is None:
            return "it is in the wheel, and RECORD does not list it"
        made = hashlib.sha256(self.read(name)).digest()
        if digest != f"sha256={base64.urlsafe_b64encode(made).rstrip(b'=').decode()}":
            return (
                "its SHA-256 is not that in RECORD"
                if digest.startswith("sha256=")
                else "RECORD has no SHA-256 of it"
            )
        return None
