"""What an answer of a WooCommerce shop means. Pure.

Status and content type say little: a fatal PHP error is declared JSON, a login page comes with 200,
a missing order and a switched-off plug-in are both 404 (all measured). So the body is parsed
strictly, and what is no JSON of the expected shape is an error, never an empty page.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from ordermill.connector.http import Answer
from ordermill.errors import (
    CredentialsRefused,
    InvalidAnswer,
    SourceError,
    SourceRejected,
    SourceUnsupported,
    TransientSourceError,
)

T = TypeVar("T")

NO_ORDER = "woocommerce_rest_shop_order_invalid_id"
_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r"[a-z0-9_.-]{1,80}", re.ASCII)
# Escapes from left to right, so that an escaped backslash before a u is not taken for one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class NoSuchOrder(SourceError):
    """The shop knows no order of this id: it was purged, or never was one."""

    error_class = "schema"


class Died(TransientSourceError):
    """PHP died over the question: all answers come to it, or one order that is asked for."""

    error_class = "upstream_5xx"


class KeyNotSeen(CredentialsRefused):
    """The shop behaves as if no key had been shown; another way of showing it may work."""


class Problem(msgspec.Struct):
    """The body of an error as WordPress writes it."""

    code: str
    data: Any = None


_problem = msgspec.json.Decoder(Problem)


def read(answer: Answer, decoder: msgspec.json.Decoder[T]) -> T:
    """The answer's value; raise the SourceError that says who acts on what it is instead."""
    if 200 <= answer.status < 300:
        return _parsed(answer.body, decoder)
    raise refusal(answer.status, answer.body)


def refusal(status: int, body: bytes) -> SourceError:
    """The error for an answer that is none of ours to read."""
    code, data = _code_of(body)
    if status == 404:
        return _not_found(code)
    if status in (401, 403):
        return _forbidden(status, code)
    if status >= 500:
        # A database that is away says wp_die.
        died = status == 500 and code in (None, "internal_server_error")
        return (Died if died else TransientSourceError)(
            f"the shop answered {status}{_named(code)}", error_class="upstream_5xx"
        )
    if code == "rest_invalid_param":
        return SourceUnsupported(
            f"the shop does not know what is asked of it ({_parameters(data)}); "
            "WooCommerce 5.8 or later is needed"
        )
    if code is None:
        return InvalidAnswer(f"the shop answered {status} without JSON")
    return SourceRejected(f"the shop refuses the request: {status}{_named(code)}")


def _not_found(code: str | None) -> SourceError:
    if code == NO_ORDER:
        return NoSuchOrder("the shop knows no such order")
    if code == "rest_no_route":
        return InvalidAnswer(
            "the shop has no WooCommerce API at this address (rest_no_route); "
            "see whether the plug-in is active and base_url is the shop's address"
        )
    return InvalidAnswer(f"the shop answered 404{_named(code)}; see whether base_url is right")


def _forbidden(status: int, code: str | None) -> SourceError:
    if code is None:
        # A firewall's page: it says nothing about the key, so the integration is not paused.
        return InvalidAnswer(
            f"something before the shop answered {status} with a page; allow this machine there"
        )
    if status == 401 and code.startswith("woocommerce_rest_cannot_"):
        return KeyNotSeen(
            "the shop refuses the key as unknown, or did not see it; see whether consumer_key is "
            "right, may read, and base_url is the shop's own https address"
        )
    if status == 401:
        # WooCommerce says so of a key that it saw. Others speak before it looks: a plug-in that
        # keeps strangers off the API, WordPress of a password that is none of its own.
        seen = code == "woocommerce_rest_authentication_error"
        return (CredentialsRefused if seen else KeyNotSeen)(
            f"the shop refuses the credentials (401{_named(code)}); see whether consumer_secret "
            "is right, the key may read, base_url is the shop's own address, and, over http, "
            "whether the clocks agree"
        )
    return CredentialsRefused(
        f"the key's user may not read orders (403{_named(code)}); "
        "give the key to a shop manager or administrator"
    )


def _parsed(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    body = body.removeprefix(_BOM)
    if not body.strip():
        raise InvalidAnswer("the shop answered nothing at all (an empty 200); a plug-in ended PHP")
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return decoder.decode(without_lone_surrogates(body))
    except (msgspec.ValidationError, RecursionError):
        raise InvalidAnswer("the shop answered JSON of another shape than asked for") from None
    except ValueError:
        raise InvalidAnswer(_not_json(body)) from None


def _not_json(body: bytes) -> str:
    start = body[:2000].lstrip().lower()
    if start.startswith((b"<br", b"<b>", b"warning", b"notice", b"deprecated", b"fatal")):
        return (
            "the shop's PHP writes warnings into its answers; switch display_errors off there, "
            "or mend the plug-in that warns"
        )
    if start.startswith(b"<"):
        return "the shop answered a web page instead of data (maintenance, login or a bot wall)"
    return "the shop's answer is not JSON, or is cut"


def without_lone_surrogates(body: bytes) -> bytes:
    r"""JSON text in which every \ud800 without its other half is a replacement character."""
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found["lone"] else found[0], body)


def _code_of(body: bytes) -> tuple[str | None, Any]:
    """The error's code and data, where the body is WordPress' JSON; a code of odd characters is
    none, for it is shown to people."""
    try:
        problem = _problem.decode(body.removeprefix(_BOM))
    except (ValueError, RecursionError):
        return None, None
    return (problem.code, problem.data) if _NAME.fullmatch(problem.code) else (None, None)


def _named(code: str | None) -> str:
    return f" {code}" if code else ""


def _parameters(data: Any) -> str:
    params = data.get("params") if isinstance(data, dict) else None
    names = params if isinstance(params, dict) else {}
    return ", ".join(name for name in names if _NAME.fullmatch(str(name)))[:200] or "parameters"
