"""Tells from where modules would be imported, by an interpreter started as a deployment is; imports none of them.

Usage: python [OPTIONS] -c "the text of this file" RESULT FOLDER [NAME ...]. FOLDER takes the place of the working
directory on the import path, "" leaves that there. Without a name those of the standard library are looked for. Writes
to the file RESULT the repr of a dict: ``version``, ``executable``, ``path``, the import path, ``stdlib``, the
names of the standard library, and ``origins``: for each dotted name None, or the file it would come from and the name
that the file is of: the name itself, or a package above it that is no namespace.

Leans on nothing that could be shadowed: sys and built-in functions alone.
"""

import sys

TYPE_CHECKING = False  # typing could be shadowed, too
if TYPE_CHECKING:
    from typing import Any

# What answers for the standard library; hooks of others (setuptools has one for distutils) are asked for the rest.
OWN_FINDERS = ("BuiltinImporter", "FrozenImporter", "PathFinder")


def found(name: str, path: list[str] | None, finders: "list[Any]") -> "Any":
    """The specification of one module, None where no finder has it."""
    for finder in finders:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path) if find is not None else None
        if spec is not None:
            return spec
    return None


def origin(name: str, finders: "list[Any]") -> tuple[str, str] | None:
    """The file that a dotted name would come from, and the name the file is of."""
    parts = name.split(".")
    path: list[str] | None = None
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        spec = found(whole, path, finders)
        if spec is None:
            return None
        if depth == len(parts) or spec.origin is not None:
            return (spec.origin, whole) if spec.origin is not None else None
        path = list(spec.submodule_search_locations or ())
        # A namespace inside another one asks the outer one for its path; it is not imported, so this stands for it.
        outer = sys.modules.setdefault(whole, type(sys)(whole))
        outer.__path__ = path
    return None


def main(result: str, folder: str, names: list[str]) -> None:
    """Look, and write what was found."""
    if folder and sys.path[:1] == [""]:
        sys.path[0] = folder
    own = [one for one in sys.meta_path if getattr(one, "__name__", "") in OWN_FINDERS]
    stdlib = sorted(sys.stdlib_module_names)
    told = {
        "version": sys.version.split()[0],
        "executable": sys.executable,
        "path": list(sys.path),
        "stdlib": stdlib,
        "origins": {name: origin(name, sys.meta_path if names else own) for name in names or stdlib},
    }
    with open(result, "w", encoding="utf-8", errors="surrogateescape") as stream:  # noqa: PTH123 - pathlib could be shadowed
        stream.write(repr(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
