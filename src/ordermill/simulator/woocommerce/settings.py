"""What a shop says of itself: its index, statuses, settings and currency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ordermill.simulator import money
from ordermill.simulator.building import Shop
from ordermill.simulator.woocommerce.document import SYMBOLS, Json

STATUSES = (
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "auto-draft", "checkout-draft",
)  # fmt: skip
_NAMES = {"pending": "Pending payment", "on-hold": "On hold", "checkout-draft": "Draft"}


def statuses(known: Iterable[str]) -> list[Json]:
    return [
        {"slug": slug, "name": _NAMES.get(slug, slug.capitalize())}
        for slug in known
        if slug != "auto-draft"
    ]


def index(path: str, home: str, shop: Shop) -> Json:
    """/wp-json, or the namespace wc/v3; open to everybody."""
    if path.rstrip("/").endswith("/v3"):
        routes = {f"/wc/v3{name}": _route(home, f"/wc/v3{name}") for name in _PATHS}
        return {"namespace": "wc/v3", "routes": routes}
    routes = {name: _route(home, name) for name in ("/", "/wc/v3", "/wc/v3/orders")}
    return {
        "name": shop.name,
        "description": "",
        "url": home,
        "home": home,
        "gmt_offset": "1",
        "timezone_string": shop.timezone,
        "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wp/v2"],
        "authentication": [],
        "routes": routes,
    }


_PATHS = ("", "/orders", "/orders/(?P<id>[\\d]+)", "/orders/statuses", "/system_status")


def _route(home: str, path: str) -> Json:
    return {
        "namespace": "wc/v3",
        "methods": ["GET"],
        "endpoints": [{"methods": ["GET"], "args": {}}],
        "_links": {"self": [{"href": f"{home}/wp-json{path}"}]},
    }


def tax(shop: Shop) -> list[Json]:
    return [
        {"id": "woocommerce_prices_include_tax", "value": _yes(shop.prices_include_tax)},
        {"id": "woocommerce_tax_based_on", "value": "shipping"},
        {"id": "woocommerce_shipping_tax_class", "value": "inherit"},
        {"id": "woocommerce_tax_round_at_subtotal", "value": _yes(shop.round_at_subtotal)},
        {"id": "woocommerce_tax_classes", "value": ""},
        {"id": "woocommerce_tax_display_shop", "value": "excl"},
        {"id": "woocommerce_tax_display_cart", "value": "excl"},
        {"id": "woocommerce_price_display_suffix", "value": ""},
        {"id": "woocommerce_tax_total_display", "value": "itemized"},
    ]


def general(shop: Shop) -> list[Json]:
    return [
        {"id": "woocommerce_default_country", "value": shop.country},
        {"id": "woocommerce_calc_taxes", "value": "yes"},
        {"id": "woocommerce_currency", "value": shop.currency},
        {"id": "woocommerce_price_num_decimals", "value": str(_decimals(shop))},
    ]


def currency(shop: Shop) -> Json:
    symbol = SYMBOLS.get(shop.currency, shop.currency)
    return {"code": shop.currency, "name": shop.currency, "symbol": symbol}


def system_status(shop: Shop, home: str, version: str, *, hpos: bool) -> Json:
    """The parts that tell a client what it talks to."""
    store: Any = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
    return {
        "environment": {
            "home_url": home,
            "site_url": home,
            "version": version,
            "wp_version": "7.0.4",
            "default_timezone": "UTC",
        },
        "settings": {
            "api_enabled": False,
            "currency": shop.currency,
            "currency_symbol": SYMBOLS.get(shop.currency, shop.currency),
            "number_of_decimals": _decimals(shop),
            "taxonomies": {},
            "HPOS_enabled": hpos,
            "order_datastore": store if hpos else "WC_Order_Data_Store_CPT",
            "HPOS_sync_enabled": False,
        },
    }


def _decimals(shop: Shop) -> int:
    return money.places(shop.currency) if shop.decimals is None else shop.decimals


def _yes(value: bool) -> str:
    return "yes" if value else "no"
