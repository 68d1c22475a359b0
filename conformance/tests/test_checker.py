import random
from collections.abc import Callable

import pytest
from arqonbus_conformance.checker import check, demand
from arqonbus_conformance.findings import Violation
from arqonbus_conformance.history import History, Kind
from arqonbus_conformance.verdict import Verdict
from hypothesis import given
from hypothesis import strategies as st

MEMBERS = ("ann", "bob")


@st.composite
def honest_histories(draw: st.DrawFn) -> History:
    """What a conforming bus may show: some publishes acknowledged, some refused, some never answered."""
    count = draw(st.integers(1, 12))
    fates = draw(
        st.lists(
            st.sampled_from(["acked", "refused", "silent", "silent but stored"]),
            min_size=count,
            max_size=count,
        )
    )
    shuffled = random.Random(draw(st.integers(0, 1000)))  # noqa: S311
    history = History(MEMBERS, stored=True)
    sequence = 0
    stored: list[tuple[str, int]] = []
    for number, fate in enumerate(fates):
        message, publisher = f"m{number}", shuffled.choice(["cid", "dan", "ann"])
        history.invoked(message, publisher)
        if fate in {"acked", "silent but stored"}:
            sequence += 1
            stored.append((message, sequence))
            for member in MEMBERS:
                history.delivered(message, member, sequence)
        if fate == "acked":
            history.acked(message, sequence)
        if fate == "refused":
            history.refused(message)
    for message, number in stored:
        history.read(message, number)
    return history


@given(honest_histories())
def test_an_honest_history_is_never_violated(history: History) -> None:
    """It holds where anything was acknowledged, and decides nothing otherwise."""
    wanted = Verdict.HOLDS if history.of(Kind.ACKED) else Verdict.UNKNOWN

    assert check(history).verdict is wanted


@given(honest_histories(), st.data())
def test_a_delivery_taken_out_is_a_lost_message(history: History, data: st.DataObject) -> None:
    """Whichever acknowledged message a member misses, it is seen."""
    acked = {one.message for one in history.of(Kind.ACKED)}
    candidates = [
        one
        for one in history.of(Kind.DELIVERED)
        if one.message in acked
        and not any(i.message == one.message and i.client == one.client for i in history.of(Kind.INVOKED))
    ]
    lost = data.draw(st.sampled_from(candidates)) if candidates else None

    thinned = History(MEMBERS, stored=True)
    thinned._operations = [one for one in history if one is not lost]

    assert lost is None or check(thinned).verdict is Verdict.VIOLATED


def history_of(
    *steps: Callable[[History], None], members: tuple[str, ...] = MEMBERS, stored: bool = False
) -> History:
    history = History(members, stored=stored)
    for message in ("m1", "m2"):
        history.invoked(message, "cid")
    for step in steps:
        step(history)
    return history


@pytest.mark.parametrize(
    ("history", "reason", "evidence"),
    [
        (history_of(lambda h: h.delivered("ghost", "ann", 1)), "nobody published", 1),
        (history_of(lambda h: h.acked("ghost", 1)), "nobody published", 1),
        (history_of(lambda h: h.refused("m1"), lambda h: h.delivered("m1", "ann", 1)), "refused", 2),
        (history_of(lambda h: h.refused("m1"), lambda h: h.read("m1", 1)), "refused", 2),
        (
            history_of(lambda h: h.delivered("m1", "ann", 1), lambda h: h.delivered("m1", "ann", 1)),
            "ann saw a message twice",
            2,
        ),
        (history_of(lambda h: h.read("m1", 1), lambda h: h.read("m1", 1)), "stored history saw", 2),
        (history_of(lambda h: h.acked("m1", None)), "no sequence", 1),
        (history_of(lambda h: h.acked("m1", 1), lambda h: h.delivered("m1", "ann", 2)), "two sequences", 2),
        (history_of(lambda h: h.acked("m1", 1), lambda h: h.acked("m2", 1)), "two messages", 2),
        (
            history_of(lambda h: h.delivered("m2", "ann", 2), lambda h: h.delivered("m1", "ann", 1)),
            "order of the sequence",
            2,
        ),
        (
            history_of(lambda h: h.delivered("m2", "ann", 1), lambda h: h.delivered("m1", "ann", 2)),
            "one publisher out of order",
            2,
        ),
        (history_of(lambda h: h.acked("m1", 1), members=("ann",)), "ann never received", 1),
        (history_of(lambda h: h.acked("m1", 1), members=(), stored=True), "not in the stored history", 1),
        (
            history_of(
                lambda h: h.delivered("m1", "ann", 1), lambda h: h.delivered("m2", "ann", 3), members=("ann",)
            ),
            "exactly one",
            2,
        ),
    ],
)
def test_each_fault_has_its_reason_and_its_evidence(history: History, reason: str, evidence: int) -> None:
    """The judgement names the fault and shows the fewest operations that prove it."""
    judgement = check(history)

    assert judgement.verdict is Verdict.VIOLATED
    assert reason in judgement.reason
    assert len(judgement.evidence) == evidence


def test_a_refused_message_may_be_sent_again() -> None:
    """Refused, sent again under its id and accepted: it may appear."""
    history = history_of(
        lambda h: h.refused("m1"),
        lambda h: h.acked("m1", 1),
        lambda h: h.delivered("m1", "ann", 1),
        members=("ann",),
    )

    assert check(history).verdict is Verdict.HOLDS


def test_two_publishers_may_overtake_each_other() -> None:
    """Only the messages of one publisher have an order of their own."""
    history = History(("ann",))
    history.invoked("m1", "cid")
    history.invoked("m2", "dan")
    history.delivered("m2", "ann", 1)
    history.delivered("m1", "ann", 2)
    history.acked("m1", 2)

    assert check(history).verdict is Verdict.HOLDS


def test_a_publisher_does_not_hear_itself() -> None:
    """A member need not receive what it published."""
    history = History(("ann",))
    history.invoked("m1", "ann")
    history.acked("m1", 1)

    assert check(history).verdict is Verdict.HOLDS


def test_a_member_who_came_late_may_miss_messages() -> None:
    """Only those who were there all the time are owed everything."""
    history = history_of(
        lambda h: h.acked("m1", 1),
        lambda h: h.acked("m2", 2),
        lambda h: h.delivered("m2", "eve", 2),
        members=(),
    )

    assert check(history).verdict is Verdict.HOLDS


def test_nothing_acknowledged_decides_nothing() -> None:
    """An empty history is unknown, never green."""
    assert check(History()).verdict is Verdict.UNKNOWN
    with pytest.raises(Violation, match="nothing was shown"):
        demand(History())


def test_demand_returns_when_the_history_holds() -> None:
    """A case can end with it."""
    demand(history_of(lambda h: h.acked("m1", 1), members=()))


def test_a_demand_shows_the_evidence() -> None:
    """The violation lists the operations."""
    with pytest.raises(Violation, match="delivered ann ghost sequence 1"):
        demand(history_of(lambda h: h.delivered("ghost", "ann", 1)))


def test_replies_and_entries_are_read_as_operations() -> None:
    """What the bus answers becomes acknowledgements, refusals and reads."""
    history = History()
    history.invoked("m1", "cid")
    history.invoked("m2", "cid")
    history.replied(
        {"type": "message_response", "status": "success", "request_id": "m1", "metadata": {"sequence": 1}}
    )
    history.replied({"type": "error", "status": "error", "request_id": "m2"})
    history.read_entries([{"message": {"id": "m1"}, "sequence": 1}])

    assert [str(one) for one in history] == [
        "invoked cid m1",
        "invoked cid m2",
        "acked m1 sequence 1",
        "refused m2",
        "read m1 sequence 1",
    ]
    assert history.stored
    assert len(history) == 5
