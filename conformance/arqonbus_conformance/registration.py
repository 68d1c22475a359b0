"""Which suites there are and where their cases lie; found by import name, which is data, never imported here."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["PACKAGES", "case_id", "suite_folders"]

PACKAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unit": "arqonbus_conformance.suites.unit",
        "integration": "arqonbus_conformance.suites.integration",
        "e2e": "arqonbus_conformance.suites.e2e",
        "regression": "arqonbus_conformance.suites.regression",
        "adversarial": "arqonbus_adversarial.suites",
    }
)
"""The package of each suite, in the order in which they run."""


def suite_folders() -> dict[str, Path]:
    """The folder of each suite that is installed."""
    folders = {}
    for suite, package in PACKAGES.items():
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            folders[suite] = Path(next(iter(spec.submodule_search_locations))).resolve()
    return folders


def case_id(folders: Mapping[str, Path], path: Path, name: str) -> tuple[str, str] | None:
    """The suite and the id (``SUITE/module::function[param]``) of a case; None where it lies in no suite."""
    for suite, folder in folders.items():
        if path.is_relative_to(folder):
            module = path.relative_to(folder).with_suffix("").as_posix()
            return suite, f"{suite}/{module}::{name}"
    return None
