"""Shipped cases: suites."""
