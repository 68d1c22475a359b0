"""Hunting mutants: one gate run each, several beside each other, each on deployments of its own."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Final, NamedTuple

import pytest
from arqonbus_fixtures.mutants.mutant import Mutant

from arqonbus_conformance.judge import Judge
from arqonbus_conformance.judging import CaseResult, requirement_verdicts
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.mutation.matrix import Kill, Outcome, collateral_of, outcome_of
from arqonbus_conformance.mutation.plan import Huntable, Plan, plan_for
from arqonbus_conformance.recording import CASE, Case
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.selection import RunRequest
from arqonbus_conformance.session import collect, run_here
from arqonbus_conformance.target import Target, embedded_reference
from arqonbus_conformance.verdict import Verdict

__all__ = ["hunt", "hunt_all", "huntable", "huntable_cases", "of_its_own_each", "target_of"]

ORIGINAL: Final = "-m arqonbus_reference"
"""How the deployment that mutants are made of is launched."""
LAUNCHING: Final = frozenset({Need.LAUNCH, Need.CONTROL_VALKEY, Need.LAUNCH_SHIELD, Need.CONTROL_NATS})
MILD: Final = frozenset({Blast.READ_ONLY, Blast.OWN_NAMESPACE})
SEED: Final = 20_260_101
"""The seed of every hunt: a mutant is caught every time or never."""


class _Chase:
    """A pytest plugin: once a case has caught the mutant, the other cases that claim to are not run.

    Attributes:
        found: the ids of the cases that pytest has found.
    """

    def __init__(self, judge: Judge, requirement: str) -> None:
        self._judge = judge
        self._requirement = requirement
        self.found: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what there is: a case that was asked for and is not among them judged nothing."""
        self.found = {item.stash[CASE].id for item in session.items}

    @property
    def _caught(self) -> bool:
        return any(
            result.verdict is Verdict.VIOLATED and self._requirement in result.requirements
            for result in self._judge.results
        )

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leave out a case that could only say once more what is known."""
        if self._requirement in item.stash[CASE].requirements and self._caught:
            pytest.skip("the mutant is caught already")


class _Task(NamedTuple):
    mutant: Mutant
    plan: Plan
    revision: str | None


def huntable_cases() -> list[Huntable]:
    """Every case of the installed suites, as plans need to know it; nothing is run."""
    return [huntable(item.stash[CASE]) for item in collect(Judge(embedded_reference()), RunRequest())]


def huntable(case: Case) -> Huntable:
    """The case, as plans need to know it."""
    return Huntable(case.id, case.requirements, bool(case.needs & LAUNCHING), Blast(case.blast) in MILD)


def target_of(mutant: str) -> Target:
    """The embedded reference, launched as that mutant wherever it is launched."""
    target = embedded_reference()
    assert target.launch is not None  # noqa: S101 - the shipped profile launches
    mutated = f"-m arqonbus_fixtures.mutants {mutant}"
    launch = target.launch._replace(
        command=target.launch.command.replace(ORIGINAL, mutated),
        preflight=target.launch.preflight.replace(ORIGINAL, mutated),
        shield=None if target.launch.shield is None else target.launch.shield.replace(ORIGINAL, mutated),
    )
    return target._replace(name=f"mutant {mutant}", launch=launch)


def hunt(mutant: Mutant, plan: Plan, revision: str | None = None) -> Kill:
    """Run the cases of the plan on the mutant and say what became of it.

    Judged by the requirement set of that revision; the newest frozen one where none is named.
    """
    began = time.monotonic()
    judge = Judge(target_of(mutant.id), requirements=requirement_set(revision), seed=SEED, attempts=1)
    request = RunRequest(cases=(*plan.own, *plan.sample))
    chase = _Chase(judge, mutant.requirement)
    run_here(judge, request, plugins=[chase])
    if lost := set(request.cases) - chase.found:
        judge.faults.append(f"{len(lost)} of the cases were not found, such as {min(lost)}")
    return _kill(mutant, judge, time.monotonic() - began)


def _kill(mutant: Mutant, judge: Judge, seconds: float) -> Kill:
    judged = judge.requirements.of(name for result in judge.results for name in result.requirements)
    verdicts = requirement_verdicts(judged, judge.results, judge.scope)
    return Kill(
        id=mutant.id,
        requirement=mutant.requirement,
        story=mutant.story,
        # What a broken hunt found says nothing of the mutant.
        outcome=Outcome.SURVIVED if judge.faults else outcome_of(mutant.requirement, verdicts),
        by=_catcher(mutant.requirement, judge.results),
        seconds=round(seconds, 3),
        verdicts=verdicts,
        collateral=collateral_of(mutant.requirement, [(r.requirements, r.verdict) for r in judge.results]),
        problem="; ".join([*([judge.unreachable] if judge.unreachable else []), *judge.faults]),
    )


def _catcher(requirement: str, results: Iterable[CaseResult]) -> str:
    """The first case that judges the requirement and found it violated; else the first that found anything violated."""
    violated = [result for result in results if result.verdict is Verdict.VIOLATED]
    own = [result for result in violated if requirement in result.requirements]
    return next((result.id for result in [*own, *violated]), "")


def of_its_own_each(jobs: int) -> ProcessPoolExecutor:
    """Workers for runs, ``jobs`` beside each other, each run in a new process that has all modules already.

    pytest names some cases otherwise when one process collects them for the second time.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(max_workers=jobs, mp_context=context, max_tasks_per_child=1)


def _hunt_task(task: _Task) -> Kill:
    return hunt(task.mutant, task.plan, task.revision)


def hunt_all(
    mutants: Sequence[Mutant],
    cases: Sequence[Huntable],
    *,
    jobs: int,
    revision: str | None = None,
    began: Callable[[int], None] = lambda _: None,
) -> Iterator[Kill]:
    """Hunt each mutant in one of ``jobs`` processes; kills come as they are made.

    ``revision`` is that of the requirement set that is judged by, the newest frozen one unless given; ``began`` is told
    how many mutants there are.
    """
    tasks = [_Task(mutant, plan_for(mutant.id, mutant.requirement, cases), revision) for mutant in mutants]
    began(len(tasks))
    with of_its_own_each(jobs) as pool:
        waiting: list[Future[Kill]] = [pool.submit(_hunt_task, task) for task in tasks]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
