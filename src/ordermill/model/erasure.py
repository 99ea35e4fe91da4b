"""What of an order is its buyer's personal data. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from ordermill.model.document import Buyer
from ordermill.model.order import Order

NOBODY = Buyer()


def without_buyer(order: Order) -> Order:
    """The order with everything that tells of a person left out: names, addresses, numbers of the
    buyer, notes and what else the shop knows, and the words of its refunds. What was bought and
    what was paid stays."""
    return replace(
        order,
        customer_name=None,
        customer_email=None,
        customer=None,
        billing_address=None,
        shipping_address=None,
        metadata={},
        refunds=tuple(replace(refund, reason=None) for refund in order.refunds),
    )
