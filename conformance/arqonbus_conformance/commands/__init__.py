"""The commands of ``arqonbus-gate``: one module each, registered on one application."""
