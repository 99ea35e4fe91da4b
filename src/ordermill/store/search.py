"""Finding text: partial, in any letter case of any script, with wildcards taken literally.

``search_text`` columns are casefolded when they are written; other columns are folded while they
are compared. On PostgreSQL a trigram index serves ``search_text`` where the server has one.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, collate, func, literal, text

from ordermill.store.postgres import SEARCH_INDEX
from ordermill.store.sqlite import CASEFOLD
from ordermill.store.tables import orders

ESCAPE = "\\"
TRIGRAM = 3  # characters; a shorter term is no use to the index

# The best of what a server has; older ones fold by lower().
_FOLDINGS = (("casefold", "pg_unicode_fast"), ("lower", "pg_c_utf8"), ("lower", "und-x-icu"))
_indexed: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()
_folding: WeakKeyDictionary[Engine, tuple[str, str | None]] = WeakKeyDictionary()


def finds(conn: Connection, column: ColumnElement[str], term: str) -> ColumnElement[bool]:
    """Whether a casefolded column contains ``term``."""
    folded = term.casefold()
    if conn.dialect.name == "sqlite":
        return func.instr(column, folded) > 0
    return column.like(f"%{escaped(folded)}%", escape=ESCAPE)


def contains(conn: Connection, column: ColumnElement[str], term: str) -> ColumnElement[bool]:
    """Whether a column as people wrote it contains ``term``, in whatever letter case."""
    if conn.dialect.name == "sqlite":
        return func.instr(getattr(func, CASEFOLD)(column), term.casefold()) > 0
    function, collation = _folding_of(conn)

    def fold(value: ColumnElement[str]) -> ColumnElement[str]:
        said: Any = value if collation is None else collate(value, collation)
        folded: ColumnElement[str] = getattr(func, function)(said)
        return folded

    return func.strpos(fold(column), fold(literal(term))) > 0


def starts(conn: Connection, column: ColumnElement[str], term: str) -> ColumnElement[bool]:
    """Whether a column begins with ``term``, by code point."""
    if conn.dialect.name == "sqlite":  # its LIKE ignores the case of ASCII
        return func.substr(column, 1, len(term)) == term
    return column.like(f"{escaped(term)}%", escape=ESCAPE)


def ends(conn: Connection, column: ColumnElement[str], term: str) -> ColumnElement[bool]:
    """Whether a column ends with ``term``, by code point."""
    if conn.dialect.name == "sqlite":
        return func.substr(column, -len(term)) == term if term else column.is_not(None)
    return column.like(f"%{escaped(term)}", escape=ESCAPE)


def escaped(term: str) -> str:
    """For LIKE: ``%``, ``_`` and the escape itself stand for themselves."""
    for special in (ESCAPE, "%", "_"):
        term = term.replace(special, ESCAPE + special)
    return term


def has_index(conn: Connection, table: str) -> bool:
    """Whether the search text of a table has its trigram index."""
    if conn.dialect.name == "sqlite" or table != orders.name:
        return False
    if conn.engine not in _indexed:
        found = conn.scalar(text("SELECT to_regclass(:name)"), {"name": SEARCH_INDEX})
        _indexed[conn.engine] = found is not None
    return _indexed[conn.engine]


def _folding_of(conn: Connection) -> tuple[str, str | None]:
    found = _folding.get(conn.engine)
    if found is None:
        known = set(conn.scalars(text("SELECT collname FROM pg_collation")))
        casefold = conn.scalar(text("SELECT count(*) FROM pg_proc WHERE proname = 'casefold'"))
        fit = [each for each in _FOLDINGS if each[1] in known and (casefold or each[0] == "lower")]
        found = fit[0] if fit else ("lower", None)
        _folding[conn.engine] = found
    return found
