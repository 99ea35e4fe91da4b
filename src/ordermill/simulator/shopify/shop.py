"""What the shop says of itself, and what it grants the app that asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ordermill.simulator.building import Shop
from ordermill.simulator.shopify.throttle import Size
from ordermill.simulator.shopify.values import Node, gid, stamp

SCOPES = frozenset({"read_orders", "read_all_orders", "read_customers", "read_companies"})
_NONE = timedelta(0)
DOMAIN = "acme.myshopify.com"
_PERSONAL = ("email", "phone", "billingAddress", "shippingAddress", "customer")
_APPROVAL = (
    "This app is not approved to use the {} field. See "
    "https://shopify.dev/docs/apps/launch/protected-customer-data for more details."
)


@dataclass
class App:
    """What the shop grants the app; a test may change it at any time.

    ``personal``: whether protected customer data may be read. ``throttled_as``: the status of an
    answer that refuses for want of points; both are told of live shops.
    """

    scopes: frozenset[str] = SCOPES
    personal: bool = True
    size: Size = field(default_factory=Size)
    throttled_as: Literal[200, 429] = 200

    def denied(self) -> dict[tuple[str, str], str]:
        """The fields that are null for it, by type and name, each with what the answer says."""
        hidden: list[str] = [] if self.personal else list(_PERSONAL)
        refused = {("Order", name): _APPROVAL.format(name) for name in hidden}
        if "read_companies" not in self.scopes:
            refused["Order", "purchasingEntity"] = access_denied("purchasingEntity", "companies")
        return refused


def access_denied(name: str, of: str) -> str:
    """The message for a field whose scope was not granted."""
    return f"Access denied for {name} field. Required access: `read_{of}` access scope."


def installation(scopes: Iterable[str]) -> Node:
    """``currentAppInstallation``."""
    return Node(
        __typename="AppInstallation",
        id=gid("AppInstallation", 1),
        accessScopes=[Node(handle=scope) for scope in sorted(scopes)],
    )


def shop(settings: Shop, now: datetime) -> Node:
    """``shop``; what no order depends on is invented."""
    offset = int((now.astimezone(ZoneInfo(settings.timezone)).utcoffset() or _NONE).total_seconds())
    hours, minutes = divmod(abs(offset) // 60, 60)
    return Node(
        __typename="Shop",
        id=gid("Shop", 1), name=settings.name, myshopifyDomain=DOMAIN,
        url=f"https://{DOMAIN}", storefrontUrl=f"https://{DOMAIN}", richTextEditorUrl="https://x.y",
        currencyCode=settings.currency, enabledPresentmentCurrencies=[settings.currency],
        ianaTimezone=settings.timezone, timezoneAbbreviation="CET",
        timezoneOffset=f"{'-' if offset < 0 else '+'}{hours:02}{minutes:02}",
        timezoneOffsetMinutes=offset // 60,
        taxesIncluded=settings.prices_include_tax, taxShipping=True,
        plan=Node(publicDisplayName="Basic", shopifyPlus=False, partnerDevelopment=True),
        shopAddress=_address(settings),
        contactEmail="shop@example.test", email="shop@example.test", shopOwnerName="Lab",
        description=None, analyticsToken="", customerAccounts="OPTIONAL",
        orderNumberFormatPrefix="#", orderNumberFormatSuffix="",
        shipsToCountries=[settings.country], publicationCount=1,
        checkoutApiSupported=True, marketingSmsConsentEnabledAtCheckout=False,
        setupRequired=False, transactionalSmsDisabled=True,
        unitSystem="METRIC_SYSTEM", weightUnit="KILOGRAMS",
        createdAt=stamp(now), updatedAt=stamp(now),
    )  # fmt: skip


def _address(settings: Shop) -> Node:
    return Node(
        __typename="ShopAddress",
        id=gid("ShopAddress", 1), company=settings.name, address1="Trg 1", address2=None,
        city="Ljubljana", zip="1000", province=None, provinceCode=None,
        country=settings.country, countryCodeV2=settings.country, phone=None,
    )  # fmt: skip
