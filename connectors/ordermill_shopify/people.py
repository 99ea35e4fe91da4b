"""Who bought: customer, tax number, addresses. Pure."""

from __future__ import annotations

from ordermill.model.order import Address, Customer
from ordermill_shopify import structs
from ordermill_shopify.raws import bare

# What shops without B2B call the field in which buyers write their tax number.
_TAX_KEYS = frozenset({
    "vat", "vatid", "vatnumber", "vatno", "taxid", "taxnumber", "taxregistrationnumber",
    "customervat", "companyvat", "companyvatnumber", "euvat", "euvatnumber", "ustid", "ustidnr",
    "partitaiva", "nif", "gstin",
})  # fmt: skip
_COMPANY_KEYS = frozenset({
    "companynumber", "companyregistrationnumber", "registrationnumber", "companyid",
})  # fmt: skip


def address_of(address: structs.Address | None) -> Address | None:
    """None where nothing is filled in."""
    if address is None:
        return None
    code = (address.country_code_v2 or "").strip().upper()
    found = Address(
        name=_text(address.name) or _full_name(address),
        company=_text(address.company),
        address=_text(address.address1),
        address_2=_text(address.address2),
        city=_text(address.city),
        state=_text(address.province_code) or _text(address.province),
        post_code=_text(address.zip),
        country=_text(address.country),
        country_code=code if len(code) == 2 and code.isascii() and code.isalpha() else None,
        phone=_text(address.phone),
    )
    return None if found == Address() else found


def customer_of(order: structs.Order) -> Customer | None:
    """Everything known of the buyer beyond name and e-mail address; None where that is nothing."""
    company, tax_number = _company(order), _tax_number(order)
    found = Customer(
        phone=_text(order.phone) or _first(order, "phone"),
        company_name=company,
        tax_number=tax_number,
        company_number=_attribute(order, _COMPANY_KEYS),
        is_business=company is not None or tax_number is not None,
        notes=_text(order.note),
        source_id=bare(order.customer.id) if order.customer is not None else None,
    )
    return None if found == Customer() else found


def name_of(order: structs.Order) -> str | None:
    """Of the billing address, else the customer, else the shipping address, else the company."""
    billing, shipping = address_of(order.billing_address), address_of(order.shipping_address)
    if billing is not None and billing.name:
        return billing.name
    known = _text(order.customer.display_name) if order.customer is not None else None
    return known or (shipping.name if shipping is not None else None) or _company(order)


def _company(order: structs.Order) -> str | None:
    buyer = order.purchasing_entity
    b2b = _text(buyer.company.name) if buyer is not None and buyer.company is not None else None
    return b2b or _first(order, "company")


def _tax_number(order: structs.Order) -> str | None:
    buyer = order.purchasing_entity
    location = buyer.location if buyer is not None else None
    if location is not None and location.tax_settings is not None:
        number = _text(location.tax_settings.tax_registration_id)
        if number:
            return number
    for field in order.localized_fields:
        if field.key.startswith("TAX_CREDENTIAL") and _text(field.value):
            return _text(field.value)
    return _attribute(order, _TAX_KEYS)


def _attribute(order: structs.Order, keys: frozenset[str]) -> str | None:
    for attribute in order.custom_attributes:
        plain = "".join(c for c in attribute.key.casefold() if c.isalnum())
        if plain in keys and _text(attribute.value):
            return _text(attribute.value)
    return None


def _first(order: structs.Order, name: str) -> str | None:
    for address in (address_of(order.billing_address), address_of(order.shipping_address)):
        found: str | None = getattr(address, name, None)
        if found:
            return found
    return None


def _full_name(address: structs.Address) -> str | None:
    return _text(f"{address.first_name or ''} {address.last_name or ''}")


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None
