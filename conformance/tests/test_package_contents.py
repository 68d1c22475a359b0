"""What a package holds: files that were changed, secrets, and tests."""

from pathlib import Path

import pytest
from arqonbus_conformance.packaging.shipped_secrets import secrets_in
from made_packages import contents, digest, made_wheel, written
from package_runs import found, looked_at, package


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bus/__init__.py": "tampered = True\n"}, "its SHA-256 is not that in RECORD"),
        ({"bus/added.py": ""}, "RECORD does not list it"),
    ],
)
def test_a_wheel_that_was_changed_is_found(tmp_path: Path, change: dict[str, str], told: str) -> None:
    """RECORD says of each file what it was when the wheel was built."""
    name, everything = contents("bus", {"bus/__init__.py": ""})
    wheel = written(tmp_path / name, {**everything, **change})

    report = looked_at(wheel)

    assert [(one.id, told in one.what) for one in report.findings if one.id == "record-disagrees"] == [
        ("record-disagrees", True)
    ]


def test_a_secret_is_found_and_never_shown(tmp_path: Path) -> None:
    """The place is told, the value is not, in text and in JSON."""
    token = "ghp_" + "Ab3" * 12
    wheel = made_wheel(tmp_path, "bus", {"bus/__init__.py": f"\nTOKEN = '{token}'\n", "bus/.env": "A=1\n"})

    called = package(wheel, "--json", str(tmp_path / "found.json"))

    shown = called.stdout + (tmp_path / "found.json").read_text("utf-8")
    assert called.returncode == 1
    assert "bus/__init__.py:2" in shown
    assert "bus/.env" in shown
    assert token not in shown


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ('os.environ.get("JWT_SECRET", "changeme")', ["a.py:1"]),
        ('jwt_secret: str = "super-secret"', ["a.py:1"]),
        ('{"api_key": "change-me"}', ["a.py:1"]),
        ('Variable("JWT_SECRET", "jwt_secret")', []),
        ('jwt_secret: str = ""', []),
        ("names = ('password', 'secret')", []),
    ],
)
def test_a_default_secret_is_told_from_a_name(line: str, places: list[str]) -> None:
    """A value that is its own name once more says which field is meant, and is no secret."""
    assert [one.where for one in secrets_in("a.py", line)] == places


def test_tests_are_the_product_of_a_test_tool(tmp_path: Path) -> None:
    """The classifier says so, and the report tells; without it they are findings."""
    files = {"busprobe/__init__.py": "", "busprobe/cases/test_it.py": "", "busprobe/fake_bus.py": ""}
    (tmp_path / "t").mkdir()
    tool = made_wheel(tmp_path / "t", "busprobe", files, metadata=["Classifier: Framework :: Pytest"])
    plain = made_wheel(tmp_path, "busprobe", files)

    assert looked_at(tool).exit_code == 0
    assert "Framework :: Pytest" in looked_at(tool).notes[0]
    assert {kind for kind, _ in found(looked_at(plain))} == {"tests-shipped", "double-shipped"}


def test_the_hash_of_a_test_wheel_is_that_of_its_files() -> None:
    """So that a disagreement is one that a test made."""
    assert digest("") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
