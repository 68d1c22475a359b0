"""What can be wrong between a profile and the deployment that it describes, found before any case."""
