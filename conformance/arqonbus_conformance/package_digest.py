"""The digest of what a launch command runs: the same bytes of code, the same digest, wherever they are installed.

For ``PYTHON -m MODULE``, and for a console script of an installed distribution, it is that of the top-level package
the module belongs to: SHA-256 over one line ``SHA256  PATH`` for each of its files, the paths relative to the package,
with slashes, in the order of their bytes; compiled bytecode is left out. For ``PYTHON FILE`` it is the SHA-256 of that
file, and for any other program that of the program itself. A wrapper says nothing of what runs inside it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from arqonbus_fixtures.launching import inherited_environ, merged

from arqonbus_conformance.python_command import PythonCommand, is_python, python_command

__all__ = ["digest_of_command"]

ASK_SECONDS: Final = 10.0
"""The longest an interpreter may take to say where a package lies, in seconds."""
MOST_FILES: Final = 20_000
"""The most files of a package that are read; a larger one has no digest."""
WRAPPERS: Final = frozenset(
    [
        "bash",
        "busybox",
        "chroot",
        "dash",
        "docker",
        "doas",
        "env",
        "exec",
        "kubectl",
        "nerdctl",
        "nice",
        "nohup",
        "nsenter",
        "podman",
        "sh",
        "ssh",
        "stdbuf",
        "sudo",
        "systemd-run",
        "taskset",
        "timeout",
        "unshare",
        "uv",
        "uvx",
        "xargs",
        "zsh",
    ]
)
"""Programs that run another one: their own bytes tell nothing of the deployment."""

# Asks without importing anything: a top-level package is found, not run.
WHERE: Final = """
import importlib.metadata as m, importlib.util as u, json, sys
kind, name = sys.argv[1:]
if kind == "script":
    found = [e.module for e in m.entry_points(group="console_scripts") if e.name == name]
    name = found[0] if found else ""
spec = u.find_spec(name.partition(".")[0]) if name else None
folders = list(spec.submodule_search_locations or []) if spec else []
json.dump(folders or ([spec.origin] if spec and spec.has_location else []), sys.stdout)
"""


def digest_of_command(words: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The digest of what these words launch with these variables, in hexadecimal; None where nothing tells what that is."""
    found = shutil.which(words[0])
    if found is None or Path(words[0]).name in WRAPPERS:
        return None
    try:
        command = python_command(words)
        if command is not None:
            return _of_python(command, environ)
        return None if is_python(found) else _of_file(Path(found))
    except OSError:
        return None  # what cannot be read has no digest that anybody could compare


def _of_python(command: PythonCommand, environ: Mapping[str, str]) -> str | None:
    if command.kind == "file":
        return _of_file(Path(command.name))
    name = Path(command.name).name if command.kind == "script" else command.name
    places = _places([str(command.interpreter), *command.flags], command.kind, name, environ)
    if command.kind == "script" and not places:
        return _of_file(Path(command.name))
    return _of_places(places)


def _places(python: Sequence[str], kind: str, name: str, environ: Mapping[str, str]) -> list[Path]:
    """The folders, or the file, of the top-level package; none where the interpreter does not find it."""
    # As a deployment is launched: from an empty folder, without our own configuration.
    with TemporaryDirectory() as folder:
        try:
            answer = subprocess.run(  # noqa: S603 - the interpreter of the profile, which the run launches anyway
                [*python, "-c", WHERE, kind, name],
                cwd=folder,
                env=merged(inherited_environ(), environ),
                capture_output=True,
                timeout=ASK_SECONDS,
                check=True,
            )
            return [Path(place) for place in json.loads(answer.stdout)]
        except (subprocess.SubprocessError, ValueError):
            return []


def _of_places(places: Sequence[Path]) -> str | None:
    if len(places) != 1:
        return None  # a namespace package in several folders has no one place whose bytes it is
    return _of_folder(places[0]) if places[0].is_dir() else _of_file(places[0])


def _of_folder(folder: Path) -> str | None:
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    if not files or len(files) > MOST_FILES:
        return None
    whole = sha256()
    for name in sorted(files, key=os.fsencode):
        whole.update(f"{_of_file(files[name])}  ".encode() + os.fsencode(name) + b"\n")
    return whole.hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, sha256).hexdigest()
