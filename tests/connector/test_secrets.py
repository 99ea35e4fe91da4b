"""No secret leaves in an error's text, its representation, its traceback or a log line."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connector.conftest import House
from connector.wire import Script, dripping, listening, saying, written
from ordermill.connector.http import Answer, Limits, ShopClient
from ordermill.errors import SourceError

CANARY = "CANARY_9f3c"
KEY, SECRET = f"ck_{CANARY}", f"cs_{CANARY}"
ONCE = Limits(deadline=0.3, max_bytes=1000, attempts=1)


def ask(shop: ShopClient) -> None:
    shop.call(
        "orders", "POST", f"/orders/{CANARY}", read=lambda answer: answer.status,
        params={"consumer_secret": SECRET}, json={"password": CANARY},
        headers={"X-Request-Token": CANARY},
    )  # fmt: skip


def everything_said(error: BaseException) -> str:
    return "\n".join(
        [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    )


def with_secrets(client: Callable[..., ShopClient], url: str, **options: Any) -> ShopClient:
    values = {"limits": ONCE, "auth": httpx.BasicAuth(KEY, SECRET), "headers": {"X-Token": SECRET}}
    return client(url, **(values | options))


def reset(connection: socket.socket, _request: bytes) -> None:
    raise ConnectionResetError


FAILURES: dict[str, Script] = {
    "too late": dripping(written(body=CANARY.encode() * 20), 90),
    "too large": saying(written(body=CANARY.encode() * 200)),
    "cut": saying(written()[:-1]),
    "closed": reset,
    "no HTTP": saying(b"SSH-2.0-" + CANARY.encode() + b"\r\n\r\n"),
    "broken header": saying(b"HTTP/1.1 200 OK\r\nbad header " + CANARY.encode() + b"\r\n\r\n"),
    "redirect": saying(written("302 Found", location=f"https://other.example/{CANARY}?k={CANARY}")),
    "redirect to no URL": saying(written("302 Found", location=f"http://[{CANARY}")),
    "pause": saying(written("429 Too Many", body=CANARY.encode(), retry_after=CANARY)),
    "bad gzip": saying(written(body=CANARY.encode(), content_encoding="gzip")),
    "strange encoding": saying(written(content_encoding=CANARY)),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_shop_leaves_no_secret_in_the_error(
    client: Callable[..., ShopClient], caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    caplog.set_level(logging.INFO)
    script = FAILURES[failure]
    if failure == "cut":
        script = _then_close(script)
    with listening(script) as server:
        with pytest.raises(SourceError) as caught:
            ask(with_secrets(client, server.url))
        assert CANARY.encode() in server.requests[0]
    assert CANARY not in everything_said(caught.value) + caplog.text


def _then_close(script: Script) -> Script:
    def both(connection: socket.socket, request: bytes) -> None:
        script(connection, request)
        raise ConnectionAbortedError

    return both


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.UnsupportedProtocol],
)
def test_what_httpx_says_goes_no_further(
    client: Callable[..., ShopClient], error: type[httpx.RequestError]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error(f"{request.url} {request.headers}", request=request)

    shop = with_secrets(client, "https://shop.example", transport=httpx.MockTransport(fail))
    with pytest.raises(SourceError) as caught:
        ask(shop)
    assert CANARY not in everything_said(caught.value)


def test_a_host_that_is_not_there_leaves_no_secret(client: Callable[..., ShopClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        ask(with_secrets(client, f"http://127.0.0.1:{port}"))
    assert CANARY not in everything_said(caught.value)


def test_tls_that_is_refused_leaves_no_secret(client: Callable[..., ShopClient]) -> None:
    with listening(saying(written()), tls=True) as server, pytest.raises(SourceError) as caught:
        ask(with_secrets(client, server.url))
    assert CANARY not in everything_said(caught.value)


def test_an_answer_does_not_show_what_it_holds(house: House) -> None:
    answer = Answer(200, httpx.Headers({"x-token": CANARY}), CANARY.encode())
    assert CANARY not in repr(answer)


def test_successful_requests_are_not_logged(
    client: Callable[..., ShopClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with listening(saying(written())) as server:
        ask(with_secrets(client, server.url))
    assert caplog.text == ""
