"""Entities, integrations and keys as the rooms use them: the YAML's values, resolved and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

LONGEST_BACKOFF = timedelta(minutes=15)  # a failing shop is asked again after that, at most

# Who stands in the audit trail beside the names of keys.
SHOP = "shop"
ORDERMILL = "ordermill"
OPERATOR = "operator"
ACTORS = frozenset((SHOP, ORDERMILL, OPERATOR))


@dataclass(frozen=True, slots=True)
class Numbering:
    """Formats of the document numbers: ``{year}`` and ``{number}`` with a width."""

    invoice: str = "INV-{year}-{number:05d}"
    credit_note: str = "CN-{year}-{number:05d}"
    estimate: str = "EST-{year}-{number:05d}"


def manual_handle(entity: str) -> str:
    """The integration that an entity has without being configured: of orders no shop sends."""
    return f"manual-{entity}"


@dataclass(frozen=True, slots=True)
class Entity:
    """One legal merchant: it issues the documents and is the tenant of the API."""

    handle: str
    name: str
    currency_code: str
    address: Mapping[str, str | None] = field(default_factory=dict)
    tax_number: str | None = None
    timezone: str = "UTC"
    payment_due_days: int = 14
    numbering: Numbering = Numbering()


@dataclass(frozen=True, slots=True)
class Skip:
    """Orders that are never invoiced by themselves."""

    test_orders: bool = True
    zero_total: bool = True
    gateways: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """When the orders of an integration become documents by themselves. Kept in the store with the
    integration, so that every room decides by the same rules."""

    auto_process: bool = False
    auto_process_on: str = "paid"  # created | paid | fulfilled
    auto_process_delay_seconds: int = 0
    issue_invoice_on_complete: bool = False  # wait for `complete`, whatever auto_process_on says
    issue_invoice_for_bank: bool = False  # unpaid bank transfers: invoice instead of estimate
    auto_reissue_on_update: bool = False
    reissue_settle_seconds: int = 600
    default_payment_type: str | None = None
    on_cancel_after_invoice: str = "credit"  # credit | review | ignore
    skip: Skip = Skip()


@dataclass(frozen=True, slots=True)
class Poll:
    """How often a shop is asked for news, how far back each pass overlaps, and the page size."""

    every: timedelta = timedelta(seconds=60)
    overlap: timedelta = timedelta(minutes=5)
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """How often a window is re-read and compared; ``every`` None switches the sweep off."""

    every: timedelta | None = timedelta(hours=1)
    window: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Integration:
    """One shop of one entity. ``handle`` is its immutable name, ``shop_key`` the shop's host and
    port, by which the same shop under another handle is recognised. ``options`` belongs to the
    connector and may hold secrets: it is never shown, compared or stored."""

    handle: str
    entity: str
    source: str
    name: str
    shop_key: str
    options: Any = field(default=None, repr=False, compare=False)
    is_active: bool = True
    poll: Poll = Poll()
    sweep: Sweep = Sweep()
    import_from: date | None = None  # None: the day of the first run
    rules: Rules = Rules()
    webhook_secret: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key from the YAML; ``entities`` empty means all. ``key`` is a secret, ``name`` none of
    ACTORS, for it stands in the audit trail."""

    name: str
    key: str = field(repr=False)
    scope: str = "read"  # read | write | admin
    entities: tuple[str, ...] = ()
