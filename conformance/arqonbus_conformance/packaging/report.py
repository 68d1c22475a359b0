"""What was found of a package, as a value and as JSON."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from arqonbus_conformance.document_schema import document_schema
from arqonbus_conformance.packaging.finding import SEVERITIES, Finding, PackageSeverity
from arqonbus_conformance.verdict import ExitCode

__all__ = ["PACKAGE_SCHEMA_VERSION", "PackageReport", "exit_code_of", "package_schema", "write_package_json"]

PACKAGE_SCHEMA_VERSION: Final = "1.0"
"""The version of the shape of this document."""


class PackageReport(msgspec.Struct, frozen=True):
    """One look at a package.

    Attributes:
        subject: the folder, wheel or interpreter that was named.
        distribution: its name, "" where none was built.
        sha256: of the wheel, hexadecimal, "" where there is none.
        python: the version of Python it was tried with.
        installer: uv or pip, "" where nothing was installed.
        modules: what was imported.
        scripts: the console scripts that were called.
        checks: what was looked at, in order; an early end leaves the rest out.
        interpreter: that of a launched deployment, "" where none was named.
        import_path: of that interpreter, as the deployment is launched.
        findings: the heaviest first.
        undecided: why the look ended early, "" where it did not.
    """

    schema_version: str
    suite_version: str
    subject: str
    distribution: str
    version: str
    sha256: str
    python: str
    installer: str
    modules: tuple[str, ...]
    scripts: tuple[str, ...]
    checks: tuple[str, ...]
    interpreter: str
    import_path: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    undecided: str
    exit_code: int
    seconds: float

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that are no notes."""
        return tuple(one for one in self.findings if one.severity is not PackageSeverity.NOTE)


def exit_code_of(findings: list[Finding], undecided: ExitCode | None) -> ExitCode:
    """What a look amounts to: a failure that was found stays found, however the look ended."""
    if any(one.severity is not PackageSeverity.NOTE for one in findings):
        return ExitCode.VIOLATED
    return undecided or ExitCode.PASS


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """The heaviest first, and each once."""
    once = dict.fromkeys(findings)
    return tuple(sorted(once, key=lambda one: (SEVERITIES.index(one.severity), one.id, one.where, one.what)))


def package_schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    return document_schema("arqonbus-gate package", PackageReport)


def write_package_json(report: PackageReport, path: Path) -> None:
    """Write the report; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(msgspec.to_builtins(report), indent=1) + "\n", "utf-8")
    unfinished.replace(path)
