"""`status`: a line per integration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ordermill.daemon import now, open_database, read_settings
from ordermill.store import status

COLUMNS = (
    "handle",
    "state",
    "last_success_at",
    "lag_seconds",
    "bookmark",
    "pending",
    "held",
    "failed",
    "next_run_at",
    "last_error",
)


def print_status(path: Path, *, as_json: bool) -> None:
    """Print what GET /status gives; works beside a running daemon."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        with database.read() as conn:
            shown = status.as_json(status.overview(conn, now()))
    finally:
        database.close()
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        Console().print(as_table(shown["integrations"]))


def as_table(integrations: list[dict[str, Any]]) -> Table:
    """One row per integration, the columns of GET /status."""
    table = Table(*COLUMNS)
    for row in integrations:
        table.add_row(*("" if row[column] is None else str(row[column]) for column in COLUMNS))
    return table
