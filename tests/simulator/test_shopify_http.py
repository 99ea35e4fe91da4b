"""The door of the simulated Shopify: versions, tokens, scopes, refusals, headers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ordermill.simulator.faults import Faults, Kind
from ordermill.simulator.server import serve
from ordermill.simulator.shopify.face import ShopifyFace
from ordermill.simulator.shopify.shop import SCOPES, App
from simulator.books import START, Ledger, a_draft, a_ledger, by_hand, placed
from simulator.shopify_shop import Asker, Said, connected, open_shop

DOCUMENTS = Path(__file__).parent.parent / "data" / "shopify" / "documents"
SHOP = "{ shop { name currencyCode } }"
ONE = "query($id: ID!) { order(id: $id) { name email customer { id } purchasingEntity { __typename } } }"  # noqa: E501
NET = "{ orders(first: 1) { nodes { lineItems(first: 1) { nodes { priceAfterAllDiscountsBeforeTaxesSet { shopMoney { amount } } } } } } }"  # noqa: E501


def gid(number: int) -> str:
    return f"gid://shopify/Order/{number}"


# Versions


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("2026-10", "2026-10"), ("2026-01", "2026-01"), ("unstable", "unstable"),
        ("2025-10", "2026-01"), ("2019-04", "2026-01"), ("2027-01", "2027-01"),
    ],
)  # fmt: skip
def test_an_expired_version_falls_forward_in_silence(asked: str, answered: str) -> None:
    with open_shop(a_ledger()) as asker:
        asker.version = asked
        said = asker(SHOP)
        assert said.data["shop"]["currencyCode"] == "EUR"
        assert said.headers["x-shopify-api-version"] == answered


@pytest.mark.parametrize("asked", ["2026-02", "2031-01", "latest"])
def test_what_never_was_a_version_is_not_found(asked: str) -> None:
    with open_shop(a_ledger()) as asker:
        asker.version = asked
        assert asker(SHOP).status == 404


def test_a_field_that_the_version_does_not_have_yet_is_undefined() -> None:
    with open_shop(a_ledger()) as asker:
        assert asker(NET).status == 200
        asker.version = "2026-04"
        said = asker(NET)
        assert said.code == "undefinedField"
        assert "data" not in said.body


def test_the_connector_notices_that_its_version_fell_forward() -> None:
    with open_shop(a_ledger(), supported=("2026-10", "2027-01")) as asker:
        with connected(asker, api_version="2026-07") as connector:
            assert any("2026-10" in each for each in connector.check().problems)
        with connected(asker) as connector:
            assert connector.check().problems == ()


# Tokens


def test_a_wrong_token_is_refused() -> None:
    with open_shop(a_ledger()) as asker:
        asker.token = "shpat_wrong"
        said = asker(SHOP)
        assert said.status == 401
        assert "Invalid API key or access token" in said.body["errors"]


def test_a_token_that_was_revoked_no_longer_opens() -> None:
    with open_shop(a_ledger()) as asker:
        assert asker(SHOP).status == 200
        asker.face.tokens.revoke_all()
        assert asker(SHOP).status == 401


def granted(asker: Asker, **other: str) -> Said:
    ours = asker.face.credentials
    form = {
        "grant_type": "client_credentials", "client_id": ours.client_id,
        "client_secret": ours.client_secret,
    } | other  # fmt: skip
    response = httpx.post(f"{asker.server.url}/admin/oauth/access_token", data=form)
    return Said(response.status_code, response.headers, response.json())


def test_a_granted_token_is_good_for_24_hours() -> None:
    ledger = a_ledger()
    with open_shop(ledger) as asker:
        said = granted(asker)
        assert said.body["expires_in"] == 86399
        assert "read_orders" in said.body["scope"]
        asker.token = said.body["access_token"]
        ledger.clock.sleep(24 * 3600 - 1)
        assert asker(SHOP).status == 200
        ledger.clock.sleep(1)
        assert asker(SHOP).status == 401


@pytest.mark.parametrize(
    "other", [{"client_secret": "wrong"}, {"client_id": "other"}, {"grant_type": "password"}]
)
def test_no_token_is_granted_to_a_stranger(other: dict[str, str]) -> None:
    with open_shop(a_ledger()) as asker:
        assert granted(asker, **other).status == 400


def test_the_connector_renews_a_granted_token_that_ran_out() -> None:
    ledger = a_ledger()
    with open_shop(ledger) as asker:
        ours = asker.face.credentials
        pair = {"client_id": ours.client_id, "client_secret": ours.client_secret}
        with connected(asker, access_token=None, **pair) as connector:
            assert connector.check().name == "Lab Shop"
            ledger.clock.sleep(3 * 24 * 3600)
            assert connector.check().name == "Lab Shop"
            asker.face.tokens.revoke_all()
            assert connector.check().name == "Lab Shop"


# Scopes and protected data


def test_without_read_orders_nothing_is_shown() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    with open_shop(ledger, app=App(scopes=frozenset())) as asker:
        for text in (
            "{ orders(first: 1) { nodes { id } } }",
            f'{{ nodes(ids: ["{gid(1)}"]) {{ id }} }}',
        ):
            said = asker(text)
            assert (said.status, said.code, said.body["data"]) == (200, "ACCESS_DENIED", None)
        said = asker(ONE, id=gid(order.id))
        assert (said.code, said.body["data"]) == ("ACCESS_DENIED", {"order": None})
        assert asker(SHOP).data["shop"]["name"] == "Lab Shop"


def test_protected_fields_are_null_with_an_error_each_and_the_rest_is_there() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    app = App(personal=False, scopes=SCOPES - {"read_companies"})
    with open_shop(ledger, app=app) as asker:
        said = asker(ONE, id=gid(order.id))
        shown = said.body["data"]["order"]
        assert shown == {
            "name": f"#{order.number}", "email": None, "customer": None, "purchasingEntity": None,
        }  # fmt: skip
        assert [error["path"] for error in said.body["errors"]] == [
            ["order", "email"], ["order", "customer"], ["order", "purchasingEntity"],
        ]  # fmt: skip
        assert {error["extensions"]["code"] for error in said.body["errors"]} == {"ACCESS_DENIED"}


def test_the_connector_reads_orders_whose_buyers_it_may_not_see() -> None:
    ledger = a_ledger()
    order = placed(ledger)
    with open_shop(ledger, app=App(personal=False)) as asker, connected(asker) as connector:
        (raw,) = connector.fetch_ids([str(order.id)]).orders
        found = connector.normalize(raw)
        assert (found.customer_email, found.total_with_tax) == (None, order.totals.total)
        assert any("email" in problem for problem in connector.check().problems)


@pytest.fixture
def aged() -> tuple[Ledger, int, int]:
    """An order of 61 days ago, changed today, and one of today."""
    ledger = a_ledger()
    old = ledger.place(a_draft(), at=START - timedelta(days=61))
    ledger.pay(old.id)
    return ledger, old.id, placed(ledger).id


def test_without_read_all_orders_60_days_can_be_seen(aged: tuple[Ledger, int, int]) -> None:
    ledger, old, new = aged
    app = App(scopes=SCOPES - {"read_all_orders"})
    with open_shop(ledger, app=app) as asker:
        assert asker.orders() == [f"#{new}"]
        assert asker(ONE, id=gid(old)).data == {"order": None}
        nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
        assert asker(nodes, ids=[gid(old), gid(new)]).data["nodes"] == [None, {"id": gid(new)}]
        assert asker("{ ordersCount { count } }").data["ordersCount"]["count"] == 1
        app.scopes = SCOPES
        assert asker.orders() == [f"#{old}", f"#{new}"]


def test_the_connector_takes_a_hidden_order_for_hidden(aged: tuple[Ledger, int, int]) -> None:
    ledger, old, new = aged
    app = App(scopes=SCOPES - {"read_all_orders"})
    with open_shop(ledger, app=app) as asker, connected(asker) as connector:
        found = connector.fetch_ids([str(old), str(new)])
        assert ([raw.source_id for raw in found.orders], found.hidden) == ([str(new)], [str(old)])
        newest = placed(ledger).id
        ledger.purge(newest)
        assert list(connector.fetch_ids([str(old), str(newest)]).gone) == [str(newest)]


# Refusals


def test_a_body_that_is_no_query_is_a_bad_request() -> None:
    with open_shop(a_ledger()) as asker:
        for body in ({"variables": {}}, [], "text", {"query": SHOP, "variables": "text"}):
            assert asker.post(body).status == 400


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{ shop { password } }", "undefinedField"),
        ("query($id: ID!) { order(id: $id) { id } }", "INVALID_VARIABLE"),
        ('{ order(id: "12") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ order(id: "gid://shopify/Product/1") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ node(id: "12") { id } }', "RESOURCE_NOT_FOUND"),
        ("{ orders { nodes { id } } }", "BAD_REQUEST"),
        ("{ orders(first: 1, last: 1) { nodes { id } } }", "BAD_REQUEST"),
        ("{ shop { name }", None),
    ],
)
def test_a_query_that_cannot_be_answered_says_why_and_gives_no_data(
    text: str, code: str | None
) -> None:
    with open_shop(a_ledger()) as asker:
        said = asker(text)
        assert said.status == 200
        assert "data" not in said.body
        assert said.code == code


def test_every_answer_has_an_id_of_its_own_and_the_shops_date() -> None:
    with open_shop(a_ledger()) as asker:
        first, second = asker(SHOP), asker(SHOP)
        assert first.headers["x-request-id"] != second.headers["x-request-id"]
        assert first.headers["date"] == "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize("kind", ["402", "403", "404", "423", "430", "503", "throttled"])
def test_an_outage_is_worded_as_shopify_words_it(kind: Kind) -> None:
    face, faults = ShopifyFace(a_ledger()), Faults()
    faults.plan([kind])
    with serve(face, faults=faults) as server:
        asker = Asker(face, server)
        url = f"{server.url}/admin/api/2026-10/graphql.json"
        headers = {"X-Shopify-Access-Token": asker.token}
        response = httpx.post(url, json={"query": SHOP}, headers=headers)
        assert response.status_code == (200 if kind == "throttled" else int(kind))
        assert ("errors" in response.text) == (kind != "503")
        assert asker(SHOP).data["shop"]["name"] == "Lab Shop"


def test_every_document_that_was_measured_runs() -> None:
    ledger = a_ledger()
    by_hand(ledger)
    order = next(order for order in ledger.orders() if order.refunds)
    line, back = more(ledger, order.id)
    variables: dict[str, dict[str, Any]] = {
        "b_order_by_id": {"id": gid(order.id), "lines": 20},
        "b2_orders_by_ids": {"ids": [gid(each.id) for each in ledger.orders()]},
        "c2_bulk_run": {"query": read("c_bulk_backfill_inner"), "group": True},
        "c3_bulk_poll": {"id": "gid://shopify/BulkOperation/1"},
        "d_more_lines": {"id": gid(order.id), "first": 20, "after": line},
        "d2_more_refund_lines": {
            "id": f"gid://shopify/Refund/{order.refunds[0].id}", "first": 5, "after": back,
        },
        "e_webhook_create": {"topic": "ORDERS_UPDATED", "sub": {"uri": "https://x.example/w"}},
        "e2_webhook_list": {"first": 5},
        "e3_webhook_delete": {"id": "gid://shopify/WebhookSubscription/1"},
        "f_bootstrap": {},
    }  # fmt: skip
    with open_shop(ledger) as asker:
        for path in sorted(DOCUMENTS.glob("*.graphql")):
            if path.stem != "c_bulk_backfill_inner":
                given = variables.get(path.stem, {"first": 20, "query": "", "lines": 10})
                data = asker(read(path.stem), **given).data
                assert None not in data.values(), path.stem
                ledger.clock.sleep(20)
        assert asker.face.engine.bulk.all()[0]["status"] == "COMPLETED"


def read(name: str) -> str:
    return (DOCUMENTS / f"{name}.graphql").read_text("utf-8")


def more(ledger: Ledger, order_id: int) -> tuple[str, str]:
    """A cursor of the order's lines, and one of its first refund's."""
    text = (
        "query($id: ID!) { order(id: $id) { lineItems(first: 1) { pageInfo { endCursor } } "
        "refunds { refundLineItems(first: 1) { pageInfo { endCursor } } } } }"
    )
    with open_shop(ledger) as asker:
        shown = asker(text, id=gid(order_id)).data["order"]
    line: str = shown["lineItems"]["pageInfo"]["endCursor"]
    back: str = shown["refunds"][0]["refundLineItems"]["pageInfo"]["endCursor"]
    return line, back
