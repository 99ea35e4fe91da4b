"""What a delivery to the webhook receiver is, once its connector has looked at it.

A delivery is a hint and never the truth: it may be forged, repeated, late or out of order, so all
that is taken from it is which order to read. A redaction alone is taken at its word.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

# Names and values as they were received, repeated ones too.
Headers = Sequence[tuple[str, str]]


class Hint(Struct, frozen=True, kw_only=True):
    """Genuine, and about this order. ``event_id`` names the event in every delivery of it, None
    where the shop gives none; ``topic`` is the shop's own word for what happened."""

    source_id: str
    topic: str
    event_id: str | None = None


class Ping(Struct, frozen=True):
    """Says nothing about an order: a greeting, or a genuine delivery of another ``topic``. It is
    answered with 200, or the shop gives the webhook up."""

    topic: str | None = None


class Redaction(Struct, frozen=True, kw_only=True):
    """Genuine, and a buyer's wish to be erased, which the shop passes on: what its orders
    ``source_ids`` and those with the address tell of a person. The one delivery that is more than a
    hint, for nothing that could be read from the shop would say it."""

    source_ids: Sequence[str]
    email: str | None


class Refused(Struct, frozen=True):
    """Not proven to be the shop's. ``reason`` is for our log; the sender is told nothing of it."""

    reason: str


Said = Hint | Ping | Redaction | Refused
