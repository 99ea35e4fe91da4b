"""Lists: pages by cursor in both directions, order, search, totals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.asked import ITEM, Api, an_order, is_problem

SORTS = ("id", "created_at", "updated_at", "ordered_at", "total", "total_with_tax")


@pytest.fixture
def many(api: Api) -> list[dict[str, Any]]:
    """Twenty-three orders, some alike in every sort but the id, some without ordered_at."""
    for number in range(23):
        if number % 3 == 0:
            api.clock.advance(1)  # type: ignore[attr-defined]
        at = None if number % 5 == 0 else f"2026-0{1 + number % 4}-01T00:00:00Z"
        total = number % 4 * 10
        api.made(f"m-{number}", ordered_at=at, total=total, total_with_tax=total + 1)
    found: list[dict[str, Any]] = api.get("/orders", limit=100).json()["data"]
    return found


def sorted_by(rows: list[dict[str, Any]], name: str, *, descending: bool) -> list[str]:
    """What is empty comes last, descending first."""

    def key(row: dict[str, Any]) -> tuple[bool, Any, str]:
        return row[name] is None, 0 if row[name] is None else row[name], row["id"]

    return [row["id"] for row in sorted(rows, key=key, reverse=descending)]


def test_pages_forwards_and_backwards_are_the_whole_list_in_order(
    api: Api, many: list[dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for sort in SORTS:
        for sign in ("", "-"):
            with subtests.test(sign + sort):
                walk_both_ways(api, many, sort, sign)


def walk_both_ways(api: Api, many: list[dict[str, Any]], sort: str, sign: str) -> None:
    expected = sorted_by(many, sort, descending=sign == "-")
    forwards = list(api.pages("/orders", order_by=sign + sort, limit=5))
    assert [row["id"] for page in forwards for row in page["data"]] == expected
    assert [len(page["data"]) for page in forwards] == [5, 5, 5, 5, 3]
    assert {page["pagination"]["total"] for page in forwards} == {23}
    assert forwards[0]["pagination"]["prev_cursor"] is None
    assert forwards[-1]["pagination"]["next_cursor"] is None
    found, page = [forwards[-1]["data"]], forwards[-1]["pagination"]
    while page["prev_cursor"]:
        answer = api.get("/orders", order_by=sign + sort, limit=5, prev_cursor=page["prev_cursor"])
        found.insert(0, answer.json()["data"])
        page = answer.json()["pagination"]
        assert page["has_more"] is (page["next_cursor"] is not None) is True
    assert [row["id"] for part in found for row in part] == expected


def test_a_page_says_where_to_go_on_in_its_link_header_too(
    api: Api, many: list[dict[str, Any]]
) -> None:
    first = api.get("/orders", limit=20, search="widget")
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    following = api.call("GET", link[1 : link.index(">")])
    assert len(following.json()["data"]) == 3
    assert 'rel="prev"' in following.headers["link"]


def test_no_total_is_minus_one(api: Api, many: list[dict[str, Any]]) -> None:
    for name in ("include_total_count", "include_total"):
        assert api.get("/orders", **{name: "false"}).json()["pagination"]["total"] == -1
        assert api.get("/orders", **{name: "true"}).json()["pagination"]["total"] == 23


def test_ten_rows_where_nothing_else_is_said(api: Api, many: list[dict[str, Any]]) -> None:
    page = api.get("/orders").json()
    assert (len(page["data"]), page["pagination"]["has_more"]) == (10, True)
    assert len(api.ids("/orders", limit=100)) == 23


def test_a_page_whose_rows_have_gone_leads_back(api: Api, many: list[dict[str, Any]]) -> None:
    first = api.get("/orders", limit=22).json()
    api.call("DELETE", f"/orders/{many[-1]['id']}")
    nothing = api.get("/orders", limit=22, next_cursor=first["pagination"]["next_cursor"]).json()
    assert (nothing["data"], nothing["pagination"]["next_cursor"]) == ([], None)
    back = api.get("/orders", limit=22, prev_cursor=nothing["pagination"]["prev_cursor"]).json()
    assert back["data"] == first["data"]


class Walk:
    """A walk through the list while orders arrive, change and go; ``stay`` are those that must be
    met, ``seen`` those that were."""

    def __init__(self, api: Api, sort: str, limit: int) -> None:
        self.api, self.sort, self.limit = api, sort, limit
        self.made, self.over = 0, False
        self.seen: list[str] = []
        self.last: list[str] = []
        self.cursor: dict[str, str] = {}
        for order_id in api.ids("/orders", limit=100):
            api.call("DELETE", f"/orders/{order_id}")
        self.stay: set[str] = set()
        self.stay = {self.arrive(number) for number in range(9)}

    def page(self, **more: Any) -> dict[str, Any]:
        wanted = {"order_by": self.sort, "limit": self.limit, **self.cursor, **more}
        body: dict[str, Any] = self.api.get("/orders", **wanted).json()
        return body

    def forwards(self, number: int = 0) -> bool:
        """A page further, but for the last one; whether there are more."""
        if self.over:
            return False
        page = self.page()
        self.last = [row["id"] for row in page["data"]]
        self.seen += self.last
        if page["pagination"]["has_more"]:
            self.cursor = {"next_cursor": page["pagination"]["next_cursor"]}
        self.over = not page["pagination"]["has_more"]
        return not self.over

    def backwards(self, number: int) -> None:
        """Before the next page is what was seen. The last page comes again, and what arrives in it
        may push its rows out."""
        if self.cursor:
            page = self.page()
            cursor, last = page["pagination"]["prev_cursor"], [row["id"] for row in page["data"]]
            last += self.last if self.over else []
            wanted = {"order_by": self.sort, "limit": 100, "prev_cursor": cursor}
            before = [row["id"] for row in self.api.get("/orders", **wanted).json()["data"]]
            met = [each for each in self.seen if each in self.stay and each not in last]
            assert [each for each in before if each in met] == met

    def arrive(self, number: int) -> str:
        self.made += 1
        self.api.clock.advance(number % 3)  # type: ignore[attr-defined]
        at = None if number % 4 == 0 else f"2026-01-{1 + number % 28:02}T00:00:00Z"
        return str(self.api.made(f"{self.api.clock()}-{self.made}", ordered_at=at)["id"])

    def change(self, number: int) -> None:
        target = sorted(self.stay)[number % len(self.stay)]
        self.api.patch(f"/orders/{target}", {"customer_name": f"n{number}"})

    def go(self, number: int) -> None:
        gone = sorted(self.stay)[number % len(self.stay)]
        if len(self.stay) > 1:
            self.api.call("DELETE", f"/orders/{gone}")
            self.stay.discard(gone)


STEPS = ("forwards", "backwards", "arrive", "change", "go")


@example(
    steps=[("forwards", 0)] * 3 + [("arrive", 9), ("backwards", 0)], sort="ordered_at", limit=3
)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), min_size=1, max_size=12),
    sort=st.sampled_from(["id", "-id", "created_at", "-created_at", "ordered_at", "-ordered_at"]),
    limit=st.integers(1, 4),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_walk_meets_every_order_that_stays_once_whatever_arrives_meanwhile(
    api: Api, steps: list[tuple[str, int]], sort: str, limit: int
) -> None:
    walk = Walk(api, sort, limit)
    for kind, number in steps:
        getattr(walk, kind)(number)
    while walk.forwards():
        pass
    assert len(walk.seen) == len(set(walk.seen))
    assert walk.stay <= set(walk.seen)


# Cursors that were not given out for this question.


def test_a_cursor_is_good_for_its_own_question_only(
    api: Api, anybody: Any, many: list[dict[str, Any]]
) -> None:
    cursor = api.get("/orders", limit=5, order_by="total").json()["pagination"]["next_cursor"]
    assert api.get("/orders", limit=7, order_by="total", next_cursor=cursor).status_code == 200
    others: tuple[dict[str, str], ...] = (
        {}, {"order_by": "-total"}, {"order_by": "total", "search": "x"},
        {"order_by": "total", "query": '{"status": "pending"}'},
        {"order_by": "total", "deleted": "true"},
    )  # fmt: skip
    for other in others:
        answer = api.get("/orders", next_cursor=cursor, **other)
        assert is_problem(answer, 400, "invalid_cursor")
    rival = anybody.as_("rival").get("/orders", order_by="total", next_cursor=cursor)
    assert is_problem(rival, 400, "invalid_cursor")
    assert is_problem(api.get("/invoices", next_cursor=cursor), 400, "invalid_cursor")
    both = api.get("/orders", order_by="total", next_cursor=cursor, prev_cursor=cursor)
    assert is_problem(both, 400, "invalid_query")


def test_an_altered_cursor_is_refused(api: Api, many: list[dict[str, Any]]) -> None:
    cursor = api.get("/orders", limit=5).json()["pagination"]["next_cursor"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at, letter in enumerate(cursor):
        other = alphabet[(alphabet.index(letter) + 1) % 64]
        altered = cursor[:at] + other + cursor[at + 1 :]
        assert is_problem(api.get("/orders", next_cursor=altered), 400, "invalid_cursor")
    for wrong in (many[0]["id"], cursor + "=", cursor + "A", cursor[:-1], "x" * 600, "é", "%00"):
        assert is_problem(api.get("/orders", prev_cursor=wrong), 400, "invalid_cursor")


# Parameters.


LIMITS = ["0", "-1", "101", "1e3", "٣", "1000000000", "x", " 1", "1.0", "+1"]
NO_PARAMETERS: list[dict[str, str]] = [
    {"order_by": "status"}, {"order_by": "--id"}, {"order_by": "id;drop table orders"},
    {"order_by": ""}, {"deleted": "yes"}, {"include_total_count": "1"}, {"sort": "total"},
    {"fields": "*"}, {"filter[total) or 1=1--]": "x"}, {"offset": "9"}, {"search": "x" * 201},
    {"search": "a\0b"}, {"include_total": "true", "include_total_count": "true"},
    *({"limit": limit} for limit in LIMITS),
]  # fmt: skip


def test_what_is_no_parameter_is_refused(api: Api, subtests: pytest.Subtests) -> None:
    for parameters in NO_PARAMETERS:
        with subtests.test(str(parameters)[:50]):
            assert is_problem(api.get("/orders", **parameters), 400, "invalid_query")


def test_a_parameter_twice_is_refused(api: Api) -> None:
    assert is_problem(api.call("GET", "/orders?limit=1&limit=2"), 400, "invalid_query")


# Search.


def test_search_finds_a_part_of_any_text_in_any_letter_case(api: Api) -> None:
    address = {"address": "Šmartinska 12", "city": "Ljubljana", "post_code": "1000"}
    made = api.made(
        customer_name="Ana Čop", customer_email="Ana@Example.com",
        customer={"phone": "+386 1", "company_name": "Čebela d.o.o.", "tax_number": "SI99",
                  "company_number": "C-7", "notes": "Ring twice"},
        billing_address=address, shipping_address={"city": "Kranj", "country": "Slovenia"},
        items=[ITEM | {"name": "Größe L", "sku": "SKU-77", "total": 100}],
        source_order_number="#1001", payment_method="Wire", payment_gateway="bacs-si",
        metadata={"campaign": "Spring", "deep": [{"code": 4711}]},
    )  # fmt: skip
    api.made("other")
    for term in (
        "čop", "ČOP", "na č", "ana@example", "+386", "ČEBELA", "si99", "c-7", "ring TWICE",
        "šMART", "ljub", "1000", "KRANJ", "slovenia", "grösse", "GRÖẞE", "sku-77", "#1001",
        "spring", "4711", "wire", "bacs", "M-1", "w", " čop ",
    ):  # fmt: skip
        found = api.ids("/orders", search=term)
        if term != "w":
            assert found == [made["id"]], term
    for term in (
        "campaign",
        "billing_address",
        "tax_rate",
        "%",
        "_",
        "a%p",
        "\\",
        "' or 1=1",
        "x\ny",
    ):
        assert api.ids("/orders", search=term) == [], term
    assert len(api.ids("/orders", search="")) == 2


def test_search_follows_a_change(api: Api) -> None:
    made = api.made(customer_name="Ana", metadata={"a": "first"})
    api.patch(f"/orders/{made['id']}", {"customer_name": "Bojan", "metadata": {"a": "second"}})
    assert api.ids("/orders", search="bojan") == api.ids("/orders", search="second") == [made["id"]]
    assert api.ids("/orders", search="ana") == api.ids("/orders", search="first") == []


def test_search_and_filter_go_together_and_count(api: Api) -> None:
    for number in range(5):
        api.made(f"m-{number}", customer_name=f"Ana {number}", payment_status=(
            "paid" if number % 2 else "unpaid"))  # fmt: skip
    query = json.dumps({"payment_status": "paid"})
    page = api.get("/orders", search="ANA", query=query, order_by="-id", limit=1).json()
    assert page["pagination"]["total"] == 2
    assert page["data"][0]["customer_name"] == "Ana 3"


def test_integrations_are_found_by_name(api: Api) -> None:
    assert len(api.ids("/order-integrations", search="MANUAL ord")) == 1


def test_the_other_lists_hold_what_an_order_became(api: Api) -> None:
    made = api.post("/orders", an_order(customer_name="Ana Čop", payment_status="paid")).json()
    order = api.post(f"/orders/{made['id']}/process").json()
    (invoice,) = api.get("/invoices").json()["data"]
    assert invoice["id"] == order["invoice_id"]
    assert api.get(f"/invoices/{invoice['id']}").json() == invoice
    assert list(invoice) == [
        "id", "kind", "number", "series", "entity_id", "order_id", "order_integration_id",
        "customer_id", "customer", "issuer", "currency_code", "date", "date_due", "date_service",
        "items", "taxes", "total", "total_tax", "total_with_tax", "total_discount", "rounding",
        "total_paid", "total_due", "status", "relations", "reason", "metadata", "created_at",
    ]  # fmt: skip
    assert (invoice["total_paid"], invoice["total_due"], invoice["status"]) == (122, 0, "paid")
    (payment,) = api.get("/payments", query=json.dumps({"invoice_id": invoice["id"]})).json()[
        "data"
    ]
    assert (payment["amount"], payment["invoice_id"]) == (122, invoice["id"])
    (customer,) = api.get("/customers", search="čop").json()["data"]
    assert customer["id"] == order["customer_id"] == invoice["customer_id"]
    assert api.get(f"/customers/{customer['id']}").json() == customer
    assert api.get(f"/payments/{payment['id']}").json() == payment
    for path in ("/invoices", "/payments", "/customers"):
        assert api.get(path).json()["pagination"]["total"] == 1
    for path in ("/credit-notes", "/estimates"):
        assert api.get(path).json()["data"] == []
        assert is_problem(api.get(f"{path}/{invoice['id']}"), 404, "not_found")
    assert api.get(f"/orders/{made['id']}/documents").json() == {"data": [invoice]}
