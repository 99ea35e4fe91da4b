"""The OpenAPI 3.1 document, made from the table of routes: a route that is there is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ordermill import __version__
from ordermill.api import examples, schemas
from ordermill.api.asking import LONGEST_TERM, MOST_ROWS
from ordermill.api.gate import Scope
from ordermill.api.routes import ROUTES, Route
from ordermill.api.schemas import COMPONENTS, Schema, named
from ordermill.store.conditions import Operator

_EXAMPLES: dict[tuple[str, str], Any] = {
    ("POST", "/orders"): examples.ORDER,
    ("GET", "/orders/{id}"): examples.ORDER,
    ("PATCH", "/orders/{id}"): examples.ORDER | examples.CHANGED_ORDER,
    ("POST", "/orders/{id}/restore"): examples.ORDER,
    ("POST", "/orders/{id}/process"): examples.PROCESSED,
    ("POST", "/orders/{id}/cancel"): examples.CANCELLED,
    ("POST", "/orders/{id}/reissue"): examples.REISSUED,
}
_OF_A_LIST = {"Order": examples.ORDER, "Event": examples.EVENT, "Change": examples.CHANGE}
_SENT = {"NewOrder": examples.NEW_ORDER, "ChangedOrder": examples.CHANGED_ORDER}
_REFUSALS = {
    400: "The query, a cursor or a header is malformed, or the entity is not named.",
    401: "No good key.",
    403: "The key may not do this, or does not reach the entity.",
    404: "Unknown, deleted, or another entity's.",
    409: "The right call at the wrong moment; the code says which.",
    412: "If-Match names another state than the present one.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The body cannot be taken, or the order cannot be billed as it is.",
    429: "Too many refused keys from this address, or searches of this entity at once.",
    503: "The database does not answer in time.",
}
_DESCRIPTION = """\
Orders of web shops and orders made by calls, and the documents they become.

A key goes into `Authorization: Bearer`; the entity into `x-entity-id` where a key reaches several.
Amounts are exact JSON numbers (strings are taken, too), times UTC with milliseconds. Every POST
takes an `Idempotency-Key`. Every path also answers under `/v1`."""


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths["/webhooks/{handle}"] = {"post": _receiver()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "ordermill", "version": __version__, "description": _DESCRIPTION},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": COMPONENTS | dict(_bodies()),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": f"Needs a key of scope {route.scope.name.lower()}.",
        "tags": [route.path.split("/")[1]],
        "parameters": list(_parameters(route)),
        "responses": {str(route.status): _answer(route)} | _refusals(route),
    }
    if route.body is not None:
        name = route.body.__name__
        content = {"schema": named(name), "example": _SENT[name]}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _receiver() -> dict[str, Any]:
    """The one call that no key opens: its signature does."""
    said = {
        "200": "Received; it is about no order.",
        "202": "Received; the order it names will be read from the shop.",
        "401": "The signature does not prove it.",
        "404": "No such integration receives webhooks.",
        "413": "The body is too large.",
    }
    return {
        "operationId": "post_webhooks_handle",
        "summary": "A delivery of a shop's webhook",
        "description": "Signed by the shop with the integration's webhook_secret. It is a hint: "
        "the order is read from the shop, whatever the body says.",
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            _parameter("handle", "path", schemas.TEXT, "Of the integration.", required=True)
        ],
        "responses": {code: {"description": text} for code, text in said.items()},
    }


def _operation_id(route: Route) -> str:
    return "_".join([route.method.lower(), *route.path.replace("{", "").replace("}", "")
                     .replace("-", "_").strip("/").split("/")])  # fmt: skip


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    if "{id}" in route.path:
        yield _parameter("id", "path", schemas.TEXT, "An id.", required=True)
    yield from _headers(route)
    if route.shelf is not None:
        yield from _list_parameters(route)
    elif route.answer == "Event":
        yield _parameter("limit", "query", _LIMIT, "Rows of a page.")
        yield _parameter("next_cursor", "query", _CURSOR, "As the page before gave it.")


def _headers(route: Route) -> Iterable[dict[str, Any]]:
    if route.of_one_entity:
        yield _parameter("x-entity-id", "header", schemas.TEXT, "Where the key reaches several.")
    if route.method == "POST":
        said = "The same call with the same key is done once and answered the same again."
        key = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        yield _parameter("Idempotency-Key", "header", key, said)
    if "{id}" in route.path and not route.many:
        yield _parameter("If-Match", "header", schemas.TEXT, "The ETag it must have.")
        if route.method == "GET":
            yield _parameter("If-None-Match", "header", schemas.TEXT, "304 if it has this ETag.")


_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 10}
_CURSOR: Schema = {"type": "string", "maxLength": 500}


def _list_parameters(route: Route) -> Iterable[dict[str, Any]]:
    assert route.shelf is not None
    listed, flag = route.shelf.listed, {"type": "boolean"}
    sorts = [sign + name for name in listed.sorts for sign in ("", "-")]
    fields = ", ".join(f"`{name}`" for name in sorted(listed.fields))
    operators = ", ".join(f"`{each}`" for each in Operator)
    query = {"type": "string", "contentMediaType": "application/json"}
    yield _parameter("limit", "query", _LIMIT, "Rows of a page.")
    yield _parameter("next_cursor", "query", _CURSOR, "The page after, as it was given.")
    yield _parameter("prev_cursor", "query", _CURSOR, "The page before, as it was given.")
    yield _parameter("include_total_count", "query", flag, "false: total is -1. Default true.")
    yield _parameter("include_total", "query", flag, "The same as include_total_count.")
    yield _parameter(
        "query", "query", query,
        f"JSON: an object of fields ({fields}), each a value or an object of operators "
        f"({operators}). All of it must hold.",
        example='{"created_at": {"gte": "2026-01-01T00:00:00Z"}}',
    )  # fmt: skip
    term = {"type": "string", "maxLength": LONGEST_TERM}
    yield _parameter("search", "query", term, "Part of any text of it, in any letter case.")
    yield _parameter("deleted", "query", flag, "true: only what is in the trash.")
    order = {"type": "string", "enum": sorts, "default": "id"}
    yield _parameter("order_by", "query", order, "A field; with - descending.")


def _parameter(
    name: str, where: str, schema: Schema, description: str, **more: Any
) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": schema, "description": description, **more}


def _answer(route: Route) -> dict[str, Any]:
    headers = {"X-Request-Id": {"schema": schemas.TEXT}}
    if route.answer is None:
        return {"description": "Done.", "headers": headers}
    if not route.many:
        schema, example = named(route.answer), _EXAMPLES.get((route.method, route.path))
        headers["ETag"] = {"schema": schemas.TEXT}
    else:
        paged = route.shelf is not None or route.answer == "Event"
        schema, example = schemas.data(route.answer, paged=paged), _page(route.answer, paged)
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {
        "description": route.summary,
        "headers": headers,
        "content": {"application/json": content},
    }


def _page(answer: str, paged: bool) -> Any:
    if answer not in _OF_A_LIST:
        return None
    pagination = {"total": 1, "next_cursor": None, "prev_cursor": None, "has_more": False}
    shown: dict[str, Any] = {"data": [_OF_A_LIST[answer]]}
    return shown | ({"pagination": pagination} if paged else {})


def _refusals(route: Route) -> dict[str, Any]:
    codes = {400, 401, 403, 429, 503}
    if "{id}" in route.path:
        codes |= {404} if route.many else {404, 412}
    if route.scope > Scope.READ:
        codes |= {409, 413, 415, 422}
    found = {str(code): _refusal(code) for code in sorted(codes)}
    if route.method == "GET" and "{id}" in route.path and not route.many:
        found["304"] = {"description": "It is as If-None-Match says."}
    return found


def _refusal(code: int) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": named("Problem")}
    if code == 409:
        content["example"] = examples.PROBLEM
    return {"description": _REFUSALS[code], "content": {"application/problem+json": content}}


def _bodies() -> Iterable[tuple[str, Schema]]:
    """The schemas of what is sent, with those they are made of."""
    for body in {route.body for route in ROUTES if route.body is not None}:
        made = body.model_json_schema(ref_template="#/components/schemas/Sent{model}")
        for name, part in made.pop("$defs", {}).items():
            yield f"Sent{name}", part
        yield body.__name__, _without_null_defaults(made)


def _without_null_defaults(schema: Schema) -> Schema:
    """What may be left out of a change has no default."""
    for part in schema["properties"].values():
        if part.get("default", "") is None:
            del part["default"]
    return schema
