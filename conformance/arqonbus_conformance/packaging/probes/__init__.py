"""Scripts that run in the environment that is judged, with the standard library alone; never imported there."""
