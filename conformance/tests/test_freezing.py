import hashlib
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from arqonbus_conformance import requirements
from arqonbus_conformance.freezing import freeze, main
from arqonbus_conformance.requirements import (
    DIGESTS,
    RequirementSetError,
    check_frozen,
    frozen_revisions,
    newest_frozen,
)
from made_requirements import ONE_REQUIREMENT

SET = ONE_REQUIREMENT.replace("1.0", "2.0")
COMMENT = "# What is frozen.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one set that is a draft."""
    (tmp_path / "2.0.toml").write_text(SET)
    (tmp_path / DIGESTS).write_text(COMMENT)
    return tmp_path


def test_a_set_is_frozen_once_and_never_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its digest is beside it then; changed or not, it is never written over."""
    digest = hashlib.sha256(SET.encode()).hexdigest()
    first = main([str(folder), "2.0"])
    written = (folder / DIGESTS).read_text()
    again = main([str(folder), "2.0"])
    (folder / "2.0.toml").write_text(SET.replace("It holds.", "It may hold."))
    changed = main([str(folder), "2.0"])

    assert (first, again, changed) == (0, 64, 64)
    assert written == f'{COMMENT}"2.0" = "{digest}"\n'
    assert (folder / DIGESTS).read_text() == written
    assert f"2.0 is frozen already, as {digest}" in capsys.readouterr().err


def test_what_was_frozen_is_what_is_judged_by(folder: Path) -> None:
    """The digest that is written is the one that is asked for."""
    digest = freeze(folder, "2.0")

    assert check_frozen("2.0", (folder / "2.0.toml").read_bytes(), {"2.0": digest})


@pytest.mark.parametrize(
    ("revision", "text", "says"),
    [
        ("2.1", SET, "'2.1' is not allowed; allowed: 2.0"),
        ("../2.0", SET, "'../2.0' is not allowed; allowed: 2.0"),
        ("digests", SET, "'digests' is not allowed; allowed: 2.0"),
        ("2.0", SET.replace("2.0", "1.9"), "revision: '1.9' is not allowed; allowed: '2.0'"),
        ("2.0", SET.replace("MUST", "MAY"), "ROUTE-007: level: 'MAY'"),
    ],
)
def test_what_is_no_set_is_not_frozen(folder: Path, revision: str, text: str, says: str) -> None:
    """And nothing is written."""
    (folder / "2.0.toml").write_text(text)

    with pytest.raises(RequirementSetError, match=says):
        freeze(folder, revision)

    assert (folder / DIGESTS).read_text() == COMMENT


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the sets that this gate judges by."""
    sets = Path(str(resources.files("arqonbus_conformance").joinpath("requirements")))
    return Path(shutil.copytree(sets, tmp_path / "sets"))


def test_a_frozen_set_that_is_shipped_cannot_be_frozen_again(shipped: Path) -> None:
    """Each has its digest already."""
    with pytest.raises(RequirementSetError, match="is frozen already"):
        freeze(shipped, newest_frozen())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file.write_bytes(file.read_bytes() + b"\n"), "A frozen revision never changes"),
        (lambda file: file.unlink(), "is frozen, and requirements/.* is not there"),
    ],
)
def test_a_frozen_set_that_changed_or_went_is_not_judged_by(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object], says: str
) -> None:
    """Not even an older one is: nobody knows what else was changed."""
    change(shipped / f"{newest_frozen()}.toml")
    monkeypatch.setattr(requirements, "_FOLDER", shipped)

    with pytest.raises(RequirementSetError, match=says):
        frozen_revisions.__wrapped__()
