"""The parts of an order as the Admin API shows them: lines, shipping, fees, taxes, discounts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ordermill.simulator import money
from ordermill.simulator.orders import Order
from ordermill.simulator.parts import (
    ZERO,
    Allocation,
    Charge,
    Discount,
    Line,
    Priced,
    Shipping,
    Tax,
)
from ordermill.simulator.shopify.bags import Bags
from ordermill.simulator.shopify.sums import OWN, Sums, shown, total
from ordermill.simulator.shopify.values import Node, gid

_METHODS = {"percent": "EACH", "fixed_product": "EACH", "fixed_cart": "ACROSS", "shipping": "EACH"}


class View:
    """One order's parts as nodes, each made once: refunds and sales refer to the same ones."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.sums = Sums(order)
        self.bag = Bags(order)
        self.applications = [self._application(*each) for each in enumerate(order.discounts)]
        self.duties = {c.id: self._duty(c) for c in self.sums.charges("duty")}
        self.lines = {line.id: self._line(line) for line in order.lines}
        self.lines |= {tip.id: self._tip(tip) for tip in self.sums.charges("tip")}
        self.shipping = {each.id: self._shipping(each) for each in order.shipping}
        self.fees = {c.id: self._fee(c) for c in self.sums.charges("fee")}

    def taxes(self, taxes: Iterable[Tax]) -> list[Node]:
        """Tax lines, a rate each."""
        return [self.tax(tax) for tax in taxes]

    def tax(self, tax: Tax) -> Node:
        """A TaxLine."""
        rate = self.order.rate(tax.rate_id)
        return Node(
            title=rate.title,
            rate=float(rate.percent / 100),
            ratePercentage=float(rate.percent),
            channelLiable=False,
            source="Shopify",
            priceSet=self.bag(tax.amount),
        )

    def placed_with(self) -> list[Node]:
        """The discounts the order was placed with: what edits gave is shown at its lines only."""
        parts: list[Line | Shipping] = [*self.order.lines, *self.order.shipping]
        used = {each.index for part in parts for each in part.ordered.discounts}
        return [self.applications[index] for index in sorted(used)]

    def _allocations(self, given: Iterable[Allocation]) -> list[Node]:
        return [
            Node(
                allocatedAmountSet=self.bag(each.amount),
                allocatedAmount=self.bag.presentment(each.amount),
                discountApplication=self.applications[each.index],
            )
            for each in given
        ]

    def _application(self, index: int, discount: Discount) -> Node:
        kind = "DiscountCodeApplication" if discount.code else "ManualDiscountApplication"
        percent = discount.kind in ("percent", "shipping")
        return Node(
            __typename=kind,
            index=index,
            targetType="SHIPPING_LINE" if discount.kind == "shipping" else "LINE_ITEM",
            targetSelection="ENTITLED" if discount.kind == "fixed_product" else "ALL",
            allocationMethod=_METHODS[discount.kind],
            value=Node(__typename="PricingPercentageValue", percentage=float(discount.value))
            if percent
            else self.bag.presentment(discount.value),
            code=discount.code,
            title=discount.code or "Discount",
            description=None,
        )

    def _own_discount(self, allocations: Iterable[Allocation]) -> Decimal:
        """Discounts on the line itself: shares of discounts on the order do not count."""
        kinds = [discount.kind for discount in self.order.discounts]
        return total(a.amount for a in allocations if kinds[a.index] in OWN)

    def _line(self, line: Line) -> Node:
        seen, current = shown(line), int(self.sums.current_quantity(line))
        net = line.now.total - total(back.net for back in self.sums.backs(line.id))
        left = max(0, current - int(self.order.fulfilled_quantity(line.id)))
        return Node(
            **self._goods(line.id, line.name, seen, current, left),
            sku=line.sku or None,
            isGiftCard=line.gift_card,
            taxable=not line.gift_card and bool(seen.taxes),
            requiresShipping=line.requires_shipping,
            priceAfterAllDiscountsBeforeTaxesSet=self.bag(net),
            variant=_product("ProductVariant", line.variation_id or line.product_id),
            product=_product("Product", line.product_id),
            customAttributes=[Node(key=k, value=str(v)) for k, v in line.meta],
            duties=[
                self.duties[c.id] for c in self.sums.charges("duty") if c.line_id == line.id
            ],
        )  # fmt: skip

    def _tip(self, tip: Charge) -> Node:
        """A tip is a line that no product stands behind and that the subtotal leaves out."""
        current = int(self.sums.current_quantity(tip))
        return Node(
            **self._goods(tip.id, tip.name or "Tip", shown(tip), current, 0),
            sku=None, isGiftCard=False, taxable=False, requiresShipping=False,
            priceAfterAllDiscountsBeforeTaxesSet=self.bag(self.sums.current(tip)),
            variant=None, product=None, customAttributes=[], duties=[],
        )  # fmt: skip

    def _goods(self, id_: int, name: str, seen: Priced, current: int, left: int) -> Node:
        """What goods and tips have in common; ``left`` are the units that are still to be sent."""
        bag, quantity = self.bag, int(seen.quantity)
        whole, own = self.sums.whole(seen), self._own_discount(seen.discounts)
        return Node(
            __typename="LineItem",
            id=gid("LineItem", id_),
            title=name, name=name, variantTitle=None, vendor="Lab",
            quantity=quantity, currentQuantity=current, refundableQuantity=current,
            fulfillableQuantity=left, unfulfilledQuantity=left,
            nonFulfillableQuantity=quantity - current,
            fulfillmentStatus="unfulfilled" if left else "fulfilled",
            restockable=True, canRestock=True, merchantEditable=True, lineItemGroup=None,
            originalUnitPriceSet=bag(seen.unit_price),
            originalTotalSet=bag(whole),
            discountedTotalSet=bag(whole - own),
            discountedUnitPriceSet=bag(self._of_one(whole - own, quantity)),
            discountedUnitPriceAfterAllDiscountsSet=bag(
                self._of_one(whole - seen.discount, quantity)
            ),
            totalDiscountSet=bag(own),
            unfulfilledOriginalTotalSet=bag(self._of_one(whole * left, quantity)),
            unfulfilledDiscountedTotalSet=bag(self._of_one((whole - own) * left, quantity)),
            taxLines=self.taxes(seen.taxes),
            discountAllocations=self._allocations(seen.discounts),
        )  # fmt: skip

    def _of_one(self, amount: Decimal, quantity: int) -> Decimal:
        return money.rounded(amount / quantity, self.order.places) if quantity else ZERO

    def _shipping(self, each: Shipping) -> Node:
        seen, bag = shown(each), self.bag
        whole, paid = bag(self.sums.whole(seen)), bag(self.sums.basis(seen))
        return Node(
            id=gid("ShippingLine", each.id),
            title=each.title, code=each.code, source="shopify", custom=False,
            isRemoved=not each.now.quantity,
            carrierIdentifier=None, deliveryCategory=None, phone=None, shippingRateHandle=None,
            originalPriceSet=whole, originalPrice=whole["shopMoney"],
            price=whole["shopMoney"]["amount"],
            discountedPriceSet=paid, discountedPrice=paid["shopMoney"],
            currentDiscountedPriceSet=bag(self.sums.current(each)),
            taxLines=self.taxes(seen.taxes),
            discountAllocations=self._allocations(seen.discounts),
        )  # fmt: skip

    def _fee(self, fee: Charge) -> Node:
        seen = shown(fee)
        return Node(
            id=gid("AdditionalFee", fee.id),
            name=fee.name,
            price=self.bag(self.sums.basis(seen)),
            taxLines=self.taxes(seen.taxes),
        )

    def _duty(self, duty: Charge) -> Node:
        seen = shown(duty)
        return Node(
            id=gid("Duty", duty.id),
            countryCodeOfOrigin=None,
            harmonizedSystemCode=None,
            price=self.bag(self.sums.basis(seen)),
            taxLines=self.taxes(seen.taxes),
        )


def _product(kind: str, number: int) -> Node | None:
    return Node(__typename=kind, id=gid(kind, number)) if number else None
