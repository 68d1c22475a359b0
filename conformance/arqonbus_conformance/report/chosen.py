"""What a report says about the choice of its cases."""

from arqonbus_conformance.depth import Depth
from arqonbus_conformance.judge import Judge
from arqonbus_conformance.report.model import LeftOut, Selection

__all__ = ["selection_notes", "selection_of"]


def selection_of(judge: Judge) -> Selection:
    """What was asked for, and what was left out of it."""
    request = judge.request
    return Selection(
        complete=request.complete and not judge.interrupted,
        suites=request.suites,
        keyword=request.keyword or " or ".join(request.cases),
        areas=request.areas,
        requirements=request.requirements,
        phase=request.phase,
        budget_seconds=request.budget_seconds,
        shard=str(request.shard) if request.shard is not None else "",
        shuffle=request.shuffle,
        left_out=tuple(LeftOut(case, reason) for case, reason in judge.left_out),
    )


def selection_notes(judge: Judge) -> list[str]:
    """What a reader must know of it before the verdict is taken for one on the whole deployment."""
    notes = []
    request = judge.request
    if request.depth is Depth.SMOKE:
        notes.append("level smoke decides only the requirements that its cases judge; it is no release")
    elif request.shard is not None:
        notes.append(
            f"this was part {request.shard} of a run: arqonbus-gate merge puts the parts together, and only that "
            "decides the whole"
        )
    elif not request.complete:
        notes.append("this was a selection of cases: only the requirements of the selected cases are shown")
    if judge.left_out:
        notes.append(f"the budget left out {len(judge.left_out)} cases, all of them named in the report")
    return notes
