"""Every check of this project is a session here: `nox -l` lists them, `nox -s NAME -- ARGS` passes arguments on.

Each session has an environment of its own with exactly what its file in requirements/ pins by hash.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.4"
nox.options.sessions = ["gate"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = False

# A Python that is not on this machine is named as missing, never fetched.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
# The sessions launch hundreds of deployments: each would compile all that it imports, which takes longer than the rest of its start.
os.environ["UV_COMPILE_BYTECODE"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PYTHONS = ("3.11", "3.12", "3.13")
"""Versions that the matrix tests."""

PACKAGES = ("arqonbus_adversarial", "arqonbus_conformance", "arqonbus_fixtures", "arqonbus_reference")
"""All that a wheel may install."""

BESIDE_EACH_OTHER = ("-n", str(min(16, 2 * (os.cpu_count() or 1))), "--dist", "worksteal")
"""How pytest runs all tests: most wait, for a program to start or to end, so there are two processes for each processor."""

DATA_FILES = (
    "arqonbus_conformance/measured/power.json",
    "arqonbus_conformance/requirements/0.9.toml",
    "arqonbus_conformance/requirements/1.0.toml",
    "arqonbus_conformance/requirements/digests.toml",
    "arqonbus_conformance/profiles/embedded-reference.toml",
    "arqonbus_conformance/mutation/templates/heat_map.html",
    "arqonbus_conformance/packaging/known_names.toml",
    "arqonbus_conformance/schemas/doctor.schema.json",
    "arqonbus_conformance/schemas/report.schema.json",
    "arqonbus_conformance/report/page/report.html.j2",
    "arqonbus_conformance/report/page/page.css",
    "arqonbus_conformance/report/page/page.js",
    "arqonbus_reference/proto/arqon.proto",
    "arqonbus_fixtures/vectors/envelopes_accepted.json",
    "arqonbus_fixtures/vectors/envelopes_rejected.json",
    *(f"{package}/py.typed" for package in PACKAGES),
)
"""Files beside the modules that a wheel must have."""

FULLY_COVERED = (
    "arqonbus_reference/envelope.py",
    "arqonbus_reference/broker.py",
    "arqonbus_conformance/checker.py",
    "arqonbus_conformance/expect.py",
)
"""Modules that decide: every line and branch of them is tested."""

LOCKS: dict[str, list[str]] = {
    "run": ["pyproject.toml", "--group", "backend"],
    "tests": ["pyproject.toml", "--group", "backend", "--group", "tests"],
    "types": ["pyproject.toml", "--group", "backend", "--group", "types"],
    "imports": ["pyproject.toml", "--group", "backend", "--group", "imports"],
    "lint": ["--group", "lint"],
    "build": ["--group", "backend", "--group", "build"],
    "docs": ["pyproject.toml", "--group", "backend", "--group", "docs"],
    "protobuf": ["--group", "protobuf"],
}
"""File of requirements/ -> what it is made from."""


def _install(session: nox.Session, lock: str, *project: str) -> None:
    """Install what requirements/`lock`.txt pins and then this project, the way `project` says."""
    session.install("--require-hashes", "-r", f"requirements/{lock}.txt")
    if project:
        session.install("--no-deps", "--no-build-isolation", *project)


def _install_into(session: nox.Session, python: Path, *arguments: str) -> None:
    """Install into the environment of `python`, one that is no session's."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    pip = (
        [uv, "pip", "install", "-q", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "install", "-q"]
    )
    session.run(*pip, *arguments, external=True)


@nox.session
def gate(session: nox.Session) -> None:
    """Judge a deployment by all suites; without `-- --target PROFILE` the embedded reference."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "run", *session.posargs)


def _suite(session: nox.Session, name: str) -> None:
    """Judge a deployment by one suite."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "run", "--suite", name, *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """Judge by the unit suite: one connection or one request."""
    _suite(session, "unit")


@nox.session
def integration(session: nox.Session) -> None:
    """Judge by the integration suite: the deployment and one dependency."""
    _suite(session, "integration")


@nox.session
def e2e(session: nox.Session) -> None:
    """Judge by the e2e suite: several clients through the whole chain."""
    _suite(session, "e2e")


@nox.session
def regression(session: nox.Session) -> None:
    """Judge by the regression suite: one finding each."""
    _suite(session, "regression")


@nox.session
def adversarial(session: nox.Session) -> None:
    """Judge by the adversarial suite: hostile clients, faults and load."""
    _suite(session, "adversarial")


@nox.session
def staging(session: nox.Session) -> None:
    """Serve the reference as in staging, for profiles/staging-example.toml, until interrupted; `-- COMMAND...` another one."""
    _install(session, "run", ".")
    command = session.posargs or ["arqonbus-reference", "serve"]
    session.run("python", "-P", "-m", "arqonbus_fixtures.staging", "--", *command)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the white-box tests; without arguments beside each other, and full coverage is asked of the modules that decide."""
    _install(session, "tests", "-e", ".")
    # The checkout's folders must not be importable by their own names: `reference` is no module.
    session.env["PYTHONSAFEPATH"] = "1"
    if session.posargs:
        session.run("pytest", "-q", "-rs", *session.posargs)
        session.log("arguments were given: coverage is not asked for")
        return
    session.run("pytest", "-q", "-rs", *BESIDE_EACH_OTHER, "--cov", "--cov-report=")
    for module in FULLY_COVERED:
        session.run("coverage", "report", f"--include=*/{module}", "--fail-under=100")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff."""
    _install(session, "lint")
    session.run("ruff", "check", *(session.posargs or ["."]))
    session.run("ruff", "format", "--check", *(session.posargs or ["."]))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of what ships with mypy --strict."""
    _install(session, "types", "-e", ".")
    session.run("mypy", *session.posargs)


@nox.session
def imports(session: nox.Session) -> None:
    """Check with import-linter who may import whom."""
    _install(session, "imports", "-e", ".")
    session.run("lint-imports", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of docs/ into site/, strictly, and check that it stands alone: no broken link, no other host."""
    _install(session, "docs")
    session.env["NO_COLOR"] = "1"
    session.run("zensical", "build", "--strict", "--clean", *session.posargs)
    session.run("python", "-P", "docs/making/built_site.py", "site")


@nox.session(default=False)
def pages(session: nox.Session) -> None:
    """Write the generated pages of docs/ again: requirements, commands and configuration."""
    _install(session, "tests", "-e", ".")
    session.run("python", "-P", "docs/making/generated.py")


@nox.session(default=False)
def freeze(session: nox.Session) -> None:
    """Freeze a requirement set, for good: `-- REVISION`. Its digest is written down once and never written over."""
    _install(session, "run", "-e", ".")
    folder = "conformance/arqonbus_conformance/requirements"
    session.run("python", "-P", "-m", "arqonbus_conformance.freezing", folder, *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, look into them, and use the wheel in an environment that has nothing else."""
    _install(session, "build")
    place = Path(session.create_tmp())
    shutil.rmtree(place / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "-q", "--no-isolation", "--outdir", str(place / "dist"))
    wheel, sdist = _only(session, place / "dist", "*.whl"), _only(session, place / "dist", "*.tar.gz")
    wheel = wheel.resolve()  # it is used from another folder as well
    _inspect_wheel(session, wheel)
    _inspect_sdist(session, sdist)
    _try_wheel(session, wheel)


def _only(session: nox.Session, folder: Path, pattern: str) -> Path:
    """The one file that matches."""
    found = list(folder.glob(pattern))
    if len(found) != 1:
        session.error(f"expected one {pattern} in {folder}, found {found}")
    return found[0]


def _inspect_wheel(session: nox.Session, wheel: Path) -> None:
    """Exactly our packages, their data, and no tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    top = {name.partition("/")[0] for name in names}
    metadata = {name for name in top if name.endswith(".dist-info")}
    if top - metadata != set(PACKAGES) or len(metadata) != 1:
        session.error(f"{wheel.name}: top level is {sorted(top)}, expected {PACKAGES} and one .dist-info")
    if missing := set(DATA_FILES) - names:
        session.error(f"{wheel.name}: data files missing: {sorted(missing)}")
    sources = {str(path.relative_to(path.parts[0])) for path in map(Path, _tracked(session)) if _ships(path)}
    if sources != {name for name in names if not name.startswith(tuple(metadata))}:
        difference = sources ^ {name for name in names if not name.startswith(tuple(metadata))}
        session.error(f"{wheel.name}: differs from what is tracked in the packages: {sorted(difference)}")
    session.log(f"{wheel.name}: {len(names)} files, top level {sorted(top)}")


def _tracked(session: nox.Session) -> list[str]:
    """The files that git tracks or would (not ignored), as they are in the checkout."""
    listing = session.run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", external=True, silent=True, log=False
    )
    return [line for line in str(listing).splitlines() if Path(line).is_file()]


def _ships(path: Path) -> bool:
    """Whether a file of the checkout belongs into the wheel."""
    return len(path.parts) > 2 and path.parts[1] in PACKAGES


def _inspect_sdist(session: nox.Session, sdist: Path) -> None:
    """All that is tracked and nothing that is made."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    if missing := set(_tracked(session)) - names:
        session.error(f"{sdist.name}: missing: {sorted(missing)}")
    if strays := names - set(_tracked(session)) - {"PKG-INFO"}:
        session.error(f"{sdist.name}: strays: {sorted(strays)}")
    session.log(f"{sdist.name}: {len(names)} files")


def _try_wheel(session: nox.Session, wheel: Path) -> None:
    """Install the wheel in an empty environment, import its packages and call its scripts from elsewhere."""
    with tempfile.TemporaryDirectory(prefix="arqonbus-build-") as empty:
        session.run("python", "-m", "venv", f"{empty}/venv")
        scripts = Path(empty, "venv", "bin")
        _install_into(session, scripts / "python", "--require-hashes", "-r", "requirements/run.txt")
        _install_into(session, scripts / "python", "--no-deps", str(wheel))
        with session.chdir(empty):
            imports = "; ".join(f"import {package}" for package in PACKAGES)
            session.run(str(scripts / "python"), "-I", "-c", imports, external=True)
            for script in ("arqonbus-gate", "arqonbus-reference"):
                session.run(str(scripts / script), "--help", external=True, silent=True)
            session.run(str(scripts / "arqonbus-gate"), "list", external=True, silent=True)
            # What the gate asks of every deployment, it asks of itself.
            session.run(str(scripts / "arqonbus-gate"), "package", str(wheel), external=True)


@nox.session(default=False)
def protobuf(session: nox.Session) -> None:
    """Make the module of the protobuf schema again."""
    _install(session, "protobuf")
    folder = "reference/arqonbus_reference/proto"
    outputs = (f"--python_out={folder}", f"--pyi_out={folder}")
    session.run("python", "-m", "grpc_tools.protoc", f"-I{folder}", *outputs, "arqon.proto")


@nox.session
def mutants(session: nox.Session) -> None:
    """Hunt every known-bad deployment: one that its requirement does not catch is a hole in the gate."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "mutants", *session.posargs)


@nox.session(default=False)
def power(session: nox.Session) -> None:
    """Measure anew what each case needs and catches, about twenty minutes; what is shipped of it is written over."""
    _install(session, "run", "-e", ".")
    place = session.create_tmp()
    report, matrix = f"{place}/gate.json", f"{place}/mutants.json"
    session.run("arqonbus-gate", "run", "--jobs", "1", "--json", report)
    every = ("mutants", "--every-case", "--json", matrix, "--html", f"{place}/mutants.html")
    session.run("arqonbus-gate", *every)
    shipped = "conformance/arqonbus_conformance/measured/power.json"
    session.run("arqonbus-gate", "measure", report, "--mutants", matrix, "--out", shipped)


@nox.session
def liars(session: nox.Session) -> None:
    """Show every case deployments that lie: a case that believes one, or all of them, is a hole in the gate."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "liars", *session.posargs)


@nox.session(default=False)
def shield_rust(session: nox.Session) -> None:
    """Judge a Shield written in Rust by cargo: `-- --workspace DIR`, and `--report FILE` to enter it into a report."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "shield-rust", *session.posargs)


@nox.session
def second_opinion(session: nox.Session) -> None:
    """Judge the bus that was written from the specification alone: what only the reference passes is no specification."""
    _install(session, "run", ".")
    session.run("arqonbus-gate", "run", "--target", "profiles/second-opinion.toml", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare what a delivery costs the reference bus and its peers, in one run; never a pass or a failure."""
    _install(session, "run", ".")
    session.run("python", "-P", "-m", "arqonbus_adversarial.load", *session.posargs)


@nox.session(python=False)
def matrix(session: nox.Session) -> None:
    """Run the white-box tests on each of the supported Pythons that is here; none is an error."""
    found = {version: path for version in PYTHONS if (path := _interpreter(version))}
    for version in PYTHONS:
        session.log(f"Python {version}: {found.get(version, 'MISSING, not tested')}")
    if not found:
        session.error(f"none of Python {', '.join(PYTHONS)} is on this machine: nothing was tested")
    for version, interpreter in found.items():
        with tempfile.TemporaryDirectory(prefix=f"arqonbus-matrix-{version}-") as place:
            session.run(interpreter, "-m", "venv", f"{place}/venv", external=True)
            python = Path(place, "venv", "bin", "python")
            _install_into(session, python, "--require-hashes", "-r", "requirements/tests.txt")
            _install_into(session, python, "--no-deps", "--no-build-isolation", "-e", ".")
            beside = session.posargs or BESIDE_EACH_OTHER
            session.run(str(python), "-P", "-m", "pytest", "-q", "-rs", *beside, external=True)


def _interpreter(version: str) -> str | None:
    """The real program of a Python version, behind any shim; None when it is not here or does not run."""
    name = shutil.which(f"python{version}")
    if name is None:
        return None
    code = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([name, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    told = asked.stdout.split()
    return told[0] if asked.returncode == 0 and told[1:] == [version] else None


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Pin anew what the sessions install (needs the package index); `-- --upgrade` takes newer versions."""
    session.install("uv")
    for name, sources in LOCKS.items():
        session.run(
            *(
                "uv",
                "pip",
                "compile",
                "-q",
                "--universal",
                "--python-version",
                PYTHONS[0],
                "--generate-hashes",
            ),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
            *(*sources, *session.posargs, "-o", f"requirements/{name}.txt"),
        )
        if re.search(
            r"://|--(find-links|index-url|extra-index-url)", Path(f"requirements/{name}.txt").read_text()
        ):
            session.error(f"requirements/{name}.txt holds a download address")
