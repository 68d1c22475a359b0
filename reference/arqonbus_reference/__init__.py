"""The reference ArqonBus deployment: bus, storage, telemetry, HTTP, preflight."""
