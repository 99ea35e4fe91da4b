"""Every error this house raises on purpose, grouped by who has to act.

* OrdermillError
  + ConfigError                 the operator fixes the YAML (exit code 2)
  + SourceError                 a shop did not give us what we asked for
    - TransientSourceError      nobody: the next poll tries again
      . RateLimited             nobody: the poll waits `retry_after` first
      . InvalidAnswer           nobody at first: the shop answered something that is no answer
    - IncompleteRead            the operator looks: the shop listed fewer orders than it says it has
    - SourceRejected            the operator acts at the shop or in the YAML; retrying is useless
      . CredentialsRefused      the operator: keys, scopes or permissions; the integration is paused
      . SourceUnsupported       the operator: the shop's version or set-up cannot be read safely
  + MalformedOrder              a developer: one order is kept raw, counted and shown
  + StoreError
    - StoreBusy                 nobody: another transaction was in the way, trying again helps
      . TooSlow                 the caller: what was asked for reads too much, ask for less
    - StoreUnavailable          nobody, or the operator: the database is away; the work waits
      . StoreUnwritable         the operator: the disk is full, fails or is read-only
    - LeaseLost                 nobody: another process owns the integration, this one stops writing
    - SchemaOutdated            the operator runs `ordermill db upgrade`
    - SchemaTooNew              the operator installs the newer ordermill again
    - StoreLocked               the operator: another process schedules on this SQLite file
  + NotFound                    the caller names something that exists
  + WrongState                  the caller: a right request at the wrong moment (409, with a code)
  + Unprocessable               the caller or the shop: the data cannot be billed (422, with a code)

No error text holds a secret, a buyer's data or a whole URL.
"""

from __future__ import annotations


class OrdermillError(Exception):
    """Base of everything raised on purpose."""


class ConfigError(OrdermillError):
    """The configuration cannot be used; the text says where and what to write instead."""


class SourceError(OrdermillError):
    """A shop did not give what was asked for; nothing of that answer was stored.

    ``error_class`` is one of the closed set used as a metric label:
    auth, throttled, timeout, network, upstream_5xx, schema, conflict, tax, internal.
    """

    error_class = "internal"

    def __init__(self, message: str, *, error_class: str | None = None) -> None:
        super().__init__(message)
        if error_class is not None:
            self.error_class = error_class


class TransientSourceError(SourceError):
    """Time heals it: timeouts, connections, 5xx. The next poll tries again after a backoff."""

    error_class = "network"


class RateLimited(TransientSourceError):
    """The shop asks for a pause of ``retry_after`` seconds before the next request."""

    error_class = "throttled"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidAnswer(TransientSourceError):
    """The answer is none: HTML, an empty body, a cut or oversized one, JSON of another shape."""

    error_class = "schema"


class IncompleteRead(SourceError):
    """The shop listed fewer orders than it says it has, twice; what it listed was stored."""

    error_class = "schema"


class SourceRejected(SourceError):
    """Retrying is useless until the operator changes something at the shop or in the YAML."""

    error_class = "auth"


class CredentialsRefused(SourceRejected):
    """The shop refuses the key, token or its permissions; the integration is paused."""


class SourceUnsupported(SourceRejected):
    """The shop cannot be read without losing orders (too old, redirecting, wrong address)."""

    error_class = "schema"


class MalformedOrder(OrdermillError):
    """One order lacks what we need. Its raw payload is kept; the rest of the page is stored.

    The message names the field and what is wrong with it, never its value.
    """

    def __init__(self, source_id: str, reason: str) -> None:
        super().__init__(f"order {source_id}: {reason}")
        self.source_id = source_id
        self.reason = reason


class StoreError(OrdermillError):
    """The database refuses."""


class StoreBusy(StoreError):
    """Another transaction was in the way for too long; this one changed nothing. Try again."""


class TooSlow(StoreBusy):
    """A statement took longer than it may; its transaction changed nothing."""


class StoreUnavailable(StoreError):
    """The database cannot be reached: whatever was to be done is as undone as it was, and is done
    when the database is back."""


class StoreUnwritable(StoreUnavailable):
    """Nothing can be written until the operator makes room or lets us; nothing was changed."""


class LeaseLost(StoreError):
    """Another process took the integration over; the transaction was rolled back."""


class SchemaOutdated(StoreError):
    """The database is older than this program: run ``ordermill db upgrade``."""


class SchemaTooNew(StoreError):
    """The database was written by a newer ordermill; this one would damage it."""


class StoreLocked(StoreError):
    """Another process schedules on this SQLite file."""


class NotFound(OrdermillError):
    """What was named does not exist."""


class WrongState(OrdermillError):
    """A right request at the wrong moment; nothing changed. ``code`` begins with ``order_``;
    ``details`` names what is in the way (``id``, ``invoice_id``)."""

    def __init__(self, code: str, message: str, **details: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Unprocessable(OrdermillError):
    """The data cannot be billed as it is; ``code`` says why, the text what to mend."""

    def __init__(self, code: str, message: str, **details: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
