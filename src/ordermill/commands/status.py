"""`status`: a line per integration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from ordermill.daemon import now, open_database, read_settings
from ordermill.store import status

COLUMNS = (
    "handle", "state", "last_success_at", "lag_seconds", "bookmark", "pending", "held", "failed",
    "next_run_at", "last_error",
)  # fmt: skip


def print_status(path: Path, *, as_json: bool) -> None:
    """Print what GET /status gives; works beside a running daemon."""
    database = open_database(read_settings(path), upgrade=False)
    try:
        with database.read() as conn:
            shown = status.as_json(status.overview(conn, now()))
    finally:
        database.close()
    typer.echo(json.dumps(shown, ensure_ascii=False) if as_json else table(shown["integrations"]))


def table(integrations: list[dict[str, Any]]) -> str:
    """A heading and a line each, in columns; ``-`` where there is nothing."""
    rows = [list(COLUMNS)] + [[_cell(row, name) for name in COLUMNS] for row in integrations]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cell(row: dict[str, Any], name: str) -> str:
    if name == "state" and row["paused"] is not None:
        return f"paused by {row['paused']['by']}"
    value = row["paused"]["reason"] if name == "last_error" and row["paused"] else row[name]
    return "-" if value is None else str(value)
