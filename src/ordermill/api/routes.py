"""Every route of the Orders API: what it needs, who answers it, and with what. No others are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.responses import Response

from ordermill.api import orders, resources
from ordermill.api.asking import Shelf
from ordermill.api.bodies import ChangedOrder, NewOrder
from ordermill.api.call import Call
from ordermill.api.gate import Scope


@dataclass(frozen=True, slots=True)
class Route:
    """``scope`` is the least a key must have. ``of_one_entity``: the call is about the entity that
    x-entity-id names; else about all that the key reaches.

    ``answer`` names the schema of what is answered, None for nothing; ``many`` of them as a list,
    of ``shelf`` where the list can be filtered and paged.
    """

    method: str
    path: str
    scope: Scope
    endpoint: Callable[[Call], Response]
    summary: str
    answer: str | None
    status: int = 200
    many: bool = False
    shelf: Shelf | None = None
    body: type[BaseModel] | None = None
    of_one_entity: bool = True


def _made(path: str, endpoint: Callable[[Call], Response], summary: str) -> Route:
    return Route("POST", path, Scope.WRITE, endpoint, summary, "Order")


def _part(path: str, endpoint: Callable[[Call], Response], summary: str, answer: str) -> Route:
    return Route("GET", path, Scope.READ, endpoint, summary, answer, many=True)


def _listed(shelf: Shelf, answer: str, *, of_one_entity: bool = True) -> Route:
    words = shelf.name.replace("-", " ")
    return Route(
        "GET", f"/{shelf.name}", Scope.READ, resources.listing(shelf), f"List {words}", answer,
        many=True, shelf=shelf, of_one_entity=of_one_entity,
    )  # fmt: skip


def _single(shelf: Shelf, answer: str) -> Route:
    summary = f"Read one of the {shelf.name.replace('-', ' ')}"
    path = f"/{shelf.name}/{{id}}"
    return Route("GET", path, Scope.READ, resources.single(shelf), summary, answer)


_ORDER = "/orders/{id}"
_DOCUMENTS = (resources.INVOICES, resources.CREDIT_NOTES, resources.ESTIMATES)

ROUTES: tuple[Route, ...] = (
    Route("POST", "/orders", Scope.WRITE, orders.created, "Make an order", "Order", status=201,
          body=NewOrder),
    _listed(orders.SHELF, "Order"),
    Route("GET", _ORDER, Scope.READ, orders.got, "Read an order", "Order"),
    Route("PATCH", _ORDER, Scope.WRITE, orders.changed, "Change an order", "Order",
          body=ChangedOrder),
    Route("DELETE", _ORDER, Scope.WRITE, orders.deleted, "Put an order into the trash", None,
          status=204),
    _made(f"{_ORDER}/restore", orders.restored, "Take an order out of the trash"),
    _made(f"{_ORDER}/process", orders.processed, "Invoice an order now"),
    _made(f"{_ORDER}/cancel", orders.cancelled, "Cancel an order that has no invoice"),
    _made(f"{_ORDER}/reissue", orders.reissued, "Credit the invoice and invoice the order anew"),
    _part(f"{_ORDER}/documents", resources.documents, "The documents of an order", "Document"),
    _part(f"{_ORDER}/events", resources.events, "What happened to an order, and why", "Event"),
    _part(f"{_ORDER}/changes", resources.changes, "What differs from what is billed", "Change"),
    *(_listed(shelf, "Document") for shelf in _DOCUMENTS),
    *(_single(shelf, "Document") for shelf in _DOCUMENTS),
    _listed(resources.PAYMENTS, "Payment"),
    _single(resources.PAYMENTS, "Payment"),
    _listed(resources.CUSTOMERS, "Customer"),
    _single(resources.CUSTOMERS, "Customer"),
    _listed(resources.INTEGRATIONS, "Integration"),
    _single(resources.INTEGRATIONS, "Integration"),
    _listed(resources.ENTITIES, "Entity", of_one_entity=False),
)  # fmt: skip
