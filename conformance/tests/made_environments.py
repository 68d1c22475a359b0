"""Virtual environments made for tests of what an interpreter imports, started as a deployment is."""

import venv
from collections.abc import Mapping
from pathlib import Path

from arqonbus_conformance.packaging.interpreter_look import InterpreterLook, look_at_interpreter
from arqonbus_conformance.packaging.launched_python import launched_by
from made_packages import contents

STAND_IN = '__version__ = "0.0.0"\n'
# What an import would do, is not done.
POISON = "raise SystemExit('it is looked at, never run')\n"
PLAIN = {"PYTHONSAFEPATH": "", "PYTHONPATH": ""}
"""What tests themselves may be started with, taken away."""


class Environment:
    """A virtual environment with `aiohttp` and nothing else, and an empty folder to start in."""

    def __init__(self, place: Path) -> None:
        venv.create(place / "venv", with_pip=False, symlinks=True)
        self.python = place / "venv" / "bin" / "python"
        (self.site,) = (place / "venv" / "lib").glob("python*/site-packages")
        self.cwd = place / "cwd"
        self.cwd.mkdir()
        self.install("aiohttp", {"aiohttp/__init__.py": POISON, "aiohttp/web.py": POISON})

    def install(self, name: str, files: Mapping[str, str]) -> None:
        """As an installer of wheels does."""
        installer = f"{name.replace('-', '_')}-1.0.dist-info/INSTALLER"
        write(self.site, contents(name, {**files, installer: "made\n"})[1])

    def look(self, place: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> InterpreterLook:
        """Look at it as `python ARGUMENTS` starts it."""
        words = [str(self.python), *(arguments or ("-m", "bus"))]
        launched = launched_by(words, {**PLAIN, **(environ or {})}, self.cwd)
        assert launched is not None
        return look_at_interpreter(launched, place)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
