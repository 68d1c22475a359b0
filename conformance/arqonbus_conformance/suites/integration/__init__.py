"""Shipped cases: integration."""
