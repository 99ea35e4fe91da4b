"""Orders over HTTP: made, read, changed, deleted, restored."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from api.asked import ITEM, Api, an_order, is_problem
from ordermill.store import events, tallies
from shops import Stored


def event_types(api: Api, order_id: str) -> list[str]:
    with api.database.read() as conn:
        return [row.type for row in events.of_order(conn, order_id)]


# Made.


def test_an_order_is_made_pending_and_says_where_it_is(api: Api) -> None:
    answer = api.post("/orders", an_order(customer_name="Ana Čop"))
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/orders/{body['id']}"
    assert answer.headers["content-type"] == "application/json"
    assert (body["status"], body["customer_name"]) == ("pending", "Ana Čop")
    assert body["created_at"] == "2026-11-24T12:00:00.000Z"
    assert api.get(f"/orders/{body['id']}").content == answer.content
    assert event_types(api, body["id"]) == ["order.created"]


def test_amounts_keep_the_digits_they_were_sent_with(api: Api) -> None:
    item = ITEM | {"price": "0.100001", "total": "999999999999.999999", "extra": 1.10}
    sent = an_order(items=[item], total="999999999999.999999", total_with_tax=999999999999.99)
    answer = api.post("/orders", sent)
    assert b'"total":999999999999.999999' in answer.content
    assert b'"total_with_tax":999999999999.99,' in answer.content
    (line,) = answer.json()["items"]
    assert (line["price"], line["extra"]) == (0.100001, 1.1)
    assert b'"price":0.100001' in answer.content
    assert api.get(f"/orders/{answer.json()['id']}").content == answer.content


@pytest.mark.parametrize("written", ["1E+2", "1e2", "0.1E3", "100", "100.00"])
def test_a_number_may_be_written_in_any_way_that_json_has(api: Api, written: str) -> None:
    body = json.dumps(an_order()).replace('"total": 100', f'"total": {written}')
    assert body.count(written) >= 2
    answer = api.call("POST", "/orders", content=body.encode())
    assert answer.status_code == 201, answer.text
    assert '"total":100,' in answer.text.replace(".00", "").replace("total_", "")
    assert api.post(f"/orders/{answer.json()['id']}/process").status_code == 200


def test_extra_keys_are_kept_where_they_may_be_and_nowhere_else(api: Api) -> None:
    nested = {
        "items": [
            ITEM | {"colour": "blue", "size": {"cm": 12}, "taxes": [{"rate": 22, "id": "v"}]}
        ],
        "customer": {"phone": "1", "vip": True},
        "billing_address": {"city": "Ljubljana", "floor": 3},
        "metadata": {"channel": "fair", "deep": {"list": [1, None, "x"]}},
    }
    made = api.made(**nested)
    assert {name: made[name] for name in nested} == nested
    refused = api.post("/orders", an_order("m-2", colour="blue"))
    assert is_problem(refused, 422, "invalid_body")
    assert refused.json()["errors"] == [{"pointer": "/colour", "message": "is not taken here"}]


@pytest.mark.parametrize(
    "name",
    "id entity_id number status invoice_id created_at paid paid_at transactions raw_data "
    "cancelled customer_id error deleted_at updated_at process_after complete".split(),
)
def test_what_the_server_owns_is_refused(api: Api, name: str) -> None:
    assert is_problem(api.post("/orders", an_order(**{name: None})), 422, "invalid_body")
    made = api.made()
    assert is_problem(api.patch(f"/orders/{made['id']}", {name: "x"}), 422, "invalid_body")
    assert api.get(f"/orders/{made['id']}").json() == made
    assert api.get("/orders").json()["pagination"]["total"] == 1


def test_every_wrong_field_is_named(api: Api) -> None:
    wrong = an_order(total="1e3", currency_code="eur", items=[ITEM | {"price": None}, {}])
    answer = api.post("/orders", wrong)
    assert is_problem(answer, 422, "invalid_body")
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert {"/total", "/currency_code", "/items/0/price", "/items/1/name"} <= pointers
    messages = {error["pointer"]: error["message"] for error in answer.json()["errors"]}
    assert messages["/currency_code"] == "string should match pattern '^[A-Z]{3}$'"


def test_the_same_source_id_again_names_the_order_that_is_there(api: Api) -> None:
    made = api.made()
    again = api.post("/orders", an_order())
    assert is_problem(again, 409, "order_exists")
    assert again.json()["details"] == {"id": made["id"]}
    api.call("DELETE", f"/orders/{made['id']}")
    trashed = api.post("/orders", an_order())
    assert is_problem(trashed, 409, "order_exists")
    assert "trash" in trashed.json()["message"]


def test_paid_is_said_by_the_payment_status_and_its_time_is_now(api: Api) -> None:
    made = api.made(payment_status="paid")
    assert (made["paid"], made["paid_at"]) == (True, made["created_at"])
    path = f"/orders/{made['id']}"
    unpaid = api.patch(path, {"payment_status": "unpaid"}).json()
    assert (unpaid["paid"], unpaid["paid_at"]) == (False, None)
    refunded = api.patch(path, {"payment_status": "refunded"}).json()
    assert (refunded["refunded"], refunded["refunded_at"]) == (True, made["created_at"])
    refused = api.post(f"{path}/process")
    assert is_problem(refused, 422, "refunded_before_invoice")


def test_an_order_of_a_shop_needs_an_integration_of_that_shop_of_this_entity(
    api: Api, anybody: Api
) -> None:
    mine = {each["handle"]: each["id"] for each in api.get("/order-integrations").json()["data"]}
    theirs = anybody.as_("rival").get("/order-integrations").json()["data"]
    their_woo = next(each["id"] for each in theirs if each["source"] == "woocommerce")
    for integration in (None, mine["shopify"], mine["manual-acme"], their_woo, "oint_0"):
        sent = an_order(source="woocommerce", order_integration_id=integration)
        assert is_problem(api.post("/orders", sent), 422, "invalid_body")
    sent = an_order(source="woocommerce", order_integration_id=mine["woo"])
    assert api.post("/orders", sent).status_code == 201
    assert api.get("/orders").json()["pagination"]["total"] == 1


# Changed.


def test_a_change_is_partial_and_an_empty_one_is_none(api: Api) -> None:
    made = api.made(customer_name="Ana", metadata={"a": 1, "b": 2})
    path = f"/orders/{made['id']}"
    changed = api.patch(path, {"customer_name": "Bojan", "metadata": {"b": None, "c": 3}}).json()
    assert changed == made | {"customer_name": "Bojan", "metadata": {"a": 1, "c": 3}}
    assert api.patch(path, {}).json() == changed
    assert api.patch(path, {"customer_name": "Bojan"}).json() == changed
    assert event_types(api, made["id"]) == ["order.created", "order.updated"]


def test_null_in_metadata_removes_the_key_it_is_sent_for_and_no_other(api: Api) -> None:
    made = api.made(metadata={"a": None, "b": 1, "c": 2})
    changed = api.patch(f"/orders/{made['id']}", {"metadata": {"b": None}}).json()
    assert changed["metadata"] == {"a": None, "c": 2}


def test_a_nested_object_replaces_the_old_one(api: Api) -> None:
    made = api.made(customer={"phone": "1", "vip": True}, billing_address={"city": "Kranj"})
    path = f"/orders/{made['id']}"
    changed = api.patch(path, {"customer": {"notes": "bell"}, "billing_address": None}).json()
    assert (changed["customer"], changed["billing_address"]) == ({"notes": "bell"}, None)


def test_the_event_of_a_change_tells_amounts_and_no_buyers_data(api: Api) -> None:
    made = api.made(customer_name="Ana")
    api.patch(f"/orders/{made['id']}", {"customer_name": "Bojan", "total_discount": 5})
    (_, told) = api.get(f"/orders/{made['id']}/events").json()["data"]
    assert (told["type"], told["actor"]) == ("order.updated", "writer")
    assert told["data"]["changes"] == {"customer_name": [None, None], "total_discount": [0, 5]}


@pytest.mark.parametrize("name", ["order_integration_id", "source", "source_id"])
def test_what_an_order_is_of_does_not_change(api: Api, name: str) -> None:
    made = api.made()
    answer = api.patch(f"/orders/{made['id']}", {name: made[name]})
    assert is_problem(answer, 422, "invalid_body")


@pytest.mark.parametrize("name", ["currency_code", "total", "items", "payment_status", "metadata"])
def test_what_every_order_has_is_never_null(api: Api, name: str) -> None:
    made = api.made()
    assert is_problem(api.patch(f"/orders/{made['id']}", {name: None}), 422, "invalid_body")


# Deleted.


def test_a_deleted_order_is_only_in_the_trash_until_it_is_restored(api: Api) -> None:
    made, other = api.made("m-1"), api.made("m-2")
    path = f"/orders/{made['id']}"
    gone = api.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert is_problem(api.get(path), 404, "not_found")
    assert is_problem(api.call("DELETE", path), 404, "not_found")
    assert is_problem(api.patch(path, {}), 404, "not_found")
    for part in ("documents", "events", "changes"):
        assert is_problem(api.get(f"{path}/{part}"), 404, "not_found")
    for action in ("process", "cancel", "reissue"):
        assert is_problem(api.post(f"{path}/{action}"), 404, "not_found")
    assert api.ids("/orders") == [other["id"]]
    trash = api.get("/orders", deleted="true").json()
    assert [each["id"] for each in trash["data"]] == [made["id"]]
    assert trash["data"][0]["deleted_at"] == "2026-11-24T12:00:00.000Z"
    assert trash["pagination"]["total"] == 1
    back = api.post(f"{path}/restore")
    assert (back.status_code, back.json()) == (200, made)
    assert api.post(f"{path}/restore").json() == made
    assert event_types(api, made["id"]) == ["order.created", "order.deleted", "order.restored"]
    assert api.get("/orders").json()["pagination"]["total"] == 2
    assert api.get("/orders", deleted="true").json()["pagination"]["total"] == 0


def test_the_tallies_count_what_the_table_holds(api: Api, store: Stored) -> None:
    for number in range(3):
        api.made(f"m-{number}")
    api.call("DELETE", f"/orders/{api.ids('/orders')[0]}")
    entity = api.get("/entities").json()["data"][0]["id"]
    with store.database.read() as conn:
        assert tallies.count(conn, entity, tallies.ORDERS) == 2
        assert tallies.count(conn, entity, tallies.ORDERS_DELETED) == 1


# Conditions.


def test_an_etag_saves_the_body_and_guards_a_change(api: Api) -> None:
    made = api.post("/orders", an_order())
    path, etag = f"/orders/{made.json()['id']}", made.headers["etag"]
    assert api.get(path).headers["etag"] == etag
    for seen in (etag, f'"x", W/{etag}', "*"):
        answer = api.call("GET", path, headers={"If-None-Match": seen})
        assert (answer.status_code, answer.content) == (304, b"")
    assert api.call("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
    changed = api.patch(path, {"customer_name": "Ana"}, If_Match=etag)
    assert changed.status_code == 200
    for method, address in (("PATCH", path), ("DELETE", path), ("POST", f"{path}/process"),
                            ("POST", f"{path}/restore"), ("GET", path)):  # fmt: skip
        late = api.call(method, address, json=None, headers={"If-Match": etag})
        late = api.call(method, address, content=b"{}", headers={"If-Match": etag})
        assert is_problem(late, 412, "precondition_failed")
    assert is_problem(api.patch(path, {}, If_Match="W/" + changed.headers["etag"]), 412,
                      "precondition_failed")  # fmt: skip
    assert api.patch(path, {}, If_Match="*").status_code == 200
    assert api.get(path).content == changed.content


def test_raw_data_is_for_admins_and_by_id_alone(anybody: Api, store: Stored) -> None:
    from ordermill.store.integrations import stored
    from ordermill.store.orders import Incoming, ingest
    from orders import an_order as shops_order

    with store.database.write() as conn:
        incoming = [Incoming("1001", b'{"id":1001}', "m", shops_order())]
        ingest(conn, stored(conn)["woo"], incoming, now=store.clock())
    boss, reader = anybody.as_("boss"), anybody.as_("reader")
    (row,) = boss.get("/orders").json()["data"]
    path = f"/orders/{row['id']}"
    assert row["raw_data"] is None
    assert reader.get(path).json()["raw_data"] is None
    assert boss.get(path).json()["raw_data"] == {"id": 1001}
    assert boss.get(path).headers["etag"] == reader.get(path).headers["etag"]
    assert reader.get(path).json()["metadata"] == {}
    assert Decimal(str(row["total_with_tax"])) == Decimal("24.40")
