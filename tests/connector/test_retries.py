"""When a shop is asked again, and how long it is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from random import Random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.conftest import START, House
from ordermill.connector.http import Answer, Limits, ShopClient
from ordermill.connector.retry import LONGEST_PAUSE, backoff, retry_after
from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    RateLimited,
    SourceError,
    TransientSourceError,
)

Shops = Callable[..., ShopClient]
OK = httpx.Response(200, json=[])


def busy(retry_after: str | None = None) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return httpx.Response(429, headers=headers)


def orders(shop: ShopClient) -> bytes:
    """As a connector reads: what it cannot use is an error."""

    def read(answer: Answer) -> bytes:
        if answer.status == 401:
            raise CredentialsRefused("the shop refuses the key")
        if answer.status >= 500:
            raise TransientSourceError(f"{answer.status}", error_class="upstream_5xx")
        if not answer.body:
            raise InvalidAnswer("empty")
        return answer.body

    return shop.call("orders", "GET", "/orders", read=read)


@given(attempt=st.integers(1, 50), seed=st.integers())
def test_backoff_is_anywhere_below_a_doubling_ceiling(attempt: int, seed: int) -> None:
    assert 0 <= backoff(attempt, Random(seed)) <= min(30.0, 2.0 ** (attempt - 1))


def test_backoff_uses_the_whole_range() -> None:
    """Full jitter: shops that broke together come back spread from at once to the ceiling."""
    rng = Random(1)
    waits = [backoff(3, rng) for _ in range(1000)]
    assert min(waits) < 0.1
    assert max(waits) > 3.9
    assert 1.8 < sum(waits) / 1000 < 2.2


@given(seconds=st.integers(0, 10**9))
def test_retry_after_in_seconds_is_kept_to_an_hour(seconds: int) -> None:
    assert retry_after(str(seconds), START) == min(seconds, LONGEST_PAUSE)


@given(
    seconds=st.integers(-(10**6), 10**6),
    zone=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
def test_retry_after_as_a_date_is_the_time_until_then(seconds: int, zone: timezone) -> None:
    at = (START + timedelta(seconds=seconds)).astimezone(zone)
    assert retry_after(format_datetime(at), START) == min(max(seconds, 0), LONGEST_PAUSE)


def test_retry_after_with_a_fraction_is_read() -> None:
    """Shopify writes 2.0."""
    assert retry_after(" 2.0 ", START) == 2.0


@given(st.text())
def test_an_unreadable_retry_after_asks_for_nothing_harmful(text: str) -> None:
    assert 0 <= retry_after(text, START) <= LONGEST_PAUSE


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "1e9", "nan", "inf", "٣", "5 s"])
def test_what_is_no_retry_after_asks_for_nothing(text: str | None) -> None:
    assert retry_after(text, START) == 0


def test_a_pause_in_seconds_is_waited_out_to_the_second(shop: Shops, house: House) -> None:
    assert orders(shop(busy("7"), OK)) == b"[]"
    assert (house.slept, house.waits) == ([7.0], [7.0])
    assert house.requests == [("orders", "429"), ("orders", "2xx")]
    assert house.retries == [("orders", "throttled")]


def test_what_must_not_happen_twice_is_asked_again_where_the_shop_did_not_let_it_happen(
    shop: Shops, house: House
) -> None:
    def read(answer: Answer) -> bytes:
        if answer.status >= 500:
            raise TransientSourceError("500", error_class="upstream_5xx")
        return answer.body

    def once(shop: ShopClient) -> bytes:
        return shop.call("orders", "POST", "/orders", read=read, attempts=1)

    assert once(shop(busy("7"), OK)) == b"[]"
    with pytest.raises(TransientSourceError, match="500"):
        once(shop(busy("7"), httpx.Response(500), OK))
    assert house.slept == [7.0, 7.0]


def test_a_pause_until_a_date_is_waited_out_by_the_houses_clock(shop: Shops, house: House) -> None:
    at = format_datetime(datetime(2026, 11, 24, 12, 0, 9, tzinfo=UTC), usegmt=True)
    orders(shop(busy(at), OK))
    assert house.slept == [9.0]


def test_a_pause_that_a_503_asks_for_is_honoured(shop: Shops, house: House) -> None:
    orders(shop(httpx.Response(503, headers={"Retry-After": "4"}), OK))
    assert house.slept == [4.0]
    assert house.retries == [("orders", "upstream_5xx")]


def test_a_pause_longer_than_we_wait_is_handed_to_the_scheduler(shop: Shops, house: House) -> None:
    with pytest.raises(RateLimited) as caught:
        orders(shop(busy("90"), OK))
    assert caught.value.retry_after == 90
    assert house.slept == []


def test_a_pause_that_the_body_asks_for_counts_like_a_header(shop: Shops, house: House) -> None:
    """Shopify says THROTTLED in a 200."""
    asked = [RateLimited("throttled", retry_after=3.0)]

    def read(answer: Answer) -> int:
        if asked:
            raise asked.pop()
        return answer.status

    assert shop(OK).call("orders", "POST", "/graphql", read=read) == 200
    assert house.slept == [3.0]


def test_attempts_are_limited_and_spaced_with_jitter(shop: Shops, house: House) -> None:
    with pytest.raises(TransientSourceError, match="503"):
        orders(shop(httpx.Response(503), limits=Limits(attempts=4)))
    assert house.requests == [("orders", "5xx")] * 4
    assert len(house.slept) == 3
    assert all(wait <= 2**n for n, wait in enumerate(house.slept))


@pytest.mark.parametrize(
    ("broken", "error_class"),
    [
        (httpx.ConnectError("x"), "network"),
        (httpx.ReadTimeout("x"), "timeout"),
        (httpx.RemoteProtocolError("x"), "network"),
        (httpx.Response(200, content=b""), "schema"),
    ],
)
def test_what_time_heals_is_tried_again(
    shop: Shops, house: House, broken: httpx.Response | Exception, error_class: str
) -> None:
    assert orders(shop(broken, OK)) == b"[]"
    assert house.retries == [("orders", error_class)]


def test_refused_credentials_are_not_tried_again(shop: Shops, house: House) -> None:
    with pytest.raises(CredentialsRefused):
        orders(shop(httpx.Response(401), OK))
    assert (len(house.requests), house.slept) == (1, [])


def test_a_304_or_another_3xx_without_a_place_is_no_answer(shop: Shops) -> None:
    with pytest.raises(InvalidAnswer, match="304"):
        orders(shop(httpx.Response(304), limits=Limits(attempts=1)))


def test_the_last_failure_tells_how_long_the_shop_wants_to_be_left_alone(shop: Shops) -> None:
    one = shop(httpx.Response(503, headers={"Retry-After": "20"}), limits=Limits(attempts=2))
    with pytest.raises(RateLimited, match="503") as caught:
        orders(one)
    assert (caught.value.retry_after, caught.value.error_class) == (20, "upstream_5xx")


def test_every_error_of_the_client_is_a_source_error(shop: Shops) -> None:
    for answer in (httpx.ConnectError("x"), busy(), httpx.Response(302)):
        with pytest.raises(SourceError):
            orders(shop(answer, limits=Limits(attempts=1)))
