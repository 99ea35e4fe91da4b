"""The connectors as their plug-ins make them, with a secret in every place that takes one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ordermill.connector.base import Connector, Context
from ordermill.connector.registry import installed
from ordermill.connector.trial import Counted
from security.attempts import CANARY

OPTIONS: dict[str, dict[str, Any]] = {
    "woocommerce": {
        "base_url": "https://shop.example.com",
        "consumer_key": f"ck_{CANARY}",
        "consumer_secret": f"cs_{CANARY}",
    },
    "shopify": {"shop_domain": "acme.myshopify.com", "access_token": f"shpat_{CANARY}"},
}


def a_context() -> Context:
    """One whose pauses take no time."""
    return Context("shop", lambda: datetime.now(UTC), lambda seconds: None, Counted(), 5)


def connected(source: str, url: str, **other: Any) -> Connector:
    """A connector to a shop at that address of this machine."""
    plugin = installed()[source]
    values = OPTIONS[source] | {"base_url": url, "allow_private_network": True} | other
    return plugin.connect(plugin.options.model_validate(values), a_context())
