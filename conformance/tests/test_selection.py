import pytest
from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.power import Power
from arqonbus_conformance.recording import CASE
from arqonbus_conformance.requirements import Level, Requirement, RequirementSet, Scope
from arqonbus_conformance.selection import (
    Candidate,
    RunRequest,
    SelectionError,
    Shard,
    check,
    choose,
    parse_budget,
    parse_shard,
    scored,
)
from arqonbus_conformance.session import collect
from arqonbus_conformance.target import embedded_reference

POWER = Power({f"unit/m::{name}": seconds for name, seconds in {"a": 1, "b": 2, "c": 3, "d": 9}.items()}, {})


def one(name: str, phase: int) -> Requirement:
    return Requirement(name, Level.MUST, "unit", Scope.ENDPOINT, "docs", "It holds.", phase)


SET = RequirementSet(
    "1.0",
    "0",
    {name: one(name, phase) for name, phase in {"ENV-001": 3, "ENV-002": 3, "CONF-001": 0}.items()},
)
CASES = (
    Candidate("unit/m::a", ("ENV-001",), Depth.SMOKE),
    Candidate("unit/m::b", ("ENV-001", "CONF-001")),
    Candidate("unit/m::c", ("ENV-002",), group="shared"),
    Candidate("unit/m::d", ("CONF-001",), Depth.FULL, group="shared"),
)


def letters(request: RunRequest, seed: int = 7) -> str:
    return "".join(name[-1] for name in choose(CASES, request, SET, POWER, seed).kept)


@pytest.mark.parametrize(("level", "kept"), [("smoke", "a"), ("standard", "abc"), ("full", "abcd")])
def test_a_level_runs_the_cases_of_those_before_it(level: str, kept: str) -> None:
    """Standard is what runs when nothing is said."""
    assert letters(RunRequest(depth=Depth(level))) == kept
    assert letters(RunRequest()) == "abc"


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (RunRequest(requirements=("ENV-001",)), "ab"),
        (RunRequest(requirements=("ENV-001", "ENV-002")), "abc"),
        (RunRequest(areas=("CONF",)), "b"),
        (RunRequest(phase=0), "b"),
        (RunRequest(phase=3), "abc"),
        (RunRequest(areas=("ENV",), phase=0), ""),
        (RunRequest(cases=("unit/m::d", "unit/m::a", "unit/m::z")), "da"),
    ],
)
def test_what_is_named_is_run(request_: RunRequest, kept: str) -> None:
    """A case counts as soon as one of its requirements is asked for; several kinds of names narrow each other."""
    assert letters(request_) == kept


def test_shards_are_disjoint_and_together_all() -> None:
    """Cases that share a deployment stay in one of them."""
    parts = [letters(RunRequest(depth=Depth.FULL, shard=Shard(number, 3))) for number in (1, 2, 3)]

    assert sorted("".join(parts)) == ["a", "b", "c", "d"]
    assert [part for part in parts if "c" in part] == [part for part in parts if "d" in part]


def test_a_budget_says_what_it_left_out_and_why() -> None:
    """And keeps to the seconds that were measured, beside those of the start."""
    chosen = choose(CASES, RunRequest(budget_seconds=4 + 3.5), SET, POWER, 0)

    assert [name[-1] for name in chosen.kept] == ["a", "b"]
    assert chosen.left_out == (("unit/m::c", "did not fit into the budget of 7.5 s: 3.00 s measured"),)


def test_a_shuffled_order_is_that_of_the_seed() -> None:
    """The same seed gives the same order, groups together; another seed gives another."""
    request = RunRequest(depth=Depth.FULL, shuffle=True)
    orders = {seed: letters(request, seed) for seed in range(40)}

    assert orders == {seed: letters(request, seed) for seed in range(40)}
    assert len(set(orders.values())) > 5
    assert all("cd" in order or "dc" in order for order in orders.values())


@pytest.mark.parametrize(
    ("request_", "judged", "decides"),
    [
        (RunRequest(), {"ENV-001"}, ["ENV-001", "ENV-002", "CONF-001"]),
        (RunRequest(depth=Depth.SMOKE), {"ENV-001"}, ["ENV-001"]),
        (RunRequest(keyword="a"), {"ENV-001"}, ["ENV-001"]),
        (RunRequest(shard=Shard(1, 2)), {"ENV-001"}, ["ENV-001"]),
        (RunRequest(phase=0), {"ENV-001"}, ["CONF-001"]),
        (RunRequest(areas=("ENV",)), {"ENV-001", "CONF-001"}, ["ENV-001", "ENV-002"]),
        (RunRequest(areas=("ENV",), suites=("unit",)), {"ENV-001", "CONF-001"}, ["ENV-001"]),
    ],
)
def test_what_is_named_is_decided(request_: RunRequest, judged: set[str], decides: list[str]) -> None:
    """Also where no case judged it; what a case judges beside it is not; without names, what was judged."""
    assert [requirement.id for requirement in scored(request_, SET, judged)] == decides


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (RunRequest(suites=("units",)), "--suite: 'units' is not allowed; allowed: unit, integration"),
        (RunRequest(areas=("ROUTE",)), "--area: 'ROUTE' is not allowed; allowed: ENV, CONF"),
        (RunRequest(requirements=("ENV-9",)), "--requirement: 'ENV-9' is not allowed"),
        (RunRequest(phase=6), "--phase: 6 is not allowed; allowed: 0 to 5"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(request_: RunRequest, says: str) -> None:
    """With what is allowed instead."""
    with pytest.raises(SelectionError) as refused:
        check(request_, SET)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("2m", 120), ("1.5m", 90), ("1h", 3600)]
)
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    """Seconds unless it says otherwise."""
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-5s", "4s", "0", "1d", "a minute"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    """And so is one that leaves no time for a case."""
    with pytest.raises(SelectionError, match="--budget"):
        parse_budget(text)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "1/257", "a/b", "1/4/2", "-1/4"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """Parts count from one."""
    assert parse_shard("3/4") == Shard(3, 4)
    with pytest.raises(SelectionError, match="--shard"):
        parse_shard(text)


def test_smoke_touches_every_area_of_the_requirement_set() -> None:
    """With a few of all the cases."""
    judge = Judge(embedded_reference())
    cases = [item.stash[CASE] for item in collect(judge, RunRequest(depth=Depth.SMOKE))]

    touched = {name.partition("-")[0] for case in cases for name in case.requirements}

    assert {one.area for one in judge.requirements.by_id.values()} - touched == set()
    assert len(cases) * 5 < len(judge.collected)
