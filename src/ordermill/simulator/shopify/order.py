"""An order as the Admin API shows it: its head at once, its parts when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ordermill.simulator.orders import Order
from ordermill.simulator.shopify import history, people, status
from ordermill.simulator.shopify.amounts import amounts
from ordermill.simulator.shopify.bags import Bags
from ordermill.simulator.shopify.sums import Sums, shown
from ordermill.simulator.shopify.values import Node, gid, stamp, stamp_or_none
from ordermill.simulator.shopify.view import View


class OrderNode(Node):
    """One state of an order. An index asks for thousands of heads: lines cost what is left out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        sums, bag = Sums(order), Bags(order)
        super().__init__(
            __typename="Order",
            **_identity(order),
            **_flags(order),
            **_nothing(order),
            **amounts(order, sums, bag),
        )

    def __missing__(self, name: str) -> Any:
        make = _PARTS.get(name)
        if make is None:
            return super().__missing__(name)
        value = self[name] = make(self)
        return value

    @cached_property
    def view(self) -> View:
        return View(self.order)

    def paid_by(self) -> list[Node]:
        """Its transactions, the same nodes for the order and its refunds."""
        found: list[Node] = self["transactions"]
        return found

    def refunds(self) -> list[Node]:
        made = history.refunds(self.view, self.paid_by())
        for refund in made:
            refund["order"] = self
        return made


def _identity(order: Order) -> Node:
    codes = [discount.code for discount in order.discounts if discount.code]
    gateways = list(dict.fromkeys(t.gateway for t in order.transactions)) or [order.gateway]
    return Node(
        id=gid("Order", order.id), legacyResourceId=str(order.id),
        name=f"#{order.number}", number=int(order.number),
        confirmationNumber=order.key[-9:].upper(), poNumber=None,
        sourceName="web", sourceIdentifier=None, customerLocale="en",
        createdAt=stamp(order.created_at), processedAt=stamp(order.created_at),
        updatedAt=stamp(order.modified_at),
        cancelledAt=stamp_or_none(order.cancelled_at), closedAt=stamp_or_none(order.closed_at),
        cancelReason=status.cancel_reason(order),
        cancellation=Node(staffNote=None) if order.cancelled_at else None,
        currencyCode=order.shop_currency, presentmentCurrencyCode=order.currency,
        discountCodes=codes, discountCode=codes[0] if codes else None,
        paymentGatewayNames=gateways,
        tags=sorted(order.tags), note=order.note or None,
        email=order.customer.email or None, phone=order.customer.phone or None,
    )  # fmt: skip


def _flags(order: Order) -> Node:
    settled = order.paid >= order.totals.total
    ships = any(line.requires_shipping for line in order.lines)
    sent = order.fulfilment == "fulfilled"
    return Node(
        confirmed=True, test=order.test, edited=order.edited, closed=order.closed_at is not None,
        displayFinancialStatus=status.financial(order),
        displayFulfillmentStatus=status.fulfilment(order),
        returnStatus="NO_RETURN",
        fullyPaid=settled, unpaid=not order.paid, canMarkAsPaid=not settled,
        capturable=bool(status.reserved(order)),
        taxesIncluded=order.prices_include_tax, taxExempt=order.tax_exempt,
        estimatedTaxes=False, dutiesIncluded=False,
        requiresShipping=ships, fulfillable=ships and not sent, refundable=bool(order.paid),
        restockable=sent, canNotifyCustomer=bool(order.customer.email),
        merchantEditable=order.cancelled_at is None, merchantEditableErrors=[],
        billingAddressMatchesShippingAddress=order.billing == order.ship_to,
        customerAcceptsMarketing=False, hasTimelineComment=False, productNetwork=False,
        subtotalLineItemsQuantity=sum(
            int(shown(line).quantity) for line in order.lines if not line.gift_card
        ),
        currentSubtotalLineItemsQuantity=sum(
            int(line.now.quantity - order.refunded_quantity(line.id))
            for line in order.lines if not line.gift_card
        ),
        riskLevel="LOW", totalWeight="0", currentTotalWeight="0",
    )  # fmt: skip


def _nothing(order: Order) -> Node:
    """What simulated orders do not have."""
    return Node(
        cartToken=None, checkoutToken=None, clientIp=None,
        landingPageDisplayText=None, landingPageUrl=None,
        merchantBusinessEntity=Node(
            __typename="BusinessEntity", id=gid("BusinessEntity", 1),
            displayName="Lab Shop", companyName=None,
        ),
        merchantOfRecordApp=None, paymentTerms=None, referralCode=None,
        referrerDisplayText=None, referrerUrl=None, registeredSourceUrl=None,
        retailLocation=None, returns=[],
        statusPageUrl=f"https://acme.myshopify.com/orders/{order.id}",
    )  # fmt: skip


_PARTS: Mapping[str, Callable[[OrderNode], Any]] = {
    "lineItems": lambda node: list(node.view.lines.values()),
    "shippingLines": lambda node: list(node.view.shipping.values()),
    "additionalFees": lambda node: list(node.view.fees.values()),
    "discountApplications": lambda node: node.view.placed_with(),
    "taxLines": lambda node: node.view.taxes(node.view.sums.merged(current=False)),
    "currentTaxLines": lambda node: node.view.taxes(node.view.sums.merged(current=True)),
    "transactions": lambda node: history.transactions(node.view),
    "refunds": OrderNode.refunds,
    "agreements": lambda node: history.agreements(node.view, node["refunds"]),
    "billingAddress": lambda node: people.billing_address(node.order),
    "shippingAddress": lambda node: people.shipping_address(node.order),
    "customer": lambda node: people.customer(node.order),
    "purchasingEntity": lambda node: people.purchasing_entity(node.order),
    "localizedFields": lambda node: people.localized_fields(node.order),
    "customAttributes": lambda node: people.attributes(node.order),
}
