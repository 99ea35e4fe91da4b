"""A wire to PostgreSQL that can be cut right after a COMMIT went over it."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

# A simple query or a parse message that begins with COMMIT, as libpq sends them.
_COMMIT = re.compile(rb"[QP]....[^\0]{0,64}?COMMIT", re.DOTALL)


class Wire:
    """Forwards connections. One COMMIT is sent and never answered each time it is ``armed``."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        folder = parsed.query.get("host", "")
        self._unix = f"{folder}/.s.PGSQL.{parsed.port or 5432}" if folder else None
        self._to = (parsed.host or "127.0.0.1", parsed.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        without = parsed.set(host="127.0.0.1", port=self.port, query={"sslmode": "disable"})
        self.url = without.render_as_string(hide_password=False)
        self.cut = 0
        self._left: int | None = None
        self._guard = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def arm(self, after: int) -> None:
        """Cut the one that comes after so many others."""
        with self._guard:
            self._left = after

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._sockets):
            _close(one)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connect()
            self._sockets += [client, server]
            for pair in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._carry, args=pair, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _connect(self) -> socket.socket:
        if self._unix is None:
            return socket.create_connection(self._to)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._unix)
        return server

    def _carry(self, one: socket.socket, other: socket.socket, upwards: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                cut = upwards and _COMMIT.search(data) is not None and self._cut_now()
                if cut:
                    _close(one)  # whoever asked hears nothing more
                other.sendall(data)
                if cut:
                    # The server works it off and finds nobody to tell.
                    with suppress(OSError):
                        while other.recv(65536):
                            pass
                    return
        _close(one)
        _close(other)

    def _cut_now(self) -> bool:
        with self._guard:
            if self._left is None:
                return False
            self._left -= 1
            if self._left >= 0:
                return False
            self._left = None
            self.cut += 1
            return True


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
