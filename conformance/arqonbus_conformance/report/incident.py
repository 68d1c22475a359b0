"""An incident: one failure with everything that somebody needs who was not there. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from arqonbus_conformance.report.model import Failure, Report, RequirementLine, RequirementSetLine, TargetLine
from arqonbus_conformance.triage import Severity
from arqonbus_conformance.verdict import Verdict

__all__ = ["INCIDENTS_MOST", "Incident", "incident_schema", "incidents_of", "slug_of"]

INCIDENT_SCHEMA_VERSION: Final = "1.0"
"""The version of the shape of this document; grows when a reader must change."""
INCIDENTS_MOST: Final = 50
"""How many incidents of one run are written, the most severe ones."""
SLUG_CHARACTERS: Final = 80
"""The longest a name of an incident's folder may be."""
TITLE_CHARACTERS: Final = 120
"""The longest a title may be."""
REPORTED: Final = frozenset({Verdict.VIOLATED, Verdict.BROKEN})
"""The verdicts of cases that are incidents."""
SUITE_FAULT: Final = "suite"
"""The class of an incident that accuses the gate itself."""


class Incident(msgspec.Struct, frozen=True):
    """One failure of one run.

    Attributes:
        slug: the name of its folder.
        title: one line for an issue tracker, with severity and class.
        severity: blocker, critical or high.
        kind: config, dependency or code; suite where the gate itself is at fault.
        failure: the case, what was expected and what came, the wire transcript, the programs, the replay line.
        requirements: what it violates, with sentence and source.
        options: how the target and the scope were named on the command line.
        command: the command line of the run.
        environment: what the gate ran on; nothing of it is secret.
        versions: the versions of what the gate is made of.
    """

    schema_version: str
    slug: str
    title: str
    severity: str
    kind: str
    failure: Failure
    requirements: tuple[RequirementLine, ...]
    suite_version: str
    requirement_set: RequirementSetLine
    target: TargetLine
    level: str
    scope: str
    seed: int
    started_at: str
    options: tuple[str, ...]
    command: str
    environment: dict[str, str]
    versions: dict[str, str]


def slug_of(case: str) -> str:
    """A name for a folder that belongs to this case alone: its id in small letters, shortened, and a digest of it."""
    plain = re.sub(r"[^a-z0-9_]+", "-", case.lower()).strip("-")
    digest = hashlib.sha256(case.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: SLUG_CHARACTERS - len(digest) - 1].rstrip('-')}-{digest}"


def incidents_of(
    report: Report, *, options: tuple[str, ...] = (), versions: Mapping[str, str]
) -> tuple[list[Incident], int]:
    """The incidents of a run, the most severe first, and how many more than ``INCIDENTS_MOST`` there are."""
    weight = {str(severity): place for place, severity in enumerate(Severity)}
    failed = [failure for failure in report.failures if failure.verdict in REPORTED]
    failed.sort(key=lambda failure: (weight[failure.severity], failure.case))
    lines = {line.id: line for line in report.requirements}
    made = [_incident(report, lines, failure, options, versions) for failure in failed[:INCIDENTS_MOST]]
    return made, max(0, len(failed) - INCIDENTS_MOST)


def _incident(
    report: Report,
    lines: Mapping[str, RequirementLine],
    failure: Failure,
    options: tuple[str, ...],
    versions: Mapping[str, str],
) -> Incident:
    kind = SUITE_FAULT if failure.verdict == Verdict.BROKEN else failure.kind
    names = ", ".join(failure.requirements) or failure.case
    said = " ".join(f"[{failure.severity}] [{kind}] {names}: {failure.reason}".split())
    return Incident(
        schema_version=INCIDENT_SCHEMA_VERSION,
        slug=slug_of(failure.case),
        title=said if len(said) <= TITLE_CHARACTERS else f"{said[: TITLE_CHARACTERS - 3]}...",
        severity=failure.severity,
        kind=kind,
        failure=failure,
        requirements=tuple(lines[name] for name in failure.requirements if name in lines),
        suite_version=report.suite_version,
        requirement_set=report.requirement_set,
        target=report.target,
        level=report.level,
        scope=report.scope,
        seed=report.seed,
        started_at=report.started_at,
        options=options,
        command=report.environment.get("command", ""),
        environment=report.environment,
        versions=dict(versions),
    )


def incident_schema() -> dict[str, Any]:
    """The JSON schema of ``incident.json``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Incident)}
