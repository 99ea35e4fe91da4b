"""The operator's page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from admin.watched import Caller
from ordermill.admin.pages import ago, span
from ordermill.errors import TransientSourceError
from ordermill.store import integrations
from shops import Stored, an_integration

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_it_shows_each_integration_and_why_it_rests(admin: Caller, store: Stored) -> None:
    store.configure(an_integration(), an_integration("second"))
    admin.post("/integrations/woo/pause", json={"reason": "stocktaking"})
    page = admin.get("/").text
    assert "<strong>woo</strong>" in page
    assert "<strong>second</strong>" in page
    assert "paused by operator: stocktaking" in page


def test_what_others_wrote_is_text_and_never_markup(admin: Caller, store: Stored) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    claim = store.claimed()
    with store.database.write() as conn:
        integrations.failed(
            conn,
            claim,
            now=store.clock(),
            error=TransientSourceError(hostile),
            backoff_until=store.clock(),
        )
    page = admin.get("/").text
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


def test_it_loads_nothing_and_needs_no_script(admin: Caller) -> None:
    page = admin.get("/").text
    assert "://" not in page
    assert "<script" not in page
    assert not re.search(r"<link|@import|url\(|\son[a-z]+=", page)
    assert 'name="viewport"' in page


def test_without_integrations_it_says_so(admin: Caller, store: Stored) -> None:
    store.configure()
    assert "no integration is configured" in admin.get("/").text


def test_lengths_of_time_are_told_in_two_units() -> None:
    assert span(0.4) == "0 s"
    assert span(59.9) == "59 s"
    assert span(3 * 60 + 10) == "3 min 10 s"
    assert span(2 * 86_400 + 3 * 3600 + 59) == "2 d 3 h"
    assert ago(None, NOW) == "never"
    assert ago(NOW - timedelta(seconds=70), NOW) == "1 min 10 s ago"
    assert ago(NOW + timedelta(seconds=5), NOW) == "in 5 s"
