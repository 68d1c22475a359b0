"""The files in which one report is given to people and machines, each where it was asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from arqonbus_conformance.report.badge import write_badge
from arqonbus_conformance.report.html import write_html
from arqonbus_conformance.report.json_report import as_document, write_json
from arqonbus_conformance.report.junit import write_junit
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.report.sarif import write_sarif

__all__ = ["Places", "write_artefacts"]


class Places(NamedTuple):
    """Where each form of a report is written; None for those nobody asked for."""

    json: Path | None = None
    junit: Path | None = None
    html: Path | None = None
    sarif: Path | None = None
    badge: Path | None = None

    def asked(self) -> Iterable[tuple[str, Path]]:
        """The command line option of each that was asked for, and its path."""
        return ((f"--{name}", path) for name, path in self._asdict().items() if path is not None)


def write_artefacts(report: Report, places: Places) -> None:
    """Write the report in each form that was asked for.

    Raises:
        OSError: a file cannot be written.
    """
    document = as_document(report)
    if places.json is not None:
        write_json(report, places.json)
    if places.junit is not None:
        write_junit(report, places.junit)
    if places.html is not None:
        write_html(document, places.html)
    if places.sarif is not None:
        write_sarif(document, places.sarif)
    if places.badge is not None:
        write_badge(document, places.badge)
