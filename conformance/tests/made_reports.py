"""Reports made for tests: one where all holds, one where much does not, in their JSON form."""

import json
from typing import Any

from arqonbus_conformance.criteria import criteria_of
from arqonbus_conformance.judging import Attempt, CaseResult
from arqonbus_conformance.phases import phase_results
from arqonbus_conformance.report.json_report import as_document
from arqonbus_conformance.report.model import (
    SCHEMA_VERSION,
    CaseLine,
    CriterionLine,
    ExternalLine,
    Failure,
    Fingerprint,
    LeftOut,
    Leftovers,
    PhaseLine,
    Report,
    RequirementLine,
    RequirementSetLine,
    Selection,
    TargetLine,
)
from arqonbus_conformance.report.timing import timing_of
from arqonbus_conformance.requirements import Requirement, requirement_set
from arqonbus_conformance.transcript import Entry
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waivers import WaiverLine

VIOLATED = {"AUTH-003": "blocker", "ROUTE-007": "high", "STORE-004": "critical"}
OTHERS = {"TEL-002": Verdict.UNKNOWN, "HTTP-004": Verdict.BROKEN, "CONF-009": Verdict.UNVERIFIED}

HOSTILE = (
    "</script></style></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "{{7*7}} \u202egnp.exe \x00\x1b[31m \ud800 javascript:alert(1)"
)
"""Text as a hostile deployment would send it, to be found again as text."""

EXTERNAL = (
    ExternalLine("shield_rust/check", "holds", "cargo check -p shield", 4.2, 0),
    ExternalLine(
        "shield_rust/test", "violated", "cargo test -p shield --tests", 9.5, 101, "test a ... FAILED"
    ),
    ExternalLine("shield_rust/audit", "unverified", "cargo audit", 0.0, None, "cargo is not on the path"),
)
"""What other programs found out: one that holds, one that is violated, one that did not run."""


def verdict_of(requirement: str, *, failing: bool) -> Verdict:
    if not failing:
        return Verdict.HOLDS
    return Verdict.VIOLATED if requirement in VIOLATED else OTHERS.get(requirement, Verdict.HOLDS)


def case_of(requirement: Requirement, number: int, *, failing: bool) -> CaseLine:
    verdict = verdict_of(requirement.id, failing=failing)
    return CaseLine(
        id=f"{requirement.suite}/test_{requirement.area.lower()}::test_{requirement.id.lower().replace('-', '_')}",
        suite=requirement.suite,
        requirements=(requirement.id,),
        verdict=str(verdict),
        seconds=round(0.004 * (1 + number % 29) ** 1.7, 4),
        reason="" if verdict is Verdict.HOLDS else f"the message of {requirement.id} went astray",
        observations=3,
        attempts=(Attempt(verdict, 0.1), Attempt(Verdict.HOLDS, 0.1)) if verdict is Verdict.VIOLATED else (),
        close_codes=(1000, 1008) if requirement.area == "CONN" else (),
    )


def transcript(text: str) -> tuple[Entry, ...]:
    sent = '{"id":"m-1","type":"message","room":"r1","channel":"c1","payload":{"text":"late"}}'
    return (
        Entry(
            0.0011,
            "ann",
            ">",
            "upgrade",
            212,
            "GET /?token=*** HTTP/1.1\\r\\nAuthorization: Bearer ***\\r\\n",
        ),
        Entry(0.0034, "ann", "<", "upgraded", 3, "101"),
        Entry(0.0041, "ann", "<", "text", 341, '{"type":"welcome","payload":{"client_id":"c-81"}}'),
        Entry(0.0052, "bob", ">", "text", len(sent), sent),
        Entry(0.0063, "bob", "<", "text", 96, '{"type":"message_response","request_id":"m-1"}'),
        Entry(0.0064, "ann", "<", "text", len(text), text),
        Entry(0.0082, "ann", ">", "ping", 4, "74657374"),
        Entry(0.0099, "ann", "<", "end", 4, "1011 internal error"),
    )


def failure_of(case: CaseLine, text: str) -> Failure:
    return Failure(
        case=case.id,
        verdict=case.verdict,
        requirements=case.requirements,
        sentence="After the leave is confirmed, later messages skip the former member.",
        reason=case.reason,
        expected="['sentinel']",
        actual=f"['late', 'sentinel'] {text}",
        traceback="Traceback (most recent call last):\n  KeyError: 1" if case.verdict == "broken" else "",
        severity=VIOLATED.get(case.requirements[0], "high"),
        kind="code",
        transcript=() if case.verdict == "broken" else transcript(text),
        dropped=17 if case.requirements == ("ROUTE-007",) else 0,
        seed=20261125,
        replay=f"arqonbus-gate run -k '{case.id}'",
        signature="expected 1008, got 1011",
    )


def made_report(*, failing: bool = False, text: str = "plain text", **changes: Any) -> Report:
    """A report over the whole requirement set, one case each; ``text`` is what a failing deployment said."""
    known = list(requirement_set().by_id.values())
    verdicts = {one.id: verdict_of(one.id, failing=failing) for one in known}
    cases = tuple(case_of(one, number, failing=failing) for number, one in enumerate(known))
    results = [
        CaseResult(one.id, one.suite, one.requirements, Verdict(one.verdict), one.seconds) for one in cases
    ]
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "suite_version": "0.1.0",
        "requirement_set": RequirementSetLine(requirement_set().revision, requirement_set().digest),
        "target": TargetLine(
            "staging",
            "wss://bus.staging.example:9100",
            "https://bus.staging.example",
            None,
            {"auth": True, "durable": True},
            None,
            Fingerprint("2.4.1", "8c1f0d2", None, "ab" * 32),
        ),
        "level": "standard",
        "scope": "deployment",
        "selection": Selection(complete=True, left_out=(LeftOut("unit/test_slow::test_x", "level full"),)),
        "seed": 20261125,
        "started_at": "2026-11-25T18:00:00+00:00",
        "seconds": 61.48,
        "verdict": "fail" if failing else "pass",
        "exit_code": 1 if failing else 0,
        "interrupted": False,
        "sentence": "exit 1: 3 MUST requirements are violated (AUTH-003, ROUTE-007, STORE-004); replay the failures above"
        if failing
        else "exit 0: every MUST requirement holds, as far as the deployment claims it",
        "notes": ("the Valkey of this run was embedded",) if failing else (),
        "faults": (),
        "criteria": tuple(
            CriterionLine(one.id, one.title, str(one.verdict), one.requirements, one.violated)
            for one in criteria_of(known, verdicts, [(one.suite, Verdict(one.verdict)) for one in cases])
        ),
        "phases": tuple(
            PhaseLine(
                one.phase.number,
                one.phase.title,
                one.phase.exit_criteria,
                str(one.verdict),
                one.blocked_by,
                len(one.requirements),
                one.violated,
            )
            for one in phase_results(known, verdicts)
        ),
        "requirements": tuple(
            RequirementLine(
                one.id,
                str(one.level),
                str(verdicts[one.id]),
                one.suite,
                one.area,
                one.phase,
                one.security,
                one.sentence,
                one.source,
                1,
            )
            for one in known
        ),
        "cases": cases,
        "failures": tuple(
            failure_of(one, text) for one in cases if one.verdict in {"violated", "broken", "unknown"}
        ),
        "waivers": (
            WaiverLine(
                "GRP-001",
                "ann@example.org",
                "fixed in 2.5",
                "BUS-41",
                "2026-12-24",
                "1011",
                "applied",
                ("a::b",),
                "",
            ),
        )
        if failing
        else (),
        "timing": timing_of(results, 0.8),
        "not_scored": (),
        "vanished": (),
        "leftovers": Leftovers(checked=True, found=()),
        "mutation": None,
        "environment": {"python": "3.11.2", "platform": "Linux"},
    }
    return Report(**{**fields, **changes})


def made_document(*, failing: bool = False, text: str = "plain text", **changes: Any) -> dict[str, Any]:
    """The same as it is read back from its JSON form, with its footer."""
    document: dict[str, Any] = json.loads(
        json.dumps(as_document(made_report(failing=failing, text=text, **changes)))
    )
    return document


def case_in(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["cases"] if name in one["requirements"])
    return found
