"""What `ordermill check` asks, and whether a shop can be read at all."""

from __future__ import annotations

from typing import Any

from ordermill.connector.base import By, Context, ShopInfo
from ordermill.errors import SourceUnsupported
from ordermill_woocommerce.raw import ROWS
from ordermill_woocommerce.shop import Shop, shop_time

_FAR_FUTURE = "2100-01-01T00:00:00"


def check(shop: Shop, context: Context) -> ShopInfo:
    """Credentials, version, currency, storage and clock, in two or three requests."""
    before = context.now()
    _, headers = shop.get("probe", "/orders", ROWS, {"per_page": "1", "_fields": "id"})
    after = context.now()
    clock = shop_time(headers)
    refuse_ancient(shop, By.CHANGED)
    report = shop.system_status("environment,settings")
    environment = _part(report, "environment")
    settings = _part(report, "settings")
    return ShopInfo(
        name=_text(environment.get("site_url")) or "WooCommerce",
        version=_text(environment.get("version")),
        currency_code=_text(settings.get("currency")),
        scopes=("read",),
        clock_difference=(
            None if clock is None else (clock - (before + (after - before) / 2)).total_seconds()
        ),
        problems=tuple(_problems(report, settings)),
    )


def refuse_ancient(shop: Shop, by: By) -> None:
    """Raise SourceUnsupported if the shop ignores the window: it shows orders of the far future."""
    name = "modified_after" if by is By.CHANGED else "after"
    params = {name: _FAR_FUTURE, "dates_are_gmt": "true", "per_page": "1", "_fields": "id"}
    rows, _ = shop.get("probe", "/orders", ROWS, params)
    if rows:
        raise SourceUnsupported(
            f"the shop ignores {name}, so its changes cannot be told from its history; "
            "update WooCommerce (5.8 or later; 7.9 to 11.0 are tested)"
        )


def keeps_tables(shop: Shop) -> bool:
    """Whether orders are known to be kept in tables of their own (HPOS), where each edit moves the
    date; False where they are posts and where the key may not see it."""
    return _part(shop.system_status("settings"), "settings").get("HPOS_enabled") is True


def _problems(report: dict[str, Any] | None, settings: dict[str, Any]) -> list[str]:
    if report is None:
        return [
            "the key may not see the system status, so each sweep reads whole orders; "
            "a key of an administrator or shop manager makes sweeps cheap"
        ]
    if settings.get("HPOS_enabled") is not True:
        return [
            "orders are kept as posts: edited items move no date and are found by the sweep only, "
            "which reads whole orders; switch high-performance order storage on"
        ]
    return []


def _part(report: dict[str, Any] | None, name: str) -> dict[str, Any]:
    part = None if report is None else report.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
