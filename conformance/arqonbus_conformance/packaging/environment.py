"""An empty virtual environment: how it is made, what is installed in it, and running something in it."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from arqonbus_conformance.packaging.installer import index_unreachable, installer_environment
from arqonbus_conformance.packaging.sealed import Ran, run_sealed, sealed_environment
from arqonbus_conformance.packaging.undecided import UndecidedError
from arqonbus_conformance.verdict import ExitCode

__all__ = ["EmptyEnvironment", "Facts"]

CREATE_SECONDS: Final = 120.0
"""How long making an environment may take."""
INSTALL_SECONDS: Final = 900.0
"""How long installing may take, downloads included."""
PROBE_SECONDS: Final = 120.0
"""How long one of our own scripts may take in it."""
PROBES: Final = Path(__file__).parent / "probes"


class Facts(msgspec.Struct, frozen=True):
    """What is to be known of its interpreter.

    Attributes:
        folders: where distributions are installed.
        scripts: where their programs are.
        stdlib: the top-level names of its standard library.
        markers: the values of the markers of requirements.
    """

    version: str
    folders: tuple[str, ...]
    scripts: str
    stdlib: frozenset[str]
    markers: dict[str, str]


class EmptyEnvironment:
    """A virtual environment below `place`, made by `uv` where that is given and by venv and pip where it is not.

    Raises:
        UndecidedError: it cannot be made.
    """

    def __init__(self, place: Path, python: Path, uv: str | None) -> None:
        self._uv = uv
        self.home = place / "home"
        self.home.mkdir(parents=True)
        self.python = place / "venv" / "bin" / "python"
        folder = str(place / "venv")
        made = self._tool(
            [uv, "venv", "-q", "--no-project", "--python", str(python), folder]
            if uv
            else [str(python), "-I", "-m", "venv", folder],
            CREATE_SECONDS,
        )
        if made.exit_code != 0:
            raise UndecidedError(
                f"no empty environment of {python}: making it {made.ending}: {made.last_line}"
            )
        self.facts = msgspec.convert(self.probe("facts"), Facts)

    def install(self, requirements: Sequence[str]) -> Ran:
        """Install these requirements and what they declare; the caller judges how it ended.

        Raises:
            UndecidedError: the index cannot be reached, or the time was not enough.
        """
        if not requirements:
            return Ran(0, "", 0.0)
        arguments = ["install", "-q", *requirements]
        # Copies: what is judged must not be able to write into the cache of the caller.
        uv_arguments = ["install", "-q", "--link-mode", "copy", *requirements]
        ran = self._installer(uv_arguments if self._uv else arguments, INSTALL_SECONDS)
        if ran.exit_code is None:
            raise UndecidedError(f"installing {' '.join(requirements)} {ran.ending}")
        if ran.exit_code != 0 and index_unreachable(ran.output):
            raise UndecidedError(
                f"the package index cannot be reached: {ran.last_line}", ExitCode.UNREACHABLE
            )
        return ran

    def check(self) -> Ran:
        """Whether what is installed fulfils what each distribution requires; exit code 0 where it does."""
        return self._installer(["check"], PROBE_SECONDS)

    def run(
        self,
        command: Sequence[str],
        *,
        limit_seconds: float,
        cwd: Path | None = None,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> Ran:
        """Run a program of the environment with nothing of the caller's but ``extra``; in an empty folder unless told."""
        environ = {**sealed_environment(self.home), **extra}
        environ["PATH"] = f"{self.python.parent}{os.pathsep}{environ['PATH']}"
        return run_sealed(command, environ=environ, cwd=cwd or self.home, limit_seconds=limit_seconds)

    def probe(self, name: str, *arguments: str) -> Any:
        """What one of our own scripts, run in it, found; it runs none of what is judged.

        Raises:
            UndecidedError: it did not end well.
        """
        result = self.home / f"{name}.json"
        ran = self.run(
            [str(self.python), "-I", str(PROBES / f"{name}.py"), str(result), *arguments],
            limit_seconds=PROBE_SECONDS,
        )
        if ran.exit_code != 0:
            raise UndecidedError(f"our script {name} {ran.ending}: {ran.last_line}")
        return json.loads(result.read_bytes())

    def _installer(self, arguments: Sequence[str], limit_seconds: float) -> Ran:
        action, *rest = arguments
        uv = [self._uv, "pip", action, "--python", str(self.python), *rest] if self._uv else None
        return self._tool(uv or [str(self.python), "-I", "-m", "pip", action, *rest], limit_seconds)

    def _tool(self, command: Sequence[str], limit_seconds: float) -> Ran:
        environ = sealed_environment(self.home) | installer_environment()
        return run_sealed(command, environ=environ, cwd=self.home, limit_seconds=limit_seconds)
