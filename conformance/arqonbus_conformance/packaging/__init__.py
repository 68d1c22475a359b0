"""What a Python deployment would install, looked at before it is launched: its wheel, its names, its dependencies."""
