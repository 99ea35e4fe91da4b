"""What an operator may ask for. Written to the database, so every process sees it; answered 202."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from ordermill.store import integrations, requests
from ordermill.store.database import Database

DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)?", re.ASCII)
LATEST = date(2999, 12, 31)
SECONDS = {None: 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def duration(value: object) -> timedelta | None:
    """As in the YAML: a number with ms, s, m, h or d, or of seconds."""
    if value is None:
        return None
    match = None if isinstance(value, bool) else DURATION.fullmatch(str(value))
    if match is None:
        raise ValueError("must be a duration: 90s, 10m, 2h, 1d, or a number of seconds")
    return timedelta(seconds=float(match[1]) * SECONDS[match[2]])


class Nothing(BaseModel):
    """An empty body."""

    model_config = ConfigDict(extra="forbid")


class Pause(BaseModel):
    """Why, and for how long (``for``); without it until somebody resumes it."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="paused by the operator", min_length=1, max_length=500)
    length: Annotated[timedelta | None, BeforeValidator(duration)] = Field(
        default=None, alias="for"
    )


class Days(BaseModel):
    """The first and the last day, both included; without ``to`` up to the present."""

    model_config = ConfigDict(extra="forbid")
    first: date = Field(alias="from", ge=date(2000, 1, 1), le=LATEST)
    last: date | None = Field(default=None, alias="to", le=LATEST)

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("`to` is before `from`")
        return self


def routes(database: Database, now: Callable[[], datetime]) -> APIRouter:
    """The POST routes of an integration. NotFound for a handle that does not exist."""
    router = APIRouter(prefix="/integrations/{handle}")

    def write(action: Callable[[Connection], Any]) -> Any:
        with database.write() as conn:
            return action(conn)

    @router.post("/sync", status_code=202)
    def sync(handle: str, body: Annotated[Nothing | None, Body()] = None) -> dict[str, Any]:
        write(lambda conn: requests.request_sync(conn, handle, now=now()))
        return {"handle": handle, "requested": "sync"}

    @router.post("/pause", status_code=202)
    def pause(handle: str, body: Annotated[Pause | None, Body()] = None) -> dict[str, Any]:
        asked = body or Pause()
        until = None if asked.length is None else now() + asked.length
        write(
            lambda conn: integrations.pause(
                conn, handle, reason=asked.reason, by="operator", now=now(), until=until
            )
        )
        return {"handle": handle, "requested": "pause"}

    @router.post("/resume", status_code=202)
    def resume(handle: str, body: Annotated[Nothing | None, Body()] = None) -> dict[str, Any]:
        write(lambda conn: integrations.resume(conn, handle, now=now()))
        return {"handle": handle, "requested": "resume"}

    @router.post("/backfill", status_code=202)
    def backfill(handle: str, body: Annotated[Days, Body()]) -> dict[str, Any]:
        run = write(lambda conn: _backfill(conn, handle, body, now()))
        return {"handle": handle, "requested": "backfill", "run": run}

    @router.post("/reconcile", status_code=202)
    def reconcile(handle: str, body: Annotated[Nothing | None, Body()] = None) -> dict[str, Any]:
        run = write(lambda conn: requests.request_reconcile(conn, handle, now=now()))
        return {"handle": handle, "requested": "reconcile", "run": run}

    return router


def _backfill(conn: Connection, handle: str, days: Days, now: datetime) -> int:
    """Days are those of the integration's entity, as on the command line."""
    zone = integrations.zone_of(conn, handle)
    since = _start(days.first, zone)
    until = None if days.last is None else _start(days.last + timedelta(days=1), zone)
    return requests.request_backfill(conn, handle, since, until, now=now)


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
