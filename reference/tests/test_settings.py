"""Every variable is read exactly, and every fault is named."""

import re
from pathlib import Path

import pytest
from arqonbus_reference.secret import HIDDEN, Secret, hidden_url, is_well_known
from arqonbus_reference.settings import VARIABLES, Settings, SettingsError, read

GOOD_SECRET = "gWf3hTq8vZr1xYk5mNp7sLd2cBj9eUa4"
SPECIFICATION = Path(__file__).parents[2] / "docs" / "spec" / "configuration.md"


def test_no_variable_set_gives_a_dev_deployment_on_loopback() -> None:
    """CONF-001: the defaults are usable and open nothing to the network."""
    settings = Settings.load({}, None)

    assert settings.environment == "dev"
    assert {settings.server_host, settings.http_host, settings.telemetry_host} == {"127.0.0.1"}
    assert settings.explicit == frozenset()


def test_the_table_holds_the_variables_of_the_specification() -> None:
    """Neither side has a variable that the other lacks."""
    rows = [line for line in SPECIFICATION.read_text().splitlines() if line.startswith("| `")]
    specified = {name for row in rows for name in re.findall(r"`([A-Z_]{8,})`", row)}

    known = {variable.name for variable in VARIABLES} | {v.alias for v in VARIABLES if v.alias is not None}

    assert known == specified


def test_every_variable_sets_a_field() -> None:
    """No row of the table is a typing error."""
    assert {variable.field for variable in VARIABLES} <= set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    ("value", "environment"),
    [
        ("dev", "dev"),
        (" PROD ", "prod"),
        ("Production", "prod"),
        ("development", "dev"),
        ("staging\n", "staging"),
    ],
)
def test_the_environment_is_read_kindly(value: str, environment: str) -> None:
    """CONF-003: case and surrounding space are ignored, two long forms accepted."""
    assert Settings.load({"ARQONBUS_ENVIRONMENT": value}, None).environment == environment


@pytest.mark.parametrize("value", ["", " ", "test", "dev,prod", "pröd"])
def test_another_environment_is_refused(value: str) -> None:
    """CONF-004: nothing is guessed, the empty string least of all."""
    with pytest.raises(SettingsError) as refusal:
        Settings.load({"ARQONBUS_ENVIRONMENT": value}, None)

    assert [problem.variable for problem in refusal.value.problems] == ["ARQONBUS_ENVIRONMENT"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ARQONBUS_SERVER_PORT", "0"),
        ("ARQONBUS_SERVER_PORT", "65536"),
        ("ARQONBUS_SERVER_PORT", "9_100"),
        ("ARQONBUS_SERVER_PORT", " 9100"),
        ("ARQONBUS_SERVER_PORT", "+9100"),
        ("ARQONBUS_SERVER_PORT", "٩١٠٠"),
        ("ARQONBUS_SERVER_PORT", ""),
        ("ARQONBUS_SERVER_HOST", ""),
        ("ARQONBUS_SERVER_HOST", "a b"),
        ("ARQONBUS_SERVER_HOST", "http://x"),
        ("ARQONBUS_STORAGE_MODE", "Strict"),
        ("ARQONBUS_STORAGE_BACKEND", "redis"),
        ("ARQONBUS_REDIS_URL", "http://127.0.0.1"),
        ("ARQONBUS_REDIS_URL", "redis://"),
        ("ARQONBUS_REDIS_URL", "redis://h:99999"),
        ("ARQONBUS_REDIS_URL", "redis://[::1"),
        ("ARQONBUS_REDIS_URL", "unix://"),
        ("ARQONBUS_VALKEY_URL", "127.0.0.1:6379"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "nan"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "inf"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "0.04"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "61"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "1e1"),
        ("ARQONBUS_ENABLE_AUTH", "maybe"),
        ("ARQONBUS_ENABLE_AUTH", ""),
        ("ARQONBUS_AUTH_JWT_SECRET", "x" * 31),
        ("ARQONBUS_AUTH_JWT_ALGORITHM", "none"),
        ("ARQONBUS_AUTH_JWT_ALGORITHM", "hs256"),
        ("ARQONBUS_ALLOWED_ORIGINS", "*"),
        ("ARQONBUS_ALLOWED_ORIGINS", "https://a.example,*"),
        ("ARQONBUS_ALLOWED_ORIGINS", "https://a.example/"),
        ("ARQONBUS_ALLOWED_ORIGINS", "https://a.example,,https://b.example"),
        ("ARQONBUS_ALLOWED_ORIGINS", "null"),
        ("ARQONBUS_MAX_MESSAGE_SIZE", "1023"),
        ("ARQONBUS_OUTBOX_BYTES", "65535"),
        ("ARQONBUS_MAX_CONNECTIONS", "-1"),
        ("ARQONBUS_RATE_LIMIT_PER_SECOND", "1000001"),
        ("ARQONBUS_LOG_LEVEL", "trace"),
        ("OLLAMA_URL", "ftp://h"),
        ("OLLAMA_MODEL", "a b"),
        ("ARQON_SCHEMA_STRICT_EXCEPTION", ""),
        ("ARQON_SCHEMA_STRICT_EXCEPTION", "x" * 201),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(variable: str, value: str) -> None:
    """CONF-005: the variable, what is wrong, what is allowed."""
    reading = read({variable: value}, None)

    (problem,) = reading.problems
    assert problem.variable == variable
    assert "is not allowed" in problem.problem
    assert problem.allowed
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("ARQONBUS_SERVER_PORT", "65535", "server_port", 65535),
        ("ARQONBUS_SERVER_HOST", "::1", "server_host", "::1"),
        ("ARQONBUS_SERVER_HOST", "bus.example", "server_host", "bus.example"),
        ("ARQONBUS_STORAGE_BACKEND", "valkey_streams", "storage_backend", "redis_streams"),
        ("ARQONBUS_REDIS_URL", "valkey://h:1/2", "redis_url", "redis://h:1/2"),
        ("ARQONBUS_VALKEY_URL", "rediss://u:p@h", "redis_url", "rediss://u:p@h"),
        ("ARQONBUS_REDIS_URL", "unix:///run/v.sock", "redis_url", "unix:///run/v.sock"),
        ("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "0.05", "storage_timeout_seconds", 0.05),
        ("ARQONBUS_ENABLE_AUTH", "YES", "enable_auth", True),
        ("ARQONBUS_ENABLE_AUTH", "off", "enable_auth", False),
        (
            "ARQONBUS_ALLOWED_ORIGINS",
            "https://a.example, http://localhost:3000",
            "allowed_origins",
            frozenset({"https://a.example", "http://localhost:3000"}),
        ),
        ("ARQONBUS_ALLOWED_ORIGINS", "", "allowed_origins", frozenset()),
        ("ARQONBUS_MAX_MESSAGE_SIZE", "1024", "max_message_size", 1024),
        ("ARQONBUS_AUTH_JWT_SECRET", GOOD_SECRET, "auth_jwt_secret", Secret(GOOD_SECRET)),
        ("ARQON_SCHEMA_STRICT", "0", "schema_strict", False),
    ],
)
def test_an_allowed_value_is_taken(variable: str, value: str, field: str, expected: object) -> None:
    """The twin of the refused values."""
    settings = Settings.load({variable: value}, None)

    assert getattr(settings, field) == expected


def test_all_problems_are_reported_at_once() -> None:
    """CONF-006: one run, one line each."""
    environ = {"ARQONBUS_SERVER_PORT": "x", "ARQONBUS_HTTP_PORT": "y", "ARQONBUS_ENVIRONMENT": "z"}

    problems = read(environ, None).problems

    assert {problem.variable for problem in problems} == set(environ)


def test_the_rate_limit_is_on_outside_dev() -> None:
    """LIM-008: 0 in dev, 1000 in staging and prod, the explicit value everywhere."""
    limits = [
        Settings.load(environ, None).rate_limit_per_second
        for environ in (
            {},
            {"ARQONBUS_ENVIRONMENT": "staging"},
            {"ARQONBUS_ENVIRONMENT": "prod", "ARQONBUS_RATE_LIMIT_PER_SECOND": "0"},
        )
    ]

    assert limits == [0, 1000, 0]


def test_an_alias_may_repeat_but_not_contradict() -> None:
    """CONF-024: two names of one place must name one place."""
    same = read({"ARQONBUS_REDIS_URL": "redis://h/0", "ARQONBUS_VALKEY_URL": "valkey://h/0"}, None)
    other = read({"ARQONBUS_REDIS_URL": "redis://h/0", "ARQONBUS_VALKEY_URL": "redis://h/1"}, None)

    assert same.problems == []
    assert [problem.variable for problem in other.problems] == ["ARQONBUS_VALKEY_URL"]


def test_what_was_set_is_remembered_under_its_own_name() -> None:
    """Preflight asks which variables were explicit; an alias stands for its variable."""
    settings = Settings.load({"ARQONBUS_VALKEY_URL": "redis://h", "ARQONBUS_SERVER_PORT": "9100"}, None)

    assert settings.explicit == {"ARQONBUS_REDIS_URL", "ARQONBUS_SERVER_PORT"}


def test_unknown_variables_are_listed() -> None:
    """CONF-025: a typing error can be named in the log; other programs' variables are not ours."""
    settings = Settings.load({"ARQONBUS_SEVER_PORT": "1", "PATH": "/bin"}, None)

    assert settings.unknown == ("ARQONBUS_SEVER_PORT",)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """CONF-007: a .env file gives what the environment does not."""
    path = tmp_path / ".env"
    path.write_text("ARQONBUS_HTTP_PORT=1111\nexport ARQONBUS_SERVER_PORT='2222'\n# nothing\n")

    settings = Settings.load({"ARQONBUS_HTTP_PORT": "3333"}, path)

    assert (settings.http_port, settings.server_port) == (3333, 2222)


def test_the_file_is_read_as_written(tmp_path: Path) -> None:
    """A dollar in a secret is a dollar."""
    path = tmp_path / ".env"
    path.write_text(f"ARQONBUS_AUTH_JWT_SECRET='{GOOD_SECRET}${{HOME}}'\n")

    secret = Settings.load({}, path).auth_jwt_secret

    assert secret == Secret(f"{GOOD_SECRET}${{HOME}}")


@pytest.mark.parametrize("content", [b"what is this\nA='", b"\xff\xfe", b"A=1\n" * 20_000])
def test_an_unreadable_file_is_a_problem(tmp_path: Path, content: bytes) -> None:
    """No line of it is skipped in silence, and none is shown."""
    path = tmp_path / ".env"
    path.write_bytes(content)

    (problem,) = read({}, path).problems

    assert problem.variable == str(path)
    assert "what" not in problem.problem


def test_a_file_that_is_a_folder_is_a_problem(tmp_path: Path) -> None:
    """What cannot be read is said, not ignored."""
    assert "cannot be read" in read({}, tmp_path).problems[0].problem


def test_no_secret_is_shown() -> None:
    """CONF-028: neither repr, nor config view, nor a refusal holds it."""
    environ = {
        "ARQONBUS_AUTH_JWT_SECRET": GOOD_SECRET,
        "ARQONBUS_REDIS_URL": "redis://user:pass-word@h/0?password=pass-word",
        "OLLAMA_URL": "http://u:pass-word@h",
    }

    settings = Settings.load(environ, None)

    texts = [
        repr(settings),
        str(settings.shown()),
        str(read({"ARQONBUS_AUTH_JWT_SECRET": "pass-word"}, None)),
    ]
    assert not any(GOOD_SECRET in text or "pass-word" in text for text in texts)
    assert settings.shown()["ARQONBUS_AUTH_JWT_SECRET"] == HIDDEN
    assert set(settings.secrets()) == {GOOD_SECRET, "pass-word"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h/0", "redis://h/0"),
        ("redis://:p@h/0", "redis://***@h/0"),
        ("redis://u:p@q@h", "redis://***@h"),
        ("redis:u:p@h", "***@h"),
        ("redis://h?password=p", "redis://h?***"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    """Well formed or not."""
    assert hidden_url(url) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "your-256-bit-secret-your-256-bit-secret",
        "secretsecretsecretsecretsecretsecret",
        "CHANGE_ME_IN_PRODUCTION_CHANGE_ME",
        "a-string-secret-at-least-256-bits-long",
        "x" * 64,
        "-" * 40,
    ],
)
def test_well_known_secrets_are_recognised(secret: str) -> None:
    """An example of some documentation is no secret, however often it is repeated."""
    assert is_well_known(secret)


@pytest.mark.parametrize("secret", [GOOD_SECRET, "secret" + GOOD_SECRET, "0123456789abcdef0123456789abcdee"])
def test_other_secrets_are_not(secret: str) -> None:
    """The twin of the well-known ones."""
    assert not is_well_known(secret)
