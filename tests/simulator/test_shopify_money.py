"""The connector reads a simulated Shopify to the figures of its ledger, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ordermill.connector.base import By
from ordermill.model.order import Order, Refund
from ordermill.simulator import money
from ordermill.simulator.orders import Order as Kept
from simulator.books import ZERO, a_ledger, by_hand, crowd, lived
from simulator.shopify_shop import Asker, connected, kept, open_shop, read_all

pytestmark = pytest.mark.xdist_group("full_shopify")  # its shop takes seconds to fill
MICRO = Decimal("0.000001")


def lines_of(order: Order) -> Decimal:
    return sum((item.total_with_tax for item in order.items), ZERO)


def tolerance(order: Order) -> Decimal:
    return Decimal("0.01") * max(len(order.items), 1)


def test_every_order_is_read_once(shop: Asker, seen: dict[str, Order]) -> None:
    assert len(seen) >= 500
    assert seen.keys() == kept(shop).keys()


def test_the_ledger_of_sales_adds_up_to_the_current_total(shop: Asker) -> None:
    for order in kept(shop).values():
        sales = [sale for agreement in order.agreements for sale in agreement.sales]
        assert sum((sale.total for sale in sales), ZERO) == order.current_total, order.id


def test_the_taxes_of_each_sale_add_up_to_its_tax(shop: Asker) -> None:
    for order in kept(shop).values():
        for sale in (sale for agreement in order.agreements for sale in agreement.sales):
            assert sum((tax.amount for tax in sale.taxes), ZERO) == sale.tax, order.id


def test_the_total_and_what_is_owed_are_the_ledgers(shop: Asker, seen: dict[str, Order]) -> None:
    wrong = [
        source_id for source_id, order in kept(shop).items()
        if seen[source_id].total_with_tax != order.current_total
        or seen[source_id].owed != order.current_total
    ]  # fmt: skip
    assert wrong == []


def test_the_tax_is_the_ledgers(shop: Asker, seen: dict[str, Order]) -> None:
    for source_id, order in kept(shop).items():
        back = sum((part.tax for refund in order.refunds for part in refund.parts), ZERO)
        assert seen[source_id].total_tax == order.totals.tax - back, source_id
        owed = seen[source_id].total_tax if seen[source_id].owed else ZERO
        assert seen[source_id].owed_tax == owed, source_id


def test_lines_shipping_fees_and_tax_add_up_to_the_total(seen: dict[str, Order]) -> None:
    for source_id, order in seen.items():
        tax = sum((item.total_with_tax - item.total for item in order.items), ZERO)
        # What the buyer saw adds up exactly, which is more than an invoice needs.
        assert (lines_of(order), tax) == (order.total_with_tax, order.total_tax), source_id


def test_every_line_multiplies_out(seen: dict[str, Order]) -> None:
    for source_id, order in seen.items():
        for item in order.items:
            rest = item.price * item.quantity - item.discount - item.total
            assert abs(rest) <= MICRO * item.quantity, source_id  # prices have six places
            assert sum((tax.tax for tax in item.taxes), ZERO) == item.total_with_tax - item.total


def test_the_money_of_each_refund_is_the_ledgers(shop: Asker, seen: dict[str, Order]) -> None:
    for source_id, order in kept(shop).items():
        assert money_of(seen[source_id].refunds) == booked(order), source_id


def money_of(refunds: tuple[Refund, ...]) -> dict[str, tuple[Decimal, bool]]:
    return {refund.source_id: (refund.amount, refund.pending) for refund in refunds}


def booked(order: Kept) -> dict[str, tuple[Decimal, bool]]:
    """The amount of each refund and whether it is still under way; a failed one moved nothing."""
    found = {}
    for refund in order.refunds:
        states = {t.status for t in order.transactions if t.refund_id == refund.id}
        moved = not states or states & {"success", "pending"}
        found[str(refund.id)] = (refund.amount if moved else ZERO, states == {"pending"})
    return found


def test_a_refund_names_the_lines_it_gave_back(shop: Asker, seen: dict[str, Order]) -> None:
    for source_id, order in kept(shop).items():
        known = {refund.source_id: refund for refund in seen[source_id].refunds}
        for refund in order.refunds:
            back = {str(part.of): part.gross for part in refund.parts if part.gross}
            shown = {
                item.source_id: item.total_with_tax
                for item in known[str(refund.id)].items if item.source_id
            }  # fmt: skip
            assert {of: gross for of, gross in back.items() if shown.get(of) != gross} == {}


def test_what_was_paid_is_the_ledgers(shop: Asker, seen: dict[str, Order]) -> None:
    for source_id, order in kept(shop).items():
        moved = [(t.id, t.kind, t.status, t.amount) for t in order.transactions]
        shown = [(int(t.id), t.kind, t.status, t.amount) for t in seen[source_id].transactions]
        assert shown == moved


def test_the_buyers_tax_number_arrives_by_whichever_way_it_was_given(
    shop: Asker, seen: dict[str, Order]
) -> None:
    ways = 0
    for source_id, order in kept(shop).items():
        customer = seen[source_id].customer
        number = customer.tax_number if customer is not None else None
        assert number == (order.customer.vat_id or None), source_id
        ways += number is not None
    assert ways > 20


def test_the_shops_side_of_the_money_is_consistent_too(shop: Asker) -> None:
    with connected(shop, money="shop") as connector:
        seen = read_all(connector)
    for source_id, order in kept(shop).items():
        found = seen[source_id]
        own = money.rounded(order.current_total * order.shop_rate, 2)
        assert (found.currency_code, found.total_with_tax) == ("EUR", own)
        assert abs(lines_of(found) - found.total_with_tax) <= tolerance(found), source_id


def test_a_backfill_in_bulk_reads_the_same_as_the_pages() -> None:
    ledger = a_ledger()
    crowd(ledger)
    by_hand(ledger)
    lived(ledger, 60, 100)
    with open_shop(ledger) as asker, connected(asker) as connector:
        in_bulk = read_all(connector, By.CREATED)
        assert [job["status"] for job in asker.face.engine.bulk.all()] == ["COMPLETED"]
        assert in_bulk == read_all(connector)
        assert len(in_bulk) == len(ledger.orders())
