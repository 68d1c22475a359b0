"""Importing modules and calling console scripts where only the declared dependencies are."""

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.environment import PROBES, EmptyEnvironment
from arqonbus_conformance.packaging.finding import Finding, finding

__all__ = ["console_scripts", "import_faults", "script_faults"]

IMPORT_SECONDS: Final = 60.0
"""How long one module may take to import."""
SCRIPT_SECONDS: Final = 30.0
"""How long a console script may take to show its help."""


def import_faults(environment: EmptyEnvironment, modules: Sequence[str]) -> Iterator[Finding]:
    """Import each module in a process of its own; a finding for each that does not."""
    for module in modules:
        if (told := _loaded(environment, module, "")) is not None:
            yield _judged(told, f"importing {module}", f"import {module}")


def _judged(told: dict[str, str], what: str, where: str) -> Finding:
    if missing := told["missing"]:
        return finding(
            "import-fails", f"{what} needs the module {missing!r}, which no declared dependency has", where
        )
    return finding("import-fails", f"{what} {told['text']}", where)


def _loaded(environment: EmptyEnvironment, module: str, attribute: str) -> dict[str, str] | None:
    """What went wrong, None where nothing did."""
    result = environment.home / "loaded.json"
    result.unlink(missing_ok=True)
    ran = environment.run(
        [str(environment.python), "-I", str(PROBES / "load.py"), str(result), module, attribute],
        limit_seconds=IMPORT_SECONDS,
    )
    if ran.exit_code != 0 or not result.is_file():
        return {"missing": "", "text": f"{ran.ending}: {ran.last_line}".rstrip(": ")}
    told: dict[str, str] = json.loads(result.read_bytes())
    if not told["fault"]:
        return None
    return {"missing": told["missing"], "text": f"raised {told['fault']}: {told['text']}"}


def console_scripts(folders: Sequence[str], distribution: str) -> list[EntryPoint]:
    """The console scripts of an installed distribution."""
    return [
        entry
        for one in distributions(path=list(folders))
        if canonicalize_name(one.name) == distribution
        for entry in one.entry_points.select(group="console_scripts")
    ]


def script_faults(environment: EmptyEnvironment, scripts: Sequence[EntryPoint]) -> Iterator[Finding]:
    """Load each console script and ask it for its help; a finding for each that dies."""
    for script in scripts:
        told = _loaded(environment, script.module, script.attr)
        if told is not None:
            needs = f"needs the module {told['missing']!r}" if told["missing"] else told["text"]
            yield finding("script-fails", f"loading {script.value} {needs}", script.name)
            continue
        program = Path(environment.facts.scripts, script.name)
        if not program.is_file():
            yield finding("script-fails", "the program was not installed", script.name)
            continue
        ran = environment.run([str(program), "--help"], limit_seconds=SCRIPT_SECONDS)
        if ran.exit_code != 0:
            said = f": {ran.last_line}" if ran.last_line else ""
            yield finding("script-fails", f"{script.name} --help {ran.ending}{said}", script.name)
