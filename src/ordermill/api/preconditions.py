"""If-Match and If-None-Match (RFC 9110, 13.1)."""

from __future__ import annotations

import re

from ordermill.api.call import Call
from ordermill.api.problems import Problem

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e]*")')


def demand(call: Call, etag: str) -> None:
    """412 where If-Match names other states than the present one. A weak tag never matches."""
    given = ", ".join(call.request.headers.getlist("if-match")).strip()
    if not given or given == "*":
        return
    if etag not in {tag for weak, tag in _TAG.findall(given) if not weak}:
        raise Problem(
            412,
            "precondition_failed",
            "it has changed since; read it again",
            headers={"ETag": etag},
        )


def not_modified(call: Call, etag: str) -> bool:
    """Whether If-None-Match names the present state."""
    given = ", ".join(call.request.headers.getlist("if-none-match")).strip()
    return given == "*" or etag in {tag for _, tag in _TAG.findall(given)}
