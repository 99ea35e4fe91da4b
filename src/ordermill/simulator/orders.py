"""A simulated order and its history: refunds, transactions, the sales ledger, parcels, sums.

Values only: ledger.py changes an order by putting another in its place. Amounts are as in parts.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from ordermill.simulator.parts import (
    ZERO,
    Address,
    Charge,
    Customer,
    Discount,
    Line,
    Rate,
    Shipping,
    Tax,
)

Fulfilled = Literal["unfulfilled", "partial", "fulfilled"]
TransactionStatus = Literal["success", "pending", "failure"]


@dataclass(frozen=True, slots=True)
class Back:
    """What a refund gives back of one line, shipping line or charge; quantities and amounts are
    positive. ``restock``: return | cancel | no_restock."""

    id: int
    of: int
    quantity: Decimal
    net: Decimal
    taxes: tuple[Tax, ...]
    restock: str = "return"

    @property
    def tax(self) -> Decimal:
        return sum((tax.amount for tax in self.taxes), ZERO)

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back. ``amount`` is positive, the whole of it; what the parts do not explain is
    ``adjustment`` (all of it, when only an amount was refunded; negative when less was paid back
    than the parts are worth). ``blank``: WooCommerce was told a quantity but no amount, and shows
    the total as "-". ``full``: it refunds what was left of the order, without parts."""

    id: int
    at: datetime
    amount: Decimal
    reason: str = ""
    lines: tuple[Back, ...] = ()
    shipping: tuple[Back, ...] = ()
    charges: tuple[Back, ...] = ()
    transaction_id: int | None = None
    blank: bool = False
    full: bool = False

    @property
    def parts(self) -> tuple[Back, ...]:
        return self.lines + self.shipping + self.charges

    @property
    def adjustment(self) -> Decimal:
        return self.amount - sum((part.gross for part in self.parts), ZERO)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A movement of money at a gateway; ``amount`` is positive for every kind. ``rounding`` is the
    cash rounding, beside the amount. ``refund_id`` for kind refund."""

    id: int
    kind: Literal["sale", "authorization", "capture", "refund", "void"]
    status: TransactionStatus
    gateway: str
    amount: Decimal
    at: datetime
    parent_id: int | None = None
    refund_id: int | None = None
    reference: str = ""
    rounding: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Sale:
    """One entry of the sales ledger: what an agreement changed, signed. ``total`` contains ``tax``.
    ``kind``: product | gift_card | tip | shipping | fee | duty | adjustment; ``of`` is the id of
    the line, shipping line or charge (None for an adjustment). ``discount``: price basis, signed as
    the quantity is. ``action``: order | update | return."""

    id: int
    kind: str
    action: str
    of: int | None
    quantity: Decimal
    total: Decimal
    tax: Decimal
    taxes: tuple[Tax, ...] = ()
    discount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Agreement:
    """A change of what is sold, with its sales. Over all agreements of an order the sales add up to
    ``Order.current_total``. ``kind``: order | edit | refund."""

    id: int
    kind: Literal["order", "edit", "refund"]
    at: datetime
    sales: tuple[Sale, ...]
    refund_id: int | None = None


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """A parcel: line id and quantity, each."""

    id: int
    at: datetime
    quantities: tuple[tuple[int, Decimal], ...]
    tracking: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums an order shows, from its last calculation. net amounts except ``total``.
    ``taxes`` is (rate id, tax on goods and charges, tax on shipping) per rate; with tax rounded at
    subtotal they need not add up to ``tax``, nor ``items + shipping + tax`` to ``total``."""

    items: Decimal
    shipping: Decimal
    taxes: tuple[tuple[int, Decimal, Decimal], ...]
    cart_tax: Decimal
    shipping_tax: Decimal
    tax: Decimal
    discount: Decimal
    discount_tax: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """One state of an order; a change makes a new value with ``version`` one higher.

    Statuses are WooCommerce's: pending, processing, on-hold, completed, cancelled, refunded,
    failed, trash, checkout-draft, or one of a plug-in. Shopify's follow from transactions,
    fulfilments and the times. ``modified_at`` moves with every change but a deleted refund;
    ``posts_modified_at`` is what WooCommerce with orders as posts moves: only on status, note,
    new refund, trash and untrash. Times are the clock's, with microseconds; faces show seconds.
    ``shop_rate``: shop currency per unit of the order's currency. ``class_rates``: which of
    ``rates`` tax which class of goods ("" is the standard class, which shipping and fees take).
    """

    id: int
    number: str
    key: str
    status: str
    currency: str
    shop_currency: str
    shop_rate: Decimal
    places: int
    prices_include_tax: bool
    round_at_subtotal: bool
    created_at: datetime
    modified_at: datetime
    posts_modified_at: datetime
    totals: Totals
    placed_totals: Totals
    rates: tuple[Rate, ...]
    class_rates: tuple[tuple[str, tuple[int, ...]], ...]
    lines: tuple[Line, ...]
    shipping: tuple[Shipping, ...]
    charges: tuple[Charge, ...]
    discounts: tuple[Discount, ...]
    customer: Customer
    billing: Address
    ship_to: Address
    gateway: str
    gateway_title: str
    refunds: tuple[Refund, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    fulfilments: tuple[Fulfilment, ...] = ()
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    closed_at: datetime | None = None
    status_before_trash: str = ""
    tax_exempt: bool = False
    test: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()
    meta: tuple[tuple[int, str, Any], ...] = ()
    created_via: str = "checkout"
    version: int = 1

    @property
    def refunded(self) -> Decimal:
        """All refunds, positive; pending ones and blank ones as recorded."""
        return sum((refund.amount for refund in self.refunds), ZERO)

    @property
    def current_total(self) -> Decimal:
        """What the buyer owes or has paid in the end: the total after edits minus refunds."""
        return self.totals.total - self.refunded

    @property
    def paid(self) -> Decimal:
        """Successful sales and captures; refunds not deducted."""
        return sum(
            (t.amount for t in self.transactions
             if t.kind in ("sale", "capture") and t.status == "success"), ZERO
        )  # fmt: skip

    @property
    def edited(self) -> bool:
        return any(agreement.kind == "edit" for agreement in self.agreements)

    def rate(self, rate_id: int) -> Rate:
        return next(rate for rate in self.rates if rate.id == rate_id)

    def line(self, line_id: int) -> Line:
        return next(line for line in self.lines if line.id == line_id)

    def refunded_quantity(self, line_id: int) -> Decimal:
        """Units of a line given back so far; Shopify's currentQuantity is now minus this."""
        return sum(
            (back.quantity for refund in self.refunds for back in refund.lines
             if back.of == line_id), ZERO
        )  # fmt: skip

    def fulfilled_quantity(self, line_id: int) -> Decimal:
        return sum(
            (quantity for parcel in self.fulfilments for of, quantity in parcel.quantities
             if of == line_id), ZERO
        )  # fmt: skip

    @property
    def fulfilment(self) -> Fulfilled:
        """How much of what is left after edits and refunds, and has to be sent, was sent."""
        goods = [line for line in self.lines if line.requires_shipping]
        sent = [self.fulfilled_quantity(line.id) for line in goods]
        wanted = [line.now.quantity - self.refunded_quantity(line.id) for line in goods]
        if not any(sent):
            return "unfulfilled"
        done = all(has >= need for has, need in zip(sent, wanted, strict=True))
        return "fulfilled" if done else "partial"
