"""`arqonbus-gate init` against real deployments: what it writes is read by the gate and well for the doctor."""

import time
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from arqonbus_conformance.doctor.asking import Answers
from arqonbus_conformance.doctor.named_tokens import named_tokens
from arqonbus_conformance.doctor.written_profile import Given, profile_of
from arqonbus_conformance.target import Endpoints, ProfileError, parse_profile, read_profile
from arqonbus_fixtures import ports
from arqonbus_fixtures.launching import Launcher, Readiness
from doctor_runs import REFERENCE, examined, gate, staging_example

pytestmark = pytest.mark.asyncio(loop_scope="module")  # that of staging, whose TLS proxy lives in it


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def example(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The example of a staging profile, with staging beside it on ports of its own."""
    async with staging_example(tmp_path_factory.mktemp("staging")) as profile:
        yield profile


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> AsyncIterator[list[str]]:
    """The options that name the interfaces of a reference with nothing configured but its ports."""
    with ports.lease() as bus, ports.lease() as http, ports.lease() as telemetry:
        places = {"SERVER": bus.port, "HTTP": http.port, "TELEMETRY": telemetry.port}
        launcher = Launcher(REFERENCE)
        await launcher.start(
            {f"ARQONBUS_{name}_PORT": str(port) for name, port in places.items()},
            Readiness(f"http://127.0.0.1:{http.port}/ready"),
        )
        yield [
            f"--bus=ws://127.0.0.1:{bus.port}",
            f"--http=http://127.0.0.1:{http.port}",
            f"--telemetry=ws://127.0.0.1:{telemetry.port}",
        ]
        await launcher.close()


def options_of(example: Path) -> list[str]:
    """The options that name what stands in the example, but for its tokens."""
    written = tomllib.loads(example.read_text("utf-8"))
    named = [f"--{name}={url}" for name, url in written["endpoints"].items()]
    client = example.with_name("staging-client.pem")
    return [*named, f"--ca={example.with_name('staging-ca.pem')}", f"--client-certificate={client}"]


async def test_a_plain_deployment_gets_a_profile_that_is_well(plain: list[str], tmp_path: Path) -> None:
    """Written, read, examined: no problem, and the claims are those of the welcome."""
    out = tmp_path / "profiles" / "mine.toml"

    code, said = await gate("init", *plain, "--out", str(out))
    found = await examined(out)

    assert code == 0, said
    assert "next: arqonbus-gate doctor --target" in said
    assert found.code == 0, found.text
    assert read_profile(out).claims == {"auth": False, "durable": False, "consumer_groups": False}
    assert "Not asked" not in out.read_text("utf-8")


async def test_staging_gets_a_profile_that_is_well(example: Path) -> None:
    """Behind TLS with tokens: files relative to the profile, names of variables, and no secret at all."""
    out = example.parent / "profiles.d" / "mine.toml"
    out.parent.mkdir()
    out.with_name(".env").write_text(example.with_name(".env").read_text("utf-8"), "utf-8")
    tokens = [f"--token-variable=STAGING_TOKEN_{name}" for name in ("A_ADMIN", "A_USER", "B_USER")]

    code, said = await gate("init", *options_of(example), *tokens, "--out", str(out))
    found = await examined(out)

    text = out.read_text("utf-8")
    target = read_profile(out)
    assert code == 0, said
    assert found.code == 0, found.text
    assert target.claims == {"auth": True, "durable": True, "consumer_groups": True}
    assert sorted(target.credentials.tokens) == [("a", False), ("a", True), ("b", False)]
    assert 'ca = "../staging-ca.pem"' in text
    assert '# b_admin = "NAME"' in text
    assert not any(token in text for token in target.credentials.tokens.values())


async def test_what_could_not_be_asked_is_written_down(example: Path, tmp_path: Path) -> None:
    """Without a token the bus says only that it wants one; the durability comes from /health."""
    out = tmp_path / "mine.toml"

    code, said = await gate("init", *options_of(example), "--out", str(out))

    text = out.read_text("utf-8")
    assert code == 0, said
    assert read_profile(out).claims == {"auth": True, "durable": True}
    assert "# Not asked: the bus wants credentials (--token-variable)" in text
    assert "# Not asked: the telemetry interface wants an administrator" in text
    assert "# Not asked: consumer_groups; the welcome decides." in text


async def test_an_endpoint_that_cannot_be_reached_leaves_nothing(plain: list[str], tmp_path: Path) -> None:
    """Exit 69 with the address; the bus alone, or what is no HTTP interface."""
    out = tmp_path / "mine.toml"
    with ports.lease() as closed:
        bus = f"ws://127.0.0.1:{closed.port}"
        code, said = await gate("init", "--bus", bus, "--out", str(out))
    other = plain[2].replace("--telemetry=ws", "--http=http")
    other_code, other_said = await gate("init", plain[0], other, "--out", str(out))

    assert (code, other_code) == (69, 69), said + other_said
    assert bus in said
    assert not out.exists()


async def test_a_profile_is_not_written_over(plain: list[str], tmp_path: Path) -> None:
    """Exit 64, unless --force says so."""
    out = tmp_path / "mine.toml"
    out.write_text("mine", "utf-8")

    code, said = await gate("init", plain[0], "--out", str(out))
    kept = out.read_text("utf-8")
    forced, forced_said = await gate("init", plain[0], "--out", str(out), "--force")

    assert code == 64
    assert "--force writes over it" in said
    assert kept == "mine"
    assert forced == 0, forced_said
    assert "# Not asked: no address of the HTTP interface was given" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--bus=ws://ann:canary@127.0.0.1"], "--bus: 'ws://***@127.0.0.1' is not allowed"),
        (["--http=ws://127.0.0.1"], "--http: 'ws://127.0.0.1' is not allowed"),
        (["--token-variable=INIT_NOWHERE"], "the environment variable INIT_NOWHERE is not set"),
        (["--token-variable=INIT_CANARY"], "what INIT_CANARY holds is no JSON Web Token"),
    ],
)
async def test_what_is_given_wrongly_is_named(options: list[str], says: str, tmp_path: Path) -> None:
    """Exit 78, and nothing is asked, written or shown."""
    out = tmp_path / "mine.toml"

    code, said = await gate("init", *options, "--out", str(out), INIT_CANARY="canary")

    assert code == 78, said
    assert says in " ".join(said.split())
    assert "canary" not in said
    assert not out.exists()


async def test_a_token_that_the_bus_refuses_is_named(example: Path, tmp_path: Path) -> None:
    """Exit 78: it is in time, and by another secret."""
    claims = {"sub": "x", "tenant_id": "t", "iat": int(time.time()), "exp": int(time.time()) + 7200}
    foreign = jwt.encode(claims, "s" * 32, algorithm="HS256")
    out = tmp_path / "mine.toml"

    code, said = await gate(
        *("init", *options_of(example), "--token-variable=INIT_TOKEN", "--out", str(out)), INIT_TOKEN=foreign
    )

    assert code == 78, said
    assert "refuses a token (401)" in said
    assert not out.exists()


async def test_tokens_find_their_fields() -> None:
    """By tenant in the order in which they come, and by role; one too many is refused."""
    now = int(time.time())

    def token(tenant: str, **claims: str) -> str:
        made = {"sub": "x", "tenant_id": tenant, "iat": now, "exp": now + 7200, **claims}
        return jwt.encode(made, "s" * 32, algorithm="HS256")

    variables = {"ONE": token("t"), "TWO": token("u", role="admin"), "THREE": token("v"), "FOUR": token("t")}

    fields, tokens = named_tokens(["ONE", "TWO"], variables)

    assert fields == {"a_user": "ONE", "b_admin": "TWO"}
    assert set(tokens) == {("a", False), ("b", True)}
    with pytest.raises(ProfileError, match="THREE is of a third tenant"):
        named_tokens(["ONE", "TWO", "THREE"], variables)
    with pytest.raises(ProfileError, match="ONE and FOUR hold tokens of the same tenant and role"):
        named_tokens(["ONE", "FOUR"], variables)


async def test_what_a_deployment_says_stays_a_comment() -> None:
    """A hostile one cannot write fields: its text stays on one line, bounded and visible."""
    said = {"reason": 'x\n[launch]\ncommand = "evil"\n\u202e', "long": "y" * 9999}
    given = Given("bus", Endpoints("ws://bus.example", None, None), {}, {})

    answers = Answers(
        auth=False, capabilities={"auth": False, "durable": 3}, limits=said, storage=said, unasked=()
    )

    text = profile_of(given, answers)

    target = parse_profile(text, {})
    assert target.launch is None
    assert target.claims == {"auth": False}
    assert max(map(len, text.splitlines())) < 300
    assert text.isascii()
