"""How the simulated Shopify lists orders and their parts: cursors, sizes, single orders."""

from __future__ import annotations

from typing import Any

import pytest

from ordermill.simulator.drafts import AddShipping, NewShipping, Remove
from ordermill.simulator.parts import Address, Customer
from ordermill.simulator.shopify import listing
from ordermill.simulator.shopify.document import QueryError
from simulator.books import CUP, D, a_ledger, placed
from simulator.shopify_shop import Said, a_second_apart, gid, names, open_shop

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $q: String,
    $sort: OrderSortKeys = UPDATED_AT, $reverse: Boolean = false) {
  orders(first: $first, after: $after, last: $last, before: $before, query: $q, sortKey: $sort,
      reverse: $reverse) {
    nodes { name updatedAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


def shown(said: Said) -> list[str]:
    return [node["name"] for node in said.data["orders"]["nodes"]]


def info(said: Said) -> Any:
    return said.data["orders"]["pageInfo"]


# Pages


def test_pages_follow_one_another_by_cursor() -> None:
    ledger = a_ledger()
    orders = a_second_apart(ledger, 5)
    with open_shop(ledger) as asker:
        one = asker(PAGE, first=2)
        assert (shown(one), info(one)["hasPreviousPage"]) == (names(orders[:2]), False)
        two = asker(PAGE, first=2, after=info(one)["endCursor"])
        three = asker(PAGE, first=2, after=info(two)["endCursor"])
        assert (shown(three), info(three)["hasNextPage"]) == (names(orders[4:]), False)
        back = asker(PAGE, last=2, before=info(three)["startCursor"])
        assert (shown(back), info(back)["hasPreviousPage"]) == (shown(two), True)


def test_the_other_way_round() -> None:
    ledger = a_ledger()
    orders = a_second_apart(ledger, 3)
    with open_shop(ledger) as asker:
        one = asker(PAGE, first=2, reverse=True)
        two = asker(PAGE, first=2, reverse=True, after=info(one)["endCursor"])
        assert shown(one) + shown(two) == names(orders)[::-1]


def test_a_cursor_belongs_to_its_query_and_its_order() -> None:
    ledger = a_ledger()
    a_second_apart(ledger, 3)
    with open_shop(ledger) as asker:
        cursor = info(asker(PAGE, first=1))["endCursor"]
        for other in ({"sort": "CREATED_AT"}, {"q": "test:false"}, {"reverse": True}):
            assert "Invalid cursor" in asker(PAGE, first=1, after=cursor, **other).body[
                "errors"
            ][0]["message"]  # fmt: skip
        assert "Invalid cursor" in str(asker(PAGE, first=1, after="?!").body["errors"])


def test_an_updated_order_moves_to_the_end_and_none_is_lost() -> None:
    ledger = a_ledger()
    orders = a_second_apart(ledger, 6)
    with open_shop(ledger) as asker:
        one = asker(PAGE, first=3)
        ledger.touch(orders[1].id)
        ledger.touch(orders[4].id)
        two = asker(PAGE, first=10, after=info(one)["endCursor"])
        assert shown(two) == names([orders[3], orders[5], orders[1], orders[4]])


def test_a_page_of_one_second_is_walked_by_its_cursor() -> None:
    ledger = a_ledger()
    with ledger.one_second():
        orders = [placed(ledger) for _ in range(5)]
    with open_shop(ledger) as asker:
        found, after = [], None
        for _ in range(3):
            said = asker(PAGE, first=2, after=after)
            found += shown(said)
            after = info(said)["endCursor"]
        assert found == names(orders)


def test_paging_one_query_ends_after_25000_objects() -> None:
    keys = [(float(n), n) for n in range(25_100)]
    found = listing.Found("x", keys, reverse=False)
    page = found.page({"first": 250}, lambda number: number)
    pages = 1
    while page.has_next:
        after = page.cursor_of(len(page.nodes) - 1)
        page = found.page({"first": 250, "after": after}, lambda number: number)
        pages += 1
    assert (pages, page.nodes[-1]) == (100, 24_999)


@pytest.mark.parametrize("size", [251, -1])
def test_a_size_that_no_page_has_is_an_error(size: int) -> None:
    with open_shop(a_ledger()) as asker:
        assert "errors" in asker(PAGE, first=size).body


def test_what_cannot_be_sorted_by_is_refused_and_not_guessed() -> None:
    with pytest.raises(QueryError):
        listing.found([], {"sortKey": "DESTINATION"})


NESTED = """query($id: ID!, $after: String) { order(id: $id) { updatedAt
    lineItems(first: 250, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
    refunds(first: 3) { id } transactions(first: 2) { id } all: refunds { id } } }"""


def test_600_lines_are_read_in_three_pages() -> None:
    ledger = a_ledger()
    order = placed(ledger, *[CUP] * 600)
    with open_shop(ledger) as asker:
        found, after, pages = [], None, 0
        while pages == 0 or after:
            lines = asker(NESTED, id=gid(order), after=after).data["order"]["lineItems"]
            found += [node["id"] for node in lines["nodes"]]
            after = lines["pageInfo"]["endCursor"] if lines["pageInfo"]["hasNextPage"] else None
            pages += 1
        assert (pages, len(set(found))) == (3, 600)


def test_a_plain_list_is_cut_at_first_without_a_word() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    for _ in range(5):
        ledger.refund(order.id, amount=D("0.10"))
    with open_shop(ledger) as asker:
        shown_order = asker(NESTED, id=gid(order)).data["order"]
        assert [len(shown_order[name]) for name in ("refunds", "transactions", "all")] == [3, 2, 5]


def test_removed_shipping_is_shown_to_those_who_ask_for_it() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    ledger.edit(order.id, Remove(order.shipping[0].id), AddShipping(NewShipping("Van", D(9))))
    text = """query($id: ID!) { order(id: $id) {
        some: shippingLines(first: 5) { nodes { title isRemoved } }
        all: shippingLines(first: 5, includeRemovals: true) { nodes { title isRemoved } } } }"""
    with open_shop(ledger) as asker:
        shown = asker(text, id=gid(order)).data["order"]
        van, post = {"title": "Van", "isRemoved": False}, {"title": "Post", "isRemoved": True}
        assert (shown["some"]["nodes"], shown["all"]["nodes"]) == ([van], [post, van])


def test_localized_fields_are_narrowed_by_purpose_and_country() -> None:
    ledger = a_ledger()
    rome = Address("Ana", "Novak", city="Roma", country="IT")
    order = placed(ledger, billing=rome, customer=Customer(vat_id="IT00743110157"))
    text = """query($id: ID!, $purposes: [LocalizedFieldPurpose!], $countries: [CountryCode!]) {
        order(id: $id) { localizedFields(first: 5, purposes: $purposes, countryCodes: $countries)
        { nodes { key value } } } }"""
    field = {"key": "TAX_CREDENTIAL_IT", "value": "IT00743110157"}
    with open_shop(ledger) as asker:
        for given, expected in (
            ({}, [field]), ({"purposes": ["TAX"], "countries": ["IT"]}, [field]),
            ({"purposes": ["SHIPPING"]}, []), ({"countries": ["BR"]}, []),
        ):  # fmt: skip
            shown = asker(text, id=gid(order), **given).data["order"]["localizedFields"]
            assert shown["nodes"] == expected


# Single orders


def test_nodes_are_null_where_an_order_is_gone_and_keep_their_places() -> None:
    ledger = a_ledger()
    orders = a_second_apart(ledger, 3)
    ledger.purge(orders[1].id)
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Order { name } } }"
    with open_shop(ledger) as asker:
        nodes = asker(text, ids=[gid(order) for order in orders]).data["nodes"]
        assert [node and node["name"] for node in nodes] == [
            f"#{orders[0].number}", None, f"#{orders[2].number}",
        ]  # fmt: skip
        too_many = asker(text, ids=[gid(orders[0])] * 251)
        assert too_many.code == "MAX_INPUT_SIZE_EXCEEDED"


def test_an_order_is_shown_as_it_is_at_each_question() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    text = "query($id: ID!) { order(id: $id) { note } }"
    with open_shop(ledger) as asker:
        seen = [asker(text, id=gid(order)).data["order"]["note"]]
        ledger.annotate(order.id, note="new")
        seen.append(asker(text, id=gid(order)).data["order"]["note"])
        assert seen == [None, "new"]


def test_one_amount_can_be_asked_for_in_several_ways() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    text = """query($id: ID!) { order(id: $id) {
        one: totalPriceSet { shopMoney { amount } }
        two: totalPriceSet { presentmentMoney { currencyCode } }
        totalPrice } }"""
    with open_shop(ledger) as asker:
        shown = asker(text, id=gid(order)).data["order"]
        assert shown["two"] == {"presentmentMoney": {"currencyCode": "EUR"}}
        assert shown["one"] == {"shopMoney": {"amount": shown["totalPrice"]}}


def test_a_refund_is_found_by_its_own_id_with_its_order() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    back = ledger.refund(order.id, {order.lines[0].id: D(1)})
    text = """query($id: ID!) { refund(id: $id) { id order { name }
        refundLineItems(first: 5) { nodes { quantity } } } }"""
    with open_shop(ledger) as asker:
        found = asker(text, id=f"gid://shopify/Refund/{back.id}").data["refund"]
        assert found["order"]["name"] == f"#{order.number}"
        assert found["refundLineItems"]["nodes"] == [{"quantity": 1}]
        assert asker(text, id="gid://shopify/Refund/9").data["refund"] is None
