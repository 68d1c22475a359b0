"""What other programs find out about a deployment, and how it enters the report of a run."""
