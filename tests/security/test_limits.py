"""S15 to S29: what is too large, too deep, too long or too odd is refused, and stored nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from api.asked import an_order
from billing import Billing
from connector.wire import listening, saying, written
from deliveries import SECRET, Delivery, shopify, woocommerce
from ordermill.api.inbox import Inbox
from ordermill.api.webhooks import Reader, routes
from ordermill.connector.base import By, Connector, Window
from ordermill.errors import MalformedOrder, SourceError, StoreError
from ordermill.store.database import Database
from ordermill.store.tables import metadata
from ordermill.store.types import Money
from orders import a_refund
from orders import an_order as a_shops_order
from security.attempts import CANARY, Attempt, Walls, asking, body_of, walls_of
from security.doors import OPTIONS, connected
from shops import Stored

DEEP = 100_000
LONG = "a" * 50_000 + "!"


def total(walls: Walls) -> int:
    counted: int = walls.api.as_("writer").get("/orders").json()["pagination"]["total"]
    return counted


# Rows that would poison every later read.


def test_s19_after_every_refused_amount_the_list_is_read(
    walls: Walls, subtests: pytest.Subtests
) -> None:
    walls.hold(
        [
            Attempt(f"{name} {value}", "POST", "/orders", (422,), body=body_of(
                an_order(f"{name}-{value}", **{name: value})))
            for name in ("total", "total_with_tax", "total_discount", "total_shipping")
            for value in ("NaN", "Infinity", "1e400", "sNaN", float("inf"))
        ],
        subtests,
    )  # fmt: skip
    assert total(walls) == 0


def amounts() -> Iterator[Any]:
    """Every column that keeps one."""
    return (
        column for table in metadata.sorted_tables for column in table.c
        if isinstance(column.type, Money)
    )  # fmt: skip


# What makes a copy of a row another row; the others stay as they are.
ANOTHER = {"id": "'x' || id", "number": "'x' || number", "key": "'x' || key", "sequence": "9"}


def written_anew(column: Any, value: str) -> TextClause:
    """A statement that writes the column: of a copy of a row where rows are only ever added to."""
    table = column.table
    if table.name not in ("documents", "payments"):
        return text(f"UPDATE {table.name} SET {column.name} = {value}")
    values = ANOTHER | {column.name: value}
    chosen = ", ".join(values.get(each.name, each.name) for each in table.c)
    names = ", ".join(each.name for each in table.c)
    return text(f"INSERT INTO {table.name} ({names}) SELECT {chosen} FROM {table.name} LIMIT 1")


def test_s19_the_database_itself_takes_no_amount_that_is_none(
    billing: Billing, subtests: pytest.Subtests
) -> None:
    """Written past every check of ours, as a defect or a person might."""
    database = billing.database
    billing.bill(billing.take_in(a_shops_order(refunds=(a_refund(),))))
    for column in amounts():
        for poison in ("'NaN'", "9e999" if database.dialect == "sqlite" else "'Infinity'"):
            with subtests.test(f"{column} {poison}"):
                assert is_taken(database, written_anew(column, "7"))
                assert not is_taken(database, written_anew(column, poison))


def is_taken(database: Database, statement: TextClause) -> bool:
    """Whether the database would keep what it writes; it does not stay."""
    try:
        with database.write() as conn:
            assert conn.execute(statement).rowcount == 1
            raise ZeroDivisionError
    except ZeroDivisionError:
        return True
    except StoreError as error:
        if re.search("23514|22003|SQLITE_CONSTRAINT", str(error)):
            return False
        raise


# Depth and length, at each door.


def test_s20_to_s27_what_is_too_deep_or_too_long_is_refused(
    walls: Walls, subtests: pytest.Subtests
) -> None:
    digits = '{"id": %s}' % ("9" * 5_000)
    deep = '{"status":' * 1_500 + "1" + "}" * 1_500
    walls.hold(
        [
            Attempt("a deep filter", "GET", asking("/orders", query=deep), (400,)),
            Attempt("a filter of lists", "GET", asking("/orders", query="[" * 5_000), (400,)),
            Attempt("a deep body", "POST", "/orders", (422,), body=b'{"a":' * DEEP),
            Attempt("a body of lists", "POST", "/orders", (422,), body=b"[" * DEEP),
            Attempt("an id of digits", "GET", "/orders/" + "9" * 5_000, (404,)),
            Attempt("a number of digits", "GET", asking("/orders", limit="9" * 5_000), (400,)),
            Attempt("a number in a filter", "GET", asking("/orders", query=digits), (400,)),
            Attempt("many wildcards", "GET", asking("/orders", search="%" * 5_000), (400,)),
            Attempt("many in a filter", "GET", asking(
                "/orders", query=json.dumps({"customer_name": {"contains": "%" * 5_000}})), (400,)),
            Attempt("wildcards as letters", "GET", asking("/orders", search="%" * 200), (200,)),
            Attempt("a far offset", "GET", asking("/orders", offset="1000000000"), (400,)),
            Attempt("a page", "GET", asking("/orders", page="1000000000"), (400,)),
            Attempt("a long key", "GET", "/orders", (401,), None, (
                ("Authorization", f"Bearer {LONG}"),)),
            Attempt("a long entity", "GET", "/orders", (403,), headers=(("x-entity-id", LONG),)),
            Attempt("a long idempotency key", "POST", "/orders", (400,), headers=(
                ("Idempotency-Key", LONG),), body=body_of(an_order())),
            Attempt("a long If-Match", "PATCH", f"/orders/ord_{'0' * 24}", (404, 412), headers=(
                ("If-Match", LONG),), body=b"{}"),
        ],
        subtests,
    )  # fmt: skip
    assert total(walls) == 0


def texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in a body."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from texts(inner, (*path, at))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    copied = json.loads(json.dumps(value))
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = by
    return copied


def test_s26_fifty_kilobytes_in_any_text_are_refused(
    walls: Walls, subtests: pytest.Subtests
) -> None:
    order = an_order(
        customer={"phone": "1", "company_name": "C", "tax_number": "SI1", "company_number": "1"},
        billing_address={"address": "A", "city": "B", "post_code": "1", "country_code": "SI"},
        metadata={"a": "b"}, payment_method="Card", payment_gateway="stripe",
        ordered_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    places = list(texts(order))
    assert len(places) > 15
    walls.hold(
        [
            Attempt(str(path), "POST", "/orders", (422,), body=body_of(replaced(order, path, LONG)))
            for path in places
        ],
        subtests,
    )
    assert total(walls) == 0


def test_s28_no_trick_with_method_or_path_changes_anything(
    walls: Walls, subtests: pytest.Subtests
) -> None:
    made = walls.api.as_("writer").made()
    path = f"/orders/{made['id']}"
    paths = [f"/{path}", f"{path}/", f"{path}/.", f"{path}/../{made['id']}", f"{path}%2fcancel",
             f"{path};/cancel", f"{path}%00", f"/V1{path}", f"/v1/v1{path}", path.upper(),
             f"/.{path}", f"{path}/%63ancel/..", f"/orders/%2e%2e{path}", f"{path}?_method=DELETE",
             path]  # fmt: skip
    names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    odd = ("TRACE", "TRACK", "LINK", "PURGE", "PROPFIND", "CONNECT", "QUERY")
    walls.hold(
        [
            *(Attempt(f"{method} {each}", method, each, (200, 400, 403, 404, 405), "reader")
              for each in paths for method in ("GET", "DELETE", "POST")),
            *(Attempt(name, "GET", path, (200,), headers=((name, "DELETE"),)) for name in names),
            *(Attempt(method, method, path, (405,)) for method in odd),
        ],
        subtests,
    )  # fmt: skip
    assert walls.api.as_("writer").get(path).json() == made


# Webhooks, and what shops answer.


def readers() -> dict[str, Reader]:
    made: dict[str, Reader] = {}
    for source in OPTIONS:
        connector: Any = connected(source, "https://shop.example.com")
        made[source] = lambda headers, body, c=connector: c.read_webhook(headers, body, SECRET)
    return made


BODIES = {
    "deep": b'{"id":' * DEEP, "lists": b"[" * DEEP, "digits": b'{"id":' + b"9" * 5_000 + b"}",
    "no id": b"{}", "a text": b'{"id": "1; DROP TABLE orders"}', "minus": b'{"id": -1}',
    "a fraction": b'{"id": 1.5}', "nothing": b"", "no json": b"\xff\xfe", "null": b'{"id": null}',
    "an object": b'{"id": {"id": 1}}', "nan": b'{"id": NaN}', "surrogate": b'{"id": "\\ud800"}',
}  # fmt: skip


def test_s20_to_s23_a_signed_body_that_is_none_is_refused_and_asks_for_nothing(
    store: Stored, subtests: pytest.Subtests
) -> None:
    inbox = Inbox(lambda: None)
    walls = walls_of(store, webhooks=routes(readers(), inbox, lambda handle, asked: None))
    made: dict[str, Callable[..., Delivery]] = {"woocommerce": woocommerce, "shopify": shopify}
    attempts = []
    for source, delivery in made.items():
        for name, body in BODIES.items():
            sent = delivery()
            signed = Delivery(sent.headers, body, sent.signature).signed()
            what = f"{source}: {name}"
            attempts.append(
                Attempt(what, "POST", f"/webhooks/{source}", (401,), None, signed.headers, body)
            )
    walls.hold(attempts, subtests)
    assert len(inbox) == 0


ANSWERS = {
    "deep": b'{"data":' * DEEP, "lists": b"[" * DEEP,
    "digits": b'[{"id":' + b"9" * 5_000 + b"}]", "names": f'{{"{CANARY}": 1}}'.encode(),
    "nan": b'[{"id": NaN}]', "nothing": b"", "no utf-8": b"\xff\xfe\x00",
    "a text": f'"{CANARY}"'.encode(),
}  # fmt: skip


@pytest.mark.parametrize("source", sorted(OPTIONS))
def test_s20_s46_an_answer_of_a_shop_that_is_none_is_an_error_of_that_shop(
    source: str, subtests: pytest.Subtests
) -> None:
    for name, body in ANSWERS.items():
        with subtests.test(name), listening(saying(written(body=body))) as shop:
            connector: Connector = connected(source, f"http://127.0.0.1:{shop.port}")
            assert CANARY not in not_an_order(connector)
            connector.close()


def not_an_order(connector: Connector) -> str:
    """Why there is none: the pass ends with an error, or the row is kept as one that is unread."""
    try:
        (row,) = connector.fetch(Window(by=By.CHANGED, since=None), None).orders
        connector.normalize(row)
    except (SourceError, MalformedOrder) as error:
        return str(error)
    raise AssertionError("an order was read")
