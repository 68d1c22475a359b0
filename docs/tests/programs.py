"""The two command lines as they are, asked without starting a process."""

from functools import cache

from arqonbus_conformance.__main__ import app as gate
from arqonbus_reference.cli import app as reference
from cyclopts import App

PROGRAMS: dict[str, App] = {"arqonbus-gate": gate, "arqonbus-reference": reference}


@cache
def options_of(program: str, *subcommand: str) -> frozenset[str]:
    """The options of a program, or of a subcommand of it.

    Raises:
        KeyError: there is no such program or no such subcommand.
    """
    app = PROGRAMS[program]
    for name in subcommand:
        app = app[name]
    arguments = app.assemble_argument_collection() if app.default_command else ()
    named = {name for argument in arguments for name in argument.names}
    return frozenset(named | {*app.help_flags, *app.version_flags})
