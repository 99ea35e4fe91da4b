"""What an operator may ask for. Written to the database, so every process sees it; answered 202."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from ordermill.store import integrations, requests
from ordermill.store.database import Database

DURATION = r"^[0-9]{1,6}(ms|s|m|h|d)?$"
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Nothing(BaseModel):
    """An empty body."""

    model_config = ConfigDict(extra="forbid")


class Pause(BaseModel):
    """Why, and for how long (``for``: 90s, 10m, 2h, 1d); without it until somebody resumes it."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="paused by the operator", min_length=1, max_length=500)
    duration: str | None = Field(default=None, alias="for", pattern=DURATION)


class Days(BaseModel):
    """The first and the last day, both included, in UTC; without ``to`` up to the present."""

    model_config = ConfigDict(extra="forbid")
    first: date = Field(alias="from")
    last: date | None = Field(default=None, alias="to")


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
        until = _until(asked.duration, now())
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
        since = _start(body.first)
        until = None if body.last is None else _start(body.last + timedelta(days=1))
        run = write(lambda conn: requests.request_backfill(conn, handle, since, until, now=now()))
        return {"handle": handle, "requested": "backfill", "run": run}

    return router


def _until(duration: str | None, now: datetime) -> datetime | None:
    if duration is None:
        return None
    digits = duration.rstrip("mshd")
    return now + timedelta(seconds=int(digits) * SECONDS[duration[len(digits) :] or "s"])


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
