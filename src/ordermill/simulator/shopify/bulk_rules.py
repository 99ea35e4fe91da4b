"""Which queries a bulk operation accepts; the messages are those of a recorded shop."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import OperationType

from ordermill.simulator.shopify.document import Operation
from ordermill.simulator.shopify.plan import Field, Kind, Plan

_MOST_CONNECTIONS = 5
_DEEPEST = 2


def refusal(operation: Operation, plan: Plan) -> str | None:
    """Why this query may not run in bulk, as Shopify words it; None when it may."""
    if operation.node.operation is not OperationType.QUERY:
        return "Only queries are supported in bulk operations."
    if any(f.name in ("node", "nodes") for f in plan.fields):
        return "Bulk queries cannot contain a top level `node` field."
    found = list(_connections(plan.fields, 0, None, in_list=False))
    if not found:
        return "Bulk queries must contain at least one connection."
    if len(found) > _MOST_CONNECTIONS:
        return f"Bulk queries cannot contain more than {_MOST_CONNECTIONS} connections."
    return next(filter(None, (_fault(*each) for each in found)), None)


Found = tuple[Field, int, "tuple[Field, ...] | None", bool]


def _fault(
    connection: Field, depth: int, siblings: tuple[Field, ...] | None, in_list: bool
) -> str | None:
    path = connection.name
    if in_list:
        return (
            "Queries that contain a connection field within a list field are not currently "
            f"supported. ({path})"
        )
    if depth > _DEEPEST:
        return (
            f"Bulk queries cannot contain connections with a nesting depth greater than {_DEEPEST}."
        )
    parts = [f.name for f in connection.select[connection.type]]
    if "nodes" in parts:
        return f"Selecting via 'nodes' is not supported. Use 'edges {{ node }}' instead. ({path})"
    if "edges" not in parts:
        return f"Bulk queries must select 'edges' of every connection. ({path})"
    if siblings is not None and not any(f.name == "id" and not f.aliased for f in siblings):
        return (
            f"The parent 'node' field for a nested connection must select the 'id' field. ({path})"
        )
    return None


def _connections(
    fields: tuple[Field, ...], depth: int, siblings: tuple[Field, ...] | None, *, in_list: bool
) -> Iterator[Found]:
    """Every connection with its depth, the fields beside it, and whether a list holds it."""
    for f in fields:
        inner = in_list or (f.kind is Kind.LIST and f.name not in ("edges", "nodes"))
        if f.kind is Kind.CONNECTION:
            yield f, depth + 1, siblings, in_list
        for selected in f.select.values():
            beside = selected if f.name in ("node", "nodes") else siblings
            below = depth + (f.kind is Kind.CONNECTION)
            yield from _connections(selected, below, beside, in_list=inner)
