from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.report.model import Report, RequirementSetLine, Selection
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.signoff.policy import Policy, TargetPolicy
from arqonbus_conformance.signoff.refusals import Problem, Refusal, refusal_code
from arqonbus_conformance.signoff.statement import Statement, statement_of
from arqonbus_conformance.signoff.verification import problems_of_report, problems_with
from arqonbus_conformance.waivers import WaiverLine
from made_reports import made_report

SET, OLDER = requirement_set(), requirement_set("0.9")
DRAFT = SET._replace(frozen=False)
BEGAN = datetime(2026, 11, 25, 18, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=2)
SECURE = next(one.id for one in SET.by_id.values() if one.security and one.level == "MUST")


def problems(report: Report, policy: Policy = Policy(), now: datetime = NOW) -> list[Problem]:  # noqa: B008
    return problems_with(statement_of(report), policy, now, {SET.revision: SET})


def with_verdicts(waivers: tuple[WaiverLine, ...] = (), **changed: tuple[str, bool]) -> Report:
    """A report in which these requirements (``ROUTE_001``) have that verdict, waived or not."""
    by_id = {name.replace("_", "-"): change for name, change in changed.items()}
    report = made_report()
    lines = tuple(
        msgspec.structs.replace(line, verdict=by_id[line.id][0], waived=by_id[line.id][1])
        if line.id in by_id
        else line
        for line in report.requirements
    )
    return msgspec.structs.replace(report, requirements=lines, waivers=waivers)


def waiver(
    requirement: str = "ROUTE-001", status: str = "applied", expires: str = "2026-12-24"
) -> WaiverLine:
    return WaiverLine(requirement, "ann", "why", "OPS-1", expires, "a::b: c", status, ("a::b",), "so it is")


def test_a_complete_run_that_passed_is_enough() -> None:
    """For whoever demands nothing special, and for whoever demands what it has."""
    fitting = Policy(
        level="standard",
        scope="deployment",
        max_age_hours=2,
        waivers=0,
        claims=("auth",),
        criteria=("no-auth-bypass",),
        target=TargetPolicy("staging", "2.4.1", "8c1f0d2", None, "ab" * 32),
    )

    assert problems(made_report()) == []
    assert problems(made_report(), fitting) == []


@pytest.mark.parametrize(
    ("policy", "kind", "says"),
    [
        (Policy(target=TargetPolicy("prod")), Refusal.TARGET, "'staging', and the one to release is 'prod'"),
        (
            Policy(target=TargetPolicy(version="2.4.2")),
            Refusal.TARGET,
            "the version of its target is '2.4.1'",
        ),
        (
            Policy(target=TargetPolicy(package_digest="cd" * 32)),
            Refusal.TARGET,
            "the package digest of its target is not known",
        ),
        (
            Policy(target=TargetPolicy(tls_key_sha256="cd" * 32)),
            Refusal.TARGET,
            "the TLS key SHA-256 of its target is 'abab",
        ),
        (Policy(max_age_hours=1.9), Refusal.STALE, "began 2.0 hours ago"),
        (Policy(level="full"), Refusal.LEVEL, "level standard; demanded: at least full"),
        (Policy(requirement_set="1.1"), Refusal.REQUIREMENTS, f"set {SET.revision}; demanded: at least 1.1"),
        (Policy(requirement_set="1.10"), Refusal.REQUIREMENTS, "at least 1.10"),
        (Policy(mutation_score=0.9), Refusal.MUTATION, "no mutation score"),
        (Policy(claims=("consumer_groups",)), Refusal.CLAIMS, "does not claim consumer_groups"),
    ],
)
def test_each_demand_has_a_sentence_of_its_own(policy: Policy, kind: Refusal, says: str) -> None:
    """And an exit code of its own."""
    (problem,) = problems(made_report(), policy)

    assert problem.kind is kind
    assert says in problem.sentence


@pytest.mark.parametrize(
    ("changes", "policy", "kind", "says"),
    [
        ({"scope": "endpoint"}, Policy(scope="deployment"), Refusal.SCOPE, "scope endpoint; demanded"),
        (
            {"mutation": MutationScore(0.8, 8, 10, "ab" * 32, "0.1.0")},
            Policy(mutation_score=0.9),
            Refusal.MUTATION,
            "is 0.8; demanded: at least 0.9",
        ),
        (
            {"mutation": MutationScore(float("nan"), 8, 10, "ab" * 32, "0.1.0")},
            Policy(mutation_score=0.0),
            Refusal.MUTATION,
            "is nan",
        ),
        ({"requirement_set": RequirementSetLine("0.8", "ab" * 32)}, Policy(), Refusal.REQUIREMENTS, "does not have"),
        ({"requirement_set": RequirementSetLine(SET.revision, "ab" * 32)}, Policy(), Refusal.REQUIREMENTS, "has the digest abab"),
        ({"exit_code": 2, "verdict": "incomplete"}, Policy(), Refusal.NOT_PASSED, "exit code 2 (incomplete)"),
        ({"criteria": ()}, Policy(criteria=("no-stubs",)), Refusal.NOT_PASSED, "no-stubs is unverified"),
        ({"waivers": (waiver(), waiver())}, Policy(waivers=1), Refusal.WAIVERS, "needed 2 waivers; allowed: at most 1"),
        ({"waivers": (waiver(status="stale"),)}, Policy(), Refusal.WAIVERS, "of ROUTE-001 is stale: so it is"),
        ({"waivers": (waiver(expires="2026-11-24"),)}, Policy(), Refusal.WAIVERS, "expired on 2026-11-24"),
        ({"waivers": (waiver(SECURE),)}, Policy(), Refusal.WAIVERS, f"{SECURE} is waived, and it is a MUST of security"),
    ],
)  # fmt: skip
def test_each_lack_of_a_run_is_a_reason(
    changes: dict[str, Any], policy: Policy, kind: Refusal, says: str
) -> None:
    """What was signed is judged again, whatever it says of itself."""
    (problem,) = problems(made_report(**changes), policy)

    assert problem.kind is kind
    assert says in problem.sentence


def test_every_must_is_counted_again() -> None:
    """A signed exit code 0 does not outweigh a MUST that is not there, undecided, violated or broken."""
    report = with_verdicts(
        ROUTE_001=("violated", False), ROUTE_002=("unverified", False), ENV_001=("unknown", False)
    )
    missing = msgspec.structs.replace(made_report(), requirements=made_report().requirements[1:])

    assert sorted(problem.sentence for problem in problems(report)) == [
        "1 MUST requirements are unknown: ENV-001",
        "1 MUST requirements are unverified: ROUTE-002",
        "1 MUST requirements are violated: ROUTE-001",
    ]
    assert [problem.sentence for problem in problems(missing)] == [
        "1 MUST requirements are unverified: CONF-001"
    ]


def test_a_waived_violation_is_enough_where_its_waiver_is_there() -> None:
    """The mark alone is not."""
    marked = {"ROUTE_001": ("violated", True)}

    assert problems(with_verdicts((waiver(),), **marked)) == []
    assert [one.kind for one in problems(with_verdicts((), **marked))] == [Refusal.NOT_PASSED]
    assert [one.kind for one in problems(with_verdicts((waiver("ROUTE-002"),), **marked))] == [
        Refusal.NOT_PASSED
    ]


def test_out_of_scope_is_enough_only_where_the_scope_says_so() -> None:
    """In scope deployment nothing is out of it."""
    report = with_verdicts(CONF_001=("out_of_scope", False))
    endpoint = msgspec.structs.replace(report, scope="endpoint")

    assert problems(endpoint) == []
    assert [one.kind for one in problems(report)] == [Refusal.NOT_PASSED]


def test_a_run_that_is_still_to_come_is_refused() -> None:
    """Beyond what clocks may differ by."""
    assert problems(made_report(), now=BEGAN - timedelta(minutes=5)) == []
    assert [one.kind for one in problems(made_report(), now=BEGAN - timedelta(minutes=6))] == [Refusal.STALE]


def test_a_week_is_the_age_that_is_allowed_without_a_policy() -> None:
    """No sign-off lives for ever because nobody wrote a policy."""
    assert problems(made_report(), now=BEGAN + timedelta(days=7)) == []
    assert [one.kind for one in problems(made_report(), now=BEGAN + timedelta(days=7, hours=1))] == [
        Refusal.STALE
    ]


def test_a_subject_that_is_not_the_target_of_the_evidence_is_refused() -> None:
    """The digest that a pipeline looks up is bound to what was judged."""
    statement: Statement = statement_of(made_report())
    other = msgspec.structs.replace(statement.subject[0], name="prod")
    renamed = msgspec.structs.replace(statement, subject=(other,))

    found = problems_with(renamed, Policy(), NOW, {SET.revision: SET})

    assert [problem.kind for problem in found] == [Refusal.TARGET]


def test_all_reasons_are_given_at_once() -> None:
    """The exit code is that of the most fundamental one."""
    policy = Policy(level="full", max_age_hours=1, claims=("consumer_groups",), target=TargetPolicy("prod"))

    found = problems(made_report(failing=True), policy)

    assert [problem.kind for problem in found][:3] == [Refusal.TARGET, Refusal.STALE, Refusal.LEVEL]
    assert {Refusal.NOT_PASSED, Refusal.WAIVERS, Refusal.CLAIMS} >= {one.kind for one in found[3:]}
    assert refusal_code(found) == 12
    assert refusal_code([]) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"interrupted": True}, "interrupted"),
        ({"cases": ()}, "no case ran"),
        ({"selection": Selection(complete=False, keyword="x")}, "selection of cases"),
    ],
)
def test_half_a_run_is_never_signed(changes: dict[str, Any], says: str) -> None:
    """Whatever its verdicts are."""
    (problem,) = problems_of_report(made_report(**changes), {SET.revision: SET})

    assert problem.kind is Refusal.NOT_PASSED
    assert says in problem.sentence
    assert problems_of_report(made_report(), {SET.revision: SET}) == []


def test_a_draft_is_never_enough() -> None:
    """A set that may still change vouches for nothing, whatever the run found; its exit code is its own."""
    known = {OLDER.revision: OLDER, DRAFT.revision: DRAFT}
    report = made_report(requirement_set=RequirementSetLine(DRAFT.revision, DRAFT.digest))

    signing = problems_of_report(report, known)
    verifying = problems_with(statement_of(report), Policy(), NOW, known)
    frozen = known | {SET.revision: SET}

    assert [problem.kind for problem in signing] == [Refusal.DRAFT]
    assert "set 1.0, a draft that may still change; allowed: one that is frozen (0.9)" in signing[0].sentence
    assert signing[0] in verifying
    assert problems_of_report(report, frozen) == []
