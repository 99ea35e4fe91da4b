"""The documentation page: the OpenAPI document as one HTML page that loads and runs nothing."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(part) for part in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return " | ".join(schema["enum"])
    kind = schema.get("format") or schema.get("type") or "anything"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


_environment = Environment(
    loader=PackageLoader("ordermill.api"), autoescape=True, undefined=StrictUndefined
)
_environment.globals.update(pretty=_pretty, kind=_kind)


def docs(document: dict[str, Any]) -> str:
    """Every operation with its parameters, bodies, answers and examples; then every schema."""
    return _environment.get_template("docs.html").render(document=document)
