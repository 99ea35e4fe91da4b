"""Money of orders: received, given back, or moved from a credit note. Only ever added to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from ordermill.model.case import Case
from ordermill.model.document import Payment
from ordermill.store.bulk import append
from ordermill.store.tables import payments

_NAMES = (
    "id", "entity_id", "order_id", "key", "invoice_id", "credit_note_id", "type", "amount",
    "currency_code", "reference", "date", "search_text", "created_at",
)  # fmt: skip


def append_payments(
    conn: Connection, made: Iterable[tuple[str, Case, Payment]], now: datetime
) -> None:
    """Write them, each with its entity id; the documents they name are there already. One whose
    cause is recorded for its order is refused by the database."""
    append(conn, payments, _NAMES, [_row(*one, now) for one in made])


def _row(entity_id: str, case: Case, payment: Payment, now: datetime) -> tuple[object, ...]:
    day = (payment.at or now).astimezone(ZoneInfo(case.entity.timezone)).date()
    texts = (payment.reference, payment.type, case.order.source_order_number)
    return (
        payment.id, entity_id, case.id, payment.key, payment.invoice_id, payment.credit_note_id,
        payment.type, payment.amount, payment.currency_code, payment.reference, day.isoformat(),
        "\n".join(text for text in texts if text).casefold(), now,
    )  # fmt: skip
