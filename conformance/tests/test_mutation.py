import json

import jsonschema_rs
import msgspec
import pytest
from arqonbus_conformance.mutation.heat_map import page
from arqonbus_conformance.mutation.matrix import (
    MATRIX_SCHEMA_VERSION,
    Kill,
    Matrix,
    MatrixError,
    Outcome,
    collateral_of,
    matrix_schema,
    outcome_of,
    read_matrix,
)
from arqonbus_conformance.mutation.plan import SAMPLE_CASES, SAMPLE_SECONDS, Huntable, plan_for
from arqonbus_conformance.power import Power
from arqonbus_conformance.verdict import Verdict

NOTHING_KNOWN = Power({}, {})
CASES = [
    Huntable("unit/m::own_launched", ("ROUTE-001",), launches=True, mild=True),
    Huntable("unit/m::own", ("ROUTE-001", "ROUTE-002"), launches=False, mild=True),
    *(
        Huntable(f"unit/m::other{number}", (f"ENV-{number:03d}",), launches=False, mild=True)
        for number in range(40)
    ),
    Huntable("unit/m::launched", ("CONF-001",), launches=True, mild=True),
    Huntable("unit/m::wild", ("LIM-001",), launches=False, mild=False),
    *(
        Huntable(f"unit/m::edge{number}", (f"SHLD-{number:03d}",), launches=False, mild=True, edge=True)
        for number in range(40)
    ),
]


def kill(outcome: Outcome, name: str = "made-up", collateral: tuple[str, ...] = ()) -> Kill:
    verdicts = {"ROUTE-001": Verdict.VIOLATED if outcome is Outcome.KILLED else Verdict.HOLDS}
    return Kill(name, "ROUTE-001", "A <b>story</b>.", outcome, "unit/m::own", 1.0, verdicts, collateral)


def matrix(*kills: Kill, complete: bool = True) -> Matrix:
    return Matrix(MATRIX_SCHEMA_VERSION, "0.1.0", "0" * 64, 2.0, complete, kills)


def test_a_plan_holds_every_case_of_the_requirement_first() -> None:
    """Those on the deployment that runs already before those that launch one."""
    plan = plan_for("made-up", "ROUTE-001", CASES, NOTHING_KNOWN)

    assert plan.own == ("unit/m::own", "unit/m::own_launched")


def test_a_plan_begins_with_a_case_that_was_measured_to_catch_the_mutant() -> None:
    """Also with one that launches: it ends the hunt."""
    power = Power({}, {"unit/m::own_launched": ("made-up",), "unit/m::own": ("another",)})

    plan = plan_for("made-up", "ROUTE-001", CASES, power)

    assert plan.own == ("unit/m::own_launched", "unit/m::own")


def test_a_plan_begins_with_the_very_case_that_was_seen_to_catch_the_mutant() -> None:
    """The other cases of its function might all hold."""
    cases = [
        Huntable(f"unit/m::own[{number}]", ("ROUTE-001",), launches=False, mild=True) for number in range(3)
    ]
    power = Power({}, {"unit/m::own": ("made-up",)}, {"made-up": "unit/m::own[1]"})

    plan = plan_for("made-up", "ROUTE-001", cases, power)

    assert plan.own == ("unit/m::own[1]", "unit/m::own[0]", "unit/m::own[2]")


def test_a_sample_is_mild_and_the_same_every_time() -> None:
    """And holds no case of the requirement itself."""
    plan = plan_for("made-up", "ROUTE-001", CASES, NOTHING_KNOWN)

    assert plan == plan_for("made-up", "ROUTE-001", CASES, NOTHING_KNOWN)
    assert len(plan.sample) == SAMPLE_CASES
    assert all(name.startswith("unit/m::other") for name in plan.sample)


def test_a_sample_holds_no_case_that_is_known_to_be_slow() -> None:
    """Hundreds of hunts would each wait for it."""
    slow = {case.id: SAMPLE_SECONDS + 0.01 for case in CASES if case.id != "unit/m::other7"}

    plan = plan_for("made-up", "ROUTE-001", CASES, Power(slow, {}))

    assert plan.sample == ("unit/m::other7",)


def test_only_a_mutant_that_is_hunted_with_shield_is_sampled_with_it() -> None:
    """Whoever breaks Shield breaks something else of Shield first; for the others it is not launched at all."""
    with_shield, without = (
        plan_for("made-up", name, CASES, NOTHING_KNOWN).sample for name in ("SHLD-001", "ROUTE-001")
    )

    assert any(name.startswith("unit/m::edge") for name in with_shield)
    assert not any(name.startswith("unit/m::edge") for name in without)


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ({"ROUTE-001": Verdict.VIOLATED, "ENV-001": Verdict.VIOLATED}, Outcome.KILLED),
        ({"ROUTE-001": Verdict.HOLDS, "ENV-001": Verdict.VIOLATED}, Outcome.OTHER),
        ({"ROUTE-001": Verdict.UNKNOWN, "ENV-001": Verdict.HOLDS}, Outcome.SURVIVED),
        ({}, Outcome.SURVIVED),
    ],
)
def test_only_its_own_requirement_kills_a_mutant(verdicts: dict[str, Verdict], outcome: Outcome) -> None:
    """An undecided case kills nothing."""
    assert outcome_of("ROUTE-001", verdicts) is outcome


def test_collateral_is_what_other_cases_found() -> None:
    """A case that judges the broken requirement too accuses nothing else."""
    cases = [
        (("ROUTE-001", "ENV-001"), Verdict.VIOLATED),
        (("ENV-002",), Verdict.VIOLATED),
        (("ENV-003",), Verdict.HOLDS),
    ]

    assert collateral_of("ROUTE-001", cases) == ("ENV-002",)


def test_the_score_is_the_share_that_its_own_requirement_killed() -> None:
    """A matrix that was written is read again as its score."""
    written = matrix(kill(Outcome.KILLED), kill(Outcome.OTHER), kill(Outcome.SURVIVED), kill(Outcome.KILLED))

    score = read_matrix(json.dumps(written.as_document()), "0" * 64, written.suite_version)

    assert (score.score, score.killed, score.total) == (0.5, 2, 4)
    assert (score.digest, score.suite_version) == (written.as_document()["digest"], written.suite_version)
    assert matrix().score == 0.0


def test_a_matrix_that_was_changed_is_refused() -> None:
    """Whoever wants a better score must hunt for it."""
    document = matrix(kill(Outcome.SURVIVED)).as_document()
    document["mutants"][0]["outcome"] = "killed"

    with pytest.raises(MatrixError, match="cut or changed"):
        read_matrix(json.dumps(document), "0" * 64, matrix().suite_version)


@pytest.mark.parametrize(
    ("text", "digest", "says"),
    [
        ("{", "0" * 64, "no kill matrix"),
        ("[]", "0" * 64, "no kill matrix"),
        (json.dumps(matrix(kill(Outcome.KILLED)).as_document()), "1" * 64, "another requirement set"),
        (
            json.dumps(matrix(kill(Outcome.KILLED), complete=False).as_document()),
            "0" * 64,
            "a selection of the mutants",
        ),
        (json.dumps(matrix().as_document()), "0" * 64, "a selection of the mutants"),
    ],
)
def test_a_matrix_of_something_else_is_refused(text: str, digest: str, says: str) -> None:
    """With the reason."""
    with pytest.raises(MatrixError, match=says):
        read_matrix(text, digest, matrix().suite_version)


def test_a_matrix_of_another_suite_is_refused() -> None:
    """What another suite catches says nothing of this one."""
    text = json.dumps(matrix(kill(Outcome.KILLED)).as_document())

    with pytest.raises(MatrixError, match="made with suite version .*; allowed: 9.9"):
        read_matrix(text, "0" * 64, "9.9")


def test_the_page_shows_survivors_first_and_escapes_all_text() -> None:
    """It asks for nothing from elsewhere."""
    made = page(
        matrix(kill(Outcome.KILLED, "dead-one"), kill(Outcome.SURVIVED, "alive-one")), ["ROUTE", "ENV"]
    )

    assert made.index("alive-one") < made.index("dead-one")
    assert "A &lt;b&gt;story&lt;/b&gt;." in made
    assert "://" not in made


def test_the_document_is_what_its_schema_describes() -> None:
    """With score and digest, which are added when it is written."""
    document = json.loads(json.dumps(matrix(kill(Outcome.KILLED)).as_document()))

    jsonschema_rs.validate(matrix_schema(), document)
    assert not jsonschema_rs.is_valid(matrix_schema(), {**document, "digest": "none"})


def test_the_page_counts_the_functions_that_catch_a_mutant() -> None:
    """Where each was shown it: beside the first."""
    caught = msgspec.structs.replace(kill(Outcome.KILLED), catchers=("unit/m::a", "unit/m::b", "unit/m::c"))

    made = page(matrix(caught), ["ROUTE"])

    assert "of 3 functions that catch it" in made
