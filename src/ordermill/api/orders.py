"""Orders: read, made, changed, deleted, restored, and the actions on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from ordermill.api import asking, shown, writing
from ordermill.api.asking import Shelf
from ordermill.api.bodies import ChangedOrder, NewOrder, Nothing, parsed
from ordermill.api.call import READ_SECONDS, Answer, Call, etag_of
from ordermill.api.changing import changed_columns
from ordermill.api.gate import Scope
from ordermill.api.making import made_of
from ordermill.api.preconditions import demand, not_modified
from ordermill.api.problems import MEDIA_TYPE, Problem, not_found
from ordermill.errors import StoreBusy, TooSlow, WrongState
from ordermill.invoicing import cancel, decide, process, reissue
from ordermill.invoicing.desk import Action, act
from ordermill.model.case import Refused
from ordermill.model.codes import Refusal
from ordermill.store import edits, lists
from ordermill.store.listing import one
from ordermill.store.lists import ORDERS_LIST

SHELF = Shelf("orders", ORDERS_LIST, shown.orders)


def listed(call: Call) -> Response:
    return asking.answered(call, SHELF)


def got(call: Call) -> Response:
    """One order; a key of scope admin also sees the shop's own payload."""
    call.parameters()
    with call.house.database.read(seconds=READ_SECONDS) as conn:
        row = _row(conn, call)
        wants_raw = call.caller.scope >= Scope.ADMIN and row.source != edits.MANUAL
        raw = lists.raw_of(conn, row.id) if wants_raw else None
    plain = shown.order(row)
    etag = etag_of(plain)
    demand(call, etag)
    if not_modified(call, etag):
        return Response(status_code=304, headers={"ETag": etag})
    body = plain if raw is None else shown.order(row, raw)
    return Answer(200, body, {"ETag": etag}).response()


def created(call: Call) -> Response:
    call.parameters()
    new = parsed(call.body, NewOrder)

    def work(conn: Connection) -> Answer:
        made = made_of(conn, new, call)
        order_id = edits.create(conn, made, now=call.now, actor=call.caller.name)
        _decide(conn, call, order_id)
        answer = _shown(conn, call, order_id, 201)
        return Answer(
            answer.status, answer.body, answer.headers | {"Location": f"/orders/{order_id}"}
        )

    return writing.once(call, work)


def changed(call: Call) -> Response:
    call.parameters()
    order_id, new = call.id, parsed(call.body, ChangedOrder)

    def work(conn: Connection) -> Answer:
        row = _locked(conn, call, order_id)
        columns = changed_columns(row, new, call.now)
        if edits.change(conn, row, columns, now=call.now, actor=call.caller.name):
            _decide(conn, call, order_id)
        return _shown(conn, call, order_id)

    return _unlocked(order_id, lambda: _written(call, work))


def deleted(call: Call) -> Response:
    call.parameters()
    parsed(call.body, Nothing)
    order_id = call.id

    def work(conn: Connection) -> Answer:
        row = _locked(conn, call, order_id)
        edits.delete(conn, row, now=call.now, actor=call.caller.name)
        return Answer(204)

    return _unlocked(order_id, lambda: _written(call, work))


def restored(call: Call) -> Response:
    """Also of one that is not deleted: it stays as it is."""
    call.parameters()
    parsed(call.body, Nothing)
    order_id = call.id

    def work(conn: Connection) -> Answer:
        row = _locked(conn, call, order_id, deleted=True)
        edits.restore(conn, row, now=call.now, actor=call.caller.name)
        return _shown(conn, call, order_id)

    return _unlocked(order_id, lambda: writing.once(call, work))


def processed(call: Call) -> Response:
    return _acted(call, process.by_hand)


def cancelled(call: Call) -> Response:
    return _acted(call, cancel.by_hand)


def reissued(call: Call) -> Response:
    return _acted(call, reissue.by_hand)


def _acted(call: Call, action: Action) -> Response:
    """Do it; a refusal that is said on the order is committed and answered 422."""
    call.parameters()
    parsed(call.body, Nothing)
    order_id = call.id

    def work(conn: Connection) -> Answer:
        _locked(conn, call, order_id)
        actor = call.caller.name
        acted = act(conn, call.entity_id, order_id, action, now=call.now, actor=actor)
        call.done.append(acted.done)
        if acted.plan.refusal is not None:
            return _refused(acted.plan.refusal)
        return _shown(conn, call, order_id)

    return _unlocked(order_id, lambda: writing.once(call, work))


def _refused(refusal: Refused) -> Answer:
    problem = Problem(422, refusal.code, refusal.message, details=refusal.details)
    return Answer(422, problem.body(), media_type=MEDIA_TYPE)


def _decide(conn: Connection, call: Call, order_id: str) -> None:
    actor = call.caller.name
    acted = act(conn, call.entity_id, order_id, decide.after_change, now=call.now, actor=actor)
    call.done.append(acted.done)


def _written(call: Call, work: Callable[[Connection], Answer]) -> Response:
    with call.house.database.write() as conn:
        answer = work(conn)
    return answer.response()


def _unlocked(order_id: str, work: Callable[[], Response]) -> Response:
    """Another transaction that holds the order for long is the caller's to wait for."""
    try:
        return work()
    except TooSlow:
        raise
    except StoreBusy:
        raise WrongState(
            Refusal.ORDER_LOCKED, "another process is working on this order", id=order_id
        ) from None


def _row(conn: Connection, call: Call) -> Any:
    row = one(conn, ORDERS_LIST, call.entity_ids, call.id)
    if row is None:
        raise not_found()
    return row


def _locked(conn: Connection, call: Call, order_id: str, *, deleted: bool = False) -> Any:
    """The row under its lock, in the state that the caller expects."""
    row = edits.locked(conn, call.entity_id, order_id, deleted=deleted)
    seen = one(conn, ORDERS_LIST, call.entity_ids, order_id, deleted=deleted)
    if row is None or seen is None:
        raise not_found()
    demand(call, etag_of(shown.order(seen)))
    return row


def _shown(conn: Connection, call: Call, order_id: str, status: int = 200) -> Answer:
    row = one(conn, ORDERS_LIST, call.entity_ids, order_id)
    if row is None:
        raise not_found()
    body = shown.order(row)
    return Answer(status, body, {"ETag": etag_of(body)})
