"""`reconcile`: the proof of completeness, run once for named integrations and printed by days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from ordermill.commands.sync import FAILED, OK, Counting, exit_code, work_until, working
from ordermill.daemon import now
from ordermill.store import requests, runs
from ordermill.store.database import Database
from ordermill.sync import report
from ordermill.sync.engine import RECONCILE_ONLY
from ordermill.sync.report import Day, Report

COLUMNS = ("in_shop", "here", "missing", "changed", "gone", "repaired")


def reconcile_once(path: Path, handles: Sequence[str]) -> int:
    """Compare the named integrations (default all) with their shops, repair, print what was found.

    The exit code is 0 where shop and store agree afterwards, else 1.
    """
    with working(path, handles, RECONCILE_ONLY) as (database, _, engine, counting):
        with database.write() as conn:
            asked = {
                handle: requests.request_reconcile(conn, handle, now=now())
                for handle in engine.shops
            }
        work_until(engine, lambda: all(run.finished_at for run in found(database, asked).values()))
        agree = [shown(handle, run) for handle, run in found(database, asked).items()]
        return _code(counting, agree)


def found(database: Database, asked: Mapping[str, int]) -> dict[str, runs.StoredRun]:
    """The runs that were asked for, as they stand."""
    with database.read() as conn:
        return {handle: runs.get(conn, run_id) for handle, run_id in asked.items()}


def shown(handle: str, run: runs.StoredRun) -> bool:
    """Print one; whether shop and store agree now."""
    told = None if run.report is None else report.read(run.report)
    if told is not None:
        for line in table(told):
            typer.echo(f"{handle}: {line}")
    if run.result != "success" or told is None:
        typer.echo(f"{handle}: failed: {run.error}")
        return False
    typer.echo(f"{handle}: {verdict(told)}")
    return told.agrees


def table(told: Report) -> Iterator[str]:
    """A heading, a line for each day that had orders, their sum, and some of what was found."""
    days = [day for day in told.days if day.in_shop or day.here]
    yield _row("placed on", [name.replace("_", " ") for name in COLUMNS])
    for day in days:
        yield _row(day.day or "earlier", _counts(day))
    yield _row("all", _counts(told.sum))
    for kind in (report.MISSING, report.CHANGED, report.GONE):
        named = [source_id for source_id, what in told.named() if what == kind]
        if named:
            more = getattr(told.sum, kind) - len(named)
            yield f"{kind}: {', '.join(named)}" + (f" and {more} more" if more else "")


def verdict(told: Report) -> str:
    """In a sentence."""
    total = told.sum
    hidden = f"; {total.hidden} cannot be seen in the shop" if total.hidden else ""
    if not total.found:
        return f"shop and store agree on {total.in_shop} orders{hidden}"
    left = total.found - total.repaired
    said = f"{total.found} orders differed, {total.repaired} were repaired{hidden}"
    return f"{said}; {left} cannot be read and are kept raw" if left > 0 else said


def _code(counting: Counting, agree: Sequence[bool]) -> int:
    return exit_code(counting) or (OK if all(agree) else FAILED)


def _counts(day: Day) -> list[str]:
    return [str(getattr(day, name)) for name in COLUMNS]


def _row(first: str, cells: Sequence[str]) -> str:
    return first.ljust(10) + "".join(cell.rjust(10) for cell in cells)
