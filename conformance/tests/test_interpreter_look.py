"""Whether the interpreter of a deployment imports what is installed, started as the deployment is."""

from pathlib import Path

import pytest
from arqonbus_conformance.packaging.interpreter_look import InterpreterLook, look_at_interpreter
from arqonbus_conformance.packaging.launched_python import LaunchedPython, launched_by, python_environ
from made_environments import PLAIN, POISON, STAND_IN, Environment, write
from made_packages import contents


def found(look: InterpreterLook) -> list[tuple[str, str]]:
    """Kind and place of each finding."""
    return [(one.id, one.where) for one in look.findings]


@pytest.mark.parametrize(("flag", "kinds"), [("-B", ["shadows-dependency"]), ("-P", []), ("-I", [])])
def test_an_option_that_leaves_the_working_directory_out_leaves_the_fake_out(
    made: Environment, tmp_path: Path, flag: str, kinds: list[str]
) -> None:
    """As it does for the deployment."""
    write(made.cwd, {"aiohttp/__init__.py": STAND_IN})

    look = made.look(tmp_path, flag, "-m", "bus")

    assert [one.id for one in look.findings] == kinds


def test_a_program_finds_what_lies_beside_it(made: Environment, tmp_path: Path) -> None:
    """For a file, and for a script that names its interpreter, its folder counts and the working directory does not."""
    program = tmp_path / "bin" / "bus"
    write(tmp_path, {"bin/bus": f"#!{made.python}\n", "bin/aiohttp.py": STAND_IN, "bin/beside": ""})
    program.chmod(0o755)
    write(made.cwd, {"aiohttp/__init__.py": STAND_IN})
    of_script = launched_by([str(program), "serve"], PLAIN, made.cwd)
    assert of_script is not None

    looks = [made.look(tmp_path, str(program)), look_at_interpreter(of_script, tmp_path)]

    assert [found(look) for look in looks] == [
        [("shadows-dependency", str(tmp_path / "bin" / "aiohttp.py"))]
    ] * 2


def test_a_name_of_the_standard_library_is_told_too(made: Environment, tmp_path: Path) -> None:
    """Although the look itself needs that module."""
    write(made.cwd, {"json.py": POISON, "importlib/__init__.py": POISON})

    look = made.look(tmp_path)

    assert found(look) == [
        ("shadows-stdlib", str(made.cwd / "importlib" / "__init__.py")),
        ("shadows-stdlib", str(made.cwd / "json.py")),
    ]


def test_parts_of_a_namespace_are_held_against_their_own_distribution(
    made: Environment, tmp_path: Path
) -> None:
    """Two share it without harm; a package of that name in front of both hides each of them."""
    made.install("left", {"shared/left/__init__.py": "", "shared/inner/deep.py": ""})
    made.install("right", {"shared/right/__init__.py": ""})
    whole = made.look(tmp_path)

    write(made.cwd, {"shared/__init__.py": ""})
    hidden = made.look(tmp_path)

    assert found(whole) == []
    assert set(found(hidden)) == {("shadows-dependency", str(made.cwd / "shared" / "__init__.py"))}
    assert {one.what.rpartition("distribution ")[2] for one in hidden.findings} == {"left 1.0", "right 1.0"}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("aiohttp/web.py", STAND_IN, "a file of the distribution aiohttp 1.0 was changed"),
        ("aiohttp/web.py", None, "a file of the distribution aiohttp 1.0 is missing"),
    ],
)
def test_an_edited_file_is_found(
    made: Environment, tmp_path: Path, file: str, text: str | None, told: str
) -> None:
    """Where an installer of wheels put it: its RECORD says what the file was."""
    (made.site / file).unlink()
    write(made.site, {} if text is None else {file: text})

    look = made.look(tmp_path)

    assert [(one.id, one.what, one.where) for one in look.findings] == [
        ("installed-file-changed", told, str(made.site / file))
    ]


def test_what_cannot_be_compared_is_said(made: Environment, tmp_path: Path) -> None:
    """No RECORD, no installer of wheels, modules that lie in a tree: a note each, and no finding."""
    write(made.site, {"bare-1.0.dist-info/METADATA": "Name: bare\nVersion: 1.0\n"})
    write(made.site, contents("packed", {"packed/__init__.py": ""})[1] | {"packed/__init__.py": "changed"})
    made.install("tree", {"tree-1.0.dist-info/direct_url.json": '{"dir_info": {"editable": true}}'})

    look = made.look(tmp_path)

    assert look.findings == []
    assert [note.rpartition(": ")[2] for note in look.notes[1:]] == ["bare", "packed", "tree"]


def test_an_interpreter_that_cannot_start_like_this_is_a_finding(made: Environment, tmp_path: Path) -> None:
    """A stand-in for what the interpreter itself needs keeps it from starting."""
    write(tmp_path / "stand-ins", {"encodings/__init__.py": POISON})

    look = made.look(tmp_path, environ={"PYTHONPATH": str(tmp_path / "stand-ins")})

    assert [one.id for one in look.findings] == ["does-not-start"]


def test_no_secret_of_the_caller_or_the_profile_reaches_the_interpreter(
    made: Environment, tmp_path: Path
) -> None:
    """What runs when an interpreter starts could write it anywhere."""
    spy = tmp_path / "spied.txt"
    write(
        made.site,
        {
            "sitecustomize.py": f"import os, pathlib\npathlib.Path({str(spy)!r}).write_text(repr(dict(os.environ)))\n"
        },
    )
    environ = python_environ({"BUS_TOKEN": "hunter2", "PYTHONPATH": "/nowhere"})

    look_at_interpreter(LaunchedPython(made.python, (), None, environ, made.cwd), tmp_path)

    told = spy.read_text("utf-8")
    assert "hunter2" not in told
    assert "'PYTHONPATH': '/nowhere'" in told
