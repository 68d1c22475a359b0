"""Every knob of Shield: its own variables, and those of the bus that hold for it too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from arqonbus_reference import allowed
from arqonbus_reference import settings as bus
from arqonbus_reference.problem import Problem
from arqonbus_reference.secret import Secret, Url
from arqonbus_reference.settings import SharedSettings
from arqonbus_reference.variables import Variable, names, read_variables


class ShieldSettings(SharedSettings, frozen=True, kw_only=True):
    """The configuration of one Shield; units are in the names of the fields."""

    host: str = "127.0.0.1"
    port: int = 4000
    jwt_secret: Secret | None = None
    nats_url: Url = Url("nats://127.0.0.1:4222")
    policy_path: Path | None = None
    mirror_share: float = 0.0
    explicit: frozenset[str] = frozenset()
    """The variables that were set."""
    unknown: tuple[str, ...] = ()
    """Variables set that begin with ARQONBUS_ or SHIELD_ and mean nothing, to Shield or to the bus."""

    def secrets(self) -> list[str]:
        """What must not appear in anything written."""
        found = [self.jwt_secret.reveal()] if self.jwt_secret else []
        return found + ([self.nats_url.password] if self.nats_url.password else [])


VARIABLES: Final = (
    *(variable for variable in bus.VARIABLES if variable.field in SharedSettings.__struct_fields__),
    Variable("SHIELD_HOST", "host", allowed.HOST),
    Variable("SHIELD_PORT", "port", allowed.PORT),
    Variable("JWT_SECRET", "jwt_secret", allowed.SECRET),
    Variable("NATS_URL", "nats_url", allowed.url("nats", "tls")),
    Variable("POLICY_WASM_PATH", "policy_path", allowed.FILE),
    Variable("SHIELD_MIRROR_SHARE", "mirror_share", allowed.share()),
)
"""Every variable that Shield reads."""


class Reading(NamedTuple):
    """Settings in which each variable with a problem has its default, and the problems."""

    settings: ShieldSettings
    problems: list[Problem]


def read(environ: Mapping[str, str], dotenv_path: Path | None) -> Reading:
    """Read all variables and collect everything that is not allowed; the environment wins over the file."""
    found = read_variables(VARIABLES, environ, dotenv_path)
    fields = found.fields
    bus.limit_rate(fields, found.explicit)
    known = names((*VARIABLES, *bus.VARIABLES))
    strangers = (n for n in found.given if n.startswith(("ARQONBUS_", "SHIELD_")) and n not in known)
    settings = ShieldSettings(**fields, explicit=found.explicit, unknown=tuple(sorted(strangers)))
    return Reading(settings, found.problems)
