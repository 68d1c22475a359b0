"""What a package says that it needs, held against what it imports and what stands in for that."""

import re
from pathlib import Path

from made_packages import made_tree, made_wheel
from package_runs import found, looked_at


def test_a_stand_in_for_a_dependency_is_found_in_wheel_and_tree(tmp_path: Path) -> None:
    """A name that a dependency installs, in the wheel; and one in the tree, from where a program may be started."""
    bearer = made_wheel(tmp_path, "bearer", {"wire/__init__.py": "", "store/__init__.py": ""})
    tree = made_tree(
        tmp_path,
        "bad-bus",
        {"bad_bus/__init__.py": "import wire, store\n", "wire/__init__.py": ""},
        metadata=[f"Requires-Dist: bearer @ {bearer.as_uri()}"],
    )
    (tree / "store").mkdir()
    (tree / "store" / "__init__.py").write_text("", "utf-8")

    report = looked_at(tree)

    assert found(report) == {("shadows-dependency", "wire/__init__.py"), ("shadows-dependency", "store")}


def test_an_import_that_another_brings_along_is_undeclared(tmp_path: Path) -> None:
    """It works until the other drops it."""
    inner = made_wheel(tmp_path, "inner", {"inner/__init__.py": ""})
    outer = made_wheel(
        tmp_path, "outer", {"outer/__init__.py": ""}, metadata=[f"Requires-Dist: inner @ {inner.as_uri()}"]
    )
    wheel = made_wheel(
        tmp_path,
        "bus",
        {"bus/__init__.py": "import inner\nimport outer\n"},
        metadata=[f"Requires-Dist: outer @ {outer.as_uri()}"],
    )

    assert found(looked_at(wheel)) == {("undeclared-transitive-import", "bus/__init__.py:1")}


def test_conflicting_requirements_are_found(tmp_path: Path) -> None:
    """What cannot be fulfilled together is not installed, and the finding says what it is."""
    inner = made_wheel(tmp_path, "inner", {"inner/__init__.py": ""})
    wheel = made_wheel(
        tmp_path,
        "bus",
        {"bus/__init__.py": ""},
        metadata=[f"Requires-Dist: inner @ {inner.as_uri()}", "Requires-Dist: inner >= 2"],
    )

    report = looked_at(wheel)

    assert [one.id for one in report.findings] == ["install-fails"]
    # uv names the requirement, pip says that there is a conflict
    assert re.search(r"inner|conflicting dependencies", report.findings[0].what)
