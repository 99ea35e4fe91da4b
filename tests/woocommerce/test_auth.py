"""The ways of showing the key, and what a shop says when it takes none of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ordermill.connector.base import By, Window
from ordermill.errors import CredentialsRefused, SourceError
from ordermill.simulator.clock import ManualClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.woocommerce.auth import Keys, Way
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill_woocommerce.auth import sign
from woocommerce.shops import START, Connected

ALL = Window(by=By.CHANGED, since=None)
HTTPS, HTTP = "https://shop.example", "http://shop.example:8080"


def shop(
    ways: Iterable[Way] = ("basic", "query", "oauth"), home: str | None = None, **key: Any
) -> WooCommerceFace:
    """Three orders behind a key that may be shown in these ways; the shop's clock stands still."""
    ledger = Ledger(ManualClock(START), seed=1)
    Life(ledger, seed=1).place(3)
    keys = Keys(ways=frozenset(ways), now=START.timestamp, **key)
    return WooCommerceFace(ledger, keys=keys, home=home)


def orders(one: Connected) -> list[str]:
    """The ids of a whole pass."""
    page = one.connector.fetch(ALL, None)
    found = [raw.source_id for raw in page.orders]
    while page.cursor is not None:
        page = one.connector.fetch(ALL, page.cursor)
        found += [raw.source_id for raw in page.orders]
    return found


def ways(one: Connected) -> list[str]:
    """How each request showed the key."""
    return [_way(request) for request in one.wire.seen]


def _way(request: httpx.Request) -> str:
    if "consumer_key" in request.url.params:
        return "query"
    if "oauth_signature" in request.url.params:
        return "oauth"
    return request.headers.get("authorization", "none").split()[0].lower()


def test_over_https_the_key_goes_into_the_header_and_nowhere_else() -> None:
    one = Connected(shop(), url=HTTPS)
    assert len(orders(one)) == 3
    assert set(ways(one)) == {"basic"}
    assert not any("consumer" in str(request.url) for request in one.wire.seen)


def test_where_the_header_is_swallowed_the_key_goes_into_the_query_from_then_on() -> None:
    one = Connected(shop(("query",)), url=HTTPS)
    assert len(orders(one)) == 3
    assert ways(one)[0] == "basic"
    assert set(ways(one)[1:]) == {"query"}


@pytest.mark.parametrize("code", ["rest_not_logged_in", "rest_cannot_access", "invalid_username"])
def test_what_others_say_before_the_shop_looks_is_no_word_about_the_key(code: str) -> None:
    """Where the header is swallowed, plug-ins that keep strangers off the API answer first."""
    one = Connected(shop(("query",)), url=HTTPS)
    stranger = httpx.Response(401, json={"code": code, "message": "", "data": {"status": 401}})
    one.wire.instead = lambda asked: None if "consumer_key" in asked.url.params else stranger
    assert len(orders(one)) == 3
    assert ways(one)[:2] == ["basic", "query"]


def test_over_http_each_request_is_signed_and_shows_no_secret() -> None:
    face = shop(("oauth",))
    one = Connected(face, url=HTTP)
    assert len(orders(one)) == 3
    assert set(ways(one)) == {"oauth"}
    assert not any(face.consumer_secret in str(request.url) for request in one.wire.seen)


def test_a_proxy_that_ends_tls_before_the_shop_gets_the_header_after_all() -> None:
    one = Connected(shop(("basic",)), url=HTTP)
    assert len(orders(one)) == 3
    assert ways(one)[:2] == ["oauth", "basic"]


def test_a_signature_is_over_the_shops_own_address() -> None:
    """Measured: called by another name the shop answers 401 Invalid signature."""
    face = shop(("oauth",), home="http://shop.example:8081")
    assert len(orders(Connected(face, url="http://shop.example:8081"))) == 3
    with pytest.raises(CredentialsRefused, match="base_url is the shop's own address"):
        orders(Connected(face, url="http://shop.example:8083"))


def test_the_signature_is_that_of_rfc_5849() -> None:
    """The base string of the RFC's section 3.4.1.1, signed with SHA-256 instead of SHA-1."""
    parameters = [
        ("b5", "=%3D"), ("a3", "a"), ("c@", ""), ("a2", "r b"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"), ("c2", ""), ("a3", "2 q"),
    ]  # fmt: skip
    base = (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D"
        "%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3"
        "e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkk"
        "k9d7dh3k39sjv7"
    )
    digest = hmac.new(b"j49sk3j29djd&", base.encode(), hashlib.sha256).digest()
    expected = base64.b64encode(digest).decode()
    assert sign("post", "http://example.com/request", parameters, "j49sk3j29djd") == expected


def test_a_request_that_is_sent_again_is_signed_anew() -> None:
    """The shop refuses a nonce that it has seen."""
    face = shop(("oauth",))
    one = Connected(face, url=HTTP)

    def late(request: httpx.Request) -> httpx.Response | None:
        """The shop takes the request, and its answer is lost."""
        if len(one.wire.seen) == 1:
            one.wire._answered(request)
            return httpx.Response(503)
        return None

    one.wire.instead = late
    assert len(orders(one)) == 3


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_far_from_the_shops_is_refused_as_credentials(minutes: int) -> None:
    one = Connected(
        shop(("oauth",)), url=HTTP, clock=ManualClock(START + timedelta(minutes=minutes))
    )
    with pytest.raises(CredentialsRefused, match="clocks"):
        orders(one)


@pytest.mark.parametrize("url", [HTTPS, HTTP])
@pytest.mark.parametrize(
    ("refused", "options", "said"),
    [
        ({}, {"consumer_key": "ck_unknown"}, "unknown, or did not see it"),
        ({}, {"consumer_secret": "cs_wrong"}, "consumer_secret"),
        ({"permission": "write"}, {}, "the key may read"),
        ({"may": "nothing"}, {}, "shop manager"),
    ],
    ids=["unknown key", "wrong secret", "key may only write", "user may nothing"],
)
def test_a_refused_key_says_who_has_to_do_what_and_shows_nothing(
    url: str, refused: dict[str, Any], options: dict[str, str], said: str
) -> None:
    one = Connected(shop(**refused), url=url, **options)
    with pytest.raises(CredentialsRefused, match=said) as caught:
        orders(one)
    assert not re.search("ck_|cs_", str(caught.value))


def test_each_way_is_tried_once_and_the_next_pass_begins_with_the_first() -> None:
    one = Connected(shop(()), url=HTTPS)
    for _ in range(2):
        with pytest.raises(CredentialsRefused):
            orders(one)
    assert ways(one) == ["basic", "query", "basic", "query"]


def test_a_key_that_worked_and_is_revoked_is_not_shown_in_other_ways() -> None:
    face = shop()
    one = Connected(face, url=HTTPS)
    orders(one)
    face.keys.key = "ck_another"
    one.wire.seen.clear()
    with pytest.raises(CredentialsRefused):
        orders(one)
    assert ways(one) == ["basic"]


def test_a_firewalls_page_is_no_word_about_the_key() -> None:
    """Else a bot wall would pause the integration until somebody comes."""
    one = Connected(shop(), url=HTTPS)
    wall = httpx.Response(403, html="<html><title>Just a moment...</title></html>")
    one.wire.instead = lambda _: wall
    with pytest.raises(SourceError) as caught:
        orders(one)
    assert not isinstance(caught.value, CredentialsRefused)
    assert "allow this machine" in str(caught.value)
