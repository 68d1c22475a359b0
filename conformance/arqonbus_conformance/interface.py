"""One interface of a deployment as a case holds it: where it is, who the case is there, and the way to it."""

from dataclasses import dataclass

from arqonbus_conformance.namespace import Namespace
from arqonbus_conformance.route import DIRECT, Route
from arqonbus_conformance.tokens import Credentials
from arqonbus_conformance.transcript import Transcript

__all__ = ["Interface"]


@dataclass(eq=False, repr=False)
class Interface:
    """One interface, in the namespace of one case."""

    url: str
    credentials: Credentials
    namespace: Namespace
    transcript: Transcript
    route: Route = DIRECT

    def __post_init__(self) -> None:
        """Set up what a kind of interface has beyond that."""
