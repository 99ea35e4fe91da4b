"""Writes an order as WooCommerce's REST API does: same keys, strings for money, float prices."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_DOWN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ordermill.simulator.building import Pricing
from ordermill.simulator.money import rounded
from ordermill.simulator.orders import Order
from ordermill.simulator.parts import (
    ZERO,
    Address,
    Charge,
    Customer,
    Discount,
    Line,
    Priced,
    Shipping,
    Tax,
)

Json = dict[str, Any]

SYMBOLS = {"EUR": "€", "USD": "$", "JPY": "¥", "KWD": "د.ك", "GBP": "£", "CAD": "$", "CHF": "CHF"}
_STORED = 6  # decimals in which WooCommerce keeps a line's amounts


@dataclass(frozen=True, slots=True)
class Look:
    """How a shop shows its orders. ``decimals``: the shop's present setting, whatever an order was
    placed with. ``more``: decimals asked for with dp, which show what was not rounded."""

    home: str
    zone: ZoneInfo
    decimals: int
    version: str = "11.0.1"
    posts: bool = False
    more: int | None = None

    @property
    def old(self) -> bool:
        """Before refunds got total_tax and tax amounts were rounded."""
        return int(self.version.split(".")[0]) < 10

    def money(self, amount: Decimal) -> str:
        """As a string with the shop's decimals."""
        return str(rounded(amount, self.decimals if self.more is None else self.more))

    def times(self, name: str, at: datetime | None) -> Json:
        """``name`` in local time and ``name_gmt``, both without an offset, to the second."""
        if at is None:
            return {name: None, f"{name}_gmt": None}
        local = at.astimezone(self.zone).replace(tzinfo=None, microsecond=0)
        gmt = at.replace(tzinfo=None, microsecond=0)
        return {name: local.isoformat(), f"{name}_gmt": gmt.isoformat()}


def number(value: Decimal) -> int | float:
    """As PHP writes it: 3, not 3.0; 13.327333333333334 with its noise."""
    return int(value) if value == value.to_integral_value() else float(value)


def order(value: Order, look: Look) -> Json:
    """One order, with its keys in WooCommerce's order."""
    modified = value.posts_modified_at if look.posts else value.modified_at
    times = (
        look.times("date_created", value.created_at)
        | look.times("date_modified", modified)
        | look.times("date_completed", value.completed_at)
        | look.times("date_paid", value.paid_at)
    )
    checkout = value.created_via != "rest-api"
    return (
        _head(value, look, times)
        | _buyer(value, checkout)
        | {
            "date_completed": times["date_completed"],
            "date_paid": times["date_paid"],
            "cart_hash": "",
            "number": value.number,
            "meta_data": [{"id": i, "key": name, "value": each} for i, name, each in value.meta],
        }
        | _items(value, look)
        | {
            "refunds": _refunds(value, look),
            "payment_url": f"{look.home}/checkout/order-pay/{value.id}/?pay_for_order=true"
            f"&key={value.key}",
            "is_editable": value.status in ("pending", "on-hold", "auto-draft"),
            "needs_payment": value.status in ("pending", "failed") and value.totals.total > 0,
            "needs_processing": any(line.requires_shipping for line in value.lines),
            "date_created_gmt": times["date_created_gmt"],
            "date_modified_gmt": times["date_modified_gmt"],
            "date_completed_gmt": times["date_completed_gmt"],
            "date_paid_gmt": times["date_paid_gmt"],
            "currency_symbol": SYMBOLS.get(value.currency, value.currency),
            "_links": _links(value.id, look.home),
        }
    )


def _head(value: Order, look: Look, times: Json) -> Json:
    sums = value.totals
    return {
        "id": value.id,
        "parent_id": 0,
        "status": value.status,
        "currency": value.currency,
        "version": look.version,
        "prices_include_tax": value.prices_include_tax,
        "date_created": times["date_created"],
        "date_modified": times["date_modified"],
        "discount_total": look.money(sums.discount),
        "discount_tax": look.money(sums.discount_tax),
        "shipping_total": look.money(sums.shipping),
        "shipping_tax": look.money(sums.shipping_tax),
        "cart_tax": look.money(sums.cart_tax),
        "total": look.money(sums.total),
        "total_tax": look.money(sums.tax),
        "customer_id": value.customer.id,
        "order_key": value.key,
    }


def _buyer(value: Order, checkout: bool) -> Json:
    paid = [t for t in value.transactions if t.kind in ("sale", "capture")]
    return {
        "billing": _billing(value.billing, value.customer),
        "shipping": _address(value.ship_to) | {"phone": value.ship_to.phone},
        "payment_method": value.gateway,
        "payment_method_title": value.gateway_title,
        "transaction_id": paid[-1].reference if paid and value.gateway != "bacs" else "",
        "customer_ip_address": "127.0.0.1" if checkout else "",
        "customer_user_agent": "lab" if checkout else "",
        "created_via": value.created_via,
        "customer_note": value.note,
    }


def _address(value: Address) -> Json:
    return {
        "first_name": value.first_name,
        "last_name": value.last_name,
        "company": value.company,
        "address_1": value.address_1,
        "address_2": value.address_2,
        "city": value.city,
        "state": value.state,
        "postcode": value.postcode,
        "country": value.country,
    }


def _billing(value: Address, customer: Customer) -> Json:
    return _address(value) | {"email": customer.email, "phone": value.phone}


def _items(value: Order, look: Look) -> Json:
    show = Show(Pricing.of(value), look)
    lines = [line for line in value.lines if line.now.quantity]
    shipping = [each for each in value.shipping if each.now.quantity]
    charges = [each for each in value.charges if each.now.quantity]
    parts = [x.now for x in lines] + [x.now for x in shipping] + [x.now for x in charges]
    return {
        "line_items": [show.line(line) for line in lines],
        "tax_lines": show.tax_lines(value, {tax.rate_id for each in parts for tax in each.taxes}),
        "shipping_lines": [show.shipping(each) for each in shipping],
        "fee_lines": [show.fee(each) for each in charges],
        "coupon_lines": [
            show.coupon(discount, index, lines) for index, discount in enumerate(value.discounts)
        ],
    }


@dataclass(frozen=True, slots=True)
class Show:
    """Shows the parts of one order: its own rules, the shop's look."""

    pricing: Pricing
    look: Look

    def net(self, priced: Priced, *, subtotal: bool = False) -> Decimal:
        """The stored net amount: six decimals where it was taken out of a price with tax."""
        rules = self.pricing.rules
        taxes = priced.subtotal_taxes if subtotal else priced.taxes
        shown = priced.subtotal if subtotal else priced.total
        if not rules.included:
            return shown
        basis = rules.round(priced.quantity * priced.unit_price)
        paid = basis if subtotal else basis - priced.discount
        exact = rounded(paid - sum((tax.exact for tax in taxes), ZERO), _STORED)
        # An amount that was saved past the calculation is shown as it was saved.
        return exact if abs(exact - shown) < Decimal(2).scaleb(-rules.places) else shown

    def amount(self, priced: Priced, *, subtotal: bool = False) -> str:
        if self.look.more is not None:
            return self.look.money(self.net(priced, subtotal=subtotal))
        return self.look.money(priced.subtotal if subtotal else priced.total)

    def tax(self, taxes: Iterable[Tax]) -> str:
        """The tax of a line. With prices without tax it is the rounded sum, halves down, and may
        differ by a cent from the sum of the rounded taxes: WooCommerce's own do."""
        taxes = tuple(taxes)
        exact = sum((tax.exact for tax in taxes), ZERO)
        rules = self.pricing.rules
        if self.look.more is not None:
            return self.look.money(exact)
        if not rules.included or rules.at_subtotal:
            return self.look.money(rounded(exact, rules.places, ROUND_HALF_DOWN))
        return self.look.money(sum((tax.amount for tax in taxes), ZERO))

    def one_tax(self, tax: Tax) -> str:
        if self.look.old or self.look.more is not None:
            return _plain(rounded(tax.exact, self.look.more or _STORED))
        return self.look.money(tax.amount)

    def line(self, line: Line) -> Json:
        now = line.now
        before = {tax.rate_id: self.one_tax(tax) for tax in now.subtotal_taxes}
        shown = {
            "id": line.id,
            "name": line.name,
            "product_id": line.product_id,
            "variation_id": line.variation_id,
            "quantity": number(now.quantity),
            "tax_class": line.tax_class,
            "subtotal": self.amount(now, subtotal=True),
            "subtotal_tax": self.tax(now.subtotal_taxes),
            "total": self.amount(now),
            "total_tax": self.tax(now.taxes),
            "taxes": [
                {"id": t.rate_id, "total": self.one_tax(t), "subtotal": before[t.rate_id]}
                for t in now.taxes
            ],
            "meta_data": [
                item_meta(line.id * 10 + i, name, value)
                for i, (name, value) in enumerate(line.meta)
            ],
            "sku": line.sku if line.product_id else None,
            "global_unique_id": "" if line.product_id else None,
            "price": number(Decimal(repr(float(self.net(now)) / float(now.quantity)))),
            "image": {"id": "", "src": ""},
            "parent_name": None,
        }
        if self.look.old:
            del shown["global_unique_id"]
        return shown

    def tax_lines(self, value: Order, live: set[int]) -> list[Json]:
        return [
            {
                "id": value.id * 100 + rate_id,
                "rate_code": value.rate(rate_id).code,
                "rate_id": rate_id,
                "label": value.rate(rate_id).title,
                "compound": value.rate(rate_id).compound,
                "tax_total": self.look.money(goods),
                "shipping_tax_total": self.look.money(freight),
                "rate_percent": number(value.rate(rate_id).percent),
                "meta_data": [],
            }
            for rate_id, goods, freight in value.totals.taxes
            if rate_id in live
        ]

    def shipping(self, each: Shipping) -> Json:
        return {
            "id": each.id,
            "method_title": each.title,
            "method_id": each.code,
            "instance_id": "1",
            "total": self.amount(each.now),
            "total_tax": self.tax(each.now.taxes),
            "taxes": self._taxes(each.now),
            "tax_status": "taxable",
            "meta_data": [],
        }

    def fee(self, each: Charge) -> Json:
        return {
            "id": each.id,
            "name": each.name,
            "tax_class": "",
            "tax_status": "taxable" if each.kind == "fee" else "none",
            "amount": "",
            "total": self.amount(each.now),
            "total_tax": self.tax(each.now.taxes),
            "taxes": self._taxes(each.now),
            "meta_data": [],
        }

    def _taxes(self, priced: Priced) -> list[Json]:
        return [
            {"id": tax.rate_id, "total": self.one_tax(tax), "subtotal": ""} for tax in priced.taxes
        ]

    def coupon(self, discount: Discount, index: int, lines: list[Line]) -> Json:
        net = tax = ZERO
        for line in lines:
            off = sum((a.amount for a in line.now.discounts if a.index == index), ZERO)
            if off:
                part = off / line.now.discount
                net += (line.now.subtotal - line.now.total) * part
                before = sum((t.amount for t in line.now.subtotal_taxes), ZERO)
                tax += (before - line.now.tax) * part
        places = self.pricing.rules.places
        kind = None if discount.kind == "fixed_cart" else discount.kind
        info = json.dumps(
            [index + 10, discount.code, kind, number(discount.value)], separators=(",", ":")
        )
        return {
            "id": discount.id,
            "code": discount.code,
            "discount": _plain(rounded(net, places)),
            "discount_tax": _plain(rounded(tax, places)),
            "meta_data": [item_meta(discount.id * 10, "coupon_info", info)],
            "discount_type": discount.kind,
            "nominal_amount": number(discount.value),
            "free_shipping": False,
        }


def item_meta(id_: int, name: str, value: Any) -> Json:
    """Meta data of an item, which unlike an order's has a form for display."""
    return {
        "id": id_, "key": name, "value": value, "display_key": name, "display_value": value,
    }  # fmt: skip


def _plain(amount: Decimal) -> str:
    """Without trailing zeros, as a number that no formatting touched: 5, 1.3, 104.205501."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _refunds(value: Order, look: Look) -> list[Json]:
    if refunds_hidden(value, look):
        return []
    shown = []
    for refund in reversed(value.refunds):
        tax = sum((part.tax for part in refund.parts), ZERO)
        row: Json = {
            "id": refund.id,
            "reason": refund.reason,
            "total": "-" if refund.blank else f"-{look.money(refund.amount)}",
        }
        if not look.old:
            row["total_tax"] = look.money(-tax if tax else tax)
        shown.append(row)
    return shown


def refunds_hidden(value: Order, look: Look) -> bool:
    """While an order is in the trash of an old shop its refunds are not shown: measured on 7.9."""
    return look.old and value.status == "trash"


def _links(order_id: int, home: str) -> Json:
    base = f"{home}/wp-json/wc/v3/orders"
    allow = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return {
        "self": [{"href": f"{base}/{order_id}", "targetHints": {"allow": allow}}],
        "collection": [{"href": base}],
        "email_templates": [
            {"embeddable": True, "href": f"{base}/{order_id}/actions/email_templates"}
        ],
    }
