import shutil
import sys
from pathlib import Path

import pytest
from arqonbus_conformance.fingerprint import Fingerprint, said_in
from arqonbus_conformance.package_digest import digest_of_command

SCRIPT = """#!{python}
print("the program")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package `thing` with two modules."""
    folder = tmp_path / "here" / "thing"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('it is looked at, never run')\n")
    (folder / "__main__.py").write_text("print(1)\n")
    return folder


def digest(package: Path, *words: str) -> str | None:
    command = words or (sys.executable, "-m", "thing", "serve")
    return digest_of_command(command, {"PYTHONPATH": str(package.parent)})


def test_the_same_code_has_the_same_digest_wherever_it_lies(package: Path) -> None:
    """Neither the place nor what the interpreter compiled counts, nor which module of the package is named."""
    there = Path(shutil.copytree(package, package.parents[1] / "there" / "thing"))
    (there / "__pycache__").mkdir()
    (there / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"compiled")

    found = {digest(package), digest(there), digest(there, sys.executable, "-P", "-m", "thing.other")}

    assert len(found) == 1
    assert len(found.pop() or "") == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "__main__.py").write_text("print(2)\n"),
        lambda folder: (folder / "more.toml").write_text(""),
        lambda folder: (folder / "__main__.py").rename(folder / "main.py"),
    ],
)
def test_another_byte_file_or_name_is_another_digest(package: Path, change: object) -> None:
    """Whatever a deployment could be changed by."""
    before = digest(package)

    assert callable(change)
    change(package)

    assert digest(package) != before


def test_a_console_script_is_the_package_that_it_starts() -> None:
    """The script itself names the place of its interpreter, which is another one everywhere."""
    script = Path(sys.executable).with_name("arqonbus-reference")

    by_script = digest_of_command([str(script), "serve"], {})

    assert by_script is not None
    assert by_script == digest_of_command([sys.executable, "-m", "arqonbus_reference", "serve"], {})


def test_any_other_program_is_its_own_bytes(tmp_path: Path) -> None:
    """Also a script that belongs to no distribution."""
    program = tmp_path / "program"
    program.write_text(SCRIPT.format(python=sys.executable))
    program.chmod(0o755)

    first = digest_of_command([str(program)], {})
    program.write_text(SCRIPT.format(python=sys.executable) + "# more\n")

    assert first == digest_of_command([sys.executable, str(_copy_of(program, "# more\n"))], {})
    assert first != digest_of_command([str(program)], {})


def _copy_of(program: Path, without: str) -> Path:
    copy = program.with_name("copy")
    copy.write_text(program.read_text().removesuffix(without))
    return copy


@pytest.mark.parametrize(
    "words",
    [
        ["docker", "run", "image"],
        ["sh", "-c", "true"],
        ["no-such-program"],
        [sys.executable, "-m", "no_such_module"],
        [sys.executable, "-c", "pass"],
    ],
)
def test_what_tells_nothing_of_a_deployment_has_no_digest(words: list[str]) -> None:
    """A wrapper's bytes would be taken for those of what runs inside it."""
    assert digest_of_command(words, {}) is None


def test_a_deployment_says_its_version_and_its_commit() -> None:
    """Each where it is said first; what is no short, printable text was not said."""
    assert said_in({"version": "1.2"}, {"version": "9", "commit": "8c1f"}) == Fingerprint("1.2", "8c1f")
    assert said_in(None, {"version": 3, "commit": "a\x1b"}, {"version": "x" * 101}) == Fingerprint()
