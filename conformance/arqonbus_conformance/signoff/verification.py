"""Whether a sign-off may be believed and is enough: every reason against it, each as a sentence. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from arqonbus_conformance.fingerprint import NAMES
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.requirements import Level, Requirement, RequirementSet, Scope, order_of
from arqonbus_conformance.signoff.policy import DEPTHS, SCOPES, Policy
from arqonbus_conformance.signoff.refusals import Problem, Refusal
from arqonbus_conformance.signoff.statement import Evidence, Statement, subject_of
from arqonbus_conformance.verdict import ExitCode, Verdict
from arqonbus_conformance.waivers import FAULTS, Status

__all__ = ["problems_of_report", "problems_of_run", "problems_with"]

CLOCK_MINUTES: Final = 5
"""How far the clock of the gate may have been ahead."""
SHALLOW: Final = "smoke"
"""The level that decides only the requirements that its cases judge."""
NAMED: Final = 8
"""How many requirements a sentence names before it counts the rest."""


def problems_of_report(report: Report, known: Mapping[str, RequirementSet]) -> list[Problem]:
    """Why this report says nothing about a release, whatever its verdicts.

    It is of half a run, or of none, or judged by a draft; ``known`` are the requirement sets of this gate by revision.
    """
    found = []
    if report.interrupted:
        found.append("the run was interrupted, so most of it was never judged")
    if not report.cases:
        found.append("no case ran, so nothing was judged")
    if not report.interrupted and _is_of_a_part(report):
        found.append("it is of a selection of cases; a sign-off needs all of them")
    if not report.leftovers.checked:
        found.append("nobody looked for what the run left behind")
    problems = [Problem(Refusal.NOT_PASSED, sentence) for sentence in found]
    return [*problems, *_draft(report.requirement_set.revision, known)]


def _is_of_a_part(report: Report) -> bool:
    """Whether cases of its level were left out; level smoke never judges every requirement, and says so."""
    chosen = report.selection
    if report.level != SHALLOW:
        return not chosen.complete
    named = (chosen.suites, chosen.keyword, chosen.areas, chosen.requirements, chosen.shard)
    return any(named) or chosen.phase is not None or chosen.budget_seconds is not None


def problems_with(
    statement: Statement, policy: Policy, now: datetime, known: Mapping[str, RequirementSet]
) -> list[Problem]:
    """Every reason for which a deployment may not be released on this statement, the most fundamental first.

    Args:
        statement: what was signed; that it was, and by whom, is known already.
        policy: what is demanded.
        now: the time at which it is demanded, with its zone.
        known: the requirement sets that this gate has, by revision.
    """
    evidence = statement.predicate.arqonbus_gate
    found = [
        *_target(statement, policy),
        *_age(evidence, policy, now),
        *_depth(evidence, policy),
        *_claims(evidence, policy),
        *_mutation(evidence, policy),
        *problems_of_run(statement, now, known, policy),
        *_draft(evidence.requirement_set.revision, known),
    ]
    return sorted(found, key=lambda problem: problem.kind)


def problems_of_run(
    statement: Statement, now: datetime, known: Mapping[str, RequirementSet], policy: Policy
) -> list[Problem]:
    """Why the run itself is no pass by ``policy``: its requirement set, its verdicts, its waivers."""
    evidence = statement.predicate.arqonbus_gate
    found = list(_requirement_set(evidence, policy, known))
    requirements = known.get(evidence.requirement_set.revision)
    if requirements is not None:
        found += _verdicts(evidence, requirements)
        found += _waived_security(evidence, requirements)
    return [*found, *_result(statement), *_waivers(evidence, policy, now), *_criteria(evidence, policy)]


def _target(statement: Statement, policy: Policy) -> Iterator[Problem]:
    target = statement.predicate.arqonbus_gate.target
    if statement.subject != subject_of(target):
        yield Problem(Refusal.TARGET, "its subject is not the deployment that its evidence is about")
    if policy.target.name not in {None, target.name}:
        yield Problem(
            Refusal.TARGET,
            f"it is about the target {target.name!r}, and the one to release is {policy.target.name!r}",
        )
    for field, words in NAMES.items():
        wanted, found = getattr(policy.target, field), getattr(target.fingerprint, field)
        if wanted is None or wanted == found:
            continue
        said = "is not known" if found is None else f"is {found!r}"
        yield Problem(
            Refusal.TARGET,
            f"the {words} of its target {said}, and the policy demands {wanted!r} (target.{field})",
        )


def _age(evidence: Evidence, policy: Policy, now: datetime) -> Iterator[Problem]:
    age = now - evidence.started_at
    hours = age / timedelta(hours=1)
    if age < -timedelta(minutes=CLOCK_MINUTES):
        yield Problem(
            Refusal.STALE,
            f"its run began at {evidence.started_at.isoformat()}, which is still to come; allowed: at most "
            f"{CLOCK_MINUTES} minutes ahead",
        )
    elif hours > policy.max_age_hours:
        yield Problem(
            Refusal.STALE,
            f"its run began {hours:.1f} hours ago ({evidence.started_at.isoformat()}); allowed: at most "
            f"{policy.max_age_hours:g} hours",
        )


def _depth(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    if DEPTHS.index(evidence.level) < DEPTHS.index(policy.level):
        yield Problem(
            Refusal.LEVEL, f"its run was of level {evidence.level}; demanded: at least {policy.level}"
        )
    if SCOPES.index(evidence.scope) < SCOPES.index(policy.scope):
        yield Problem(
            Refusal.SCOPE, f"its run was of scope {evidence.scope}; demanded: at least {policy.scope}"
        )


def _claims(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    for claim in policy.claims:
        if not evidence.target.claims.get(claim, False):
            yield Problem(
                Refusal.CLAIMS,
                f"the deployment does not claim {claim}, which the policy demands, and was not judged by it",
            )


def _mutation(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    if policy.mutation_score is None:
        return
    if evidence.mutation is None:
        yield Problem(
            Refusal.MUTATION,
            f"it has no mutation score; demanded: at least {policy.mutation_score:g}",
        )
    elif not evidence.mutation.score >= policy.mutation_score:
        yield Problem(
            Refusal.MUTATION,
            f"its mutation score is {evidence.mutation.score:g}; demanded: at least {policy.mutation_score:g}",
        )


def _requirement_set(
    evidence: Evidence, policy: Policy, known: Mapping[str, RequirementSet]
) -> Iterator[Problem]:
    revision, digest = evidence.requirement_set.revision, evidence.requirement_set.digest
    requirements = known.get(revision)
    if requirements is None:
        yield Problem(
            Refusal.REQUIREMENTS,
            f"it is judged by requirement set {revision!r}, which this gate does not have; allowed: {', '.join(known)}",
        )
    elif requirements.digest != digest:
        yield Problem(
            Refusal.REQUIREMENTS,
            f"its requirement set {revision} has the digest {digest[:12]}, and that of this gate {requirements.digest[:12]}",
        )
    demanded = policy.requirement_set or _newest_frozen(known)
    if requirements is not None and order_of(revision) < order_of(demanded):
        yield Problem(
            Refusal.REQUIREMENTS,
            f"it is judged by requirement set {revision}; demanded: at least {demanded}",
        )


def _draft(revision: str, known: Mapping[str, RequirementSet]) -> Iterator[Problem]:
    requirements = known.get(revision)
    if requirements is not None and not requirements.frozen:
        frozen = ", ".join(one.revision for one in known.values() if one.frozen)
        yield Problem(
            Refusal.DRAFT,
            f"it is judged by requirement set {revision}, a draft that may still change; allowed: one that is frozen "
            f"({frozen}), as arqonbus-gate run takes where no --requirements is given",
        )


def _newest_frozen(known: Mapping[str, RequirementSet]) -> str:
    """Its revision; "", which every one is newer than, where none is frozen."""
    return max((one.revision for one in known.values() if one.frozen), key=order_of, default="")


def _result(statement: Statement) -> Iterator[Problem]:
    evidence = statement.predicate.arqonbus_gate
    if evidence.exit_code != ExitCode.PASS or statement.predicate.result == "FAILED":
        yield Problem(
            Refusal.NOT_PASSED,
            f"its run did not pass: it ended with exit code {evidence.exit_code} ({evidence.verdict})",
        )


def _verdicts(evidence: Evidence, requirements: RequirementSet) -> Iterator[Problem]:
    """What every MUST must amount to; decided here again, whatever the run said of itself."""
    by_verdict: dict[str, list[str]] = {}
    for one in requirements.by_id.values():
        if evidence.level == SHALLOW and one.id not in evidence.requirements:
            continue  # a smoke run decides only what its cases judge; the level tells the policy
        verdict = evidence.requirements.get(one.id, str(Verdict.UNVERIFIED))
        if one.level is Level.MUST and not _is_enough(evidence, one, verdict):
            by_verdict.setdefault(verdict, []).append(one.id)
    for verdict, ids in by_verdict.items():
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        said = f"{len(ids)} MUST requirements are {verdict.replace('_', ' ')}: {', '.join(ids[:NAMED])}{more}"
        yield Problem(Refusal.NOT_PASSED, said)


def _is_enough(evidence: Evidence, one: Requirement, verdict: str) -> bool:
    if verdict == Verdict.OUT_OF_SCOPE:
        return evidence.scope == "endpoint" and one.scope is Scope.DEPLOYMENT
    if verdict == Verdict.VIOLATED:
        applied = {line.requirement for line in evidence.waivers if line.status == Status.APPLIED}
        return one.id in evidence.waived and one.id in applied
    return verdict in {Verdict.HOLDS, Verdict.NOT_APPLICABLE}


def _waived_security(evidence: Evidence, requirements: RequirementSet) -> Iterator[Problem]:
    named = {*evidence.waived, *(line.requirement for line in evidence.waivers)}
    for one in requirements.of(named):
        if one.security and one.level is Level.MUST:
            yield Problem(
                Refusal.WAIVERS, f"{one.id} is waived, and it is a MUST of security, which nothing can waive"
            )


def _waivers(evidence: Evidence, policy: Policy, now: datetime) -> Iterator[Problem]:
    today = now.astimezone(UTC).date().isoformat()
    applied = [line for line in evidence.waivers if line.status == Status.APPLIED]
    if len(applied) > policy.waivers:
        yield Problem(Refusal.WAIVERS, f"it needed {len(applied)} waivers; allowed: at most {policy.waivers}")
    for line in evidence.waivers:
        if line.status in FAULTS:
            yield Problem(
                Refusal.WAIVERS, f"its waiver of {line.requirement} is {line.status}: {line.problem}"
            )
        elif line.status == Status.APPLIED and line.expires < today:
            yield Problem(
                Refusal.WAIVERS, f"its waiver of {line.requirement} expired on {line.expires}, after its run"
            )


def _criteria(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    for criterion in policy.criteria:
        verdict = evidence.criteria.get(criterion, str(Verdict.UNVERIFIED))
        if verdict != Verdict.HOLDS:
            said = f"the criterion {criterion} is {verdict.replace('_', ' ')}; demanded: holds"
            yield Problem(Refusal.NOT_PASSED, said)
