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
# How often, at least, the shop must show another order, each time at once, before one is blamed:
# a shop that fails at random hardly does.
PROOFS = 5


def page(shop: Shop, operation: str, params: Mapping[str, str]) -> Rows:
    """A page of whole orders, but for those over which PHP dies: of them few fields, if the shop
    shows any other order whole. Where it shows none, it is the shop that is broken."""
    size = shop.size
    try:
        return shop.rows(operation, params)
    except Died as died:
        if "_fields" in params:
            raise
        few = shop.listed(operation, {**params, "_fields": INDEX_FIELDS}, 1)
        listed = [(row, head_of(row)) for row in few.rows]
        heads = [head.id for _, head in listed if head is not None]
        whole, unshown = _shown(shop, params["status"], heads)
        if not _proven(shop, params["status"], whole, unshown):
            raise died from None
    if unshown:
        shop.back_to(size)
    rows = [row if head is None else whole.get(head.id, row) for row, head in listed
            if head is None or head.id in whole or head.id in unshown]  # fmt: skip
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
    """Orders as the shop shows them, asked for in halves where it dies, and those it cannot; raise
    SourceError where the first few are such and PHP dies over others, too."""
    whole: dict[int, Raw] = {}
    unshown: set[int] = set()
    parts = [ids] if ids else []
    while parts:
        part = parts.pop()
        try:
            rows = shop.listed("orders", including(part, status), _attempts(part)).rows
        except Died:
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            unshown |= set(part)
            if not whole and len(unshown) == PROOFS:
                to_blame(shop, unshown, 1)
        else:
            whole |= {head.id: row for row in rows if (head := head_of(row)) is not None}
    return whole, unshown


def _attempts(ids: Sequence[int]) -> int:
    return _ATTEMPTS if len(ids) == 1 else 1


def _proven(shop: Shop, status: str, whole: Mapping[int, Raw], unshown: set[int]) -> bool:
    if whole and not unshown:
        return True
    sound = including(list(whole)[:1], status) if whole else None
    return to_blame(shop, unshown, max(len(unshown), PROOFS), sound)


def to_blame(
    shop: Shop, ids: set[int], proofs: int = PROOFS, sound: Mapping[str, str] | None = None
) -> bool:
    """Whether these orders are to blame, as far as the shop answers a ``sound`` question, or one
    about any other, so many times; raise SourceError if it fails."""
    sound = sound or _others(shop, ids)
    return all(shop.listed("probe", sound, 1).rows for _ in range(proofs))


def _others(shop: Shop, ids: set[int]) -> Mapping[str, str]:
    """The query for the newest order but these; where PHP dies over that, too, for the oldest."""
    newest = {"per_page": "1", "exclude": ",".join(map(str, sorted(ids)))}
    try:
        shop.listed("probe", newest, 1)
    except Died:
        return newest | {"order": "asc"}
    return newest
