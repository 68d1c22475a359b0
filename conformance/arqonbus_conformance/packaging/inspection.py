"""The whole look at a package: from a tree or a wheel to its findings."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from arqonbus_conformance.packaging.building import built_wheel, check_tree, copied_tree
from arqonbus_conformance.packaging.distributions import applies, declared, installed_in
from arqonbus_conformance.packaging.doubles import doubles_imported, doubles_named, tests_shipped
from arqonbus_conformance.packaging.environment import EmptyEnvironment
from arqonbus_conformance.packaging.finding import Finding, finding
from arqonbus_conformance.packaging.importing import console_scripts, import_faults, script_faults
from arqonbus_conformance.packaging.interpreter_look import look_at_interpreter
from arqonbus_conformance.packaging.launched_python import LaunchedPython
from arqonbus_conformance.packaging.report import (
    PACKAGE_SCHEMA_VERSION,
    PackageReport,
    exit_code_of,
    ordered,
)
from arqonbus_conformance.packaging.shipped_secrets import SEARCHED_BYTES, secrets_in, secrets_named
from arqonbus_conformance.packaging.top_level import claimed_names, names_beside, stand_ins
from arqonbus_conformance.packaging.undecided import UndecidedError
from arqonbus_conformance.packaging.undeclared import Imported, Known, undeclared
from arqonbus_conformance.packaging.wheel import TEST_CLASSIFIER, Wheel

__all__ = ["Inspection"]


class Inspection:
    """One look at one package, gathering what it finds.

    Args:
        subject: a folder with pyproject.toml or setup.py, or a wheel.
        modules: what is imported; the top-level names of the wheel where it is empty.
        python: the interpreter of the environments.
        uv: the program that makes them and installs; venv and pip where it is None.
        launched: the interpreter of a deployment, which is looked at as well; alone where the subject is None.
    """

    def __init__(
        self,
        subject: Path | None,
        modules: Sequence[str],
        python: Path,
        uv: str | None,
        launched: LaunchedPython | None = None,
    ) -> None:
        self._subject, self._modules, self._launched = subject, tuple(modules), launched
        self._python, self._uv = python, uv
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._checks: list[str] = []
        self._scripts: tuple[str, ...] = ()
        self._wheel: Wheel | None = None
        self._version = ""
        self._path: tuple[str, ...] = ()

    def report(self) -> PackageReport:
        """Look, and tell.

        Raises:
            InputError: the subject is nothing to look at.
        """
        began = time.monotonic()
        undecided: UndecidedError | None = None
        with tempfile.TemporaryDirectory(prefix="arqonbus-package-") as place:
            for look in (self._look, self._look_at_interpreter):
                try:
                    look(Path(place))
                except UndecidedError as fault:
                    undecided = undecided or fault
            sha256 = self._wheel.sha256 if self._wheel else ""
        interpreter = str(self._launched.interpreter) if self._launched else ""
        return PackageReport(
            schema_version=PACKAGE_SCHEMA_VERSION,
            suite_version=version("arqonbus-conformance"),
            subject=str(self._subject) if self._subject else interpreter,
            distribution=self._wheel.name if self._wheel else "",
            version=self._wheel.version if self._wheel else "",
            sha256=sha256,
            python=self._version,
            installer="" if self._subject is None else "uv" if self._uv else "pip",
            modules=self._modules,
            scripts=self._scripts,
            checks=tuple(self._checks),
            interpreter=interpreter,
            import_path=self._path,
            findings=ordered(self._findings),
            notes=tuple(self._notes),
            undecided=str(undecided or ""),
            exit_code=exit_code_of(self._findings, undecided.code if undecided else None),
            seconds=round(time.monotonic() - began, 3),
        )

    def _look_at_interpreter(self, place: Path) -> None:
        if self._launched is None:
            return
        self._checks.append("interpreter")
        look = look_at_interpreter(self._launched, place)
        self._version = self._version or look.version
        self._path = look.path
        self._findings += look.findings
        self._notes += look.notes

    def _look(self, place: Path) -> None:
        subject = self._subject
        if subject is None:
            return
        path = subject if subject.is_file() else self._build(subject, place)
        if path is None:
            return
        wheel = self._wheel = Wheel(path)
        self._look_into(wheel)
        environment = EmptyEnvironment(place / "empty", self._python, self._uv)
        self._version = environment.facts.version
        self._checks.append("install")
        installed = environment.install([str(wheel.path)])
        if installed.exit_code:
            said = " ".join(installed.output.split())[-1000:]
            self._findings.append(
                finding("install-fails", f"it cannot be installed: {said}", wheel.path.name)
            )
            self._look_statically(wheel, environment, place)
            return
        self._checks.append("conflicts")
        self._findings += self._conflicts(environment)
        self._look_statically(wheel, environment, place)
        self._try(wheel, environment)

    def _build(self, subject: Path, place: Path) -> Path | None:
        """The wheel of the tree, None where it has none."""
        check_tree(subject)
        self._checks.append("build")
        environment = EmptyEnvironment(place / "build", self._python, self._uv)
        self._version = environment.facts.version
        made = built_wheel(copied_tree(subject, place), environment, place / "dist")
        if isinstance(made, Finding):
            self._findings.append(made)
            return None
        return made

    def _look_into(self, wheel: Wheel) -> None:
        """What can be seen in the archive alone."""
        self._checks += ["record", "secrets"]
        self._findings += wheel.disagreements()
        for name, size in wheel.sizes.items():
            self._findings += secrets_named(name)
            if size > SEARCHED_BYTES:
                self._findings.append(
                    finding("unread-file", f"{size} bytes are more than the {SEARCHED_BYTES} searched", name)
                )
            elif not name.endswith("/"):
                self._findings += secrets_in(name, wheel.read(name).decode("utf-8", "replace"))

    def _look_statically(self, wheel: Wheel, environment: EmptyEnvironment, place: Path) -> None:
        """What the text of its modules says, held against what is installed; nothing of it runs."""
        self._checks += ["names", "imports", "tests and doubles"]
        facts, tops = environment.facts, wheel.top_level()
        installed = installed_in(facts.folders)
        self._findings += claimed_names(tops, wheel.name, facts.stdlib, installed)
        if self._subject is not None and self._subject.is_dir():
            beside = names_beside(self._subject)
            self._findings += stand_ins(beside, tops, wheel.name, facts.stdlib, installed)
        imports = self._imports(wheel, environment, place)
        requirements = [one for one in wheel.requirements if applies(one, facts.markers)]
        known = Known(
            own=frozenset(tops),
            stdlib=facts.stdlib,
            installed=installed,
            declared=declared(requirements, installed, facts.markers),
            extras=frozenset(canonicalize_name(one.name) for one in wheel.requirements),
        )
        self._findings += undeclared(imports, known)
        if wheel.is_test_tool:
            self._notes.append(f"tests and doubles are its product: its classifier is {TEST_CLASSIFIER!r}")
            return
        places = [installed_as for _, installed_as in wheel.installed()]
        self._findings += [*tests_shipped(places), *doubles_named(places), *doubles_imported(imports)]

    def _imports(self, wheel: Wheel, environment: EmptyEnvironment, place: Path) -> list[Imported]:
        """The imports of its modules, by the Python that would run them."""
        folder = place / "modules"
        for name, installed_as in wheel.installed():
            path = folder / installed_as
            if installed_as.endswith(".py") and path.resolve().is_relative_to(folder.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wheel.read(name))
        told = environment.probe("imports", str(folder))
        for one in told["broken"]:
            what = f"it does not compile with Python {environment.facts.version}: {one['reason']}"
            self._findings.append(finding("does-not-compile", what, f"{one['file']}:{one['line']}"))
        return msgspec.convert(told["imports"], list[Imported])

    def _conflicts(self, environment: EmptyEnvironment) -> Iterator[Finding]:
        checked = environment.check()
        if checked.exit_code is None:
            raise UndecidedError(f"looking for conflicts {checked.ending}")
        if checked.exit_code:
            lines = [line.strip() for line in checked.output.splitlines()]
            told = [line for line in lines if " requires " in line or " has requirement " in line]
            for line in told or [checked.last_line]:
                yield finding("dependency-conflict", line, "what is installed")

    def _try(self, wheel: Wheel, environment: EmptyEnvironment) -> None:
        """What happens when it is imported and called."""
        self._modules = self._modules or tuple(sorted(wheel.top_level()))
        if not self._modules:
            self._findings.append(finding("nothing-to-import", "the wheel holds no module", wheel.path.name))
        self._checks += ["import", "scripts"]
        self._findings += import_faults(environment, self._modules)
        scripts = console_scripts(environment.facts.folders, wheel.name)
        self._scripts = tuple(script.name for script in scripts)
        self._findings += script_faults(environment, scripts)
