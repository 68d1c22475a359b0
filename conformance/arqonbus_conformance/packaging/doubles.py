"""Tests and test doubles in a wheel, by their names and by what they import. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.undeclared import Imported

__all__ = ["doubles_imported", "doubles_named", "is_test", "tests_shipped"]

TEST_FOLDERS: Final = frozenset({"test", "tests"})
MOCKING: Final = frozenset(
    {"fakeredis", "mock", "moto", "pytest_mock", "requests_mock", "responses", "unittest.mock"}
)
"""Modules whose whole purpose is to stand in for something."""

_TEST_FILE = re.compile(r"conftest\.py|test_[^/]*\.py|[^/]*_test\.py")
_DOUBLE = re.compile(r"(fake|stub|mock|dummy)s?|(fake|stub|mock|dummy)_.+|.+_(fake|stub|mock|dummy)s?")


def is_test(place: str) -> bool:
    """Whether a file is part of tests: below a folder `tests` or `test`, or named as pytest names them."""
    path = PurePosixPath(place)
    return not TEST_FOLDERS.isdisjoint(path.parts[:-1]) or _TEST_FILE.fullmatch(path.name) is not None


def tests_shipped(places: Iterable[str]) -> Iterator[Finding]:
    """A finding for each folder that holds tests."""
    folders: dict[str, list[str]] = defaultdict(list)
    for place in places:
        if is_test(place):
            folders[_folder(place)].append(place)
    for folder, files in sorted(folders.items()):
        named = f"{folder}/" if folder not in {"", "."} else files[0]
        yield finding("tests-shipped", f"{len(files)} files of tests, such as {min(files)}", named)


def _folder(place: str) -> str:
    """The outermost folder of tests that a file is in, else the folder it is in."""
    parts = PurePosixPath(place).parts
    for depth, part in enumerate(parts[:-1], 1):
        if part in TEST_FOLDERS:
            return "/".join(parts[:depth])
    return "/".join(parts[:-1])


def doubles_named(places: Iterable[str]) -> Iterator[Finding]:
    """A finding for each module or package, no test, whose name says that it stands in for something."""
    said: set[str] = set()
    for place in sorted(places):
        parts = PurePosixPath(place).parts
        if is_test(place) or not place.endswith(".py"):
            continue
        names = [*parts[:-1], parts[-1].removesuffix(".py")]
        for depth, name in enumerate(names, 1):
            where = "/".join(parts[:depth])
            if _DOUBLE.fullmatch(name.lower()) and where not in said:
                said.add(where)
                yield finding("double-shipped", f"{name!r} is named as a test double", where)


def doubles_imported(imports: Iterable[Imported]) -> Iterator[Finding]:
    """A finding for each module, no test, that imports what makes doubles."""
    said: set[tuple[str, str]] = set()
    for one in imports:
        double = "unittest.mock" if one.name.startswith("unittest.mock") else one.top
        if double not in MOCKING or is_test(one.file) or (one.file, double) in said:
            continue
        said.add((one.file, double))
        yield finding("double-shipped", f"{double} is imported outside of tests", f"{one.file}:{one.line}")
