"""Serves an app over HTTP in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import Any

import uvicorn

from ordermill.errors import ConfigError


class Serving:
    """A running server; ``port`` is the one it listens on, also where 0 was asked for."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, port: int) -> None:
        self._server = server
        self._thread = thread
        self.port = port

    def close(self) -> None:
        """Take no more requests; those under way go on."""
        self._server.should_exit = True

    def stop(self) -> None:
        """End within two seconds; requests under way are cut then."""
        self.close()
        self._thread.join(2)
        self._server.force_exit = True


def serve(app: Any, host: str, port: int, name: str = "admin") -> Serving:
    """Listen; raise ConfigError if the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: without it the body
    # of a small answer waits 40 ms for the caller to acknowledge its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # from here on callers wait instead of being refused
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port, or end what "
            "listens there"
        ) from None
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1,
        server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    bound = int(listener.getsockname()[1])
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name=name, daemon=True
    )
    thread.start()
    return Serving(server, thread, bound)
