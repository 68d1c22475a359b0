"""Signing off a release: what a run showed as a statement, signed, and checked again where it is deployed."""
