"""The run-time dependencies: their versions, and whether each is what its distribution installed."""

import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from arqonbus_reference.problem import Problem

DEPENDENCIES: Final = {
    "PyJWT": "jwt",
    "aiohttp": "aiohttp",
    "cyclopts": "cyclopts",
    "msgspec": "msgspec",
    "nats-py": "nats",
    "prometheus-client": "prometheus_client",
    "protobuf": "google.protobuf",
    "python-dotenv": "dotenv",
    "redis": "redis",
    "rich": "rich",
    "structlog": "structlog",
    "uvloop": "uvloop",
    "wasmtime": "wasmtime",
    "websockets": "websockets",
}
"""Distribution and the module imported from it."""


def versions() -> dict[str, str]:
    """The version of each distribution that is installed."""
    found = {name: _distribution(name) for name in DEPENDENCIES}
    return {name: installed.version for name, installed in found.items() if installed is not None}


def shadowed() -> list[Problem]:
    """A problem for each dependency that is missing or would be imported from elsewhere than its distribution (PKG-002)."""
    found = (_fault(name, module) for name, module in DEPENDENCIES.items())
    return [problem for problem in found if problem is not None]


def _fault(name: str, module: str) -> Problem | None:
    allowed = f"the module {module} of the distribution {name}"
    installed = _distribution(name)
    if installed is None:
        return Problem(name, "the distribution is not installed", allowed)
    origin = _origin(module)
    if origin is None:
        return Problem(name, f"the module {module} cannot be imported", allowed)
    if origin not in _installed_files(installed, module):
        return Problem(name, f"the module {module} comes from {str(origin)!r}", allowed)
    return None


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _origin(module: str) -> Path | None:
    """The file the module was, or would be, imported from."""
    loaded = sys.modules.get(module)
    try:
        origin = loaded.__file__ if loaded is not None else getattr(find_spec(module), "origin", None)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(origin).resolve() if origin else None


def _installed_files(installed: Distribution, module: str) -> set[Path]:
    """Top-level files of the module that the distribution's RECORD lists."""
    listed = (line.partition(",")[0] for line in (installed.read_text("RECORD") or "").splitlines())
    place = module.replace(".", "/")
    tops = (name for name in listed if name.startswith((f"{place}/__init__.", f"{place}.")))
    return {Path(str(installed.locate_file(name))).resolve() for name in tops}
