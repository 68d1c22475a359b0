"""Shipped cases: unit."""
