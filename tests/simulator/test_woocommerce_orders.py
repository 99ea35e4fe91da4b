"""The WooCommerce face writes orders and refunds as real shops do, and moves their dates alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ordermill.simulator.building import Shop as Settings
from ordermill.simulator.catalogue import HOME, PLACES, PRODUCTS, SHIPPINGS, Habits
from ordermill.simulator.drafts import (
    AddCharge,
    AddItem,
    ApplyCoupon,
    Coupon,
    Draft,
    Item,
    NewCharge,
    Remove,
    SetPrice,
    SetQuantity,
)
from ordermill.simulator.life import Life
from ordermill.simulator.orders import Order
from simulator.woocommerce_shop import DATA, START, Shop

D = Decimal
DRAFT = Draft((PRODUCTS[0], PRODUCTS[1]), rates=HOME.rates, shipping=(SHIPPINGS[0],))
ROWS = [json.loads(line) for line in (DATA / "orders.jsonl").read_text().splitlines()]
RECORDED = {row["id"]: row["order"] for row in ROWS}
REFUNDS = [json.loads(line) for line in (DATA / "refunds.jsonl").read_text().splitlines()]


def placed(draft: Draft = DRAFT, *, paid: bool = True, **options: Any) -> tuple[Shop, Order]:
    shop = Shop(**options)
    order = shop.ledger.place(draft, paid=paid)
    shop.clock.advance(60)
    return shop, order


def shown(shop: Shop, order: Order | int, **params: str) -> dict[str, Any]:
    number = order if isinstance(order, int) else order.id
    value: dict[str, Any] = shop.get(f"/orders/{number}", **params).value
    return value


def names(value: Any) -> Any:
    """The shape of a document: its names in their order, with those of what is inside."""
    if isinstance(value, dict):
        return [(name, names(inner)) for name, inner in value.items()]
    return [names(value[0])] if isinstance(value, list) and value else type(value).__name__


def without(shape: list[Any], *left_out: str) -> list[Any]:
    return [(name, inner) for name, inner in shape if name not in left_out]


def test_an_order_has_the_names_of_a_recorded_one_in_their_order() -> None:
    """Case 45: two lines, shipping, a coupon. Meta data differ from order to order."""
    draft = Draft(
        (PRODUCTS[0], PRODUCTS[1]), rates=HOME.rates, shipping=(SHIPPINGS[0],),
        coupons=(Coupon("pct10", "percent", D(10)),), created_via="rest-api",
    )  # fmt: skip
    shop, order = placed(draft, paid=False)
    recorded, ours = RECORDED[45], shown(shop, order)
    assert list(ours) == list(recorded)
    for name in ("line_items", "tax_lines", "shipping_lines", "coupon_lines"):
        mine, theirs = names(ours[name]), names(recorded[name])
        assert without(mine[0], "meta_data", "price") == without(theirs[0], "meta_data", "price")
    assert list(ours["billing"]) == list(recorded["billing"])
    assert list(ours["shipping"]) == list(recorded["shipping"])


def test_a_refund_has_the_names_of_a_recorded_one_in_their_order() -> None:
    shop, order = placed()
    shop.ledger.refund(order.id, {order.lines[0].id: D(1)})
    (ours,) = shop.get(f"/orders/{order.id}/refunds").value
    recorded = next(row for row in REFUNDS if row["refunds"][0]["line_items"])["refunds"][0]
    assert list(ours) == list(recorded)
    assert list(ours["line_items"][0]) == list(recorded["line_items"][0])


Act = Callable[[Shop, Order], object]
COUPON = Coupon("cart5", "fixed_cart", D(5))
ITEM_EDITS: dict[str, Act] = {
    "quantity": lambda s, o: s.ledger.edit(o.id, SetQuantity(o.lines[0].id, D(3))),
    "price": lambda s, o: s.ledger.edit(o.id, SetPrice(o.lines[0].id, D(5))),
    "line added": lambda s, o: s.ledger.edit(o.id, AddItem(PRODUCTS[8])),
    "line removed": lambda s, o: s.ledger.edit(o.id, Remove(o.lines[0].id)),
    "fee": lambda s, o: s.ledger.edit(o.id, AddCharge(NewCharge("Packing", D(2)))),
    "coupon": lambda s, o: s.ledger.edit(o.id, ApplyCoupon(COUPON)),
    "meta": lambda s, o: s.ledger.annotate(o.id, meta={"x": "y"}),
}
OTHERS: dict[str, Act] = {
    "status": lambda s, o: s.ledger.set_status(o.id, "on-hold"),
    "note": lambda s, o: s.ledger.annotate(o.id, note="seen"),
    "refund": lambda s, o: s.ledger.refund(o.id, amount=D(1)),
    "trash": lambda s, o: s.ledger.trash(o.id),
}


def moved(shop: Shop, order: Order, act: Act) -> tuple[bool, bool]:
    """Whether the date moved, and whether anything else did."""
    before = shown(shop, order)
    shop.clock.advance(60)
    act(shop, order)
    after = shown(shop, order)
    dates = {"date_modified", "date_modified_gmt"}
    rest = [{name: v for name, v in x.items() if name not in dates} for x in (before, after)]
    return before["date_modified_gmt"] != after["date_modified_gmt"], rest[0] != rest[1]


@pytest.mark.parametrize("edit", ITEM_EDITS)
@pytest.mark.parametrize("version", ["7.9.0", "11.0.1"])
def test_with_posts_an_edit_of_the_items_moves_no_date(version: str, edit: str) -> None:
    shop, order = placed(storage="posts", version=version)
    assert moved(shop, order, ITEM_EDITS[edit]) == (False, True)


@pytest.mark.parametrize("edit", ITEM_EDITS | OTHERS)
def test_with_tables_every_change_moves_the_date(edit: str) -> None:
    shop, order = placed()
    assert moved(shop, order, (ITEM_EDITS | OTHERS)[edit]) == (True, True)


@pytest.mark.parametrize("edit", OTHERS)
def test_with_posts_status_note_refund_and_trash_move_the_date(edit: str) -> None:
    shop, order = placed(storage="posts")
    assert moved(shop, order, OTHERS[edit]) == (True, True)


@pytest.mark.parametrize("storage", ["hpos", "posts"])
def test_a_deleted_refund_moves_no_date(storage: str) -> None:
    shop, order = placed(storage=storage)
    refund = shop.ledger.refund(order.id, amount=D(1))
    assert moved(shop, order, lambda s, o: s.ledger.delete_refund(o.id, refund.id)) == (False, True)


def test_saving_without_a_change_moves_the_date_of_tables() -> None:
    shop, order = placed()
    assert moved(shop, order, lambda s, o: s.ledger.touch(o.id)) == (True, False)


def test_an_import_may_set_the_date_back() -> None:
    shop, order = placed()
    shop.ledger.set_modified(order.id, START - timedelta(days=2))
    assert shown(shop, order)["date_modified_gmt"] == "2026-11-22T12:00:00"


def test_times_are_the_sites_and_utc_without_an_offset() -> None:
    shop, order = placed()
    document = shown(shop, order)
    assert document["date_created"] == "2026-11-24T13:00:00"
    assert document["date_created_gmt"] == "2026-11-24T12:00:00"
    assert document["date_completed_gmt"] is None


def test_an_untrashed_order_has_the_status_it_had() -> None:
    shop, order = placed()
    shop.ledger.trash(order.id)
    shop.ledger.untrash(order.id)
    assert shown(shop, order)["status"] == "processing"


def test_a_refund_changes_no_amount_of_the_order() -> None:
    shop, order = placed()
    before = shown(shop, order)
    given = shop.ledger.refund(order.id, {order.lines[0].id: D(1)})
    after = shown(shop, order)
    for name in ("total", "total_tax", "line_items", "tax_lines", "shipping_lines"):
        assert after[name] == before[name]
    assert after["refunds"] == [
        {
            "id": given.id, "reason": "", "total": f"-{given.amount}",
            "total_tax": f"-{sum(part.tax for part in given.parts)}",
        }
    ]  # fmt: skip


def test_an_old_shop_does_not_tell_a_refunds_tax() -> None:
    shop, order = placed(storage="posts", version="7.9.0")
    shop.ledger.refund(order.id, {order.lines[0].id: D(1)})
    assert shown(shop, order)["refunds"][0].keys() == {"id", "reason", "total"}


def test_the_amounts_of_a_refund_are_negative_but_for_its_own() -> None:
    shop, order = placed()
    shop.ledger.refund(order.id, {order.lines[0].id: D(1)}, shipping=True)
    (refund,) = shop.get(f"/orders/{order.id}/refunds").value
    assert D(refund["amount"]) > 0
    (line,) = refund["line_items"]
    assert line["quantity"] == -1
    assert D(line["total"]) < 0
    assert D(refund["shipping_lines"][0]["total"]) < 0
    assert line["meta_data"][0]["key"] == "_refunded_item_id"
    assert line["meta_data"][0]["value"] == str(order.lines[0].id)


def test_a_refund_by_quantity_alone_is_a_dash() -> None:
    shop, order = placed()
    shop.ledger.refund(order.id, {order.lines[0].id: D(1)}, blank=True)
    assert shown(shop, order)["refunds"][0]["total"] == "-"
    assert shop.get(f"/orders/{order.id}/refunds").value[0]["amount"] == ""


def test_setting_the_status_refunded_gives_all_back_without_lines() -> None:
    shop, order = placed()
    shop.ledger.set_status(order.id, "refunded")
    (refund,) = shop.get(f"/orders/{order.id}/refunds").value
    assert refund["amount"] == str(order.totals.total)
    assert refund["reason"] == "Order fully refunded."
    assert refund["line_items"] == []


def test_an_old_shop_hides_the_refunds_of_a_trashed_order() -> None:
    for version, hidden in (("7.9.0", True), ("11.0.1", False)):
        shop, order = placed(storage="posts", version=version)
        shop.ledger.refund(order.id, amount=D(1))
        shop.ledger.trash(order.id)
        assert (shown(shop, order)["refunds"] == []) == hidden
        shop.ledger.untrash(order.id)
        assert len(shown(shop, order)["refunds"]) == 1


def test_all_refunds_of_a_shop_are_listed_by_new_ones_only_and_ignore_parent() -> None:
    shop, order = placed()
    other = shop.ledger.place(DRAFT, paid=True)
    for each in (order, other):
        shop.ledger.refund(each.id, amount=D(1))
    listed = shop.get("/refunds", parent=str(order.id)).value
    assert {refund["parent_id"] for refund in listed} == {order.id, other.id}
    old, _ = placed(version="7.9.0")
    assert old.get("/refunds").value["code"] == "rest_no_route"


# Money.


def test_with_prices_that_contain_the_tax_the_shown_amounts_are_net_all_the_same() -> None:
    shop, order = placed()
    line = shown(shop, order)["line_items"][0]
    assert D(line["total"]) + D(line["total_tax"]) == D("19.99")
    assert line["price"] == pytest.approx(16.385246)
    assert shown(shop, order)["prices_include_tax"] is True


@pytest.mark.parametrize("settings", [Settings(), Settings(prices_include_tax=False)])
def test_rounding_per_line_the_total_is_the_sum_of_nets_and_tax(settings: Settings) -> None:
    """Identity B of the measurements: without an exception."""
    shop = Shop(settings)
    life = Life(shop.ledger, seed=3, habits=Habits(negative_fees=True))
    for order in life.place(60):
        document = shown(shop, order)
        parts = document["line_items"] + document["fee_lines"] + document["shipping_lines"]
        nets = sum((D(part["total"]) for part in parts), D(0))
        assert nets + D(document["total_tax"]) == D(document["total"])
        taxes = sum(D(t["tax_total"]) + D(t["shipping_tax_total"]) for t in document["tax_lines"])
        assert taxes == D(document["total_tax"])


def test_rounding_at_subtotal_the_sum_is_off_by_cents_now_and_then() -> None:
    shop = Shop(Settings(round_at_subtotal=True))
    off = []
    for order in Life(shop.ledger, seed=3).place(60):
        document = shown(shop, order)
        parts = document["line_items"] + document["fee_lines"] + document["shipping_lines"]
        nets = sum((D(part["total"]) for part in parts), D(0))
        off.append(nets + D(document["total_tax"]) - D(document["total"]))
    assert any(off)
    assert max(map(abs, off)) <= D("0.06")


def test_decimals_are_the_shops_present_setting_and_not_the_orders() -> None:
    """A KWD order read while the shop is at two decimals is cut to them, even with dp=6."""
    shop = Shop(Settings(currency="KWD", decimals=3))
    item = Item("X", "X", D("2446.903"))
    order = shop.ledger.place(Draft((item,)))
    assert shown(shop, order)["total"] == "2446.903"
    shop.ledger.shop = Settings(currency="KWD", decimals=2)
    assert shown(shop, order)["total"] == "2446.90"


def test_dp_shows_what_was_not_rounded() -> None:
    shop, order = placed()
    assert shown(shop, order, dp="6")["line_items"][0]["total"] == "16.385246"


def test_a_new_shop_rounds_the_taxes_of_a_line_and_an_old_one_does_not() -> None:
    for version, digits in (("11.0.1", 2), ("7.9.0", 6)):
        shop, order = placed(storage="posts", version=version)
        tax = shown(shop, order)["line_items"][0]["taxes"][0]["total"]
        assert len(tax.partition(".")[2]) == digits


def test_an_exempt_buyer_has_no_tax_line_and_pays_the_net() -> None:
    shop, order = placed(Draft((PRODUCTS[0],), rates=HOME.rates, tax_exempt=True))
    document = shown(shop, order)
    assert document["tax_lines"] == []
    assert document["total_tax"] == "0.00"


def test_compound_rates_are_marked_and_a_line_has_an_entry_for_each() -> None:
    shop, order = placed(Draft((PRODUCTS[0],), rates=PLACES[4].rates))
    document = shown(shop, order)
    assert [line["compound"] for line in document["tax_lines"]] == [False, True]
    assert len(document["line_items"][0]["taxes"]) == 2


def test_a_line_that_was_saved_alone_leaves_the_sums_as_they_were() -> None:
    shop, order = placed()
    shop.ledger.edit_without_recalculation(order.id, order.lines[0].id, D("60.00"))
    document = shown(shop, order)
    assert document["line_items"][0]["total"] == "60.00"
    assert document["total"] == str(order.totals.total)


def test_a_buyer_leaves_an_address_and_a_browser_and_an_import_does_not() -> None:
    shop, order = placed()
    assert shown(shop, order)["customer_ip_address"]
    assert shown(shop, order)["customer_user_agent"]
    made = shop.ledger.place(Draft((PRODUCTS[0],), created_via="rest-api"))
    assert shown(shop, made)["customer_ip_address"] == ""
