"""Shipped cases: regression."""
