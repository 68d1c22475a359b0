"""The kill matrix: what became of each mutant, and the score that it amounts to. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from arqonbus_conformance.document_schema import document_schema
from arqonbus_conformance.judge import MutationScore
from arqonbus_conformance.verdict import Verdict

__all__ = [
    "MATRIX_SCHEMA_VERSION",
    "Kill",
    "Matrix",
    "MatrixError",
    "Outcome",
    "matrix_schema",
    "outcome_of",
    "read_matrix",
]

MATRIX_SCHEMA_VERSION: Final = "1.1"
"""The version of the shape of the matrix as JSON."""


class MatrixError(Exception):
    """A document that is no whole kill matrix; the text says why."""


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    OTHER = "other"
    SURVIVED = "survived"


class Kill(msgspec.Struct, frozen=True):
    """The hunt of one mutant.

    Attributes:
        outcome: killed by its own requirement, by another one only, or survived.
        by: the first case that caught it, "" where none did.
        catchers: the functions whose cases of the requirement found it violated; a hunt ends with the first unless every
            case was asked for.
        seconds: how long the hunt took.
        verdicts: what each requirement that was looked at amounts to.
        collateral: requirements that cases of the sample found violated as well.
        problem: why nothing could be judged, "" where it could.
    """

    id: str
    requirement: str
    story: str
    outcome: Outcome
    by: str
    seconds: float
    verdicts: dict[str, Verdict]
    collateral: tuple[str, ...] = ()
    problem: str = ""
    catchers: tuple[str, ...] = ()


class Matrix(msgspec.Struct, frozen=True):
    """All hunts of one run.

    Attributes:
        complete: whether every mutant was hunted, not a selection.
        every_case: whether each was hunted with every case of its requirement, also after it was caught.
    """

    schema_version: str
    suite_version: str
    requirement_set_digest: str
    seconds: float
    complete: bool
    mutants: tuple[Kill, ...]
    every_case: bool = False

    def count(self, outcome: Outcome) -> int:
        """How many mutants ended so."""
        return sum(one.outcome is outcome for one in self.mutants)

    @property
    def score(self) -> float:
        """The share of mutants that were killed by their own requirement; 0 where there are none."""
        return self.count(Outcome.KILLED) / len(self.mutants) if self.mutants else 0.0

    @property
    def with_collateral(self) -> int:
        """How many mutants broke more than they claim."""
        return sum(bool(one.collateral) for one in self.mutants)

    def as_document(self) -> dict[str, Any]:
        """The matrix as JSON values, its digest last."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        document["score"] = round(self.score, 4)
        document["digest"] = _digest(document)
        return document


def matrix_schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    score = {"type": "number", "minimum": 0, "maximum": 1}
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return document_schema("arqonbus-gate mutants", Matrix, score=score, digest=digest)


def outcome_of(requirement: str, verdicts: Mapping[str, Verdict]) -> Outcome:
    """What the verdicts of a hunt make of a mutant that breaks ``requirement``."""
    if verdicts.get(requirement) is Verdict.VIOLATED:
        return Outcome.KILLED
    return Outcome.OTHER if Verdict.VIOLATED in verdicts.values() else Outcome.SURVIVED


def read_matrix(text: str, requirement_set_digest: str, suite_version: str) -> MutationScore:
    """The score in a matrix that was written before, for a report of the same suite on the same requirement set.

    Raises:
        MatrixError: it is cut, changed, of another suite or requirement set, or only a selection of the mutants.
    """
    try:
        document = json.loads(text)
        digest = document.pop("digest")
        kept = {name: value for name, value in document.items() if name != "score"}
        matrix = msgspec.convert(kept, Matrix)
    except (ValueError, KeyError, AttributeError, TypeError) as fault:
        raise MatrixError(f"it is no kill matrix: {fault}") from fault
    if digest != _digest(document):
        raise MatrixError("it was cut or changed after it was written")
    if matrix.requirement_set_digest != requirement_set_digest:
        raise MatrixError(
            "it belongs to another requirement set; run arqonbus-gate mutants again, with the same --requirements"
        )
    if matrix.suite_version != suite_version:
        raise MatrixError(
            f"it was made with suite version {matrix.suite_version}; allowed: {suite_version}, which judges here; run "
            "arqonbus-gate mutants again"
        )
    if not matrix.complete or not matrix.mutants:
        raise MatrixError("it holds a selection of the mutants; run arqonbus-gate mutants without one")
    killed, total = matrix.count(Outcome.KILLED), len(matrix.mutants)
    return MutationScore(round(matrix.score, 4), killed, total, digest, matrix.suite_version)


def _digest(document: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in document.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def collateral_of(requirement: str, cases: Sequence[tuple[tuple[str, ...], Verdict]]) -> tuple[str, ...]:
    """The requirements that cases which do not judge ``requirement`` found violated."""
    found = {
        name
        for names, verdict in cases
        if verdict is Verdict.VIOLATED and requirement not in names
        for name in names
    }
    return tuple(sorted(found))
