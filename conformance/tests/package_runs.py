"""How the tests of `arqonbus-gate package` call it, and look at a package from here."""

import subprocess
import sys
from pathlib import Path

from arqonbus_conformance.packaging.inspection import Inspection
from arqonbus_conformance.packaging.installer import uv_program
from arqonbus_conformance.packaging.report import PackageReport

GATE = str(Path(sys.executable).parent / "arqonbus-gate")
CALL_SECONDS = 120


def package(
    subject: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command."""
    return subprocess.run(
        [GATE, "package", str(subject), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
        env=env,
    )


def looked_at(subject: Path, *modules: str, uv: str | None = None) -> PackageReport:
    """Look at a package from here."""
    return Inspection(subject, modules, Path(sys.executable), uv or uv_program()).report()


def found(report: PackageReport) -> set[tuple[str, str]]:
    """Kind and place of each finding."""
    return {(one.id, one.where) for one in report.findings}
