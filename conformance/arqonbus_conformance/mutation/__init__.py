"""Proof that the gate can fail: every known-bad deployment is hunted with the cases that claim to catch it."""
