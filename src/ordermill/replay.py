"""Reads the stored payloads anew, as a connector that has learned something does; no shop is asked.

What differs is stored by the same way as what a shop says: content decides, and an order that is
billed already is compared with what is billed, so no document is issued twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from ordermill.connector.base import Connector, RawOrder
from ordermill.errors import MalformedOrder, StoreBusy
from ordermill.model.order import Order
from ordermill.store import events, leases, orders, payloads
from ordermill.store.database import Database
from ordermill.store.integrations import StoredIntegration
from ordermill.store.leases import Claim
from ordermill.store.orders import Incoming, Ingested
from ordermill.store.payloads import Kept, Wanted

BATCH = 100
TTL = timedelta(seconds=30)  # of the lease; renewed with every batch
PATIENCE = timedelta(seconds=30)  # for a pass of another process to end
STEP = timedelta(seconds=0.5)
REASON = "read anew from the stored payload"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one payload; ``reason`` says why it cannot be read."""

    ingested: Ingested
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """One integration whose payloads are read anew, as ``owner`` of its lease."""

    database: Database
    stored: StoredIntegration
    connector: Connector
    owner: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep

    def run(self, wanted: Wanted) -> Iterator[Replayed]:
        """Replay what is wanted, a transaction for each hundred. Raise StoreBusy if another process
        goes on reading the integration, LeaseLost if one took it over.

        What was rejected comes first: where it can be read now, it is its order's newest state.
        """
        with self._leased() as claim:
            anew = set()
            for one in self._all(claim, wanted, payloads.rejected, confirmed=False):
                anew.add(one.ingested.source_id)
                yield one
            for one in self._all(claim, wanted, payloads.present, confirmed=True):
                if one.ingested.source_id not in anew:
                    yield one

    def _all(
        self, claim: Claim, wanted: Wanted, kept: Callable[..., list[Kept]], *, confirmed: bool
    ) -> Iterator[Replayed]:
        after = ""
        while True:
            with self.database.write() as conn:
                leases.fence(conn, claim, self.now())
                leases.renew(conn, self.owner, TTL, [claim.integration_id], now=self.now())
                batch = kept(conn, self.stored.id, wanted, after=after, limit=BATCH)
                incoming = [self._incoming(one) for one in batch]
                ingested = orders.ingest(
                    conn,
                    self.stored,
                    incoming,
                    now=self.now(),
                    confirmed=confirmed,
                    actor=events.ORDERMILL,
                    reason=REASON,
                )
            yield from _told(incoming, ingested)
            if len(batch) < BATCH:
                return
            after = batch[-1].source_id

    def _incoming(self, kept: Kept) -> Incoming:
        """Read one payload. That the shop deleted its order since is no part of it."""
        raw = RawOrder(
            source_id=kept.source_id, payload=kept.payload, updated_at=None, mark=kept.mark
        )
        order: Order | MalformedOrder
        try:
            order = self.connector.normalize(raw)
            if kept.deleted:
                order = replace(order, deleted=True)
        except MalformedOrder as error:
            order = error
        except Exception as error:  # noqa: BLE001 - a defect costs this order, not the others
            order = MalformedOrder(kept.source_id, f"normalize broke: {type(error).__name__}")
        return Incoming(kept.source_id, kept.payload, kept.mark, order)

    @contextmanager
    def _leased(self) -> Iterator[Claim]:
        """Hold the integration's lease, so that no process stores what a shop says meanwhile."""
        claim = self._claim()
        try:
            yield claim
        finally:
            with self.database.write() as conn:
                leases.release(conn, claim, now=self.now())

    def _claim(self) -> Claim:
        for _ in range(int(PATIENCE / STEP)):
            with self.database.write() as conn:
                claim = leases.seize(conn, self.owner, TTL, self.stored.handle, now=self.now())
            if claim is not None:
                return claim
            self.sleep(STEP.total_seconds())
        raise StoreBusy(f"{self.stored.handle}: another process is reading it; try again later")


def _told(incoming: Sequence[Incoming], ingested: Sequence[Ingested]) -> Iterator[Replayed]:
    for one, came in zip(incoming, ingested, strict=True):
        broken = one.order if isinstance(one.order, MalformedOrder) else None
        yield Replayed(came, None if broken is None else broken.reason)
