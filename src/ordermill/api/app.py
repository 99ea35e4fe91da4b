"""The app: routes behind the gate, problem bodies for whatever goes wrong, the edge around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache

import msgspec
import structlog
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp

from ordermill.api.call import Call, House
from ordermill.api.edge import METHODS, Edge, Listener, Unheard, steady
from ordermill.api.gate import Gate, Keyring
from ordermill.api.kept import Pages
from ordermill.api.problems import Problem, problem_of
from ordermill.api.routes import ROUTES, Route
from ordermill.errors import OrdermillError
from ordermill.invoicing.done import Listener as BillingListener
from ordermill.store.database import Database

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    database: Database,
    keyring: Keyring,
    *,
    docs: bool = True,
    webhooks: APIRouter | None = None,
    listener: Listener | None = None,
    billing: Sequence[BillingListener] = (),
    now: Callable[[], datetime] = utc_now,
    ticks: Callable[[], float] = steady,
) -> ASGIApp:
    """The app. ``webhooks`` receives the shops' (see api/webhooks.py), ``listener`` hears of every
    request, ``billing`` of what calls did to orders, ``ticks`` counts seconds.

    Endpoints are plain functions, so a slow database holds a thread and no other request.
    """
    app = FastAPI(
        title="ordermill", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    gate = Gate(database, keyring, now, ticks)
    house = House(database, gate, now, Pages(database.token), billing)
    for route in ROUTES:
        app.add_api_route(
            route.path, _endpoint(house, route, ticks), methods=[route.method], response_model=None
        )
    if webhooks is not None:
        app.include_router(webhooks)
    if docs:
        _documented(app)
    _errors(app)
    return Edge(app, listener or Unheard(), ticks)


def _endpoint(
    house: House, route: Route, ticks: Callable[[], float]
) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        began = ticks()
        try:
            call = _call(house, route, request)
            response = route.endpoint(call)
        except OrdermillError as error:
            return _refused(error)
        _tell(call, ticks() - began)
        return response

    return answer


def _tell(call: Call, seconds: float) -> None:
    """What was committed, to those who count it."""
    for done in call.done:
        if done.came_to_something:
            for listener in call.house.listeners:
                listener.processed(done.handle, [done], seconds)


def _call(house: House, route: Route, request: Request) -> Call:
    """The call, if it may pass."""
    caller = house.gate.enter(request, route.scope)
    if route.of_one_entity:
        entity_ids: tuple[str, ...] = (house.gate.entity(caller, request),)
    else:
        entity_ids = tuple(sorted(house.gate.reach(caller, request).values()))
    return Call(house, caller, entity_ids, request, house.now())


def _refused(error: OrdermillError) -> Response:
    problem = problem_of(error)
    if problem.status >= 500:
        log.error("request_failed", reason=str(error))
    return problem.response()


def _documented(app: FastAPI) -> None:
    """Open to everybody; made when it is first asked for."""

    @cache
    def made() -> tuple[bytes, str]:
        from ordermill.api import openapi, pages

        document = openapi.document()
        return msgspec.json.encode(document), pages.docs(document)

    @app.get("/openapi.json")
    def described() -> Response:
        return Response(made()[0], media_type="application/json")

    @app.get("/docs")
    def shown() -> Response:
        from ordermill.api.pages import POLICY

        policy = {"Content-Security-Policy": POLICY}
        return Response(made()[1], headers=policy, media_type="text/html")


def _allowed(app: FastAPI, request: Request) -> str:
    """Every method of the address; Starlette names those of its first route alone."""
    asked = ({**request.scope, "method": method} for method in sorted(METHODS))
    return ", ".join(
        scope["method"]
        for scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes)
    )


def _errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            message = f"{request.method[:20]} is not answered here"
            allow = {"Allow": _allowed(app, request)}
            return Problem(405, "method_not_allowed", message, headers=allow).response()
        return Problem(404, "not_found", "there is no such address").response()

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        return Problem(500, "internal", "ordermill broke; its log says where").response()
