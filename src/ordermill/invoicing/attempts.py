"""What an attempt that broke means for its order: again later, eight times, then a person. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ordermill.errors import StoreError
from ordermill.model.case import Happening, Plan
from ordermill.model.order import OrderStatus

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MOST = 8  # tries after the first one
_KEEPS_ITS_STATUS = {OrderStatus.INVOICED, OrderStatus.ESTIMATED, OrderStatus.CANCELLED}


def broken(status: OrderStatus, attempts: int, error: Exception, now: datetime) -> Plan:
    """The order says what broke, without a code, and when it is tried again. What has a document
    keeps its status."""
    attempts += 1
    again = now + wait(attempts) if attempts <= MOST else None
    ends = "tried again" if again is not None else f"given up after {attempts} tries"
    sentence = f"could not be processed ({said(error)}); {ends}"
    return Plan(
        decisions={
            "status": status if status in _KEEPS_ITS_STATUS else OrderStatus.FAILED,
            "error": sentence,
            "attempts": attempts,
            "decide_at": again,
        },
        events=(Happening(type="order.failed", reason=sentence, data={"attempts": attempts}),),
    )


def wait(attempts: int) -> timedelta:
    """Before the next try, after ``attempts`` of them: a minute, two, four, to an hour."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 16)), LONGEST_WAIT)


def given_up(plan: Plan) -> bool:
    """Whether a plan of ``broken`` is the last."""
    return plan.decisions["decide_at"] is None


def said(error: Exception) -> str:
    """What may be told of an error: the store's own words, of others the kind alone."""
    return str(error) if isinstance(error, StoreError) else type(error).__name__
