"""Reads the Admin schema and checks the text of a request against it, once per text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values


class QueryError(Exception):
    """The whole request is refused: ``errors`` is the answer's list, there is no ``data``."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)

    @classmethod
    def of(cls, message: str, code: str | None = None, **extensions: Any) -> QueryError:
        if code is None:
            return cls([{"message": message}])
        return cls([{"message": message, "extensions": {"code": code, **extensions}}])


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with what it needs to run: fragments and its variables' definitions."""

    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]

    def variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The coerced values; QueryError for a missing or wrong one."""
        values = get_variable_values(schema(), self.node.variable_definitions or (), dict(given))
        if isinstance(values, list):
            raise QueryError([_shown(error, "INVALID_VARIABLE") for error in values])
        return values


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The cut-down Admin schema. Its own validation is skipped: deprecated fields implement
    interface fields that are not, which graphql-core refuses."""
    text = resources.files(__package__).joinpath("admin-2026-10.graphql").read_text("utf-8")
    return build_schema(text, assume_valid=True)


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[tuple[OperationDefinitionNode, ...], Mapping[str, Any]]:
    try:
        document = parse(text)
    except GraphQLError as error:
        raise QueryError([_shown(error)]) from error
    errors = validate(schema(), document)
    if errors:
        raise QueryError([_shown(error, _code(error)) for error in errors])
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    return tuple(operations), fragments


def operation(text: str, name: str | None = None) -> Operation:
    """The operation of this text that is to run; QueryError if the text is not acceptable."""
    operations, fragments = _parsed(text)
    chosen = [o for o in operations if name is None or (o.name and o.name.value == name)]
    if len(chosen) != 1:
        raise QueryError.of(
            f'No operation named "{name}"' if name else "An operation name is required",
        )
    return Operation(chosen[0], fragments)


def _shown(error: GraphQLError, code: str | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": error.message}
    if error.locations:
        shown["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if code:
        shown["extensions"] = {"code": code}
    return shown


def _code(error: GraphQLError) -> str:
    return "undefinedField" if "Cannot query field" in error.message else "invalidDocument"
