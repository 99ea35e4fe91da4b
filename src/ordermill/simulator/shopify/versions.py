"""Quarterly API versions: which are served, and where an unsupported one falls."""

from __future__ import annotations

import re

SUPPORTED = ("2026-01", "2026-04", "2026-07", "2026-10")
RELEASE_CANDIDATE = "2027-01"
_HANDLE = re.compile(r"\d{4}-(01|04|07|10)")


def served(asked: str, supported: tuple[str, ...] = SUPPORTED) -> str | None:
    """The version that answers: an expired one silently becomes the oldest that is supported.
    None for a handle that never was one (404)."""
    if asked in ("unstable", RELEASE_CANDIDATE) or asked in supported:
        return asked
    if not _HANDLE.fullmatch(asked) or asked > supported[-1]:
        return None
    return min(v for v in supported if v >= asked)


def listed(supported: tuple[str, ...] = SUPPORTED) -> list[dict[str, object]]:
    """``publicApiVersions``."""
    shown = [
        {"__typename": "ApiVersion", "handle": v, "displayName": v, "supported": True}
        for v in supported
    ]
    shown.append(_unsupported(RELEASE_CANDIDATE, f"{RELEASE_CANDIDATE} (Release candidate)"))
    shown.append(_unsupported("unstable", "unstable"))
    return shown


def _unsupported(handle: str, name: str) -> dict[str, object]:
    return {"__typename": "ApiVersion", "handle": handle, "displayName": name, "supported": False}
