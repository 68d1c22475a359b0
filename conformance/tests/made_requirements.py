"""A requirement set made for tests: one requirement, in the form of the files."""

ONE_REQUIREMENT = """revision = "1.0"
[[requirement]]
id = "ROUTE-007"
level = "MUST"
suite = "unit"
scope = "endpoint"
source = "docs/spec/routing.md"
sentence = "It holds."
phase = 3
"""
"""Revision 1.0, complete, with nothing that it could do without."""
