"""An image of the reference made of what is installed here: this Python, what the reference imports, the libraries of both."""

import hashlib
import io
import json
import py_compile
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import TemporaryDirectory

import docker
from docker.errors import APIError, ImageNotFound

REPOSITORY = "arqonbus-conformance/reference"
LEFT_OUT = {
    "__pycache__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
"""Folders that no reference needs."""
KEPT = timedelta(hours=6)
"""How long an image stays that was made of something else."""
SECONDS = 60.0
"""Longest time for finding out what belongs into the image."""

# Imports all of the reference, and all it depends on, in a process of its own, and says what that took.
IMPORTED = """
import importlib, json, pkgutil, sys
import arqonbus_reference
from arqonbus_reference.dependencies import DEPENDENCIES
own = pkgutil.walk_packages(arqonbus_reference.__path__, "arqonbus_reference.")
for name in [*(one.name for one in own if not one.name.endswith("__main__")), *DEPENDENCIES.values()]:
    importlib.import_module(name)
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
tops = sorted({name.partition(".")[0] for name in sys.modules})
sources = sorted(file for file in files if file.endswith(".py"))
json.dump({"tops": tops, "reference": list(arqonbus_reference.__path__), "sources": sources}, sys.stdout)
"""


@cache
def present() -> str:
    """The name of the image, which is made if the engine does not have it; it stays there for the next time."""
    imported = json.loads(_said(sys.executable, "-P", "-c", IMPORTED))
    files = sorted(set(_files(imported["tops"], imported["reference"])))
    told = "\n".join(f"{path} {path.lstat().st_size} {path.lstat().st_mtime_ns}" for path in files)
    tag = hashlib.sha256(told.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
    client = docker.from_env(timeout=SECONDS)
    try:
        client.images.get(f"{REPOSITORY}:{tag}")
    except ImageNotFound:
        _forget_old(client)
        entry = f"ENTRYPOINT {json.dumps([sys.executable, '-m', 'arqonbus_reference'])}"
        archive = _archive(files, [Path(source) for source in imported["sources"]])
        client.api.import_image_from_data(archive, repository=REPOSITORY, tag=tag, changes=[entry])
    finally:
        client.close()
    return f"{REPOSITORY}:{tag}"


def _forget_old(client: docker.DockerClient) -> None:
    """Remove the images that were made of what is not installed any more, but for those that somebody uses still."""
    for image in client.images.list(REPOSITORY):
        made = datetime.fromisoformat(image.attrs["Created"][:19] + "+00:00")
        if datetime.now(UTC) - made > KEPT:
            with suppress(APIError):  # a container runs it
                client.images.remove(image.id, force=False)


def _files(tops: list[str], reference: list[str]) -> Iterator[Path]:
    """All files, at the places where they lie here."""
    site = Path(sysconfig.get_path("purelib"))
    whole = [
        *_below(Path(sysconfig.get_path("stdlib")).resolve()),
        *(path for top in tops for path in _below(site / top)),
        *(path for folder in reference for path in _below(Path(folder))),
        *(
            path
            for pattern in ("*.dist-info/*", "*.libs/*", "*.pth", "*.py", "*.so")
            for path in site.glob(pattern)
        ),
        *Path(sys.prefix).glob("pyvenv.cfg"),
    ]
    yield from (path for path in whole if path.is_file() and "__mypyc" not in path.name)
    yield from _interpreter()
    programs = [str(path) for path in whole if ".so" in path.suffixes]
    linked = _said("/usr/bin/ldd", str(Path(sys.executable).resolve()), *programs)
    yield from (Path(place) for place in re.findall(r"(/\S+) \(0x", linked))


def _interpreter() -> Iterator[Path]:
    """The interpreter, by each of its names on the way from the environment to the program."""
    one = Path(sys.executable)
    while one.is_symlink():
        yield one
        one = one.parent / one.readlink()
    yield one


def _below(place: Path) -> Iterator[Path]:
    """The files below a folder without what is left out; none where there is no folder."""
    for path in place.rglob("*"):
        inside = path.relative_to(place).parts
        if (
            path.is_file()
            and not LEFT_OUT & {*inside}
            and "site-packages" not in inside
            and path.suffix != ".a"
        ):
            yield path


def _archive(files: list[Path], sources: list[Path]) -> bytes:
    """A tar archive of the files, and of the compiled sources: nobody writes them in a container that is thrown away.

    Of the links only those that are names of the interpreter stay links.
    """
    names, made = {*_interpreter()}, io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar, TemporaryDirectory() as folder:
        for path in files:
            tar.add(path if path in names else path.resolve(), arcname=str(path), recursive=False)
        for number, source in enumerate(sources):
            compiled = f"{folder}/{number}"
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), compiled, doraise=True, invalidation_mode=mode)
            tar.add(compiled, arcname=cache_from_source(str(source)))
    return made.getvalue()


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS).stdout
