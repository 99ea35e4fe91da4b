"""A large shop for benchmarks: orders of about 5 KB, written from prepared bytes as they are asked.

Nothing is kept of an order but the second of its last change and how often it changed, so a million
orders take some tens of megabytes. Run alone:

    python -m ordermill.simulator.woocommerce.prepared --orders 100000 --port 9090

``POST /_simulator/change?n=200`` changes 200 orders now; ``GET /_simulator/state`` counts.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from ordermill.simulator.building import Shop
from ordermill.simulator.catalogue import Habits
from ordermill.simulator.clock import Clock, ManualClock, ScaledClock
from ordermill.simulator.ledger import Ledger
from ordermill.simulator.life import Life
from ordermill.simulator.server import Answer, Request, serve
from ordermill.simulator.woocommerce import document, listing, query, wording
from ordermill.simulator.woocommerce.document import Json
from ordermill.simulator.woocommerce.face import WooCommerceFace
from ordermill.simulator.woocommerce.query import Query
from ordermill.simulator.woocommerce.wording import Refused

_PATH = re.compile(r"^/wp-json/wc/v[23]/orders(?:/(\d+))?(/refunds)?/?$")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - WooCommerce's GMT times are naive
_BITS = 24  # of a key for the order's place, so 16 million orders at most
_FIRST_ID = 1001
_KINDS = 64


class PreparedShop:
    """``n`` orders, ``per_second`` of them changed in each second up to now. The same seed, the
    same shop. An order that changes gets other items and the time of the change."""

    def __init__(
        self, n: int, seed: int = 0, *, per_second: int = 3, changed_permille: int = 10,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock or ScaledClock(datetime.now(UTC), 1.0)
        self.ledger = Ledger(self.clock, seed, Shop(timezone="UTC"))
        self.rest = WooCommerceFace(self.ledger)
        self.keys = self.rest.keys
        self.consumer_key, self.consumer_secret = self.keys.key, self.keys.secret
        self.changed_permille = changed_permille
        self._random = Random(f"prepared {seed}")
        self._lock = threading.Lock()
        self._templates = _templates(seed)
        seconds = -(-n // per_second)
        start = int(self.clock.now().timestamp()) - seconds - 60
        self._created = [start + i // per_second for i in range(n)]
        self._versions = bytearray(n)
        self._modified = list(self._created)
        self._keys = [second << _BITS | i for i, second in enumerate(self._created)]

    def __len__(self) -> int:
        return len(self._created)

    def change(self, n: int | None = None) -> list[int]:
        """Change ``n`` orders (None: changed_permille of all) now; their ids."""
        count = len(self) * self.changed_permille // 1000 if n is None else n
        chosen = self._random.sample(range(len(self)), min(count, len(self)))
        now = int(self.clock.now().timestamp())
        with self._lock:
            for i in chosen:
                del self._keys[bisect_left(self._keys, self._modified[i] << _BITS | i)]
                self._modified[i] = now
                self._versions[i] = (self._versions[i] + 1) % 256
                insort(self._keys, now << _BITS | i)
        return sorted(_FIRST_ID + i for i in chosen)

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/_simulator/"):
            return self._control(request)
        found = _PATH.match(request.path)
        if found is None or request.method != "GET":
            return self.rest.answer(request)
        try:
            self.keys.check(request, request.base_url)
            return self._orders(request, found)
        except Refused as refused:
            return refused.answer

    def _control(self, request: Request) -> Answer:
        if request.path.endswith("/change") and request.method == "POST":
            n = request.params.get("n")
            return Answer.of({"changed": self.change(None if n is None else int(n))})
        return Answer.of({"orders": len(self), "newest": max(self._modified, default=0)})

    def _orders(self, request: Request, found: re.Match[str]) -> Answer:
        asked = query.read(request, self.rest.zone, self.rest.statuses)
        if found[1] is None:
            with self._lock:
                places, total = self._found(asked)
            more = listing.headers(request, asked, total, request.base_url)
            return self._said(b"[" + self._written(places, asked) + b"]", dict(more))
        place = int(found[1]) - _FIRST_ID
        if not 0 <= place < len(self):
            raise wording.no_order()
        return self._said(b"[]" if found[2] else self._written([place], asked))

    def _said(self, body: bytes, more: dict[str, str] | None = None) -> Answer:
        kind = {"Content-Type": "application/json; charset=UTF-8"}
        return Answer(200, body, kind | wording.HEADERS | (more or {}))

    def _found(self, asked: Query) -> tuple[list[int], int]:
        """The orders of the page by their places, and how many there are in all."""
        if asked.status != ("any",) and "processing" not in asked.status:
            return [], 0
        end = asked.start + asked.per_page
        if asked.include:
            places = sorted(i - _FIRST_ID for i in asked.include if 0 <= i - _FIRST_ID < len(self))
            return places[asked.start : end], len(places)
        low, high = _range(self._keys, asked.modified_after, asked.modified_before)
        if asked.orderby == "modified":
            return _page(self._keys, low, high, asked), high - low
        if (low, high) == (0, len(self)):
            first, last = _created(self._created, asked.after, asked.before)
            return _page(range(len(self)), first, last, asked), last - first
        places = sorted(key & (1 << _BITS) - 1 for key in self._keys[low:high])
        return _page(places, 0, len(places), asked), len(places)

    def _written(self, places: list[int], asked: Query) -> bytes:
        rows = [self.order(i) for i in places]
        if not asked.fields:
            return b",".join(rows)
        kept = (listing.only(json.loads(row), asked.fields) for row in rows)
        return b",".join(json.dumps(each, ensure_ascii=False).encode() for each in kept)

    def order(self, i: int) -> bytes:
        """The JSON of the order at place ``i``, as it is now."""
        template = self._templates[(i * 31 + self._versions[i]) % len(self._templates)]
        return template.write(_FIRST_ID + i, self._created[i], self._modified[i])


def _page(keys: list[int] | range, low: int, high: int, asked: Query) -> list[int]:
    """The places on a page of ``keys[low:high]``, from its other end when descending."""
    end = min(asked.start + asked.per_page, high - low)
    if asked.descending:
        cut = reversed(keys[max(high - end, low) : max(high - asked.start, low)])
    else:
        cut = iter(keys[low + asked.start : low + end])
    return [key & (1 << _BITS) - 1 for key in cut]


def _range(keys: list[int], after: datetime | None, before: datetime | None) -> tuple[int, int]:
    low = 0 if after is None else bisect_left(keys, (_seconds(after) + 1) << _BITS)
    high = len(keys) if before is None else bisect_left(keys, _seconds(before) << _BITS)
    return low, max(low, high)


def _created(
    seconds: list[int], after: datetime | None, before: datetime | None
) -> tuple[int, int]:
    low = 0 if after is None else bisect_left(seconds, _seconds(after) + 1)
    high = len(seconds) if before is None else bisect_left(seconds, _seconds(before))
    return low, max(low, high)


def _seconds(at: datetime) -> int:
    return int((at - _EPOCH).total_seconds())


@dataclass(frozen=True, slots=True)
class Template:
    """An order's JSON with gaps: %b for each value whose index in ``slots`` names it."""

    text: bytes
    slots: tuple[int, ...]

    def write(self, order_id: int, created: int, modified: int) -> bytes:
        """The bytes of one order; its parts have ids of their own."""
        number = b"%d" % order_id
        values = (number, _text(created), _text(modified), b"%d" % (order_id % 1_000_000))
        return self.text % tuple(values[slot] for slot in self.slots)


def _text(second: int) -> bytes:
    return (_EPOCH + timedelta(seconds=second)).isoformat().encode()


_MARKS = ("<id>", "<created>", "<modified>", "<part>")


def _templates(seed: int) -> list[Template]:
    clock = ManualClock(datetime(2026, 1, 5, tzinfo=UTC))
    ledger = Ledger(clock, seed)
    life = Life(ledger, seed, Habits(most_lines=6))
    orders = [life.place(1, lines=4 + i % 4)[0] for i in range(_KINDS)]
    look = WooCommerceFace(ledger, home="https://shop.example").look()
    return [_template(document.order(order, look)) for order in orders]


def _template(doc: Json) -> Template:
    """Ids and times become gaps. GMT and local time are the same here: the shop is in UTC."""
    paid = "<created>" if doc["date_paid"] else None
    number = doc["id"]
    doc |= {
        "id": "<id>!", "number": "<id>", "order_key": "wc_order_<id>", "status": "processing",
        "date_created": "<created>", "date_created_gmt": "<created>",
        "date_modified": "<modified>", "date_modified_gmt": "<modified>",
        "date_paid": paid, "date_paid_gmt": paid,
        "date_completed": None, "date_completed_gmt": None,
    }  # fmt: skip
    for name in ("line_items", "tax_lines", "shipping_lines", "fee_lines", "coupon_lines"):
        for i, item in enumerate(doc[name]):
            item["id"] = f"<part>{name.index('_')}{i}!"
    links = json.dumps(doc["_links"]).replace(f"/{number}", "/<id>")
    doc["_links"] = json.loads(links)
    doc["payment_url"] = doc["payment_url"].replace(str(number), "<id>")
    text = json.dumps(doc, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    text = re.sub(r'"(<[a-z]+>\d*)!"', r"\1", text)
    slots = tuple(
        _MARKS.index(mark) for mark in re.findall("<id>|<created>|<modified>|<part>", text)
    )
    return Template(re.sub("<id>|<created>|<modified>|<part>", "%b", text).encode(), slots)


def main() -> None:
    """Serve until interrupted; prints the address and the keys on one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-second", type=int, default=3)
    parser.add_argument("--changed-permille", type=int, default=10)
    given = parser.parse_args()
    shop = PreparedShop(
        given.orders, given.seed, per_second=given.per_second,
        changed_permille=given.changed_permille,
    )  # fmt: skip
    with serve(shop, port=given.port) as server:
        print(server.url, shop.consumer_key, shop.consumer_secret, flush=True)  # noqa: T201
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(0) from None
