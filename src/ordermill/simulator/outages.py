"""The wording of faults: what servers, proxies and PHP send instead of an answer.

The texts were recorded from real WordPress shops where such a shop can be brought to send them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ordermill.simulator.faults import Fault

JSON = {"Content-Type": "application/json; charset=UTF-8"}
HTML = {"Content-Type": "text/html; charset=UTF-8"}

Parts = tuple[int, Mapping[str, str], bytes]

_LOGIN = (
    b'<!DOCTYPE html>\n\t<html lang="en-US">\n\t<head>\n\t<meta http-equiv="Content-Type" '
    b'content="text/html; charset=UTF-8" />\n\t<title>Log In &lsaquo; Lab Shop &#8212; WordPress'
    b"</title>\n\t</head><body class='login'></body></html>"
)
_PAGE = b"<!DOCTYPE html><html><head><title>Lab Shop</title></head><body>Soon back!</body></html>"
_WALL = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
_WARNING = (
    b'<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/foo.php</b> on line <b>3</b><br />\n'
)
_FATAL = (
    b"<br />\n<b>Fatal error</b>:  Uncaught Error: Call to undefined function lab_undefined() in "
    b"/var/www/www/wp-content/mu-plugins/zz-warn.php:1\nStack trace:\n#0 {main}\n  thrown"
)
_MAINTENANCE = (
    b'{"code":"wp_die","message":"Briefly unavailable for scheduled maintenance. Check back in a '
    b'minute.","data":{"status":503},"additional_errors":[]}'
)
_DATABASE = (
    b'{"code":"wp_die","message":"<h1>Error establishing a database connection<\\/h1>",'
    b'"data":{"status":500},"additional_errors":[]}'
)
_NO_ROUTE = (
    b'{"code":"rest_no_route","message":"No route was found matching the URL and request method.",'
    b'"data":{"status":404}}'
)
_EXPIRED = (
    b'{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'
)

_FIXED: dict[str, Parts] = {
    "html": (200, HTML, _PAGE),
    "login": (200, HTML, _LOGIN),
    "bot_wall": (403, {"Content-Type": "text/html;charset=UTF-8"}, _WALL),
    "empty": (200, HTML, b""),
    "fatal": (500, JSON, _FATAL),
    "maintenance": (503, JSON | {"Retry-After": "600"}, _MAINTENANCE),
    "database": (500, JSON, _DATABASE),
    "no_route": (404, JSON, _NO_ROUTE),
    "expired_token": (401, JSON, _EXPIRED),
}
_REASONS = {
    402: b"Payment Required", 403: b"Forbidden", 404: b"Not Found", 423: b"Locked",
    429: b"Too Many Requests", 430: b"Shopify Security Rejection",
    500: b"Internal Server Error", 502: b"Bad Gateway", 503: b"Service Unavailable",
    504: b"Gateway Time-out",
}  # fmt: skip


def of(fault: Fault, status: int, headers: Mapping[str, str], body: bytes) -> Parts:
    """What is sent instead of this answer; faults of the transport leave it as it is."""
    kind = "429" if fault.kind == "throttled" else fault.kind
    if kind in ("warning", "bom"):
        return status, headers, (_WARNING if kind == "warning" else b"\xef\xbb\xbf") + body
    if kind in _FIXED:
        code, fixed, text = _FIXED[kind]
    elif kind.isdigit():
        code, fixed = int(kind), HTML
        text = b"<html><head><title>%s %b</title></head><body></body></html>" % (
            kind.encode(), _REASONS[code],
        )  # fmt: skip
    else:
        return status, headers, body
    if fault.retry_after is not None:
        fixed = dict(fixed) | {"Retry-After": str(fault.retry_after)}
    return code, fixed, text
