"""The command line of `arqonbus-reference`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from arqonbus_reference import program

EX_OK = 0
EX_USAGE = 64

EnvFile = Annotated[
    Path | None, Parameter(help="Read this file instead of .env; the environment wins over it.")
]
Port = Annotated[int, Parameter(help="0 takes a free one.")]

app = App(
    name="arqonbus-reference",
    help="The reference ArqonBus deployment. Its variables are described in docs/spec/configuration.md and docs/spec/shield.md.",
    version_flags=[],
)


def run(tokens: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return EX_USAGE
    return result if isinstance(result, int) else EX_OK


@app.command
def serve(*, env_file: EnvFile = None) -> int:
    """Run the deployment until SIGTERM or SIGINT; exit 78 with one line per problem when it cannot start."""
    return program.serve(env_file)


@app.command
def shield(*, env_file: EnvFile = None) -> int:
    """Run Shield, the edge of the bus, until SIGTERM or SIGINT; exit 78 with one line per problem when it cannot start."""
    return program.shield(env_file)


@app.command
def preflight(
    *,
    env_file: EnvFile = None,
    json: Annotated[bool, Parameter(negative=(), help="Print one JSON object.")] = False,
    shield: Annotated[bool, Parameter(negative=(), help="Check Shield instead of the bus.")] = False,
) -> int:
    """Check the configuration and what it names, without listening; exit 0 or 78."""
    check = program.preflight_shield if shield else program.preflight
    return check(env_file, as_json=json)


@app.command
def dev(
    *,
    bus_port: Port = 0,
    http_port: Port = 0,
    telemetry_port: Port = 0,
    shield_port: Port = 0,
    valkey_port: Annotated[int | None, Parameter(help="Let Valkey listen on this TCP port too.")] = None,
    data: Annotated[Path | None, Parameter(help="Keep Valkey's data in this folder.")] = None,
    env_file: EnvFile = None,
) -> int:
    """Run the bus in strict mode, Shield before it, a Valkey and a NATS of their own; print where all are, and stop on Ctrl-C."""
    return program.dev(env_file, (bus_port, http_port, telemetry_port, shield_port, valkey_port), data)


@app.command
def version() -> int:
    """Print the version."""
    return program.show_version()
