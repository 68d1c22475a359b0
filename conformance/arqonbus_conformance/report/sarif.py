"""The report as SARIF 2.1.0, as code scanning reads it: requirements are rules, violated cases are results.

What other programs found out are rules too, after those of the requirements.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from arqonbus_conformance.requirements import Level
from arqonbus_conformance.verdict import ExitCode, Verdict
from arqonbus_conformance.waivers import Status

__all__ = ["as_sarif", "write_sarif"]

Document = Mapping[str, Any]
"""A report, as JSON values."""

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
"""What names the format; nobody fetches it here."""
DECIDED: Final = frozenset({ExitCode.PASS, ExitCode.VIOLATED})
"""The exit codes of runs that judged what they were to judge."""
SECURITY_SEVERITY: Final = "9.5"
"""How code scanning sorts a security requirement, from 0 to 10: its violation blocks a release."""
EXTERNAL_PAGE: Final = "docs/packaging.md"
"""The page that a result of another program points at: what it ran, and what its verdict means."""
UNDECIDED: Final = frozenset({Verdict.BROKEN, Verdict.UNKNOWN, Verdict.UNVERIFIED})
"""What says nothing of the deployment: a notification of the invocation, no result."""
# Brackets would begin a link and braces a placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6).
_SPECIAL: Final = re.compile(r"[\\\[\]{}]")
_ESCAPES: Final = {"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"}


def _message(text: str) -> dict[str, str]:
    """A message of plain text: whatever a deployment said stays text."""
    said = text.encode("utf-8", "replace").decode("utf-8")
    return {"text": _SPECIAL.sub(lambda found: _ESCAPES[found.group()], said) or "nothing was said"}


def as_sarif(document: Document) -> dict[str, Any]:
    """The report as a SARIF log with one run."""
    rules = [*map(_rule, document["requirements"]), *map(_external_rule, _external(document).values())]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "arqonbus-gate",
                        "semanticVersion": document["suite_version"],
                        "rules": rules,
                    }
                },
                "invocations": [_invocation(document)],
                "results": list(_results(document)),
                "properties": {
                    "target": document["target"]["name"],
                    "verdict": document["verdict"],
                    "level": document["level"],
                    "scope": document["scope"],
                    "requirementSet": document["requirement_set"],
                },
            }
        ],
    }


def _results(document: Document) -> Iterable[dict[str, Any]]:
    """One for each violated case and requirement of it, then one for what another program found violated."""
    lines = document["requirements"]
    place = {
        name: number for number, name in enumerate([*(line["id"] for line in lines), *_external(document)])
    }
    for failure in document["failures"]:
        for name in failure["requirements"] if failure["verdict"] == Verdict.VIOLATED else ():
            if place.get(name, len(lines)) < len(lines):
                yield _result(failure, lines[place[name]], place[name], document["waivers"])
    for line in document.get("external", ()):
        if line["verdict"] == Verdict.VIOLATED:
            yield _external_result(line, place[line["id"]])


def _level(line: Document) -> str:
    return "error" if line["level"] == Level.MUST else "warning"


def _rule(line: Document) -> dict[str, Any]:
    text = (
        f"{line['id']} ({line['level']}): {line['sentence']} Source: {line['source']}. "
        f"See arqonbus-gate explain {line['id']}."
    )
    return {
        "id": line["id"],
        "shortDescription": {"text": line["sentence"]},
        "fullDescription": {"text": line["sentence"]},
        "help": {"text": text},
        "defaultConfiguration": {"level": _level(line)},
        "properties": {
            "tags": [line["area"], line["suite"], *(["security"] if line["security"] else [])],
            "phase": line["phase"],
            **({"security-severity": SECURITY_SEVERITY} if line["security"] else {}),
        },
    }


def _result(failure: Document, line: Document, index: int, waivers: Sequence[Document]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": line["id"],
        "ruleIndex": index,
        "kind": "fail",
        "level": _level(line),
        "message": _message(failure["reason"] or failure["sentence"]),
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": line["source"]}},
                "logicalLocations": [{"fullyQualifiedName": failure["case"], "kind": "function"}],
            }
        ],
        # Neither the seed nor what was said: the same case on the same requirement is the same finding tomorrow.
        "partialFingerprints": {
            "caseAndRequirement/v1": hashlib.sha256(
                f"{failure['case']}\n{line['id']}".encode("utf-8", "replace")
            ).hexdigest()
        },
        "properties": {
            "severity": failure["severity"],
            "class": failure["kind"],
            "expected": failure["expected"],
            "actual": failure["actual"],
            "seed": failure["seed"],
            "replay": failure["replay"],
        },
    }
    if suppressions := [
        _suppression(waiver)
        for waiver in waivers
        if waiver["status"] == Status.APPLIED
        and waiver["requirement"] == line["id"]
        and failure["case"] in waiver["cases"]
    ]:
        made["suppressions"] = suppressions
    return made


def _external(document: Document) -> dict[str, Document]:
    """By id: parts that were put together may have found different things out. A report of an older gate has none."""
    return {line["id"]: line for line in document.get("external", ())}


def _external_rule(line: Document) -> dict[str, Any]:
    text = f"{line['command']} holds for the source of the deployment."
    return {
        "id": line["id"],
        "shortDescription": _message(text),
        "fullDescription": _message(text),
        "help": _message(f"{text} See {EXTERNAL_PAGE}."),
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["external"]},
    }


def _external_result(line: Document, index: int) -> dict[str, Any]:
    return {
        "ruleId": line["id"],
        "ruleIndex": index,
        "kind": "fail",
        "level": "error",
        "message": _message(line["reason"] or f"{line['command']} is {line['verdict']}"),
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": EXTERNAL_PAGE}},
                "logicalLocations": [{"fullyQualifiedName": line["id"]}],
            }
        ],
        "partialFingerprints": {
            "external/v1": hashlib.sha256(line["id"].encode("utf-8", "replace")).hexdigest()
        },
        "properties": {"command": line["command"], "exitCode": line["exit_code"]},
    }


def _suppression(waiver: Document) -> dict[str, Any]:
    """The waiver as a reviewer of findings reads it."""
    return {
        "kind": "external",
        "status": "accepted",
        "justification": (
            f"{waiver['reason']} ({waiver['owner']}, {waiver['issue']}, waived until {waiver['expires']})"
        ),
        "properties": {name: waiver[name] for name in ("owner", "issue", "expires", "signature")},
    }


def _invocation(document: Document) -> dict[str, Any]:
    began = datetime.fromisoformat(document["started_at"])
    return {
        "executionSuccessful": document["exit_code"] in DECIDED and not document["interrupted"],
        "exitCode": document["exit_code"],
        "exitCodeDescription": document["sentence"],
        "startTimeUtc": _utc(began),
        "endTimeUtc": _utc(began + timedelta(seconds=document["seconds"])),
        "toolExecutionNotifications": list(_notifications(document)),
    }


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _notifications(document: Document) -> Iterable[dict[str, Any]]:
    """What kept the gate from judging: it is said of the gate, never of the deployment."""
    for fault in document["faults"]:
        yield {"level": "error", "message": _message(fault)}
    for failure in document["failures"]:
        if failure["verdict"] != Verdict.VIOLATED:
            level = "error" if failure["verdict"] == Verdict.BROKEN else "warning"
            said = f"{failure['verdict']} {failure['case']}: {failure['reason']}"
            yield {"level": level, "message": _message(said)}
    for line in document.get("external", ()):
        if line["verdict"] in UNDECIDED:
            said = f"{line['verdict']} {line['id']}: {line['reason'] or line['command']}"
            yield {"level": "warning", "message": _message(said)}


def write_sarif(document: Document, path: Path) -> None:
    """Write the report as SARIF; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(as_sarif(document), indent=1, ensure_ascii=True) + "\n", "utf-8")
    unfinished.replace(path)
