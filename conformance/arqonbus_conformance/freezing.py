"""Freezing a requirement set: its SHA-256 is written down, once. Run by ``nox -s freeze -- REVISION``."""

import hashlib
import sys
from pathlib import Path
from typing import Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from arqonbus_conformance.requirements import DIGESTS, RequirementSetError, parse

__all__ = ["freeze"]

USAGE: Final = 64
"""The exit code where nothing could be frozen."""


def freeze(folder: Path, revision: str) -> str:
    """Write the digest of that revision's set into ``digests.toml`` beside it; the digest, 64 hexadecimal digits.

    Raises:
        RequirementSetError: the revision is frozen already, there is no such set, the file is none, or says that it is
            another revision; nothing was written.
    """
    digests, file = folder / DIGESTS, folder / f"{revision}.toml"
    shipped = sorted(path.stem for path in folder.glob("*.toml") if path.name != DIGESTS)
    if revision not in shipped:
        raise RequirementSetError(f"revision: {revision!r} is not allowed; allowed: {', '.join(shipped)}")
    try:
        frozen = tomlkit.parse(digests.read_text("utf-8"))
    except TOMLKitError as fault:
        raise RequirementSetError(f"{digests}: not TOML: {fault}") from fault
    if revision in frozen:
        raise RequirementSetError(
            f"revision: {revision} is frozen already, as {frozen[revision]}; what comes later is a file of its own"
        )
    data = file.read_bytes()
    if (said := parse(data).revision) != revision:
        raise RequirementSetError(f"{file}: revision: {said!r} is not allowed; allowed: {revision!r}")
    frozen[revision] = digest = hashlib.sha256(data).hexdigest()
    unfinished = digests.with_name(f".{DIGESTS}.unfinished")
    unfinished.write_text(tomlkit.dumps(frozen), "utf-8")
    unfinished.replace(digests)
    return digest


def main(arguments: list[str]) -> int:
    """``FOLDER REVISION``: freeze and say so; the exit code."""
    if len(arguments) != 2:
        sys.stderr.write(
            f"freeze: {len(arguments)} arguments; allowed: the folder of the sets and a revision\n"
        )
        return USAGE
    try:
        digest = freeze(Path(arguments[0]), arguments[1])
    except RequirementSetError as fault:
        sys.stderr.write(f"freeze: {fault}\n")
        return USAGE
    sys.stdout.write(f"frozen: requirement set {arguments[1]}, sha256 {digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
