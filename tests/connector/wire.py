"""Small servers over real sockets, for what only a socket can show."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TLS = Path(__file__).parent.parent / "data" / "tls"
CERTIFICATE = TLS / "localhost.pem"

# Answers one request on an open connection; what it raises of OSError ends the connection.
Script = Callable[[socket.socket, bytes], None]


class Wire:
    """A server that hands each request to a script. ``requests`` holds the heads and bodies as
    they came, ``connections`` counts the connections."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._script = script
        self._tls = tls
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}"

    def close(self) -> None:
        self.stopping.set()
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                while request := read_request(connection):
                    self.requests.append(request)
                    self._script(connection, request)


def read_request(connection: socket.socket) -> bytes:
    """Head and body of the next request; empty once the other side is done."""
    held = b""
    while b"\r\n\r\n" not in held:
        piece = connection.recv(65536)
        if not piece:
            return b""
        held += piece
    head, _, body = held.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def listening(script: Script, *, tls: bool = False) -> Iterator[Wire]:
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, TLS / "localhost.key")
    server = Wire(script, context)
    try:
        yield server
    finally:
        server.close()


def written(status: str = "200 OK", body: bytes = b"{}", **headers: str) -> bytes:
    """An answer as it goes over the wire; ``retry_after="2"`` writes Retry-After: 2."""
    fields = {"content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(*answers: bytes) -> Script:
    """One answer after another, the last one for ever."""
    left = list(answers)

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return script


def dripping(answer: bytes, after: int) -> Script:
    """The first ``after`` bytes at once, then 100 bytes one by one with 50 ms between them."""

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(answer[:after])
        pause = threading.Event()
        for byte in answer[after : after + 100]:
            pause.wait(0.05)
            connection.sendall(bytes([byte]))
        connection.sendall(answer[after + 100 :])

    return script
