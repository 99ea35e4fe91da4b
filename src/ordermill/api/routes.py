"""Every route of the Orders API: what it needs, and who answers it. There are no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from ordermill.api import orders, resources
from ordermill.api.call import Call
from ordermill.api.gate import Scope


@dataclass(frozen=True, slots=True)
class Route:
    """``scope`` is the least a key must have. ``of_one_entity``: the call is about the entity that
    x-entity-id names; else about all that the key reaches."""

    method: str
    path: str
    scope: Scope
    endpoint: Callable[[Call], Response]
    of_one_entity: bool = True


ROUTES: tuple[Route, ...] = (
    Route("POST", "/orders", Scope.WRITE, orders.created),
    Route("GET", "/orders", Scope.READ, orders.listed),
    Route("GET", "/orders/{id}", Scope.READ, orders.got),
    Route("PATCH", "/orders/{id}", Scope.WRITE, orders.changed),
    Route("DELETE", "/orders/{id}", Scope.WRITE, orders.deleted),
    Route("POST", "/orders/{id}/restore", Scope.WRITE, orders.restored),
    Route("POST", "/orders/{id}/process", Scope.WRITE, orders.processed),
    Route("POST", "/orders/{id}/cancel", Scope.WRITE, orders.cancelled),
    Route("POST", "/orders/{id}/reissue", Scope.WRITE, orders.reissued),
    Route("GET", "/orders/{id}/documents", Scope.READ, resources.documents),
    Route("GET", "/orders/{id}/events", Scope.READ, resources.events),
    Route("GET", "/orders/{id}/changes", Scope.READ, resources.changes),
    Route("GET", "/invoices", Scope.READ, resources.listing(resources.INVOICES)),
    Route("GET", "/invoices/{id}", Scope.READ, resources.single(resources.INVOICES)),
    Route("GET", "/credit-notes", Scope.READ, resources.listing(resources.CREDIT_NOTES)),
    Route("GET", "/credit-notes/{id}", Scope.READ, resources.single(resources.CREDIT_NOTES)),
    Route("GET", "/estimates", Scope.READ, resources.listing(resources.ESTIMATES)),
    Route("GET", "/estimates/{id}", Scope.READ, resources.single(resources.ESTIMATES)),
    Route("GET", "/payments", Scope.READ, resources.listing(resources.PAYMENTS)),
    Route("GET", "/payments/{id}", Scope.READ, resources.single(resources.PAYMENTS)),
    Route("GET", "/customers", Scope.READ, resources.listing(resources.CUSTOMERS)),
    Route("GET", "/customers/{id}", Scope.READ, resources.single(resources.CUSTOMERS)),
    Route("GET", "/order-integrations", Scope.READ, resources.listing(resources.INTEGRATIONS)),
    Route("GET", "/order-integrations/{id}", Scope.READ, resources.single(resources.INTEGRATIONS)),
    Route("GET", "/entities", Scope.READ, resources.listing(resources.ENTITIES), False),
)
