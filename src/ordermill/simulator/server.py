"""Serves a face over real HTTP: threads, keep-alive, a log, and whatever faults are due."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

from ordermill.simulator import outages
from ordermill.simulator.faults import Fault, Faults

_DRIP = 0.05


@dataclass(frozen=True)
class Request:
    """One request. Header names are lower case; ``query`` is as sent; ``base_url`` without path."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = "http://127.0.0.1"

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The decoded query, in order."""
        return parse_qsl(self.query, keep_blank_values=True)

    @cached_property
    def params(self) -> dict[str, str]:
        """The decoded query; of a repeated name the last."""
        return dict(self.pairs)

    def json(self) -> Any:
        """The body, decoded; ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; Content-Length and Date are added by the server."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """A JSON answer."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(
            status, body, {"Content-Type": "application/json; charset=UTF-8"} | dict(headers or {})
        )


class Face(Protocol):
    """A shop's dialect. It may have ``ledger`` (``ledger.before_answer`` is called first) and
    ``outage(fault, request, answer) -> Answer | None``, its own wording of a fault."""

    def answer(self, request: Request) -> Answer: ...


class Logged(NamedTuple):
    """A request that was answered; status 0 when the connection was broken instead."""

    method: str
    path: str
    query: str
    status: int


class Server:
    """A running server; close it, or use it as a context manager."""

    def __init__(self, face: Face, host: str, port: int, faults: Faults | None) -> None:
        self.face = face
        self.faults = faults
        self.requests: list[Logged] = []
        self.errors: list[str] = []
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        self._http = _Http((host, port), self)
        self.host, self.port = host, int(self._http.server_address[1])
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop, breaking open connections; harmless twice."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._http.shutdown()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was first
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def serve(
    face: Face, host: str = "127.0.0.1", port: int = 0, faults: Faults | None = None
) -> Server:
    """Start serving; port 0 takes a free one."""
    return Server(face, host, port, faults)


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is kept for the test to see."""
        text = traceback.format_exc()
        if (
            "ConnectionError" not in text
            and "BrokenPipe" not in text
            and "ConnectionReset" not in text
        ):
            self.owner.errors.append(text)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections.add(self.connection)

    def finish(self) -> None:
        self.server.owner.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing on stderr: ``Server.requests`` is the log."""

    def _handle(self) -> None:
        owner = self.server.owner
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command, path, query, {k.lower(): v for k, v in self.headers.items()},
            self.rfile.read(length) if length else b"",
            f"http://{self.headers.get('Host') or f'{owner.host}:{owner.port}'}",
        )  # fmt: skip
        fault = owner.faults.next(self.path) if owner.faults else None
        answer = self._answer(request, fault)
        broken = fault is not None and fault.kind == "reset"
        owner.requests.append(Logged(self.command, path, query, 0 if broken else answer.status))
        self._send(answer, fault)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _handle  # noqa: N815

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        face = self.server.owner.face
        hook = getattr(getattr(face, "ledger", None), "before_answer", None)
        try:
            if hook is not None:
                hook(request)
            answer = face.answer(request)
        except Exception:  # noqa: BLE001 - a bug of the simulator must not look like a shop's fault
            self.server.owner.errors.append(traceback.format_exc())
            return Answer(500, b"the simulator itself failed; see server.errors")
        return answer if fault is None else _broken(face, fault, request, answer)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if kind == "reset":
            self._reset()
            return
        if fault is not None and kind == "late_start":
            self.server.owner.closing.wait(fault.seconds)
        self.send_response_only(answer.status)
        for name, value in {"Date": self.date_time_string(), **answer.headers}.items():
            self.send_header(name, value)
        self._length(answer, kind)
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind in ("cut", "cut_chunked"):
            self._cut(answer.body, chunked=kind == "cut_chunked")
        elif fault is not None and kind == "slow":
            self._drip(answer.body, fault.seconds)
        else:
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _length(self, answer: Answer, kind: str | None) -> None:
        if kind == "cut_chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(answer.body)))

    def _cut(self, body: bytes, *, chunked: bool) -> None:
        half = body[: len(body) // 2]
        self.wfile.write(b"%x\r\n%b\r\n" % (len(half), half) if chunked and half else half)
        self.close_connection = True

    def _drip(self, body: bytes, seconds: float) -> None:
        steps = max(1, int(seconds / _DRIP))
        size = max(1, -(-len(body) // steps))
        for start in range(0, len(body), size):
            if self.server.owner.closing.wait(_DRIP):
                break
            self.wfile.write(body[start : start + size])
            self.wfile.flush()

    def _reset(self) -> None:
        """RST instead of FIN: linger 0."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True


def _broken(face: Face, fault: Fault, request: Request, answer: Answer) -> Answer:
    own = getattr(face, "outage", None)
    worded: Answer | None = own(fault, request, answer) if own is not None else None
    if worded is not None:
        return worded
    status, headers, body = outages.of(fault, answer.status, answer.headers, answer.body)
    return Answer(status, body, headers)
