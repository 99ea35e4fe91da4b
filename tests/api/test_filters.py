"""Filters: every operator on every field, against the same question asked in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from api.asked import Api, an_order, is_problem
from ordermill.api.asking import Shelf
from ordermill.api.filters import MOST_CONDITIONS, MOST_VALUES
from ordermill.api.resources import (
    CREDIT_NOTES,
    CUSTOMERS,
    ENTITIES,
    ESTIMATES,
    INTEGRATIONS,
    INVOICES,
    PAYMENTS,
)
from ordermill.store.conditions import Operator

NAMES = ("Ana Čop", "ana čop", "Žiga 100%", "a_b", "ab", "A\\B", None, "", "STRASSE", "𝒳 y")
TEXTS = {
    "id", "status", "source", "source_id", "customer_name", "customer_email", "payment_status",
    "order_integration_id",
}  # fmt: skip
TIMES = {"created_at", "updated_at"}
Asked = Callable[[Any, Any], bool]
HOLDS: dict[Operator, Asked] = {
    Operator.EQUALS: lambda value, wanted: value == wanted,
    Operator.NOT: lambda value, wanted: value != wanted,
    Operator.GT: lambda value, wanted: value is not None and value > wanted,
    Operator.GTE: lambda value, wanted: value is not None and value >= wanted,
    Operator.LT: lambda value, wanted: value is not None and value < wanted,
    Operator.LTE: lambda value, wanted: value is not None and value <= wanted,
    Operator.IN: lambda value, wanted: value in wanted,
    Operator.NOT_IN: lambda value, wanted: value not in wanted,
    Operator.CONTAINS: lambda value, wanted: (
        value is not None and wanted.casefold() in value.casefold()
    ),
    Operator.STARTS_WITH: lambda value, wanted: value is not None and value.startswith(wanted),
    Operator.ENDS_WITH: lambda value, wanted: value is not None and value.endswith(wanted),
    Operator.BETWEEN: lambda value, wanted: value is not None and wanted[0] <= value <= wanted[1],
}


@pytest.fixture
def rows(api: Api) -> list[dict[str, Any]]:
    """Ten orders that differ in every field, a minute apart."""
    for number, name in enumerate(NAMES):
        email = None if name is None else f"{number}.X@example.com"
        paid = "paid" if number % 3 else "unpaid"
        api.made(f"M-{number}", customer_name=name, customer_email=email, payment_status=paid)
        api.clock.advance(60)  # type: ignore[attr-defined]
    woo = next(i for i in api.get("/order-integrations").json()["data"] if i["handle"] == "woo")
    api.post("/orders", an_order("w", source="woocommerce", order_integration_id=woo["id"]))
    first = api.ids("/orders", limit=1)[0]
    api.post(f"/orders/{first}/cancel")
    found: list[dict[str, Any]] = api.get("/orders", limit=100).json()["data"]
    assert len(found) == 11
    return found


def wanted_of(operator: Operator, value: Any) -> Any:
    """Questions that a value of the field suggests."""
    text = value or ""
    match operator:
        case Operator.IN | Operator.NOT_IN:
            return [text, "other"] if text[4:5] != "-" else [text]
        case Operator.BETWEEN:
            return [min(text, "Z"), max(text, "Z")] if text[4:5] != "-" else [text, text]
        case Operator.CONTAINS:
            return text[1:4].swapcase()
        case Operator.STARTS_WITH:
            return text[:2]
        case Operator.ENDS_WITH:
            return text[-2:]
        case _:
            return text


def test_every_operator_finds_what_it_says(
    api: Api, rows: list[dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for field in sorted(TEXTS | TIMES):
        with subtests.test(field):
            compare_everything(api, rows, field)


def compare_everything(api: Api, rows: list[dict[str, Any]], field: str) -> None:
    operators = [o for o in Operator if field in TEXTS or o not in TEXTUAL]
    for operator in operators:
        for value in sorted({row[field] for row in rows} - {None})[::2]:
            wanted = wanted_of(operator, value)
            expected = [row["id"] for row in rows if HOLDS[operator](row[field], wanted)]
            query = json.dumps({field: {operator: wanted}})
            found = api.get("/orders", query=query, limit=100).json()
            assert [row["id"] for row in found["data"]] == expected, query
            assert found["pagination"]["total"] == len(expected)


TEXTUAL = {Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH}


def test_a_value_alone_and_null_and_several_conditions(
    api: Api, rows: list[dict[str, Any]]
) -> None:
    def found(**query: Any) -> list[str]:
        return api.ids("/orders", query=json.dumps(query), limit=100)

    assert found(status="cancelled") == [rows[0]["id"]]
    empty = [row["id"] for row in rows if row["customer_name"] is None]
    assert found(customer_name=None) == found(customer_name={"equals": None}) == empty
    named = [row["id"] for row in rows if row["customer_name"] is not None]
    assert found(customer_name={"not": None}) == named
    both = found(payment_status="paid", customer_name={"startsWith": "A", "endsWith": "B"})
    assert both == [row["id"] for row in rows if row["customer_name"] == "A\\B"]
    assert found(status={"in": []}) == []
    assert found(status="pending' OR 1=1 --") == []


def test_wildcards_are_letters(api: Api, rows: list[dict[str, Any]]) -> None:
    for wanted, expected in (("%", "Žiga 100%"), ("_", "a_b"), ("\\", "A\\B")):
        for word, text in (("contains", wanted), ("endsWith", expected), ("startsWith", expected)):
            query = json.dumps({"customer_name": {word: text}})
            names = [r["customer_name"] for r in api.get("/orders", query=query).json()["data"]]
            assert names == [expected]
        for word in ("endsWith", "startsWith"):
            query = json.dumps({"customer_name": {word: f"{wanted}{wanted}"}})
            assert api.ids("/orders", query=query) == []


def test_a_bound_finer_than_a_millisecond_lets_the_same_rows_through(
    api: Api, rows: list[dict[str, Any]]
) -> None:
    at = rows[3]["created_at"].replace("000Z", "000001Z")
    for word, n in (("gt", 7), ("gte", 7), ("lt", 4), ("lte", 4)):
        query = json.dumps({"created_at": {word: at}})
        assert api.get("/orders", query=query).json()["pagination"]["total"] == n
    zoned = json.dumps({"created_at": {"equals": "2026-11-24T13:03:00+01:00"}})
    assert api.ids("/orders", query=zoned) == [rows[3]["id"]]


REFUSED = {
    "unknown field": '{"total": 1}', "dot path": '{"customer.name": "x"}', "or": '{"OR": []}',
    "unknown operator": '{"status": {"regex": "x"}}', "no operator": '{"status": {}}',
    "operator in capitals": '{"status": {"EQUALS": "x"}}', "a list": '{"status": ["x"]}',
    "a number": '{"status": 1}', "true": '{"status": true}', "no list": '{"status": {"in": "x"}}',
    "one of two": '{"created_at": {"between": ["2026-01-01T00:00:00Z"]}}',
    "no time": '{"created_at": "yesterday"}', "no zone": '{"created_at": "2026-01-01T00:00:00"}',
    "a time contains": '{"created_at": {"contains": "2026"}}', "null": '{"status": {"gt": null}}',
    "null within": '{"status": {"in": [null]}}', "no object": '["status"]', "no json": "status",
    "nan": '{"status": NaN}', "twice": '{"status": "a", "status": "b"}', "blank": " ",
    "nul": '{"status": "\\u0000"}', "surrogate": '{"status": "\\ud800"}',
    "deep": '{"status":' * 1500 + "1" + "}" * 1500, "long": json.dumps({"status": "x" * 1001}),
    "fine": '{"created_at": {"equals": "2026-01-01T00:00:00.0001Z"}}',
    "many values": json.dumps({"status": {"in": ["x"] * (MOST_VALUES + 1)}}),
    "injected": '{"status) OR 1=1 --": "x"}',
}  # fmt: skip


def test_what_is_no_filter_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for name, query in REFUSED.items():
        with subtests.test(name):
            assert is_problem(api.get("/orders", query=query), 400, "invalid_query")


def test_an_unknown_field_or_operator_is_answered_with_the_list(api: Api) -> None:
    said = api.get("/orders", query='{"total": 1}').json()["message"]
    for field in TEXTS | TIMES:
        assert field in said
    said = api.get("/orders", query='{"created_at": {"like": 1}}').json()["message"]
    assert "between" in said
    assert "contains" not in said


def test_more_conditions_than_a_person_needs_are_refused(api: Api) -> None:
    fields, operators = (
        sorted(TEXTS - {"id"}),
        ("equals", "not", "gt", "gte", "lt", "lte", "contains"),
    )
    many = {field: dict.fromkeys(operators, "x") for field in fields}
    assert sum(map(len, many.values())) == MOST_CONDITIONS - 1
    assert api.get("/orders", query=json.dumps(many)).status_code == 200
    many["id"] = {"equals": "x", "not": "y"}
    assert is_problem(api.get("/orders", query=json.dumps(many)), 400, "invalid_query")


SHELVES = (INVOICES, CREDIT_NOTES, ESTIMATES, PAYMENTS, CUSTOMERS, INTEGRATIONS, ENTITIES)


def test_every_operator_and_order_of_the_other_lists_is_answered(
    api: Api, subtests: pytest.Subtests
) -> None:
    for shelf in SHELVES:
        with subtests.test(shelf.name):
            ask_everything(api, shelf)


def ask_everything(api: Api, shelf: Shelf) -> None:
    for field, timed in shelf.fields.items():
        for operator in Operator:
            if timed and operator in TEXTUAL:
                continue
            one = "2026-01-01T00:00:00Z" if timed else "x"
            several = {Operator.IN, Operator.NOT_IN, Operator.BETWEEN}
            wanted = [one, one] if operator in several else one
            query = json.dumps({field: {operator: wanted}})
            assert api.get(f"/{shelf.name}", query=query).status_code == 200
    for sort in shelf.listed.sorts:
        for order in (sort, f"-{sort}"):
            assert api.get(f"/{shelf.name}", order_by=order, search="x").status_code == 200
    assert api.get(f"/{shelf.name}", deleted="true").json()["pagination"]["total"] == 0
