"""From a stored payload to an Order: every attribute from the platform, or MalformedOrder. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from ordermill.connector.base import RawOrder
from ordermill.errors import MalformedOrder
from ordermill.model.money import currency
from ordermill.model.order import (
    ZERO,
    Item,
    ItemKind,
    PaymentStatus,
    TaxTotal,
)
from ordermill.model.order import Order as ShopOrder
from ordermill_shopify.amounts import Side, percent, time
from ordermill_shopify.items import items_of
from ordermill_shopify.payments import (
    gateway_of,
    has_paid,
    movements_of,
    paid_at,
    refunded_at,
    status_of,
)
from ordermill_shopify.people import address_of, customer_of, name_of
from ordermill_shopify.refunds import refunds_of
from ordermill_shopify.structs import Order

# Nothing more can be sent: goods that need no sending count as sent.
_FULFILLED = frozenset({"FULFILLED", "FULFILLMENT_NOT_REQUIRED"})
_READ = msgspec.json.Decoder(Order)
_MICRO = Decimal("0.000001")
# Lists without a cursor are cut silently at what the queries ask for: a full one may be a cut one.
_LONGEST_LIST = 250
_MOST_TAXES = 20


def normalize(raw: RawOrder, *, presentment: bool = True) -> ShopOrder:
    """Read a payload of ours; raise MalformedOrder naming the field, never its value.

    Amounts are the buyer's (``presentment``) or the shop's, never converted from one another:
    Shopify rounds both sides on their own.
    """
    try:
        return _normalized(_READ.decode(raw.payload), raw.source_id, presentment)
    except msgspec.ValidationError as error:
        raise MalformedOrder(raw.source_id, _without_values(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedOrder(raw.source_id, "the payload is no JSON") from None
    except InvalidOperation:
        raise MalformedOrder(raw.source_id, "an amount is too large to be calculated") from None
    except ValueError as error:
        raise MalformedOrder(raw.source_id, str(error)) from None


def _normalized(order: Order, source_id: str, presentment: bool) -> ShopOrder:
    if not (source_id.isdigit() and source_id.isascii()):
        raise ValueError("legacyResourceId: not a number")
    _refuse_cut(order)
    side = Side(presentment, currency(_code(order, presentment)))
    shop_updated_at = time(order.updated_at, "updatedAt")
    assert shop_updated_at is not None
    return ShopOrder(
        source_id=source_id,
        source_order_number=order.name or None,
        ordered_at=time(order.processed_at or order.created_at, "processedAt"),
        shop_updated_at=shop_updated_at,
        transactions=movements_of(order, side),
        refunds=refunds_of(order, side),
        test=order.test,
        deleted=False,
        tags=tuple(order.tags),
        metadata=_metadata(order, presentment),
        **_amounts(order, side),
        **_flags(order, side),
        **_buyer(order),
    )


def _amounts(order: Order, side: Side) -> dict[str, Any]:
    items = items_of(order, side)
    gross = side.of(order.current_total_price_set, "currentTotalPriceSet")
    tax = side.of(order.current_total_tax_set, "currentTotalTaxSet")
    taxes = _taxes(order, side)
    return {
        "currency_code": side.currency,
        "total": gross - tax,
        "total_tax": tax,
        "total_with_tax": gross,
        "total_discount": _sum(items, "discount", ItemKind.LINE_ITEM, ItemKind.SHIPPING),
        "total_shipping": _sum(items, "total", ItemKind.SHIPPING),
        "owed": gross,
        "owed_tax": _owed_tax(gross, tax, taxes, items),
        "taxes_included": order.taxes_included,
        "items": items,
        "taxes": taxes,
    }


def _owed_tax(
    gross: Decimal, tax: Decimal, taxes: tuple[TaxTotal, ...], items: tuple[Item, ...]
) -> Decimal | None:
    """None where the shop contradicts itself: neither its tax lines nor its lines are its tax."""
    if not gross:
        return ZERO  # a refund of an amount leaves the tax where it was, with nothing owed any more
    of_lines = sum((item.total_with_tax - item.total for item in items), ZERO)
    of_taxes = sum((each.tax for each in taxes), ZERO) if taxes else of_lines
    return tax if tax in (of_taxes, of_lines) else None


def _flags(order: Order, side: Side) -> dict[str, Any]:
    status = status_of(order, side)
    paid = has_paid(status, order, side)
    gateway, method = gateway_of(order)
    fulfilled = order.display_fulfillment_status in _FULFILLED
    cancelled_at = time(order.cancelled_at, "cancelledAt")
    closed_at = time(order.closed_at, "closedAt")
    refunded = status is PaymentStatus.REFUNDED
    return {
        "payment_status": status,
        "payment_method": method,
        "payment_gateway": gateway,
        "paid": paid,
        "paid_at": paid_at(order, status) if paid else None,
        "fulfilled": fulfilled,
        # Shipments are not asked for; archiving is the nearest time that is read.
        "fulfilled_at": closed_at if fulfilled else None,
        "cancelled": cancelled_at is not None,
        "cancelled_at": cancelled_at,
        "refunded": refunded,
        "refunded_at": refunded_at(order) if refunded else None,
        "complete": cancelled_at is None and (closed_at is not None or (paid and fulfilled)),
    }


def _buyer(order: Order) -> dict[str, Any]:
    return {
        "customer_name": name_of(order),
        "customer_email": (order.email or "").strip() or None,
        "customer": customer_of(order),
        "billing_address": address_of(order.billing_address),
        "shipping_address": address_of(order.shipping_address),
    }


def _code(order: Order, presentment: bool) -> str:
    return order.presentment_currency_code if presentment else order.currency_code


def _refuse_cut(order: Order) -> None:
    for name, found in (("refunds", order.refunds), ("transactions", order.transactions)):
        if len(found) >= _LONGEST_LIST:
            raise ValueError(f"{name}: more than Shopify lets anyone read")
    if any(len(line.tax_lines) >= _MOST_TAXES for line in order.line_items):
        raise ValueError("lineItems.taxLines: more than are read")


def _taxes(order: Order, side: Side) -> tuple[TaxTotal, ...]:
    """The present tax per rate. Shopify merges them by title and rate and names no base, so that a
    rate which it does not name can only be derived line by line: then the lines say it all."""
    found = tuple(
        TaxTotal(
            rate=percent(line),
            tax=side.maybe(line.price_set, "currentTaxLines.priceSet"),
            name=line.title or None,
        )
        for line in order.current_tax_lines
    )
    return () if any(tax.rate is None for tax in found) else found


def _sum(items: tuple[Item, ...], name: str, *kinds: ItemKind) -> Decimal:
    amounts: list[Decimal] = [getattr(item, name) for item in items if item.kind in kinds]
    return sum(amounts, ZERO).quantize(_MICRO, ROUND_HALF_UP)


def _metadata(order: Order, presentment: bool) -> dict[str, Any]:
    """What the shop knows beyond the attributes; what is empty or usual is left out."""
    other = Side(not presentment, _code(order, not presentment))
    facts: dict[str, Any] = {
        "financial_status": order.display_financial_status,
        "stalled": _stalled(order),
        "fulfillment_status": order.display_fulfillment_status,
        "return_status": order.return_status if order.return_status != "NO_RETURN" else None,
        "cancel_reason": order.cancel_reason,
        "closed_at": order.closed_at,
        "source_name": order.source_name,
        "source_identifier": order.source_identifier,
        "confirmation_number": order.confirmation_number,
        "po_number": order.po_number,
        "locale": order.customer_locale,
        "discount_codes": order.discount_codes,
        "gateways": order.payment_gateway_names,
        "attributes": {each.key: each.value for each in order.custom_attributes},
        "localized_fields": {each.key: each.value for each in order.localized_fields},
        "edited": order.edited,
        "unconfirmed": not order.confirmed,
        "estimated_taxes": order.estimated_taxes,
        "duties_included": order.duties_included,
        "tax_exempt": order.tax_exempt,
        "marketplace_remits_tax": any(line.channel_liable for line in order.current_tax_lines),
    }
    if order.currency_code != order.presentment_currency_code:
        name = "shop" if presentment else "presentment"
        facts[f"{name}_currency_code"] = other.currency
        facts[f"{name}_total_with_tax"] = format(
            other.of(order.current_total_price_set, "currentTotalPriceSet"), "f"
        )
    return {name: value for name, value in facts.items() if value}


def _stalled(order: Order) -> str | None:
    if order.display_financial_status in ("VOIDED", "EXPIRED"):
        return f"payment {order.display_financial_status.lower()}"
    return None if order.confirmed else "not confirmed"


def _without_values(error: msgspec.ValidationError) -> str:
    """msgspec names the field and the types; of anything else it says, nothing is repeated."""
    text = str(error)
    if text.startswith(("Expected ", "Object missing required field ")):
        return text
    return "the payload has another shape" + text.rpartition(" - at")[2].join((" - at", ""))
