"""What became of orders that were due, for those who are told: metrics, the demo, a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from ordermill.model.case import Case, Difference, Plan
from ordermill.model.codes import Hold, code_of
from ordermill.model.document import DocumentKind, Draft
from ordermill.model.order import OrderStatus


class Outcome(StrEnum):
    """What an attempt came to, where it came to something."""

    INVOICED = "invoiced"
    ESTIMATED = "estimated"
    SKIPPED = "skipped"
    RETRY = "retry"  # it broke and is tried again
    FAILED = "failed"  # held: a person or new data must come
    DEAD = "dead"  # it broke for the last time


class Reason(StrEnum):
    """Why a document was issued."""

    ORDER = "order"
    REFUND = "refund"
    REISSUE = "reissue"
    CANCELLATION = "cancellation"


class Cause(StrEnum):
    """What changed before a reissue."""

    ITEMS = "items"
    ADDRESS = "address"
    TAX = "tax"
    REFUND = "refund"


class Result(StrEnum):
    """How a reissue that was due ended; ``skipped``: over the daily cap."""

    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Made:
    """A document that was issued."""

    kind: DocumentKind
    number: str
    total_with_tax: Decimal
    currency_code: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reissue:
    """A reissue by itself; ``replaced`` is the number of the invoice that was credited."""

    cause: Cause
    result: Result
    replaced: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """One order. ``name`` is the shop's number of it, ``error`` its error where it is new."""

    handle: str
    order_id: str
    name: str
    outcome: Outcome | None = None
    error: str | None = None
    documents: tuple[Made, ...] = ()
    reissue: Reissue | None = None

    @property
    def came_to_something(self) -> bool:
        return bool(self.outcome or self.documents or self.reissue)


class Listener(Protocol):
    """Called from any thread, after the commit it speaks of; must not raise or wait."""

    def processed(self, handle: str, done: Sequence[Done], seconds: float) -> None:
        """Orders of one integration, with the seconds that each took on average."""
        ...

    def error(self, handle: str, stage: str, error_class: str) -> None: ...


def done_of(
    handle: str,
    case: Case,
    plan: Plan,
    numbers: Mapping[str, str],
    broke: Outcome | None = None,
) -> Done:
    """``broke`` is retry or dead for an attempt that broke."""
    error = plan.decisions.get("error")
    return Done(
        handle=handle,
        order_id=case.id,
        name=case.order.source_order_number or case.order.source_id,
        outcome=broke or _outcome(case, plan),
        error=error if error != case.error else None,
        documents=tuple(_made(plan, numbers)),
        reissue=_reissue(case, plan, broke),
    )


def _outcome(case: Case, plan: Plan) -> Outcome | None:
    kinds = {draft.kind for draft in plan.documents}
    if DocumentKind.INVOICE in kinds and case.invoice is None:
        return Outcome.INVOICED
    if DocumentKind.ESTIMATE in kinds:
        return Outcome.ESTIMATED
    skipped = plan.decisions.get("status") is OrderStatus.SKIPPED
    if skipped and case.status is not OrderStatus.SKIPPED:
        return Outcome.SKIPPED
    error = plan.decisions.get("error")
    return Outcome.FAILED if error != case.error and _holds(error) else None


def _holds(error: str | None) -> bool:
    return code_of(error) in set(Hold)


def _made(plan: Plan, numbers: Mapping[str, str]) -> Iterator[Made]:
    for draft in plan.documents:
        what = draft.content
        yield Made(
            draft.kind,
            numbers[draft.id],
            what.total_with_tax,
            what.currency_code,
            _why(plan, draft),
        )


def _why(plan: Plan, draft: Draft) -> Reason:
    if draft.refund_id is not None:
        return Reason.REFUND
    if _reissued(plan):
        return Reason.REISSUE
    note = draft.kind is DocumentKind.CREDIT_NOTE
    return Reason.CANCELLATION if note else Reason.ORDER


def _reissued(plan: Plan) -> bool:
    return any(each.type == "order.reissued" for each in plan.events)


def _reissue(case: Case, plan: Plan, broke: Outcome | None) -> Reissue | None:
    if _reissued(plan):
        result = Result.SUCCESS
    elif broke is not None and case.reissue_after is not None:
        result = Result.FAILURE
    elif code_of(plan.decisions.get("error")) == Hold.REISSUE_LIMIT != code_of(case.error):
        result = Result.SKIPPED
    else:
        return None
    old = case.invoice
    return Reissue(_cause(case.changes), result, None if old is None else old.number)


def _cause(changes: Sequence[Difference]) -> Cause:
    """What the differences that were stored before have in common."""
    fields = {change.field for change in changes}
    if fields and fields <= {"tax", "total_tax"}:
        return Cause.TAX
    if fields and fields <= {"company_name", "tax_number", "billing_address"}:
        return Cause.ADDRESS
    return Cause.ITEMS
