"""What is looked at once, when the quick invariants hold: trails, tenants, metrics, what was left
behind, and where a secret may have gone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from chaos.databases import PostgresDatabase, SqliteFile
from chaos.markets import Market
from chaos.processes import Process
from chaos.seen import Seen, asking, fetched, pages

# By which names an event says that it issued a document.
_ISSUES = ("document_id", "new_invoice_id", "credit_note_id")
_LISTS = ("orders", "invoices", "credit-notes", "estimates", "payments", "customers")
_NO_ID = re.compile(r"\d{3}|@|://|_[0-9a-f]{8}")
KEPT_SECONDS = 5.0  # how long the gauges of the database are shown again
# Of one process at rest. Looked at during storms: 18 threads at most, 29 open files, 136 MB.
MOST_THREADS, MOST_FILES, MOST_MEMORY = 40, 60, 220_000
MOST_WAL = 64 * 2**20
CONNECTIONS = 32  # of one process to PostgreSQL


def trails(address: str, key: str, seen: Seen) -> Iterator[str]:
    """I8: each document is named by exactly one event as issued, each event has an actor and a
    time, in their order, and the first is the order's coming."""
    documents = Counter(document["order_id"] for document in seen.documents)
    with asking(address, key) as client:
        for order in seen.orders:
            events = list(pages(client, f"/orders/{order['id']}/events"))
            name = order["source_id"]
            types = Counter(event["type"] for event in events)
            if types["order.created"] != 1 or events[0]["type"] != "order.created":
                yield f"{name}: {types['order.created']} events of its coming"
            if [e["at"] for e in events] != sorted(e["at"] for e in events):
                yield f"{name}: its events are out of order"
            if not all(event["actor"] and event["at"] for event in events):
                yield f"{name}: an event without actor or time"
            told = Counter(e["data"][n] for e in events for n in _ISSUES if e["data"].get(n))
            n = documents[order["id"]]
            if len(told) != n or any(times > 1 for times in told.values()):
                yield f"{name}: {told.total()} events name its {n} documents as issued"


def tenants(address: str, other_key: str, seen: Seen) -> Iterator[str]:
    """I9: with the key of another entity nothing is seen, by no way."""
    with asking(address, other_key) as client:
        for name in _LISTS:
            if list(pages(client, f"/{name}")):
                yield f"another entity sees /{name}"
            total = fetched(client, f"/{name}", include_total_count="true", limit="1")
            if total["pagination"].get("total_count"):
                yield f"another entity counts /{name}"
        paths = [f"/orders/{order['id']}" for order in seen.orders[:3]]
        paths += [f"{path}/{more}" for path in paths for more in ("events", "documents", "changes")]
        paths += [f"/invoices/{document['id']}" for document in seen.invoices[:3]]
        for path in paths:
            if (status := client.get(path).status_code) != 404:
                yield f"another entity asks for {path}, answered {status}"
        entity = {"x-entity-id": seen.orders[0]["entity_id"]} if seen.orders else {}
        if entity and (status := client.get("/orders", headers=entity).status_code) != 403:
            yield f"another entity names this one, answered {status}"


def metrics(
    processes: list[Process], seen: Seen, markets: list[Market], *, answered: bool
) -> Iterator[str]:
    """I18: what is read from the database is what the API shows; what is counted is counted since
    the start of each process, so it can only be less, and no less where no process was ever hit and
    every COMMIT was ``answered``: of one that was not, nobody knows what it did. Call it
    KEPT_SECONDS after the last change."""
    counted: Counter[tuple[str, str]] = Counter()
    handles = {*seen.handles.values(), "manual-other", ""}  # of both entities
    strange: set[str] = set()
    for process in processes:
        text = httpx.get(f"{process.admin}/metrics", timeout=10).raise_for_status().text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.labels.get("connector", "") not in handles:
                    strange.add(f"{sample.name}: {sample.labels['connector']} is no integration")
                if _NO_ID.search(sample.labels.get("handler", "")):
                    yield f"{sample.name}: {sample.labels} holds what is no name of ours"
                counted[sample.name, sample.labels.get("connector", "")] += int(
                    sample.value if sample.name in _COUNTED and _wanted(sample.labels) else 0
                )
        yield from _gauges(text, seen)
    yield from sorted(strange)
    exact = answered and all(p.starts == 1 for p in processes)
    yield from _counters(counted, seen, markets, exact=exact)


_COUNTED = {"ordermill_invoices_issued_total", "ordermill_orders_ingested_total"}


def _wanted(labels: dict[str, str]) -> bool:
    return labels.get("outcome", "created") == "created" and labels.get("document") != "estimate"


def _gauges(text: str, seen: Seen) -> Iterator[str]:
    there = Counter((seen.handles[o["order_integration_id"]], o["status"]) for o in seen.orders)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "ordermill_orders":
                key = (sample.labels["connector"], sample.labels["status"])
                if there[key] != sample.value:
                    yield f"metrics: {sample.value:.0f} orders {key}, the API has {there[key]}"
            if sample.name == "ordermill_due_orders" and sample.value:
                yield f"metrics: {sample.value:.0f} are due ({sample.labels['kind']}), at rest"
            if sample.name == "ordermill_database_up" and sample.value != 1:
                yield "metrics: the database is said to be down"


def _counters(
    counted: Counter[tuple[str, str]], seen: Seen, markets: list[Market], *, exact: bool
) -> Iterator[str]:
    issued = Counter(seen.handles[d["order_integration_id"]] for d in seen.documents)
    for market in markets:
        orders = sum(map(len, (seen.of(market, seen.orders), seen.of(market, seen.deleted))))
        for name, there in (
            ("ordermill_invoices_issued_total", issued[market.handle]),
            ("ordermill_orders_ingested_total", orders),
        ):
            n = counted[name, market.handle]
            if n > there or (exact and n < there):
                yield f"metrics: {name} of {market.handle} counts {n}, there are {there}"


def leftovers(processes: list[Process], database: SqliteFile | PostgresDatabase) -> Iterator[str]:
    """I17: nothing is left behind by what was hit."""
    for process in processes:
        kept = resources(process)
        for what, most in (("threads", MOST_THREADS), ("open files", MOST_FILES),
                           ("kB of memory", MOST_MEMORY)):  # fmt: skip
            if kept[what] > most:
                yield f"{kept[what]} {what} at rest, more than {most}"
    if isinstance(database, SqliteFile):
        wal = Path(f"{database.path}-wal")
        if wal.exists() and wal.stat().st_size > MOST_WAL:
            yield f"a write-ahead log of {wal.stat().st_size} bytes at rest"
        return
    connections, stuck = database.connections()
    if connections > CONNECTIONS * len(processes):
        yield f"{connections} connections to PostgreSQL at rest"
    if stuck:
        yield f"{stuck} transactions are open at rest"


def resources(process: Process) -> dict[str, int]:
    """What a process holds just now."""
    folder = Path(f"/proc/{process.pid}")
    said = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return {
        "threads": int(said["Threads"]),
        "kB of memory": int(said["VmRSS"].split()[0]),
        "open files": len(list((folder / "fd").iterdir())),
    }


def buyers(markets: list[Market]) -> Iterator[tuple[str, str]]:
    """What tells who a buyer is, with a name for it."""
    for market in markets:
        for order in market.ledger.orders():
            customer, billing = order.customer, order.billing
            yield "e-mail address", customer.email
            yield "phone number", customer.phone
            yield "name", f"{billing.first_name} {billing.last_name}"
            yield "address", billing.address_1 if " " in billing.address_1 else ""
            yield "tax number", customer.vat_id


def told(text: str, where: str, markets: list[Market], secrets: list[str]) -> Iterator[str]:
    """I19: secrets and buyers where neither may be. Never says which."""
    if any(secret in text for secret in secrets):
        yield f"a secret is in {where}"
    found = {what for what, value in buyers(markets) if value and value in text}
    yield from (f"the {what} of a buyer is in {where}" for what in sorted(found))


def kept(database: SqliteFile | PostgresDatabase, secrets: list[str]) -> Iterator[str]:
    """I19: no secret is in the database, whatever table or page."""
    dump = database.dump()
    if any(secret.encode() in dump for secret in secrets):
        yield "a secret is in the database"
