"""Wheels and trees made for tests: as data below a folder of the test, and never importable from it by accident."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

BACKEND = """
import base64, hashlib, json, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    told = json.loads(pathlib.Path("told.json").read_text())
    name = told["name"]
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for file, text in told["files"].items():
            archive.writestr(file, text)
    return name
"""
"""A build backend that needs nothing but the standard library, so that no index is needed."""


def contents(
    name: str,
    files: Mapping[str, str],
    *,
    metadata: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
) -> tuple[str, dict[str, str]]:
    """The file name of a wheel, and all that is in it, RECORD included."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    told = {
        **files,
        f"{info}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata, ""]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        lines = [f"{program} = {place}" for program, place in scripts.items()]
        told[f"{info}/entry_points.txt"] = "\n".join(["[console_scripts]", *lines, ""])
    record = [f"{file},sha256={digest(text)},{len(text.encode())}" for file, text in told.items()]
    told[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    return f"{name.replace('-', '_')}-1.0-py3-none-any.whl", told


def digest(text: str) -> str:
    """The hash of a file as RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def made_wheel(folder: Path, name: str, files: Mapping[str, str], **told: object) -> Path:
    """A wheel in the folder."""
    wheel, everything = contents(name, files, **told)  # type: ignore[arg-type]
    return written(folder / wheel, everything)


def written(path: Path, everything: Mapping[str, str]) -> Path:
    """An archive with exactly this in it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in everything.items():
            archive.writestr(file, text)
    return path


def made_tree(
    folder: Path, name: str, files: Mapping[str, str], *, backend: str = BACKEND, **told: object
) -> Path:
    """A tree in the folder, with a build backend of its own that makes a wheel of the files."""
    tree = folder / name
    wheel, everything = contents(name, files, **told)  # type: ignore[arg-type]
    for file, text in {
        **files,
        "told.json": json.dumps({"name": wheel, "files": everything}),
        "build_it.py": backend,
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "build_it"\nbackend-path = ["."]\n',
    }.items():
        path = tree / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tree
