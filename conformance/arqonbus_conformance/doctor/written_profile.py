"""A profile as text with its reasons beside it, from what the endpoints of a deployment said. Pure."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

import tomlkit
from tomlkit.items import Table

from arqonbus_conformance.doctor.asking import Answers
from arqonbus_conformance.doctor.claims import IN_THE_WELCOME
from arqonbus_conformance.marks import Blast
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.target import Endpoints

__all__ = ["Given", "profile_of"]

SHOWN_CHARACTERS: Final = 200
"""How much of what a deployment says is written into a comment."""
CAUTIOUS: Final = (Blast.READ_ONLY, Blast.OWN_NAMESPACE)
"""What cases may do to a deployment unless somebody who knows it says more."""


class Given(NamedTuple):
    """What the profile holds that was not asked.

    Attributes:
        name: what reports call the deployment.
        endpoints: where it is.
        tls: fields of ``[tls]``, files relative to the profile.
        token_variables: fields of ``[credentials.token_env]``: the names of variables, never their values.
    """

    name: str
    endpoints: Endpoints
    tls: Mapping[str, str]
    token_variables: Mapping[str, str]


def profile_of(given: Given, answers: Answers) -> str:
    """The profile; what could not be asked stands in it as a comment."""
    made = tomlkit.document()
    made.add(
        tomlkit.comment("Written by arqonbus-gate init from what the endpoints answered; docs/profiles.md")
    )
    made.add(tomlkit.comment("explains every field, and arqonbus-gate doctor --target checks it."))
    made.add("name", tomlkit.item(given.name))
    made.add(tomlkit.comment("Only what can be seen at the endpoints is judged; nothing is launched."))
    made.add("scope", tomlkit.item("endpoint"))
    for sentence in answers.unasked:
        made.add(tomlkit.comment(f"Not asked: {sentence}."))
    made.add("endpoints", _endpoints(given.endpoints))
    if given.tls:
        made.add(tomlkit.nl())
        made.add(
            "tls", _table(given.tls, "Relative to this file. Certificate and host name are always verified.")
        )
    made.add("claims", _claims(answers))
    if answers.auth or given.token_variables:
        made.add("credentials", _credentials(given.token_variables))
    made.add("limits", _limits(answers))
    return tomlkit.dumps(made)


def _table(fields: Mapping[str, object], *comments: str) -> Table:
    table = tomlkit.table()
    for comment in comments:
        table.add(tomlkit.comment(comment))
    for name, value in fields.items():
        table.add(name, tomlkit.item(value))
    return table


def _endpoints(endpoints: Endpoints) -> Table:
    return _table({name: url for name, url in endpoints._asdict().items() if url is not None})


def _claims(answers: Answers) -> Table:
    claims: dict[str, bool] = {"auth": answers.auth}
    comments = ["What the deployment is said to do, so that a loss is noticed."]
    if answers.storage is not None:
        comments.append(f"/health says of the storage: {_shown(answers.storage)}")
    if answers.capabilities is not None:
        told = {claim: answers.capabilities.get(claim) for claim in IN_THE_WELCOME}
        claims |= {claim: said for claim, said in told.items() if isinstance(said, bool)}
    elif answers.storage is not None and isinstance(answers.storage.get("durable"), bool):
        claims["durable"] = answers.storage["durable"] is True
    missing = [claim for claim in IN_THE_WELCOME if claim not in claims]
    if missing:
        comments.append(f"Not asked: {', '.join(missing)}; the welcome decides.")
    return _table(claims, *comments)


def _credentials(variables: Mapping[str, str]) -> Table:
    table = _table(
        {}, "Names of variables, of the process or of a file .env beside this one; never their values."
    )
    table.add(
        tomlkit.comment(
            "With the signing secret every case can be judged; without it, ready-made tokens of two tenants are needed."
        )
    )
    table.add(tomlkit.comment('jwt_secret_env = "NAME"'))
    missing = [name for name in ("a_user", "a_admin", "b_user", "b_admin") if name not in variables]
    table.add("token_env", _table(variables, *(f'{name} = "NAME"' for name in missing)))
    return table


def _limits(answers: Answers) -> Table:
    comments = ["What cases may do; others stay unverified. All of it: " + ", ".join(Blast)]
    if answers.limits is None:
        comments.append("Not asked: the limits that the welcome gives.")
    else:
        comments.append(f"The welcome gives these limits: {_shown(answers.limits)}")
    return _table({"blast_radius": [str(one) for one in CAUTIOUS]}, *comments)


def _shown(said: Mapping[str, object]) -> str:
    """What a deployment said, on one line and bounded."""
    return readable(json.dumps(said))[:SHOWN_CHARACTERS]
