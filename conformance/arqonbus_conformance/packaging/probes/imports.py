"""Lists every import in the modules below a folder, and the modules that do not compile; runs nothing of them.

Usage: imports.py RESULT FOLDER. Writes to the file RESULT a JSON object: ``imports``, each with its dotted ``name``,
``file``, ``line`` and ``guard`` ("" where it is needed, "optional" where its absence is handled, "typing" where only
type checkers see it, "conditional" where it depends on version or platform); and ``broken``, each with file and reason.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ABSENCE = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
"""Exceptions whose handler catches a module that is not there."""
FIELDS_OF_PLATFORM = {"version_info", "platform", "implementation", "python_implementation", "system"}
"""Attributes of sys, os and platform by which code tells interpreters and systems apart."""


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute in an expression."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def guards(node: ast.AST, field: str) -> str:
    """How statements in this field of the node are guarded by it, '' where they are not."""
    if isinstance(node, ast.Try) and field == "body":
        caught = [ABSENCE if one.type is None else names_in(one.type) for one in node.handlers]
        return "optional" if any(names & ABSENCE for names in caught) else ""
    if isinstance(node, ast.If):
        names = names_in(node.test)
        if "TYPE_CHECKING" in names and field == "body" and not isinstance(node.test, ast.UnaryOp):
            return "typing"
        return "conditional" if names & FIELDS_OF_PLATFORM else ""
    if isinstance(node, (ast.With, ast.AsyncWith)) and field == "body":
        calls = [item.context_expr for item in node.items]
        suppressed = [names_in(one) for one in calls if "suppress" in names_in(one)]
        return "optional" if any(names & ABSENCE for names in suppressed) else ""
    return ""


def imports_in(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Dotted name, line and guard of each absolute import."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, guard = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, guard) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # a name may be a module of a namespace package: `from google import protobuf`
            yield from ((f"{node.module}.{alias.name}", node.lineno, guard) for alias in node.names)
        for field, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            inner = guards(node, field) or guard
            waiting += [(child, inner) for child in children if isinstance(child, ast.AST)]


def scan(folder: Path) -> dict[str, list[dict[str, object]]]:
    """What the modules below the folder import."""
    found: list[dict[str, object]] = []
    broken: list[dict[str, object]] = []
    for path in sorted(folder.rglob("*.py")):
        file = path.relative_to(folder).as_posix()
        try:
            source = path.read_bytes()
            compile(source, file, "exec", dont_inherit=True)
            tree = ast.parse(source, file)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            line = getattr(fault, "lineno", None) or 1
            broken.append(
                {"file": file, "line": line, "reason": f"{type(fault).__name__}: {str(fault)[:200]}"}
            )
            continue
        for name, line, guard in sorted(imports_in(tree), key=lambda one: one[1]):
            found.append({"name": name, "file": file, "line": line, "guard": guard})
    return {"imports": found, "broken": broken}


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")  # what the compiler warns of is not asked for
    Path(sys.argv[1]).write_text(json.dumps(scan(Path(sys.argv[2]))), "utf-8")
