"""A pydantic error as one line for an operator: what to write, never what was written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ordermill.settings.findings import suggestion

_SAID = {
    "missing": "is required",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "model_attributes_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "string_pattern_mismatch": "must have the form {pattern}",
    "string_type": "must be text; put it in quotes",
    "tuple_type": "must be a list",
    "less_than_equal": "must be {le} or less",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_long": "must have {max_length} characters or less",
}


def told(found: ErrorDetails, shape: type[BaseModel]) -> str:
    """The message of one error; those of a connector's own checks as they are."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        hint = suggestion(found["loc"][-1], fields_at(shape, found["loc"][:-1]))
        return f"unknown key; {hint}"
    if kind == "string_too_short":
        shortest = context["min_length"]
        return "must not be empty" if shortest == 1 else f"must have {shortest} characters or more"
    if found["loc"] and found["loc"][-1] == "[key]":
        return "must be a handle: small letters, digits, - and _, 63 at most"
    if kind in _SAID:
        return _SAID[kind].format_map(context)
    return found["msg"].removeprefix("Value error, ")


def scrubbed(message: str, values: Any) -> str:
    """The message without any text of the values: a connector's own check may have repeated one."""
    for text in sorted(set(_texts(values)), key=len, reverse=True):
        if len(text) >= 4:
            message = message.replace(text, "(value)").replace(repr(text)[1:-1], "(value)")
    return message


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        for inner in values.values():
            yield from _texts(inner)
    elif isinstance(values, list):
        for inner in values:
            yield from _texts(inner)
    elif isinstance(values, str):
        yield values


def fields_at(shape: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that the model has at a path; handles and list positions are passed through."""
    schema = _schema(shape)
    node: dict[str, Any] = schema
    for part in path:
        node = _resolved(schema, node)
        inner = (
            node.get("properties", {}).get(part)
            or node.get("items")
            or next(iter(node.get("patternProperties", {}).values()), None)
            or node.get("additionalProperties")
        )
        if not isinstance(inner, dict):
            return []
        node = inner
    return list(_resolved(schema, node).get("properties", {}))


@lru_cache(maxsize=32)
def _schema(shape: type[BaseModel]) -> dict[str, Any]:
    return shape.model_json_schema()


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for alternative in node.get("anyOf", ()):
        if "$ref" in alternative:
            return _resolved(schema, alternative)
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
