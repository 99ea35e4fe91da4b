"""The WooCommerce face lists orders with every oddity that was measured on real shops."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from ordermill.simulator.catalogue import PRODUCTS
from ordermill.simulator.drafts import Draft
from simulator.woocommerce_shop import DATA, Shop

MUG = Draft((PRODUCTS[1],))
RECORDED = [
    recorded
    for recorded in json.loads((DATA / "listing_headers.json").read_text(encoding="utf-8"))
    if "/orders?" in recorded["path"]
]
STORAGES = pytest.mark.parametrize("storage", ["hpos", "posts"])


def placed(count: int, **options: Any) -> Shop:
    """So many orders, ten seconds apart, the first at 12:00:10 UTC (13:00:10 at the site)."""
    shop = Shop(**options)
    for _ in range(count):
        shop.clock.advance(10)
        shop.ledger.place(MUG)
    shop.clock.advance(600)
    return shop


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["path"][-40:])
def test_a_listing_has_the_recorded_headers(recorded: dict[str, Any]) -> None:
    """X-WP-Total, pages and links (also those of a page past the end) by the recorded paths."""
    shop = placed(281, home="https://127.0.0.1:8081")
    answer = shop.ask(urlsplit(recorded["path"]).path, urlsplit(recorded["path"]).query)
    shared = {"X-WP-Total", "X-WP-TotalPages", "Link", "Content-Type", "Cache-Control", "Expires",
              "Allow", "Access-Control-Expose-Headers", "Access-Control-Allow-Headers"}  # fmt: skip
    for name in shared & recorded["headers"].keys():
        assert answer.headers[name] == recorded["headers"][name], name
    assert answer.status == recorded["status"]


def test_past_the_end_posts_keep_the_total_and_tables_lose_it() -> None:
    assert placed(3, storage="posts").get("/orders", page="9").headers["X-WP-Total"] == "3"
    lost = placed(3).get("/orders", page="9")
    assert lost.headers["X-WP-Total"] == "0"
    assert 'page=0>; rel="prev"' in lost.headers["Link"]
    assert lost.body == b"[]"


def test_a_link_drops_status_any_and_names_the_shops_own_address() -> None:
    shop = placed(3, home="https://127.0.0.1:8081")
    link = shop.get("/orders", per_page="2", status="any").headers["Link"]
    assert link.startswith("<https://127.0.0.1:8081/")
    assert "status" not in link


def changed_at(shop: Shop, order_id: int) -> str:
    return str(shop.get(f"/orders/{order_id}").value["date_modified_gmt"])


@STORAGES
def test_times_are_exclusive_and_to_the_second(storage: str) -> None:
    shop = placed(3, storage=storage)
    seen = [changed_at(shop, order) for order in sorted(shop.ids())]
    asked = {"dates_are_gmt": "true", "orderby": "modified", "order": "asc"}
    assert len(shop.ids(modified_after=seen[0], **asked)) == 2
    assert len(shop.ids(modified_after=f"{seen[0]}.900", **asked)) == 2
    assert len(shop.ids(modified_before=seen[2], **asked)) == 2
    assert len(shop.ids(after=seen[0], **asked)) == 2
    assert len(shop.ids(before=seen[0].replace("T", " "), **asked)) == 0


def test_what_a_time_means_with_and_without_a_zone_and_dates_are_gmt() -> None:
    """The site is an hour ahead of UTC. Zoned with dates_are_gmt is wrong by that hour."""
    shop = placed(1)
    before, after = "12:00:09", "12:00:10"
    for second, found in ((before, 1), (after, 0)):
        naive = f"2026-11-24T{second}"
        assert len(shop.ids(modified_after=naive, dates_are_gmt="true")) == found
        assert len(shop.ids(modified_after=f"{naive}Z")) == found
        assert len(shop.ids(modified_after=naive.replace("T12", "T13"))) == found
        wrong = (datetime.fromisoformat(naive) - timedelta(hours=1)).isoformat()
        assert len(shop.ids(modified_after=f"{wrong}Z", dates_are_gmt="true")) == found


@pytest.mark.parametrize(
    "params",
    [
        {"modified_after": "2026-11-24"},
        {"modified_after": "1764000000"},
        {"modified_after": "yesterday"},
        {"per_page": "0"},
        {"per_page": "-1"},
        {"per_page": "101"},
        {"page": "0"},
        {"orderby": "total"},
        {"order": "up"},
        {"status": "wc-packed"},
        {"status": "unknown"},
        {"status": "processing,unknown"},
    ],
    ids=str,
)
def test_a_bad_parameter_refuses_the_whole_request(params: dict[str, str]) -> None:
    answer = placed(1).get("/orders", **params)
    assert answer.status == 400
    assert answer.value["code"] == "rest_invalid_param"
    assert list(answer.value["data"]["params"]) == list(params)


def test_an_unknown_parameter_is_ignored_without_a_word() -> None:
    assert len(placed(3).ids(changed_since="2030-01-01T00:00:00")) == 3


def test_a_shop_before_5_8_does_not_know_modified_after() -> None:
    shop = placed(3, ancient=True)
    assert len(shop.ids(modified_after="2030-01-01T00:00:00", dates_are_gmt="true")) == 3
    assert len(shop.ids(after="2030-01-01T00:00:00", dates_are_gmt="true")) == 0


def test_any_is_neither_trash_nor_drafts_and_swallows_what_stands_beside_it() -> None:
    shop = placed(4)
    trashed, draft, auto, live = sorted(shop.ids())
    shop.ledger.trash(trashed)
    shop.ledger.set_status(draft, "checkout-draft")
    shop.ledger.set_status(auto, "auto-draft")
    assert shop.ids() == shop.ids(status="any") == shop.ids(status="any,trash") == [live]
    assert shop.ids(status="trash") == [trashed]
    assert shop.ids(status="auto-draft") == [auto]
    shown = [shop.get(f"/orders/{order}").value["status"] for order in (trashed, draft, auto)]
    assert shown == ["trash", "checkout-draft", "auto-draft"]


def test_with_posts_auto_draft_means_all() -> None:
    assert len(placed(3, storage="posts").ids(status="auto-draft")) == 3


def test_a_custom_status_is_asked_for_by_its_bare_name() -> None:
    shop = placed(2, statuses=("packed",))
    packed = shop.ids()[0]
    shop.ledger.set_status(packed, "packed")
    assert shop.ids(status="packed") == [packed]
    slugs = [status["slug"] for status in shop.get("/orders/statuses").value]
    assert "packed" in slugs
    recorded = json.loads((DATA / "statuses.json").read_text(encoding="utf-8"))
    assert sorted(slugs) == sorted(status["slug"] for status in recorded)


def pages(shop: Shop, **asked: str) -> list[int]:
    """By page numbers; five orders are saved after the first page."""
    found: list[int] = []
    for page in range(1, 20):
        ids = shop.ids(page=str(page), per_page="10", **asked)
        if not ids:
            return found
        found += ids
        if page == 1:
            shop.clock.advance(1)
            for order in ids[:5]:
                shop.ledger.touch(order)
    raise AssertionError("the pages do not end")


def test_page_numbers_drift_by_time_of_change_and_not_by_id() -> None:
    """Measured: 5 orders of page 1 change, 5 others are never seen; by id none is missed."""
    asked = {"orderby": "modified", "order": "asc"}
    assert len(set(pages(placed(30), **asked))) == 25
    assert len(set(pages(placed(30), orderby="id", order="asc"))) == 30


def test_orders_of_one_second_come_in_the_order_of_their_ids() -> None:
    shop = Shop()
    with shop.ledger.one_second():
        for _ in range(12):
            shop.ledger.place(MUG)
    ids = shop.ids(orderby="modified", order="asc", per_page="100")
    assert ids == sorted(ids)


def test_the_versions_of_the_api() -> None:
    shop = placed(2)
    assert len(shop.get("/orders", version="v2").value) == 2
    assert shop.get("/orders", version="v1").value == []
    assert shop.get("/orders", version="v1").headers["X-WP-Total"] == "0"
    assert len(placed(2, storage="posts").get("/orders", version="v1").value) == 2
    gone = shop.get("/orders", version="v4")
    assert (gone.status, gone.value["code"]) == (404, "rest_no_route")


def test_few_fields_are_a_fraction_of_the_whole() -> None:
    shop = placed(5)
    few = shop.get("/orders", _fields="id,date_modified_gmt")
    assert few.value[0].keys() == {"id", "date_modified_gmt"}
    assert len(few.body) * 20 < len(shop.get("/orders").body)


def test_ids_may_be_included_and_excluded() -> None:
    shop = placed(5)
    ids = sorted(shop.ids())
    assert sorted(shop.ids(include=f"{ids[0]},{ids[3]},999")) == [ids[0], ids[3]]
    assert sorted(shop.ids(exclude=f"{ids[0]},{ids[3]}")) == [ids[1], ids[2], ids[4]]


def test_what_is_no_order_says_so_in_woocommerces_word() -> None:
    shop = placed(2)
    purged, order = sorted(shop.ids())
    shop.ledger.purge(purged)
    shop.ledger.pay(order)
    refund = shop.ledger.refund(order, amount=shop.ledger.order(order).totals.total)  # type: ignore[union-attr]
    for missing in (purged, 999_999, refund.id):
        answer = shop.get(f"/orders/{missing}")
        assert answer.status == 404
        assert answer.value["code"] == "woocommerce_rest_shop_order_invalid_id"
    assert shop.get("/nothing").value["code"] == "rest_no_route"


def test_a_search_index_may_lag() -> None:
    shop = placed(1)
    shop.ledger.lag = timedelta(seconds=90)
    late = shop.ledger.place(MUG).id
    assert late not in shop.ids()
    shop.clock.advance(91)
    assert late in shop.ids()


def test_the_date_of_an_answer_is_the_shops() -> None:
    shop = placed(1)
    expected = shop.clock.now().astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert shop.get("/orders").headers["Date"] == expected
