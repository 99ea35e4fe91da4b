"""What queries cost: the formula that was derived from 5,605 recorded answers, and the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ordermill.simulator.shopify import cost
from ordermill.simulator.shopify.document import operation
from ordermill.simulator.shopify.plan import compile_operation
from ordermill.simulator.shopify.shop import App
from ordermill.simulator.shopify.throttle import Size
from simulator.books import a_ledger, lived, placed
from simulator.shopify_shop import open_shop

DOCUMENTS = Path(__file__).parent.parent / "data" / "shopify" / "documents"
SINCE = "updated_at:>='2026-01-01T00:00:00Z'"
ORDER = "gid://shopify/Order/1"
REFUND = "gid://shopify/Refund/1"
JOB = "gid://shopify/BulkOperation/1"
LEAN = {"query": SINCE, "lines": 20}
PLAIN = LEAN | {"pii": False, "b2b": False}


def price(name: str, variables: dict[str, Any]) -> int:
    asked = operation((DOCUMENTS / f"{name}.graphql").read_text("utf-8"))
    return cost.requested(compile_operation(asked, asked.variables(variables)))


def test_a_connection_counts_its_node_as_often_as_recorded() -> None:
    """Plateaus: up to 2 once, up to 4 twice, ... 245 to 250 eleven times; nothing for 0."""
    edges = [0, 2, 4, 7, 12, 20, 33, 54, 90, 148, 244, 250]
    assert [cost.growth(edge) for edge in edges] == list(range(12))
    assert [cost.growth(edge + 1) for edge in edges[:-1]] == list(range(1, 12))


@pytest.mark.parametrize(
    ("name", "variables", "points"),
    [
        ("a2_orders_index", {"first": 250, "query": SINCE}, 13),
        ("a3_orders_page_lean", LEAN | {"first": 1}, 71),
        ("a3_orders_page_lean", LEAN | {"first": 54}, 485),
        ("a3_orders_page_lean", LEAN | {"first": 148}, 623),
        ("a3_orders_page_lean", LEAN | {"first": 244}, 692),
        ("a3_orders_page_lean", LEAN | {"first": 250}, 761),
        ("a3_orders_page_lean", LEAN | {"first": 250, "lines": 54}, 893),
        ("a3_orders_page_lean", LEAN | {"first": 250, "lines": 148}, 1025),
        ("a3_orders_page_lean", PLAIN | {"first": 54}, 429),
        ("a3_orders_page_lean", PLAIN | {"first": 250}, 673),
        ("b_order_by_id", {"id": ORDER, "lines": 54}, 523),
        ("b_order_by_id", {"id": ORDER, "lines": 54, "withAgreements": False}, 290),
        ("b2_orders_by_ids", {"ids": [ORDER] * 100}, 1),
        ("c2_bulk_run", {"query": "{ shop { id } }", "group": True}, 10),
        ("c3_bulk_poll", {"id": JOB}, 1),
        ("d_more_lines", {"id": ORDER, "first": 50, "after": "x"}, 73),
        ("d_more_lines", {"id": ORDER, "first": 250, "after": "x"}, 113),
        ("d2_more_refund_lines", {"id": REFUND, "first": 50, "after": "x"}, 18),
        ("d2_more_refund_lines", {"id": REFUND, "first": 250, "after": "x"}, 26),
        ("f_bootstrap", {}, 6),
    ],
)
def test_the_documents_cost_what_the_formula_gives(
    name: str, variables: dict[str, Any], points: int
) -> None:
    assert price(name, variables) == points


COUNT = "{ ordersCount { count precision } }"
INDEX = "query($first: Int!) { orders(first: $first) { nodes { id } } }"
# Ninety orders with their lines: under the limit, and enough to be felt.
PAGE = (
    "query($first: Int!, $lines: Int!) { orders(first: $first) { nodes { id "
    "lineItems(first: $lines) { nodes { taxLines { title } variant { id } } } } } }"
)


def test_a_count_and_a_mutation_cost_ten() -> None:
    with open_shop(a_ledger()) as asker:
        assert asker(COUNT).cost["requestedQueryCost"] == 10
        mutation = 'mutation { webhookSubscriptionDelete(id: "x") { userErrors { message } } }'
        assert asker(mutation).cost["requestedQueryCost"] == 10


def test_what_was_not_used_is_given_back() -> None:
    ledger = a_ledger()
    placed(ledger)
    with open_shop(ledger) as asker:
        paid = asker(PAGE, first=90, lines=20).cost
        assert paid["actualQueryCost"] < paid["requestedQueryCost"]
        left = paid["throttleStatus"]
        assert left["currentlyAvailable"] == left["maximumAvailable"] - paid["actualQueryCost"]


def test_the_actual_cost_counts_what_was_returned() -> None:
    ledger = a_ledger()
    with open_shop(ledger) as asker:
        assert asker(INDEX, first=250).cost["actualQueryCost"] == 2
        lived(ledger, 12, 0)
        assert asker(INDEX, first=250).cost["actualQueryCost"] == 2 + cost.growth(12)
        gone = 'query { order(id: "gid://shopify/Order/1") { id } }'
        assert asker(gone).cost["actualQueryCost"] == 0


def test_a_query_beyond_1000_points_is_refused_and_costs_nothing() -> None:
    with open_shop(a_ledger()) as asker:
        asked = (DOCUMENTS / "a3_orders_page_lean.graphql").read_text("utf-8")
        said = asker(asked, query=SINCE, first=250, lines=148)
        assert (said.status, said.code) == (200, "MAX_COST_EXCEEDED")
        assert "data" not in said.body
        assert asker.face.engine.bucket.status()["currentlyAvailable"] == 2000


def test_what_does_not_fit_into_the_bucket_is_throttled_in_an_answer_of_200() -> None:
    ledger = a_ledger()
    with open_shop(ledger) as asker:
        asker.face.engine.bucket.drain()
        said = asker(COUNT)
        assert (said.status, said.code) == (200, "THROTTLED")
        assert "data" not in said.body
        assert said.cost["actualQueryCost"] is None
        assert said.cost["throttleStatus"] == {
            "maximumAvailable": 2000.0, "currentlyAvailable": 0, "restoreRate": 100.0,
        }  # fmt: skip
        ledger.clock.sleep(0.1)
        assert asker(COUNT).data["ordersCount"]["count"] == 0


def test_or_in_one_of_429_with_the_time_to_wait() -> None:
    with open_shop(a_ledger(), app=App(throttled_as=429, size=Size(1000, 50))) as asker:
        asker.face.engine.bucket.drain()
        asked = (DOCUMENTS / "a3_orders_page_lean.graphql").read_text("utf-8")
        said = asker(asked, query=SINCE, first=54)
        assert (said.status, said.code) == (429, "THROTTLED")
        assert said.headers["retry-after"] == "10"
        assert said.cost["throttleStatus"]["maximumAvailable"] == 1000


def test_a_refused_argument_gives_the_points_back() -> None:
    with open_shop(a_ledger()) as asker:
        assert asker(INDEX, first=251).code == "MAX_INPUT_SIZE_EXCEEDED"
        assert asker.face.engine.bucket.status()["currentlyAvailable"] == 2000
