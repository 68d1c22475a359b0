"""``arqonbus-gate list``, ``explain`` and ``version``: what the gate judges by."""

import sys
from importlib.metadata import version as distribution_version
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from arqonbus_conformance import catalogue
from arqonbus_conformance.commands.application import UsageError, app
from arqonbus_conformance.requirements import REVISION, requirement_set
from arqonbus_conformance.verdict import ExitCode

__all__ = ["explain_command", "list_command", "version_command"]


@app.command(name="list")
def list_command(*, markdown: Annotated[bool, Parameter(negative="")] = False) -> int:
    """List every requirement with its cases.

    Parameters
    ----------
    markdown
        Write the page docs/requirements.md instead.
    """
    requirements, cases = requirement_set(), catalogue.registered_cases()
    if markdown:
        sys.stdout.write(catalogue.markdown(requirements, cases))
    else:
        Console().print(catalogue.table(requirements, cases))
    return ExitCode.PASS


@app.command(name="explain")
def explain_command(requirement: str) -> int:
    """Say what a requirement demands, where it comes from and which cases judge it.

    Parameters
    ----------
    requirement
        Its id, such as ROUTE-007.
    """
    known = requirement_set().by_id
    found = known.get(requirement.upper())
    if found is None:
        area = requirement.upper().partition("-")[0]
        near = [name for name in known if name.startswith(f"{area}-")] or list(
            dict.fromkeys(one.area for one in known.values())
        )
        raise UsageError(f"{requirement!r} is no requirement; there are: {', '.join(near)}")
    Console().print(catalogue.explanation(found, catalogue.registered_cases()), highlight=False)
    return ExitCode.PASS


@app.command(name="version")
def version_command() -> int:
    """Print the version of the suite and of the requirement set."""
    print(  # noqa: T201 - what the command is for
        f"arqonbus-gate {distribution_version('arqonbus-conformance')}, requirement set {REVISION} "
        f"({len(requirement_set().by_id)} requirements, sha256 {requirement_set().digest[:12]})"
    )
    return ExitCode.PASS
