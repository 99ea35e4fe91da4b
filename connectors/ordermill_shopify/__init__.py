"""Reads orders from Shopify over its Admin GraphQL API. What it writes to a shop are webhook
subscriptions, when a person asks for them, and nothing else."""

from __future__ import annotations

from ordermill.connector.base import Connector, Context, Plugin
from ordermill_shopify.connector import ShopifyConnector
from ordermill_shopify.options import Options, shop_key


def connect(options: Options, context: Context) -> Connector:
    """Build the connector; asks the shop nothing."""
    return ShopifyConnector(options, context)


plugin = Plugin(
    source="shopify",
    options=Options,
    shop_key=shop_key,
    connect=connect,
    operations=(
        "orders",
        "by_ids",
        "details",
        "nested",
        "index",
        "bulk",
        "file",
        "check",
        "scopes",
        "token",
        "webhooks",
    ),
)
