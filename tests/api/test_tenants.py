"""Route by role, from the OpenAPI document: a route that nobody has classified fails here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from api.asked import Api, an_order, is_problem
from ordermill.api import openapi
from shops import Stored

# What each route needs, and the kind of thing that its id names.
NEEDS = {
    ("POST", "/orders"): ("write", None),
    ("GET", "/orders"): ("read", None),
    ("GET", "/orders/{id}"): ("read", "order"),
    ("PATCH", "/orders/{id}"): ("write", "order"),
    ("DELETE", "/orders/{id}"): ("write", "order"),
    ("POST", "/orders/{id}/restore"): ("write", "order"),
    ("POST", "/orders/{id}/process"): ("write", "order"),
    ("POST", "/orders/{id}/cancel"): ("write", "order"),
    ("POST", "/orders/{id}/reissue"): ("write", "order"),
    ("GET", "/orders/{id}/documents"): ("read", "order"),
    ("GET", "/orders/{id}/events"): ("read", "order"),
    ("GET", "/orders/{id}/changes"): ("read", "order"),
    ("GET", "/invoices"): ("read", None),
    ("GET", "/invoices/{id}"): ("read", "invoice"),
    ("GET", "/credit-notes"): ("read", None),
    ("GET", "/credit-notes/{id}"): ("read", "credit_note"),
    ("GET", "/estimates"): ("read", None),
    ("GET", "/estimates/{id}"): ("read", "estimate"),
    ("GET", "/payments"): ("read", None),
    ("GET", "/payments/{id}"): ("read", "payment"),
    ("GET", "/customers"): ("read", None),
    ("GET", "/customers/{id}"): ("read", "customer"),
    ("GET", "/order-integrations"): ("read", None),
    ("GET", "/order-integrations/{id}"): ("read", "integration"),
    ("GET", "/entities"): ("read", None),
}
# Not by a key, but by the shop's signature: see test_webhooks.py.
SIGNED = {("POST", "/webhooks/{handle}")}
# What no key opens: test_webhooks.py has who may come in there.
SIGNED = [("POST", "/webhooks/{handle}")]
OPERATIONS = {
    (method.upper(), path): operation
    for path, operations in openapi.document()["paths"].items()
    for method, operation in operations.items()
}
DOCUMENTED = [route for route, operation in OPERATIONS.items() if operation.get("security") != []]
PREFIXES = {
    "order": "ord", "invoice": "inv", "credit_note": "cre", "estimate": "est", "payment": "pmt",
    "customer": "cus", "integration": "oint",
}  # fmt: skip


@dataclass(frozen=True)
class Theirs:
    """What the rival has: an id of every kind, and its entity."""

    entity: str
    ids: dict[str, str]


@pytest.fixture
def theirs(anybody: Api, store: Stored) -> Theirs:
    """An order that was invoiced, paid and reissued, so that the rival has something of all."""
    rival = anybody.as_("rival")
    made = rival.made("secret-1", customer_name="Secret Buyer", payment_status="paid")
    path = f"/orders/{made['id']}"
    rival.post(f"{path}/process")
    item = made["items"][0] | {"quantity": 1, "total": 50, "total_with_tax": 61}
    rival.patch(path, {"items": [item], "total": 50, "total_with_tax": 61})
    assert rival.post(f"{path}/reissue").status_code == 200
    found = {
        kind: rival.ids(address)[0]
        for kind, address in (
            ("order", "/orders"), ("invoice", "/invoices"), ("credit_note", "/credit-notes"),
            ("payment", "/payments"), ("customer", "/customers"),
            ("integration", "/order-integrations"),
        )
    }  # fmt: skip
    return Theirs(made["entity_id"], found)


def test_every_route_is_classified() -> None:
    """As read or write here, or as signed."""
    assert sorted(NEEDS) == sorted(DOCUMENTED)
    assert sorted(OPERATIONS.keys() - set(DOCUMENTED)) == SIGNED


def call(api: Api, method: str, path: str, row_id: str = "") -> Any:
    body = an_order("new") if (method, path) == ("POST", "/orders") else {}
    json = body if method in ("POST", "PATCH") else None
    return api.call(method, path.replace("{id}", row_id), json=json)


def test_a_stranger_and_a_lesser_key_are_refused_on_every_route(
    anybody: Api, api: Api, subtests: pytest.Subtests
) -> None:
    for number, (method, path) in enumerate(DOCUMENTED):
        with subtests.test(f"{method} {path}"):
            refused_and_let_in(anybody, api.made(f"m-{number}")["id"], method, path)


def refused_and_let_in(anybody: Api, order_id: str, method: str, path: str) -> None:
    scope, kind = NEEDS[method, path]
    mine = order_id if kind == "order" else f"{PREFIXES.get(kind or '', 'ord')}_{'0' * 24}"
    assert is_problem(call(anybody, method, path, mine), 401, "unauthorized")
    answer = call(anybody.as_("reader"), method, path, mine)
    if scope == "write":
        assert is_problem(answer, 403, "forbidden")
    else:
        assert answer.status_code in (200, 404)
    assert call(anybody.as_("boss"), method, path, mine).status_code != 403


def test_what_is_anothers_is_answered_like_what_never_was(
    anybody: Api, theirs: Theirs, subtests: pytest.Subtests
) -> None:
    for method, path in DOCUMENTED:
        with subtests.test(f"{method} {path}"):
            like_what_never_was(anybody, theirs, method, path)


def like_what_never_was(anybody: Api, theirs: Theirs, method: str, path: str) -> None:
    kind = NEEDS[method, path][1]
    boss = anybody.as_("boss")
    before = anybody.as_("rival").get("/orders").content
    if kind is not None:
        never = f"{PREFIXES[kind]}_{'0' * 24}"
        their = call(boss, method, path, theirs.ids.get(kind, never))
        assert is_problem(their, 404, "not_found")
        assert their.content == call(boss, method, path, never).content
    elif method == "GET":
        shown = call(boss, method, path).json()
        assert theirs.entity not in str(shown)
        assert "Secret" not in str(shown)
    named = anybody.as_("boss", x_entity_id=theirs.entity)
    refused = call(named, method, path, theirs.ids.get(kind or "", "x"))
    assert is_problem(refused, 403, "entity_forbidden")
    assert "Secret" not in refused.text
    assert anybody.as_("rival").get("/orders").content == before


def test_lists_counts_filters_and_searches_know_nothing_of_others(
    anybody: Api, api: Api, theirs: Theirs
) -> None:
    for path in ("/orders", "/invoices", "/credit-notes", "/estimates", "/payments", "/customers"):
        for parameters in ({}, {"search": "secret"}, {"order_by": "-created_at"}):
            page = api.get(path, **parameters).json()
            assert (page["data"], page["pagination"]["total"]) == ([], 0)
    found = api.get("/orders", query=f'{{"id": "{theirs.ids["order"]}"}}').json()
    assert (found["data"], found["pagination"]["total"]) == ([], 0)


def test_the_same_source_id_and_the_same_key_are_no_business_of_another_tenant(
    anybody: Api, theirs: Theirs
) -> None:
    mine, rival = anybody.as_("writer"), anybody.as_("rival")
    first = rival.post("/orders", an_order("k-1"), Idempotency_Key="one")
    second = mine.post("/orders", an_order("k-1"), Idempotency_Key="one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotency-replayed" not in second.headers
    assert first.json()["entity_id"] != second.json()["entity_id"]
    assert first.json()["id"] != second.json()["id"]


def test_an_id_is_opaque_in_the_events_of_an_order(api: Api) -> None:
    first, second = api.made("m-1"), api.made("m-2")
    ids = [api.get(f"/orders/{o['id']}/events").json()["data"][0]["id"] for o in (first, second)]
    assert all(re.fullmatch("evt_[0-9a-f]{24}", each) for each in ids)
    assert len(set(ids)) == 2
