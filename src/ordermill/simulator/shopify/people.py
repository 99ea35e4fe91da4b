"""Who bought and where it goes, as the Admin API shows it: customer, company, addresses."""

from __future__ import annotations

from decimal import Decimal

from ordermill.simulator.orders import Order
from ordermill.simulator.parts import Address
from ordermill.simulator.shopify.bags import Bags
from ordermill.simulator.shopify.values import Node, gid, stamp

_COUNTRIES = {
    "SI": "Slovenia", "DE": "Germany", "FI": "Finland", "HR": "Croatia", "CA": "Canada",
    "US": "United States", "JP": "Japan", "CH": "Switzerland", "IT": "Italy", "ES": "Spain",
}  # fmt: skip
# Where the checkout asks for a tax number by itself.
_ASKED = frozenset({"BR", "CL", "CO", "CR", "EC", "ES", "GT", "IT", "MX", "MY", "PE", "PT", "TR"})
_NOBODY = Address()


def billing_address(order: Order) -> Node | None:
    """None where the buyer gave none."""
    return _address(order.billing, order.id * 2) if order.billing != _NOBODY else None


def shipping_address(order: Order) -> Node | None:
    """None where nothing has to be sent."""
    if order.ship_to == _NOBODY or not any(line.requires_shipping for line in order.lines):
        return None
    return _address(order.ship_to, order.id * 2 + 1)


def _address(address: Address, number: int) -> Node:
    name = f"{address.first_name} {address.last_name}".strip()
    country = _COUNTRIES.get(address.country, address.country)
    lines = [name, address.company, address.address_1, address.city, country]
    return Node(
        __typename="MailingAddress",
        id=gid("MailingAddress", number),
        firstName=address.first_name or None, lastName=address.last_name or None,
        name=name or None, company=address.company or None,
        address1=address.address_1 or None, address2=address.address_2 or None,
        city=address.city or None, zip=address.postcode or None,
        province=address.state or None, provinceCode=address.state or None,
        country=country or None,
        countryCode=address.country or None, countryCodeV2=address.country or None,
        phone=address.phone or None,
        formatted=[line for line in lines if line],
        formattedArea=", ".join(part for part in (address.city, country) if part),
        coordinatesValidated=False, latitude=None, longitude=None,
        timeZone=None, validationResultSummary=None,
    )  # fmt: skip


def customer(order: Order) -> Node | None:
    """The buyer's account; None for guests."""
    who = order.customer
    if not who.id:
        return None
    since = stamp(order.created_at)
    return Node(
        __typename="Customer",
        id=gid("Customer", who.id), legacyResourceId=str(who.id),
        displayName=f"{who.first_name} {who.last_name}".strip() or who.email,
        firstName=who.first_name or None, lastName=who.last_name or None,
        email=who.email or None, phone=who.phone or None,
        defaultEmailAddress=Node(emailAddress=who.email) if who.email else None,
        locale="en", note=None, tags=[], state="DISABLED",
        taxExempt=order.tax_exempt, taxExemptions=[],
        createdAt=since, updatedAt=since, lifetimeDuration="less than a minute",
        numberOfOrders="1", amountSpent=Bags(order)(Decimal(0))["shopMoney"],
        canDelete=False, dataSaleOptOut=False, hasTimelineComment=False,
        multipassIdentifier=None, productSubscriberStatus="NEVER_SUBSCRIBED",
        unsubscribeUrl="https://acme.myshopify.com/unsubscribe",
        validEmailAddress=True, verifiedEmail=True,
    )  # fmt: skip


def purchasing_entity(order: Order) -> Node | None:
    """A company where one buys with an account (B2B), else the customer."""
    who, buyer = order.customer, customer(order)
    if buyer is None or not who.company:
        return buyer
    location = Node(
        __typename="CompanyLocation",
        id=gid("CompanyLocation", who.id), name=order.billing.city or who.company,
        externalId=None,
        billingAddress=_company_address(order),
        taxSettings=Node(
            taxRegistrationId=who.vat_id or None, taxExempt=order.tax_exempt, taxExemptions=[]
        ),
    )  # fmt: skip
    return Node(
        __typename="PurchasingCompany",
        company=Node(
            __typename="Company", id=gid("Company", who.id), name=who.company, externalId=None
        ),
        contact=Node(
            __typename="CompanyContact", id=gid("CompanyContact", who.id), title=None,
            customer=buyer,
        ),
        location=location,
    )  # fmt: skip


def _company_address(order: Order) -> Node:
    at = order.billing
    return Node(
        __typename="CompanyAddress",
        id=gid("CompanyAddress", order.customer.id),
        companyName=order.customer.company, recipient=None,
        firstName=at.first_name or None, lastName=at.last_name or None,
        address1=at.address_1, address2=at.address_2 or None, city=at.city or None,
        zip=at.postcode or None, province=at.state or None, zoneCode=at.state or None,
        country=_COUNTRIES.get(at.country, at.country), countryCode=at.country or "ZZ",
        phone=at.phone or None,
    )  # fmt: skip


def localized_fields(order: Order) -> list[Node]:
    """The tax number, where the checkout asks for one."""
    number, country = order.customer.vat_id, order.billing.country
    if not number or country not in _ASKED:
        return []
    return [
        Node(
            key=f"TAX_CREDENTIAL_{country}", countryCode=country, purpose="TAX",
            title="Tax number", value=number,
        )
    ]  # fmt: skip


def attributes(order: Order) -> list[Node]:
    """Cart attributes; companies without an account write their tax number into one."""
    shown = [
        Node(key=name, value=str(value)) for _, name, value in order.meta if name[:1] != "_"
    ]  # fmt: skip
    guest = order.customer.vat_id and not order.customer.id
    if guest and not localized_fields(order):
        shown.append(Node(key="VAT number", value=order.customer.vat_id))
    return shown
