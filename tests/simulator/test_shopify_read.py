"""What the connector reads of a simulated Shopify beside the money: lines, states, buyers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ordermill.model.order import ItemKind, Order
from ordermill.simulator.orders import Order as Kept
from ordermill.simulator.shopify import status
from simulator.books import ZERO
from simulator.shopify_shop import Asker, kept

pytestmark = pytest.mark.xdist_group("full_shopify")  # its shop takes seconds to fill


def left(order: Kept, line_id: int) -> Decimal:
    return order.line(line_id).now.quantity - order.refunded_quantity(line_id)


def test_every_line_that_is_left_is_read_with_quantity_name_net_and_rate(
    shop: Asker, seen: dict[str, Order]
) -> None:
    lines = 0
    for source_id, order in kept(shop).items():
        items = {item.source_id: item for item in seen[source_id].items}
        for line in (line for line in order.lines if left(order, line.id) > 0):
            item = items[str(line.id)]
            backs = [b for refund in order.refunds for b in refund.lines if b.of == line.id]
            net = line.now.total - sum((back.net for back in backs), ZERO)
            rate = sum((order.rate(tax.rate_id).percent for tax in line.now.taxes), ZERO)
            found = (item.name, item.sku or "", item.quantity, item.total, item.tax_rate)
            assert found == (line.name, line.sku, left(order, line.id), net, rate), source_id
            lines += 1
    assert lines > 2000


def test_a_line_that_is_gone_is_no_line(shop: Asker, seen: dict[str, Order]) -> None:
    gone = 0
    for source_id, order in kept(shop).items():
        items = {item.source_id for item in seen[source_id].items if item.total}
        lines = {str(line.id) for line in order.lines if not left(order, line.id)}
        assert not items & lines, source_id
        gone += len(lines)
    assert gone > 50


def test_shipping_is_what_is_left_of_it(shop: Asker, seen: dict[str, Order]) -> None:
    for source_id, order in kept(shop).items():
        backs = [back.net for refund in order.refunds for back in refund.shipping]
        net = sum((each.now.total for each in order.shipping), ZERO) - sum(backs, ZERO)
        items = [i.total for i in seen[source_id].items if i.kind is ItemKind.SHIPPING]
        assert seen[source_id].total_shipping == sum(items, ZERO) == net, source_id


def test_paid_refunded_sent_and_cancelled_are_the_shops(
    shop: Asker, seen: dict[str, Order]
) -> None:
    states = set()
    for source_id, order in kept(shop).items():
        given = status.refunded(order)
        back = bool(given) and given >= order.paid
        free = not order.paid and order.cancelled_at is None and order.current_total <= 0
        settled = bool(order.paid) and order.paid >= order.totals.total
        sent = order.fulfilment == "fulfilled" or not any(x.requires_shipping for x in order.lines)
        found = seen[source_id]
        state = (found.paid, found.refunded, found.fulfilled, found.cancelled)
        assert state == (settled or free or back, back, sent, order.cancelled_at is not None)
        states.add(state)
    assert len(states) >= 7


def test_the_buyer_and_what_was_written_are_the_ledgers(
    shop: Asker, seen: dict[str, Order]
) -> None:
    for source_id, order in kept(shop).items():
        found = seen[source_id]
        assert (found.customer_email or "", found.tags) == (
            order.customer.email, tuple(sorted(order.tags)),
        )  # fmt: skip
        billing = found.billing_address
        assert (billing.city if billing else None) == (order.billing.city or None)
        assert (found.customer.notes if found.customer else None) == (order.note or None)
        assert (found.test, found.currency_code) == (order.test, order.currency)
