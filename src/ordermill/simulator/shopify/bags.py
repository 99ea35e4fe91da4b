"""Writes an order's amounts the way Shopify does: in both currencies, each rounded by itself."""

from __future__ import annotations

from decimal import Decimal

from ordermill.simulator import money
from ordermill.simulator.orders import Order
from ordermill.simulator.shopify.values import Node

Bag = dict[str, dict[str, str]]


def text(amount: Decimal) -> str:
    """A decimal string without trailing zeros but with a decimal: ``120.0``, ``0.05``."""
    plain = format(amount.normalize(), "f") if amount else "0"
    return plain if "." in plain else f"{plain}.0"


class Bags:
    """Makes the MoneyBags of one order; equal amounts share one."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._places = money.places(order.shop_currency)
        self._made: dict[Decimal, Bag] = {}

    def __call__(self, amount: Decimal) -> Bag:
        """``amount`` is in the order's currency, the one the buyer saw."""
        if amount not in self._made:
            self._made[amount] = self._make(amount)
        return self._made[amount]

    def or_none(self, amounts: list[Decimal]) -> Bag | None:
        """Their sum; None when there are none, as for duties and fees that an order never had."""
        return self(sum(amounts, Decimal(0))) if amounts else None

    def presentment(self, amount: Decimal) -> Node:
        """A MoneyV2 in the order's currency."""
        return Node(__typename="MoneyV2", **self(amount)["presentmentMoney"])

    def _make(self, amount: Decimal) -> Bag:
        order = self._order
        paid = {"amount": text(amount), "currencyCode": order.currency}
        if order.currency == order.shop_currency:
            return {"shopMoney": paid, "presentmentMoney": paid}
        own = money.rounded(amount * order.shop_rate, self._places)
        return {
            "shopMoney": {"amount": text(own), "currencyCode": order.shop_currency},
            "presentmentMoney": paid,
        }
