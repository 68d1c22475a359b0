"""What can be said of a ready-made token before it is shown to anybody: whether it is in time, and for whom. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import jwt

__all__ = ["SOON_SECONDS", "token_field", "token_problems"]

SOON_SECONDS: Final = 600
"""A token that ends within so many seconds may end within the run."""


def token_problems(tokens: Mapping[tuple[str, bool], str], now: float) -> list[str]:
    """One sentence for each token that cannot be used at ``now`` (seconds since 1970); never the token itself."""
    each = [
        f"{token_field(tenant, admin=admin)}: {problem}"
        for (tenant, admin), token in sorted(tokens.items())
        if (problem := _problem(token, now, admin=admin)) is not None
    ]
    return each or list(_tenant_problems(tokens))


def token_field(tenant: str, *, admin: bool) -> str:
    """The field of a profile that names the variable of this token."""
    return f"credentials.token_env.{tenant}_{'admin' if admin else 'user'}"


def _tenant_problems(tokens: Mapping[tuple[str, bool], str]) -> Iterator[str]:
    """Tokens of one tenant must be of the same one, those of two tenants of two; all of them are readable."""
    tenants: dict[str, str] = {}
    for (tenant, admin), token in sorted(tokens.items()):
        told = jwt.decode(token, options={"verify_signature": False})["tenant_id"]
        if tenants.setdefault(tenant, told) != told:
            yield f"{token_field(tenant, admin=admin)}: the token's tenant is not that of {token_field(tenant, admin=False)}"
    if len(tenants) > len(set(tenants.values())):
        yield "credentials.token_env: the tokens of a and of b are of the same tenant; allowed: two tenants"


def _problem(token: str, now: float, *, admin: bool) -> str | None:
    """What is wrong with one token, read without verifying its signature; None where nothing is."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return "it is no JSON Web Token"
    return _shape(claims, admin=admin) or _time(claims, now)


def _shape(claims: Mapping[str, Any], *, admin: bool) -> str | None:
    for name, kind in (("exp", int), ("iat", int), ("sub", str), ("tenant_id", str)):
        if type(claims.get(name)) is not kind:
            return f"the token has no claim {name} that is {'an integer' if kind is int else 'a text'}"
    if admin != (claims.get("role") == "admin"):
        return f"the token's claim role makes it one of {'a user' if admin else 'an administrator'}"
    return None


def _time(claims: Mapping[str, Any], now: float) -> str | None:
    if claims["exp"] <= now:
        return f"the token expired at {_at(claims['exp'])}; make a new one"
    if claims["exp"] <= now + SOON_SECONDS:
        return f"the token expires at {_at(claims['exp'])}, within {SOON_SECONDS} s; make one that outlives the run"
    begins = claims.get("nbf", claims["iat"])
    if type(begins) is int and begins > now:
        return f"the token is not valid before {_at(begins)}; look at both clocks"
    return None


def _at(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s after 1970"
