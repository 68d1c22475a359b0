"""From a tree to its wheel: built from a copy, in an environment of its own, by a backend that sees no secret."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from build import BuildBackendException, BuildException, ProjectBuilder

from arqonbus_conformance.packaging.environment import EmptyEnvironment
from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.sealed import Ran
from arqonbus_conformance.packaging.undecided import InputError, UndecidedError

__all__ = ["built_wheel", "check_tree", "copied_tree"]

BUILD_SECONDS: Final = 600.0
"""How long one step of a build backend may take."""
TREE_BYTES: Final = 1024 * 1024 * 1024
"""The largest tree that is copied."""
LEFT_OUT: Final = frozenset({"__pycache__", ".nox", ".tox", "node_modules", ".mypy_cache", ".ruff_cache"})
"""Folders of a tree that no build needs; virtual environments are left out as well."""


def check_tree(tree: Path) -> None:
    """There is something to build.

    Raises:
        InputError: there is not.
    """
    if not (tree / "pyproject.toml").is_file() and not (tree / "setup.py").is_file():
        raise InputError(
            f"{str(tree)!r} holds nothing to build; allowed: a folder with pyproject.toml or setup.py, or a wheel"
        )


def copied_tree(tree: Path, place: Path) -> Path:
    """A copy of the tree, so that building leaves no trace in it.

    Raises:
        InputError: it is larger than ``TREE_BYTES``, or cannot be read.
    """
    size = 0

    def left_out(folder: str, names: Sequence[str]) -> set[str]:
        nonlocal size
        skipped = {name for name in names if name in LEFT_OUT or Path(folder, name, "pyvenv.cfg").is_file()}
        kept = (Path(folder, name) for name in names if name not in skipped)
        size += sum(path.lstat().st_size for path in kept if not path.is_dir())
        if size > TREE_BYTES:
            raise InputError(f"{str(tree)!r} is larger than {TREE_BYTES} bytes, the largest tree allowed")
        return skipped

    copy = place / "tree"
    try:
        shutil.copytree(tree, copy, symlinks=True, ignore=left_out)
    except (OSError, shutil.Error) as fault:
        raise InputError(f"{str(tree)!r} cannot be read: {fault}") from fault
    return copy


def built_wheel(tree: Path, environment: EmptyEnvironment, place: Path) -> Path | Finding:
    """The wheel that the tree's own backend makes in this environment, or why it makes none.

    Raises:
        UndecidedError: the index cannot be reached, or the time was not enough.
    """
    last = Ran(0, "", 0.0)

    def runner(
        cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        nonlocal last
        last = environment.run(
            cmd, cwd=Path(cwd or tree), limit_seconds=BUILD_SECONDS, extra=extra_environ or {}
        )
        if last.exit_code is None:
            raise UndecidedError(f"the build {last.ending}")
        if last.exit_code:
            raise subprocess.CalledProcessError(last.exit_code, list(cmd), last.output)

    try:
        builder = ProjectBuilder(tree, str(environment.python), runner)
        installed = environment.install(sorted(builder.build_system_requires))
        if installed.exit_code == 0:
            installed = environment.install(sorted(builder.get_requires_for_build("wheel")))
        if installed.exit_code:
            what = f"its build requirements cannot be installed: {installed.last_line}"
            return finding("build-fails", what, "[build-system]")
        return Path(builder.build("wheel", place))
    except (BuildException, BuildBackendException) as fault:
        cause = getattr(fault, "exception", fault)
        if isinstance(cause, UndecidedError):
            raise cause from fault
        said = last.last_line or str(fault).strip().partition("\n")[0]
        return finding("build-fails", f"the build backend failed: {said}", tree.name)
