"""What cases of one run stand on: the main deployment, launched or found, and what it turned out to offer."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

from arqonbus_fixtures.nats import Nats
from arqonbus_fixtures.valkey import Valkey

from arqonbus_conformance.client import Client
from arqonbus_conformance.deployment import Interfaces, Launch
from arqonbus_conformance.edge import LaunchShield, Shield, Tap
from arqonbus_conformance.endpoint import Endpoint
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.fingerprinting import fingerprint_of
from arqonbus_conformance.main_deployment import MainDeployment, launch_main
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.offers import Offers, check_claimed
from arqonbus_conformance.probe import PROBE_SECONDS, greeting
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.route import Route
from arqonbus_conformance.servers import open_nats_of, open_valkey_of
from arqonbus_conformance.target import CLAIMS, Endpoints, Target
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.traces import Traces
from arqonbus_conformance.transcript import Transcript

__all__ = ["Stage", "Surroundings"]


class Surroundings(NamedTuple):
    """What the main deployment turned out to be."""

    endpoints: Endpoints | None
    claims: Mapping[str, bool]
    notes: tuple[str, ...]
    fingerprint: Fingerprint = Fingerprint()


class Stage:
    """The main deployment of one run, and what may be done beside it.

    Attributes:
        endpoints: where the main deployment is; set by ``open``.
        claims: what it claims, by the profile or by its welcome.
        greeting: what was wrong with its welcome, None where nothing was.
        fingerprint: what tells it from others, but for its package; set by ``open``.
        notes: sentences about what was found, for the report.
        traces: what cases made on the main deployment.
        route: how connections to the main deployment are made.
    """

    def __init__(self, target: Target, scope: Scope) -> None:
        self.target = target
        self.scope = scope
        self.endpoints: Endpoints | None = target.endpoints
        self.credentials: Credentials = target.credentials
        self.shield_credentials: Credentials = target.shield_credentials or target.credentials
        self.claims: Mapping[str, bool] = {}
        self.greeting: Violation | None = None
        self.fingerprint = Fingerprint()
        self.notes: list[str] = []
        self.traces = Traces()
        self.route = Route(target.reach)
        self._missing: dict[Need, str] = {}
        self._stack = AsyncExitStack()
        self._main: MainDeployment | None = None

    async def open(self, *, with_shield: bool = True) -> None:
        """Launch the main deployment where the profile gives no endpoints, and look at what answers.

        A run in which no case needs its Shield can do without.

        Raises:
            Unreachable: nothing could be launched, nothing answers, or what answers is no WebSocket server.
        """
        if self.endpoints is None:
            await self._launch_main(with_shield=with_shield)
        assert self.endpoints is not None  # noqa: S101 - it is known now
        async with greeting(self.endpoints.bus, self.credentials, self.route) as greeted:
            if greeted.fault is None:
                self.fingerprint = await self._fingerprint(greeted.client)
            else:
                self.greeting = greeted.fault
                self.notes.append(f"the first frame of the probe is no welcome: {greeted.fault.what}")
        found = {claim: greeted.capabilities.get(claim) is True for claim in CLAIMS}
        found["shield"] = self.endpoints.shield is not None
        self.claims = {**found, **self.target.claims}
        await self._look_at_other_interfaces()

    async def close(self) -> None:
        """End what was launched."""
        await self._stack.aclose()

    def surroundings(self) -> Surroundings:
        """What is known of the main deployment."""
        return Surroundings(self.endpoints, dict(self.claims), tuple(self.notes), self.fingerprint)

    def launcher(self, namespace: Namespace, transcript: Transcript) -> Launch:
        """What launches deployments for one case.

        Raises:
            NotOffered: the target gives no launch command.
        """
        profile = self.target.launch
        if profile is None:
            raise NotOffered("the target gives no launch command")
        return Launch(
            profile.command, namespace, transcript, secret=self.target.secret, preflight=profile.preflight
        )

    def interfaces(self, namespace: Namespace, transcript: Transcript) -> Interfaces:
        """The main deployment within the namespace of one case."""
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        if self._main is not None:
            transcript.attach(self._main.bus.process)
        return Interfaces(self.endpoints, self.credentials, namespace, transcript, self.route)

    def shield_launcher(self, namespace: Namespace, transcript: Transcript) -> LaunchShield:
        """What launches Shields for one case.

        Raises:
            NotOffered: the target gives no launch command of Shield.
        """
        profile = self.target.launch
        if profile is None or profile.shield is None:
            raise NotOffered("the target gives no launch command of Shield")
        return LaunchShield(profile.shield, namespace, transcript, secret=self.target.secret)

    async def make_valkey(self, *, appendonly: bool = True, appendfsync: str = "always") -> Valkey:
        """A Valkey of its own, which the caller closes.

        Raises:
            NotOffered: the target offers none.
        """
        return await open_valkey_of(self.target.control, appendonly=appendonly, appendfsync=appendfsync)

    async def make_nats(self) -> Nats:
        """A NATS of its own, which the caller closes.

        Raises:
            NotOffered: the target offers none.
        """
        return await open_nats_of(self.target.control)

    def shield(self, namespace: Namespace, transcript: Transcript) -> Shield:
        """The Shield of the main deployment within the namespace of one case."""
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        assert self.endpoints.shield is not None  # noqa: S101 - asked for by a case that needs it
        if self._main is not None and self._main.shield is not None:
            transcript.attach(self._main.shield.process)
        return Shield(self.endpoints.shield, self.shield_credentials, namespace, transcript, self.route)

    async def tap(self, transcript: Transcript) -> Tap:
        """A subscriber to the spine of the main deployment, which the caller closes.

        Raises:
            Unreachable: the spine does not answer.
        """
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        assert self.endpoints.nats is not None  # noqa: S101 - asked for by a case that needs it
        tap = Tap(self.endpoints.nats, transcript)
        await tap.open()
        return tap

    def check_offered(self, needs: Iterable[Need]) -> None:
        """Return when the target offers everything needed.

        Raises:
            NotApplicable, OutOfScope, NotOffered: it does not.
        """
        Offers(self.target, self.scope, self.endpoints, self._missing).check(needs)

    def check_allowed(self, blast: Blast) -> None:
        """Return when the profile allows effects that reach so far.

        Raises:
            NotOffered: it does not.
        """
        if blast not in self.target.allowed:
            allowed = ", ".join(self.target.allowed)
            raise NotOffered(f"its effects are {blast}, and limits.blast_radius allows only {allowed}")

    def check_claimed(self, needs: Iterable[Need]) -> None:
        """Return when the deployment claims everything needed.

        Raises:
            NotApplicable, NotOffered: it does not, or it does and nothing is given to judge it with.
        """
        check_claimed(needs, self.claims, self.credentials)

    async def _launch_main(self, *, with_shield: bool) -> None:
        profile = self.target.launch
        if profile is None:
            raise Unreachable("the target gives neither endpoints nor a launch command")
        self._main = await launch_main(self.target, profile, self._stack, with_shield=with_shield)
        self.endpoints = self._main.endpoints
        self.credentials = self._main.bus.credentials
        self.shield_credentials = self._main.shield_credentials or self.credentials

    async def _fingerprint(self, client: Client) -> Fingerprint:
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        interfaces = Interfaces(self.endpoints, self.credentials, Namespace(), Transcript(), self.route)
        try:
            http = interfaces.http if self.endpoints.http else None
            return await fingerprint_of(client, http, self.endpoints, self.route)
        finally:
            await interfaces.close()

    async def _look_at_other_interfaces(self) -> None:
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        if self.endpoints.http is None:
            self._missing[Need.HTTP] = "no address of the HTTP interface was given (--http)"
        if self.endpoints.telemetry is None:
            self._missing[Need.TELEMETRY] = "no address of the telemetry interface was given (--telemetry)"
        elif self.target.telemetry_guessed and not await self._listens(self.endpoints.telemetry):
            self._missing[Need.TELEMETRY] = (
                f"nothing listens at {self.endpoints.telemetry}, where telemetry was assumed; give --telemetry"
            )
        self.notes.extend(self._missing.values())

    async def _listens(self, url: str) -> bool:
        endpoint = Endpoint.parse(url)
        try:
            raw = await self.route.socket(endpoint.host, endpoint.port, within=PROBE_SECONDS)
        except Unreachable:
            return False
        raw.close()
        return True
