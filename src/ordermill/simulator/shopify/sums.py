"""What Shopify's sums mean: as placed, as shown, and current; on the order's price basis.

``quantity``, the taxes and discounts of a line, and ``total*`` keep what an edit took away, and
take in what it added; ``current*`` and the sales ledger follow edits and refunds. Recorded of
edited orders: one of three units removed leaves a total of 226 and a current total of 113.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from ordermill.simulator import money
from ordermill.simulator.orders import Back, Order
from ordermill.simulator.parts import ZERO, Charge, Line, Priced, Shipping, Tax

Part = Line | Shipping | Charge

OWN = frozenset({"fixed_product"})
"""Kinds of discount that belong to a line; the others are the order's, spread over its lines."""


def shown(part: Part) -> Priced:
    """What a part shows: an edit that lowers its quantity leaves it as it was."""
    return part.ordered if part.ordered.quantity > part.now.quantity else part.now


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, ZERO of none."""
    return sum(amounts, ZERO)


class Sums:
    """The sums of one order. ``Decimal`` in the order's currency."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.parts: tuple[Part, ...] = (*order.lines, *order.shipping, *order.charges)
        self._back: dict[int, list[Back]] = {}
        for refund in order.refunds:
            for back in refund.parts:
                self._back.setdefault(back.of, []).append(back)

    def backs(self, part_id: int) -> list[Back]:
        """What was given back of a part."""
        return self._back.get(part_id, [])

    def whole(self, priced: Priced) -> Decimal:
        """Before discounts; with tax where the order's prices contain it."""
        return money.rounded(priced.quantity * priced.unit_price, self.order.places)

    def basis(self, priced: Priced) -> Decimal:
        """After discounts."""
        return self.whole(priced) - priced.discount

    def back_basis(self, back: Back) -> Decimal:
        """What was given back, on the price basis."""
        return back.gross if self.order.prices_include_tax else back.net

    def current(self, part: Part) -> Decimal:
        """What is left of a part, on the price basis."""
        given = total(self.back_basis(back) for back in self.backs(part.id))
        return self.basis(part.now) - given

    def current_quantity(self, part: Part) -> Decimal:
        """Units left after edits and refunds."""
        return part.now.quantity - total(back.quantity for back in self.backs(part.id))

    def discounts(self, *, current: bool, kinds: frozenset[str] | None = None) -> Decimal:
        """All discounts, or those of these kinds; ``current``: on the units that are left."""
        parts: list[Line | Shipping] = [*self.order.lines, *self.order.shipping]
        return total(self._discount(part, current=current, kinds=kinds) for part in parts)

    def _discount(
        self, part: Line | Shipping, *, current: bool, kinds: frozenset[str] | None
    ) -> Decimal:
        priced = part.now if current else shown(part)
        found = total(
            each.amount for each in priced.discounts
            if kinds is None or self.order.discounts[each.index].kind in kinds
        )  # fmt: skip
        if not current or not priced.quantity:
            return found
        left = found * self.current_quantity(part) / priced.quantity
        return money.rounded(left, self.order.places)

    def discount_of(self, line: Line, quantity: Decimal) -> Decimal:
        """The discount on so many of the line's units."""
        if not line.now.quantity:
            return ZERO
        exact = line.now.discount * quantity / line.now.quantity
        return money.rounded(exact, self.order.places)

    def total_price(self) -> Decimal:
        """``totalPrice``."""
        return self.order.totals.total + total(shown(p).gross - p.now.gross for p in self.parts)

    def total_tax(self) -> Decimal:
        """``totalTax``."""
        return self.order.totals.tax + total(shown(p).tax - p.now.tax for p in self.parts)

    def current_tax(self) -> Decimal:
        """``currentTotalTax``: refunds take theirs away."""
        given = total(back.tax for backs in self._back.values() for back in backs)
        return self.order.totals.tax - given

    def discrepancy(self) -> Decimal:
        """What refunds gave back beyond their lines, shipping, tips and duties."""
        fees = {charge.id for charge in self.charges("fee")}
        return total(
            refund.adjustment + total(back.gross for back in refund.charges if back.of in fees)
            for refund in self.order.refunds
        )

    def charges(self, kind: str) -> list[Charge]:
        """The order's fees, tips or duties."""
        return [charge for charge in self.order.charges if charge.kind == kind]

    def merged(self, *, current: bool) -> list[Tax]:
        """The taxes of all parts, by rate."""
        sums: dict[int, Decimal] = {}
        for rate_id, amount in self._taxes(current=current):
            sums[rate_id] = sums.get(rate_id, ZERO) + amount
        return [Tax(rate_id, amount, amount) for rate_id, amount in sums.items()]

    def _taxes(self, *, current: bool) -> Iterator[tuple[int, Decimal]]:
        for part in self.parts:
            for tax in (part.now if current else shown(part)).taxes:
                yield tax.rate_id, tax.amount
            for back in self.backs(part.id) if current else ():
                for tax in back.taxes:
                    yield tax.rate_id, -tax.amount
