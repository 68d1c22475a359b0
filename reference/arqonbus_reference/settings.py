"""Every knob of the deployment: one table, read once, frozen."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self, cast

import msgspec

from arqonbus_reference import allowed
from arqonbus_reference.problem import Problem
from arqonbus_reference.secret import HIDDEN, Secret, Url, hidden_url
from arqonbus_reference.variables import Variable, names, read_variables

DEPLOYED_RATE_LIMIT_PER_SECOND: Final = 1000

Environment = Literal["dev", "staging", "prod"]


class SettingsError(Exception):
    """The configuration holds values that are not allowed; all of them are in `problems`."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class SharedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What means the same for the bus and for Shield; units are in the names of the fields."""

    environment: Environment = "dev"
    allowed_origins: frozenset[str] = frozenset()
    max_message_size: int = 1_048_576
    outbox_bytes: int = 8_388_608
    max_connections: int = 10_000
    rate_limit_per_second: int = 0
    ping_interval_seconds: float = 20.0
    ping_timeout_seconds: float = 20.0
    handshake_seconds: float = 10.0
    drain_seconds: float = 10.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    jwt_skip_validation: bool = False
    schema_strict: bool = True
    schema_strict_exception: str | None = None


class Settings(SharedSettings, frozen=True, kw_only=True):
    """The configuration of one deployment; units are in the names of the fields."""

    server_host: str = "127.0.0.1"
    server_port: int = 9100
    telemetry_host: str = "127.0.0.1"
    telemetry_port: int = 8081
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    storage_mode: Literal["strict", "degraded"] = "degraded"
    storage_backend: Literal["memory", "redis_streams"] = "memory"
    redis_url: Url = Url("redis://127.0.0.1:6379/0")
    storage_timeout_seconds: float = 2.0
    max_history_size: int = 10_000
    enable_auth: bool = False
    auth_jwt_secret: Secret | None = None
    auth_jwt_algorithm: Literal["HS256"] = "HS256"
    telemetry_rate_per_second: int = 50
    group_min_idle_ms: int = 30_000
    nats_url: Url | None = None
    synthesis_enabled: bool = False
    ollama_url: Url | None = None
    ollama_model: str = "llama3.2"
    explicit: frozenset[str] = frozenset()
    """The variables that were set, by their names in the specification (an alias counts as the name it stands for)."""
    unknown: tuple[str, ...] = ()
    """Variables set that begin with ARQONBUS_ and mean nothing."""

    @classmethod
    def load(cls, environ: Mapping[str, str], dotenv_path: Path | None) -> Self:
        """Read the variables; the environment wins over the file, which need not exist.

        Raises:
            SettingsError: a value is not allowed.
        """
        reading = read(environ, dotenv_path)
        if reading.problems:
            raise SettingsError(reading.problems)
        return cast("Self", reading.settings)

    def shown(self) -> dict[str, Any]:
        """Each variable and its value, secrets hidden."""
        return {variable.name: _shown(getattr(self, variable.field)) for variable in VARIABLES}

    def secrets(self) -> list[str]:
        """What must not appear in anything written."""
        found = [self.auth_jwt_secret.reveal()] if self.auth_jwt_secret else []
        return found + [
            url.password for url in (self.redis_url, self.nats_url, self.ollama_url) if url and url.password
        ]


VARIABLES: Final = (
    Variable("ARQONBUS_ENVIRONMENT", "environment", allowed.ENVIRONMENT),
    Variable("ARQONBUS_SERVER_HOST", "server_host", allowed.HOST),
    Variable("ARQONBUS_SERVER_PORT", "server_port", allowed.PORT),
    Variable("ARQONBUS_TELEMETRY_HOST", "telemetry_host", allowed.HOST),
    Variable("ARQONBUS_TELEMETRY_PORT", "telemetry_port", allowed.PORT),
    Variable("ARQONBUS_HTTP_HOST", "http_host", allowed.HOST),
    Variable("ARQONBUS_HTTP_PORT", "http_port", allowed.PORT),
    Variable("ARQONBUS_STORAGE_MODE", "storage_mode", allowed.choice("strict", "degraded")),
    Variable(
        "ARQONBUS_STORAGE_BACKEND",
        "storage_backend",
        allowed.choice("memory", "redis_streams", aliases={"valkey_streams": "redis_streams"}),
    ),
    Variable(
        "ARQONBUS_REDIS_URL",
        "redis_url",
        allowed.url("redis", "rediss", "unix", "valkey"),
        alias="ARQONBUS_VALKEY_URL",
    ),
    Variable("ARQONBUS_STORAGE_TIMEOUT_SECONDS", "storage_timeout_seconds", allowed.seconds(0.05, 60)),
    Variable("ARQONBUS_MAX_HISTORY_SIZE", "max_history_size", allowed.integer(1, 10_000_000, "entries")),
    Variable("ARQONBUS_ENABLE_AUTH", "enable_auth", allowed.BOOLEAN),
    Variable("ARQONBUS_AUTH_JWT_SECRET", "auth_jwt_secret", allowed.SECRET),
    Variable("ARQONBUS_AUTH_JWT_ALGORITHM", "auth_jwt_algorithm", allowed.choice("HS256")),
    Variable("ARQONBUS_ALLOWED_ORIGINS", "allowed_origins", allowed.ORIGINS),
    Variable("ARQONBUS_MAX_MESSAGE_SIZE", "max_message_size", allowed.integer(1024, 67_108_864, "bytes")),
    Variable("ARQONBUS_OUTBOX_BYTES", "outbox_bytes", allowed.integer(65_536, 1_073_741_824, "bytes")),
    Variable("ARQONBUS_MAX_CONNECTIONS", "max_connections", allowed.integer(1, 1_000_000)),
    Variable(
        "ARQONBUS_RATE_LIMIT_PER_SECOND", "rate_limit_per_second", allowed.integer(0, 1_000_000, "frames")
    ),
    Variable(
        "ARQONBUS_TELEMETRY_RATE_PER_SECOND",
        "telemetry_rate_per_second",
        allowed.integer(1, 100_000, "frames"),
    ),
    Variable("ARQONBUS_PING_INTERVAL_SECONDS", "ping_interval_seconds", allowed.seconds(0.05, 3600)),
    Variable("ARQONBUS_PING_TIMEOUT_SECONDS", "ping_timeout_seconds", allowed.seconds(0.05, 3600)),
    Variable("ARQONBUS_HANDSHAKE_SECONDS", "handshake_seconds", allowed.seconds(0.1, 60)),
    Variable("ARQONBUS_DRAIN_SECONDS", "drain_seconds", allowed.seconds(0.1, 300)),
    Variable("ARQONBUS_GROUP_MIN_IDLE_MS", "group_min_idle_ms", allowed.integer(10, 86_400_000, "ms")),
    Variable("ARQONBUS_LOG_LEVEL", "log_level", allowed.choice("debug", "info", "warning", "error")),
    Variable("ARQONBUS_LOG_FORMAT", "log_format", allowed.choice("json", "console")),
    Variable("NATS_URL", "nats_url", allowed.url("nats", "tls")),
    Variable("ARQONBUS_SYNTHESIS_ENABLED", "synthesis_enabled", allowed.BOOLEAN),
    Variable("OLLAMA_URL", "ollama_url", allowed.url("http", "https")),
    Variable("OLLAMA_MODEL", "ollama_model", allowed.MODEL),
    Variable("JWT_SKIP_VALIDATION", "jwt_skip_validation", allowed.ABSENT),
    Variable("ARQON_SCHEMA_STRICT", "schema_strict", allowed.BOOLEAN),
    Variable("ARQON_SCHEMA_STRICT_EXCEPTION", "schema_strict_exception", allowed.EXCEPTION_NAME),
)
"""Every variable of the specification."""


class Reading(NamedTuple):
    """Settings in which each variable with a problem has its default, and the problems."""

    settings: Settings
    problems: list[Problem]


def read(environ: Mapping[str, str], dotenv_path: Path | None) -> Reading:
    """Read all variables and collect everything that is not allowed."""
    found = read_variables(VARIABLES, environ, dotenv_path)
    fields = found.fields
    limit_rate(fields, found.explicit)
    known = names(VARIABLES)
    unknown = tuple(sorted(n for n in found.given if n.startswith("ARQONBUS_") and n not in known))
    return Reading(Settings(**fields, explicit=found.explicit, unknown=unknown), found.problems)


def limit_rate(fields: dict[str, Any], explicit: Collection[str]) -> None:
    """Outside dev the rate is limited where nothing was said of it, on the bus and at the edge alike."""
    if fields.get("environment", "dev") != "dev" and "ARQONBUS_RATE_LIMIT_PER_SECOND" not in explicit:
        fields["rate_limit_per_second"] = DEPLOYED_RATE_LIMIT_PER_SECOND


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Url):
        return hidden_url(value)
    return sorted(value) if isinstance(value, frozenset) else value
