"""Launching the main deployment of a run: the bus, its Shield where the profile launches one, and their servers."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

from arqonbus_fixtures.nats import NatsError
from arqonbus_fixtures.valkey import ValkeyError

from arqonbus_conformance.deployment import Deployment, Launch
from arqonbus_conformance.edge import LaunchedShield, LaunchShield
from arqonbus_conformance.findings import NotOffered, Unreachable, Violation
from arqonbus_conformance.launch_profile import NATS, SECRET, VALKEY, LaunchProfile
from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.servers import open_nats_of, open_valkey_of
from arqonbus_conformance.target import Endpoints, Target
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["MainDeployment", "launch_main"]


class MainDeployment(NamedTuple):
    """What was launched, and where it is."""

    bus: Deployment
    shield: LaunchedShield | None
    endpoints: Endpoints

    @property
    def shield_credentials(self) -> Credentials | None:
        """What may be shown to Shield."""
        return None if self.shield is None else self.shield.shield.credentials


async def launch_main(
    target: Target, profile: LaunchProfile, stack: AsyncExitStack, *, with_shield: bool
) -> MainDeployment:
    """Launch all of it, Shield where it is wanted; ``stack`` ends it.

    Raises:
        Unreachable: something could not be launched, with the reason.
    """
    try:
        return await _launched(target, profile if with_shield else profile._replace(shield=None), stack)
    except (ValkeyError, NatsError, Violation, NotOffered) as fault:
        raise Unreachable(f"the main deployment could not be launched: {fault}") from fault


async def _launched(target: Target, profile: LaunchProfile, stack: AsyncExitStack) -> MainDeployment:
    values = {SECRET: target.secret}
    of_shield = profile.shield_environment if profile.shield is not None else {}
    wanted = [*profile.environment.values(), *of_shield.values()]
    if any(VALKEY in value for value in wanted):
        valkey = await open_valkey_of(target.control)
        stack.push_async_callback(valkey.close)
        values[VALKEY] = valkey.url
    if any(NATS in value for value in wanted):
        nats = await open_nats_of(target.control)
        stack.push_async_callback(nats.close)
        values[NATS] = nats.url
    launch = Launch(
        profile.command, Namespace(), Transcript(), secret=target.secret, preflight=profile.preflight
    )
    stack.push_async_callback(launch.close)
    bus = await launch(_filled(profile.environment, values))
    if profile.shield is None:
        return MainDeployment(bus, None, bus.endpoints._replace(nats=values.get(NATS)))
    launch_shield = LaunchShield(profile.shield, Namespace(), Transcript(), secret=target.secret)
    stack.push_async_callback(launch_shield.close)
    shield = await launch_shield(_filled(profile.shield_environment, values))
    endpoints = bus.endpoints._replace(shield=shield.shield.url, nats=values.get(NATS))
    return MainDeployment(bus, shield, endpoints)


def _filled(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The variables with every placeholder replaced."""
    filled = dict(environment)
    for placeholder, value in values.items():
        filled = {name: text.replace(placeholder, value) for name, text in filled.items()}
    return filled
