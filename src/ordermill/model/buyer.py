"""The buyer of an order as a document names them. Pure."""

from __future__ import annotations

from typing import Any

from ordermill.model.document import Buyer
from ordermill.model.order import Address, Order

# Where the tax is shifted to the buyer, the law asks for the buyer's number (2006/112/EC, 226(4)).
EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
_SAME = {"EL": "GR"}  # Greece in tax numbers and as ISO writes it


def buyer_of(order: Order) -> Buyer:
    """Billing data; the shipping address only where there is no billing address."""
    customer = order.customer
    address = order.billing_address or order.shipping_address
    return Buyer(
        name=order.customer_name or (address.name if address else None),
        email=order.customer_email,
        phone=(customer.phone if customer else None) or (address.phone if address else None),
        company_name=(customer.company_name if customer else None)
        or (address.company if address else None),
        tax_number=customer.tax_number if customer else None,
        company_number=customer.company_number if customer else None,
        is_business=customer.is_business if customer else False,
        address=address,
    )


def missing(order: Order, seller_country: str | None) -> str | None:
    """What an invoice to this buyer must say by law and cannot; None where nothing is missing.

    A business must be named. A business of another EU country that was charged no tax owes it
    itself, and the invoice must carry its tax number.
    """
    buyer = buyer_of(order)
    if not buyer.is_business:
        return None
    if not (buyer.company_name or buyer.name):
        return "the name of the business that bought"
    country = buyer.address.country_code if buyer.address else None
    countries = {_country(country), _country(seller_country)}
    abroad = len(countries) == 2 and countries <= EU
    if abroad and not order.total_tax and order.total_with_tax and not buyer.tax_number:
        return "the tax number of the business, which owes the tax itself"
    return None


def legal(buyer: Buyer) -> dict[str, Any]:
    """What of a buyer the law makes part of the invoice: a change of it is one of the document."""
    return {
        "company_name": buyer.company_name,
        "tax_number": buyer.tax_number,
        "billing_address": _where(buyer.address),
    }


def _country(code: str | None) -> str:
    plain = (code or "").upper()
    return _SAME.get(plain, plain)


def _where(address: Address | None) -> dict[str, str] | None:
    """Only what a letter needs, as it is kept and shown; an address without any of it is none."""
    if address is None:
        return None
    names = ("address", "address_2", "city", "state", "post_code", "country", "country_code")
    return {name: text for name in names if (text := getattr(address, name))} or None
