"""The command line application, and what is wrong with how it was called."""

from importlib.metadata import version as distribution_version

from cyclopts import App

__all__ = ["UsageError", "app"]

app = App(
    name="arqonbus-gate",
    help="Decides whether an ArqonBus deployment may be released.",
    version=lambda: f"arqonbus-gate {distribution_version('arqonbus-conformance')}",
    result_action="return_value",
)


class UsageError(Exception):
    """Options that do not go together, or name something that is not there."""
