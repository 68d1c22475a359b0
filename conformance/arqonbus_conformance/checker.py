"""Whether a history is one that a conforming bus can produce. Pure: a history in, a judgement out.

Each rule looks for the smallest part of the history that no conforming bus can show; the first that finds one
decides. A history without a single acknowledged publish decides nothing.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from arqonbus_conformance.findings import Violation
from arqonbus_conformance.history import History, Kind, Operation
from arqonbus_conformance.verdict import Verdict

__all__ = ["Judgement", "check", "demand"]


class Judgement(NamedTuple):
    """holds, violated or unknown; why; and the operations that show it."""

    verdict: Verdict
    reason: str
    evidence: tuple[Operation, ...] = ()


def _violated(reason: str, *evidence: Operation) -> Judgement:
    return Judgement(Verdict.VIOLATED, reason, evidence)


def _observers(history: History) -> list[tuple[str, list[Operation]]]:
    """Everybody who saw messages, with what was seen in order: the clients, then the stored history."""
    clients = dict.fromkeys(one.client for one in history.of(Kind.DELIVERED))
    seen = [(client, history.of(Kind.DELIVERED, client)) for client in clients]
    return [*seen, ("the stored history", history.of(Kind.READ))]


def _no_phantom(history: History) -> Judgement | None:
    published = {one.message for one in history.of(Kind.INVOKED)}
    for one in history:
        if one.message not in published:
            return _violated("a message appears that nobody published", one)
    return None


def _nothing_refused(history: History) -> Judgement | None:
    refused = {one.message: one for one in history.of(Kind.REFUSED)}
    # A refused message may be sent again under its id: only one that was never acknowledged must not appear.
    accepted = {one.message for one in history.of(Kind.ACKED)}
    for _, seen in _observers(history):
        for one in seen:
            if one.message in refused and one.message not in accepted:
                return _violated("a message that was refused appears", refused[one.message], one)
    return None


def _no_duplicate(history: History) -> Judgement | None:
    for name, seen in _observers(history):
        first: dict[str, Operation] = {}
        for one in seen:
            if one.message in first:
                return _violated(f"{name} saw a message twice", first[one.message], one)
            first[one.message] = one
    return None


def _one_sequence(history: History) -> Judgement | None:
    """A message has one sequence, and a sequence one message, whoever saw it."""
    by_message: dict[str, Operation] = {}
    by_sequence: dict[int | None, Operation] = {}
    for one in history:
        if one.kind in {Kind.INVOKED, Kind.REFUSED}:
            continue
        if one.sequence is None:
            return _violated("a message of a channel has no sequence", one)
        same_message = by_message.setdefault(one.message, one)
        same_sequence = by_sequence.setdefault(one.sequence, one)
        if same_message.sequence != one.sequence:
            return _violated("a message has two sequences", same_message, one)
        if same_sequence.message != one.message:
            return _violated("a sequence was given to two messages", same_sequence, one)
    return None


def _total_order(history: History) -> Judgement | None:
    for name, seen in _observers(history):
        for before, after in pairwise(seen):
            if (before.sequence or 0) > (after.sequence or 0):
                return _violated(f"{name} did not see messages in the order of the sequence", before, after)
    return None


def _publisher_order(history: History) -> Judgement | None:
    turn = {one.message: index for index, one in enumerate(history.of(Kind.INVOKED))}
    publisher = {one.message: one.client for one in history.of(Kind.INVOKED)}
    for name, seen in _observers(history):
        latest: dict[str, Operation] = {}
        for one in seen:
            before = latest.get(publisher[one.message])
            if before is not None and turn[before.message] > turn[one.message]:
                return _violated(f"{name} saw messages of one publisher out of order", before, one)
            latest[publisher[one.message]] = one
    return None


def _by_one(history: History) -> Judgement | None:
    """Where the whole channel is known, its sequences follow each other without a hole."""
    complete = [history.of(Kind.DELIVERED, member) for member in sorted(history.members)]
    if history.stored:
        complete.append(history.of(Kind.READ))
    for seen in complete:
        for before, after in pairwise(seen):
            if (after.sequence or 0) != (before.sequence or 0) + 1:
                return _violated("the sequence does not grow by exactly one", before, after)
    return None


def _no_lost_ack(history: History) -> Judgement | None:
    received = {
        member: {one.message for one in history.of(Kind.DELIVERED, member)}
        for member in sorted(history.members)
    }
    publisher = {one.message: one.client for one in history.of(Kind.INVOKED)}
    stored = {one.message for one in history.of(Kind.READ)}
    for one in history.of(Kind.ACKED):
        if history.stored and one.message not in stored:
            return _violated("an acknowledged message is not in the stored history", one)
        for member, messages in received.items():
            # ROUTE-006: a publisher does not receive its own message.
            if one.message not in messages and publisher[one.message] != member:
                return _violated(f"{member} never received an acknowledged message", one)
    return None


RULES: Final[Sequence[Callable[[History], Judgement | None]]] = (
    _no_phantom,
    _nothing_refused,
    _no_duplicate,
    _one_sequence,
    _total_order,
    _publisher_order,
    _no_lost_ack,
    _by_one,
)
"""What every history is judged by, in this order; later rules may rely on earlier ones."""


def check(history: History) -> Judgement:
    """Whether a conforming bus can have produced this history."""
    for rule in RULES:
        found = rule(history)
        if found is not None:
            return found
    acknowledged = len(history.of(Kind.ACKED))
    if not acknowledged:
        return Judgement(Verdict.UNKNOWN, "no publish was acknowledged, so nothing was shown")
    return Judgement(
        Verdict.HOLDS, f"{acknowledged} acknowledged messages, none lost, doubled or out of order"
    )


def demand(history: History) -> None:
    """Return when the history holds.

    Raises:
        Violation: it is violated, or decides nothing.
    """
    judgement = check(history)
    if judgement.verdict is not Verdict.HOLDS:
        raise Violation(
            judgement.reason,
            expected="a history that a conforming bus can produce",
            actual="; ".join(map(str, judgement.evidence)) or f"{len(history)} operations",
        )
