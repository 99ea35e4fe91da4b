"""How a shop is read: pages, cursors, nested pages, by id; and what an answer can go wrong with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ordermill.connector.base import By, Gone, Window
from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    RateLimited,
    SourceRejected,
    TransientSourceError,
)
from shopify.made import NOW, bag, connected, cost, line, order, page_of

CHANGED = Window(by=By.CHANGED, since=datetime(2026, 11, 20, tzinfo=UTC))
SCOPES = {"data": {"shop": {"name": "Acme", "currencyCode": "EUR"},
                   "currentAppInstallation": {"accessScopes": [{"handle": "read_orders"}]},
                   "publicApiVersions": []}}  # fmt: skip

ALL_SCOPES = {"shop": {}, "currentAppInstallation": {
    "accessScopes": [{"handle": "read_orders"}, {"handle": "read_all_orders"}]}}  # fmt: skip


def an_error(code: str, message: str = "no", **other: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}, **other}]}


def test_a_pass_asks_with_quoted_times_oldest_change_first() -> None:
    connector, shop, _ = connected(lambda *_: {"orders": page_of()})
    page = connector.fetch(CHANGED, None)
    (name, variables) = shop.asked[0]
    assert name == "Orders"
    assert variables["query"] == "updated_at:>='2026-11-20T00:00:00Z'"
    assert variables["sort"] == "UPDATED_AT"
    assert (page.orders, page.cursor, page.safe_until) == ([], None, None)


def test_the_next_page_goes_on_from_the_cursor_and_its_second_is_not_yet_safe() -> None:
    answers = iter([page_of(order(), end="c1"), page_of(order())])
    connector, shop, _ = connected(lambda *_: {"orders": next(answers)})
    first = connector.fetch(CHANGED, None)
    assert first.safe_until == datetime(2026, 11, 20, 10, 4, 59, tzinfo=UTC)
    second = connector.fetch(CHANGED, first.cursor)
    assert shop.asked[1][1]["after"] == "c1"
    assert second.cursor is None
    assert second.safe_until == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)


def test_the_bookmark_does_not_outrun_the_index() -> None:
    late = order(updatedAt="2026-11-24T11:59:59Z")
    connector, _, _ = connected(lambda *_: {"orders": page_of(late)})
    assert connector.fetch(CHANGED, None).safe_until == NOW - timedelta(minutes=5)


def test_an_order_that_changed_just_now_does_not_move_the_bookmark_past_the_pages_to_come() -> None:
    """The index shows it as it is now, where it stood before."""
    old, hot = order(), order(legacyResourceId="1002", updatedAt="2026-11-24T11:59:50Z")

    def reply(name: str, variables: dict[str, Any]) -> Any:
        if variables["after"]:
            return an_error("BAD_REQUEST", "Invalid cursor for current pagination sort.")
        return {"orders": page_of(old, hot, end="c1")}

    connector, shop, _ = connected(reply)
    page = connector.fetch(CHANGED, None)
    assert page.safe_until == datetime(2026, 11, 20, 10, 4, 59, tzinfo=UTC)
    connector.fetch(CHANGED, page.cursor)
    assert shop.asked[-1][1]["query"] == "updated_at:>='2026-11-20T10:04:59Z'"


@pytest.mark.parametrize("end", [None, "c1"])
def test_how_far_the_index_has_come_is_told_by_the_shops_clock(end: str | None) -> None:
    """Ours may be an hour ahead."""
    hot = order(updatedAt="2026-11-24T10:59:50Z")
    answer = httpx.Response(
        200,
        json={"data": {"orders": page_of(order(), hot, end=end)}},
        headers={"Date": "Tue, 24 Nov 2026 11:00:00 GMT"},
    )
    connector, _, _ = connected(lambda *_: answer)
    assert connector.fetch(CHANGED, None).safe_until == (
        datetime(2026, 11, 24, 10, 55, tzinfo=UTC)
        if end is None
        else datetime(2026, 11, 20, 10, 4, 59, tzinfo=UTC)
    )


def test_a_refused_cursor_begins_again_at_the_last_safe_second() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if variables["after"]:
            return an_error("BAD_REQUEST", "Invalid cursor for current pagination sort.")
        return {"orders": page_of(order(), end="c1")}

    connector, shop, _ = connected(reply)
    first = connector.fetch(CHANGED, None)
    connector.fetch(CHANGED, first.cursor)
    assert shop.asked[-1][1]["after"] is None
    assert shop.asked[-1][1]["query"] == "updated_at:>='2026-11-20T10:04:59Z'"


def test_a_cursor_that_repeats_ends_the_pass() -> None:
    connector, _, _ = connected(lambda *_: {"orders": page_of(order(), end="c1")})
    first = connector.fetch(CHANGED, None)
    with pytest.raises(InvalidAnswer):
        connector.fetch(CHANGED, first.cursor)


@pytest.mark.parametrize("what", ["lineItems", "agreements"])
def test_a_nested_cursor_that_repeats_ends_the_pass(what: str) -> None:
    sold = {"id": "gid://shopify/OrderAgreement/1", "sales": page_of()}
    again = page_of(line(2) if what == "lineItems" else sold, end="n1")

    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            return {"orders": page_of(order(edited=True))}
        if name == "Details":
            return {"nodes": [order(edited=True, **{what: again})]}
        return {"order": {"updatedAt": order()["updatedAt"], what: again}}

    connector, _, _ = connected(reply)
    with pytest.raises(InvalidAnswer):
        connector.fetch(CHANGED, None)


def test_lines_beyond_the_first_page_are_drained_into_the_order() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            return {"orders": page_of(order(lineItems=page_of(line(1), end="l1")))}
        if name == "Details":
            return {"nodes": [order(lineItems=page_of(line(1), line(2), end="l2"),
                                    agreements=page_of())]}  # fmt: skip
        assert variables["after"] == "l2"
        return {"order": {"updatedAt": "2026-11-20T10:05:00Z", "lineItems": page_of(line(3))}}

    connector, _, _ = connected(reply)
    (raw,) = connector.fetch(CHANGED, None).orders
    assert [ref for ref in ("/1\"", "/2\"", "/3\"") if f"LineItem{ref}" in raw.payload.decode()] \
        == ["/1\"", "/2\"", "/3\""]  # fmt: skip


def test_an_order_that_moves_while_it_is_read_is_read_again() -> None:
    reads = 0

    def reply(name: str, variables: dict[str, Any]) -> Any:
        nonlocal reads
        if name == "Orders":
            return {"orders": page_of(order(edited=True))}
        if name == "Details":
            reads += 1
            at = f"2026-11-20T10:0{4 + reads}:00Z"
            lines = page_of(line(1), end="l1")
            return {"nodes": [order(updatedAt=at, lineItems=lines, agreements=page_of())]}
        return {"order": {"updatedAt": "2026-11-20T10:06:00Z", "lineItems": page_of(line(2))}}

    connector, _, _ = connected(reply)
    (raw,) = connector.fetch(CHANGED, None).orders
    assert reads == 2
    assert raw.updated_at == datetime(2026, 11, 20, 10, 6, tzinfo=UTC)


def test_one_unreadable_order_does_not_stop_its_page() -> None:
    broken = order(legacyResourceId=None, id=None, lineItems="?")
    connector, _, _ = connected(lambda *_: {"orders": page_of(broken, order())})
    assert [raw.source_id for raw in connector.fetch(CHANGED, None).orders] == ["?", "1001"]


def test_the_mark_of_the_index_is_that_of_the_order() -> None:
    connector, _, _ = connected(lambda *_: {"orders": page_of(order())})
    (entry,) = connector.index(CHANGED, None).entries
    (raw,) = connector.fetch(CHANGED, None).orders
    assert entry.mark == raw.mark
    moved, _, _ = connected(lambda *_: {"orders": page_of(order(totalRefundedSet=bag("1.0")))})
    assert moved.index(CHANGED, None).entries[0].mark != entry.mark


def only_in_sight(scopes: list[str], oldest: str | None = "900") -> Any:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Shop":
            given = [{"handle": scope} for scope in scopes]
            return {"currentAppInstallation": {"accessScopes": given}, "shop": {}}
        if name == "Oldest":
            found = [{"id": "x", "legacyResourceId": oldest}] if oldest else []
            return {"orders": {"nodes": found}}
        return {"nodes": [order() if each.endswith("/1001") else None
                          for each in variables["ids"]]}  # fmt: skip

    return connected(reply)[0]


def seen_by_id(scopes: list[str], oldest: str | None = "900") -> Any:
    return only_in_sight(scopes, oldest).fetch_ids(["1001", "950", "100"])


def test_more_answers_than_ids_tell_nothing_of_the_others() -> None:
    ids = [str(number) for number in range(1, 101)]
    connector, _, _ = connected(lambda *_: {"nodes": [None] * 60})
    with pytest.raises(InvalidAnswer):
        connector.fetch_ids(ids)


def test_an_order_that_is_not_shown_has_vanished() -> None:
    found = seen_by_id(["read_orders", "read_all_orders"])
    assert [raw.source_id for raw in found.orders] == ["1001"]
    assert found.gone == {"950": Gone.VANISHED, "100": Gone.VANISHED}


def test_without_read_all_orders_what_is_old_is_hidden_and_never_gone() -> None:
    found = seen_by_id(["read_orders"])
    assert found.gone == {"950": Gone.VANISHED}
    assert found.hidden == ["100"]


def test_a_scope_that_was_taken_back_since_makes_nothing_vanish() -> None:
    scopes = ["read_orders", "read_all_orders"]
    connector = only_in_sight(scopes)
    assert connector.fetch_ids(["950", "100"]).hidden == []
    scopes.remove("read_all_orders")
    assert connector.fetch_ids(["950", "100"]).hidden == ["100"]


@pytest.mark.parametrize("path", [["nodes", 1], ["nodes", 1, "localizedFields"]])
def test_an_order_that_a_denied_field_took_with_it_is_hidden_and_never_gone(
    path: list[Any],
) -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Shop":
            return ALL_SCOPES
        return {"data": {"nodes": [order(), None]}} | an_error("ACCESS_DENIED", path=path)

    found = connected(reply)[0].fetch_ids(["1001", "950"])
    assert (found.gone, found.hidden) == ({}, ["950"])


def test_an_order_whose_details_are_denied_is_an_error_and_never_left_out_in_silence() -> None:
    """A scope that its ledger needs is missing: then no such order can be read."""

    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            return {"orders": page_of(order(edited=True))}
        if name == "Details":
            denied = an_error("ACCESS_DENIED", path=["nodes", 0, "agreements"])
            return {"data": {"nodes": [None]}} | denied
        return ALL_SCOPES if name == "Shop" else {"nodes": [order(edited=True)]}

    connector, _, _ = connected(reply)
    with pytest.raises(CredentialsRefused, match="scopes"):
        connector.fetch(CHANGED, None)
    with pytest.raises(CredentialsRefused, match="scopes"):
        connector.fetch_ids(["1001"])


def test_a_denied_field_of_another_order_hides_none_that_vanished() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Shop":
            return ALL_SCOPES
        denied = an_error("ACCESS_DENIED", path=["nodes", 0, "email"])
        return {"data": {"nodes": [order(email=None), None]}} | denied

    assert connected(reply)[0].fetch_ids(["1001", "950"]).gone == {"950": Gone.VANISHED}


def test_without_read_all_orders_and_nothing_in_sight_all_is_hidden() -> None:
    assert seen_by_id(["read_orders"], None).gone == {}


@pytest.mark.parametrize("status", [200, 429])
def test_throttled_is_waited_out_by_the_points_that_are_missing(status: int) -> None:
    answers = iter([
        httpx.Response(status, json=an_error("THROTTLED") | {"extensions": cost(500, 0, 100)}),
        {"orders": page_of(order())},
    ])  # fmt: skip
    connector, _, clock = connected(lambda *_: next(answers))
    assert len(connector.fetch(CHANGED, None).orders) == 1
    if status == 200:
        assert clock.now() - NOW == timedelta(seconds=4)


def test_a_page_that_is_too_dear_is_asked_for_smaller() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if variables["first"] > 20:
            return an_error("MAX_COST_EXCEEDED")
        return {"orders": page_of(order())}

    connector, shop, _ = connected(reply)
    assert len(connector.fetch(CHANGED, None).orders) == 1
    assert [asked[1]["first"] for asked in shop.asked] == [50, 25, 12]


def test_one_order_that_is_too_dear_is_read_with_fewer_of_its_lines_at_once() -> None:
    """By the rule of two points and all children a connection, its ledger alone is beyond 1,000."""

    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            return {"orders": page_of(order(edited=True))}
        if len(variables["ids"]) * variables["lines"] > 8:
            return an_error("MAX_COST_EXCEEDED")
        return {"nodes": [order(edited=True, agreements=page_of())]}

    connector, shop, _ = connected(reply)
    assert len(connector.fetch(CHANGED, None).orders) == 1
    asked = [asked[1]["lines"] for asked in shop.asked if asked[0] == "Details"]
    assert list(dict.fromkeys(asked)) == [50, 25, 12, 6]


def test_orders_that_are_too_dear_together_are_first_asked_for_with_fewer_lines() -> None:
    """By the documented rule asking for another id costs nothing: only the lines do."""

    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            numbers = range(1001, 1011)
            ids = [{"id": f"gid://shopify/Order/{each}", "legacyResourceId": str(each)}
                   for each in numbers]  # fmt: skip
            return {"orders": page_of(*[order(edited=True, **each) for each in ids])}
        if variables["lines"] > 8:
            return an_error("MAX_COST_EXCEEDED")
        return {"nodes": [order(edited=True, agreements=page_of(), id=each,
                                legacyResourceId=each.rpartition("/")[2])
                          for each in variables["ids"]]}  # fmt: skip

    connector, shop, _ = connected(reply)
    assert len(connector.fetch(CHANGED, None).orders) == 10
    asked = [(len(each["ids"]), each["lines"]) for name, each in shop.asked if name == "Details"]
    assert asked == [(10, 50), (10, 25), (10, 12), (10, 6)]


def test_an_order_of_which_not_even_one_line_can_be_paid_for_is_an_error() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if name == "Orders":
            return {"orders": page_of(order(edited=True))}
        return an_error("MAX_COST_EXCEEDED")

    connector, _, _ = connected(reply)
    with pytest.raises(SourceRejected):
        connector.fetch(CHANGED, None)


def test_a_page_grows_while_it_is_cheap_up_to_the_operators_wish() -> None:
    connector, shop, _ = connected(lambda *_: {"orders": page_of(order())}, page_size=80)
    for _ in range(3):
        connector.fetch(CHANGED, None)
    assert [asked[1]["first"] for asked in shop.asked] == [50, 80, 80]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), CredentialsRefused),
        (httpx.Response(403), CredentialsRefused),
        (httpx.Response(404), SourceRejected),
        (httpx.Response(423), SourceRejected),
        (httpx.Response(430), RateLimited),
        (httpx.Response(503), TransientSourceError),
        (httpx.Response(302, headers={"location": "https://else.example"}), SourceRejected),
        (httpx.Response(200, text="<html>"), InvalidAnswer),
        (httpx.Response(200), InvalidAnswer),
        (httpx.Response(200, json=[]), InvalidAnswer),
        ({"data": None}, InvalidAnswer),
        ({"data": {"orders": None}}, InvalidAnswer),
        ({"data": {"orders": {"nodes": []}}}, InvalidAnswer),
        (an_error("INTERNAL_SERVER_ERROR"), TransientSourceError),
        (an_error("ACCESS_DENIED"), CredentialsRefused),
        (an_error("undefinedField"), SourceRejected),
    ],
)
def test_what_is_no_answer_is_an_error_and_never_an_empty_page(
    answer: Any, error: type[Exception]
) -> None:
    connector, _, _ = connected(lambda *_: answer)
    with pytest.raises(error):
        connector.fetch(CHANGED, None)


def test_a_shop_that_is_closed_is_said_to_be_so_and_not_to_have_an_old_version() -> None:
    connector, _, _ = connected(lambda *_: an_error("SHOP_INACTIVE"))
    with pytest.raises(SourceRejected, match=r"locked \(SHOP_INACTIVE\)"):
        connector.fetch(CHANGED, None)


def test_denied_fields_are_noticed_and_the_rest_is_read() -> None:
    denied = an_error("ACCESS_DENIED", path=["orders", "nodes", 0, "email"])
    data = {"data": {"orders": page_of(order(email=None))}}

    def reply(name: str, variables: dict[str, Any]) -> Any:
        return SCOPES if name == "Shop" else data | denied

    connector, _, _ = connected(reply)
    assert len(connector.fetch(CHANGED, None).orders) == 1
    problems = " ".join(connector.check().problems)
    assert "email" in problems
    assert "read_all_orders" in problems


def test_denied_fields_that_take_the_page_with_them_are_left_out() -> None:
    def reply(name: str, variables: dict[str, Any]) -> Any:
        if variables["b2b"] or variables["pii"]:
            return {"data": {"orders": None}} | an_error("ACCESS_DENIED", path=["orders"])
        return {"orders": page_of(order())}

    connector, _, _ = connected(reply)
    assert len(connector.fetch(CHANGED, None).orders) == 1


def test_a_version_that_fell_forward_is_shown() -> None:
    newer = httpx.Response(200, json=SCOPES, headers={"X-Shopify-API-Version": "2027-01"})
    connector, _, _ = connected(lambda *_: newer)
    info = connector.check()
    assert info.version == "2027-01"
    assert any("2027-01" in problem for problem in info.problems)


def test_granted_tokens_are_renewed_before_they_expire_and_when_refused() -> None:
    granted = 0
    refuse = False

    def reply(name: str, variables: dict[str, Any]) -> Any:
        nonlocal granted, refuse
        if name == "/admin/oauth/access_token":
            granted += 1
            return httpx.Response(200, json={"access_token": f"t{granted}", "expires_in": 86399})
        if refuse:
            refuse = False
            return httpx.Response(401)
        return {"orders": page_of()}

    connector, shop, clock = connected(reply, client_id="id", client_secret="secret")
    connector.fetch(CHANGED, None)
    assert (granted, shop.headers[-1]["x-shopify-access-token"]) == (1, "t1")
    clock.advance(24 * 3600 - 240)
    connector.fetch(CHANGED, None)
    assert (granted, shop.headers[-1]["x-shopify-access-token"]) == (2, "t2")
    refuse = True
    connector.fetch(CHANGED, None)
    assert (granted, shop.headers[-1]["x-shopify-access-token"]) == (3, "t3")
