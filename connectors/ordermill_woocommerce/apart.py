"""A page over which the shop's PHP dies: which of its orders cannot be shown.

Items that an old version wrote or a plug-in broke end PHP whenever their order is shown, in every
list that holds it (WooCommerce 60233, 62352, 38734). Few fields of it can be listed all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from msgspec import Raw

from ordermill_woocommerce.answers import Died
from ordermill_woocommerce.raw import head_of
from ordermill_woocommerce.shop import Rows, Shop

INDEX_FIELDS = (
    "id,status,date_created,date_created_gmt,date_modified,date_modified_gmt,total,refunds"
)
# Enough to tell a passing fault from an order that is never shown; of more orders one suffices.
_ATTEMPTS = 2


def page(shop: Shop, operation: str, params: Mapping[str, str]) -> Rows:
    """A page of whole orders, but for those over which PHP dies: of them few fields, if the shop
    shows any other order whole. Where it shows none, it is the shop that is broken."""
    try:
        return shop.rows(operation, params)
    except Died as died:
        if "_fields" in params:
            raise
        few = shop.listed(operation, {**params, "_fields": INDEX_FIELDS}, 1)
        heads = {head.id: row for row in few.rows if (head := head_of(row)) is not None}
        whole, unshown = _shown(shop, params["status"], list(heads))
        if not whole and not shows_others(shop, unshown):
            raise died from None
    rows = [whole.get(order_id, row) for order_id, row in heads.items()
            if order_id in whole or order_id in unshown]  # fmt: skip
    return replace(few, rows=rows)


def including(ids: Sequence[int | str], status: str) -> dict[str, str]:
    """The query for orders by their ids."""
    return {
        "include": ",".join(map(str, ids)),
        "status": status,
        "orderby": "id",
        "order": "asc",
        "per_page": str(len(ids)),
    }


def _shown(shop: Shop, status: str, ids: Sequence[int]) -> tuple[dict[int, Raw], set[int]]:
    """Orders as the shop shows them, asked for in halves where it dies, and those it cannot."""
    if not ids:
        return {}, set()
    try:
        attempts = _ATTEMPTS if len(ids) == 1 else 1
        rows = shop.listed("orders", including(ids, status), attempts).rows
    except Died:
        if len(ids) == 1:
            return {}, set(ids)
        middle = len(ids) // 2
        first, none_of_first = _shown(shop, status, ids[:middle])
        second, none_of_second = _shown(shop, status, ids[middle:])
        return first | second, none_of_first | none_of_second
    return {head.id: row for row in rows if (head := head_of(row)) is not None}, set()


def shows_others(shop: Shop, ids: set[int]) -> bool:
    """Whether the shop shows any order but these; raise SourceError if it fails."""
    others = {"per_page": "1", "exclude": ",".join(map(str, sorted(ids)))}
    return bool(shop.listed("probe", others, 1).rows)
