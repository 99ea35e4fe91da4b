"""Logging: readable on a terminal, JSON otherwise, and never a secret or a buyer's data."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ordermill.errors import OrdermillError

# Field names whose values are never written, whoever logs them.
_KEPT_OUT = re.compile(
    r"token|secret|passw|authori[sz]ation|cookie|api_?key|consumer_key|credential"
    r"|e_?mail|phone|address|customer|buyer|payload|body|raw"
    r"|(?:first|last|full|billing|shipping|company)_?name",
    re.I,
)
_QUERY = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s?#]*)[?#]?\S*")
REMOVED = "[removed]"
LONGEST = 1000  # characters of one value; a shop may choose how long its words are
# Libraries whose messages quote URLs, statements or rows.
_QUIET = ("httpx", "httpcore", "sqlalchemy", "alembic", "apscheduler", "uvicorn")


def configure() -> None:
    """Send everything, the libraries' own messages too, through one pipeline to standard output."""
    terminal = sys.stdout.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        with_time,
        without_secrets,
        exceptions_as_frames,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def with_time(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """UTC to the millisecond, as every time that ordermill writes."""
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    return event


def without_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop what is named like a secret or a person's data; cut URLs down to host and path, and what
    is long to what is read."""
    return {name: _cleaned(name, value) for name, value in event.items()}


def _cleaned(name: str, value: Any) -> Any:
    if _KEPT_OUT.search(name):
        return REMOVED
    if isinstance(value, str):
        return _shortened(_QUERY.sub(r"\1\2", value) if "://" in value else value)
    if isinstance(value, Mapping):
        return {inner: _cleaned(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and name != "exc_info":
        return [_cleaned(name, one) for one in value]
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [and {len(text) - LONGEST} more]"


def exceptions_as_frames(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Write an exception as its type and places. Only our own errors keep their text: that of a
    foreign one may quote a row or a request."""
    info = event.pop("exc_info", None)
    if info:
        error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
        if isinstance(error, BaseException):
            event["exception"] = _described(error)
            event["frames"] = _frames(error)
    return event


def _described(error: BaseException) -> str:
    name = type(error).__name__
    return _shortened(f"{name}: {error}") if isinstance(error, OrdermillError) else name


def _frames(error: BaseException) -> list[str]:
    walked: list[Any] = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rsplit('/', 3)[-1]}:{frame.lineno} {frame.name}" for frame in walked]
