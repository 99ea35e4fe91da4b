"""What a row must fulfil to be wanted: a field, an operator and a value, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_

from ordermill.store import search


class Operator(StrEnum):
    """How a field is compared. Text compares by code point; only CONTAINS ignores letter case."""

    EQUALS = "equals"
    NOT = "not"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    BETWEEN = "between"  # both ends included


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. ``value`` is a tuple for IN, NOT_IN and BETWEEN, and None only for EQUALS and
    NOT; what is not equal to a value includes what is empty."""

    field: str
    operator: Operator
    value: Any


def compared(
    conn: Connection, column: ColumnElement[Any], condition: Condition
) -> ColumnElement[bool]:
    """Whether a column fulfils the condition."""
    operator, value = condition.operator, condition.value
    match operator:
        case Operator.EQUALS:
            return column.is_(None) if value is None else column == value
        case Operator.NOT if value is None:
            return column.is_not(None)
        case Operator.NOT:
            return or_(column != value, column.is_(None))
        case Operator.IN:
            return column.in_(value)
        case Operator.NOT_IN:
            return or_(column.not_in(value), column.is_(None))
        case Operator.BETWEEN:
            return and_(column >= value[0], column <= value[1])
        case Operator.CONTAINS | Operator.STARTS_WITH | Operator.ENDS_WITH:
            found: ColumnElement[bool] = _TEXTUAL[operator](conn, column, value)
        case _:
            found = _ORDERED[operator](column, value)
    return found


_TEXTUAL: Mapping[Operator, Any] = {
    Operator.CONTAINS: search.contains,
    Operator.STARTS_WITH: search.starts,
    Operator.ENDS_WITH: search.ends,
}
_ORDERED: Mapping[Operator, Any] = {
    Operator.GT: lambda column, value: column > value,
    Operator.GTE: lambda column, value: column >= value,
    Operator.LT: lambda column, value: column < value,
    Operator.LTE: lambda column, value: column <= value,
}
