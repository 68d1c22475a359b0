"""Whether the interpreter of a deployment imports what is installed, started as the deployment is."""

import json
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import jsonschema_rs
import pytest
from arqonbus_conformance.packaging.interpreter_look import InterpreterLook, look_at_interpreter
from arqonbus_conformance.packaging.launched_python import LaunchedPython, launched_by, python_environ
from arqonbus_conformance.packaging.report import package_schema
from made_packages import contents, made_tree

GATE = str(Path(sys.executable).parent / "arqonbus-gate")
CALL_SECONDS = 120
STAND_IN = '__version__ = "0.0.0"\n'
# What an import would do, is not done.
POISON = "raise SystemExit('it is looked at, never run')\n"
PLAIN = {"PYTHONSAFEPATH": "", "PYTHONPATH": ""}
"""What tests themselves may be started with, taken away."""


class Environment:
    """A virtual environment with `aiohttp` and nothing else, and an empty folder to start in."""

    def __init__(self, place: Path) -> None:
        venv.create(place / "venv", with_pip=False, symlinks=True)
        self.python = place / "venv" / "bin" / "python"
        (self.site,) = (place / "venv" / "lib").glob("python*/site-packages")
        self.cwd = place / "cwd"
        self.cwd.mkdir()
        self.install("aiohttp", {"aiohttp/__init__.py": POISON, "aiohttp/web.py": POISON})

    def install(self, name: str, files: Mapping[str, str]) -> None:
        """As an installer of wheels does."""
        installer = f"{name.replace('-', '_')}-1.0.dist-info/INSTALLER"
        write(self.site, contents(name, {**files, installer: "made\n"})[1])

    def look(self, place: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> InterpreterLook:
        """Look at it as `python ARGUMENTS` starts it."""
        words = [str(self.python), *(arguments or ("-m", "bus"))]
        launched = launched_by(words, {**PLAIN, **(environ or {})}, self.cwd)
        assert launched is not None
        return look_at_interpreter(launched, place)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def found(look: InterpreterLook) -> list[tuple[str, str]]:
    """Kind and place of each finding."""
    return [(one.id, one.where) for one in look.findings]


def package(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command with these variables alone."""
    return subprocess.run(
        [GATE, "package", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=CALL_SECONDS,
        env={"PATH": "/usr/bin:/bin", **(environ or {})},
    )


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    """A prepared environment."""
    return Environment(tmp_path / "made")


def test_a_fake_aiohttp_in_the_working_directory_is_told_from_the_installed_one(
    made: Environment, tmp_path: Path
) -> None:
    """Exit code 1, both paths named, and a document that fits the schema; nothing of either is imported."""
    fake = made.cwd / "aiohttp" / "__init__.py"
    write(made.cwd, {"aiohttp/__init__.py": POISON})

    called = package(
        *("--interpreter", str(made.python), "--launched-in", str(made.cwd)),
        *("--json", str(tmp_path / "found.json")),
    )

    assert called.returncode == 1, called.stdout + called.stderr
    told = json.loads((tmp_path / "found.json").read_text("utf-8"))
    jsonschema_rs.validate(package_schema(), told)
    assert [(one["id"], one["severity"], one["where"]) for one in told["findings"]] == [
        ("shadows-dependency", "blocker", str(fake))
    ]
    installed = made.site / "aiohttp" / "__init__.py"
    assert (
        f"'aiohttp' is imported from {fake}, and not from {installed} of the distribution aiohttp 1.0"
        in called.stdout
    )
    assert (told["interpreter"], told["import_path"][0]) == (str(made.python), str(made.cwd))


def test_without_the_fake_nothing_is_wrong(made: Environment) -> None:
    """The twin: the same environment, named by its folder, in a folder with a module of another name."""
    write(made.cwd, {"nobodys_module.py": ""})

    called = package("--interpreter", str(made.python.parents[1]), "--launched-in", str(made.cwd))

    assert called.returncode == 0, called.stdout + called.stderr
    assert "1 modules of 1 distributions" in called.stdout


def test_our_own_environment_is_what_was_installed() -> None:
    """Exit code 0 for the interpreter that runs this."""
    called = package("--interpreter", sys.executable)

    assert called.returncode == 0, called.stdout + called.stderr
    assert "nothing is wrong with it" in called.stdout


def test_the_profile_says_how_the_interpreter_is_started(made: Environment, tmp_path: Path) -> None:
    """PYTHONPATH of its launch environment is on the import path, where the option -E does not take it away."""
    write(tmp_path / "stand-ins", {"aiohttp.py": STAND_IN})
    profile = tmp_path / "bus.toml"
    text = 'name = "bus"\n[launch]\ncommand = "{0}"\n[launch.environment]\nPYTHONPATH = "{1}"\n'

    profile.write_text(text.format(f"{made.python} -m bus serve", tmp_path / "stand-ins"), "utf-8")
    shadowed = package("--target", str(profile))
    profile.write_text(text.format(f"{made.python} -E -m bus serve", tmp_path / "stand-ins"), "utf-8")
    deaf = package("--target", str(profile))

    assert (shadowed.returncode, deaf.returncode) == (1, 0), shadowed.stdout + deaf.stdout
    assert str(tmp_path / "stand-ins" / "aiohttp.py") in shadowed.stdout


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


def test_nothing_to_compare_is_no_success(made: Environment, tmp_path: Path) -> None:
    """Exit code 2 where no distribution says what it installed."""
    (made.site / "aiohttp-1.0.dist-info" / "RECORD").unlink()

    called = package("--interpreter", str(made.python), "--launched-in", str(made.cwd))

    assert called.returncode == 2, called.stdout
    assert "there is nothing to compare" in called.stdout


def test_a_tree_is_where_its_interpreter_is_started(made: Environment, tmp_path: Path) -> None:
    """With both, both are looked at: the tree as ever, and what it puts in front of the installed distributions."""
    tree = made_tree(tmp_path, "good-bus", {"good_bus/__init__.py": ""})
    write(tree, {"aiohttp/__init__.py": STAND_IN})

    called = package(str(tree), "--interpreter", str(made.python), "--json", str(tmp_path / "found.json"))

    told = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert called.returncode == 1, called.stdout + called.stderr
    assert [(one["id"], one["where"]) for one in told["findings"]] == [
        ("shadows-dependency", str(tree / "aiohttp" / "__init__.py"))
    ]
    assert ("build" in told["checks"], "import" in told["checks"], told["checks"][-1]) == (
        True,
        True,
        "interpreter",
    )


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to look at"),
        (["{profile}", "--launched-in", "."], "--launched-in needs --interpreter or --target"),
        (["--interpreter", "python3", "--launched-in", "/nowhere"], "--launched-in: '/nowhere'"),
        (["--interpreter", "/bin/sh"], "is no Python"),
        (["--interpreter", "python3", "--import", "bus"], "--import and --python need PATH"),
        (["--target", "{profile}"], "starts no Python program that can be seen"),
    ],
)
def test_what_cannot_be_looked_at_is_a_matter_of_the_caller(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Exit code 64, and the text names what was given."""
    profile = tmp_path / "bus.toml"
    profile.write_text('name = "bus"\n[launch]\ncommand = "timeout 9 python3 -m bus serve"\n', "utf-8")

    called = package(*(word.format(profile=profile) for word in arguments))

    assert called.returncode == 64, called.stdout + called.stderr
    assert told in called.stderr
