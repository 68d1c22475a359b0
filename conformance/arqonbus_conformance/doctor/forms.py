"""An examination, shown: a line for each check in the terminal, or as JSON."""

import json
from importlib import resources
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape

from arqonbus_conformance.doctor.check import Check, Examination, State
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.verdict import ExitCode

__all__ = ["as_json", "doctor_schema", "show"]

STYLE: Final = {
    State.OK: "green",
    State.NOTE: "cyan",
    State.WARNING: "yellow",
    State.PROBLEM: "bold red",
    State.SKIPPED: "dim",
}
WIDTH: Final = max(map(len, State))
"""The widest word for a state, in characters."""


def show(found: Examination, console: Console) -> None:
    """Print a line for each check, with the next step below it, and a closing sentence."""
    for check in found.checks:
        _line(console, check)
    style = "bold red" if found.exit_code else "bold green"
    console.print(f"[{style}]{escape(_conclusion(found))}[/]", highlight=False, soft_wrap=True)


def _line(console: Console, check: Check) -> None:
    state = f"[{STYLE[check.state]}]{check.state:<{WIDTH}}[/]"
    said = escape(readable(f"{check.about}: {check.check}: {check.detail}"))
    console.print(f"{state} {said}", highlight=False, soft_wrap=True)
    if check.next_step:
        console.print(f"{'':<{WIDTH}} next: {escape(check.next_step)}", highlight=False, soft_wrap=True)


def _conclusion(found: Examination) -> str:
    counted = [(sum(one.state is state for one in found.checks), state) for state in State]
    counts = ", ".join(f"{number} {state}" for number, state in counted if number)
    name = found.target or found.profile
    if found.exit_code == ExitCode.PASS:
        return f"{name}: no problem ({counts})"
    whose = (
        "the profile is not valid"
        if found.exit_code == ExitCode.PROFILE
        else "the target is not reached as it should be"
    )
    return f"{name}: {whose} ({counts})"


def as_json(found: Examination) -> str:
    """The examination as a JSON document that fits ``doctor_schema``."""
    return json.dumps(msgspec.to_builtins(found), indent=1, ensure_ascii=True) + "\n"


def doctor_schema() -> dict[str, Any]:
    """The JSON schema of that document."""
    text = resources.files("arqonbus_conformance").joinpath("schemas/doctor.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
