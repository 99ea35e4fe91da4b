"""A backfill by bulk operation: read in pages, resumed after a kill, replaced where refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ordermill.connector.base import By, Window
from shopify.made import Node, connected, line, order, shipping

CREATED = Window(
    by=By.CREATED, since=datetime(2025, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 1, tzinfo=UTC)
)
URL = "https://storage.example/file.jsonl"
COUNT = 250


def lines_of(number: int) -> list[Node]:
    """One order with its children, as a grouped file has them."""
    root = order(id=f"gid://shopify/Order/{number}", legacyResourceId=str(number))
    for name in ("lineItems", "shippingLines", "localizedFields"):
        del root[name]
    field = {"key": "TAX_CREDENTIAL_IT", "value": "IT1", "purpose": "TAX"}
    children = [line(number * 10), shipping(), field]
    return [root, *({**child, "__parentId": root["id"]} for child in children)]


FILE = "".join(
    json.dumps(each) + "\n" for number in range(1, COUNT + 1) for each in lines_of(number)
).encode()


class Operation:
    """A shop whose bulk operation runs for two polls."""

    def __init__(self, **end: Any) -> None:
        self.polls = 0
        self.end = {"status": "COMPLETED", "url": URL, "objectCount": "1"} | end
        self.ranges: list[str | None] = []
        self.query = ""

    def __call__(self, name: str, variables: dict[str, Any]) -> Any:
        if name == "Count":
            return {"ordersCount": {"count": 10000, "precision": "AT_LEAST"}}
        if name == "BulkRun":
            self.query = variables["query"]
            started = {"id": "gid://shopify/BulkOperation/1", "status": "CREATED"}
            return {"bulkOperationRunQuery": {"bulkOperation": started, "userErrors": []}}
        if name == "BulkPoll":
            self.polls += 1
            running = {"status": "RUNNING", "url": None}
            return {"bulkOperation": running if self.polls < 3 else self.end}
        if name == "Orders":
            return {"orders": {"nodes": [order()], "pageInfo": {"hasNextPage": False}}}
        return httpx.Response(200, content=FILE)


def read(connector: Any, cursor: str | None = None) -> list[str]:
    found: list[str] = []
    while True:
        page = connector.fetch(CREATED, cursor)
        found += [raw.source_id for raw in page.orders]
        if page.cursor is None:
            return found
        assert page.cursor != cursor
        cursor = page.cursor


def test_every_order_of_the_file_is_read_once_with_its_children() -> None:
    operation = Operation()
    connector, _, _ = connected(operation)
    assert read(connector) == [str(number) for number in range(1, COUNT + 1)]
    assert "created_at:>='2025-01-01T00:00:00Z' created_at:<'2026-01-01T00:00:00Z'" in (
        operation.query
    )
    raw = connector.fetch(CREATED, '{"type":"bulk","id":"gid://shopify/BulkOperation/1"}').orders[0]
    found = connector.normalize(raw)
    assert [item.source_id for item in found.items] == ["10", "21"]
    assert found.customer is not None
    assert found.customer.tax_number == "IT1"


def test_a_killed_backfill_goes_on_at_the_byte_it_stood_at() -> None:
    connector, _, _ = connected(Operation())
    cursor, found = None, []
    while len(found) < 100:
        page = connector.fetch(CREATED, cursor)
        found += [raw.source_id for raw in page.orders]
        cursor = page.cursor
    another, shop, _ = connected(Operation())
    found += read(another, cursor)
    assert found == [str(number) for number in range(1, COUNT + 1)]
    assert "range" in shop.headers[-1] or any("range" in each for each in shop.headers)
    assert not any(name == "BulkRun" for name, _ in shop.asked)


@pytest.mark.parametrize(
    "end",
    [
        {"status": "FAILED", "url": None, "errorCode": "INTERNAL_SERVER_ERROR"},
        {"status": "EXPIRED", "url": None},
        {"status": "COMPLETED", "url": None},
    ],
)
def test_a_broken_operation_is_replaced_by_plain_pages(end: dict[str, Any]) -> None:
    connector, shop, _ = connected(Operation(**end))
    assert read(connector) == ["1001"]
    assert shop.asked[-1][1]["sort"] == "CREATED_AT"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, content=b"<Error>expired</Error>"),
        httpx.Response(200, content=b'{"__parentId":"gid://shopify/Order/7"}\n'),
        httpx.Response(200, content=b"<html>\n"),
    ],
    ids=["its link has expired", "a line without its order", "another file"],
)
def test_a_file_that_cannot_be_read_is_replaced_by_plain_pages(answer: httpx.Response) -> None:
    """A backfill that was killed may go on days later."""
    operation = Operation()

    def reply(name: str, variables: dict[str, Any]) -> Any:
        found = operation(name, variables)
        return answer if isinstance(found, httpx.Response) else found

    connector, shop, _ = connected(reply)
    assert read(connector) == ["1001"]
    assert shop.asked[-1][1]["query"].startswith("created_at:>='2025-01-01T00:00:00Z'")


def test_an_operation_that_found_nothing_is_the_end() -> None:
    connector, _, _ = connected(Operation(url=None, objectCount="0"))
    assert read(connector) == []


def test_refused_bulk_is_replaced_by_plain_pages() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "BulkRun":
            error = {"code": "OPERATION_IN_PROGRESS", "message": "no", "field": None}
            return {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": [error]}}
        return Operation()(name, variables)

    connector, _, _ = connected(reply)
    assert read(connector) == ["1001"]


def test_few_orders_are_read_by_pages_and_counted() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Count":
            return {"ordersCount": {"count": 7, "precision": "EXACT"}}
        return Operation()(name, variables)

    connector, shop, _ = connected(reply)
    assert connector.fetch(CREATED, None).total == 7
    assert not any(name == "BulkRun" for name, _ in shop.asked)


def test_a_shipping_line_without_an_id_is_one_all_the_same() -> None:
    root, *children = lines_of(1)
    children[1]["id"] = None
    operation = Operation()
    file = "".join(json.dumps(each) + "\n" for each in (root, *children)).encode()

    def reply(name: str, variables: dict[str, Any]) -> Any:
        found = operation(name, variables)
        return httpx.Response(200, content=file) if isinstance(found, httpx.Response) else found

    connector, _, _ = connected(reply)
    cursor, orders = connector.fetch(CREATED, None).cursor, []
    while cursor is not None:
        page = connector.fetch(CREATED, cursor)
        cursor, orders = page.cursor, [*orders, *page.orders]
    found = connector.normalize(orders[0])
    assert [str(item.kind) for item in found.items] == ["line_item", "shipping"]
