"""How a profile says to launch a deployment, and what its cases may take away from it: the tables launch and control."""

import shlex
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from arqonbus_conformance.container_launch import container_launch_problems
from arqonbus_conformance.strict_toml import Fields

__all__ = [
    "NATS",
    "SECRET",
    "VALKEY",
    "Control",
    "LaunchProfile",
    "control_of",
    "launch_of",
    "without_server",
]

COMMAND_LINE: Final = "a command line, quoted as in a shell"
SOURCES: Final = ("embedded", "container")
"""Where a server that the gate may kill can come from."""
VALKEY: Final = "{valkey}"
"""What stands for the address of the Valkey in the environment of the main deployment."""
NATS: Final = "{nats}"
"""What stands there for the address of the NATS."""
SECRET: Final = "{secret}"  # noqa: S105 - no password: what a profile writes instead of one
"""What stands there for the signing secret of the run."""


class LaunchProfile(NamedTuple):
    """How to launch a deployment: command lines (``{python}`` is this interpreter) and the main one's environment.

    ``shield`` is None where the deployment has none, or it is not launched apart.
    """

    command: str
    preflight: str
    environment: Mapping[str, str]
    shield: str | None = None
    shield_environment: Mapping[str, str] = {}


class Control(NamedTuple):
    """Where the servers come from that cases may kill; None for one that they may not."""

    valkey: str | None
    nats: str | None


def launch_of(table: Fields) -> LaunchProfile | None:
    """The table launch; what is wrong with it is added to the problems of the table."""
    command = _command_line(table, "command", required=True)
    preflight = _command_line(table, "preflight")
    shield = _command_line(table, "shield")
    environment = table.table("environment").texts()
    shield_environment = table.table("shield_environment").texts()
    table.done()
    if command is None:
        return None
    serve_removed = command.removesuffix(" serve")
    return LaunchProfile(
        command, preflight or f"{serve_removed} preflight", environment, shield, shield_environment
    )


def _command_line(table: Fields, field: str, *, required: bool = False) -> str | None:
    line: str | None = table.take(field, COMMAND_LINE, _is_command_line, required=required)
    if line is not None:
        table.problems.extend(container_launch_problems(table.name(field), shlex.split(line)))
    return line


def _is_command_line(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(shlex.split(value))
    except ValueError:
        return False  # a quotation without its end


def control_of(table: Fields) -> Control:
    """The table control."""
    allowed = " or ".join(SOURCES)
    made = Control(*(table.take(field, allowed, SOURCES.__contains__) for field in Control._fields))
    table.done()
    return made


def without_server(launch: LaunchProfile, control: Fields) -> list[str]:
    """A sentence for each variable that names a server which ``control`` does not give."""
    tables = {"environment": launch.environment, "shield_environment": launch.shield_environment}
    return [
        f"launch.{table}.{variable}: {placeholder} needs control.{server}, which is missing"
        for server, placeholder in (("valkey", VALKEY), ("nats", NATS))
        if server not in control
        for table, variables in tables.items()
        for variable, value in variables.items()
        if placeholder in value
    ]
