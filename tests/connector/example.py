"""A whole connector: for Kiosk, an invented shop system whose API lists orders by time and id."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

import httpx
from msgspec import Raw, Struct, json
from pydantic import BaseModel, ConfigDict, SecretStr

from ordermill.connector import base
from ordermill.connector.http import Answer, ShopClient
from ordermill.errors import CredentialsRefused, InvalidAnswer, MalformedOrder
from ordermill.model.money import amount, currency
from ordermill.model.order import ZERO, Item, ItemKind, Order, PaymentStatus


class Options(BaseModel):  # what stands under `options` in the YAML
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    base_url: str
    token: SecretStr
    allow_private_network: bool = False


class Line(Struct):
    id: str
    name: str
    quantity: int
    net: Decimal
    tax: Decimal


class KioskOrder(Struct):  # all that is kept of an order: no IP address, no token
    id: str
    changed_at: datetime
    created_at: datetime
    currency: str
    total: Decimal
    tax: Decimal
    paid: bool
    lines: list[Line]


class Listed(Struct):
    orders: list[Raw]
    next: str | None  # no default: an answer that lost it must not look like the last page


class Kiosk:
    def __init__(self, options: Options, context: base.Context) -> None:
        self._limit = min(context.page_size, 100)
        self._client = ShopClient(
            options.base_url, context=context,
            headers={"Authorization": f"Bearer {options.token.get_secret_value()}"},
            allow_private_network=options.allow_private_network,
        )  # fmt: skip
        self.close = self._client.close

    def check(self) -> base.ShopInfo:
        self._ask("orders", "/api/orders", Listed, limit=1)
        return base.ShopInfo(name="Kiosk shop", version=None, currency_code=None)

    def fetch(self, window: base.Window, cursor: str | None) -> base.Page:
        asked = {"by": window.by, "since": window.since, "until": window.until, "after": cursor}
        listed = self._ask("orders", "/api/orders", Listed, limit=self._limit, **asked)
        orders = [raw_order(row) for row in listed.orders]
        newest = max((raw.updated_at for raw in orders if raw.updated_at), default=None)
        again = timedelta(seconds=listed.next is not None)  # of its second more may follow
        safe = newest - again if newest is not None and window.by is base.By.CHANGED else None
        return base.Page(orders=orders, cursor=listed.next, safe_until=safe, cost=1)

    def index(self, window: base.Window, cursor: str | None) -> base.IndexPage:
        page = self.fetch(window, cursor)  # Kiosk has no cheap index: the sweep reads contents
        return base.IndexPage(entries=(), orders=page.orders, cursor=page.cursor, cost=page.cost)

    def fetch_ids(self, source_ids: Sequence[str]) -> base.Fetched:
        asked = [source_id for source_id in source_ids if source_id.isalnum()]
        found = {one: self._ask("order", f"/api/orders/{one}", Raw) for one in asked}
        orders = [raw_order(row) for row in found.values() if row is not None]
        gone = {one: base.Gone.PURGED for one, row in found.items() if row is None}
        if {raw.source_id for raw in orders} != found.keys() - gone.keys():
            raise InvalidAnswer("the shop answered something else than the order asked for")
        return base.Fetched(orders=orders, gone=gone, cost=len(asked))

    def normalize(self, raw: base.RawOrder) -> Order:
        try:
            return order_of(json.decode(raw.payload, type=KioskOrder))
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise MalformedOrder(raw.source_id, str(error)) from None  # names a field, no value

    def _ask(self, operation: str, path: str, kind: Any, **asked: Any) -> Any:
        def read(answer: Answer) -> Any:  # judged by the body: HTML comes with any status
            try:
                if answer.status == 200:
                    return json.decode(answer.body, type=kind)
                error = json.decode(answer.body, type=dict[str, str])["error"]
            except (ValueError, KeyError, RecursionError):
                raise InvalidAnswer(f"the shop answered {answer.status} without data") from None
            if error == "no_such_order" and operation == "order":
                return None  # said by the shop itself; any other 404 is an error
            kind_of = CredentialsRefused if error == "bad_token" else InvalidAnswer
            raise kind_of(f"the shop refuses ({answer.status}); see whether the token is right")

        params = {name: str(value) for name, value in asked.items() if value is not None}
        return self._client.call(operation, "GET", path, params=params, read=read)


def raw_order(row: Raw) -> base.RawOrder:
    try:
        fields = json.decode(row, type=dict[str, Raw])
        source_id = json.decode(fields["id"], type=str)
        at = json.decode(fields["changed_at"], type=datetime).astimezone(UTC)
    except (ValueError, KeyError, RecursionError):  # kept and shown as well; it stops no page
        source_id, fields, at = f"unreadable-{crc32(row):08x}", {}, None
    kept = json.encode({n: fields[n] for n in KioskOrder.__struct_fields__ if n in fields})
    return base.RawOrder(source_id=source_id, payload=kept, updated_at=at)


def order_of(one: KioskOrder) -> Order:
    total, tax = amount(one.total), amount(one.tax)
    return Order(
        source_id=one.id, source_order_number=one.id, ordered_at=one.created_at.astimezone(UTC),
        shop_updated_at=one.changed_at.astimezone(UTC), currency_code=currency(one.currency),
        total=total - tax, total_tax=tax, total_with_tax=total, total_discount=ZERO,
        total_shipping=ZERO, owed=total, owed_tax=tax, taxes_included=False, taxes=(),
        items=tuple(item(line) for line in one.lines), paid=one.paid, paid_at=None, metadata={},
        payment_status=PaymentStatus.PAID if one.paid else PaymentStatus.UNPAID,
        payment_method=None, payment_gateway=None, fulfilled=False, fulfilled_at=None,
        cancelled=False, cancelled_at=None, refunded=False, refunded_at=None, complete=False,
        test=False, deleted=False, customer_name=None, customer_email=None, customer=None,
        billing_address=None, shipping_address=None, transactions=(), refunds=(), tags=(),
    )  # fmt: skip


def item(line: Line) -> Item:
    net, tax = amount(line.net), amount(line.tax)
    return Item(
        name=line.name, sku=None, source_id=line.id, kind=ItemKind.LINE_ITEM, discount=ZERO,
        quantity=amount(line.quantity), price=amount(net / line.quantity), gross_price=None,
        total=net, total_with_tax=net + tax, tax_rate=None,
    )  # fmt: skip


plugin = base.Plugin(
    source="kiosk", options=Options, connect=Kiosk, operations=("orders", "order"),
    shop_key=lambda options: httpx.URL(options.base_url).netloc.decode(),
)  # fmt: skip
