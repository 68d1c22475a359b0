"""What a profile claims for a deployment against what the deployment says of itself. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from arqonbus_conformance.doctor.check import Blame, Check, note, ok, problem
from arqonbus_conformance.target import CLAIMS

__all__ = ["claim_checks", "shield_claim_check"]

IN_THE_WELCOME: Final = tuple(claim for claim in CLAIMS if claim != "shield")
"""The claims of which a welcome tells; a Shield is known by its address."""


def claim_checks(claims: Mapping[str, bool], capabilities: Mapping[str, object]) -> Iterator[Check]:
    """One check for each claim that a welcome can confirm; ``capabilities`` are those of the welcome."""
    for claim in IN_THE_WELCOME:
        yield _check(claim, claims.get(claim), offered=capabilities.get(claim))


def _check(claim: str, claimed: bool | None, *, offered: object) -> Check:  # noqa: FBT001 - as a profile says it
    about = f"claims.{claim}"
    if not isinstance(offered, bool):
        detail = f"the welcome says {claim}: {offered!r}; allowed: true or false"
        return problem(about, "claim", detail, "the deployment must say what it can (ROUTE)", Blame.TARGET)
    says = "true" if offered else "false"
    if claimed is None:
        detail = f"not claimed; the welcome decides, and says {says}"
        return note(about, "claim", detail, f"write {claim} = {says}, so that a change is noticed")
    if claimed == offered:
        return ok(about, "claim", f"claimed {says}, and the welcome says so")
    if claimed:
        detail = "claimed, but the deployment does not offer it: its welcome says false"
        return problem(
            about, "claim", detail, f"configure the deployment, or write {claim} = false", Blame.PROFILE
        )
    if claim == "auth":
        detail = "claimed to be off, but the deployment has authentication on: its welcome says true"
        return problem(about, "claim", detail, "write auth = true and name credentials", Blame.PROFILE)
    return note(
        about,
        "claim",
        "not claimed, though the deployment offers it",
        f"write {claim} = true to have it judged",
    )


def shield_claim_check(claims: Mapping[str, bool], address: str | None) -> Check:
    """Whether a Shield that is claimed has an address."""
    claimed = claims.get("shield")
    if claimed and address is None:
        detail = "claimed, but the profile gives no endpoints.shield"
        return problem(
            "claims.shield", "claim", detail, "give endpoints.shield, or write shield = false", Blame.PROFILE
        )
    if address is not None and not claimed:
        step = (
            "write shield = true, so that its loss is noticed"
            if claimed is None
            else "write shield = true to have it judged"
        )
        return note("claims.shield", "claim", "not claimed, though endpoints.shield is given", step)
    return ok("claims.shield", "claim", "what is claimed and what is given agree")
