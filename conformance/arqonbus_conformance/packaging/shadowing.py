"""Modules that an interpreter takes from elsewhere than those who own them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.known_names import generic_names
from arqonbus_conformance.packaging.launched_python import Seen
from arqonbus_conformance.packaging.recorded import Recorded, changed_files

__all__ = ["edited", "owned_names", "shadowed", "shadowed_stdlib"]


def owned_names(recorded: Mapping[str, Recorded]) -> list[str]:
    """The dotted names that distributions own; without those that say nothing of whose they are, such as `tests`."""
    names = {name for one in recorded.values() for name in one.modules()}
    return sorted(name for name in names if name.partition(".")[0] not in generic_names())


def shadowed(recorded: Mapping[str, Recorded], seen: Seen) -> Iterator[Finding]:
    """A finding for each module of a distribution that would be imported from a file which that one did not install."""
    own = {one.name: one.modules() for one in recorded.values()}
    everybodys = [file for modules in own.values() for files in modules.values() for file in files]
    for distribution, modules in sorted(own.items()):
        for name, files in sorted(modules.items()):
            told = seen.origins.get(name)
            if told is None or _is_one_of(told[0], files):
                continue
            origin, named = told
            # a namespace that one of several distributions made a package of
            if named != name and _is_one_of(origin, everybodys):
                continue
            version = recorded[distribution].version
            what = f"{named!r} is imported from {origin}, and not from {files[0]} of the distribution {distribution} {version}"
            yield finding("shadows-dependency", what, origin)


def _is_one_of(origin: str, files: list[Path]) -> bool:
    path = Path(origin)
    return path in files or (path.exists() and any(one.exists() and path.samefile(one) for one in files))


def shadowed_stdlib(isolated: Seen, seen: Seen) -> Iterator[Finding]:
    """A finding for each module of the standard library that is another one as the deployment is launched."""
    for name in sorted(isolated.origins):
        own, told = isolated.origins[name], seen.origins.get(name)
        if own is not None and told is not None and told != own:
            what = f"{name!r} is imported from {told[0]}, and not from {own[0]} of the standard library"
            yield finding("shadows-stdlib", what, told[0])


def edited(recorded: Mapping[str, Recorded]) -> Iterator[Finding]:
    """A finding for each distribution, put there by an installer of wheels, with files that are not as its RECORD has them."""
    for _, one in sorted(recorded.items()):
        changed = list(changed_files(one)) if one.has_installer else []
        if changed:
            file, how = changed[0]
            more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
            what = f"a file of the distribution {one.name} {one.version} {how}{more}"
            yield finding("installed-file-changed", what, str(one.folder / file))
