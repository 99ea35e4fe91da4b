"""A WooCommerce order as ordermill's order. Pure.

Totals are the platform's own. WooCommerce names no net total: it is the total without the tax.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ordermill.connector.base import RawOrder
from ordermill.errors import MalformedOrder
from ordermill.model.money import currency
from ordermill.model.order import ZERO, Order, PaymentStatus, Refund, TaxTotal, Transaction
from ordermill_woocommerce.items import items_of, order_taxes, rates_of
from ordermill_woocommerce.money import exact, unfit
from ordermill_woocommerce.people import address_of, customer_of, email_of, name_of
from ordermill_woocommerce.raw import utc
from ordermill_woocommerce.refunds import owed_tax_of, refunds_of
from ordermill_woocommerce.typed import Meta, WooOrder, json_of, order_of

# A completed order stays fulfilled when it is refunded or trashed; any other status takes it back.
_KEEPS_COMPLETION = frozenset(("completed", "refunded", "trash"))
_TEST_MODES = {"_wcpay_mode": "test", "_ppcp_paypal_payment_mode": "sandbox"}
_LONGEST_META = 2000


def normalize(raw: RawOrder) -> Order:
    """Raise MalformedOrder, naming the field, for what cannot be read."""
    woo = order_of(raw.source_id, raw.payload)
    try:
        return _order(woo)
    except (ValueError, ArithmeticError, OverflowError) as error:
        where, what = unfit(woo), str(error) or type(error).__name__
        raise MalformedOrder(raw.source_id, f"{where}: {what}" if where else what) from None


def _order(woo: WooOrder) -> Order:
    rates = rates_of(woo.tax_lines)
    items = items_of(woo, rates)
    refunds = refunds_of(woo.refunds, rates)
    taxes = order_taxes(woo, items, rates, exact(woo.total_tax))
    meta = meta_of(woo.meta_data)
    total, total_tax = exact(woo.total), exact(woo.total_tax)
    owed = total - sum((refund.amount for refund in refunds), ZERO)
    paid_at = utc(woo.date_paid_gmt)
    refunded = is_refunded(woo, total, owed)
    completed = woo.status in _KEEPS_COMPLETION and woo.date_completed_gmt is not None
    return Order(
        source_id=str(woo.id),
        source_order_number=woo.number or str(woo.id),
        ordered_at=utc(woo.date_created_gmt),
        shop_updated_at=_changed_at(woo),
        currency_code=currency(woo.currency),
        total=total - total_tax,
        total_tax=total_tax,
        total_with_tax=total,
        total_discount=exact(woo.discount_total),
        total_shipping=exact(woo.shipping_total),
        owed=owed,
        owed_tax=owed_tax_of(total_tax, owed, refunds) if _agree(taxes, total_tax) else None,
        taxes_included=woo.prices_include_tax,
        items=items,
        taxes=taxes,
        payment_status=_payment_status(refunded, paid_at),
        payment_method=woo.payment_method_title or None,
        payment_gateway=woo.payment_method or None,
        paid=paid_at is not None,
        paid_at=paid_at,
        fulfilled=completed or woo.status == "completed",
        fulfilled_at=utc(woo.date_completed_gmt) if completed else None,
        cancelled=woo.status == "cancelled",
        cancelled_at=None,  # the shop keeps no such time
        refunded=refunded,
        refunded_at=_last_refund(refunds) if refunded else None,
        complete=woo.status == "completed",
        test=any(meta.get(key) == value for key, value in _TEST_MODES.items()),
        deleted=woo.status == "trash",
        customer_name=name_of(woo),
        customer_email=email_of(woo),
        customer=customer_of(woo, meta),
        billing_address=address_of(woo.billing),
        shipping_address=address_of(woo.shipping),
        transactions=_transactions(woo, total, paid_at),
        refunds=refunds,
        tags=(),
        metadata=_metadata(woo, meta),
    )


def _agree(taxes: Sequence[TaxTotal], total_tax: Decimal) -> bool:
    """Rounding at subtotal, the shop names one tax in total and another by its rates."""
    return sum((tax.tax for tax in taxes), ZERO) == total_tax


def is_refunded(woo: WooOrder, total: Decimal, owed: Decimal) -> bool:
    """Whether everything went back."""
    return woo.status == "refunded" or (total > 0 and owed <= 0)


def meta_of(entries: list[Meta]) -> dict[str, str]:
    """Meta data by name, the last of a name; what is no text as its JSON; what is huge stays in the
    raw payload alone."""
    values = ((entry.key, json_of(entry.value)) for entry in entries)
    return {
        key: value for key, value in values if value is not None and len(value) <= _LONGEST_META
    }


def _changed_at(woo: WooOrder) -> datetime:
    at = utc(woo.date_modified_gmt) or utc(woo.date_created_gmt)
    if at is None:
        raise ValueError("date_modified_gmt and date_created_gmt are missing")
    return at


def _payment_status(refunded: bool, paid_at: datetime | None) -> PaymentStatus:
    if refunded:
        return PaymentStatus.REFUNDED
    return PaymentStatus.UNPAID if paid_at is None else PaymentStatus.PAID


def _last_refund(refunds: tuple[Refund, ...]) -> datetime | None:
    return max((refund.created_at for refund in refunds), default=None)


def _transactions(
    woo: WooOrder, total: Decimal, paid_at: datetime | None
) -> tuple[Transaction, ...]:
    """The one payment that WooCommerce keeps, where its gateway gave it an id."""
    if paid_at is None or not woo.transaction_id:
        return ()
    return (
        Transaction(
            id=woo.transaction_id,
            kind="sale",
            status="success",
            gateway=woo.payment_method or None,
            amount=total,
            currency_code=currency(woo.currency),
            at=paid_at,
        ),
    )


def _metadata(woo: WooOrder, meta: dict[str, str]) -> dict[str, Any]:
    """What has no attribute of its own; the status in the shop's own word, custom ones too."""
    known: dict[str, Any] = {
        "status": woo.status,
        "stalled": "payment failed" if woo.status == "failed" else None,
        "created_via": woo.created_via,
        "coupons": [coupon.code for coupon in woo.coupon_lines],
        "meta": {key: value for key, value in meta.items() if not key.startswith("_wp_trash")},
    }
    return {name: value for name, value in known.items() if value}
