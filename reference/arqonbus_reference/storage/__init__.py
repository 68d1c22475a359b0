"""Where published messages are kept: memory, Redis or Valkey Streams, strict or degraded."""
