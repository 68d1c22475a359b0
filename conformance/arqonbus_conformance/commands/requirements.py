"""``arqonbus-gate list``, ``explain`` and ``version``: what the gate judges by."""

import sys
from importlib.metadata import version as distribution_version
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance import catalogue
from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.commands.asked import Selected, named_set
from arqonbus_conformance.requirements import requirement_set
from arqonbus_conformance.verdict import ExitCode

__all__ = ["explain_command", "list_command", "version_command"]


EVERYTHING: Final = Selected()
"""What is listed when nothing is said: what a run takes then."""


@app.command(name="list")
def list_command(
    *, asked: Selected = EVERYTHING, markdown: Annotated[bool, Parameter(negative="")] = False
) -> int:
    """List the requirements that a run with the same options decides, with how many cases it takes for each.

    Exit codes: 0, also where there are none; 64 usage.

    Parameters
    ----------
    markdown
        Write the page docs/requirements.md instead, of every requirement and every case.
    """
    requirements = asked.requirement_set()
    if markdown:
        if asked != Selected(requirements=asked.requirements):
            raise UsageError(
                "--markdown writes the page of everything; allowed with it: no other option but --requirements"
            )
        sys.stdout.write(catalogue.markdown(requirements, catalogue.registered_cases()))
        return ExitCode.PASS
    request = asked.request()
    cases, console = catalogue.registered_cases(request, requirements), Console()
    console.print(catalogue.table(requirements, cases, request))
    console.print(catalogue.summary(requirements, cases, request), highlight=False, soft_wrap=True)
    return ExitCode.PASS


@app.command(name="explain")
def explain_command(requirement: str, *, requirements: str | None = None) -> int:
    """Say what a requirement demands, where it comes from and which cases judge it.

    Parameters
    ----------
    requirement
        Its id, such as ROUTE-007.
    requirements
        The revision of the requirement set that it is looked up in; the newest that is frozen unless given.
    """
    judged = named_set(requirements)
    known, name = judged.by_id, requirement.upper()
    found = known.get(name)
    if name in judged.later:
        raise UsageError(
            f"{name} is of requirement set {judged.later[name]}: add --requirements {judged.later[name]}"
        )
    if found is None:
        area = name.partition("-")[0]
        near = [one for one in known if one.startswith(f"{area}-")] or list(
            dict.fromkeys(one.area for one in known.values())
        )
        raise UsageError(f"{requirement!r} is no requirement; there are: {', '.join(near)}")
    Console().print(catalogue.explanation(found, judged, catalogue.registered_cases()), highlight=False)
    return ExitCode.PASS


@app.command(name="version")
def version_command() -> int:
    """Print the version of the suite and of the requirement set."""
    judged = requirement_set()
    print(  # noqa: T201 - what the command is for
        f"arqonbus-gate {distribution_version('arqonbus-conformance')}, requirement set {judged.revision} "
        f"({len(judged.by_id)} requirements, sha256 {judged.digest[:12]})"
    )
    return ExitCode.PASS
