"""A launch command that starts a container: which image, and whether the gate can reach and end what it starts. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final, NamedTuple

from arqonbus_fixtures.contained import starts_container

__all__ = ["ContainerLaunch", "container_launch", "container_launch_problems"]

FLAGS: Final = frozenset(
    {
        "--detach",
        "--disable-content-trust",
        "--help",
        "--init",
        "--interactive",
        "--no-healthcheck",
        "--oom-kill-disable",
        "--privileged",
        "--publish-all",
        "--quiet",
        "--read-only",
        "--rm",
        "--sig-proxy",
        "--tty",
        "--use-api-socket",
    }
)
"""The options of ``run`` that take no value of their own; every other one does, behind ``=`` or as the next word."""
SHORT_FLAGS: Final = frozenset("ditPq")
"""The same options where they are one letter; several may stand behind one dash."""
HOST_NETWORK: Final = ("--network", "--net")
"""The option that puts a container on the ports of this machine; its value must be ``host``."""


class ContainerLaunch(NamedTuple):
    """What a command line says about the container that it starts.

    Attributes:
        engine: the program, docker or podman, as it is called.
        image: the image that is run, None where the command line names none.
        options: each option before the image with its value; "" for one that takes none.
    """

    engine: str
    image: str | None
    options: tuple[tuple[str, str], ...]


def container_launch(words: Sequence[str]) -> ContainerLaunch | None:
    """What the words of a command line say of a container; None where they start none."""
    if not starts_container(words):
        return None
    rest = list(words[words.index("run") + 1 :])
    options = []
    while rest and rest[0].startswith("-"):
        options.append(_option(rest))
    return ContainerLaunch(words[0], rest[0] if rest else None, tuple(options))


def _option(rest: list[str]) -> tuple[str, str]:
    """The next option and its value, taken from the words."""
    word = rest.pop(0)
    name, equals, value = word.partition("=")
    if equals:
        return name, value
    if name in FLAGS or (not name.startswith("--") and set(name[1:]) <= SHORT_FLAGS):
        return name, ""
    if not name.startswith("--") and len(name) > 2:
        return name[:2], name[2:]  # -eNAME
    return name, rest.pop(0) if rest else ""


def container_launch_problems(command: str, words: Sequence[str]) -> Iterator[str]:
    """What keeps the gate from using such a command, one sentence each; nothing where it starts no container.

    Args:
        command: the name of the field, for the sentences.
        words: what the field holds, as words.
    """
    launch = container_launch(words)
    if launch is None:
        return
    engine = PurePath(launch.engine).name
    if launch.image is None:
        yield f"{command}: {engine} run names no image; allowed: {engine} run --rm --network host IMAGE serve"
        return
    names = {name for name, value in launch.options if value not in {"false", "0"}}
    if "--detach" in names or any(_is_short(name) and "d" in name for name in names):
        yield f"{command}: a container in the background is not allowed; leave out --detach, the gate watches it itself"
    if "--rm" not in names:
        yield f"{command}: --rm is missing; without it containers are left behind"
    if "--tty" in names or any(_is_short(name) and "t" in name for name in names):
        yield f"{command}: --tty is not allowed; there is no terminal"
    if "--name" in names:
        yield f"{command}: --name is not allowed; several containers of one command run at a time"
    networks = [value for name, value in launch.options if name in HOST_NETWORK]
    if networks != ["host"]:
        shown = f"--network {networks[-1]} is not allowed" if networks else "--network is missing"
        yield f"{command}: {shown}; allowed: --network host, the gate chooses free loopback ports"


def _is_short(name: str) -> bool:
    return not name.startswith("--") and set(name[1:]) <= SHORT_FLAGS
