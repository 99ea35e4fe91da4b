"""Reads the ``query`` parameter: JSON that says which rows are wanted, into conditions.

``{"status": "pending", "created_at": {"gte": "2026-01-01T00:00:00Z"}}``; all of it must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from ordermill.api.fields import moment
from ordermill.api.problems import invalid_query
from ordermill.api.reading import Unreadable, read
from ordermill.store.conditions import Condition, Operator

MOST_CONDITIONS = 50
MOST_VALUES = 200
LONGEST = 1000
MILLISECOND = timedelta(milliseconds=1)
TEXTUAL = frozenset({Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH})
SEVERAL = frozenset({Operator.IN, Operator.NOT_IN, Operator.BETWEEN})
EMPTY = frozenset({Operator.EQUALS, Operator.NOT})  # the ones that take null
NEXT_MILLISECOND = frozenset({Operator.GTE, Operator.LT})


def conditions(text: str, fields: Mapping[str, bool]) -> tuple[Condition, ...]:
    """The conditions; ``fields`` says of each allowed field whether it is a time. 400 with what is
    allowed for everything else."""
    try:
        value = read(text)
    except Unreadable as error:
        raise invalid_query(f"query cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise invalid_query('query must be an object such as {"status": "pending"}')
    found = tuple(_each(value, fields))
    if len(found) > MOST_CONDITIONS:
        raise invalid_query(f"query has more than {MOST_CONDITIONS} conditions")
    return found


def _each(value: Mapping[str, Any], fields: Mapping[str, bool]) -> Iterator[Condition]:
    for name, wanted in value.items():
        if name not in fields:
            allowed = ", ".join(sorted(fields))
            raise invalid_query(f"query: unknown field {name[:50]!r}; there are: {allowed}")
        compared = wanted if isinstance(wanted, dict) else {Operator.EQUALS: wanted}
        if not compared:
            raise invalid_query(f"query: {name} needs an operator: {_operators(fields[name])}")
        for word, operand in compared.items():
            yield _condition(name, word, operand, timed=fields[name])


def _operators(timed: bool) -> str:
    return ", ".join(each for each in Operator if not (timed and each in TEXTUAL))


def _condition(name: str, word: str, operand: Any, *, timed: bool) -> Condition:
    known = {str(each): each for each in Operator if not (timed and each in TEXTUAL)}
    operator = known.get(word)
    if operator is None:
        raise invalid_query(
            f"query: unknown operator {word[:50]!r} of {name}; there are: {_operators(timed)}"
        )
    read_one = _moment if timed else _text
    return Condition(name, operator, _operand(f"{name} {word}", operator, operand, read_one))


def _operand(
    where: str, operator: Operator, operand: Any, read_one: Callable[[str, Operator, Any], Any]
) -> Any:
    if operator not in SEVERAL:
        if operand is None and operator in EMPTY:
            return None
        return read_one(where, operator, operand)
    if not isinstance(operand, list) or len(operand) > MOST_VALUES:
        raise invalid_query(f"query: {where} takes a list of at most {MOST_VALUES} values")
    if operator is not Operator.BETWEEN:
        return tuple(read_one(where, operator, each) for each in operand)
    if len(operand) != 2:
        raise invalid_query(f"query: {where} takes a list of two values")
    return (
        read_one(where, Operator.GTE, operand[0]),
        read_one(where, Operator.LTE, operand[1]),
    )


def _text(where: str, operator: Operator, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise invalid_query(f"query: {where} takes a text of at most {LONGEST} characters")
    return value


def _moment(where: str, operator: Operator, value: Any) -> datetime:
    """Stored times are whole milliseconds: a finer bound is moved to the next one that is whole,
    to the side on which it lets the same rows through. Equal to a finer time is nothing."""
    try:
        at = moment(value)
    except PydanticCustomError as error:
        raise invalid_query(f"query: {where} {error.message()}") from None
    fine = at.microsecond % 1000
    if fine and operator in NEXT_MILLISECOND:
        return at - timedelta(microseconds=fine) + MILLISECOND
    if fine and operator in (Operator.EQUALS, Operator.IN):
        raise invalid_query(f"query: {where} takes times of whole milliseconds")
    return at


def yes_or_no(parameters: Mapping[str, str], name: str, default: bool) -> bool:
    """A parameter that is true or false."""
    given = parameters.get(name)
    if given is None:
        return default
    if given not in ("true", "false"):
        raise invalid_query(f"{name} must be true or false")
    return given == "true"


def number(parameters: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A parameter that is a number from 1 to ``most``."""
    given = parameters.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= 9 and 1 <= int(given) <= most):
        raise invalid_query(f"{name} must be a number from 1 to {most}")
    return int(given)
