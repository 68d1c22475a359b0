"""Hostile peers and attack corpora of the gate."""
