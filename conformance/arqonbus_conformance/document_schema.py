"""The JSON schema of a document that the gate writes, made from the structure that it is written from. Pure."""

from typing import Any

import msgspec

__all__ = ["document_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema(title: str, form: type[msgspec.Struct], **added: dict[str, Any]) -> dict[str, Any]:
    """The schema of a document of this form; ``added`` are the schemas of members that are added when it is written."""
    (schema,), components = msgspec.json.schema_components([form], ref_template="#/$defs/{name}")
    top = components[form.__name__]
    top["properties"] = top["properties"] | added
    top["required"] = [*top.get("required", ()), *added]
    return {"$schema": DIALECT, "title": title, **schema, "$defs": components}
