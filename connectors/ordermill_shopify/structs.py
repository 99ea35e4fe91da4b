"""The stored payload of an order as typed values: what the queries select, connections as lists.

Only what an order cannot be read without is required. Enums are plain text, for Shopify adds values
with every version.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Raw(Struct, frozen=True, rename="camel"):
    """GraphQL writes names in camel case."""


class Money(Raw, frozen=True):
    amount: str
    currency_code: str


class Bag(Raw, frozen=True):
    shop_money: Money
    presentment_money: Money


class TaxLine(Raw, frozen=True, kw_only=True):
    """``rate`` 0.2 and ``ratePercentage`` 20 say the same; a sale's tax line has no amount."""

    title: str = ""
    rate: Decimal | None = None
    rate_percentage: Decimal | None = None
    channel_liable: bool | None = None
    price_set: Bag | None = None


class Allocation(Raw, frozen=True):
    allocated_amount_set: Bag


class Reference(Raw, frozen=True):
    id: str | None = None


class Line(Raw, frozen=True, kw_only=True):
    """``quantity`` is as ordered; ``current_quantity`` after edits and refunds."""

    id: str
    quantity: int
    current_quantity: int
    original_unit_price_set: Bag
    original_total_set: Bag
    title: str = ""
    name: str = ""
    sku: str | None = None
    is_gift_card: bool = False
    tax_lines: list[TaxLine] = []
    discount_allocations: list[Allocation] = []


class Ship(Raw, frozen=True, kw_only=True):
    original_price_set: Bag
    discounted_price_set: Bag
    id: str | None = None
    title: str = ""
    code: str | None = None
    is_removed: bool = False
    tax_lines: list[TaxLine] = []


class Fee(Raw, frozen=True, kw_only=True):
    id: str
    name: str = ""


class Transaction(Raw, frozen=True, kw_only=True):
    id: str
    kind: str
    status: str
    amount_set: Bag
    gateway: str | None = None
    formatted_gateway: str | None = None
    created_at: str | None = None
    processed_at: str | None = None


class RefundLine(Raw, frozen=True, kw_only=True):
    quantity: int
    line_item: Reference
    subtotal_set: Bag
    total_tax_set: Bag


class RefundShipping(Raw, frozen=True, kw_only=True):
    subtotal_amount_set: Bag
    tax_amount_set: Bag
    shipping_line: Reference | None = None


class RefundTransaction(Raw, frozen=True, kw_only=True):
    kind: str
    status: str
    amount_set: Bag


class Refund(Raw, frozen=True, kw_only=True):
    id: str
    processed_at: str
    total_refunded_set: Bag
    created_at: str | None = None
    note: str | None = None
    refund_line_items: list[RefundLine] = []
    refund_shipping_lines: list[RefundShipping] = []
    transactions: list[RefundTransaction] = []


class SaleTax(Raw, frozen=True):
    amount: Bag
    tax_line: TaxLine


class Sale(Raw, frozen=True, kw_only=True):
    """An entry of the sales ledger, signed; ``total_amount`` contains the tax."""

    line_type: str
    total_amount: Bag
    total_tax_amount: Bag
    quantity: int | None = None
    taxes: list[SaleTax] = []
    line_item: Reference | None = None
    shipping_line: Reference | None = None
    duty: Reference | None = None
    additional_fee: Reference | None = None


class Agreement(Raw, frozen=True, kw_only=True):
    sales: list[Sale]
    refund: Reference | None = None


class Address(Raw, frozen=True, kw_only=True):
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    zip: str | None = None
    province: str | None = None
    province_code: str | None = None
    country: str | None = None
    country_code_v2: str | None = None
    phone: str | None = None


class Customer(Raw, frozen=True, kw_only=True):
    id: str
    display_name: str | None = None


class Company(Raw, frozen=True, kw_only=True):
    id: str | None = None
    name: str | None = None
    external_id: str | None = None


class TaxSettings(Raw, frozen=True, kw_only=True):
    tax_registration_id: str | None = None


class Location(Raw, frozen=True, kw_only=True):
    name: str | None = None
    external_id: str | None = None
    tax_settings: TaxSettings | None = None


class Purchaser(Raw, frozen=True, kw_only=True):
    """Empty where a person bought."""

    company: Company | None = None
    location: Location | None = None


class Field(Raw, frozen=True, kw_only=True):
    key: str
    value: str
    purpose: str = ""
    country_code: str | None = None


class Attribute(Raw, frozen=True, kw_only=True):
    key: str
    value: str | None = None


class Order(Raw, frozen=True, kw_only=True):
    """One order as the queries select it; ``refunds`` stay in JSON until their ledger is known."""

    updated_at: str
    created_at: str
    currency_code: str
    presentment_currency_code: str
    taxes_included: bool
    current_total_price_set: Bag
    current_total_tax_set: Bag
    line_items: list[Line]
    shipping_lines: list[Ship] = []

    name: str | None = None
    processed_at: str | None = None
    cancelled_at: str | None = None
    cancel_reason: str | None = None
    closed_at: str | None = None
    confirmed: bool = True
    test: bool = False
    edited: bool = False
    estimated_taxes: bool = False
    duties_included: bool = False
    tax_exempt: bool = False
    display_financial_status: str | None = None
    display_fulfillment_status: str | None = None
    return_status: str | None = None
    customer_locale: str | None = None
    source_name: str | None = None
    source_identifier: str | None = None
    confirmation_number: str | None = None
    po_number: str | None = None
    payment_gateway_names: list[str] = []
    discount_codes: list[str] = []
    tags: list[str] = []
    note: str | None = None
    total_received_set: Bag | None = None
    total_refunded_set: Bag | None = None
    total_outstanding_set: Bag | None = None
    custom_attributes: list[Attribute] = []
    current_tax_lines: list[TaxLine] = []
    additional_fees: list[Fee] = []
    transactions: list[Transaction] = []
    refunds: list[Refund] = []
    agreements: list[Agreement] | None = None
    localized_fields: list[Field] = []

    email: str | None = None
    phone: str | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    customer: Customer | None = None
    purchasing_entity: Purchaser | None = None
