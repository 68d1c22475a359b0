"""The commands of `arqonbus-reference`."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from arqonbus_reference import preflight as checks
from arqonbus_reference.problem import Problem
from arqonbus_reference.settings import Reading, Settings, read

EX_OK = 0
EX_USAGE = 64
EX_CONFIG = 78
EX_INTERRUPTED = 130
DOTENV = Path(".env")

EnvFile = Annotated[
    Path | None, Parameter(help="Read this file instead of .env; the environment wins over it.")
]
Port = Annotated[int, Parameter(help="0 takes a free one.")]

app = App(
    name="arqonbus-reference",
    help="The reference ArqonBus deployment. Its variables are described in docs/spec/configuration.md.",
    version_flags=[],
)


def run(tokens: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return EX_USAGE
    except KeyboardInterrupt:
        return EX_INTERRUPTED
    return result if isinstance(result, int) else EX_OK


@app.command
def serve(*, env_file: EnvFile = None) -> int:
    """Run the deployment until SIGTERM or SIGINT; exit 78 with one line per problem when it cannot start."""
    reading = _read(env_file)
    problems = checks.examine(reading)
    if problems:
        return _refuse(problems)
    return _serve(reading.settings)


@app.command
def preflight(
    *,
    env_file: EnvFile = None,
    json: Annotated[bool, Parameter(negative=(), help="Print one JSON object.")] = False,
) -> int:
    """Check the configuration and what it names, without listening; exit 0 or 78."""
    reading = _read(env_file)
    problems = checks.examine(reading)
    if json:
        print(checks.report(reading, problems).decode())  # noqa: T201 - the command's output
        return EX_CONFIG if problems else EX_OK
    if problems:
        return _refuse(problems)
    print(f"the configuration can start ({reading.settings.environment})")  # noqa: T201
    return EX_OK


@app.command
def dev(
    *,
    bus_port: Port = 0,
    http_port: Port = 0,
    telemetry_port: Port = 0,
    valkey_port: Annotated[int | None, Parameter(help="Let Valkey listen on this TCP port too.")] = None,
    data: Annotated[Path | None, Parameter(help="Keep Valkey's data in this folder.")] = None,
    env_file: EnvFile = None,
) -> int:
    """Run the bus in strict mode on a Valkey of its own, print where they are, and stop on Ctrl-C."""
    from arqonbus_reference import dev as environment  # noqa: PLC0415 - only this command needs it

    reading = _read(env_file)
    ports = environment.Ports(bus_port, http_port, telemetry_port, valkey_port)
    problems = reading.problems or checks.contradictions(environment.strict(reading.settings, ports))
    return _refuse(problems) if problems else environment.run(reading.settings, ports, data)


@app.command(name="version")
def show_version() -> int:
    """Print the version."""
    print(version("arqonbus-conformance"))  # noqa: T201 - the command's output
    return EX_OK


def _read(env_file: Path | None) -> Reading:
    reading = read(os.environ, env_file or DOTENV)
    if env_file is not None and not env_file.exists():
        missing = Problem("--env-file", f"{str(env_file)!r} does not exist", "a file of lines NAME=value")
        reading.problems.append(missing)
    return reading


def _refuse(problems: list[Problem]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command's output
    return EX_CONFIG


def _serve(settings: Settings) -> int:
    import uvloop  # noqa: PLC0415 - not for help and preflight

    from arqonbus_reference.server import serve as serve_until_stopped  # noqa: PLC0415

    return uvloop.run(serve_until_stopped(settings))
