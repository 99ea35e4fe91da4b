"""What a driver's error means: a text without rows, statements or addresses, and who acts.

A driver's own text may quote a row ("Key (customer_email)=(...) already exists") or the address
with its password, so nothing of it is passed on but the code and names of our own tables and
columns. A statement that is wrong in itself quotes only such names, for every value is bound.
"""

from __future__ import annotations

from ordermill.errors import (
    StoreBusy,
    StoreError,
    StoreUnavailable,
    StoreUnwritable,
    TooSlow,
)

BUSY = {
    "40001": "two transactions crossed",
    "40P01": "two transactions waited for each other",
    "55P03": "another transaction held a row for too long",
    "SQLITE_BUSY": "another process was writing for too long",
    "SQLITE_LOCKED": "another connection held the table",
}
SLOW = {"57014", "SQLITE_INTERRUPT"}
UNWRITABLE = {
    "53100": "the disk of the database is full",
    "25006": "the database is read-only",
    "SQLITE_FULL": "the disk of the database file is full",
    "SQLITE_READONLY": "the database file or its folder is read-only",
    "SQLITE_IOERR": "the disk of the database file fails",
}
KNOWN = {
    "28P01": "the database refuses the user or password of database_url",
    "28000": "the database refuses the user of database_url",
    "3D000": "the database named in database_url does not exist; create it first",
    "42501": "the user of database_url lacks a permission",
    "53300": "the database has no free connection",
    "SQLITE_CANTOPEN": "the database file cannot be opened; its folder must be writable",
    "SQLITE_CORRUPT": "the database file is damaged; restore a backup",
    "SQLITE_NOTADB": "the file is no SQLite database",
}
REFUSED = {
    ("password authentication failed",): "28P01",
    ("no password supplied",): "28P01",
    ("role", "does not exist"): "28000",
    ("database", "does not exist"): "3D000",
    ("too many",): "53300",
}
UNREACHABLE = "the database cannot be reached, or the connection broke"


def translated(error: Exception) -> StoreError:
    """The error of ours for one of sqlite3, psycopg or SQLAlchemy."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    if code is None:
        return _without_code(cause)
    if code in SLOW:
        return TooSlow(f"a statement took longer than it may ({code})")
    for name in (code, "_".join(code.split("_")[:2])):  # SQLITE_BUSY_SNAPSHOT is a SQLITE_BUSY
        if name in BUSY:
            return StoreBusy(f"{BUSY[name]} ({code}); trying again helps")
        if name in UNWRITABLE:
            return StoreUnwritable(f"{UNWRITABLE[name]} ({code})")
        if name in KNOWN:
            return StoreError(f"{KNOWN[name]} ({code})")
    if code.startswith(("08", "57P")):
        return StoreUnavailable(f"{UNREACHABLE} ({code})")
    return StoreError(f"the database refused: {type(cause).__name__} ({code}){_names(cause, code)}")


def _without_code(cause: Exception) -> StoreError:
    """Of a connection that was not made: libpq gives no code, only words."""
    if type(cause).__name__ not in {"OperationalError", "InterfaceError", "ConnectionTimeout"}:
        return StoreError(f"the database refused: {type(cause).__name__}")
    said = str(cause)
    for words, code in REFUSED.items():
        if all(word in said for word in words):
            return StoreError(KNOWN[code])
    return StoreUnavailable(UNREACHABLE)


def _names(cause: Exception, code: str) -> str:
    if code == "SQLITE_ERROR":
        return f": {cause}"
    diagnosis = getattr(cause, "diag", None)
    if diagnosis is None:
        return ""
    if code.startswith("42"):
        return f": {diagnosis.message_primary}"
    named = diagnosis.constraint_name or diagnosis.column_name
    return f": {diagnosis.table_name}, {named}" if named else ""
