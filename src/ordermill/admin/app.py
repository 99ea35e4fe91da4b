"""The admin endpoint: health, metrics, status, actions and the operator's page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ordermill.admin import actions, pages
from ordermill.admin.guard import Guard, problem
from ordermill.admin.metrics import Metrics
from ordermill.errors import NotFound, OrdermillError
from ordermill.store import runs, status
from ordermill.store.database import Database

PROBED = ["GET", "HEAD"]  # many monitors ask by HEAD
STUCK_SECONDS = 30.0  # a scheduler that has not ticked for so long is dead


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    database: Database,
    metrics: Metrics,
    *,
    token: str | None,
    heartbeat: Callable[[], float],
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The app. ``heartbeat`` gives the seconds since the scheduler's last tick.

    Routes are plain functions, so a slow database or scrape holds a thread and no other request.
    """
    app = FastAPI(title="ordermill admin", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(actions.routes(database, now))
    _health(app, database, heartbeat)
    _figures(app, database, metrics, now)
    _errors(app)
    app.add_middleware(Guard, token=token)
    return app


def _health(app: FastAPI, database: Database, heartbeat: Callable[[], float]) -> None:
    def components() -> dict[str, dict[str, Any]]:
        age = heartbeat()
        return {
            "scheduler": {"ok": age < STUCK_SECONDS, "seconds_since_tick": round(age, 1)},
            "database": _database(database),
        }

    @app.api_route("/livez", methods=PROBED)
    def livez() -> Response:
        alive = heartbeat() < STUCK_SECONDS
        return Response("ok" if alive else "the scheduler is stuck", 200 if alive else 503)

    @app.api_route("/readyz", methods=PROBED)
    def readyz() -> Response:
        found = _database(database)
        return Response("ok" if found["ok"] else found["error"], 200 if found["ok"] else 503)

    @app.api_route("/healthz", methods=PROBED)
    def healthz() -> JSONResponse:
        found = components()
        ok = all(component["ok"] for component in found.values())
        return JSONResponse(
            {"status": "ok" if ok else "error", "components": found}, 200 if ok else 503
        )


def _database(database: Database) -> dict[str, Any]:
    try:
        database.check_schema()
        database.check_writable()
    except OrdermillError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "dialect": database.dialect}


def _figures(
    app: FastAPI, database: Database, metrics: Metrics, now: Callable[[], datetime]
) -> None:
    @app.get("/metrics")
    def scrape(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), media_type=media_type)

    @app.get("/status")
    def shown() -> JSONResponse:
        with database.read() as conn:
            return JSONResponse(status.as_json(status.overview(conn, now())))

    @app.get("/")
    def page() -> HTMLResponse:
        with database.read() as conn:
            overview, last = status.overview(conn, now()), runs.recent(conn)
        return HTMLResponse(pages.overview(overview, last))


def _said(found: dict[str, Any]) -> str:
    """Where in the body, and what is wrong with it."""
    where = ".".join(map(str, found["loc"][1:])) or "the body"
    return f"{where}: {found['msg'].removeprefix('Value error, ')}"


def _errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    def bad_body(request: Request, error: RequestValidationError) -> Response:
        if "json" not in request.headers.get("content-type", "json"):
            return problem(422, "invalid_body", "send the body as Content-Type: application/json")
        return problem(422, "invalid_body", "; ".join(map(_said, error.errors())))

    @app.exception_handler(NotFound)
    def unknown(request: Request, error: NotFound) -> Response:
        return problem(404, "not_found", str(error))

    @app.exception_handler(OrdermillError)
    def broken(request: Request, error: OrdermillError) -> Response:
        return problem(503, "unavailable", str(error))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed"}
        code = codes.get(error.status_code, "error")
        return problem(error.status_code, code, str(error.detail), **dict(error.headers or {}))

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        return problem(500, "internal", "ordermill broke; its log says where")
