"""What a gateway's name means as a payment type. Pure."""

from __future__ import annotations

BANK_TRANSFER = "bank_transfer"

_EXACT = {
    "bacs": BANK_TRANSFER,
    "bank_deposit": BANK_TRANSFER,
    "bank_transfer": BANK_TRANSFER,
    "cod": "cash",
    "cash": "cash",
    "cash_on_delivery": "cash",
    "cheque": "check",
    "check": "check",
    "gift_card": "coupon",
    "shopify_payments": "card",
    "woocommerce_payments": "card",
}
_PREFIXES = {
    "cash_on_delivery": "cash",
    "ppcp": "paypal",
    "paypal": "paypal",
    "stripe": "card",
    "woocommerce_payments_": "card",
}


def payment_type(gateway: str | None, default: str | None) -> str:
    """One of cash, bank_transfer, card, check, paypal, coupon, other; a gateway that is not known
    is the integration's ``default``, else other. Shopify's names are written for people ("Bank
    Deposit"), WooCommerce's are ids."""
    name = "_".join((gateway or "").casefold().replace("-", " ").split())
    if name in _EXACT:
        return _EXACT[name]
    for prefix, kind in _PREFIXES.items():
        if name.startswith(prefix):
            return kind
    return default or "other"
