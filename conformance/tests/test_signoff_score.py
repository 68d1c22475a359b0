import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.mutation.matrix import Kill, Matrix, Outcome
from arqonbus_conformance.requirements import requirement_set
from signoff_runs import Ended, signed


def kill_matrix(suite_version: str) -> dict[str, Any]:
    """Four hunted mutants, three of them killed."""
    outcomes = (Outcome.KILLED, Outcome.KILLED, Outcome.SURVIVED, Outcome.KILLED)
    kills = tuple(
        Kill(f"m-{number}", "ROUTE-001", "A story.", outcome, "", 1.0, {})
        for number, outcome in enumerate(outcomes)
    )
    return Matrix(
        "1.0", suite_version, requirement_set().digest, 4.0, complete=True, mutants=kills
    ).as_document()


@pytest.mark.parametrize(
    ("bound", "options", "code", "says"),
    [
        (0.75, ("--mutants", "mutants.json"), 0, "verified"),
        (0.8, ("--mutants", "mutants.json"), 19, "its mutation score is 0.75; demanded: at least 0.8"),
        (0.1, (), 19, "it has no mutation score"),
    ],
)
def test_the_score_of_a_kill_matrix_reaches_the_policy(
    gate: Ended,
    bus_beside: Callable[[], str],
    *,
    bound: float,
    options: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    """From the file of the hunt over the report of a run and the sign-off to the bound."""
    Path("mutants.json").write_text(json.dumps(kill_matrix(version("arqonbus-conformance"))))
    Path("policy.toml").write_text(f"mutation_score = {bound}\n")

    run = gate("run", "--url", bus_beside(), "-k", "no_such_case", "--no-incidents", *options)
    judged = json.loads(Path("reports/gate.json").read_text("utf-8"))["mutation"]
    signed(gate, mutation=None if judged is None else MutationScore(**judged))
    ended, said = gate("verify", "a.json", "--key", "k.pub", "--policy", "policy.toml")

    assert run[0] == 2
    assert ended == code
    assert says in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lambda: json.dumps(kill_matrix("9.9")), "made with suite version 9.9"),
        (lambda: json.dumps(kill_matrix("9.9"))[:-9], "it is no kill matrix"),
    ],
)
def test_a_kill_matrix_that_says_nothing_of_this_suite_is_refused(
    gate: Ended, text: Callable[[], str], says: str
) -> None:
    """Before any case."""
    Path("mutants.json").write_text(text())

    code, said = gate("run", "--mutants", "mutants.json")

    assert code == 64
    assert "--mutants: 'mutants.json' is not allowed" in said
    assert says in said
