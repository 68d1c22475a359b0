"""The protobuf schema and the module made from it (`nox -s protobuf`)."""
