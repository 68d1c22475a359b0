"""A table of configuration variables, read from the environment and a `.env` file: every fault at once, no secret in any."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arqonbus_reference.allowed import Allowed
from arqonbus_reference.dotenv_file import DotenvError, dotenv_variables
from arqonbus_reference.problem import Problem


class Variable(NamedTuple):
    """A row of a table: the variable, the field of the settings it sets, what it may hold, another name for it."""

    name: str
    field: str
    allowed: Allowed
    alias: str | None = None


class Found(NamedTuple):
    """What was read: values by field, every problem, the variables of the table that were set, and all names that were given."""

    fields: dict[str, Any]
    problems: list[Problem]
    explicit: frozenset[str]
    given: frozenset[str]


def read_variables(table: Sequence[Variable], environ: Mapping[str, str], dotenv_path: Path | None) -> Found:
    """Read a table; the environment wins over the file, which need not exist. A value with a problem sets no field."""
    problems: list[Problem] = []
    try:
        values = {**(dotenv_variables(dotenv_path) if dotenv_path else {}), **environ}
    except DotenvError as error:
        problems.append(Problem(str(dotenv_path), error.problem, "lines NAME=value in UTF-8"))
        values = dict(environ)
    fields: dict[str, Any] = {}
    for variable in table:
        _read_variable(variable, values, fields, problems)
    explicit = frozenset(v.name for v in table if v.name in values or v.alias in values)
    return Found(fields, problems, explicit, frozenset(values))


def names(table: Iterable[Variable]) -> frozenset[str]:
    """Every name of every variable of a table."""
    return frozenset(name for row in table for name in (row.name, row.alias) if name is not None)


def _read_variable(
    variable: Variable, values: Mapping[str, str], fields: dict[str, Any], problems: list[Problem]
) -> None:
    spelled = [name for name in (variable.name, variable.alias) if name is not None and name in values]
    before = len(problems)
    for name in spelled:
        try:
            fields[variable.field] = variable.allowed.parse(values[name])
        except ValueError:
            text = f"{variable.allowed.shown(values[name])} is not allowed"
            problems.append(Problem(name, text, variable.allowed.text))
    if len(problems) == before and len({variable.allowed.parse(values[name]) for name in spelled}) > 1:
        # CONF-024: one place, one address
        problems.append(
            Problem(spelled[1], f"differs from {spelled[0]}", "one of the two, or the same URL in both")
        )
