"""The operator's page, rendered here; it loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from ordermill.store.runs import StoredRun
from ordermill.store.status import Overview


def ago(at: datetime | None, now: datetime) -> str:
    """Two largest units: 3 min 10 s ago; "in" for what is to come."""
    if at is None:
        return "never"
    seconds = int((now - at).total_seconds())
    text = span(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    parts = []
    rest = int(seconds)
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


_environment = Environment(
    loader=PackageLoader("ordermill.admin"), autoescape=True, undefined=StrictUndefined
)
_environment.globals.update(ago=ago, span=span)


def overview(shown: Overview, last: Sequence[StoredRun]) -> str:
    """Each integration with freshness, counts and last error; then the newest runs."""
    handles = {one.id: one.handle for one in shown.integrations}
    return _environment.get_template("overview.html").render(
        shown=shown, runs=last, handles=handles
    )
