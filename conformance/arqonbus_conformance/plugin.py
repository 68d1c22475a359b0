"""What cases import to say what they judge; as a pytest plugin (``-p``), what judges them."""

from arqonbus_conformance.marks import blast, needs, requirement, time_limit

__all__ = ["blast", "needs", "requirement", "time_limit"]
