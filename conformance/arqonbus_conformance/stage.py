"""What cases of one run stand on: the main deployment, launched or found, and what it turned out to offer."""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from arqonbus_fixtures.valkey import Valkey, ValkeyError, open_valkey

from arqonbus_conformance import expect
from arqonbus_conformance.bus import Bus
from arqonbus_conformance.client import Client
from arqonbus_conformance.deployment import Deployment, Interfaces, Launch
from arqonbus_conformance.endpoint import Endpoint
from arqonbus_conformance.findings import (
    NotApplicable,
    NotOffered,
    OutOfScope,
    Unreachable,
    Violation,
)
from arqonbus_conformance.fingerprint import Fingerprint
from arqonbus_conformance.fingerprinting import fingerprint_of
from arqonbus_conformance.handshake import Refusal
from arqonbus_conformance.marks import Blast, Need
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.requirements import Scope
from arqonbus_conformance.route import Route
from arqonbus_conformance.target import CLAIMS, Endpoints, Target
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["NO_LAUNCH", "Stage", "Surroundings"]

PROBE_SECONDS: Final = 3.0
"""The longest the probe waits for each thing: the connection, the upgrade, the welcome."""

NO_LAUNCH: Final = "it needs a launch command, which the target does not give"
"""Why a case that launches deployments was not judged."""


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
        route: how connections to the main deployment are made.
    """

    def __init__(self, target: Target, scope: Scope) -> None:
        self.target = target
        self.scope = scope
        self.endpoints: Endpoints | None = target.endpoints
        self.credentials: Credentials = target.credentials
        self.claims: Mapping[str, bool] = {}
        self.greeting: Violation | None = None
        self.fingerprint = Fingerprint()
        self.notes: list[str] = []
        self.route = Route(target.reach)
        self._missing: dict[Need, str] = {}
        self._stack = AsyncExitStack()
        self._main: Deployment | None = None

    async def open(self) -> None:
        """Launch the main deployment where the profile gives no endpoints, and look at what answers.

        Raises:
            Unreachable: nothing could be launched, nothing answers, or what answers is no WebSocket server.
        """
        if self.endpoints is None:
            await self._launch_main()
        capabilities = await self._probe()
        found = {claim: capabilities.get(claim) is True for claim in CLAIMS}
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
            transcript.attach(self._main.process)
        return Interfaces(self.endpoints, self.credentials, namespace, transcript, self.route)

    async def make_valkey(self, *, appendonly: bool = True, appendfsync: str = "always") -> Valkey:
        """A Valkey of its own, which the caller closes.

        Raises:
            NotOffered: the target offers none.
        """
        if self.target.valkey is None:
            raise NotOffered("the target offers no Valkey that may be killed")
        return await open_valkey(self.target.valkey, appendonly=appendonly, appendfsync=appendfsync)

    def check_offered(self, needs: Iterable[Need]) -> None:
        """Return when the target offers everything needed.

        Raises:
            OutOfScope: the scope leaves it out.
            NotOffered: the target does not give it.
        """
        wanted = set(needs)
        launching = wanted & {Need.LAUNCH, Need.CONTROL_VALKEY}
        if launching and self.scope is Scope.ENDPOINT:
            raise OutOfScope("it needs a deployment of its own, and the scope is endpoint")
        if launching and self.target.launch is None:
            raise NotOffered(NO_LAUNCH)
        if Need.CONTROL_VALKEY in wanted and self.target.valkey is None:
            raise NotOffered("it needs a Valkey that may be killed, which the target does not give")
        for need in sorted(wanted & self._missing.keys()):
            raise NotOffered(self._missing[need])

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
            NotApplicable: it does not.
            NotOffered: it does, and the target gives no credentials to judge it with.
        """
        wanted = set(needs)
        auth = self.claims.get("auth", False)
        if Need.AUTH in wanted and not auth:
            raise NotApplicable("the deployment has authentication off")
        if Need.NO_AUTH in wanted and auth:
            raise NotApplicable("the deployment has authentication on")
        if Need.AUTH in wanted and not (self.credentials.secret or self.credentials.tokens):
            raise NotOffered("it needs credentials, which the target does not give")
        for need in (Need.CONSUMER_GROUPS, Need.DURABLE):
            if need in wanted and not self.claims.get(need, False):
                raise NotApplicable(f"the deployment does not claim {need}")

    async def _launch_main(self) -> None:
        profile = self.target.launch
        if profile is None:
            raise Unreachable("the target gives neither endpoints nor a launch command")
        environment = dict(profile.environment)
        try:
            if any("{valkey}" in value for value in environment.values()):
                valkey = await self.make_valkey()
                self._stack.push_async_callback(valkey.close)
                environment = {
                    name: text.replace("{valkey}", valkey.url) for name, text in environment.items()
                }
            launch = self.launcher(Namespace(), Transcript())
            self._stack.push_async_callback(launch.close)
            filled = {
                name: text.replace("{secret}", self.target.secret) for name, text in environment.items()
            }
            self._main = await launch(filled)
        except (ValkeyError, Violation, NotOffered) as fault:
            raise Unreachable(f"the main deployment could not be launched: {fault}") from fault
        self.endpoints = self._main.endpoints
        self.credentials = self._main.credentials

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
