import json
from pathlib import Path

import pytest
from arqonbus_conformance.target import (
    ProfileError,
    embedded_reference,
    parse_profile,
    quick_target,
    read_profile,
)

WHOLE = """
name = "staging"
[endpoints]
bus = "wss://bus.example:9100"
http = "https://bus.example"
telemetry = "ws://[::1]:8081"
[claims]
auth = true
durable = false
[credentials]
jwt_secret_env = "GATE_SECRET"
token_env = { a_admin = "GATE_ADMIN" }
[launch]
command = "{python} -m bus serve"
[launch.environment]
ARQONBUS_LOG_LEVEL = "debug"
ARQONBUS_REDIS_URL = "{valkey}"
[control]
valkey = "embedded"
"""
ENVIRONMENT = {"GATE_SECRET": "s" * 32, "GATE_ADMIN": "t.o.k"}


def test_a_whole_profile_is_understood() -> None:
    """Endpoints, claims, credentials by name, launch and control."""
    target = parse_profile(WHOLE, ENVIRONMENT)

    assert target.endpoints is not None
    assert target.endpoints.http == "https://bus.example"
    assert target.claims == {"auth": True, "durable": False}
    assert target.credentials.secret == b"s" * 32
    assert target.credentials.tokens == {("a", True): "t.o.k"}
    assert target.launch is not None
    assert target.launch.preflight == "{python} -m bus preflight"
    assert target.control.valkey == "embedded"


def test_a_profile_never_shows_a_secret() -> None:
    """Credentials come from the environment by name; a profile holds no value."""
    with pytest.raises(ProfileError, match="GATE_SECRET is not set"):
        parse_profile(WHOLE, {"GATE_ADMIN": "t"})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "staging"', "", "name: it is missing; allowed: a text"),
        ("wss://bus.example:9100", "http://bus.example", "endpoints.bus: 'http://bus.example'"),
        ("wss://bus.example:9100", "ws://bus:99999", "endpoints.bus: 'ws://bus:99999'"),
        ('bus = "wss://bus.example:9100"', "", "endpoints.bus: it is missing"),
        ("auth = true", 'auth = "yes"', "claims.auth: 'yes' is not allowed; allowed: true or false"),
        ("auth = true", "flying = true", "claims.flying: there is no such field; allowed: auth"),
        ('valkey = "embedded"', 'valkey = "moon"', "control.valkey: 'moon'"),
        ("[control]", "[contrl]", "contrl"),
        ('command = "{python} -m bus serve"', "", "launch.command: it is missing"),
        ('"debug"', "3", "launch.environment.ARQONBUS_LOG_LEVEL: 3"),
        ("-m bus serve", "-m 'bus serve", 'launch.command: "{python} -m \'bus serve" is not allowed'),
        ('valkey = "embedded"', "", "launch.environment.ARQONBUS_REDIS_URL: {valkey} needs control.valkey"),
        (
            "GATE_ADMIN",
            "GATE_MOON",
            "credentials.token_env.a_admin: the environment variable GATE_MOON is not set",
        ),
        ("[claims]", "[claims", "not TOML"),
    ],
)
def test_a_fault_is_named_with_value_and_allowed(old: str, new: str, says: str) -> None:
    """Each problem says where it is, what stands there and what may."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(WHOLE.replace(old, new, 1), ENVIRONMENT)

    assert any(says in problem for problem in caught.value.problems)


def test_every_problem_is_told_at_once() -> None:
    """Nobody should have to run the gate five times to learn five faults."""
    with pytest.raises(ProfileError) as caught:
        parse_profile("[endpoints]\nbus = 1\n[claims]\nauth = 2\n[extra]\n", {})

    assert len(caught.value.problems) == 4


def test_a_profile_needs_something_to_judge() -> None:
    """Neither endpoints nor a launch command: nothing."""
    with pytest.raises(ProfileError, match="neither endpoints nor launch"):
        parse_profile('name = "x"', {})


def test_tables_must_be_tables() -> None:
    """A text where a table belongs is a fault, not a crash."""
    with pytest.raises(ProfileError, match="claims: 'all' is not allowed; allowed: a table"):
        parse_profile('name = "x"\nclaims = "all"\n[launch]\ncommand = "x serve"', {})


def test_a_profile_that_cannot_be_read_is_no_profile(tmp_path: Path) -> None:
    """A missing file and one that is no text."""
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    for name in ("missing.toml", "binary.toml"):
        with pytest.raises(ProfileError, match="cannot be read"):
            read_profile(tmp_path / name)


def test_a_problem_names_its_profile(tmp_path: Path) -> None:
    """Whoever has several of them must see which one is meant."""
    profile = tmp_path / "staging.toml"
    profile.write_text("[launch]", "utf-8")

    with pytest.raises(ProfileError, match=r"staging\.toml: name: it is missing"):
        read_profile(profile)


def test_the_embedded_reference_is_launched_with_its_own_secret() -> None:
    """Two runs never share one."""
    one, other = embedded_reference(), embedded_reference()

    assert one.launch is not None
    assert one.endpoints is None
    assert one.control.valkey == "embedded"
    assert len(one.secret) >= 32
    assert one.secret != other.secret


def test_a_quick_target_guesses_only_the_telemetry() -> None:
    """Port 8081 of the same host, and it remembers that it guessed."""
    target = quick_target("ws://[::1]:9100", None, None)

    assert target.endpoints is not None
    assert target.endpoints.telemetry == "ws://[::1]:8081"
    assert target.telemetry_guessed
    assert target.endpoints.http is None


def test_a_quick_target_with_a_wrong_address_is_refused_by_its_option() -> None:
    """The message names the option that was given."""
    with pytest.raises(ProfileError, match="--url: 'bus:9100'"):
        quick_target("bus:9100", None, None)


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("bus", "ws://ann:canary@bus.example:9100"),
        ("bus", "wss://canary@bus.example"),
        ("bus", "ann:canary@bus.example"),
        ("bus", "ws://ann:can://canary@@bus:99999"),
        ("http", "https://ann:canary@bus.example"),
        ("http", ["https://ann:canary@bus.example"]),
        ("telemetry", "wss://ann:canary@bus.example"),
    ],
)
def test_an_address_with_a_password_is_refused_and_never_shown(field: str, address: object) -> None:
    """An address stands in every report; the problem names its field and how it may look."""
    endpoints = {"bus": "ws://bus.example", field: address}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in endpoints.items())

    with pytest.raises(ProfileError) as caught:
        parse_profile(f'name = "x"\n[endpoints]\n{lines}', {})

    [problem] = caught.value.problems
    assert problem.startswith(f"endpoints.{field}: ")
    assert "HOST[:PORT], without user and password" in problem
    assert "can" not in problem.replace(f"endpoints.{field}", "")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("docker run --rm --network host", "names no image"),
        ("/usr/bin/docker run --rm --network host -it -e NAME", "names no image"),
        ("docker run --rm --network host --detach bus:1 serve", "in the background is not allowed"),
        ("docker run --rm --network=host -itd bus:1 serve", "in the background is not allowed"),
        ("docker run --network host bus:1 serve", "--rm is missing"),
        ("podman container run --rm bus:1 serve", "--network is missing"),
        ("docker run --rm --net bridge bus:1 serve", "--network bridge is not allowed"),
        ("docker run --rm --network host -it bus:1 serve", "--tty is not allowed"),
        ("docker run --rm --network host --name bus bus:1 serve", "--name is not allowed"),
        ("docker run --rm --memory --network host bus:1 serve", "--network is missing"),
    ],
)
def test_a_container_that_the_gate_could_not_use_is_refused(command: str, says: str) -> None:
    """It must have an image, stay in front, leave nothing behind and listen on ports of this machine."""
    with pytest.raises(ProfileError, match="launch.command: ") as caught:
        parse_profile(f'name = "x"\n[launch]\ncommand = "{command}"', {})

    assert any(says in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    "command",
    [
        "docker run --rm --network host bus:1 serve",
        "docker run --rm --init --detach=false -i --network=host --env NAME -eOTHER=x bus:1 serve --detach",
        "docker compose up",
        "docker",
    ],
)
def test_a_container_that_the_gate_can_use_is_accepted(command: str) -> None:
    """What stands behind the image is the container's own matter, and another command of the engine ours is not."""
    target = parse_profile(f'name = "x"\n[launch]\ncommand = "{command}"', {})

    assert target.launch is not None


SHIELD = """
name = "edge"
[endpoints]
bus = "ws://bus.example"
shield = "wss://edge.example"
nats = "nats://spine.example:4222"
[credentials]
jwt_secret_env = "BUS"
[credentials.shield]
jwt_secret_env = "EDGE"
"""


def test_shield_has_an_address_and_credentials_of_its_own() -> None:
    """A profile says where Shield and the spine are, and what may be shown to Shield."""
    target = parse_profile(SHIELD, {"BUS": "b" * 32, "EDGE": "e" * 32})

    assert target.endpoints is not None
    assert target.endpoints.shield == "wss://edge.example"
    assert target.endpoints.nats == "nats://spine.example:4222"
    assert target.shield_credentials is not None
    assert target.shield_credentials.secret == b"e" * 32


@pytest.mark.parametrize(
    ("line", "field"),
    [('shield = "https://x"', "endpoints.shield"), ('nats = "nats://user:pw@x"', "endpoints.nats")],
)
def test_an_address_of_the_edge_is_checked(line: str, field: str) -> None:
    """What is no address of Shield or the spine is named; a password in it is refused."""
    text = f'name = "x"\n[endpoints]\nbus = "ws://x"\n{line}\n'

    with pytest.raises(ProfileError, match=field):
        parse_profile(text, {})


def test_a_nats_that_is_named_must_be_given() -> None:
    """An environment with {nats} in it needs control.nats."""
    text = 'name = "x"\n[launch]\ncommand = "x serve"\nshield = "x shield"\n[launch.shield_environment]\nNATS_URL = "{nats}"\n'

    with pytest.raises(
        ProfileError, match=r"launch\.shield_environment\.NATS_URL: \{nats\} needs control\.nats"
    ):
        parse_profile(text, {})
