import asyncio
import json
import time

import jsonschema_rs
import pytest
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.mutation.hurry import HurriedLoop, hurry
from arqonbus_conformance.mutation.interrogation import _Ear
from arqonbus_conformance.mutation.trial import HONEST, Answer, Heard, Trial, refused, trial_schema, tried
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.target import embedded_reference
from arqonbus_conformance.transcript import Transcript
from arqonbus_conformance.verdict import ExitCode, Verdict

NEGATIVE = "unit/m::negative"
POSITIVE = "unit/m::positive"


def heard(case: str, verdict: Verdict = Verdict.HOLDS, *, refused: bool = False) -> Heard:
    return Heard(case, ("ROUTE-001",), verdict, refused, "a reason")


def answer(liar: str, *of_it: Heard, unreachable: str = "") -> Answer:
    return Answer(liar, of_it, unreachable)


TRUTH = answer(HONEST, heard(NEGATIVE, refused=True), heard(POSITIVE))


def trial(*answers: Answer) -> Trial:
    return tried(answers, requirement_set(), suite_version="0", seconds=1.0, complete=True)


def test_the_document_is_what_its_schema_describes() -> None:
    """With the verdict on the whole, which another kind of value is not."""
    document = json.loads(json.dumps(trial(TRUTH, answer("one", heard(NEGATIVE))).as_document()))

    jsonschema_rs.validate(trial_schema(), document)
    assert not jsonschema_rs.is_valid(trial_schema(), document | {"sound": "yes"})


def test_a_negative_case_that_holds_on_a_liar_believed_it() -> None:
    """Negative is what the honest deployment refuses something; the liar need not refuse anything."""
    found = trial(TRUTH, answer("one", heard(NEGATIVE), heard(POSITIVE, Verdict.VIOLATED)))

    assert found.negative == 1
    assert found.liars[0].believed == (NEGATIVE,)
    assert not found.sound


def test_a_case_that_takes_the_refusal_of_a_liar_for_an_answer_believed_it() -> None:
    """Also where the honest deployment was not asked."""
    found = trial(answer("one", heard(POSITIVE, refused=True)))

    assert found.liars[0].believed == (POSITIVE,)


def test_a_case_without_teeth_holds_on_every_liar() -> None:
    """One that did not run on a liar, or failed on any, is not among them."""
    found = trial(
        TRUTH,
        answer("one", heard(NEGATIVE, Verdict.VIOLATED), heard(POSITIVE)),
        answer("two", heard(NEGATIVE, Verdict.VIOLATED), heard(POSITIVE)),
    )

    assert found.toothless == (POSITIVE,)
    assert not found.sound


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([heard(POSITIVE, Verdict.VIOLATED)], ExitCode.VIOLATED),
        ([heard(POSITIVE, Verdict.UNKNOWN), heard(NEGATIVE)], ExitCode.INCOMPLETE),
        ([heard(POSITIVE, Verdict.BROKEN)], ExitCode.SUITE_FAULT),
        ([heard(POSITIVE)], ExitCode.PASS),
    ],
)
def test_a_run_on_a_liar_ends_as_every_run_does(answers: list[Heard], code: ExitCode) -> None:
    """By the worst verdict on what MUST hold."""
    assert trial(answer("one", *answers)).liars[0].exit_code == code


def test_a_liar_that_cannot_be_reached_needs_no_case() -> None:
    """Nothing ran, and nothing believed it."""
    found = trial(TRUTH, answer("one", unreachable="refused"))

    assert found.liars[0].exit_code == ExitCode.UNREACHABLE
    assert found.sound


def test_a_liar_that_passes_is_not_found_out() -> None:
    """Even when no case is negative."""
    assert not trial(TRUTH, answer("one", heard(POSITIVE))).sound


def test_a_case_that_a_liar_breaks_is_a_fault_of_the_suite() -> None:
    """It is named with what went wrong."""
    found = trial(TRUTH, answer("one", heard(POSITIVE, Verdict.BROKEN), heard(NEGATIVE, Verdict.VIOLATED)))

    assert found.liars[0].broke == (f"{POSITIVE}: a reason",)
    assert not found.sound


def test_what_the_honest_deployment_fails_says_nothing() -> None:
    """Such a case may be negative or not: nobody knows."""
    found = trial(answer(HONEST, heard(POSITIVE, Verdict.UNKNOWN)))

    assert found.dishonoured == (f"{POSITIVE}: a reason",)
    assert not found.sound


@pytest.mark.parametrize(
    ("peer", "direction", "kind", "text", "is_refusal"),
    [
        ("ann", "<", "text", '{"id": "arq_1", "type": "error"}', True),
        ("ann", "<", "text", '{"type":"response","status":"error"}', True),
        ("ann", "<", "text", '{"type":"response","status":"success"}', False),
        ("ann", ">", "text", '{"type":"error"}', False),
        ("ann", "<", "refusal", "401 {}", True),
        ("ann", "<", "end", "1002 protocol", True),
        ("ann", "<", "end", "1000", False),
        ("http", "<", "404", "", True),
        ("http", "<", "200", "", False),
    ],
)
def test_a_refusal_is_known_by_what_the_deployment_said(
    peer: str, direction: str, kind: str, text: str, *, is_refusal: bool
) -> None:
    """An error, a refused upgrade, a status of 400 and more, an end that is not in order."""
    transcript = Transcript()
    transcript.record(peer, direction, kind, text)

    assert refused(transcript.entries) is is_refusal


def test_time_passes_faster_where_it_is_hurried() -> None:
    """A wait of ten seconds ends within one, by a clock that never goes back."""
    loop = HurriedLoop()

    async def wait() -> float:
        before = loop.time()
        hurry(100.0)
        await asyncio.sleep(10)
        hurry()
        return loop.time() - before

    began = time.monotonic()
    try:
        passed = loop.run_until_complete(wait())
    finally:
        loop.close()

    assert passed >= 10
    assert time.monotonic() - began < 1


def test_an_interrogation_ends_in_its_own_time() -> None:
    """A program that is killed at the end is not given a fraction of the time that it may take."""
    loop = HurriedLoop()
    hurry(1000.0)

    _Ear(Judge(embedded_reference()), 1000.0, 1000.0).pytest_sessionfinish()

    before, began = loop.time(), time.monotonic()
    loop.run_until_complete(asyncio.sleep(0.05))
    passed, real = loop.time() - before, time.monotonic() - began
    loop.close()
    assert passed == pytest.approx(real, abs=0.02)
