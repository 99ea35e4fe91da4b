"""Process: the first document of an order, an invoice or an estimate. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from ordermill.invoicing import money
from ordermill.model import rules
from ordermill.model.books import desired
from ordermill.model.buyer import buyer_of
from ordermill.model.case import Case, Desk, Happening, Plan, Refused
from ordermill.model.codes import Skip, code_of
from ordermill.model.content import odd_taxes
from ordermill.model.document import Content, DocumentKind, Draft, LinkType
from ordermill.model.erasure import NOBODY
from ordermill.model.lifecycle import assert_processable
from ordermill.model.order import OrderStatus
from ordermill.model.rules import Decision, Verdict


def by_hand(case: Case, desk: Desk) -> Plan:
    """A person's call: an invoice now, whatever the rules wait for or skip.

    Raise WrongState if it is invoiced or cancelled. What may not be invoiced at all (its sums do
    not reconcile, the law needs more of the buyer, nothing is left of it) is refused, and said on
    the order.
    """
    assert_processable(case)
    obstacle = rules.nothing_left(case) or rules.hold(case)
    if obstacle is not None:
        return refused(case, obstacle)
    return invoice(case, desk, "by a call")


def refused(case: Case, obstacle: Decision) -> Plan:
    """The order says why there is no document, and the call is answered with it. What is to be held
    fails; an order that has an invoice or an estimate keeps its status, and one that a rule skips
    the rule's reason."""
    kept = {OrderStatus.INVOICED, OrderStatus.ESTIMATED}
    holds = obstacle.verdict is Verdict.HOLD
    fails = OrderStatus.FAILED if holds else OrderStatus.SKIPPED
    skipped = code_of(case.error) in set(Skip)
    return Plan(
        decisions={
            "status": case.status if case.status in kept else fails,
            "error": case.error if skipped and not holds else obstacle.error,
            "process_after": None,
        },
        events=(Happening(type="order.failed", reason=obstacle.error),),
        refusal=Refused(code=obstacle.code or "", message=obstacle.reason, details=_about(case)),
    )


def _about(case: Case) -> dict[str, str | None]:
    return {"id": case.id} if case.invoice_id is None else {"invoice_id": case.invoice_id}


def invoice(case: Case, desk: Desk, reason: str) -> Plan:
    """The invoice over what remains of the order, with the payments that came so far."""
    drafted = draft(case, desk, desired(case), DocumentKind.INVOICE)
    if case.estimate is not None:
        link = (LinkType.INVOICED_BY, case.estimate.id)
        drafted = replace(drafted, links=(link,))
    settled = absorbed(case, drafted.id)
    return Plan(
        documents=(drafted,),
        payments=money.incoming(without(case, settled), desk, drafted),
        settled=settled,
        decisions=invoiced(drafted.id, desk.now),
        events=(
            *noticed(drafted),
            Happening(type="order.processed", reason=reason, data=_told(drafted)),
        ),
    )


def estimate(case: Case, desk: Desk, reason: str) -> Plan:
    """An estimate for what is not paid yet; the invoice comes with the payment."""
    drafted = draft(case, desk, desired(case), DocumentKind.ESTIMATE)
    return Plan(
        documents=(drafted,),
        decisions={
            "status": OrderStatus.ESTIMATED,
            "estimate_id": drafted.id,
            "processed_at": desk.now,
            "triggered_at": None,
            "process_after": None,
            "decide_at": None,
            "error": None,
            "attempts": 0,
        },
        events=(
            *noticed(drafted),
            Happening(type="order.processed", reason=reason, data=_told(drafted)),
        ),
    )


def draft(case: Case, desk: Desk, what: Content, kind: DocumentKind) -> Draft:
    """A document over ``what``, made out to the order's present buyer, or to that of the invoice
    before where the order says nothing of one (any more). Its service date is the day of
    fulfilment, else of the order."""
    customer = buyer_of(case.order)
    if customer == NOBODY and case.invoice is not None:
        customer = case.invoice.customer
    served = case.order.fulfilled_at or case.order.ordered_at
    prefix = "est" if kind is DocumentKind.ESTIMATE else "inv"
    return Draft(
        id=desk.new_id(prefix),
        kind=kind,
        content=what,
        customer=customer,
        date_service=None if served is None else served.astimezone(case.zone).date().isoformat(),
    )


def noticed(drafted: Draft) -> tuple[Happening, ...]:
    """The platform's tax is billed as it is; where base and rate say otherwise, so does the
    trail."""
    odd = [
        {"rate": tax.rate, "base": tax.base, "tax": tax.tax} for tax in odd_taxes(drafted.content)
    ]
    reason = "a tax is not base times rate, and billed as it came"
    return (Happening(type="order.updated", reason=reason, data={"taxes": odd}),) if odd else ()


def absorbed(case: Case, invoice_id: str) -> dict[str, str]:
    """The refunds that an invoice leaves out what they took back: no credit note comes of them."""
    return {
        known.refund.source_id: invoice_id
        for known in case.refunds
        if known.settled_by is None and not known.deleted
    }


def invoiced(invoice_id: str, now: datetime) -> dict[str, object]:
    """The decisions of an order whose documents are right."""
    return {
        "status": OrderStatus.INVOICED,
        "invoice_id": invoice_id,
        "processed_at": now,
        "process_after": None,
        "reissue_after": None,
        "decide_at": None,
        "items_changed": False,
        "buyer_changed": False,
        "changes": (),
        "error": None,
        "attempts": 0,
    }


def without(case: Case, settled: dict[str, str]) -> Case:
    """The case with those refunds settled."""
    refunds = tuple(
        replace(known, settled_by=settled.get(known.refund.source_id, known.settled_by))
        for known in case.refunds
    )
    return replace(case, refunds=refunds)


def _told(drafted: Draft) -> dict[str, object]:
    return {
        "document_id": drafted.id,
        "kind": str(drafted.kind),
        "total_with_tax": drafted.content.total_with_tax,
        "currency_code": drafted.content.currency_code,
    }
