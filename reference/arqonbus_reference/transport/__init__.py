"""Everything with a socket: the bus WebSocket, the HTTP server, the telemetry WebSocket."""

import os

# websockets reads its bounds from the environment when it is imported. A token of 8192 bytes (AUTH-006) and the words
# around it are more than its default of 8192 bytes per header line.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", "16384")
