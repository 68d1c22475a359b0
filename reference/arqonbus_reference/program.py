"""What the commands of `arqonbus-reference` do, without their command line."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from arqonbus_reference import preflight as checks
from arqonbus_reference.problem import Problem
from arqonbus_reference.settings import Environment, Reading, read

if TYPE_CHECKING:
    from arqonbus_reference.shield import settings

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


def shield(env_file: Path | None = None) -> int:
    """Run Shield until SIGTERM or SIGINT; 78 with one line per problem when it cannot start."""
    from arqonbus_reference.shield import preflight as shield_checks  # noqa: PLC0415 - only this command needs it

    reading = _read_shield(env_file)
    problems = shield_checks.examine(reading)
    if problems:
        return _refuse(problems)
    import uvloop  # noqa: PLC0415 - what listens is loaded only once it is known to start

    from arqonbus_reference.shield.server import serve as serve_until_stopped  # noqa: PLC0415

    return uvloop.run(serve_until_stopped(reading.settings))


def preflight(env_file: Path | None, *, as_json: bool) -> int:
    """Check the configuration of the bus and what it names, without listening; 0 or 78."""
    reading = _read(env_file)
    return _tell(reading.settings.environment, checks.examine(reading), as_json=as_json)


def preflight_shield(env_file: Path | None, *, as_json: bool) -> int:
    """Check the configuration of Shield and what it names, without listening; 0 or 78."""
    from arqonbus_reference.shield import preflight as shield_checks  # noqa: PLC0415 - only this command needs it

    reading = _read_shield(env_file)
    return _tell(reading.settings.environment, shield_checks.examine(reading), as_json=as_json)


def _tell(environment: Environment, problems: list[Problem], *, as_json: bool) -> int:
    if as_json:
        print(checks.report(environment, problems).decode())  # noqa: T201 - the command's output
        return EX_CONFIG if problems else EX_OK
    if problems:
        return _refuse(problems)
    print(f"the configuration can start ({environment})")  # noqa: T201 - the command's output
    return EX_OK


def dev(env_file: Path | None, ports: tuple[int, int, int, int, int | None], data: Path | None) -> int:
    """Run a strict bus and a Shield on servers of their own; `ports` are those of bus, HTTP, telemetry, Shield and Valkey."""
    from arqonbus_reference import dev as environment  # noqa: PLC0415 - only this command needs it
    from arqonbus_reference.shield import preflight as shield_checks  # noqa: PLC0415

    reading, edge = _read(env_file), _read_shield(env_file)
    chosen = environment.Ports(*ports)
    shield_settings = environment.edge(edge.settings, chosen)
    problems = list(dict.fromkeys([*reading.problems, *edge.problems])) or [
        *checks.contradictions(environment.strict(reading.settings, chosen)),
        *shield_checks.contradictions(shield_settings),
    ]
    return _refuse(problems) if problems else environment.run(reading.settings, shield_settings, chosen, data)


def show_version() -> int:
    """Print the version."""
    print(version("arqonbus-conformance"))  # noqa: T201 - the command's output
    return EX_OK


def _read(env_file: Path | None) -> Reading:
    reading = read(os.environ, env_file or DOTENV)
    reading.problems.extend(_missing(env_file))
    return reading


def _read_shield(env_file: Path | None) -> "settings.Reading":
    from arqonbus_reference.shield.settings import read as read_settings  # noqa: PLC0415 - not for the bus

    reading = read_settings(os.environ, env_file or DOTENV)
    reading.problems.extend(_missing(env_file))
    return reading


def _missing(env_file: Path | None) -> list[Problem]:
    if env_file is None or env_file.exists():
        return []
    return [Problem("--env-file", f"{str(env_file)!r} does not exist", "a file of lines NAME=value")]


def _refuse(problems: list[Problem]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command's output
    return EX_CONFIG
