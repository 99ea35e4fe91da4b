"""Twenty thousand random orders, each with a life: documents that are right whatever happens."""

from __future__ import annotations

import random

import pytest

from invoicing.cases import EAGER, Life
from invoicing.platform import Shop
from invoicing.proved import findings
from ordermill.invoicing import decide, reissue, settle
from ordermill.model import content as contents
from ordermill.model.books import due, held
from ordermill.model.case import Desk
from ordermill.model.codes import Hold, code_of
from ordermill.model.document import Content, DocumentKind, DocumentStatus
from ordermill.model.money import unit_of
from ordermill.model.order import ZERO, OrderStatus

ORDERS = 20_000
CHUNKS = 20
STEPS = [0, 1, 2, 4, 8]
WAYS = [
    "edit",
    "edit",
    "edit",
    "refund_lines",
    "refund_lines",
    "refund_amount",
    "refund_amount",
    "touch",
    "rekey",
    "pay",
    "give_back",
]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_chain_of_documents_is_what_the_shop_says_is_owed(chunk: int) -> None:
    for seed in range(chunk, ORDERS, CHUNKS):
        shop = Shop.open(seed)
        life = Life(shop.order(), EAGER, "shopify" if shop.current else "woocommerce").tick()
        right(life, shop, seed)
        rng = random.Random(-seed)
        for _ in range(rng.choice(STEPS)):
            documents, invoices = len(life.case.documents), len(life.invoices)
            ways, refunds = at_once(rng, shop), len(shop.refunds)
            for way in ways:
                getattr(shop, way)()
            life.now += settle.DAY
            life.shop_says(shop.order())
            right(life, shop, seed)
            money(life, shop, seed)
            if {*ways} <= {"touch", "rekey", "pay", "give_back"}:
                assert len(life.case.documents) == documents, f"seed {seed}: {ways} are no change"
            if "edit" not in ways and all(refund.amount for refund in shop.refunds[refunds:]):
                assert len(life.invoices) == invoices, f"seed {seed}: {ways} are no edit"


def at_once(rng: random.Random, shop: Shop) -> list[str]:
    """What happens between two looks, mostly one thing. Not so a payment, nor where nothing is
    owed: with an edit, money may come or go back for what no invoice ever said."""
    ways = rng.choices(WAYS, k=rng.choice([1, 1, 1, 2, 3]))
    return ways[:1] if "pay" in ways or not shop.owes else ways


def right(life: Life, shop: Shop, seed: int) -> None:
    """Everything that must hold of an order at rest."""
    case = life.case
    if case.invoice is None:
        assert case.status in (OrderStatus.SKIPPED, OrderStatus.PENDING), (
            f"seed {seed}: {case.error}"
        )
        return
    if code_of(case.error) == Hold.REFUND_BELOW_LINE and case.order.refunds:
        return  # a line that was refunded with the whole order, edited afterwards: held by rule
    assert case.error is None, f"seed {seed}: {case.error}"
    assert not case.items_changed, f"seed {seed}: {case.changes}"
    if shop.finer and not life.billed and life.owed == unit_of(case.order.currency_code):
        return  # a cent that no line owes is nothing to invoice
    assert life.billed == life.owed, f"seed {seed}: billed {life.billed}, owed {life.owed}"
    live = [d for d in life.invoices if d.status is not DocumentStatus.CREDITED]
    assert len(live) <= 1, f"seed {seed}: {len(live)} live invoices"
    for document in case.documents:
        arithmetic(document.content, seed)
        if not shop.finer:
            bases(document.content, seed)
    for note in life.credit_notes:
        assert note.content.total_with_tax > 0 or not note.refund_id, f"seed {seed}"
    for invoice in life.invoices:
        assert invoice.credited <= invoice.content.total_with_tax, f"seed {seed}"
    assert findings(life) == [], f"seed {seed}: {findings(life)}"
    nothing_again(life, seed)


def money(life: Life, shop: Shop, seed: int) -> None:
    """Each movement once; what is due is what is owed and was not paid. Of a shop that counts parts
    of the unit, each payment is rounded."""
    case = life.case
    if case.invoice is None or case.error is not None:
        return
    notes = {note.refund_id: note.content.total_with_tax for note in life.credit_notes}
    unit = unit_of(case.order.currency_code)
    if any(k.refund.amount > notes.get(k.refund.source_id, ZERO) + unit for k in case.refunds):
        return  # with an edit, more was refunded than any invoice said
    if shop.sales is not None:
        assert held(case) == shop._money(shop._held()), f"seed {seed}"
    live = [d for d in life.invoices if d.status is not DocumentStatus.CREDITED]
    open_, owing = sum(map(due, live), ZERO), max(ZERO, life.owed - held(case))
    parts = unit * len(case.payments) if shop.finer else ZERO
    assert open_ <= owing + parts, f"seed {seed}"
    if not any(payment.key.startswith("refund:") for payment in case.payments):
        assert open_ >= owing - parts, f"seed {seed}"  # else paid back although some was still due


def arithmetic(content: Content, seed: int) -> None:
    unit = unit_of(content.currency_code)
    assert sum((item.total for item in content.items), ZERO) == content.total
    assert sum((tax.tax for tax in content.taxes), ZERO) == content.total_tax
    assert content.total + content.total_tax + content.rounding == content.total_with_tax
    for item in content.items:
        assert item.total_with_tax == item.total + sum((tax.tax for tax in item.taxes), ZERO)
    amounts = [content.total, content.total_tax, content.total_with_tax, content.rounding]
    amounts += [amount for item in content.items for amount in (item.total, item.total_with_tax)]
    assert all(amount % unit == 0 for amount in amounts), f"seed {seed}"


def bases(content: Content, seed: int) -> None:
    """A tax stands on exactly the lines at its rate."""
    for tax in content.taxes:
        bearing = [i.total for i in content.items if any(t.rate == tax.rate for t in i.taxes)]
        assert not bearing or tax.base == sum(bearing, ZERO), f"seed {seed}: {tax}"


def nothing_again(life: Life, seed: int) -> None:
    """On a case at rest nothing is planned."""
    plan = decide.automatic(life.case, life.desk())
    assert not plan.documents, f"seed {seed}"
    assert not plan.payments, f"seed {seed}"
    assert not plan.events, f"seed {seed}: {plan.events}"


def test_a_reissue_credits_the_invoice_field_by_field_and_is_the_same_each_time() -> None:
    for seed in range(500):
        shop = Shop.open(seed)
        life = Life(shop.order()).tick()
        if life.case.invoice is None:
            continue
        shop.add()
        waiting = Life(shop.order())
        case, old = life.case, life.case.invoice.content
        changed = type(case)(**{f: getattr(case, f) for f in case.__struct_fields__} | {
            "order": waiting.case.order})  # fmt: skip
        plans = [reissue.reissue(changed, fixed(life)) for _ in range(2)]
        assert plans[0] == plans[1], f"seed {seed}"
        note, new = plans[0].documents
        assert note.kind is DocumentKind.CREDIT_NOTE
        assert note.content == old, f"seed {seed}"
        assert contents.is_nothing(contents.minus(old, note.content)), f"seed {seed}"
        assert new.content.total_with_tax == contents.of_order(changed.order).total_with_tax


def fixed(life: Life) -> Desk:
    ids = iter(range(100))
    return Desk(now=life.now, actor="ordermill", new_id=lambda prefix: f"{prefix}_{next(ids)}")
