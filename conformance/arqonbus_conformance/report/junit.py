"""The report as JUnit XML, as continuous integration systems read it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from arqonbus_conformance.report.model import CaseLine, Failure, Report
from arqonbus_conformance.verdict import ExitCode, Verdict

__all__ = ["as_element", "write_junit"]

EXTERNAL_SUITE: Final = "external"
"""The suite of what other programs found out; no suite of cases has its name."""
# What XML 1.0 cannot hold at all.
_FORBIDDEN: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# verdict -> what JUnit calls it; *holds* is nothing
_ELEMENT: Final = {
    Verdict.VIOLATED: "failure",
    Verdict.BROKEN: "error",
    Verdict.UNKNOWN: "error",
    Verdict.UNVERIFIED: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
    Verdict.OUT_OF_SCOPE: "skipped",
}


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _kind(case: CaseLine) -> str:
    """What JUnit calls the verdict of a case, "" where it holds; a waived violation is skipped, not passed."""
    return "skipped" if case.waived else _ELEMENT.get(Verdict(case.verdict), "")


def as_element(report: Report) -> ET.Element:
    """The report as an element ``testsuites``: one suite each, one case each; what was not judged is skipped.

    One more case stands for the run as a whole, so that one that decided nothing is not green.
    """
    root = ET.Element("testsuites", name="arqonbus-gate")
    failures = {failure.case: failure for failure in report.failures}
    phases = {line.id: str(line.phase) for line in report.requirements}
    by_suite: dict[str, list[CaseLine]] = defaultdict(list)
    for case in report.cases:
        by_suite[case.suite].append(case)
    for suite, cases in by_suite.items():
        seconds = sum(case.seconds for case in cases)
        element = _add_suite(root, suite, [_kind(case) for case in cases], seconds, report.started_at)
        for case in cases:
            _add_case(element, case, failures.get(case.id), phases)
    if report.external:
        _add_external(root, report)
    _add_run(root, report)
    return root


def _add_suite(
    root: ET.Element, name: str, kinds: Sequence[str], seconds: float, started_at: str
) -> ET.Element:
    """A suite without its cases; ``kinds`` is what JUnit calls the end of each of them."""
    return ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(kinds)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{seconds:.3f}",
        timestamp=started_at,
    )


def _add_external(root: ET.Element, report: Report) -> None:
    """What other programs found out, one case each."""
    kinds = [_ELEMENT.get(Verdict(line.verdict), "") for line in report.external]
    seconds = sum(line.seconds for line in report.external)
    suite = _add_suite(root, EXTERNAL_SUITE, kinds, seconds, report.started_at)
    for line, kind in zip(report.external, kinds, strict=True):
        case = ET.SubElement(
            suite, "testcase", classname=EXTERNAL_SUITE, name=_clean(line.id), time=f"{line.seconds:.3f}"
        )
        properties = ET.SubElement(case, "properties")
        ended = "" if line.exit_code is None else str(line.exit_code)
        for name, value in (("verdict", line.verdict), ("command", line.command), ("exit code", ended)):
            if value:
                ET.SubElement(properties, "property", name=name, value=_clean(value))
        if kind:
            ET.SubElement(case, kind, message=_clean(f"{line.verdict}: {line.reason}"))


def _add_run(root: ET.Element, report: Report) -> None:
    """The case of the run: an error where the exit code says neither that all holds nor what is violated."""
    decided = report.exit_code in {ExitCode.PASS, ExitCode.VIOLATED}
    seconds = f"{report.seconds:.3f}"
    suite = _add_suite(root, "gate", ["" if decided else "error"], report.seconds, report.started_at)
    properties = ET.SubElement(suite, "properties")
    for line in report.waivers:
        value = f"{line.requirement} {line.status} until {line.expires}, {line.owner}, {line.issue}: {line.reason}"
        ET.SubElement(properties, "property", name="waiver", value=_clean(value))
    case = ET.SubElement(suite, "testcase", classname="gate", name="the run decides", time=seconds)
    if not decided:
        said = ET.SubElement(case, "error", message=_clean(report.sentence))
        said.text = _clean("\n".join((*report.notes, *report.faults)))


def _add_case(suite: ET.Element, case: CaseLine, failure: Failure | None, phases: Mapping[str, str]) -> None:
    module, _, name = case.id.partition("::")
    element = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(module.replace("/", ".")),
        name=_clean(name),
        time=f"{case.seconds:.3f}",
    )
    properties = ET.SubElement(element, "properties")
    for kind, value in _properties(case, failure, phases):
        ET.SubElement(properties, "property", name=kind, value=_clean(value))
    if ended := _kind(case):
        _add_end(element, ended, case, failure)


def _properties(
    case: CaseLine, failure: Failure | None, phases: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    yield from (("requirement", name) for name in case.requirements)
    yield from (
        ("phase", phase) for phase in sorted({phases.get(name, "") for name in case.requirements} - {""})
    )
    yield "verdict", case.verdict
    if failure is not None:
        yield "severity", failure.severity
        yield "class", failure.kind
        yield "seed", str(failure.seed)
        yield "replay", failure.replay


def _add_end(element: ET.Element, ended: str, case: CaseLine, failure: Failure | None) -> None:
    """How the case ended, with all that explains it; the transcript is its output."""
    word = f"{case.verdict} (waived)" if case.waived else case.verdict
    said = ET.SubElement(element, ended, message=_clean(f"{word}: {case.reason}"))
    if failure is None:
        return
    parts = (
        failure.sentence,
        f"expected: {failure.expected}",
        f"actual: {failure.actual}",
        failure.traceback,
        f"replay: {failure.replay}",
    )
    said.text = _clean("\n".join(part for part in parts if part))
    if failure.transcript:
        output = ET.SubElement(element, "system-out")
        output.text = _clean("\n".join(entry.line() for entry in failure.transcript))


def write_junit(report: Report, path: Path) -> None:
    """Write the report as JUnit XML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = ET.ElementTree(as_element(report))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)
