from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import msgspec
import pytest
from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, Finding
from arqonbus_conformance.leftovers import Left
from arqonbus_conformance.merging import MergeError, fresh_judge, merged
from arqonbus_conformance.report.making import Span, make_report
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.selection import RunRequest, Shard
from arqonbus_conformance.signatures import signature_of
from arqonbus_conformance.target import quick_target
from arqonbus_conformance.verdict import Verdict
from arqonbus_conformance.waivers import Waiver

SPAN = Span(datetime(2026, 3, 1, tzinfo=UTC), 2.0)
FAILING = CaseResult(
    "unit/m::c",
    "unit",
    ("ROUTE-002",),
    Verdict.VIOLATED,
    0.5,
    finding=Finding(Verdict.VIOLATED, "the code", "1002", "1000"),
)


def result(name: str, requirement: str, verdict: Verdict = Verdict.HOLDS) -> CaseResult:
    return CaseResult(f"unit/m::{name}", "unit", (requirement,), verdict, 0.5)


def part(number: int, *results: CaseResult, parts: int = 2, change: Callable[[Judge], Any] = id) -> Report:
    judge = Judge(quick_target("ws://127.0.0.1:9100", None, None), seed=1)
    judge.request = RunRequest(
        areas=("ROUTE",), requirements=("ROUTE-001", "ROUTE-002"), shard=Shard(number, parts)
    )
    judge.find_left(Left())
    for found in results:
        judge.record(found)
    change(judge)
    return make_report(judge, SPAN)


@cache
def one() -> Report:
    return part(1, result("a", "ROUTE-001"))


@cache
def two() -> Report:
    return part(2, result("b", "ROUTE-002"))


def test_the_whole_is_judged_as_one_run() -> None:
    """What no part decided alone is decided together; the shard is gone, the rest of the choice stays."""
    whole = merged([two(), one()], fresh_judge())

    assert [(line.id, line.verdict, line.cases) for line in whole.requirements] == [
        ("ROUTE-001", "holds", 1),
        ("ROUTE-002", "holds", 1),
    ]
    assert (whole.exit_code, whole.selection.shard, whole.selection.areas) == (0, "", ("ROUTE",))
    assert whole.target == one().target
    assert whole.seconds == 4.0
    assert not any("this was part" in note for note in whole.notes)


def test_a_requirement_that_no_part_judged_is_unverified() -> None:
    """The whole must answer for all of it."""
    whole = merged([one(), part(2)], fresh_judge())

    assert whole.exit_code == 2
    assert {line.id: line.verdict for line in whole.requirements}["ROUTE-002"] == "unverified"


def test_a_failure_of_a_part_is_one_of_the_whole() -> None:
    """With all that is told of it."""
    bad = part(2, FAILING)

    whole = merged([one(), bad], fresh_judge())

    assert whole.exit_code == 1
    assert whole.failures == bad.failures


def fingerprinted(number: int, fingerprint: Fingerprint, **seen: object) -> Report:
    """A part that saw this deployment; ``seen`` changes its target."""
    made = part(number, result(f"c{number}", f"ROUTE-00{number}"))
    return msgspec.structs.replace(
        made, target=msgspec.structs.replace(made.target, fingerprint=fingerprint, **seen)
    )


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (
            Fingerprint("2", None, None, "ab" * 32),
            "the version of the target is 2 in report 2 and 1 in report 1",
        ),
        (
            Fingerprint("1", "8c1f", None, "ab" * 32),
            "the commit of the target is 8c1f in report 2 and not known",
        ),
        (Fingerprint("1", None, "cd" * 32, "ab" * 32), "target.package_digest: report 2"),
        (Fingerprint("1"), "the TLS key SHA-256 of the target is not known in report 2"),
    ],
)
def test_parts_on_different_deployments_are_no_run(other: Fingerprint, says: str) -> None:
    """The same name and address, and yet another version, package or key."""
    parts = [fingerprinted(1, Fingerprint("1", None, None, "ab" * 32)), fingerprinted(2, other)]

    with pytest.raises(MergeError) as raised:
        merged(parts, fresh_judge())

    assert says in str(raised.value)


def test_a_part_that_never_looked_at_the_main_deployment_differs_from_none() -> None:
    """Its cases launched deployments of their own; the whole has the fingerprint that others saw."""
    fingerprint = Fingerprint("1", None, "cd" * 32)
    parts = [
        fingerprinted(1, Fingerprint(None, None, "cd" * 32), bus=None, launch="python -m bus"),
        fingerprinted(2, fingerprint, launch="python -m bus"),
    ]

    assert merged(parts, fresh_judge()).target.fingerprint == fingerprint


def test_waivers_are_applied_to_the_whole() -> None:
    """One that matches nothing in one part may match in another."""
    waiver = Waiver("ROUTE-002", "ann", "a proxy", "OPS-1", date(2026, 4, 1), signature_of(FAILING))

    def waive(judge: Judge) -> None:
        judge.waivers = (waiver,)

    parts = [part(1, result("a", "ROUTE-001"), change=waive), part(2, FAILING, change=waive)]
    whole = merged(parts, fresh_judge())

    assert [report.waivers[0].status for report in (*parts, whole)] == ["not_judged", "applied", "applied"]
    assert whole.exit_code == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("interrupted", True, 2), ("faults", ["a fault"], 4), ("unreachable", "nobody", 69)],
)
def test_what_went_wrong_in_a_part_went_wrong_in_the_whole(field: str, value: object, code: int) -> None:
    """No part is covered up by the others."""
    wrong = part(2, result("b", "ROUTE-002"), change=lambda judge: setattr(judge, field, value))

    assert merged([one(), wrong], fresh_judge()).exit_code == code


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (lambda: [one()], "part 2/2 is missing"),
        (lambda: [one(), one()], "part 1/2 is there twice"),
        (lambda: [one(), part(2, parts=3)], "parts of several runs"),
        (lambda: [one(), part(2, result("a", "ROUTE-001"))], "unit/m::a was run by report 1 and by report 2"),
        (lambda: [one(), part(2, change=lambda judge: setattr(judge, "seed", 2))], "seed: report 2 has 2"),
        (lambda: [one(), msgspec.structs.replace(two(), level="full")], "level: report 2 has 'full'"),
        (
            lambda: [
                one(),
                part(2, change=lambda judge: setattr(judge, "target", quick_target("ws://h:1", None, None))),
            ],
            "target: report 2",
        ),
        (
            lambda: [
                one(),
                part(2, change=lambda judge: setattr(judge, "request", RunRequest(shard=Shard(2, 2)))),
            ],
            "selection.",
        ),
        (
            lambda: [one(), part(2, change=lambda judge: setattr(judge, "request", RunRequest()))],
            "allowed: parts of one run",
        ),
    ],
)
def test_what_is_not_all_of_one_run_is_refused(parts: Callable[[], list[Report]], says: str) -> None:
    """With what is wrong."""
    with pytest.raises(MergeError) as refused:
        merged(parts(), fresh_judge())

    assert says in str(refused.value)


def test_another_requirement_set_is_refused() -> None:
    """A gate can judge only by the set that it has."""
    judge = fresh_judge()
    judge.requirements = judge.requirements._replace(digest="0" * 64)

    with pytest.raises(MergeError, match="which this gate judges by"):
        merged([one(), two()], judge)


def test_parts_that_a_draft_judged_are_merged_by_it(before_the_freeze: str) -> None:
    """The set that the parts name is the one of the whole, which says that it is a draft."""

    def by_draft(judge: Judge) -> None:
        judge.requirements = requirement_set(before_the_freeze)
        judge.request = judge.request._replace(areas=("SHLD",), requirements=())

    parts = [part(number, result(f"draft_{number}", "SHLD-007"), change=by_draft) for number in (1, 2)]

    whole = merged(parts, fresh_judge(parts[0]))

    assert whole.requirement_set.revision == before_the_freeze
    assert sum("is a draft" in note for note in whole.notes) == 1
    assert {line.id: line.verdict for line in whole.requirements}["SHLD-007"] == "holds"
