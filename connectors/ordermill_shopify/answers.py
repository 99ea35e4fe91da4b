"""What an answer of the Admin API says: its data, its cost, or the error it stands for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ordermill.connector.http import Answer
from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    RateLimited,
    SourceError,
    SourceRejected,
    SourceUnsupported,
    TransientSourceError,
)

_UNFIT = re.compile(rb"\\u(0000|[dD][89a-fA-F])")  # U+0000 and surrogates, paired or lone
_NUL_OR_LONE = re.compile("[\x00\ud800-\udfff]")


class TokenRefused(CredentialsRefused):
    """401: the token is wrong or has expired."""


class TooDear(SourceError):
    """The query costs more than Shopify lets one query cost: ask for less at once."""

    error_class = "throttled"


class CursorRefused(SourceError):
    """The cursor is not (or no longer) one of this query: begin again at a known second."""

    error_class = "schema"


@dataclass(frozen=True, slots=True)
class Cost:
    """Points: what was asked for, what was used (0 where refused), and the bucket afterwards."""

    requested: float
    used: float
    capacity: float
    available: float
    restore_rate: float


@dataclass(frozen=True, slots=True)
class Reply:
    """``denied`` names the fields that the app may not read; they are null in ``data``."""

    data: Mapping[str, Any]
    cost: Cost | None
    denied: frozenset[str]
    version: str | None


def read_status(answer: Answer) -> None:
    """Raise what the status alone says; 200 says nothing yet."""
    status = answer.status
    if status == 200:
        return
    if status in (401, 403):
        raise _forbidden(answer)
    if status == 404:
        raise SourceUnsupported(
            "no Admin API answers there (404); check shop_domain, base_url and api_version"
        )
    if status in (402, 423):
        raise _frozen(str(status))
    if status == 430:
        raise RateLimited("Shopify holds requests back (430)", retry_after=60.0)
    if status >= 500:
        raise TransientSourceError(f"the shop answered {status}", error_class="upstream_5xx")
    raise InvalidAnswer(f"the shop answered {status}")


def _frozen(said: str) -> SourceError:
    return SourceRejected(
        f"the shop is frozen or locked ({said}); its owner has to settle that with Shopify",
        error_class="conflict",
    )


def _forbidden(answer: Answer) -> SourceError:
    if answer.body.lstrip().startswith(b"<"):
        # A firewall's page: it says nothing about the token, so the integration is not paused.
        return InvalidAnswer(
            f"something before the shop answered {answer.status} with a page; "
            "allow this machine there"
        )
    if answer.status == 401:
        return TokenRefused("the shop refuses the token (401); check it, or install the app again")
    return CredentialsRefused("the shop forbids this app to read (403); check its scopes")


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object, without U+0000 and lone surrogates; raise InvalidAnswer if it is none."""
    try:
        found = _cleaned(body) if _UNFIT.search(body) else msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        try:
            found = _cleaned(body)
        except (ValueError, RecursionError):
            raise InvalidAnswer("the shop's answer is no JSON") from None
    if not isinstance(found, dict):
        raise InvalidAnswer("the shop's answer is no JSON object")
    return found


def clean(value: Any) -> Any:
    """The same JSON value with U+FFFD where a string holds what no database takes."""
    if isinstance(value, str):
        return _NUL_OR_LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [clean(each) for each in value]
    if isinstance(value, dict):
        return {clean(key): clean(each) for key, each in value.items()}
    return value


def _cleaned(body: bytes) -> Any:
    # The standard library reads lone surrogates and raw control characters, msgspec does not.
    return clean(json.loads(body.decode("utf-8", "replace"), strict=False))


def read_cost(body: Mapping[str, Any]) -> Cost | None:
    """``extensions.cost``, None where it is missing or unreadable."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        return Cost(
            requested=float(cost["requestedQueryCost"]),
            used=float(cost.get("actualQueryCost") or 0.0),
            capacity=float(status["maximumAvailable"]),
            available=float(status["currentlyAvailable"]),
            restore_rate=float(status["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def read_errors(body: Mapping[str, Any], cost: Cost | None) -> frozenset[str]:
    """The fields denied to the app, and ``nodes`` where one took an order asked for by id with it;
    raise what any other error stands for."""
    errors = body.get("errors") or ()
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        raise InvalidAnswer("the shop answered errors that cannot be read")
    denied: set[str] = set()
    data = body.get("data")
    for error in errors:
        if _code(error) == "ACCESS_DENIED" and isinstance(data, dict):
            denied |= _denied(error, data)
        else:
            raise _as_error(error, cost)
    return frozenset(denied)


def _as_error(error: Any, cost: Cost | None) -> SourceError:
    code = _code(error)
    said = str(error.get("message", "")) if isinstance(error, dict) else ""
    if code == "THROTTLED":
        return RateLimited("the shop's budget is used up (THROTTLED)", retry_after=_wait(cost))
    if code == "MAX_COST_EXCEEDED" or "exceeds the single query max cost" in said:
        return TooDear("the query is dearer than Shopify allows (MAX_COST_EXCEEDED)")
    if code == "ACCESS_DENIED":
        return CredentialsRefused(
            "the shop denies reading orders (ACCESS_DENIED); grant the app the scope read_orders"
        )
    if code == "SHOP_INACTIVE":
        return _frozen(code)
    if "cursor" in said.lower():
        return CursorRefused("the shop no longer takes the cursor of this pass")
    if code in ("INTERNAL_SERVER_ERROR", "TIMEOUT"):
        return TransientSourceError(
            f"the shop failed on the query ({code})", error_class="upstream_5xx"
        )
    return SourceUnsupported(
        f"the shop does not take the query ({code or 'no code'}); "
        "check that api_version is a current one"
    )


def _wait(cost: Cost | None) -> float:
    if cost is None or cost.restore_rate <= 0:
        return 1.0
    return max((cost.requested - cost.available) / cost.restore_rate, 0.05)


def _code(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z_]{1,60}", code) else ""


def _denied(error: Mapping[str, Any], data: Mapping[str, Any]) -> set[str]:
    """The name at the end of the error's path, and of ``nodes`` where it stands in none of them."""
    path = error.get("path")
    path = path if isinstance(path, list) else []
    names = [step for step in path if isinstance(step, str)]
    if names[:1] == ["nodes"] and _is_missing(data.get("nodes"), path[1:2]):
        return {names[-1], "nodes"}
    return {names[-1] if names else "?"}


def _is_missing(nodes: Any, place: Sequence[Any]) -> bool:
    if not isinstance(nodes, list):
        return False
    return any(at in range(len(nodes)) and nodes[at] is None for at in place)
