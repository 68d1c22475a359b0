"""Which field of a profile each token belongs to, by what it says of its tenant and role."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import jwt

from arqonbus_conformance.target import ProfileError
from arqonbus_conformance.token_check import token_problems

__all__ = ["named_tokens"]

TENANTS: Final = ("a", "b")
"""What a profile calls the tenants of its tokens."""
OPTION: Final = "--token-variable"

Tokens = dict[tuple[str, bool], str]
"""Ready-made tokens by tenant and whether they are an administrator's."""


def named_tokens(names: Sequence[str], variables: Mapping[str, str]) -> tuple[dict[str, str], Tokens]:
    """The fields of ``credentials.token_env`` with the names of their variables, and the tokens that those hold.

    The first tenant is a, the next one b.

    Raises:
        ProfileError: a variable is not set, holds no usable token, or one too many; no token is shown.
    """
    fields: dict[str, str] = {}
    tokens: Tokens = {}
    tenants: list[object] = []
    for name in names:
        claims = _claims(name, variables)
        if claims.get("tenant_id") not in tenants:
            tenants.append(claims.get("tenant_id"))
        if len(tenants) > len(TENANTS):
            raise ProfileError([f"{OPTION}: the token in {name} is of a third tenant; allowed: two tenants"])
        tenant, admin = TENANTS[tenants.index(claims.get("tenant_id"))], claims.get("role") == "admin"
        field = f"{tenant}_{'admin' if admin else 'user'}"
        if field in fields:
            raise ProfileError(
                [f"{OPTION}: {fields[field]} and {name} hold tokens of the same tenant and role"]
            )
        fields[field], tokens[tenant, admin] = name, variables[name]
    if problems := token_problems(tokens, time.time()):
        raise ProfileError(problems)
    return fields, tokens


def _claims(name: str, variables: Mapping[str, str]) -> Mapping[str, object]:
    if not variables.get(name):
        raise ProfileError([f"{OPTION}: the environment variable {name} is not set"])
    try:
        claims: Mapping[str, object] = jwt.decode(variables[name], options={"verify_signature": False})
    except jwt.InvalidTokenError as fault:
        raise ProfileError([f"{OPTION}: what {name} holds is no JSON Web Token"]) from fault
    return claims
