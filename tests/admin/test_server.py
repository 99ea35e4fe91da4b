"""The server that carries the admin endpoint."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from ordermill.admin.server import serve
from ordermill.errors import ConfigError


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def test_it_answers_on_the_port_it_names_and_no_longer_after_its_end() -> None:
    serving = serve(hello, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{serving.port}/"
    answer = httpx.get(url)
    assert answer.text == "hello"
    assert "server" not in answer.headers
    serving.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(url)


def test_the_body_of_a_small_answer_does_not_wait_for_its_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nagle's algorithm is off on every connection that is taken."""
    taken: list[bool] = []
    send = asyncio.selector_events._SelectorSocketTransport.write  # type: ignore[attr-defined]

    def noting(transport: Any, data: bytes) -> None:
        connection = transport.get_extra_info("socket")
        taken.append(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        send(transport, data)

    transport = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    monkeypatch.setattr(transport, "write", noting)
    serving = serve(hello, "127.0.0.1", 0)
    assert httpx.get(f"http://127.0.0.1:{serving.port}/").text == "hello"
    serving.stop()
    assert len(taken) >= 1
    assert all(taken)


def test_a_taken_port_is_the_operators_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} .*choose another port"):
            serve(hello, "127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        serve(hello, "192.0.2.1", 0)


def test_it_ends_though_a_caller_keeps_its_connection() -> None:
    serving = serve(hello, "127.0.0.1", 0)
    with httpx.Client() as client:
        client.get(f"http://127.0.0.1:{serving.port}/")
        serving.stop()
        assert "admin" not in {thread.name for thread in threading.enumerate()}
