"""Web servers that are no shop at all, for the contract suite (contract.py)."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """What a server that is no shop answers to everything; ``cut`` ends it before its length."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    reset: bool = False


_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_JSON = {"Content-Type": "application/json"}
_PAGE = b"<!DOCTYPE html><html><body>Ana Horvat, back soon</body></html>"
_DEEP = b"[" * 200_000

WRONG: Mapping[str, Wrong] = {
    "a web page": Wrong(200, _PAGE, _HTML),
    "a web page that says it is JSON": Wrong(200, _PAGE, _JSON),
    "nothing": Wrong(200, b"", _JSON),
    "null": Wrong(200, b"null", _JSON),
    "text": Wrong(200, b'"Ana Horvat"', _JSON),
    "another object": Wrong(200, b'{"message": "Ana Horvat"}', _JSON),
    "half of an answer": Wrong(200, b'{"data": {"orders": [{"id": "1001", "na', _JSON),
    "an answer that was cut": Wrong(200, b'{"data": [', _JSON, cut=True),
    "brackets without end": Wrong(200, _DEEP, _JSON),
    "bytes": Wrong(200, bytes(range(256)), _JSON),
    "a broken connection": Wrong(0, reset=True),
    "not modified": Wrong(304),
    "bad request": Wrong(400, _PAGE, _HTML),
    "unauthorized": Wrong(401, _PAGE, _HTML),
    "payment required": Wrong(402, _PAGE, _HTML),
    "forbidden": Wrong(403, _PAGE, _HTML),
    "not found": Wrong(404, _PAGE, _HTML),
    "gone": Wrong(410, _PAGE, _HTML),
    "locked": Wrong(423, _PAGE, _HTML),
    "a failure": Wrong(500, _PAGE, _HTML),
    "a failure that says it is JSON": Wrong(500, _PAGE, _JSON),
    "a bad gateway": Wrong(502, _PAGE, _HTML),
    "maintenance": Wrong(503, _PAGE, _HTML),
    "a late gateway": Wrong(504, _PAGE, _HTML),
}


class WrongShop:
    """A server that gives one answer to everything; ``requests`` holds what reached it."""

    def __init__(self, wrong: Wrong) -> None:
        self.wrong = wrong
        self.requests: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def serving(wrong: Wrong) -> Iterator[WrongShop]:
    shop = WrongShop(wrong)
    try:
        yield shop
    finally:
        shop.close()


def closed_address() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _handler(shop: WrongShop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Nothing on stderr."""

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shop.requests.append(self.path)
            wrong = shop.wrong
            self.close_connection = True
            if wrong.reset:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            self.send_response_only(wrong.status)
            for name, value in wrong.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(wrong.body) + wrong.cut))
            self.end_headers()
            self.wfile.write(wrong.body)

        do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815 - http.server's names

    return Handler
