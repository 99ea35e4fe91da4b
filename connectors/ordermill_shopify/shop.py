"""What the shop says of itself: name, currency, version, and what this app may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ordermill.connector.base import ShopInfo
from ordermill_shopify.client import AdminClient
from ordermill_shopify.raws import source_id

READ_ORDERS, READ_ALL_ORDERS = "read_orders", "read_all_orders"
_FAR_OFF = 60.0


class Scopes:
    """What the app may read. Asked each time something depends on it: a merchant grants scopes and
    takes them back while we run."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def hidden(self, missing: Sequence[str]) -> list[str]:
        """Which of these ids the shop may be hiding rather than have deleted.

        Without read_all_orders Shopify shows orders of the last 60 days only. Ids grow with time,
        so what is older than the oldest order in sight may be hidden. That order is asked for
        after the ids were: one that passes out of sight in between is then hidden, not deleted.
        """
        if not missing or READ_ALL_ORDERS in granted_in(ask_shop(self._client)):
            return []
        reply = self._client.ask("scopes", "oldest", {})
        orders = reply.data.get("orders")
        nodes = orders.get("nodes") if isinstance(orders, dict) else None
        oldest = source_id(nodes[0]) if nodes else "?"
        if not oldest.isdigit():
            return list(missing)
        return [each for each in missing if int(each) < int(oldest)]


def granted_in(said: Mapping[str, Any]) -> frozenset[str]:
    """The scopes in the shop's answer."""
    installed = said.get("currentAppInstallation")
    handles = installed.get("accessScopes") if isinstance(installed, dict) else None
    return frozenset(
        each["handle"] for each in handles or () if isinstance(each.get("handle"), str)
    )


def ask_shop(client: AdminClient) -> Mapping[str, Any]:
    return client.ask("check", "shop", {}).data


def shop_info(client: AdminClient, wanted: str) -> ShopInfo:
    """One question to the shop; sentences for the operator where something is not as it should."""
    said = ask_shop(client)
    granted = granted_in(said)
    shop = said.get("shop")
    shop = shop if isinstance(shop, dict) else {}
    return ShopInfo(
        name=str(shop.get("name") or ""),
        version=client.version,
        currency_code=shop.get("currencyCode"),
        scopes=tuple(sorted(granted)),
        clock_difference=client.difference,
        problems=tuple(_problems(client, granted, wanted)),
    )


def _problems(client: AdminClient, granted: frozenset[str], wanted: str) -> list[str]:
    problems = []
    if READ_ORDERS not in granted:
        problems.append("the scope read_orders is missing: no order can be read; grant it")
    if READ_ALL_ORDERS not in granted:
        problems.append(
            "the scope read_all_orders is missing: orders older than 60 days cannot be seen, "
            "their later changes and deletions neither; ask Shopify for it"
        )
    if client.version not in (None, wanted):
        problems.append(
            f"the shop answers with API version {client.version} instead of {wanted}, which has "
            "expired or is unknown; set api_version to a supported one"
        )
    if client.denied:
        names = ", ".join(sorted(client.denied))
        problems.append(f"the app may not read {names}; ask for access to protected customer data")
    if client.difference is not None and abs(client.difference) > _FAR_OFF:
        problems.append("this machine's clock and the shop's differ by more than a minute; set it")
    return problems
