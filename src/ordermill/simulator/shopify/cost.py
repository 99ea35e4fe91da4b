"""What a query costs before it runs, and what it did cost.

The formula was derived from recorded (query, variables, requestedQueryCost) answers; Shopify
publishes only that connections are sized by ``first`` and ``last``. Page sizes of 33, 54, 90, 148
and 244 were never recorded, so figures there are the formula's and not Shopify's word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ordermill.simulator.shopify.plan import Field, Kind, Plan, Selections

_FREE = frozenset({"MoneyBag", "MoneyV2", "PageInfo", "UserError", "BulkOperationUserError"})
_ROOT_FLAT = 10  # a mutation, or a Count at the root


def growth(size: int) -> int:
    """How often a connection of ``size`` counts its node: 1, 1, 2, 2, 3 ... 11 at 250."""
    return 0 if size <= 0 else max(1, math.floor(2 * math.log(size)))


def requested(plan: Plan) -> int:
    """The cost that has to fit into the bucket before the query runs."""
    if plan.mutation:
        return _ROOT_FLAT * len(plan.fields)
    return sum(_ROOT_FLAT if f.type == "Count" else _requested(f) for f in plan.fields)


def actual(plan: Plan, data: Mapping[str, Any]) -> int:
    """The same formula over what was returned: null objects are free, connections have their
    real length."""
    if plan.mutation:
        return _ROOT_FLAT * len(plan.fields)
    return sum(_ROOT_FLAT if f.type == "Count" else _actual(f, data[f.key]) for f in plan.fields)


def _requested(field: Field) -> int:
    if field.kind is Kind.LEAF or field.type in _FREE:
        return 0
    if field.kind is not Kind.CONNECTION:
        return 1 + _dearest(field.select)
    size = max(field.args.get("first") or 0, field.args.get("last") or 0)
    nodes = sum(_dearest(f.select) for f in node_fields(field))
    return 2 + growth(size) * (1 + nodes)


def _dearest(select: Selections) -> int:
    return max((sum(map(_requested, fields)) for fields in select.values()), default=0)


def node_fields(connection: Field) -> list[Field]:
    """The selections of a connection's nodes, whether taken as ``nodes`` or ``edges.node``."""
    found = []
    for f in connection.select[connection.type]:
        if f.name == "nodes":
            found.append(f)
        elif f.name == "edges":
            found += [inner for inner in f.select[f.type] if inner.name == "node"]
    return found


def _actual(field: Field, value: Any) -> int:
    if value is None or field.kind is Kind.LEAF or field.type in _FREE:
        return 0
    if field.kind is Kind.CONNECTION:
        return _actual_connection(field, value)
    values = value if isinstance(value, list) else [value]
    return 1 + max((_of_object(field.select, v) for v in values if v is not None), default=0)


def _actual_connection(field: Field, value: Mapping[str, Any]) -> int:
    size = nodes = 0
    for f in field.select[field.type]:
        if f.name == "nodes":
            taken, inner = value[f.key], [f]
        elif f.name == "edges":
            inner = [i for i in f.select[f.type] if i.name == "node"]
            taken = [edge[i.key] for edge in value[f.key] for i in inner]
        else:
            continue
        size = max(size, len(taken))
        nodes += _most(_of_object(i.select, node) for i in inner for node in taken)
    return 2 + growth(size) * (1 + nodes)


def _of_object(select: Selections, value: Mapping[str, Any]) -> int:
    if len(select) == 1:
        (fields,) = select.values()
    else:  # an abstract type: the fields that this object was answered with
        fields = next((fs for fs in select.values() if [f.key for f in fs] == list(value)), ())
    return sum(_actual(f, value[f.key]) for f in fields)


def _most(costs: Iterable[int]) -> int:
    return max(costs, default=0)
