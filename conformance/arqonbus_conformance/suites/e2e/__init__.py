"""Shipped cases: e2e."""
