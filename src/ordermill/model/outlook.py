"""Where an order stands and what comes next, in sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from ordermill.model.case import Case
from ordermill.model.codes import code_of
from ordermill.model.order import OrderStatus
from ordermill.model.rules import Verdict, decide, hold

At = Callable[[datetime], str]  # how a time is written


def outlook(case: Case, now: datetime, at: At) -> Iterator[str]:
    """One sentence or a few: why it is where it is, and what is to happen by itself or by whom."""
    if case.deleted_by == "person":
        yield "deleted by a person: nothing happens by itself any more; restore brings it back"
    elif case.invoice is not None:
        yield from _invoiced(case, now, at)
    elif case.deleted_by is not None:
        yield "deleted in the shop: nothing is issued unless the shop shows it again"
    elif case.status is OrderStatus.CANCELLED:
        yield from _cancelled(case)
    elif case.error is not None and code_of(case.error) is None:
        yield from _broke(case, now, at)
    else:
        yield from _undecided(case, now, at)


def _invoiced(case: Case, now: datetime, at: At) -> Iterator[str]:
    if case.error is not None:
        yield f"a person must look: {case.error}"
    if case.items_changed:
        fields = sorted({each.field for each in case.changes})
        yield f"it differs from what is billed ({', '.join(fields)})"
        yield from _reissue(case, now, at)
    if case.buyer_changed:
        yield "the buyer differs from the invoice's; a call to reissue would write it anew"
    if not case.items_changed and case.decide_at is not None:
        yield f"looked at again {_when(case.decide_at, now, at)}"
    elif not (case.items_changed or case.buyer_changed or case.error):
        yield "nothing is to come: what is billed is what the order says"


def _reissue(case: Case, now: datetime, at: At) -> Iterator[str]:
    if case.reissue_after is not None:
        when = _when(case.reissue_after, now, at)
        yield f"credited and invoiced anew {when}, unless it changes again"
    elif case.decide_at is not None:
        yield f"looked at again {_when(case.decide_at, now, at)}"
    elif case.error is None:
        yield "a call to reissue credits it and invoices it anew"


def _cancelled(case: Case) -> Iterator[str]:
    if case.withdrawn_at is not None:
        yield "cancelled by a person: final"
    else:
        yield "cancelled in the shop: no document comes, unless the shop opens it again"


def _broke(case: Case, now: datetime, at: At) -> Iterator[str]:
    yield f"an attempt broke: {case.error}"
    if case.decide_at is None:
        yield "it is not tried again by itself; process it, or change it in the shop"
    else:
        yield f"tried again {_when(case.decide_at, now, at)}"


def _undecided(case: Case, now: datetime, at: At) -> Iterator[str]:
    """What the rules say of it now."""
    decision = decide(case, now, edited=False)
    match decision.verdict:
        case Verdict.SKIP:
            yield f"skipped: {decision.error}"
            yield "it is never invoiced by itself; a call processes it"
        case Verdict.HOLD:
            yield f"held: {decision.error}"
            yield "it is decided anew when the shop changes it, or processed once its data is right"
        case Verdict.CANCEL:
            yield f"{decision.reason}: no document comes"
        case Verdict.WAIT:
            yield from _waits(case, decision.reason, decision.at, now, at)
        case _:
            yield f"{decision.reason}: the {decision.verdict} is due now"


def _waits(case: Case, reason: str, until: datetime | None, now: datetime, at: At) -> Iterator[str]:
    yield reason
    if until is not None:
        yield f"invoiced {_when(until, now, at)}, unless its items change before"
    held = hold(case)
    if held is not None:
        yield f"as it is it would be held: {held.error}"


def _when(moment: datetime, now: datetime, at: At) -> str:
    return f"at {at(moment)}" if moment > now else "now"
