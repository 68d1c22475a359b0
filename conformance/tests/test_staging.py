"""The gate against a deployment behind TLS, with real processes: the reference as it stands in staging."""

import asyncio
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import pytest_asyncio
from arqonbus_conformance.pace import Bucket
from arqonbus_conformance.token_check import token_problems
from arqonbus_fixtures import ports
from arqonbus_fixtures.staging import Outside, staging

EXAMPLE = Path(__file__).parents[2] / "profiles" / "staging-example.toml"
OPENSSL = shutil.which("openssl") or "openssl"
RUN_SECONDS = 60.0
NOW = 1_800_000_000


@pytest_asyncio.fixture
async def profile(tmp_path: Path) -> AsyncIterator[Path]:
    """The example, with staging beside it on ports of its own."""
    leases = [ports.lease() for _ in range(3)]
    outside = Outside(*(lease.port for lease in leases))
    text = EXAMPLE.read_text("utf-8")
    for usual, port in zip(("19100", "19080", "19081"), outside, strict=True):
        text = text.replace(usual, str(port))
    (tmp_path / "staging.toml").write_text(text, "utf-8")
    command = [sys.executable, "-P", "-m", "arqonbus_reference", "serve"]
    async with staging(command, tmp_path, outside):
        yield tmp_path / "staging.toml"
    for lease in leases:
        lease.release()
    assert not (tmp_path / ".env").exists()


async def gate(profile: Path, **environ: str) -> tuple[int, str]:
    """How a run of few cases ended, and what it said."""
    reports = [f"--{kind}={profile.parent}/gate.{kind}" for kind in ("json", "junit", "html")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "arqonbus_conformance", "run", "--target", str(profile)),
        *("-k", "CONN-001 or HTTP-001", *reports),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environ},
    )
    async with asyncio.timeout(RUN_SECONDS):
        said, _ = await process.communicate()
    return process.returncode or 0, " ".join(said.decode().split())


def key_shown_at(url: str) -> str:
    """SHA-256 of the public key in the certificate that is shown there, as openssl sees it."""
    parts = urlsplit(url)
    pem = ssl.get_server_certificate((parts.hostname or "", parts.port or 0))
    key = subprocess.run(
        [OPENSSL, "x509", "-pubkey", "-noout"], input=pem.encode(), capture_output=True, check=True
    )
    spki = subprocess.run(
        [OPENSSL, "pkey", "-pubin", "-outform", "DER"], input=key.stdout, capture_output=True, check=True
    )
    return hashlib.sha256(spki.stdout).hexdigest()


def without(profile: Path, line: str, place: Path) -> None:
    """Write the profile without a line."""
    place.write_text(profile.read_text("utf-8").replace(line, ""), "utf-8")


async def test_staging_is_judged_by_its_example(profile: Path) -> None:
    """With CA, client certificate and tokens in place the gate passes, in scope endpoint, and knows whom it judged."""
    code, said = await gate(profile)

    assert code == 0, said
    assert "scope endpoint" in said
    report = json.loads((profile.parent / "gate.json").read_text("utf-8"))
    assert report["target"]["fingerprint"] == {
        "version": version("arqonbus-conformance"),
        "commit": None,
        "package_digest": None,
        "tls_key_sha256": await asyncio.to_thread(key_shown_at, report["target"]["bus"]),
    }
    assert f"TLS key SHA-256 {report['target']['fingerprint']['tls_key_sha256']}" in said


async def test_without_its_ca_staging_is_not_reached(profile: Path) -> None:
    """Exit 69 with the reason, both where the profile does not name the CA and where the file is gone."""
    unnamed = profile.with_name("unnamed.toml")
    without(profile, 'ca = "staging-ca.pem"\n', unnamed)

    code, said = await gate(unnamed)
    (profile.parent / "staging-ca.pem").unlink()
    gone_code, gone_said = await gate(profile)

    assert code == 69, said
    assert (
        "certificate verify failed: self-signed certificate in certificate chain; tls.ca is not given" in said
    )
    assert gone_code == 69, gone_said
    assert "staging-ca.pem cannot be used" in gone_said


async def test_without_a_client_certificate_staging_is_not_reached(profile: Path) -> None:
    """A server that wants a certificate refuses after its own handshake; the reason is told all the same."""
    without(profile, 'client_certificate = "staging-client.pem"\n', profile)

    code, said = await gate(profile)

    assert code == 69, said
    assert "tls.client_certificate is not given" in said


async def test_an_expired_token_is_named_before_any_case(profile: Path) -> None:
    """The process environment wins over the file, and no case is begun with a token that has expired."""
    claims = {"sub": "x", "tenant_id": "t", "iat": 1, "exp": int(time.time()) - 60}

    code, said = await gate(profile, STAGING_TOKEN_A_USER=jwt.encode(claims, "s" * 32, algorithm="HS256"))

    assert code == 78, said
    assert "credentials.token_env.a_user: the token expired at" in said
    assert "judging" not in said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exp": NOW - 1}, "expired"),
        ({"exp": NOW + 60}, "within 600 s"),
        ({"nbf": NOW + 60}, "not valid before"),
        ({"sub": 3}, "sub"),
        ({"role": "admin"}, "one of an administrator"),
        ({"iat": "now"}, "iat"),
    ],
)
def test_what_is_wrong_with_a_token_is_told(changes: dict[str, object], says: str) -> None:
    """In one sentence that names the field of the profile."""
    claims = {"sub": "x", "tenant_id": "t", "iat": NOW - 9, "exp": NOW + 9000} | changes
    token = jwt.api_jws.encode(json.dumps(claims).encode(), "s" * 32, algorithm="HS256")

    [problem] = token_problems({("a", False): token}, NOW)

    assert problem.startswith("credentials.token_env.a_user: ")
    assert says in problem


def token_of(tenant_id: str, **claims: object) -> str:
    """A token that is in time, of this tenant."""
    made = {"sub": "x", "tenant_id": tenant_id, "iat": NOW - 9, "exp": NOW + 9000}
    return jwt.encode(made | claims, "s" * 32, algorithm="HS256")


def test_tokens_of_the_wrong_tenant_are_named() -> None:
    """A user and an administrator of one tenant who are of two, and two tenants that are one."""
    user, admin = token_of("t"), token_of("other", role="admin")

    [differs] = token_problems({("a", False): user, ("a", True): admin}, NOW)
    [same] = token_problems({("a", False): user, ("b", False): user}, NOW)

    assert differs.startswith("credentials.token_env.a_admin: the token's tenant is not that of")
    assert "of the same tenant; allowed: two tenants" in same
    assert token_problems({("a", False): user, ("b", True): admin}, NOW) == []


def test_a_budget_is_kept() -> None:
    """What is sent beyond the savings of a second is paid by waiting."""
    bucket = Bucket(10.0, now=0.0)

    for _ in range(15):
        bucket.spend(0.0)

    assert bucket.wait(0.0) == pytest.approx(0.5)
    assert bucket.wait(0.5) == pytest.approx(0.0)
