"""Reading an answer's body: decoded here, chunk by chunk, so that its size is known before it is.

httpx decodes a whole chunk at once, and 64 KiB of gzip can hold 64 MiB.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO

import httpx

from ordermill.errors import InvalidAnswer

_PIECE = 64 * 1024
_ANY_ZLIB = 47  # gzip or zlib, told apart by the header


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """The decoded body; raise InvalidAnswer if it is cut, larger than allowed or unreadable."""
    held = BytesIO()  # hands its buffer over without a copy
    for piece in decoded(response, max_bytes):
        held.write(piece)
        if held.tell() > max_bytes:
            raise too_large(max_bytes)
    return held.getvalue()


def decoded(response: httpx.Response, max_bytes: int) -> Iterator[bytes]:
    """The body in pieces of at most 64 KiB once decoded (larger ones only as they came)."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:19]) > max_bytes:
        raise too_large(max_bytes)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    pieces = wire(response)
    if encoding in ("", "identity"):
        return pieces
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _inflated(pieces)
    raise InvalidAnswer("the answer is in a content encoding that was not asked for")


def wire(response: httpx.Response) -> Iterator[bytes]:
    """The body as it was sent; raise InvalidAnswer if it ends before its Content-Length."""
    if not isinstance(response.stream, httpx.SyncByteStream):
        raise TypeError("the response is not a synchronous one")
    try:
        yield from response.stream
    except httpx.RemoteProtocolError:
        raise InvalidAnswer("the answer was cut before its end") from None


def split_lines(pieces: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Lines without their line feed; raise InvalidAnswer for one longer than ``max_bytes``."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        if b"\n" in piece:
            *lines, rest = rest.split(b"\n")
            yield from map(bytes, lines)
        if len(rest) > max_bytes:
            raise too_large(max_bytes)
    if rest:
        yield bytes(rest)


def skip(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    """The pieces without their first ``count`` bytes."""
    for piece in pieces:
        if count < len(piece):
            yield piece[count:]
        count = max(count - len(piece), 0)


def too_large(max_bytes: int) -> InvalidAnswer:
    return InvalidAnswer(f"the answer is larger than the {max_bytes} bytes that are read at most")


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(_ANY_ZLIB)
    try:
        for piece in pieces:
            pending = piece
            while pending:
                yield inflate.decompress(pending, _PIECE)
                pending = inflate.unconsumed_tail
    except zlib.error:
        raise InvalidAnswer("the answer's compression cannot be read") from None
    if not inflate.eof or inflate.unused_data:
        raise InvalidAnswer("the answer's compressed data is cut or followed by more")
