"""Compiles a checked operation into a tree that runs over plain dicts and can be priced.

A fat page holds tens of thousands of fields; resolving each one's fragments, directives and
arguments per object is what makes a general executor slow. Here that is done once per request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import collect_fields, collect_sub_fields
from graphql.execution.values import get_argument_values

from ordermill.simulator.shopify.document import Operation, QueryError, schema


class Kind(Enum):
    """How a field's value is made from the value of its object."""

    LEAF = "leaf"
    OBJECT = "object"
    LIST = "list"  # a plain list, cut at ``first``, without a cursor
    CONNECTION = "connection"


Selections = Mapping[str, "tuple[Field, ...]"]
"""The fields to take, by the type's name of the object they are taken from."""


@dataclass(slots=True)
class Field:
    """One selected field: ``select`` is empty for leaves."""

    key: str
    name: str
    owner: str
    type: str
    kind: Kind
    args: Mapping[str, Any]
    aliased: bool = False
    select: Selections = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled operation."""

    mutation: bool
    fields: tuple[Field, ...]


def compile_operation(operation: Operation, variables: Mapping[str, Any]) -> Plan:
    """``variables`` are coerced values; QueryError for an argument that cannot be used."""
    mutation = operation.node.operation is OperationType.MUTATION
    root = schema().mutation_type if mutation else schema().query_type
    if root is None or operation.node.operation is OperationType.SUBSCRIPTION:
        raise QueryError.of("Schema is not configured for subscriptions")
    compiler = _Compiler(operation, dict(variables))
    nodes = collect_fields(
        schema(), dict(operation.fragments), dict(variables), root, operation.node.selection_set
    )
    return Plan(mutation, compiler.fields(root, nodes))


class _Compiler:
    def __init__(self, operation: Operation, variables: dict[str, Any]) -> None:
        self._fragments = dict(operation.fragments)
        self._variables = variables
        self._known: dict[tuple[str, tuple[int, ...]], Selections] = {}

    def fields(
        self, owner: GraphQLObjectType, nodes: Mapping[str, list[FieldNode]]
    ) -> tuple[Field, ...]:
        return tuple(self._field(owner, key, group) for key, group in nodes.items())

    def _field(self, owner: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Field:
        name = nodes[0].name.value
        if name == "__typename":
            return Field(key, name, owner.name, "String", Kind.LEAF, {})
        definition = owner.fields[name]
        try:
            args = get_argument_values(definition, nodes[0], self._variables)
        except GraphQLError as error:
            raise QueryError.of(error.message, "argumentLiteralsIncompatible") from error
        named = get_named_type(definition.type)
        return Field(
            key=key,
            name=name,
            owner=owner.name,
            type=named.name,
            kind=_kind(definition.type),
            args=args,
            aliased=key != name,
            select={} if is_leaf_type(named) else self._selections(named, nodes),
        )

    def _selections(self, named: Any, nodes: list[FieldNode]) -> Selections:
        shared = (named.name, tuple(id(node.selection_set) for node in nodes))
        if shared not in self._known:
            self._known[shared] = {
                possible.name: self.fields(
                    possible,
                    collect_sub_fields(schema(), self._fragments, self._variables, possible, nodes),
                )
                for possible in _possible(named)
            }
        return self._known[shared]


def _possible(named: Any) -> Sequence[GraphQLObjectType]:
    if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
        return schema().get_possible_types(named)
    return (named,)


def _kind(of: GraphQLOutputType) -> Kind:
    bare = of.of_type if isinstance(of, GraphQLNonNull) else of
    named = get_named_type(bare)
    if is_leaf_type(named):
        return Kind.LEAF
    if isinstance(bare, GraphQLList):
        return Kind.LIST
    return Kind.CONNECTION if named.name.endswith("Connection") else Kind.OBJECT
