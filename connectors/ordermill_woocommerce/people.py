"""Who bought, and where to: from billing, shipping and the plug-ins' meta data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ordermill.model.order import Address, Customer
from ordermill_woocommerce.typed import Contact, WooOrder

# WooCommerce has no tax number of its own; each plug-in chose a key, and fields that a shop adds to
# the block checkout have the checkout's prefix. A bare shipping_tax is an amount.
_TAX_NUMBER = re.compile(
    r"(?!_?(shipping_|customer_)tax$)"
    r"(_wc_(billing|shipping|other)/[a-z0-9_-]+/|_|yweu_)?(billing_|shipping_|customer_)?(eu_)?"
    r"(company_)?(vat|tax|nif|nip|cif|cui|oib|piva|dic|ic_dph|btw)"
    r"([ _-]?(number|nummer|no|id|code))?"
)
_COMPANY_NUMBER = re.compile(r"_?billing_(company_(number|id)|ico)|_?company_number")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_NOWHERE = Address()
_NOBODY = Customer()
_BLANK = Contact()


def customer_of(order: WooOrder, meta: Mapping[str, str]) -> Customer | None:
    """The buyer beyond name and e-mail; None if there is nothing to say."""
    billing = order.billing or _BLANK
    shipping = order.shipping or _BLANK
    tax_number = _first(_TAX_NUMBER, meta)
    company = _clean(billing.company)
    customer = Customer(
        phone=_clean(billing.phone) or _clean(shipping.phone),
        company_name=company,
        tax_number=tax_number,
        company_number=_first(_COMPANY_NUMBER, meta),
        is_business=bool(company or tax_number),
        notes=_clean(order.customer_note),
        source_id=str(order.customer_id) if order.customer_id > 0 else None,
    )
    return None if customer == _NOBODY else customer


def name_of(order: WooOrder) -> str | None:
    """The buyer's name, else the company's, else the one the parcel goes to."""
    for contact in (order.billing, order.shipping):
        if contact is not None:
            name = _full_name(contact) or _clean(contact.company)
            if name:
                return name
    return None


def email_of(order: WooOrder) -> str | None:
    return _clean(order.billing.email) if order.billing is not None else None


def address_of(contact: Contact | None) -> Address | None:
    """None for an address without a word in it."""
    if contact is None:
        return None
    country = _clean(contact.country)
    code = country.upper() if country is not None else None
    is_code = code is not None and _COUNTRY.fullmatch(code) is not None
    address = Address(
        name=_full_name(contact),
        company=_clean(contact.company),
        address=_clean(contact.address_1),
        address_2=_clean(contact.address_2),
        city=_clean(contact.city),
        state=_clean(contact.state),
        post_code=_clean(contact.postcode),
        country=None if is_code else country,
        country_code=code if is_code else None,
        phone=_clean(contact.phone),
    )
    return None if address == _NOWHERE else address


def _full_name(contact: Contact) -> str | None:
    return _clean(f"{contact.first_name or ''} {contact.last_name or ''}")


def _first(pattern: re.Pattern[str], meta: Mapping[str, str]) -> str | None:
    found = (key for key in meta if pattern.fullmatch(key.lower()) and _clean(meta[key]))
    key = min(found, key=lambda key: "shipping" in key.lower(), default=None)
    return None if key is None else _clean(meta[key])


def _clean(text: str | None) -> str | None:
    return (text.strip() or None) if text else None
