"""What cases of one run stand on: the main deployment, launched or found, and what it turned out to offer."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from arqonbus_fixtures.nats import Nats
from arqonbus_fixtures.valkey import Valkey

from arqonbus_conformance import expect
from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.deployment import Interfaces, Launch
from arqonbus_conformance.edge import LaunchShield, Shield, Tap
from arqonbus_conformance.endpoint import Endpoint
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.fingerprinting import fingerprint_of
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.main_deployment import MainDeployment, launch_main
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.offers import Offers, check_claimed
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.route import Route
from arqonbus_conformance.servers import open_nats_of, open_valkey_of
from arqonbus_conformance.target import CLAIMS, Endpoints, Target
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.traces import Traces
from arqonbus_conformance.transcript import Transcript

__all__ = ["Stage", "Surroundings"]

PROBE_SECONDS: Final = 3.0
"""The longest the probe waits for each thing: the connection, the upgrade, the welcome."""


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

    async def open(self) -> None:
        """Launch the main deployment where the profile gives no endpoints, and look at what answers.

        Raises:
            Unreachable: nothing could be launched, nothing answers, or what answers is no WebSocket server.
        """
        if self.endpoints is None:
            await self._launch_main()
        capabilities = await self._probe()
        found = {claim: capabilities.get(claim) is True for claim in CLAIMS}
        found["shield"] = self.endpoints is not None and self.endpoints.shield is not None
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

    async def _launch_main(self) -> None:
        profile = self.target.launch
        if profile is None:
            raise Unreachable("the target gives neither endpoints nor a launch command")
        self._main = await launch_main(self.target, profile, self._stack)
        self.endpoints = self._main.endpoints
        self.credentials = self._main.bus.credentials
        self.shield_credentials = self._main.shield_credentials or self.credentials

    async def _probe(self) -> Mapping[str, object]:
        """The capabilities in the welcome; empty where there was no proper one.

        Raises:
            Unreachable: there is no WebSocket server that lets us in.
        """
        assert self.endpoints is not None  # noqa: S101 - open() has set it
        bus = Bus(self.endpoints.bus, self.credentials, Namespace(), Transcript(), self.route)
        try:
            connection = await bus.open(
                name="probe", headers=bus.authorization(..., tenant="a", admin=False), within=PROBE_SECONDS
            )
            if isinstance(connection, Refusal):
                raise Unreachable(_refused(self.endpoints.bus, connection))
            return await self._greeting(Client(connection))
        except Violation as fault:
            # A server that wants a certificate may end the connection without a word.
            bare = self.endpoints.bus.startswith("wss:") and self.target.reach.client_certificate is None
            hint = "; it may want one: tls.client_certificate is not given" if bare else ""
            raise Unreachable(f"{self.endpoints.bus} is no WebSocket server: {fault}{hint}") from fault
        except NotOffered as fault:
            raise Unreachable(f"{self.endpoints.bus}: {fault}") from fault
        finally:
            await bus.close()

    async def _greeting(self, client: Client) -> Mapping[str, object]:
        """The capabilities in the welcome, and then the fingerprint; empty, and ``greeting`` says why, where it is none."""
        try:
            await client.until(lambda: client.received or None, "the welcome", PROBE_SECONDS)
            capabilities = client.welcome["payload"]["protocol"]["capabilities"]
            expect.that(isinstance(capabilities, dict), "capabilities are no object", actual=capabilities)
        except (Violation, TypeError) as fault:
            # A welcome of another shape ends in a field that cannot be read.
            self.greeting = (
                fault
                if isinstance(fault, Violation)
                else Violation("the welcome has another shape", actual=client.raw)
            )
            self.notes.append(f"the first frame of {client.name} is no welcome: {self.greeting.what}")
            return {}
        self.fingerprint = await self._fingerprint(client)
        greeted: Mapping[str, object] = capabilities
        return greeted

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


def _refused(url: str, refusal: Refusal) -> str:
    said = f"{url} answered the upgrade with {refusal.status}"
    if refusal.status in {401, 403}:
        return f"{said}: it wants credentials; give a profile that names them (--target)"
    return f"{said}: it is no bus, or not at this path"
