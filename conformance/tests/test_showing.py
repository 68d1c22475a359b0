from arqonbus_conformance.mutation.hurry import PLAIN
from arqonbus_conformance.mutation.plan import Huntable
from arqonbus_conformance.mutation.showing import HASTE, OF_A_FUNCTION, Task, tasks_for
from arqonbus_conformance.mutation.trial import HONEST
from arqonbus_fixtures.liars.registry import liar_named

ON_MAIN = [
    Huntable(f"unit/{module}::test_{function}[{number}]", ("ROUTE-001",), launches=False, mild=True)
    for module in ("m", "n")
    for function in ("a", "b")
    for number in range(5)
]
LAUNCHING = [Huntable(f"integration/m::{name}", ("START-001",), launches=True, mild=True) for name in "ab"]


def shown(*liars: str) -> list[Task]:
    return tasks_for([liar_named(name) for name in liars], [*ON_MAIN, *LAUNCHING])


def cases_of(tasks: list[Task], liar: str, haste: float) -> list[str]:
    return sorted(case for task in tasks if (task.liar, task.haste) == (liar, haste) for case in task.cases)


def test_the_truth_is_told_about_every_case_on_a_main_deployment() -> None:
    """In its own time; what a case refuses is known from there."""
    assert cases_of(shown("hangs"), HONEST, PLAIN) == sorted(case.id for case in ON_MAIN)


def test_what_says_most_is_shown_every_case_on_a_main_deployment() -> None:
    """In a hurry; and no case that launches one."""
    tasks = shown("rejects-everything")

    assert cases_of(tasks, "rejects-everything", HASTE) == sorted(case.id for case in ON_MAIN)
    assert {task.haste for task in tasks if task.liar != HONEST} == {HASTE}


def test_the_others_are_shown_some_cases_of_every_function() -> None:
    """The same ones every time, and others for another liar."""
    first, again, other = (cases_of(shown(name), name, HASTE) for name in ("echoes", "echoes", "answers-401"))

    assert len(first) == len(other) == OF_A_FUNCTION * 4
    assert first == again != other


def test_what_refuses_every_start_is_shown_the_cases_that_launch() -> None:
    """And nothing else: it has no main deployment."""
    tasks = [task for task in shown("rejects-every-start") if task.liar != HONEST]

    assert sorted(case for task in tasks for case in task.cases) == [case.id for case in LAUNCHING]
