"""What a target offers to cases, and what its deployment claims: why a case is not judged, or that it can be. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from arqonbus_conformance.findings import NotApplicable, NotOffered, OutOfScope
from arqonbus_conformance.marks import Need
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.target import Endpoints, Target
from arqonbus_conformance.tokens import Credentials

__all__ = ["NO_LAUNCH", "Offers", "check_claimed"]

NO_LAUNCH: Final = "it needs a launch command, which the target does not give"
"""Why a case that launches deployments was not judged."""
LAUNCHING: Final = frozenset({Need.LAUNCH, Need.LAUNCH_SHIELD, Need.CONTROL_VALKEY, Need.CONTROL_NATS})
"""The needs that a deployment of the case's own answers."""
OF_SHIELD: Final = frozenset({Need.SHIELD, Need.LAUNCH_SHIELD})
"""The needs of cases that judge Shield."""


class Offers(NamedTuple):
    """What there is for the cases of one run.

    Attributes:
        endpoints: where the main deployment is, None before that is known.
        missing: why a need is not met, by need.
    """

    target: Target
    scope: Scope
    endpoints: Endpoints | None
    missing: Mapping[Need, str]

    def check(self, needs: Iterable[Need]) -> None:
        """Return when everything needed is offered.

        Raises:
            NotApplicable: it is of Shield, which the deployment does not claim.
            OutOfScope: the scope leaves it out.
            NotOffered: the target does not give it.
        """
        wanted = set(needs)
        if wanted & OF_SHIELD and not self._claims_shield():
            raise NotApplicable("the deployment does not claim Shield")
        if wanted & LAUNCHING:
            self._check_launching(wanted)
        if Need.SHIELD in wanted and (self.endpoints is None or self.endpoints.shield is None):
            raise NotOffered("no address of Shield was given (endpoints.shield, or launch.shield)")
        if Need.SPINE in wanted and (self.endpoints is None or self.endpoints.nats is None):
            raise NotOffered("no address of the spine was given (endpoints.nats, or control.nats)")
        for need in sorted(wanted & self.missing.keys()):
            raise NotOffered(self.missing[need])

    def _claims_shield(self) -> bool:
        claimed = self.target.claims.get("shield")
        if claimed is not None:
            return claimed
        launched = self.target.launch is not None and self.target.launch.shield is not None
        found = self.target.endpoints is not None and self.target.endpoints.shield is not None
        return launched or found

    def _check_launching(self, wanted: set[Need]) -> None:
        if self.scope is Scope.ENDPOINT:
            raise OutOfScope("it needs a deployment of its own, and the scope is endpoint")
        launch = self.target.launch
        if launch is None:
            raise NotOffered(NO_LAUNCH)
        if Need.LAUNCH_SHIELD in wanted and launch.shield is None:
            raise NotOffered(
                "it needs a launch command of Shield (launch.shield), which the target does not give"
            )
        servers = {Need.CONTROL_VALKEY: "Valkey", Need.CONTROL_NATS: "NATS"}
        given = {Need.CONTROL_VALKEY: self.target.control.valkey, Need.CONTROL_NATS: self.target.control.nats}
        for need in sorted(wanted & servers.keys()):
            if given[need] is None:
                raise NotOffered(
                    f"it needs a {servers[need]} that may be killed, which the target does not give"
                )


def check_claimed(needs: Iterable[Need], claims: Mapping[str, bool], credentials: Credentials) -> None:
    """Return when the deployment claims everything needed.

    Raises:
        NotApplicable: it does not.
        NotOffered: it does, and the target gives no credentials to judge it with.
    """
    wanted = set(needs)
    auth = claims.get("auth", False)
    if Need.AUTH in wanted and not auth:
        raise NotApplicable("the deployment has authentication off")
    if Need.NO_AUTH in wanted and auth:
        raise NotApplicable("the deployment has authentication on")
    if Need.AUTH in wanted and not (credentials.secret or credentials.tokens):
        raise NotOffered("it needs credentials, which the target does not give")
    for need in (Need.CONSUMER_GROUPS, Need.DURABLE):
        if need in wanted and not claims.get(need, False):
            raise NotApplicable(f"the deployment does not claim {need}")
