"""What WordPress and WooCommerce answer when they refuse; bodies as recorded."""

from __future__ import annotations

from collections.abc import Mapping

from ordermill.simulator.server import Answer

HEADERS = {
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Expose-Headers": "X-WP-Total, X-WP-TotalPages, Link",
    "Access-Control-Allow-Headers": "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, "
    "Content-Type",
    "Allow": "GET, POST",
    "Expires": "Wed, 11 Jan 1984 05:00:00 GMT",
    "Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private",
}


class Refused(Exception):
    """The request ends here with this answer."""

    def __init__(self, code: str, message: str, status: int, **data: object) -> None:
        super().__init__(code)
        self.answer = Answer.of(
            {"code": code, "message": message, "data": {"status": status, **data}},
            status, HEADERS,
        )  # fmt: skip


def no_route() -> Refused:
    message = "No route was found matching the URL and request method."
    return Refused("rest_no_route", message, 404)


def invalid(problems: Mapping[str, str], code: str = "rest_invalid_param") -> Refused:
    """Bad parameters, all at once: name and what is wrong with it."""
    details = {
        name: {"code": code, "message": text, "data": None} for name, text in problems.items()
    }
    message = f"Invalid parameter(s): {', '.join(problems)}"
    return Refused("rest_invalid_param", message, 400, params=dict(problems), details=details)


def cannot_list(status: int = 401) -> Refused:
    return Refused("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", status)


def unauthenticated(message: str) -> Refused:
    return Refused("woocommerce_rest_authentication_error", message, 401)


def no_order() -> Refused:
    return Refused("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)


def no_refund() -> Refused:
    return Refused("woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.", 404)
