"""Shipped cases: hostile clients."""
