"""The JSON Schema of the file, for editors: with the options of every installed connector."""

from __future__ import annotations

from typing import Any

from ordermill.settings.load import Options
from ordermill.settings.models import File

_VARIABLE = {"type": "string", "pattern": r"\$\{.+\}"}


def json_schema(options: Options) -> dict[str, Any]:
    """What ``ordermill schema`` prints. Every value may be a ``${...}`` instead."""
    schema = File.model_json_schema()
    shapes = schema["$defs"]
    alternatives = []
    for source, (model, _) in options.items():
        inner = model.model_json_schema(ref_template=f"#/$defs/{source}.{{model}}")
        shapes |= {f"{source}.{name}": part for name, part in inner.pop("$defs", {}).items()}
        shapes[f"options.{source}"] = inner
        condition = {"properties": {"source": {"const": source}}, "required": ["source"]}
        then = {"properties": {"options": {"$ref": f"#/$defs/options.{source}"}}}
        alternatives.append({"if": condition, "then": then})
    integration = shapes["Integration"]
    integration["properties"]["source"]["enum"] = list(options)
    integration["properties"]["options"] = {"type": "object"}
    integration["allOf"] = alternatives
    with_variables = _open_to_variables(schema)
    with_variables["$defs"]["variable"] = _VARIABLE
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **with_variables}


def _open_to_variables(node: Any) -> Any:
    if isinstance(node, list):
        return [_open_to_variables(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    if _takes_no_free_text(node):
        about = {key: node[key] for key in ("title", "description", "default") if key in node}
        rest = {key: value for key, value in node.items() if key not in about}
        return {**about, "anyOf": [rest, {"$ref": "#/$defs/variable"}]}
    return {key: _open_to_variables(inner) for key, inner in node.items()}


def _takes_no_free_text(node: dict[str, Any]) -> bool:
    if node.get("type") in ("integer", "number", "boolean"):
        return True
    narrowing = ("pattern", "enum", "format", "minLength")
    return node.get("type") == "string" and any(key in node for key in narrowing)
