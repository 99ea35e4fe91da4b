"""Writes a refund as WooCommerce's REST API does: quantities and amounts of its lines negative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ordermill.simulator.building import Pricing
from ordermill.simulator.orders import Back, Order, Refund
from ordermill.simulator.parts import ZERO
from ordermill.simulator.woocommerce.document import Json, Look, Show, item_meta, number


def refund(order: Order, value: Refund, look: Look, *, with_parent: bool = False) -> Json:
    """One refund of an order; ``with_parent`` as /refunds shows it."""
    write = _Lines(order, look)
    kind = "full" if value.full else "partial"
    shown: Json = {
        "id": value.id,
        **look.times("date_created", value.at),
        "amount": "" if value.blank else look.money(value.amount),
        "reason": value.reason,
        "refunded_by": 1,
        "refunded_payment": value.transaction_id is not None,
        "meta_data": [{"id": value.id * 10, "key": "_refund_type", "value": kind}],
        "line_items": [write.line(back) for back in value.lines],
        "shipping_lines": [write.shipping(back) for back in value.shipping],
        "tax_lines": write.tax_lines(value),
        "fee_lines": [write.fee(back) for back in value.charges],
        "_links": _links(order.id, value.id, look.home),
    }
    return {"id": value.id, "parent_id": order.id} | shown if with_parent else shown


@dataclass(frozen=True, slots=True)
class _Lines:
    order: Order
    look: Look

    def line(self, back: Back) -> Json:
        of = self.order.line(back.of)
        show = Show(Pricing.of(self.order), self.look)
        taxes = [
            {"id": t.rate_id, "total": self._minus(t.amount), "subtotal": self._minus(t.amount)}
            for t in back.taxes if t.amount
        ]  # fmt: skip
        quantity = -back.quantity
        return show.line(of) | {
            "id": back.id,
            "quantity": number(quantity),
            "subtotal": self._minus(back.net),
            "subtotal_tax": self._minus(back.tax),
            "total": self._minus(back.net),
            "total_tax": self._minus(back.tax),
            "taxes": taxes,
            "meta_data": _origin(back),
            "price": number(Decimal(repr(float(back.net) / float(back.quantity)))),
        }

    def shipping(self, back: Back) -> Json:
        of = next(each for each in self.order.shipping if each.id == back.of)
        show = Show(Pricing.of(self.order), self.look)
        return show.shipping(of) | self._amounts(back)

    def fee(self, back: Back) -> Json:
        of = next(each for each in self.order.charges if each.id == back.of)
        show = Show(Pricing.of(self.order), self.look)
        return show.fee(of) | self._amounts(back)

    def _amounts(self, back: Back) -> Json:
        return {
            "id": back.id,
            "total": self._minus(back.net),
            "total_tax": self._minus(back.tax),
            "taxes": [
                {"id": t.rate_id, "total": self._minus(t.amount), "subtotal": ""}
                for t in back.taxes
            ],
            "meta_data": _origin(back),
        }

    def tax_lines(self, value: Refund) -> list[Json]:
        goods = self._sums(value, lambda back: back not in value.shipping)
        freight = self._sums(value, lambda back: back in value.shipping)
        rows = []
        for rate_id in sorted(goods | freight):
            rate = self.order.rate(rate_id)
            rows.append(
                {
                    "id": value.id * 100 + rate_id,
                    "rate_code": rate.code,
                    "rate_id": rate_id,
                    "label": rate.title,
                    "compound": rate.compound,
                    "tax_total": self._minus(goods.get(rate_id, ZERO)),
                    "shipping_tax_total": self._minus(freight.get(rate_id, ZERO)),
                    "rate_percent": number(rate.percent),
                    "meta_data": [],
                }
            )
        return rows

    def _sums(self, value: Refund, wanted: Callable[[Back], bool]) -> dict[int, Decimal]:
        sums: dict[int, Decimal] = {}
        for back in filter(wanted, value.parts):
            for tax in back.taxes:
                sums[tax.rate_id] = sums.get(tax.rate_id, ZERO) + tax.amount
        return {rate_id: amount for rate_id, amount in sums.items() if amount}

    def _minus(self, amount: Decimal) -> str:
        return self.look.money(-amount if amount else ZERO)


def _origin(back: Back) -> list[Json]:
    return [item_meta(back.id * 10, "_refunded_item_id", str(back.of))]


def _links(order_id: int, refund_id: int, home: str) -> Json:
    parent = f"{home}/wp-json/wc/v3/orders/{order_id}"
    self_ = {"href": f"{parent}/refunds/{refund_id}", "targetHints": {"allow": ["GET", "DELETE"]}}
    return {
        "self": [self_],
        "collection": [{"href": f"{parent}/refunds"}],
        "up": [{"href": parent}],
    }
