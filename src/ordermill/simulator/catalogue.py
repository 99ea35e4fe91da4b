"""What simulated shops sell, where to, at which taxes, and to whom. All people are invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from ordermill.simulator.drafts import Coupon, Draft, Item, NewCharge, NewShipping
from ordermill.simulator.parts import Address, Customer, Rate

REDUCED = "reduced-rate"
NONE = "zero-rate"


def _item(product_id: int, sku: str, name: str, price: str, tax_class: str = "") -> Item:
    return Item(sku, name, Decimal(price), product_id=product_id, tax_class=tax_class)


PRODUCTS = (
    _item(17, "SHIRT-M", "Majica črna (M)", "19.99"),
    _item(18, "MUG", 'Skodelica ☕ "Šmarna gora"', "7.45"),
    _item(19, "BOOK", "Knjiga: Žabe & ščuke", "24.90", REDUCED),
    _item(22, "SCREW", "Vijak M4", "0.07"),
    _item(24, "LAPTOP", 'Prenosnik 15"', "1249.00"),
    _item(25, "TEA", "日本茶", "980.00"),
    _item(26, "STICKER", "Nalepka", "0.33"),
    _item(28, "NOTAX", "Ni obdavčeno", "10.00", NONE),
    _item(29, "HTML", '<b>HTML & "quotes"</b>  back', "3.25"),
    replace(_item(30, "EBOOK", "Digitalna knjiga", "9.99", REDUCED), requires_shipping=False),
    _item(31, "LAMP", "Lampe „Mond“", "48.00"),
    _item(32, "COAT", "Plašč, zimski", "189.50"),
)
GIFT_CARD = Item(
    "GIFT", "Gift card", Decimal("25.00"), product_id=40, gift_card=True, requires_shipping=False
)


def _rate(id_: int, code: str, title: str, percent: str, *, compound: bool = False) -> Rate:
    return Rate(id_, code, title, Decimal(percent), compound)


@dataclass(frozen=True, slots=True)
class Place:
    """Where buyers live: a city and the rates there, for the standard and the reduced class."""

    country: str
    state: str
    city: str
    postcode: str
    standard: tuple[Rate, ...]
    reduced: tuple[Rate, ...]

    @property
    def rates(self) -> tuple[tuple[str, tuple[Rate, ...]], ...]:
        """As a draft takes them."""
        return ("", self.standard), (REDUCED, self.reduced)


_GST = _rate(8, "CA-GST-1", "GST", "5")
PLACES = (
    Place("SI", "", "Ljubljana", "1000", (_rate(1, "SI-DDV 22%-1", "DDV 22%", "22"),),
          (_rate(2, "SI-DDV 9,5%-1", "DDV 9,5%", "9.5"),)),
    Place("DE", "", "Berlin", "10115", (_rate(4, "DE-MWST 19%-1", "MwSt. 19%", "19"),),
          (_rate(5, "DE-MWST 7%-1", "MwSt. 7%", "7"),)),
    Place("FI", "", "Helsinki", "00100", (_rate(7, "FI-ALV 25,5%-1", "ALV 25,5%", "25.5"),), ()),
    Place("HR", "", "Zagreb", "10000", (_rate(3, "HR-PDV 25%-1", "PDV 25%", "25"),),
          (_rate(6, "HR-PDV 5%-1", "PDV 5%", "5"),)),
    Place("CA", "QC", "Montréal", "H2Y 1C6",
          (_GST, _rate(10, "CA-QC-QST (COMPOUND)-2", "QST (compound)", "9.975", compound=True)),
          (_GST,)),
    Place("CA", "BC", "Vancouver", "V5K 0A1",
          (_GST, _rate(9, "CA-BC-PST-2", "PST", "7")), (_GST,)),
    Place("US", "CA", "San Francisco", "94103",
          (_rate(12, "US-CA-STATE TAX-1", "State Tax", "7.25"),
           _rate(13, "US-CA-COUNTY TAX-2", "County Tax", "1.25")), ()),
    Place("JP", "JP13", "千代田区", "100-0001", (_rate(14, "JP-消費税-1", "消費税", "10"),),
          (_rate(15, "JP-消費税-2", "消費税 8%", "8"),)),
    Place("CH", "", "Zürich", "8001", (), ()),
)  # fmt: skip
HOME = PLACES[0]

_FIRST = "Zoë Žiga Ana José 明子 Jürgen O'Neil Ægir Lučka Muhammad Anne-Marie Đorđe".split()
_LAST = "Čuček O'Brien Müller Núñez 佐藤 Smith Łukasz Dvořák Šmid Ødegård de-la-Cruz Horvat".split()
_STREETS = "Ulica Trg Hauptstraße Rue Cesta Mannerheimintie Avenue".split()
GATEWAYS = (
    ("bacs", "Direct bank transfer"),
    ("stripe", "Credit Card (Stripe)"),
    ("cod", "Cash on delivery"),
    ("ppcp-gateway", "PayPal"),
    ("woocommerce_payments", "WooPayments"),
    ("cheque", "Check payments"),
)
COUPONS = (
    Coupon("pct10", "percent", Decimal(10)),
    Coupon("pct3333", "percent", Decimal("33.33")),
    Coupon("cart5", "fixed_cart", Decimal(5)),
    Coupon("cart1777", "fixed_cart", Decimal("17.77")),
    Coupon("prod2", "fixed_product", Decimal(2)),
)
FULL = Coupon("full100", "percent", Decimal(100))
SHIPPINGS = (
    NewShipping("Pošta Slovenije", Decimal("4.90")),
    NewShipping("International", Decimal("15.07")),
    NewShipping("Local pickup", Decimal("0.00"), "local_pickup"),
    NewShipping("Free shipping", Decimal("0.00"), "free_shipping"),
)


def buyer(random: Random, place: Place, *, company: bool = False) -> tuple[Customer, Address]:
    """An invented person or company, and where it is."""
    first, last = random.choice(_FIRST), random.choice(_LAST)
    number = random.randrange(1, 10_000)
    email, phone = f"cust{number}@example.test", f"+386 40 {random.randrange(100000, 999999)}"
    name = f"{last} & Co. d.o.o." if company else ""
    vat = f"{place.country}{random.randrange(10**7, 10**8)}" if company else ""
    street = f"{random.choice(_STREETS)} {random.randrange(1, 200)}"
    address = Address(
        first, last, name, street, "", place.city, place.state, place.postcode, place.country, phone
    )
    customer_id = number if random.random() < 0.5 else 0
    return Customer(customer_id, first, last, email, phone, name, vat), address


@dataclass(frozen=True, slots=True)
class Habits:
    """How shoppers of a shop are. ``negative_fees``: the shop gives discounts as fees below zero,
    which WooCommerce shops do and Shopify cannot. ``foreign_currencies``: some orders are in
    another currency than the shop's."""

    most_lines: int = 5
    negative_fees: bool = False
    foreign_currencies: bool = False
    test_orders: bool = False


_FOREIGN = (("USD", "0.92"), ("JPY", "0.0061"), ("KWD", "3.01"), ("GBP", "1.19"))


def draft(random: Random, habits: Habits, *, lines: int | None = None) -> Draft:
    """A believable order; everything in it is drawn from ``random``."""
    place = HOME if random.random() < 0.4 else random.choice(PLACES)
    company = random.random() < 0.15
    customer, address = buyer(random, place, company=company)
    gateway, title = random.choice(GATEWAYS)
    currency, rate = None, "1"
    if habits.foreign_currencies and random.random() < 0.2:
        currency, rate = random.choice(_FOREIGN)
    count = lines or random.randint(1, habits.most_lines)
    elsewhere = buyer(random, place)[1] if random.random() < 0.2 else None
    items = tuple(_drawn(random, currency) for _ in range(count))
    return Draft(
        items=items,
        rates=place.rates,
        shipping=_shipping(random, items),
        charges=tuple(_charges(random, habits)),
        coupons=_coupons(random),
        customer=customer, billing=address, ship_to=elsewhere,
        gateway=gateway, gateway_title=title,
        currency=currency, shop_rate=Decimal(rate),
        tax_exempt=company and place is not HOME and random.random() < 0.7,
        test=habits.test_orders and random.random() < 0.05,
        note=random.choice(("", "", "", "Prosim, pustite pri sosedu.")),
        meta=(("_billing_vat_number", customer.vat_id),) if company else (),
    )  # fmt: skip


def _drawn(random: Random, currency: str | None) -> Item:
    if random.random() < 0.04:
        return GIFT_CARD
    product = random.choice(PRODUCTS)
    most = 60 if product.unit_price < 1 else 4
    return replace(priced(product, currency), quantity=Decimal(random.randint(1, most)))


def priced(item: Item, currency: str | None) -> Item:
    """At a price that the currency (None: one with cents) can express."""
    whole = max(item.unit_price.quantize(Decimal(1)), Decimal(1))
    return replace(item, unit_price=whole) if currency == "JPY" else item


def _shipping(random: Random, items: Sequence[Item]) -> tuple[NewShipping, ...]:
    if not any(item.requires_shipping for item in items):
        return ()
    return (random.choice(SHIPPINGS),)


def _charges(random: Random, habits: Habits) -> list[NewCharge]:
    charges = []
    if random.random() < 0.1:
        charges.append(NewCharge("Packing", Decimal("2.55")))
    if random.random() < 0.05:
        charges.append(NewCharge("Tip", Decimal("3.00"), "tip"))
    if habits.negative_fees and random.random() < 0.1:
        charges.append(NewCharge("Popust", Decimal("-0.05")))
    return charges


def _coupons(random: Random) -> tuple[Coupon, ...]:
    drawn = random.random()
    if drawn < 0.02:
        return (FULL,)
    if drawn < 0.25:
        return (random.choice(COUPONS),)
    return tuple(random.sample(COUPONS, 2)) if drawn < 0.3 else ()
