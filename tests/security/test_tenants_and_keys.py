"""S1 to S14: who comes in, for which tenant. What tests/api holds already is not said again."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from api.asked import KEYS, an_order, key_of
from api.test_tenants import Theirs
from ordermill.api import gate
from ordermill.api.throttle import AT_ONCE
from ordermill.store import keys
from security.attempts import CANARY, Attempt, Walls, asking, body_of
from shops import Stored

ACME = "acme"
LISTS = ("invoices", "credit-notes", "estimates", "payments", "customers")
KINDS = {
    "orders": "order", "invoices": "invoice", "credit-notes": "credit_note",
    "estimates": "estimate", "payments": "payment", "customers": "customer",
    "order-integrations": "integration",
}  # fmt: skip


def entity_of(walls: Walls, handle: str) -> str:
    found = walls.api.as_("all").get("/entities").json()["data"]
    return next(each["id"] for each in found if each["handle"] == handle)


def counted(walls: Walls, name: str) -> int:
    total: int = walls.api.as_(name).get("/orders").json()["pagination"]["total"]
    return total


def test_s2_a_header_that_names_more_or_less_than_one_reachable_entity_opens_nothing(
    walls: Walls, theirs: Theirs, subtests: pytest.Subtests
) -> None:
    mine, other = entity_of(walls, ACME), theirs.entity
    headers: dict[str, list[str | bytes]] = {
        "theirs": [other], "mine and theirs": [f"{mine},{other}"], "everything": ["*"],
        "nothing": [""], "a list": [f'["{mine}"]'], "in capitals": [mine.upper()],
        "a look-alike": [mine.replace("e", "\u0435", 1).encode()], "a blank after": [f"{mine}\xa0"
        .encode()], "twice": [mine, mine], "mine, then theirs": [mine, other], "handle": [ACME],
        "a part": [mine[:-1]], "more": [f"{mine};"], "a wildcard": ["ent_%"],
    }  # fmt: skip
    walls.hold(
        [
            Attempt(f"{what} by {key}", "GET", "/orders", (400, 403), key, tuple(
                ("x-entity-id", value) for value in values))
            for what, values in headers.items()
            for key in ("writer", "boss")
        ],
        subtests,
    )  # fmt: skip


def test_s3_an_id_of_another_tenant_in_a_body_is_refused_and_leaves_no_row(
    walls: Walls, theirs: Theirs, subtests: pytest.Subtests
) -> None:
    bodies = {
        source: an_order(source, source=source, order_integration_id=each["id"])
        for each in walls.api.as_("rival").get("/order-integrations").json()["data"]
        for source in ("manual", "woocommerce", "shopify")
    }
    fields = {
        "entity_id": theirs.entity, "customer_id": theirs.ids["customer"],
        "invoice_id": theirs.ids["invoice"], "credit_note_id": theirs.ids["credit_note"],
        "id": theirs.ids["order"],
    }  # fmt: skip
    bodies |= {name: an_order(name, **{name: value}) for name, value in fields.items()}
    before = walls.api.as_("rival").get("/orders").content
    walls.hold(
        [
            Attempt(name, "POST", "/orders", (404, 422), body=body_of(body))
            for name, body in bodies.items()
        ],
        subtests,
    )
    assert counted(walls, "writer") == 0
    assert walls.api.as_("rival").get("/orders").content == before


def test_s3_a_filter_by_what_another_tenant_has_finds_nothing(
    walls: Walls, theirs: Theirs, subtests: pytest.Subtests
) -> None:
    asked = [
        (path, field, value)
        for path in KINDS
        for field, value in (
            ("id", theirs.ids.get(KINDS[path], "")), ("order_id", theirs.ids["order"]),
            ("customer_id", theirs.ids["customer"]), ("invoice_id", theirs.ids["invoice"]),
            ("order_integration_id", theirs.ids["integration"]),
        )
    ]  # fmt: skip
    for path, field, value in asked:
        query = json.dumps({field: {"in": [value, theirs.ids["order"]]}})
        with subtests.test(f"{path} by {field}"):
            attempt = Attempt(field, "GET", asking(f"/{path}", query=query), (200, 400))
            answer = walls.held(attempt)
            assert answer.status_code == 400 or answer.json()["pagination"]["total"] == 0


def test_s6_what_the_database_holds_of_a_key_opens_nothing(
    walls: Walls, store: Stored, subtests: pytest.Subtests
) -> None:
    with store.database.write() as conn:
        key = keys.create(conn, "till", "admin", [], now=store.clock())
        (stored,) = keys.listed(conn)
    held = [stored.prefix, stored.digest, stored.name, f"{stored.prefix}_{stored.digest}",
            f"{stored.prefix}_", key.removeprefix(f"{stored.prefix}_")]  # fmt: skip
    walls.hold(
        [
            Attempt(
                given, "GET", "/entities", (401,), None, (("Authorization", f"Bearer {given}"),)
            )
            for given in held
        ],
        subtests,
    )


def test_s7_no_wrong_key_is_recognised_by_the_work_it_makes(
    walls: Walls, store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look-up of the prefix and one comparison of whole digests, whatever is wrong."""
    work: list[str] = []
    find, compare = keys.find, hmac.compare_digest

    def noted_find(*given: Any) -> Any:
        work.append("look-up")
        return find(*given)

    def noted_compare(*given: Any) -> bool:
        work.append("comparison")
        return compare(*given)

    monkeypatch.setattr(keys, "find", noted_find)
    monkeypatch.setattr(gate.hmac, "compare_digest", noted_compare)
    with store.database.write() as conn:
        live, revoked = (keys.create(conn, n, "read", [], now=store.clock()) for n in "ab")
        keys.revoke(conn, revoked[:16], now=store.clock())
    tail = live[16:]
    for wrong in (f"omk_{'0' * 12}{tail}", f"{live[:16]}{tail[:-4]}AAAA", revoked):
        for expected in (["look-up", "comparison"], ["comparison"]):
            work.clear()
            attempt = Attempt("wrong", "GET", "/orders", (401,), None, (
                ("Authorization", f"Bearer {wrong}"),))  # fmt: skip
            walls._sent(attempt)
            assert work == expected
        walls.api.ticks.seconds += 1


def test_s10_made_up_keys_take_a_bounded_place(
    walls: Walls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_REMEMBERED", 20)
    remembered: list[int] = []
    looked_up = gate.Gate._looked_up

    def noted(self: gate.Gate, prefix: str) -> Any:
        found = looked_up(self, prefix)
        remembered.append(len(self._remembered))
        return found

    monkeypatch.setattr(gate.Gate, "_looked_up", noted)
    codes = []
    for number in range(100):
        headers = {"Authorization": f"Bearer omk_{number:012x}_{'A' * 43}"}
        codes.append(walls.api.call("GET", "/orders", headers=headers).status_code)
    assert len(remembered) == 100
    assert max(remembered) == 20
    assert set(codes) == {401, 429}
    assert codes.index(429) == AT_ONCE


def test_s13_no_key_and_no_secret_is_among_what_is_shown(walls: Walls, theirs: Theirs) -> None:
    caller = walls.api.as_("rival")
    shown = "".join(
        caller.get(f"/{path}").text for path in ("orders", *LISTS, "order-integrations", "entities")
    )
    for name in ("raw_data", "webhook_secret", "options", "access_token", "consumer_secret"):
        values = [value for value in found(name, json.loads(f"[{shown}]".replace("}{", "},{")))]
        assert set(values) <= {None}, name
    assert not any(key.key in shown for key in KEYS)


def found(name: str, value: Any) -> list[Any]:
    """Every value of that name, however deep."""
    if isinstance(value, dict):
        return [v for k, v in value.items() if k == name] + found(name, list(value.values()))
    return [each for one in value for each in found(name, one)] if isinstance(value, list) else []


def test_a_refusal_repeats_nothing_of_what_was_sent(
    walls: Walls, subtests: pytest.Subtests
) -> None:
    """S5, S12: neither keys, nor entities, nor bodies, nor parameters."""
    bearer = ("Authorization", f"Bearer {CANARY}{'x' * 40}")
    basic = ("Authorization", f"Basic {CANARY}")
    order = an_order(id=CANARY, status=CANARY, currency_code=CANARY, total=CANARY)
    walls.hold(
        [
            Attempt("a bad key", "GET", "/orders", (401,), None, (bearer,)),
            Attempt("a key in the query", "GET", asking("/orders", api_key=CANARY), (401,), None),
            Attempt("a key in a cookie", "GET", "/orders", (401,), None, (("Cookie", CANARY),)),
            Attempt("another scheme", "GET", "/orders", (401,), None, (basic,)),
            Attempt("an entity", "GET", "/orders", (403,), headers=(("x-entity-id", CANARY),)),
            Attempt("a body", "POST", "/orders", (422,), body=body_of(order)),
            Attempt("a text", "POST", "/orders", (422,), body=body_of(CANARY)),
            Attempt("no json", "POST", "/orders", (422,), body=CANARY.encode()),
            Attempt("a path", "GET", f"/orders/{CANARY}", (404,)),
            Attempt("an address", "GET", f"/{CANARY}", (404,)),
            Attempt("a cursor", "GET", asking("/orders", next_cursor=CANARY), (400,)),
            Attempt("a value", "GET", asking("/orders", order_by=CANARY), (400,)),
            Attempt("an idempotency key", "POST", "/orders", (400,), headers=(
                ("Idempotency-Key", f"{CANARY}\x01"),), body=body_of(an_order())),
            Attempt("a webhook", "POST", f"/webhooks/{CANARY}", (404,), None, body=CANARY.encode()),
        ],
        subtests,
    )  # fmt: skip
    assert key_of("writer") not in str(walls.said)
