"""Reads one WooCommerce shop: pages, the sweep's index, and single orders by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import httpx
import msgspec
from msgspec import Raw
from msgspec.structs import replace

from ordermill.connector.base import (
    By,
    Context,
    Fetched,
    Gone,
    IndexEntry,
    IndexPage,
    Page,
    RawOrder,
    ShopInfo,
    Subscription,
    Window,
)
from ordermill.errors import InvalidAnswer
from ordermill.model.order import Order
from ordermill.model.webhook import Headers, Hint, Ping, Refused
from ordermill_woocommerce import apart, check, keyset, webhooks
from ordermill_woocommerce.answers import Died, NoSuchOrder
from ordermill_woocommerce.keyset import Position, Step
from ordermill_woocommerce.normalize import normalize
from ordermill_woocommerce.options import Options
from ordermill_woocommerce.raw import (
    NOT_SHOWN,
    Head,
    has_refunds,
    head_of,
    kept_refunds,
    mark_of,
    offset_of,
    raw_order,
    utc,
)
from ordermill_woocommerce.shop import Rows, Shop

OPERATIONS = ("orders", "order", "refunds", "index", "probe", "status", "webhooks")

# A cart that is being filled is no order yet (some shops list them all the same, measured on 7.9).
_DRAFTS = frozenset(("auto-draft", "checkout-draft"))
# What a cursor of the index begins with: what its pages hold.
_INDEX, _FULL, _CREATED = "i", "f", "c"
_ONE = msgspec.json.Decoder(Raw)

Listed = Sequence[tuple[Raw, Head | None]]


def connect(options: Options, context: Context) -> WooCommerce:
    """Build the connector; nothing is asked yet."""
    return WooCommerce(options, context)


class WooCommerce:
    """The Connector of one shop. See ordermill.connector.base for what each method promises."""

    webhook_topics = webhooks.TOPICS

    def __init__(
        self, options: Options, context: Context, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._shop = Shop(options, context, transport=transport)
        self._context = context
        self._honours: set[By] = set()

    def check(self) -> ShopInfo:
        """Ask the shop once; raise SourceUnsupported for one too old to be read."""
        return check.check(self._shop, self._context)

    def fetch(self, window: Window, cursor: str | None) -> Page:
        position = keyset.start(window, cursor)
        listed, step, cost = self._walk("orders", position, window)
        orders, more = self._complete(_without_drafts(listed))
        kept = {raw.source_id for raw in orders}
        ids = (str(head.id) for _, head in listed if head is not None)
        return Page(
            orders=orders,
            cursor=_cursor(step),
            safe_until=step.safe_until,
            cost=cost + more,
            total=step.total,
            left_out=[each for each in ids if each not in kept],
        )

    def index(self, window: Window, cursor: str | None) -> IndexPage:
        """Few fields where edits move a date, contents where they may not: with orders kept as
        posts an edit of the items moves none (measured), and who may not see the storage cannot
        know. Then what was created in the window, for an import may say that it changed before."""
        cost = 0.0
        if cursor is None:
            mode, cost = (_INDEX if check.keeps_tables(self._shop) else _FULL), 1.0
        else:
            mode, cursor = cursor[:1], cursor[1:] or None
        window = replace(window, by=By.CREATED if mode == _CREATED else By.CHANGED)
        position = keyset.start(window, cursor)
        fields = {} if mode == _FULL else {"_fields": apart.INDEX_FIELDS}
        found, step, asked = self._walk("index", position, window, **fields)
        listed = _without_drafts(found)
        following = _following(mode, _cursor(step))
        if mode == _FULL:
            orders, more = self._complete(listed)
            return IndexPage(entries=(), cursor=following, orders=orders, cost=cost + asked + more)
        entries = [
            IndexEntry(str(head.id), mark_of(head)) for _, head in listed if head is not None
        ]
        return IndexPage(entries=entries, cursor=following, cost=cost + asked)

    def fetch_ids(self, source_ids: Sequence[str]) -> Fetched:
        """Live orders and trashed ones by lists of ids; what is in neither by a question each,
        for only that tells a purged order from a hidden one."""
        ids = [source_id for source_id in source_ids if source_id.isascii() and source_id.isdigit()]
        orders: dict[str, RawOrder] = {}
        cost = 0.0
        for stage in (keyset.Stage.LIVE, keyset.Stage.TRASH):
            missing = [source_id for source_id in ids if source_id not in orders]
            size = self._shop.size
            for at in range(0, len(missing), size):
                found, spent = self._included(missing[at : at + size], stage)
                orders |= {raw.source_id: raw for raw in found}
                cost += spent
        gone: dict[str, Gone] = {}
        hidden: list[str] = []
        for source_id in ids:
            if source_id not in orders:
                cost += self._single(source_id, orders, gone, hidden)
        return Fetched(orders=tuple(orders.values()), gone=gone, hidden=hidden, cost=cost)

    def normalize(self, raw: RawOrder) -> Order:
        return normalize(raw)

    def read_webhook(self, headers: Headers, body: bytes, secret: str) -> Hint | Ping | Refused:
        return webhooks.read_webhook(headers, body, secret)

    def webhooks(self) -> Sequence[Subscription]:
        return webhooks.kept(self._shop)

    def create_webhook(self, topic: str, url: str, secret: str) -> None:
        webhooks.create(self._shop, topic, url, secret)

    def close(self) -> None:
        self._shop.close()

    def _walk(
        self, operation: str, position: Position, window: Window, **fields: str
    ) -> tuple[Listed, Step, float]:
        """One page of the walk, drafts included, and what follows it."""
        position = keyset.within(position, self._shop.size)
        size = position.tie.size if position.tie is not None else self._shop.size
        params = {**keyset.parameters(position, window, size), **fields}
        answer = apart.page(self._shop, operation, params)
        listed = [(row, head_of(row)) for row in answer.rows]
        seen = _seen(answer, listed, window.by)
        cost = 1.0
        if keyset.outside(position, seen.rows):
            cost += self._sure_of(window.by)
        return listed, keyset.follow(position, window, seen), cost

    def _sure_of(self, by: By) -> float:
        """Make sure that the shop honours the window; raise SourceUnsupported if it does not.

        Parameters that a shop does not know are ignored without a word, so an old one answers all
        its orders again and again. One row outside the window may be a stale copy, though.
        """
        if by in self._honours:
            return 0.0
        check.refuse_ancient(self._shop, by)
        self._honours.add(by)
        return 1.0

    def _complete(self, listed: Listed) -> tuple[list[RawOrder], float]:
        """The rows with their refunds. An order purged since it was listed is left out; one whose
        refunds the shop cannot show is one that cannot be read."""
        orders: list[RawOrder] = []
        cost = 0.0
        attempts, proofs = None, apart.PROOFS
        for row, head in listed:
            refunds = None
            if head is not None and has_refunds(head):
                try:
                    refunds, asked = self._refunds(head.id, attempts)
                except NoSuchOrder:
                    cost += 1
                    continue
                except Died:
                    if not apart.to_blame(self._shop, {head.id}, proofs):
                        raise
                    refunds, asked = NOT_SHOWN, 2 + proofs
                    attempts, proofs = 2, 1  # what ends PHP here most often does in all
                cost += asked
            orders.append(raw_order(row, head, refunds))
        return orders, cost

    def _refunds(self, order_id: int, attempts: int | None) -> tuple[bytes, int]:
        bodies, asked = self._shop.refunds(order_id, attempts)
        try:
            return kept_refunds(bodies), asked
        except (ValueError, RecursionError):
            raise InvalidAnswer("the refunds of an order are of another shape than known") from None

    def _included(self, ids: Sequence[str], stage: keyset.Stage) -> tuple[list[RawOrder], float]:
        answer = apart.page(self._shop, "orders", apart.including(ids, stage))
        listed = _without_drafts([(row, head_of(row)) for row in answer.rows])
        orders, cost = self._complete(listed)
        wanted = set(ids)
        return [raw for raw in orders if raw.source_id in wanted], cost + 1

    def _single(
        self, source_id: str, orders: dict[str, RawOrder], gone: dict[str, Gone], hidden: list[str]
    ) -> float:
        """Ask for one order and put the answer where it belongs; what that cost."""
        try:
            row, _ = self._shop.get("order", f"/orders/{source_id}", _ONE)
        except NoSuchOrder:
            gone[source_id] = Gone.PURGED
            return 1.0
        except Died:
            # In no list, so few fields of it cannot be had either.
            if not apart.to_blame(self._shop, {int(source_id)}):
                raise
            hidden.append(source_id)
            return 2.0 + apart.PROOFS
        head = head_of(row)
        if head is not None and str(head.id) != source_id:
            raise InvalidAnswer("the shop answered another order than the one asked for")
        if head is not None and head.status in _DRAFTS:
            hidden.append(source_id)
            return 1.0
        found, cost = self._complete([(row, head)])
        orders.update((raw.source_id, raw) for raw in found)
        return cost + 1


def _seen(answer: Rows, listed: Listed, by: By) -> keyset.Seen:
    return keyset.Seen(
        rows=[_row(head, by) for _, head in listed if head is not None],
        count=len(listed),
        size=answer.size,
        total=answer.total,
        asked_at=answer.asked_at,
    )


def _row(head: Head, by: By) -> keyset.Row:
    local, gmt = head.date_created, head.date_created_gmt
    if by is By.CHANGED:
        local, gmt = head.date_modified, head.date_modified_gmt
    return keyset.Row(head.id, utc(gmt), offset_of(local, gmt))


def _without_drafts(listed: Iterable[tuple[Raw, Head | None]]) -> Listed:
    return [(row, head) for row, head in listed if head is None or head.status not in _DRAFTS]


def _following(mode: str, cursor: str | None) -> str | None:
    """The next page of the index: on, or from what was changed to what was created."""
    if cursor is not None:
        return mode + cursor
    return None if mode == _CREATED else _CREATED


def _cursor(step: Step) -> str | None:
    return None if step.position is None else keyset.text(step.position)
