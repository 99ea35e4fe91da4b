"""Whether an order that lives in memory holds what `verify` proves of one in the database."""

from __future__ import annotations

from collections import defaultdict

from invoicing.cases import Life
from ordermill.model import proof
from ordermill.model.audit import Booked, OrderBooks, SettledRefund
from ordermill.model.document import OPPOSITE, LinkType


def findings(life: Life) -> list[str]:
    """What `verify` would say of it."""
    return [found.what for found in proof.order(books_of(life))]


def books_of(life: Life) -> OrderBooks:
    """The order as the store would show it to `verify`."""
    case, links = life.case, _links(life)
    return OrderBooks(
        id=case.id,
        name=f"shop/{case.order.source_id}",
        status=case.status,
        error=case.error,
        invoice_id=case.invoice_id,
        estimate_id=case.estimate_id,
        items_changed=case.items_changed,
        cancelled=case.order.cancelled,
        deleted=case.deleted_by is not None,
        waiting=case.decide_at is not None,
        currency_code=case.order.currency_code,
        owed=case.order.owed,
        owed_tax=case.order.owed_tax,
        documents=tuple(
            Booked(issued=each, links=tuple(sorted(links[each.id]))) for each in case.documents
        ),
        payments=case.payments,
        refunds=tuple(
            SettledRefund(
                source_id=known.refund.source_id,
                settled_by=known.settled_by,
                pending=known.refund.pending and not known.deleted and known.settled_by is None,
            )
            for known in case.refunds
        ),
    )


def _links(life: Life) -> dict[str, set[tuple[LinkType, str]]]:
    """As they are written: on both sides."""
    links: dict[str, set[tuple[LinkType, str]]] = defaultdict(set)
    for plan in life.plans:
        for draft in plan.documents:
            for kind, other in draft.links:
                links[draft.id].add((kind, other))
                links[other].add((OPPOSITE[kind], draft.id))
    return links
