"""The shapes of what the API answers, as JSON Schema for its OpenAPI document."""

from __future__ import annotations

from typing import Any

from ordermill.model.document import DocumentKind, DocumentStatus, LinkType
from ordermill.model.order import ItemKind, OrderStatus, PaymentStatus

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
AMOUNT: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
FREE: Schema = {"type": "object"}


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}


def _one_of(words: Any) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words]}


def _id(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-f]{{24}}$"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def named(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(description: str, **properties: Schema) -> Schema:
    """Every property is always there."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }


TIMES = {"created_at": TIME, "updated_at": TIME}
RATE: Schema = {"anyOf": [AMOUNT, {"type": "null"}], "description": "Percent: 22 is 22 %."}

ORDER = _object(
    "An order as it stands now, invoiced or not.",
    id=_id("ord"), entity_id=_id("ent"), order_integration_id=_id("oint"), source=TEXT,
    source_id=TEXT, source_order_number=_or_null(TEXT), status=_one_of(OrderStatus), paid=FLAG,
    paid_at=_or_null(TIME), fulfilled=FLAG, fulfilled_at=_or_null(TIME), cancelled=FLAG,
    cancelled_at=_or_null(TIME), refunded=FLAG, refunded_at=_or_null(TIME),
    customer_name=_or_null(TEXT), customer_email=_or_null(TEXT), customer=_or_null(FREE),
    billing_address=_or_null(FREE), shipping_address=_or_null(FREE),
    customer_id=_or_null(_id("cus")), currency_code=TEXT, total=AMOUNT, total_with_tax=AMOUNT,
    total_discount=AMOUNT, total_shipping=AMOUNT, items=_list(named("Line")),
    payment_status=_one_of(PaymentStatus), payment_method=_or_null(TEXT),
    payment_gateway=_or_null(TEXT), invoice_id=_or_null(_id("inv")),
    estimate_id=_or_null(_id("est")), process_after=_or_null(TIME),
    transactions=_list(named("Transaction")), complete=FLAG, items_changed_after_processing=FLAG,
    raw_data=_or_null(FREE), source_event_id=_or_null(TEXT), error=_or_null(TEXT),
    ordered_at=_or_null(TIME), processed_at=_or_null(TIME), metadata=FREE, **TIMES,
    deleted_at=_or_null(TIME),
)  # fmt: skip
ORDER["properties"]["error"] |= {"description": "`code: sentence` where held, skipped or reviewed."}
ORDER["properties"]["raw_data"] |= {"description": "By id and with an admin key; null otherwise."}

LINE: Schema = {
    "type": "object",
    "description": "A line. Lines of orders made by calls are as they were sent.",
    "properties": {
        "name": TEXT, "sku": _or_null(TEXT), "source_id": _or_null(TEXT),
        "kind": _one_of(ItemKind), "quantity": AMOUNT, "price": AMOUNT,
        "gross_price": _or_null(AMOUNT), "discount": _or_null(AMOUNT), "total": AMOUNT,
        "total_with_tax": AMOUNT, "tax_rate": _or_null(AMOUNT),
        "taxes": {"anyOf": [_list(named("LineTax")), {"type": "null"}]},
    },
    "required": ["name", "quantity", "price", "total", "total_with_tax"],
}  # fmt: skip
LINE_TAX: Schema = {
    "type": "object",
    "properties": {"rate": RATE, "tax": _or_null(AMOUNT)},
    "required": ["rate"],
}
TRANSACTION = _object(
    "A movement of money at the shop.",
    id=TEXT, kind=TEXT, status=TEXT, gateway=_or_null(TEXT), amount=AMOUNT, currency_code=TEXT,
    at=_or_null(TIME),
)  # fmt: skip
DOCUMENT = _object(
    "An invoice, a credit note or an estimate as it was issued; credit notes are positive, too.",
    id=_id("(inv|cre|est)"), kind=_one_of(DocumentKind), number=TEXT, series=TEXT,
    entity_id=_id("ent"), order_id=_id("ord"), order_integration_id=_id("oint"),
    customer_id=_id("cus"), customer=FREE, issuer=FREE, currency_code=TEXT, date=DAY, date_due=DAY,
    date_service=DAY, items=_list(named("Line")), taxes=_list(named("TaxTotal")), total=AMOUNT,
    total_tax=AMOUNT, total_with_tax=AMOUNT, total_discount=AMOUNT, rounding=AMOUNT,
    total_paid=AMOUNT, total_due=AMOUNT, status=_one_of(DocumentStatus),
    relations=_list(named("Relation")), reason=_or_null(TEXT), metadata=FREE, created_at=TIME,
)  # fmt: skip
TAX_TOTAL: Schema = {
    "type": "object",
    "properties": {"rate": RATE, "base": _or_null(AMOUNT), "tax": AMOUNT},
    "required": ["rate", "tax"],
}
RELATION = _object(
    "Another document that this one refers to.", type=_one_of(LinkType), id=TEXT, number=TEXT
)
PAYMENT = _object(
    "Money that came, went back (credit_note_id alone), or a credit that was applied (both).",
    id=_id("pmt"), entity_id=_id("ent"), order_id=_id("ord"), invoice_id=_or_null(_id("inv")),
    credit_note_id=_or_null(_id("cre")), type=TEXT, amount=AMOUNT, currency_code=TEXT,
    reference=_or_null(TEXT), date=DAY,
)  # fmt: skip
CUSTOMER = _object(
    "A buyer, one for all orders of the same person or company.",
    id=_id("cus"), entity_id=_id("ent"), name=_or_null(TEXT), email=_or_null(TEXT),
    phone=_or_null(TEXT), company_name=_or_null(TEXT), tax_number=_or_null(TEXT),
    company_number=_or_null(TEXT), is_business=FLAG, address=_or_null(FREE), metadata=FREE, **TIMES,
)  # fmt: skip
INTEGRATION = _object(
    "A shop, or the orders made by calls (source manual), with its rules.",
    id=_id("oint"), entity_id=_id("ent"), handle=TEXT, name=TEXT, source=TEXT, is_active=FLAG,
    shop_domain=_or_null(TEXT), auto_process=FLAG, auto_process_on=TEXT,
    auto_process_delay_seconds=WHOLE, issue_invoice_on_complete=FLAG, issue_invoice_for_bank=FLAG,
    auto_reissue_on_update=FLAG, reissue_settle_seconds=WHOLE,
    default_payment_type=_or_null(TEXT), on_cancel_after_invoice=TEXT, metadata=FREE, **TIMES,
    deleted_at=_or_null(TIME),
)  # fmt: skip
ENTITY = _object(
    "A legal merchant: it issues the documents.",
    id=_id("ent"), handle=TEXT, name=TEXT, address=FREE, tax_number=_or_null(TEXT),
    currency_code=TEXT, timezone=TEXT, payment_due_days=WHOLE, created_at=TIME,
)  # fmt: skip
EVENT = _object(
    "Something that happened to an order, with its reason.",
    id=TEXT, type=TEXT, at=TIME, actor=TEXT, reason=_or_null(TEXT), data=FREE,
)  # fmt: skip
CHANGE = _object(
    "A difference between what is billed and what the order says; line null: the order, its buyer.",
    line=_or_null(TEXT), field=TEXT, billed={}, desired={},
)  # fmt: skip
PAGINATION = _object(
    "Where to go on: pass a cursor back as the parameter of its name.",
    total=WHOLE | {"minimum": -1, "description": "-1 where it was not asked for."},
    next_cursor=_or_null(TEXT), prev_cursor=_or_null(TEXT), has_more=FLAG,
)  # fmt: skip
PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457; `code` is for programs, `message` repeats `detail`.",
    "properties": {
        "type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT, "code": TEXT,
        "message": TEXT, "details": FREE,
        "errors": _list(_object("A field.", pointer=TEXT, message=TEXT)),
    },
    "required": ["type", "title", "status", "detail", "code", "message"],
}  # fmt: skip

COMPONENTS: dict[str, Schema] = {
    "Order": ORDER, "Line": LINE, "LineTax": LINE_TAX, "Transaction": TRANSACTION,
    "Document": DOCUMENT, "TaxTotal": TAX_TOTAL, "Relation": RELATION, "Payment": PAYMENT,
    "Customer": CUSTOMER, "Integration": INTEGRATION, "Entity": ENTITY, "Event": EVENT,
    "Change": CHANGE, "Pagination": PAGINATION, "Problem": PROBLEM,
}  # fmt: skip


def data(of: str, *, paged: bool) -> Schema:
    """A list as it is answered."""
    parts = {"data": _list(named(of))} | ({"pagination": named("Pagination")} if paged else {})
    return {"type": "object", "properties": parts, "required": list(parts)}
