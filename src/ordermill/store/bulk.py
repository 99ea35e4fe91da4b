"""Many rows in one statement: COPY on PostgreSQL, executemany on SQLite.

Measured per order, client and server: COPY into a staging table and one INSERT .. ON CONFLICT cost
23 + 48 microseconds, a multi-row VALUES through SQLAlchemy 2517. A few rows travel to PostgreSQL as
an array per column instead: one prepared statement where COPY talks three times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    any_,
    bindparam,
    literal,
)
from sqlalchemy.types import TypeEngine

from ordermill.store.types import (
    Moment,
    Money,
    from_milliseconds,
    to_millionths,
    to_milliseconds,
)

Rows = Sequence[Sequence[Any]]
FEW = 10


def among(conn: Connection, column: ColumnElement[str], values: Collection[str]) -> Any:
    """Whether a text is one of ``values``: one array on PostgreSQL, which prepares it once."""
    if conn.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(Text)))


def among_given(dialect: str, column: ColumnElement[str], name: str) -> Any:
    """Whether a text is one of the list that a statement is executed with as ``name``."""
    if dialect == "sqlite":
        return column.in_(bindparam(name, expanding=True))
    return column == any_(bindparam(name, type_=ARRAY(Text)))


def append(conn: Connection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert rows whose values stand in the order of ``names``."""
    if not rows:
        return
    columns = ", ".join(names)
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        _sqlite(conn, f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", table, names, rows)
    elif len(rows) <= FEW:
        statement = f"INSERT INTO {table.name} ({columns}) {_source(table, names)}"
        conn.exec_driver_sql(statement, _arrays(table, names, rows))
    else:
        _copy(conn, f"COPY {table.name} ({columns}) FROM STDIN", table, names, rows)


def upsert(
    conn: Connection,
    table: Table,
    names: tuple[str, ...],
    rows: Rows,
    *,
    key: tuple[str, ...],
    update: tuple[str, ...],
    expressions: tuple[tuple[str, str], ...] = (),
) -> None:
    """Insert rows; where ``key`` exists, set ``update`` to the new values instead.

    ``expressions`` are further assignments, SQL that may speak of the table and of ``excluded``.
    """
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        source = f"VALUES ({marks})"
        statement = _statement(table.name, names, source, key, update, expressions)
        _sqlite(conn, statement, table, names, rows)
        return
    if len(rows) <= FEW:
        source = _source(table, names)
        statement = _statement(table.name, names, source, key, update, expressions)
        conn.exec_driver_sql(statement, _arrays(table, names, rows))
        return
    stage = f"stage_{table.name}"
    columns = ", ".join(names)
    conn.exec_driver_sql(
        f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {table.name} INCLUDING DEFAULTS) "
        "ON COMMIT DELETE ROWS"
    )
    _copy(conn, f"COPY {stage} ({columns}) FROM STDIN", table, names, rows)
    source = f"SELECT {columns} FROM {stage}"
    conn.exec_driver_sql(_statement(table.name, names, source, key, update, expressions))


def change(
    conn: Connection, table: Table, key: tuple[str, ...], names: tuple[str, ...], rows: Rows
) -> None:
    """Set ``names``; the values of ``key`` stand before theirs in each of ``rows``."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        assigned = ", ".join(f"{name} = ?{at}" for at, name in enumerate(names, len(key) + 1))
        meant = " AND ".join(f"{name} = ?{at}" for at, name in enumerate(key, 1))
        statement = f"UPDATE {table.name} SET {assigned} WHERE {meant}"
        _sqlite(conn, statement, table, (*key, *names), rows)
        return
    given = _arrays(table, (*key, *names), rows)
    conn.exec_driver_sql(_change(table, key, names), given)


@cache
def _change(table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> str:
    assigned = ", ".join(f"{name} = new.{name}" for name in names)
    meant = " AND ".join(f"{table.name}.{name} = new.{name}" for name in key)
    return (
        f"UPDATE {table.name} SET {assigned} FROM {_unnested(table, (*key, *names))} WHERE {meant}"
    )


@cache
def _source(table: Table, names: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(names)} FROM {_unnested(table, names)}"


def _unnested(table: Table, names: tuple[str, ...]) -> str:
    """Rows that travel as an array per column."""
    marks = ", ".join(f"%s::{_array(table.c[name])}[]" for name in names)
    return f"unnest({marks}) AS new ({', '.join(names)})"


def _arrays(table: Table, names: tuple[str, ...], rows: Rows) -> tuple[list[Any], ...]:
    how = _conversions(table, names, _GIVEN)
    return tuple(
        list(column) for column in zip(*(_converted(row, how) for row in rows), strict=True)
    )


def _array(column: Column[Any]) -> str:
    """What a column's new values are an array of."""
    kind = column.type
    if isinstance(kind, Money):
        return "numeric"
    if isinstance(kind, Moment):
        return "timestamptz"
    if isinstance(kind, Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, Integer) else "text"


@cache
def _statement(
    table: str,
    names: tuple[str, ...],
    source: str,
    key: tuple[str, ...],
    update: tuple[str, ...],
    expressions: tuple[tuple[str, str], ...],
) -> str:
    assignments = [f"{name} = excluded.{name}" for name in update]
    assignments += [f"{name} = {expression}" for name, expression in expressions]
    return (
        f"INSERT INTO {table} ({', '.join(names)}) {source} "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(assignments)}"
    )


def _sqlite(
    conn: Connection, statement: str, table: Table, names: tuple[str, ...], rows: Rows
) -> None:
    how = _conversions(table, names, _SQLITE)
    conn.exec_driver_sql(statement, [tuple(_converted(row, how)) for row in rows])


def _copy(
    conn: Connection, statement: str, table: Table, names: tuple[str, ...], rows: Rows
) -> None:
    how = _conversions(table, names, _COPIED)
    driver = conn.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(_converted(row, how))


def _whole(at: datetime) -> datetime:
    """In whole milliseconds, as every other statement writes and compares a time."""
    return from_milliseconds(to_milliseconds(at))


def _copied(at: datetime) -> str:
    return _whole(at).isoformat()


Converters = tuple[tuple[type[TypeEngine[Any]], Callable[[Any], Any]], ...]
# What the driver cannot write, or writes slowly: psycopg copies text fastest.
_SQLITE: Converters = ((Money, to_millionths), (Moment, to_milliseconds), (Boolean, int))
_COPIED: Converters = ((Money, str), (Moment, lru_cache(256)(_copied)))
_GIVEN: Converters = ((Moment, lru_cache(256)(_whole)),)


@cache
def _conversions(
    table: Table, names: tuple[str, ...], converters: Converters
) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """The columns whose values are converted, by their places."""
    return tuple(
        (at, convert)
        for at, name in enumerate(names)
        for kind, convert in converters
        if isinstance(table.c[name].type, kind)
    )


def _converted(
    row: Sequence[Any], how: tuple[tuple[int, Callable[[Any], Any]], ...]
) -> Sequence[Any]:
    values = list(row)
    for at, convert in how:
        if values[at] is not None:
            values[at] = convert(values[at])
    return values
