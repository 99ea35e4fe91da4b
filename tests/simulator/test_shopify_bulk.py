"""Bulk operations of the simulated Shopify: what they accept, how they run, what they leave."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ordermill.connector.base import By
from ordermill.simulator.shopify.bulk import Options
from simulator.books import CUP, Ledger, a_ledger, crowd, placed
from simulator.shopify_shop import Asker, connected, open_shop, read_all

RUN = """mutation($query: String!, $group: Boolean!) {
  bulkOperationRunQuery(query: $query, groupObjects: $group) {
    bulkOperation { id status } userErrors { code field message } } }"""
POLL = """query($id: ID!) { bulkOperation(id: $id) { status errorCode objectCount rootObjectCount
  fileSize url partialDataUrl completedAt } }"""
LINES = "{ orders { edges { node { id name lineItems { edges { node { id sku } } } } } } }"


def run(asker: Asker, query: str = LINES, *, group: bool = True) -> Any:
    return asker(RUN, query=query, group=group).data["bulkOperationRunQuery"]


def poll(asker: Asker, started: Any) -> Any:
    return asker(POLL, id=started["bulkOperation"]["id"]).data["bulkOperation"]


def finished(asker: Asker, query: str = LINES, *, group: bool = True) -> Any:
    started = run(asker, query, group=group)
    asker.face.ledger.clock.sleep(12)
    return poll(asker, started)


def lines(url: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in httpx.get(url).text.splitlines()]


def a_shop(orders: int = 3) -> Ledger:
    ledger = a_ledger()
    for _ in range(orders):
        placed(ledger)
    return ledger


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ shop { name } }", "at least one connection"),
        ("{ orders { nodes { id } } }", "Selecting via 'nodes' is not supported"),
        ("{ orders { pageInfo { hasNextPage } } }", "must select 'edges'"),
        ('{ node(id: "gid://shopify/Order/1") { id } }', "top level `node`"),
        (
            "mutation { webhookSubscriptionDelete(id: 1) { userErrors { message } } }",
            "Only queries",
        ),
        (
            "{ orders { edges { node { name lineItems { edges { node { id } } } } } } }",
            "must select the 'id' field. (lineItems)",
        ),
        (
            "{ orders { edges { node { id: name lineItems { edges { node { id } } } } } } }",
            "must select the 'id' field",
        ),
        (
            "{ orders { edges { node { id refunds { refundLineItems { nodes { id } } } } } } }",
            "connection field within a list field",
        ),
        (
            "{ "
            + " ".join(f"o{n}: orders {{ edges {{ node {{ id }} }} }}" for n in range(6))
            + " }",
            "more than 5 connections",
        ),
        ("{ orders { edges { node { nothing } } } }", "Invalid bulk query"),
    ],
)
def test_a_query_that_bulk_cannot_run_is_refused_with_the_reason(query: str, message: str) -> None:
    with open_shop(a_shop()) as asker:
        said = run(asker, query)
        assert said["bulkOperation"] is None
        (error,) = said["userErrors"]
        assert error["code"] == "INVALID"
        assert message in error["message"]


def test_five_run_at_once_and_the_sixth_is_refused() -> None:
    ledger = a_shop()
    with open_shop(ledger) as asker:
        started = [run(asker) for _ in range(5)]
        assert [each["bulkOperation"]["status"] for each in started] == ["CREATED"] * 5
        sixth = run(asker)
        assert sixth["bulkOperation"] is None
        (error,) = sixth["userErrors"]
        assert error["code"] == "OPERATION_IN_PROGRESS"
        assert error["message"].startswith(
            "A bulk query operation for this app and shop is already in progress: gid://"
        )
        ledger.clock.sleep(12)
        assert run(asker)["userErrors"] == []


def test_an_operation_is_created_runs_and_completes() -> None:
    ledger = a_shop()
    with open_shop(ledger) as asker:
        started = run(asker)
        seen = [poll(asker, started)["status"]]
        ledger.clock.sleep(2)
        seen.append(poll(asker, started)["status"])
        ledger.clock.sleep(10)
        done = poll(asker, started)
        assert [*seen, done["status"]] == ["CREATED", "RUNNING", "COMPLETED"]
        assert (done["objectCount"], done["rootObjectCount"]) == ("9", "3")
        assert done["completedAt"] == "2026-11-24T12:00:12Z"
        assert len(httpx.get(done["url"]).content) == int(done["fileSize"])


def test_each_object_is_a_line_and_children_name_their_parent() -> None:
    ledger = a_shop()
    with open_shop(ledger) as asker:
        found = lines(finished(asker)["url"])
    parents = [line for line in found if "__parentId" not in line]
    assert [line["name"] for line in parents] == [f"#{o.number}" for o in ledger.orders()]
    assert all(line.keys() == {"id", "name"} for line in parents)
    assert [line.keys() for line in found[:3]] == [
        {"id", "name"}, {"id", "sku", "__parentId"}, {"id", "sku", "__parentId"},
    ]  # fmt: skip
    assert {line["__parentId"] for line in found[1:3]} == {found[0]["id"]}


def test_ungrouped_children_may_stand_before_their_parents() -> None:
    with open_shop(a_shop(20)) as asker:
        grouped = lines(finished(asker)["url"])
        mixed = lines(finished(asker, group=False)["url"])
    assert sorted(map(str, grouped)) == sorted(map(str, mixed))
    known: set[str] = set()
    early = 0
    for line in mixed:
        early += line.get("__parentId", line["id"]) not in known | {line["id"]}
        known.add(line["id"])
    assert early > 0


def test_an_operation_that_finds_nothing_has_no_file() -> None:
    with open_shop(a_ledger()) as asker:
        done = finished(asker)
        assert (done["status"], done["url"], done["objectCount"]) == ("COMPLETED", None, "0")


def test_the_file_needs_no_token_gives_parts_and_is_gone_after_a_week() -> None:
    ledger = a_shop()
    with open_shop(ledger) as asker:
        started = run(asker)
        ledger.clock.sleep(12)
        url = poll(asker, started)["url"]
        whole = httpx.get(url).content
        part = httpx.get(url, headers={"Range": "bytes=100-"})
        assert (part.status_code, part.content) == (206, whole[100:])
        assert part.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
        assert httpx.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
        ledger.clock.sleep(timedelta(days=7).total_seconds())
        assert poll(asker, started)["url"] is None
        assert httpx.get(url).status_code == 404


def test_a_run_that_breaks_leaves_a_part_of_the_file() -> None:
    with open_shop(a_shop(), bulk_options=Options(fails_after=4)) as asker:
        done = finished(asker)
        assert (done["status"], done["errorCode"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
        assert done["url"] is None
        assert len(lines(done["partialDataUrl"])) == 4


def test_the_search_inside_the_query_counts() -> None:
    ledger = a_shop()
    ledger.clock.sleep(60)
    placed(ledger)
    query = LINES.replace("orders", "orders(query: \"created_at:>='2026-11-24T12:01:00Z'\")")
    with open_shop(ledger) as asker:
        assert finished(asker, query)["rootObjectCount"] == "1"


@pytest.mark.parametrize("options", [Options(refused=True), Options(fails_after=700)])
def test_the_connector_reads_on_in_pages_where_bulk_is_refused_or_breaks(options: Options) -> None:
    ledger = a_ledger()
    crowd(ledger)
    with open_shop(ledger, bulk_options=options) as asker, connected(asker) as connector:
        found = read_all(connector, By.CREATED)
        assert found.keys() == {str(order.id) for order in ledger.orders()}


def test_an_order_of_600_lines_comes_through_bulk_whole() -> None:
    ledger = a_ledger()
    crowd(ledger)
    order = placed(ledger, *[CUP] * 600)
    with open_shop(ledger) as asker, connected(asker) as connector:
        found = read_all(connector, By.CREATED)[str(order.id)]
        assert len(found.items) == 601
        assert found.total_with_tax == order.totals.total
