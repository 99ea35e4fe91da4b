"""Connections to a shop: to checked addresses only, and never past the request's deadline.

Everything that could take time or reach somewhere it should not goes through here: looking the name
up, connecting, TLS, each read and each write. The time is the real monotonic clock's.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore
import httpx

from ordermill.errors import SourceUnsupported, TransientSourceError

_ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))
_NAT64 = IPv6Network("64:ff9b::/96")
# Azure's host agent answers on an address that is public by its number.
_METADATA = frozenset({IPv4Address("168.63.129.16")})
_WRITE_AT_ONCE = 64 * 1024


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All network work of this thread in here ends within ``seconds``, else httpx.TimeoutException.

    httpx's own timeout restarts with each byte: 1 s lasted 9.8 s against a dripping server.
    """
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is an ordinary one of the internet.

    Not so: private, loopback, link-local, carrier-grade NAT, multicast, reserved and metadata
    addresses, also where IPv6 carries one of them (mapped, 6to4, NAT64); Teredo never.
    """
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            carried = IPv4Address(address.packed[-4:])
        if carried is not None:
            return is_public(carried)
        if address.teredo or address.is_site_local:
            return False
    ordinary = address.is_global and not address.is_multicast and not address.is_reserved
    return ordinary and address not in _METADATA


def _left(timeout: float | None, expired: type[Exception]) -> float:
    """Seconds that the next step may take; raise ``expired`` if there are none."""
    left = min(_ends_at.get() - time.monotonic(), float("inf") if timeout is None else timeout)
    if left <= 0:
        raise expired("deadline")
    return min(left, threading.TIMEOUT_MAX)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step keeps to the deadline of the thread that takes it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_AT_ONCE):
            part = buffer[start : start + _WRITE_AT_ONCE]
            self._inner.write(part, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        try:
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))
        except httpcore.ConnectError as error:
            # Whoever runs the shop renews a certificate; reading goes on by itself after that.
            raise TransientSourceError(
                f"the shop's TLS is refused ({_tls_reason(error)}); its operator must mend the "
                "certificate, or name the authority's file where it is a private one"
            ) from None

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _tls_reason(error: httpcore.ConnectError) -> str:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message.partition(",")[0]  # what follows may repeat names
    return getattr(cause, "reason", None) or "the handshake broke"


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to an address it has just looked up and judged itself.

    The name is resolved once for each connection and the checked address is what is connected to,
    so a name that changes its address in between (DNS rebinding) gains nothing. TLS still proves
    the name.
    """

    def __init__(self, *, allow_private_network: bool) -> None:
        self._allow_private = allow_private_network
        self._tcp = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = resolve(host, port, _left(timeout, httpcore.ConnectTimeout))
        if not self._allow_private:
            _refuse_private(addresses)
        for untried in range(len(addresses), 1, -1):
            # A dead address may use up only its share of the time.
            share = _left(timeout, httpcore.ConnectTimeout) / untried
            try:
                return self._connect(addresses[-untried], port, share, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        left = _left(timeout, httpcore.ConnectTimeout)
        return self._connect(addresses[-1], port, left, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        timeout: float,
        options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._tcp.connect_tcp(address, port, timeout, socket_options=options))


def resolve(host: str, port: int, timeout: float) -> list[str]:
    """Every address of the name, at least one.

    The operating system's look-up knows no deadline, so it runs in a thread that may be left.
    """
    found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(info[4][0]) for info in infos)))
        except (OSError, UnicodeError) as error:
            found.put(error if isinstance(error, OSError) else OSError())

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        answer = found.get(timeout=timeout)
    except queue.Empty:
        raise httpcore.ConnectTimeout("deadline") from None
    if isinstance(answer, OSError) or not answer:
        raise TransientSourceError("the shop's host name cannot be looked up (DNS)")
    return answer


def _refuse_private(addresses: list[str]) -> None:
    if not all(is_public(ip_address(address)) for address in addresses):
        raise SourceUnsupported(
            "the shop's host name leads to a private, loopback or otherwise special address; "
            "if that is meant, set allow_private_network: true"
        )


class PoolTransport(httpx.BaseTransport):
    """httpx over connections of ``CheckedBackend``; no proxy, whatever the environment says."""

    def __init__(self, tls: ssl.SSLContext, *, allow_private_network: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=20,
            keepalive_expiry=30.0,
            network_backend=CheckedBackend(allow_private_network=allow_private_network),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's errors as httpx's, without their texts."""
    try:
        yield
    except httpcore.TimeoutException:
        raise httpx.TimeoutException("timeout") from None
    except httpcore.RemoteProtocolError:
        raise httpx.RemoteProtocolError("protocol") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise httpx.NetworkError(type(error).__name__) from None
