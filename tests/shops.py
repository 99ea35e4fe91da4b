"""Entities and integrations in a store, claimed or not, for tests that need some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ordermill.model.integration import Entity, Integration
from ordermill.store import integrations, leases
from ordermill.store.database import Database
from ordermill.store.leases import Claim
from ordermill.store.state import IntegrationState

TTL = timedelta(seconds=10)
# Shorter than nothing: a lease that has ended when it begins, on any clock.
ENDED = timedelta(seconds=-1)


def an_entity(handle: str = "acme", **other: Any) -> Entity:
    values: dict[str, Any] = {"name": "Acme", "currency_code": "EUR"}
    return Entity(handle=handle, **(values | other))


def an_integration(handle: str = "woo", **other: Any) -> Integration:
    values: dict[str, Any] = {
        "entity": "acme", "source": "woocommerce", "name": handle.title(),
        "shop_key": f"{handle}.example:443",
    }  # fmt: skip
    return Integration(handle=handle, **(values | other))


@dataclass(frozen=True)
class Stored:
    """A store with integrations, and short words for what tests do with them."""

    database: Database
    clock: Callable[[], datetime]

    def configure(
        self, *wanted: Integration, entities: Sequence[Entity] = (an_entity(),)
    ) -> dict[str, integrations.StoredIntegration]:
        with self.database.write() as conn:
            integrations.apply_configuration(conn, entities, wanted, now=self.clock())
        with self.database.read() as conn:
            return integrations.stored(conn)

    def claim(
        self, *handles: str, owner: str = "one", ttl: timedelta = TTL, limit: int = 10
    ) -> list[Claim]:
        with self.database.write() as conn:
            return leases.claim(
                conn, owner, ttl, handles or ("woo",), now=self.clock(), limit=limit
            )

    def claimed(self, handle: str = "woo", owner: str = "one") -> Claim:
        (claim,) = self.claim(handle, owner=owner)
        return claim

    def release(self, claim: Claim) -> None:
        with self.database.write() as conn:
            leases.release(conn, claim, now=self.clock())

    def state(self, claim_or_id: Claim | str) -> IntegrationState:
        one = claim_or_id if isinstance(claim_or_id, str) else claim_or_id.integration_id
        with self.database.read() as conn:
            return integrations.state(conn, one)

    def polled(
        self,
        claim: Claim,
        every: timedelta = timedelta(minutes=1),
        asked: datetime | None = None,
    ) -> None:
        """As if a poll, ``asked`` for or not, had just reached the end."""
        now = self.clock()
        with self.database.write() as conn:
            integrations.succeeded(conn, claim, now=now, due=now + every, asked=asked)

    def quiet(self, handle: str = "woo") -> str:
        """Poll and sweep once and give the lease back, so that nothing is due; the id."""
        claim = self.claimed(handle)
        self.polled(claim)
        with self.database.write() as conn:
            due = self.clock() + timedelta(hours=1)
            integrations.sweep_done(conn, claim, now=self.clock(), due=due)
        self.release(claim)
        return claim.integration_id
