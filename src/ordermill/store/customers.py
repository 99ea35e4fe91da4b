"""Customers: one row per buyer of an entity, however many of their orders come at once.

What makes two buyers one is the e-mail address in any letter case, else the platform's customer,
else nothing: then the order is its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from ordermill.model.document import Buyer
from ordermill.model.order import Address
from ordermill.store.bulk import among_given, upsert
from ordermill.store.ids import new_id
from ordermill.store.rows import json_text
from ordermill.store.tables import customers

Key = tuple[str, str]  # entity id, key


@dataclass(frozen=True, slots=True)
class Purchase:
    """A buyer as one order names them; ``at`` is when it was placed."""

    entity_id: str
    key: str
    buyer: Buyer
    at: datetime


def key_of(buyer: Buyer, *, integration_id: str, platform_id: str | None, order_id: str) -> str:
    """What makes two buyers one within an entity."""
    if buyer.email and buyer.email.strip():
        return f"email:{buyer.email.strip().casefold()}"
    if platform_id:
        return f"source:{integration_id}:{platform_id}"
    return f"order:{order_id}"


def resolve(
    conn: Connection, purchases: Sequence[Purchase], now: datetime
) -> tuple[dict[Key, str], Counter[str]]:
    """The customer of each, made where there is none; ids by (entity id, key), and how many were
    made by entity id.

    A customer is as the latest order names them, by the time it was placed. Rows are locked in
    sorted order, so that two writers never wait for each other in a circle.
    """
    if not purchases:
        return {}, Counter()
    newest: dict[Key, Purchase] = {}
    for purchase in sorted(purchases, key=lambda purchase: purchase.at):
        newest[purchase.entity_id, purchase.key] = purchase
    rows = [_row(newest[key], now) for key in sorted(newest)]
    upsert(
        conn,
        customers,
        _NAMES,
        rows,
        key=("entity_id", "key"),
        update=(),
        expressions=_REFRESHED,
    )
    ids = _ids(conn, newest)
    made = {row[0] for row in rows}
    return ids, Counter(key[0] for key, customer_id in ids.items() if customer_id in made)


_NAMES = (
    "id", "entity_id", "key", "name", "email", "phone", "company_name", "tax_number",
    "company_number", "is_business", "address", "search_text", "as_of", "created_at", "updated_at",
)  # fmt: skip
_REFRESHED = tuple(
    (name, f"CASE WHEN excluded.as_of >= customers.as_of THEN excluded.{name} "
           f"ELSE customers.{name} END")
    for name in _NAMES[3:-2] + _NAMES[-1:]
)  # fmt: skip


def _row(purchase: Purchase, now: datetime) -> tuple[object, ...]:
    buyer = purchase.buyer
    return (
        new_id("cus", now), purchase.entity_id, purchase.key, buyer.name, buyer.email, buyer.phone,
        buyer.company_name, buyer.tax_number, buyer.company_number, buyer.is_business,
        None if buyer.address is None else json_text(buyer.address), search_text(buyer),
        purchase.at, now, now,
    )  # fmt: skip


def _ids(conn: Connection, wanted: Mapping[Key, object]) -> dict[Key, str]:
    """Of these and perhaps others: every wanted key in every wanted entity."""
    given = {"entities": sorted({entity_id for entity_id, _ in wanted}),
             "keys": [key for _, key in wanted]}  # fmt: skip
    rows = conn.execute(_asked(conn.dialect.name), given)
    return {(entity_id, key): customer_id for entity_id, key, customer_id in rows}


@cache
def _asked(dialect: str) -> Any:
    return select(customers.c.entity_id, customers.c.key, customers.c.id).where(
        among_given(dialect, customers.c.entity_id, "entities"),
        among_given(dialect, customers.c.key, "keys"),
    )


def search_text(buyer: Buyer) -> str:
    """Every value of a buyer that a person may look for, casefolded, a line each."""
    return "\n".join(searched(buyer)).casefold()


def searched(buyer: Buyer) -> Iterator[str]:
    own = (
        buyer.name, buyer.email, buyer.phone, buyer.company_name, buyer.tax_number,
        buyer.company_number,
    )  # fmt: skip
    yield from (value for value in (*own, *_parts(buyer.address)) if value)


def _parts(address: Address | None) -> tuple[str | None, ...]:
    if address is None:
        return ()
    return (
        address.name, address.company, address.address, address.address_2, address.city,
        address.state, address.post_code, address.country, address.phone,
    )  # fmt: skip
