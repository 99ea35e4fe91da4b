"""The amounts at the head of an order: as placed, as shown, current, paid and given back."""

from __future__ import annotations

from decimal import Decimal

from ordermill.simulator.orders import Order
from ordermill.simulator.parts import Charge
from ordermill.simulator.shopify import status
from ordermill.simulator.shopify.bags import Bags
from ordermill.simulator.shopify.sums import Sums, shown, total
from ordermill.simulator.shopify.values import Node

_ACROSS = frozenset({"percent", "fixed_cart"})


def amounts(order: Order, sums: Sums, bag: Bags) -> Node:
    """Every amount of an Order that is not inside one of its parts."""
    return Node(
        **_placed(order, sums, bag),
        **_current(order, sums, bag),
        **_moved(order, sums, bag),
    )


def _placed(order: Order, sums: Sums, bag: Bags) -> Node:
    """As placed, and with what edits added: what they took away still counts."""
    tips = total(sums.basis(shown(tip)) for tip in sums.charges("tip"))
    return Node(
        originalTotalPriceSet=bag(order.placed_totals.total),
        originalTotalDutiesSet=bag.or_none(_ordered(sums, "duty")),
        originalTotalAdditionalFeesSet=bag.or_none(_ordered(sums, "fee")),
        subtotalPriceSet=bag(total(sums.basis(shown(line)) for line in order.lines)),
        totalPriceSet=bag(sums.total_price()),
        totalTaxSet=bag(sums.total_tax()),
        totalDiscountsSet=bag(sums.discounts(current=False)),
        cartDiscountAmountSet=bag(sums.discounts(current=False, kinds=_ACROSS)),
        totalShippingPriceSet=bag(total(sums.basis(shown(each)) for each in order.shipping)),
        totalTipReceivedSet=bag(tips),
        totalTipReceived=bag(tips)["shopMoney"],
    )


def _current(order: Order, sums: Sums, bag: Bags) -> Node:
    """After edits and refunds."""
    return Node(
        currentSubtotalPriceSet=bag(total(sums.current(line) for line in order.lines)),
        currentTotalPriceSet=bag(order.current_total),
        currentTotalTaxSet=bag(sums.current_tax()),
        currentTotalDiscountsSet=bag(sums.discounts(current=True)),
        currentCartDiscountAmountSet=bag(sums.discounts(current=True, kinds=_ACROSS)),
        currentShippingPriceSet=bag(total(sums.current(each) for each in order.shipping)),
        currentTotalDutiesSet=bag.or_none([sums.current(c) for c in sums.charges("duty")]),
        currentTotalAdditionalFeesSet=bag.or_none([sums.current(c) for c in sums.charges("fee")]),
    )


def _moved(order: Order, sums: Sums, bag: Bags) -> Node:
    """What was paid and given back, by transactions that succeeded."""
    given = status.refunded(order)
    freight = total(
        sums.back_basis(back) for refund in order.refunds for back in refund.shipping
    )  # fmt: skip
    return Node(
        totalReceivedSet=bag(order.paid),
        totalRefundedSet=bag(given),
        totalRefundedShippingSet=bag(freight),
        netPaymentSet=bag(order.paid - given),
        totalOutstandingSet=bag(order.current_total - (order.paid - given)),
        totalCapturableSet=bag(status.reserved(order)),
        refundDiscrepancySet=bag(-sums.discrepancy()),
        totalCashRoundingAdjustment=Node(
            paymentSet=bag(status.rounding(order, "sale", "capture")),
            refundSet=bag(status.rounding(order, "refund")),
        ),
    )


def _ordered(sums: Sums, kind: str) -> list[Decimal]:
    charges: list[Charge] = sums.charges(kind)
    return [sums.basis(charge.ordered) for charge in charges]
