"""The signature of a failure: the same text for the same failure in every run, and another for another. Pure."""

import re
from typing import Final

from arqonbus_conformance.judging import CaseResult

__all__ = ["ANY_PARAMETER", "SIGNATURE", "case_part_names", "signature_of", "signatures_of"]

SIGNATURE: Final = re.compile(r"[\w./-]+::\w+(\[.*\])?: \S.*")
"""The form of every signature: the id of a case, a colon, and why it failed."""
ANY_PARAMETER: Final = "[*]"
"""What stands in a waiver for whichever parameter of a case."""
REASON_CHARACTERS: Final = 300
"""How much of a reason belongs to a signature."""
VALUE_CHARACTERS: Final = 60
"""How long an expected or actual value may be to belong to a signature: codes do, whole frames do not."""

# What differs from run to run although the failure is the same -> what stands for it. In this order.
_CHANGING: Final = (
    (re.compile(r"^[a-z ]+ \d+ of \d+ attempts: "), ""),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\barq_\w+"), "<id>"),
    (re.compile(r"\b([A-Za-z]+)-[0-9a-f]{10}-\d+\b"), r"\1-<id>"),
    (re.compile(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]|\blocalhost):\d{1,5}\b"), "<address>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\d+\.\d+\b|\b\d{5,}\b"), "<number>"),
    (re.compile(r"/tmp/[^\s'\"]+"), "<path>"),  # noqa: S108 - a pattern, no file
    (re.compile(r"\s+"), " "),
)


def _steady(text: str) -> str:
    """A text without what changes from run to run; numbers of up to four digits (codes, counts) stay."""
    for pattern, stand_in in _CHANGING:
        text = pattern.sub(stand_in, text)
    return "".join(one if one.isprintable() else "\ufffd" for one in text).strip()


def _why(case: CaseResult) -> str:
    finding = case.finding
    if finding is None:
        return "no reason was given"
    said = _steady(finding.reason)[:REASON_CHARACTERS].rstrip() or "no reason was given"
    values = [
        f"{label} {steady}"
        for label, value in (("expected", finding.expected), ("actual", finding.actual))
        if (steady := _steady(value)) and len(steady) <= VALUE_CHARACTERS
    ]
    return f"{said} ({', '.join(values)})" if values else said


def signature_of(case: CaseResult) -> str:
    """What a waiver of this failure must say: ``SUITE/module::function[parameter]: why``, one line.

    Times, ids, addresses, paths and long numbers are cut out of the reason; expected and actual belong to it where
    they are short.
    """
    return f"{_steady(case.id)}: {_why(case)}"


def signatures_of(case: CaseResult) -> tuple[str, ...]:
    """Every text that means this failure: its signature, and the one for whichever parameter where it has any."""
    exact = signature_of(case)
    function, bracket, _ = case.id.partition("[")
    return (exact, f"{function}{ANY_PARAMETER}: {_why(case)}") if bracket else (exact,)


def case_part_names(signature: str, case: str) -> bool:
    """Whether a signature is about this case, whatever it says of why."""
    function, bracket, _ = case.partition("[")
    if bracket and signature.startswith(f"{function}{ANY_PARAMETER}: "):
        return True
    return signature.startswith(f"{_steady(case)}: ")
