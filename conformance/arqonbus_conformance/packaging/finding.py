"""What can be wrong with a package: each kind with its weight, what is expected and what to do next. Pure."""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

__all__ = ["KINDS", "SEVERITIES", "Finding", "Kind", "PackageSeverity", "finding"]


class PackageSeverity(StrEnum):
    """How much a finding weighs, heaviest first; a note alone is no failure."""

    BLOCKER = "blocker"
    CRITICAL = "critical"
    HIGH = "high"
    NOTE = "note"


SEVERITIES: Final = tuple(PackageSeverity)
"""In the order in which findings are shown."""


class Kind(NamedTuple):
    """One thing that can be wrong."""

    severity: PackageSeverity
    expected: str
    next_step: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, or worth knowing.

    Attributes:
        id: a key of ``KINDS``.
        what: one sentence; never the secret that was found.
        where: the file and line, the name or the command.
    """

    id: str
    severity: PackageSeverity
    what: str
    where: str
    expected: str
    next_step: str


_BLOCKER, _CRITICAL, _HIGH, _NOTE = SEVERITIES

KINDS: Final = {
    "build-fails": Kind(
        _BLOCKER,
        "the tree builds a wheel with what its [build-system] declares",
        "build it by hand in a fresh clone: python -m build --wheel",
    ),
    "install-fails": Kind(
        _BLOCKER,
        "the wheel installs in an empty environment with the dependencies that it declares",
        "correct the dependencies in pyproject.toml until they can be resolved together",
    ),
    "dependency-conflict": Kind(
        _BLOCKER,
        "what is installed fulfils what each distribution requires",
        "correct the version ranges of the dependencies",
    ),
    "record-disagrees": Kind(
        _CRITICAL,
        "RECORD lists each file of the wheel once, with the SHA-256 of its content",
        "build the wheel again and change nothing in it afterwards",
    ),
    "does-not-compile": Kind(
        _BLOCKER,
        "each module compiles with the Python that runs the deployment",
        "correct the module, or raise requires-python",
    ),
    "import-fails": Kind(
        _BLOCKER,
        "the module imports where only its declared dependencies are",
        "import it in such an environment: python -I -c 'import NAME'",
    ),
    "undeclared-import": Kind(
        _CRITICAL,
        "each imported module belongs to the standard library, the wheel or a declared dependency",
        "declare the distribution in [project] dependencies, or guard the import if it is optional",
    ),
    "undeclared-transitive-import": Kind(
        _HIGH,
        "what is imported is declared by whoever imports it",
        "declare the distribution in [project] dependencies; whoever requires it now may drop it",
    ),
    "optional-import": Kind(
        _NOTE,
        "an optional import is declared as an extra",
        "nothing, if the deployment is meant to run without it",
    ),
    "shadows-stdlib": Kind(
        _BLOCKER,
        "no top-level name of the standard library",
        "move the module into the package and rename it, or take its folder off the import path",
    ),
    "shadows-dependency": Kind(
        _BLOCKER,
        "no top-level name of a dependency",
        "remove the stand-in, or take its folder off the import path; tests make their doubles in the test itself",
    ),
    "does-not-start": Kind(
        _BLOCKER,
        "the interpreter starts with the import path of the deployment",
        "start it by hand with the same variables in the same folder: what it imports first is not its own",
    ),
    "installed-file-changed": Kind(
        _CRITICAL,
        "each installed file is as the RECORD of its distribution has it",
        "install the distribution again, into an empty environment; what was changed on purpose belongs into a release of it",
    ),
    "claims-known-name": Kind(
        _CRITICAL,
        "no top-level name that belongs to another distribution",
        "remove it from the wheel, or move it into the package",
    ),
    "generic-name": Kind(
        _HIGH,
        "top-level names that are the deployment's own",
        "move it into the package, or exclude it from the wheel",
    ),
    "tests-shipped": Kind(
        _HIGH,
        "no tests in the wheel, unless its classifier is 'Framework :: Pytest'",
        "exclude the tests from the wheel",
    ),
    "double-shipped": Kind(
        _CRITICAL,
        "no test double in the wheel, unless its classifier is 'Framework :: Pytest'",
        "move the double beside the tests and exclude it from the wheel",
    ),
    "secret-shipped": Kind(
        _BLOCKER,
        "no secret in the wheel",
        "remove it and replace it wherever it is in use: it has been published to whoever has the wheel",
    ),
    "script-fails": Kind(
        _BLOCKER,
        "each console script loads, and ends with 0 after --help",
        "run it in an environment that has only the wheel and its dependencies",
    ),
    "unread-file": Kind(
        _NOTE,
        "files small enough to be searched for secrets",
        "look into it by hand",
    ),
    "nothing-to-import": Kind(
        _BLOCKER,
        "a wheel with modules",
        "name the packages to ship in the configuration of the build backend",
    ),
}
"""Every kind of finding, by its id."""


def finding(kind: str, what: str, where: str) -> Finding:
    """A finding of this kind; ``what`` and ``where`` without any secret."""
    severity, expected, next_step = KINDS[kind]
    return Finding(kind, severity, what, where, expected, next_step)
