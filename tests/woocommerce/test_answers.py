"""What an answer is: judged by its body, never by its status or content type alone."""

from __future__ import annotations

import json

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordermill.connector.http import Answer
from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    SourceError,
    SourceRejected,
    SourceUnsupported,
    TransientSourceError,
)
from ordermill_woocommerce.answers import (
    Died,
    KeyNotSeen,
    NoSuchOrder,
    read,
    refusal,
    without_lone_surrogates,
)
from ordermill_woocommerce.raw import ROWS
from woocommerce.shops import DATA

OUTAGES = json.loads((DATA / "outages.json").read_text(encoding="utf-8"))
# What each recorded answer is to someone who asked for a list of orders.
MEANS: dict[str, type[SourceError] | None] = {
    "WordPress maintenance mode (.maintenance)": TransientSourceError,
    "maintenance, single order": TransientSourceError,
    "WooCommerce plugin deactivated": InvalidAnswer,
    "deactivated: single": InvalidAnswer,
    "plugin back": None,
    "plain permalinks: /wp-json": None,
    "plain permalinks: ?rest_route= Basic": KeyNotSeen,
    "plain: index.php/wp-json": None,
    "plain: rest_route + query keys": KeyNotSeen,
    "permalinks restored": None,
    "database table missing": TransientSourceError,
    "broken plugin: warn": InvalidAnswer,
    "broken plugin: bom": None,
    "broken plugin: fatal": Died,
    "broken plugin: exit": InvalidAnswer,
    "broken plugin: redirect": InvalidAnswer,
    "broken plugin: cf": InvalidAnswer,
    "clean again": None,
    "gzip request": None,
    "trailing slash": None,
    "no-slash home": InvalidAnswer,
    "double slash": None,
}


def answered(body: bytes | str, status: int = 200) -> list[msgspec.Raw]:
    content = body.encode() if isinstance(body, str) else body
    return read(Answer(status, httpx.Headers(), content), ROWS)


def refused(status: int, code: str = "", **data: object) -> SourceError:
    body = {"code": code, "message": "Buyer ana@example.test", "data": data}
    return refusal(status, json.dumps(body).encode())


def test_every_recorded_outage_is_named_here() -> None:
    assert [outage["title"] for outage in OUTAGES] == list(MEANS)


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage["title"])
def test_a_recorded_outage_is_an_error_and_a_right_answer_is_none(
    outage: dict[str, str | int],
) -> None:
    expected = MEANS[str(outage["title"])]
    body, status = str(outage["body"]), int(outage["status"])
    if expected is None:
        assert [bytes(row) for row in answered(body, status)] == [b'{"id":353}']
        return
    with pytest.raises(expected) as caught:
        answered(body, status)
    assert type(caught.value) is expected
    assert "<" not in str(caught.value)


def test_only_woocommerces_own_word_says_that_an_order_is_gone() -> None:
    assert isinstance(refused(404, "woocommerce_rest_shop_order_invalid_id"), NoSuchOrder)
    for code in ("rest_no_route", "rest_post_invalid_id", "", "woocommerce_rest_invalid_id"):
        assert not isinstance(refused(404, code), NoSuchOrder)
    assert not isinstance(refusal(404, b"<html>Not found</html>"), NoSuchOrder)
    assert not isinstance(refused(410, "woocommerce_rest_shop_order_invalid_id"), NoSuchOrder)


def test_a_switched_off_plugin_says_what_to_look_at() -> None:
    assert "whether the plug-in is active" in str(refused(404, "rest_no_route"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<br />\n<b>Warning</b>: x in <b>/a.php</b><br />[{"id":1}]', "display_errors"),
        ('Notice: x in /a.php on line 3\n[{"id":1}]', "display_errors"),
        ("<!DOCTYPE html><html></html>", "web page"),
        ('[{"id":1}]<!-- cached -->', "not JSON"),
        ('[{"id":1},{"i', "cut"),
        ("", "nothing at all"),
        (" \n", "nothing at all"),
        ("\ufeff", "nothing at all"),
        ('{"id":1}', "another shape"),
        ('{"code":"x","message":"y"}', "another shape"),
        ("null", "another shape"),
        ('"orders"', "another shape"),
    ],
)
def test_an_odd_200_is_an_error_that_names_what_it_is(body: str, said: str) -> None:
    with pytest.raises(InvalidAnswer, match=said):
        answered(body)


def test_brackets_without_end_are_an_error() -> None:
    with pytest.raises(InvalidAnswer):
        answered("[" * 100_000)


def test_who_acts_follows_from_status_and_code() -> None:
    assert isinstance(refused(500, "woocommerce_rest_x"), TransientSourceError)
    assert isinstance(refused(400, "rest_invalid_param", params={"status": ""}), SourceUnsupported)
    assert "status" in str(refused(400, "rest_invalid_param", params={"status": "x"}))
    assert isinstance(refused(403, "woocommerce_rest_cannot_view"), CredentialsRefused)
    assert isinstance(refused(400, "woocommerce_rest_odd"), SourceRejected)
    assert not isinstance(refused(400, "woocommerce_rest_odd"), CredentialsRefused)
    assert isinstance(refusal(400, b"<html>"), InvalidAnswer)


def test_no_text_of_the_shop_goes_into_an_error() -> None:
    for status in (400, 401, 403, 404, 418, 500, 503):
        for code in ("rest_x", "rest_invalid_param", "<b>odd</b>", "x" * 200, "Ana Čop"):
            params = {"Ana Čop": "ana@example.test"}
            said = str(refused(status, code, params=params))
            assert not {"ana@", "Buyer", "Čop", "<b>", "xxxx"} & {
                word for word in ("ana@", "Buyer", "Čop", "<b>", "xxxx") if word in said
            }


def test_a_lone_surrogate_is_replaced_and_a_pair_stays() -> None:
    one = rb'["\ud83d\ude00 \ud800 \\ud800 \udc00x"]'
    assert json.loads(without_lone_surrogates(one)) == ["\U0001f600 \ufffd \\ud800 \ufffdx"]


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_whatever_text_a_shop_escapes_can_be_kept(text: str) -> None:
    body = without_lone_surrogates(json.dumps([text]).encode())
    (kept,) = json.loads(body)
    kept.encode()
    assert kept == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
