"""What the commands of `arqonbus-reference` do, without their command line."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from arqonbus_reference import preflight as checks
from arqonbus_reference.problem import Problem
from arqonbus_reference.settings import Reading, read

EX_OK = 0
EX_CONFIG = 78
DOTENV = Path(".env")


def serve(env_file: Path | None = None) -> int:
    """Run the deployment until SIGTERM or SIGINT; 78 with one line per problem when it cannot start."""
    reading = _read(env_file)
    problems = checks.examine(reading)
    if problems:
        return _refuse(problems)
    import uvloop  # noqa: PLC0415 - what listens is loaded only once it is known to start

    from arqonbus_reference.server import serve as serve_until_stopped  # noqa: PLC0415

    return uvloop.run(serve_until_stopped(reading.settings))


def preflight(env_file: Path | None, *, as_json: bool) -> int:
    """Check the configuration and what it names, without listening; 0 or 78."""
    reading = _read(env_file)
    problems = checks.examine(reading)
    if as_json:
        print(checks.report(reading, problems).decode())  # noqa: T201 - the command's output
        return EX_CONFIG if problems else EX_OK
    if problems:
        return _refuse(problems)
    print(f"the configuration can start ({reading.settings.environment})")  # noqa: T201 - the command's output
    return EX_OK


def dev(env_file: Path | None, ports: tuple[int, int, int, int | None], data: Path | None) -> int:
    """Run a strict bus on a Valkey of its own; `ports` are those of bus, HTTP, telemetry and Valkey."""
    from arqonbus_reference import dev as environment  # noqa: PLC0415 - only this command needs it

    reading = _read(env_file)
    chosen = environment.Ports(*ports)
    problems = reading.problems or checks.contradictions(environment.strict(reading.settings, chosen))
    return _refuse(problems) if problems else environment.run(reading.settings, chosen, data)


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
