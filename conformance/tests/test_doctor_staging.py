"""`arqonbus-gate doctor` against a real deployment: the reference behind TLS."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from arqonbus_fixtures import ports
from doctor_runs import examined, gate, staging_example

pytestmark = pytest.mark.asyncio(loop_scope="module")  # that of staging, whose TLS proxy lives in it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def example(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The example of a staging profile, with staging beside it on ports of its own."""
    async with staging_example(tmp_path_factory.mktemp("staging")) as profile:
        yield profile


@pytest.fixture
def changed(example: Path) -> Callable[[str, str], Path]:
    """Writes the example with a text replaced, beside it."""

    def write(old: str, new: str) -> Path:
        text = example.read_text("utf-8")
        assert old in text
        place = example.with_name("changed.toml")
        place.write_text(text.replace(old, new), "utf-8")
        return place

    return write


async def test_what_is_well_is_told_line_by_line(example: Path) -> None:
    """Exit 0; name, TCP, TLS, answer and clock of each endpoint, every token and every claim."""
    found = await examined(example)

    assert found.code == 0, found.text
    assert found.problems() == {}
    assert found.states("endpoints.http") == {
        "name": "ok",
        "TCP": "ok",
        "expiry": "ok",
        "answer": "ok",
        "clock": "ok",
        "administrator": "ok",
    }
    assert found.states("endpoints.bus")["welcome"] == "ok"
    assert found.states("endpoints.telemetry")["answer"] == "ok"
    assert found.states("credentials.token_env.b_admin") == {"token": "ok", "entry": "ok"}
    assert found.states("claims.durable") == {"claim": "ok"}


async def test_lines_are_plain_where_they_are_piped(example: Path) -> None:
    """One line per check and a closing sentence, without any escape sequence."""
    code, said = await gate("doctor", "--target", str(example), NO_COLOR="1")

    lines = said.splitlines()
    assert code == 0
    assert "\x1b" not in said
    assert "ok      endpoints.bus: welcome: it lets us in and greets" in lines
    assert lines[-1].startswith("staging example: no problem (")
    assert " ok, " in lines[-1]


async def test_without_the_ca_every_endpoint_is_named(changed: Callable[[str, str], Path]) -> None:
    """Exit 69: the certificate does not verify, and nothing is shown to whoever has it."""
    found = await examined(changed('ca = "staging-ca.pem"\n', ""))

    told = found.problems()
    assert found.code == 69, found.text
    assert {about for about, _ in told} == {"endpoints.bus", "endpoints.http", "endpoints.telemetry"}
    assert "tls.ca is not given" in told["endpoints.bus", "TLS"]
    assert found.states("credentials.jwt_secret_env") == {}


async def test_a_file_that_is_not_there_is_named(changed: Callable[[str, str], Path]) -> None:
    """Exit 69, and no endpoint is asked."""
    found = await examined(changed("staging-ca.pem", "nowhere.pem"))

    assert found.code == 69
    assert "nowhere.pem cannot be used" in found.problems()["tls", "files"]
    assert found.states("endpoints") == {"answer": "skipped"}


async def test_without_a_client_certificate_the_refusal_is_told(changed: Callable[[str, str], Path]) -> None:
    """A server that wants one refuses after its own handshake."""
    found = await examined(changed('client_certificate = "staging-client.pem"\n', ""))

    assert found.code == 69
    assert "tls.client_certificate is not given" in found.problems()["endpoints.bus", "answer"]
    assert ("endpoints.http", "answer") in found.problems()


async def test_all_problems_are_named_at_once(changed: Callable[[str, str], Path]) -> None:
    """An expired token, an unset variable and a wrong port: 78, because the profile comes first."""
    claims = {"sub": "x", "tenant_id": "t", "iat": 1, "exp": int(time.time()) - 60}
    expired = jwt.encode(claims, "s" * 32, algorithm="HS256")
    with ports.lease() as closed:
        text = changed("STAGING_JWT_SECRET", "STAGING_NOWHERE").read_text("utf-8")
        profile = changed("x", "x")
        [http] = [line for line in text.splitlines() if line.startswith("http")]
        profile.write_text(text.replace(http, f'http = "https://localhost:{closed.port}"'), "utf-8")

        found = await examined(profile, STAGING_TOKEN_A_USER=expired)

    told = found.problems()
    assert found.code == 78
    assert "STAGING_NOWHERE is not set | set it" in told["credentials.jwt_secret_env", "variable"]
    assert "the token expired at" in told["credentials.token_env.a_user", "token"]
    assert "Connect call failed" in told["endpoints.http", "TCP"]
    assert len(told) == 3, told
    assert found.states("credentials.token_env.b_user")["entry"] == "ok"
    assert expired not in found.text


async def test_a_token_that_the_deployment_refuses_is_named(example: Path) -> None:
    """One by another secret: it can be read and is in time, but not let in."""
    now = int(time.time())
    claims = {"sub": "x", "tenant_id": "gate-a", "iat": now, "exp": now + 7200}
    foreign = jwt.encode(claims, "s" * 32, algorithm="HS256")

    found = await examined(example, STAGING_TOKEN_A_USER=foreign)

    assert found.code == 78
    assert list(found.problems()) == [("credentials.token_env.a_user", "entry")]
    assert "401" in found.problems()["credentials.token_env.a_user", "entry"]


async def test_what_is_wrong_with_the_way_keeps_credentials_here(
    changed: Callable[[str, str], Path],
) -> None:
    """A proxy whose variable is not set: nothing is sent by another way instead."""
    found = await examined(changed("[tls]", '[proxy]\nurl_env = "STAGING_NO_PROXY"\n\n[tls]'))

    assert found.code == 78
    assert list(found.problems()) == [("proxy.url_env", "variable")]
    assert found.states("endpoints") == {"answer": "skipped"}


async def test_a_proxy_that_takes_no_connection_is_named(changed: Callable[[str, str], Path]) -> None:
    """It and not the endpoints behind it; its password is not shown."""
    profile = changed("[tls]", '[proxy]\nurl_env = "STAGING_PROXY"\n\n[tls]')
    with ports.lease() as closed:
        found = await examined(profile, STAGING_PROXY=f"socks5://ann:canary@127.0.0.1:{closed.port}")

    assert found.code == 69
    assert list(found.problems()) == [("proxy.url_env", "TCP")]
    assert "canary" not in found.text
