"""Everything with a socket: the bus WebSocket, the HTTP server, the telemetry WebSocket."""
