"""The connector for WooCommerce shops, by their REST API (wc/v3; WooCommerce 7.9 to 11.0)."""

from __future__ import annotations

from ordermill.connector.base import Plugin
from ordermill_woocommerce.connector import OPERATIONS, connect
from ordermill_woocommerce.options import Options, shop_key

__all__ = ["plugin"]

plugin = Plugin(
    source="woocommerce",
    options=Options,
    shop_key=shop_key,
    connect=connect,
    operations=OPERATIONS,
)
