"""Feature-gated operators."""
