"""The edge of a deployment: clients that reach the bus through NATS."""
