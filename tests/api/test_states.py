"""Each call in each state of an order: lifecycle.md's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from api.asked import ITEM, Api, is_problem
from ordermill.commands.verify import Verified
from ordermill.store.tables import orders

LINE = ITEM | {"source_id": "1"}
CHANGED = {
    "items": [LINE | {"quantity": 1, "total": 50, "total_with_tax": 61}],
    "total": 50,
    "total_with_tax": 61,
}
UNEQUAL = {"total": 100, "total_with_tax": 130}


def pending(api: Api) -> dict[str, Any]:
    return api.made()


def invoiced(api: Api) -> dict[str, Any]:
    made = api.made(items=[LINE])
    done = api.post(f"/orders/{made['id']}/process")
    assert done.status_code == 200
    body: dict[str, Any] = done.json()
    return body


def changed(api: Api) -> dict[str, Any]:
    made = invoiced(api)
    body: dict[str, Any] = api.patch(f"/orders/{made['id']}", CHANGED).json()
    assert body["items_changed_after_processing"] is True
    return body


def cancelled(api: Api) -> dict[str, Any]:
    made = api.made()
    body: dict[str, Any] = api.post(f"/orders/{made['id']}/cancel").json()
    return body


def failed(api: Api) -> dict[str, Any]:
    """Totals that did not reconcile, and since do: tried again by hand."""
    made = api.made(**UNEQUAL)
    assert is_problem(api.post(f"/orders/{made['id']}/process"), 422, "order_totals_mismatch")
    return _put(api, made["id"], total_with_tax=122, owed=122, total_tax=22, owed_tax=22)


def skipped(api: Api) -> dict[str, Any]:
    made = api.made()
    return _put(api, made["id"], status="skipped", error="test_order: a test")


def estimated(api: Api) -> dict[str, Any]:
    """As the rules leave it; no call issues an estimate."""
    made = api.made()
    return _put(api, made["id"], status="estimated", estimate_id="est_" + "0" * 24)


def deleted(api: Api) -> dict[str, Any]:
    made = api.made()
    assert api.call("DELETE", f"/orders/{made['id']}").status_code == 204
    return made


def _put(api: Api, order_id: str, **values: Any) -> dict[str, Any]:
    with api.database.write() as conn:
        conn.execute(update(orders).where(orders.c.id == order_id).values(**values))
    body: dict[str, Any] = api.get(f"/orders/{order_id}").json()
    return body


STATES = (pending, estimated, invoiced, changed, cancelled, failed, skipped, deleted)
OK, GONE = (200, None), (404, "not_found")
INVOICED = (409, "order_already_invoiced")
# Of process, cancel, reissue, PATCH of a name, PATCH of items, DELETE.
TABLE: dict[Any, tuple[tuple[int, str | None], ...]] = {
    pending: (OK, OK, (409, "order_not_invoiced"), OK, OK, (204, None)),
    estimated: (OK, OK, (409, "order_not_invoiced"), OK, OK, (204, None)),
    invoiced: (INVOICED, INVOICED, (409, "order_items_not_changed"), OK, OK, (204, None)),
    changed: (INVOICED, INVOICED, OK, OK, OK, (204, None)),
    cancelled: ((409, "order_cancelled"), (409, "order_already_cancelled"),
                (409, "order_not_invoiced"), OK, (409, "order_cancelled"), (204, None)),
    failed: (OK, OK, (409, "order_not_invoiced"), OK, OK, (204, None)),
    skipped: (OK, OK, (409, "order_not_invoiced"), OK, OK, (204, None)),
    deleted: (GONE, GONE, GONE, GONE, GONE, GONE),
}  # fmt: skip
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/process", None), ("POST", "/cancel", None), ("POST", "/reissue", None),
    ("PATCH", "", {"customer_name": "Ana"}), ("PATCH", "", CHANGED), ("DELETE", "", None),
)  # fmt: skip


@pytest.mark.parametrize("at", range(len(CALLS)), ids=[m + p for m, p, _ in CALLS])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_call_in_a_state_is_answered_as_the_table_says(
    api: Api, state: Callable[[Api], dict[str, Any]], at: int
) -> None:
    made = state(api)
    method, part, body = CALLS[at]
    status, code = TABLE[state][at]
    answer = api.call(method, f"/orders/{made['id']}{part}", json=body)
    if code is None:
        assert answer.status_code == status, answer.text
    else:
        assert is_problem(answer, status, code)
    if code == "order_already_invoiced":
        assert answer.json()["details"]["invoice_id"] == made["invoice_id"]
    if status == 409 and method == "PATCH":
        assert api.get(f"/orders/{made['id']}").json() == made


@pytest.mark.parametrize("total", [0, 90, "99.98", "100.02", 122])
def test_a_net_total_that_is_not_that_of_the_lines_is_refused_and_mended(
    api: Api, total: Any
) -> None:
    made = api.made(total=total)
    path = f"/orders/{made['id']}"
    assert is_problem(api.post(f"{path}/process"), 422, "order_totals_mismatch")
    assert api.patch(path, {"total": "100.01"}).json()["status"] == "pending"
    assert api.post(f"{path}/process").json()["status"] == "invoiced"


@pytest.mark.parametrize("odd", [{"total": "100.01"}, {"total_with_tax": "122.01"}, {}])
@pytest.mark.parametrize("later", [False, True])
def test_the_cent_between_lines_and_totals_is_no_tax_that_verify_misses(
    api: Api, odd: dict[str, Any], later: bool
) -> None:
    made = api.made(**({} if later else odd))
    path = f"/orders/{made['id']}"
    if later:
        api.patch(path, odd)
    assert api.post(f"{path}/process").json()["status"] == "invoiced"
    (invoice,) = api.get(f"{path}/documents").json()["data"]
    assert (invoice["total"], invoice["total_tax"]) == (100, 22)
    assert list(Verified(api.database)) == []


def test_totals_that_do_not_reconcile_are_kept_refused_and_mended(api: Api) -> None:
    made = api.made(**UNEQUAL)
    path = f"/orders/{made['id']}"
    assert made["status"] == "pending"
    refused = api.post(f"{path}/process")
    assert is_problem(refused, 422, "order_totals_mismatch")
    held = api.get(path).json()
    assert held["status"] == "failed"
    assert held["error"].startswith("order_totals_mismatch: ")
    assert api.get("/invoices").json()["data"] == []
    mended = api.patch(path, {"total_with_tax": 122}).json()
    assert (mended["status"], mended["error"]) == ("pending", None)
    assert api.post(f"{path}/process").json()["status"] == "invoiced"
    types = [event["type"] for event in api.get(f"{path}/events").json()["data"]]
    assert types[:2] == ["order.created", "order.failed"]
    assert types[-1] == "order.processed"


def test_what_is_said_to_be_paid_after_the_invoice_is_recorded_by_the_call_itself(
    api: Api,
) -> None:
    made = invoiced(api)
    path = f"/orders/{made['id']}"
    api.patch(path, {"payment_status": "paid"})
    (payment,) = api.get("/payments").json()["data"]
    assert (payment["invoice_id"], payment["amount"]) == (made["invoice_id"], 122)
    (invoice,) = api.get(f"{path}/documents").json()["data"]
    assert (invoice["status"], invoice["total_paid"], invoice["total_due"]) == ("paid", 122, 0)
    api.patch(path, CHANGED)
    api.post(f"{path}/reissue")
    _, note, anew = api.get(f"{path}/documents").json()["data"]
    assert (note["total_due"], anew["status"]) == (61, "paid")


def test_who_is_said_to_have_paid_again_has_paid_what_was_missing(api: Api) -> None:
    made = invoiced(api)
    path = f"/orders/{made['id']}"
    api.patch(path, {"payment_status": "paid"})
    more = LINE | {"quantity": 3, "total": 150, "total_with_tax": 183}
    api.patch(path, {"items": [more], "total": 150, "total_with_tax": 183})
    api.post(f"{path}/reissue")
    assert _due(api, path) == [0, 0, 61]
    api.clock.advance(60)  # type: ignore[attr-defined]
    api.patch(path, {"payment_status": "partially_paid"})
    assert _due(api, path) == [0, 0, 61]
    for _ in range(2):
        api.patch(path, {"payment_status": "paid"})
        assert _due(api, path) == [0, 0, 0]
        came = [p["amount"] for p in api.get("/payments").json()["data"] if not p["credit_note_id"]]
        assert came == [122, 61]
    assert list(Verified(api.database)) == []


def test_less_than_a_minor_unit_is_no_payment(api: Api) -> None:
    made = api.made(payment_status="paid", total_with_tax="122.004")
    path = f"/orders/{made['id']}"
    api.post(f"{path}/process")
    for status in ("unpaid", "paid"):
        api.clock.advance(60)  # type: ignore[attr-defined]
        api.patch(path, {"payment_status": status})
    assert [payment["amount"] for payment in api.get("/payments").json()["data"]] == [122]
    assert list(Verified(api.database)) == []


def test_what_is_said_to_be_refunded_has_gone_back_out_of_its_credit_note(api: Api) -> None:
    made = invoiced(api)
    path = f"/orders/{made['id']}"
    api.patch(path, {"payment_status": "paid"})
    api.clock.advance(60)  # type: ignore[attr-defined]
    api.patch(path, {"payment_status": "refunded"})
    assert api.post(f"{path}/reissue").status_code == 200
    _, note = api.get(f"{path}/documents").json()["data"]
    assert (note["status"], note["total_paid"], note["total_due"]) == ("paid", 122, 0)
    back = next(p for p in api.get("/payments").json()["data"] if p["credit_note_id"])
    assert (back["amount"], back["invoice_id"]) == (122, None)
    assert api.get(path).json()["refunded_at"].startswith(back["date"])
    api.clock.advance(60)  # type: ignore[attr-defined]
    api.patch(path, {"payment_status": "paid"})
    assert api.post(f"{path}/reissue").json()["status"] == "invoiced"
    assert _due(api, path) == [0, 0, 0]
    assert list(Verified(api.database)) == []


def test_of_an_order_that_nobody_paid_nothing_goes_back(api: Api) -> None:
    made = invoiced(api)
    path = f"/orders/{made['id']}"
    api.patch(path, {"payment_status": "refunded"})
    api.post(f"{path}/reissue")
    assert [p["type"] for p in api.get("/payments").json()["data"]] == ["credit_note"]
    assert _due(api, path) == [0, 0]


def _due(api: Api, path: str) -> list[float]:
    return [each["total_due"] for each in api.get(f"{path}/documents").json()["data"]]


def test_a_tax_that_is_not_base_times_rate_is_billed_and_told(api: Api) -> None:
    made = api.made(items=[ITEM | {"total_with_tax": 130}], total_with_tax=130)
    path = f"/orders/{made['id']}"
    assert api.post(f"{path}/process").json()["status"] == "invoiced"
    created, told, processed = api.get(f"{path}/events").json()["data"]
    assert [created["type"], processed["type"]] == ["order.created", "order.processed"]
    assert told["type"] == "order.updated"
    assert told["data"] == {"taxes": [{"rate": 22, "base": 100, "tax": 30}]}
    (invoice,) = api.get(f"{path}/documents").json()["data"]
    assert (invoice["total_tax"], invoice["total_with_tax"]) == (30, 130)


def test_two_taxes_of_one_rate_are_credited_whole_and_once(api: Api) -> None:
    halves = [{"rate": 9, "tax": 9}, {"rate": 9, "tax": 9}]
    item = {"name": "Sari", "quantity": 1, "price": 100, "total": 100, "total_with_tax": 118}
    made = api.made(items=[item | {"taxes": halves}], total=100, total_with_tax=118)
    path = f"/orders/{made['id']}"
    api.post(f"{path}/process")
    api.patch(path, {"payment_status": "refunded"})
    assert api.post(f"{path}/reissue").status_code == 200
    assert is_problem(api.post(f"{path}/reissue"), 409, "order_items_not_changed")
    for each in api.get(f"{path}/documents").json()["data"]:
        assert each["taxes"] == [{"rate": 9, "tax": 9, "base": 100}] * 2
    assert list(Verified(api.database)) == []


def test_lines_without_an_id_are_compared_by_their_name(api: Api) -> None:
    other = {"name": "Cable", "quantity": 1, "price": 0, "total": 0, "total_with_tax": 0}
    made = api.made(items=[ITEM, other])
    path = f"/orders/{made['id']}"
    api.post(f"{path}/process")
    more = ITEM | {"quantity": 3, "total": 150, "total_with_tax": 183}
    sent = {"items": [more, other | {"name": "Plug"}], "total": 150, "total_with_tax": 183}
    assert api.patch(path, sent).json()["items_changed_after_processing"] is True
    rows = api.get(f"{path}/changes").json()["data"]
    assert {"line": "Widget Pro", "field": "quantity", "billed": 2, "desired": 3} in rows
    found = {(row["line"], row["field"]) for row in rows}
    assert found == {
        ("Widget Pro", "quantity"), ("Widget Pro", "tax"), ("Cable", "removed"), ("Plug", "added"),
    }  # fmt: skip


def test_a_line_at_zero_percent_has_its_group(api: Api) -> None:
    exempt = {"name": "Stamp", "quantity": 1, "price": 10, "total": 10, "total_with_tax": 10}
    lines = [ITEM, exempt | {"tax_rate": 0}]
    made = api.made(items=lines, total=110, total_with_tax=132)
    api.post(f"/orders/{made['id']}/process")
    (invoice,) = api.get(f"/orders/{made['id']}/documents").json()["data"]
    assert invoice["items"][1]["taxes"] == [{"rate": 0, "tax": 0}]
    assert sorted((t["rate"], t["base"], t["tax"]) for t in invoice["taxes"]) == [
        (0, 10, 0), (22, 100, 22),
    ]  # fmt: skip


def test_an_undone_edit_clears_the_flag(api: Api) -> None:
    made = changed(api)
    path = f"/orders/{made['id']}"
    shown = api.get(f"{path}/changes").json()["data"]
    assert {"line", "field", "billed", "desired"} == set(shown[0])
    assert {row["field"] for row in shown} >= {"quantity"}
    back = api.patch(path, {"items": [LINE], "total": 100, "total_with_tax": 122}).json()
    assert back["items_changed_after_processing"] is False
    assert api.get(f"{path}/changes").json() == {"data": []}


def test_a_reissue_credits_the_old_invoice_and_both_refer_to_each_other(api: Api) -> None:
    made = changed(api)
    path = f"/orders/{made['id']}"
    again = api.post(f"{path}/reissue").json()
    assert again["invoice_id"] != made["invoice_id"]
    assert again["items_changed_after_processing"] is False
    old, note, new = api.get(f"{path}/documents").json()["data"]
    assert [old["kind"], note["kind"], new["kind"]] == ["invoice", "credit_note", "invoice"]
    assert (old["status"], note["total_with_tax"], new["total_with_tax"]) == ("credited", 122, 61)
    assert {(r["type"], r["number"]) for r in old["relations"]} == {
        ("credited_by", note["number"]), ("replaced_by", new["number"]),
    }  # fmt: skip
    assert {(r["type"], r["id"]) for r in new["relations"]} == {("replaces", old["id"])}
    assert {(r["type"], r["id"]) for r in note["relations"]} == {("credit_for", old["id"])}


def test_a_thousand_reissues_without_a_change_issue_nothing(api: Api) -> None:
    made = invoiced(api)
    for _ in range(20):
        answer = api.post(f"/orders/{made['id']}/reissue")
        assert is_problem(answer, 409, "order_items_not_changed")
    assert len(api.get(f"/orders/{made['id']}/documents").json()["data"]) == 1


# An order that a shop owns.


@pytest.fixture
def owned(api: Api) -> dict[str, Any]:
    woo = next(i for i in api.get("/order-integrations").json()["data"] if i["handle"] == "woo")
    return api.made("1001", source="woocommerce", order_integration_id=woo["id"],
                    customer_name="Ana", customer={"phone": "1"}, currency_code="EUR")  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"items": [ITEM]}, {"total": 1}, {"total_with_tax": 1}, {"total_discount": 1},
        {"total_shipping": 1}, {"currency_code": "USD"}, {"payment_status": "paid"},
        {"payment_method": "x"}, {"payment_gateway": "x"}, {"source_order_number": "1"},
        {"ordered_at": None}, {"metadata": {"shop": {}}}, {"customer_name": "B", "total": 100},
    ],
)  # fmt: skip
def test_what_a_shop_owns_is_not_changed_here(
    api: Api, owned: dict[str, Any], change: dict[str, Any]
) -> None:
    path = f"/orders/{owned['id']}"
    assert is_problem(api.patch(path, change), 409, "order_owned_by_shop")
    assert api.get(path).json() == owned


def test_a_buyer_of_a_shops_order_can_be_set_over_it(api: Api, owned: dict[str, Any]) -> None:
    path = f"/orders/{owned['id']}"
    given = {"customer_name": "Bojan", "customer": {"phone": "2", "vip": True},
             "billing_address": {"city": "Kranj"}, "metadata": {"a": 1}}  # fmt: skip
    assert api.patch(path, given).json() == owned | given
    assert overrides(api, owned["id"]) == {
        "billing_address": {"shop": None, "value": {"city": "Kranj"}},
        "customer": {"shop": {"phone": "1"}, "value": {"phone": "2", "vip": True}},
        "customer_name": {"shop": "Ana", "value": "Bojan"},
    }
    api.patch(path, {"customer_name": "Ana", "customer": {"phone": "1"}})
    assert overrides(api, owned["id"]) == {
        "billing_address": {"shop": None, "value": {"city": "Kranj"}}
    }
    api.patch(path, {"billing_address": None})
    assert overrides(api, owned["id"]) is None


def overrides(api: Api, order_id: str) -> Any:
    import json

    with api.database.read() as conn:
        row = conn.execute(orders.select().where(orders.c.id == order_id)).one()
    return None if row.overrides is None else json.loads(row.overrides)
