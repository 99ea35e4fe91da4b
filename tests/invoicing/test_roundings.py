"""Parts of the minor unit and taxes that round to nothing: no cent drifts through the refunds, and
nothing is reissued for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from invoicing.cases import EAGER, Life
from invoicing.proved import findings
from ordermill.errors import WrongState
from ordermill.invoicing import reissue, settle
from ordermill.model.order import ZERO, Item, ItemTax, Order, Refund, TaxTotal
from orders import a_refund, an_item, an_order, changed

D = Decimal


def line(source_id: str, net: str, tax: str = "0", rate: str = "22", quantity: int = 1) -> Item:
    """A line at one rate; ``quantity`` 0 for a part of its price."""
    total, amount = D(net), D(tax)
    return an_item(
        f"Thing {source_id}", source_id=source_id, quantity=quantity,
        price=str((total / (quantity or 1)).quantize(D("0.000001"))), total=total,
        total_with_tax=total + amount, tax_rate=D(rate),
        taxes=(ItemTax(rate=D(rate), tax=amount),),
    )  # fmt: skip


def order(*items: Item, refunds: tuple[Refund, ...] = (), **other: Any) -> Order:
    """As WooCommerce shows it: its refunds beside it, their tax unknown if one does not say it."""
    taxes = [tax for item in items for tax in item.taxes]
    sums = {rate: sum((t.tax for t in taxes if t.rate == rate), ZERO) for rate in
            dict.fromkeys(tax.rate for tax in taxes)}  # fmt: skip
    whole = an_order(
        items=items, taxes=tuple(TaxTotal(rate=rate, tax=tax) for rate, tax in sums.items())
    )
    said = [refund.total_tax for refund in refunds]
    values: dict[str, Any] = {
        "refunds": refunds, "owed": whole.total_with_tax - sum((r.amount for r in refunds), ZERO),
        "owed_tax": None if None in said else whole.total_tax - sum(filter(None, said), ZERO),
    }  # fmt: skip
    return changed(whole, **(values | other))


def back(source_id: str, *items: Item, beyond: str = "0") -> Refund:
    """A refund of lines, and of an amount beyond them; then it does not say its tax."""
    gross = sum((item.total_with_tax for item in items), ZERO)
    tax = None if D(beyond) else gross - sum((item.total for item in items), ZERO)
    return a_refund(source_id, str(gross + D(beyond)), items=items, total_tax=tax)


def lived(*orders: Order, source: str = "woocommerce") -> Life:
    """Each version a day after the one before."""
    life = Life(orders[0], EAGER, source).tick()
    for version in orders[1:]:
        life.now += settle.DAY
        life.shop_says(version)
    return life


def right(life: Life) -> None:
    assert life.billed == life.owed
    assert findings(life) == []


def test_the_tax_that_is_owed_goes_on_when_a_refund_no_longer_says_its_own() -> None:
    """The invoice's tax was rounded from what was owed to four decimals; an amount that is given
    back later is no reason to round it from the lines instead."""
    mug, pen = line("1", "45.4727", "10.0040"), line("2", "4.5591", "1.0030")
    part = back("r1", line("1", "18.2091", "4.0060", quantity=0))
    life = lived(
        order(mug),
        order(mug, refunds=(part,)),
        order(mug, pen, refunds=(part,)),
        order(mug, pen, refunds=(part, back("r2", beyond="5.0000"))),
    )
    assert [str(each.content.total_tax) for each in life.invoices] == ["10.00", "7.00"]
    assert life.said("order.reissued") == ["added changed"]
    right(life)


def test_an_amount_that_took_of_a_line_leaves_less_of_it_to_refund() -> None:
    """What does not fit is split anew, over as much as was credited and not as was refunded."""
    mug, book = line("1", "118.4900", "26.0678"), line("2", "451.4100", rate="0")
    refunds = back("r1", beyond="0.5030"), back("r2", mug, beyond="0.0300")
    life = lived(*(order(mug, book, refunds=refunds[:count]) for count in range(3)))
    assert [str(each.content.total_with_tax) for each in life.credit_notes] == ["0.51", "144.58"]
    assert len(life.invoices) == 1
    right(life)


def test_taxes_that_were_rounded_apart_in_every_refund_do_not_add_up() -> None:
    """0.012 of tax are 0.02 of two rates, each time; the next credit note takes less."""
    taxes = ItemTax(rate=D(5), tax=D("0.0500")), ItemTax(rate=D(7), tax=D("0.0700"))
    mug = replace(line("1", "1.0000", quantity=10), total_with_tax=D("1.1200"), taxes=taxes)
    piece = replace(
        mug, quantity=D(1), total=D("0.1000"), total_with_tax=D("0.1120"),
        taxes=tuple(replace(tax, tax=tax.tax / 10) for tax in taxes),
    )  # fmt: skip
    pen = line("2", "10.0000", "2.2000")
    refunds = back("r0", beyond="1.2200"), *(back(f"r{at}", piece) for at in range(1, 8))
    life = lived(*(order(mug, pen, refunds=refunds[:count]) for count in range(9)))
    assert life.billed_tax == D("2.32") - life.credit_notes[0].content.total_tax - D("0.08")
    assert len(life.invoices) == 1
    right(life)


def test_a_refund_whose_taxes_do_not_make_its_tax_is_credited_with_its_tax() -> None:
    """WooCommerce sometimes rounds a line's taxes and their sum apart."""
    mugs, pen = line("1", "20.00", "4.40", quantity=2), line("2", "5.00", "1.10")
    piece = replace(line("1", "10.00", "2.20"), total_with_tax=D("12.21"))
    life = lived(order(mugs, pen), order(mugs, pen, refunds=(back("r1", piece),)))
    assert [each.content.total_tax for each in life.credit_notes] == [D("2.21")]
    assert len(life.invoices) == 1
    right(life)


def test_less_than_a_minor_unit_is_no_payment_and_no_credit_note() -> None:
    free = order(line("1", "0.0040", rate="0"))
    assert lived(free).case.payments == ()
    mug, scrap = line("1", "10.0000", "2.2000"), line("2", "0.0040", rate="0")
    life = lived(order(mug, scrap), order(mug, scrap, refunds=(back("r1", scrap),)))
    assert [str(each.kind) for each in life.case.documents] == ["invoice"]
    right(life)


def test_a_cent_that_no_line_owes_is_nothing_to_invoice() -> None:
    """All of it was refunded, then half a cent more was charged: the lines round to what they
    were."""
    whole, more = line("1", "41.8810", "3.7170"), line("1", "41.8840", "3.7190")
    refund = back("r1", beyond="45.5980")
    life = lived(order(whole), order(whole, refunds=(refund,)), order(more, refunds=(refund,)))
    assert [str(each.kind) for each in life.case.documents] == ["invoice", "credit_note"]
    with pytest.raises(WrongState):
        life.do(reissue.by_hand)


@pytest.mark.parametrize("named", [True, False])
def test_a_rate_whose_tax_is_nothing_has_its_base_in_every_document(named: bool) -> None:
    """Shopify may leave such a rate out of the order's taxes, and the line bears it."""

    def yen(*items: Item, **other: Any) -> Order:
        shown = order(*items, currency_code="JPY", **other)
        taxes = tuple(tax for tax in shown.taxes if tax.tax or named)
        return changed(shown, taxes=taxes, owed=shown.total_with_tax, owed_tax=shown.total_tax)

    rice = line("2", "1000", "100", "10")
    part = back("r1", line("1", "4", "0", "8", quantity=4))
    life = lived(
        yen(line("1", "6", "0", "8", quantity=6), rice),
        yen(line("1", "2", "0", "8", quantity=2), rice, refunds=(part,)),
        yen(line("1", "3", "0", "8", quantity=3), rice, refunds=(part,)),
        source="shopify",
    )
    bases = [
        [tax.base for tax in document.content.taxes if tax.rate == 8]
        for document in life.case.documents
    ]
    assert bases == [[6], [4], [2], [3]]
    right(life)


def test_part_of_a_line_is_found_under_its_new_id_though_its_tax_rounds_to_nothing() -> None:
    """WooCommerce re-saves lines under new ids."""
    before, now = (line(source_id, "1.44", "0.07", "5", quantity=2) for source_id in "12")
    now = replace(now, name=before.name, sku=before.sku)
    part = replace(now, quantity=D(0), total=D("0.14"), total_with_tax=D("0.14"),
                   taxes=(ItemTax(rate=D(5), tax=D("0.00")),))  # fmt: skip
    pen = line("9", "5.00", "1.10")
    life = lived(order(before, pen), order(now, pen, refunds=(back("r1", part),)))
    assert len(life.invoices) == 1
    right(life)


def test_a_refund_that_took_all_takes_an_amount_of_what_is_taxed_anew() -> None:
    """It named no lines, and its credit note took them all: without their present tax."""
    mugs = replace(line("1", "869.00", quantity=10, rate="0"), taxes=())
    refund = back("r1", beyond="869.00")
    taxed = line("1", "879.00", "78.01", "8.875", quantity=10)
    life = lived(order(mugs), order(mugs, refunds=(refund,)), order(taxed, refunds=(refund,)))
    (tax,) = life.invoices[-1].content.taxes
    assert (tax.tax, tax.base) == (D("7.17"), D("80.84"))
    right(life)


def test_a_rate_of_nothing_that_the_invoice_does_not_name_is_not_credited() -> None:
    """Untaxed lines that become lines at 0 % are no change, and credited as they were invoiced."""
    now, pen = line("1", "50.00", rate="0", quantity=2), line("2", "10.00", rate="0")
    untaxed, piece = replace(now, taxes=()), line("1", "25.00", rate="0")
    refunds = (back("r1", piece),)
    life = lived(order(untaxed, pen), order(now, pen, refunds=refunds))
    assert [each.content.taxes for each in life.credit_notes] == [()]
    life.shop_says(order(now, pen, line("3", "5.00", "1.10"), refunds=refunds))
    assert [tax.base for tax in life.invoices[-1].content.taxes] == [35, 5]
    right(life)
