"""Incidents as folders: written after a run, read to run a case again."""

import json
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

import msgspec
from packaging.requirements import Requirement

from arqonbus_conformance.report.incident import Incident, incidents_of
from arqonbus_conformance.report.incident_summary import index, summary
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.report.reading import ReportError

__all__ = ["DOCUMENT", "IncidentError", "read_incident", "write_incidents"]

DOCUMENT: Final = "incident.json"
"""The file that makes a folder that of an incident."""
MOST_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""The largest incident that is read."""


class IncidentError(ReportError):
    """A folder that is not that of an incident; the text names it and says what is wrong."""


def write_incidents(report: Report, place: Path, options: tuple[str, ...] = ()) -> int:
    """Write a folder for each incident and their index; how many there are.

    Folders of the run before go first: an incident that is over must not be found any more.

    Raises:
        OSError: a file cannot be written.
    """
    _clear(place)
    incidents, left_out = incidents_of(report, options=options, versions=_versions())
    for one in incidents:
        folder = place / one.slug
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / DOCUMENT, json.dumps(msgspec.to_builtins(one), indent=1) + "\n")
        _write(folder / "SUMMARY.md", summary(one))
        _write(folder / "transcript.txt", "".join(f"{entry.line()}\n" for entry in one.failure.transcript))
    if incidents:
        _write(place / "README.md", index(incidents, left_out))
    return len(incidents) + left_out


def read_incident(folder: Path) -> Incident:
    """The incident in a folder.

    Raises:
        IncidentError: there is none, or it has another shape.
    """
    path = folder / DOCUMENT if folder.is_dir() else folder
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_DOCUMENT_BYTES + 1)
    except OSError as fault:
        raise IncidentError(
            f"{str(folder)!r} is no incident: {path.name} cannot be read: {fault.strerror}"
        ) from fault
    if len(raw) > MOST_DOCUMENT_BYTES:
        raise IncidentError(f"{str(path)!r} is larger than {MOST_DOCUMENT_BYTES} bytes, the largest allowed")
    try:
        # A transcript may hold what only this reader of JSON takes: half of a surrogate pair.
        return msgspec.convert(json.loads(raw), Incident)
    except (ValueError, RecursionError, msgspec.MsgspecError) as fault:
        raise IncidentError(f"{str(path)!r} is no incident: {fault}") from fault


def _clear(place: Path) -> None:
    """Remove the folders and the index of the last run, and nothing else."""
    for document in place.glob(f"*/{DOCUMENT}"):
        shutil.rmtree(document.parent)
    (place / "README.md").unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", "backslashreplace")


def _versions() -> dict[str, str]:
    """What is installed of what the gate depends on."""
    found = {}
    for line in requires("arqonbus-conformance") or ():
        name = Requirement(line).name
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return dict(sorted(found.items()))
