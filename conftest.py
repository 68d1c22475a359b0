"""Hypothesis as all white-box tests use it: examples are judged by their truth, never by the time they take."""

from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")
