"""Imports a module and, where one is named, looks up an attribute of it; what becomes of it is written to a file.

Usage: load.py RESULT MODULE [ATTRIBUTE.PATH]. RESULT holds a JSON object: ``fault``, the kind of exception ("" where
all is well), ``text``, what it says, and ``missing``, the module that was not found ("" where none was missing).
"""

import importlib
import json
import sys
from pathlib import Path

TEXT_CHARACTERS = 400
"""How much of what an exception says is kept."""


def load(module: str, attribute: str) -> dict[str, str]:
    """What becomes of the import."""
    told = {"fault": "", "text": "", "missing": ""}
    try:
        found = importlib.import_module(module)
        for name in filter(None, attribute.split(".")):
            found = getattr(found, name)
        if attribute and not callable(found):
            told |= {
                "fault": "TypeError",
                "text": f"{attribute} is a {type(found).__name__} and cannot be called",
            }
    except BaseException as fault:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of a module are results, too
        told |= {"fault": type(fault).__name__, "text": str(fault)[:TEXT_CHARACTERS]}
        if isinstance(fault, ModuleNotFoundError):
            told["missing"] = fault.name or ""
    return told


if __name__ == "__main__":
    result = load(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
    Path(sys.argv[1]).write_text(json.dumps(result), "utf-8")
