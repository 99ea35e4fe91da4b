"""What callers send: orders as they make and change them. What the server owns is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ordermill.api.fields import (
    Amount,
    Currency,
    Flag,
    Line,
    Long,
    Metadata,
    Moment,
    Name,
    SourceId,
)
from ordermill.api.problems import Problem
from ordermill.api.reading import Unreadable, read
from ordermill.model.order import ZERO

MOST_ITEMS = 2_000
# The default of what may be left out but never be null; nobody reads it.
UNSENT: Any = None
B = TypeVar("B", bound=BaseModel)


class Kept(BaseModel):
    """A nested object: its known keys are checked, others are kept as they were sent."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)

    def sent(self) -> dict[str, Any]:
        """What was sent, amounts as exact decimals; what was not sent is not there."""
        return self.model_dump(exclude_unset=True)


class Closed(BaseModel):
    """An object that has these keys and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Tax(Kept):
    """One tax of a line: its rate in percent, and the amount where it is known."""

    rate: Amount | None
    tax: Amount | None = None


class Item(Kept):
    """A line: ``price`` is the net unit price before discount, ``total`` the net of the line."""

    name: Name
    quantity: Amount
    price: Amount
    total: Amount
    total_with_tax: Amount
    gross_price: Amount | None = None
    discount: Amount | None = None
    tax_rate: Amount | None = Field(default=None, description="Percent: 22 is 22 %.")
    taxes: Annotated[list[Tax], Field(max_length=50)] | None = None
    sku: Line | None = None
    source_id: Line | None = None
    unit: Line | None = None
    kind: Literal["line_item", "shipping", "fee", "adjustment"] = "line_item"


class Customer(Kept):
    """The buyer, beyond name and e-mail address."""

    phone: Line | None = None
    company_name: Line | None = None
    tax_number: Line | None = None
    company_number: Line | None = None
    is_business: Flag = False
    notes: Long | None = None
    source_id: Line | None = None


class Address(Kept):
    """A postal address."""

    name: Line | None = None
    company: Line | None = None
    address: Line | None = None
    address_2: Line | None = None
    city: Line | None = None
    state: Line | None = None
    post_code: Line | None = None
    country: Line | None = None
    country_code: Line | None = Field(default=None, description="ISO 3166, such as SI.")
    phone: Line | None = None


Items = Annotated[list[Item], Field(min_length=1, max_length=MOST_ITEMS)]
PaymentStatus = Literal["unpaid", "paid", "partially_paid", "refunded"]


class NewOrder(Closed):
    """An order made by a call. ``total`` is net, ``total_with_tax`` gross."""

    order_integration_id: Annotated[str, Field(max_length=36)] | None = None
    source: Literal["shopify", "woocommerce", "manual"]
    source_id: SourceId
    source_order_number: Line | None = None
    customer_name: Line | None = None
    customer_email: Line | None = None
    customer: Customer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    currency_code: Currency
    total: Amount
    total_with_tax: Amount
    total_discount: Amount = Field(default=ZERO)
    total_shipping: Amount = Field(default=ZERO)
    items: Items
    payment_status: PaymentStatus = "unpaid"
    payment_method: Line | None = None
    payment_gateway: Line | None = None
    ordered_at: Moment | None = None
    metadata: Metadata = {}


class ChangedOrder(Closed):
    """What a call changes of an order: what is not sent stays. Nested objects replace the old ones;
    ``metadata`` is merged, null removes a key."""

    source_order_number: Line | None = None
    customer_name: Line | None = None
    customer_email: Line | None = None
    customer: Customer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    currency_code: Currency = UNSENT
    total: Amount = UNSENT
    total_with_tax: Amount = UNSENT
    total_discount: Amount = UNSENT
    total_shipping: Amount = UNSENT
    items: Items = UNSENT
    payment_status: PaymentStatus = UNSENT
    payment_method: Line | None = None
    payment_gateway: Line | None = None
    ordered_at: Moment | None = None
    metadata: Metadata = UNSENT


class Nothing(Closed):
    """An empty body, or an empty object."""


def parsed(body: bytes, kind: type[B]) -> B:
    """The body as what it must be; 422 with an entry per field that is not."""
    try:
        value = read(body or b"{}") if kind is Nothing else read(body)
    except Unreadable as error:
        raise Problem(422, "invalid_body", f"the body cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise Problem(422, "invalid_body", "the body must be a JSON object")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        found = [_entry(each) for each in error.errors(include_url=False, include_input=False)]
        said = "; ".join(f"{each['pointer']} {each['message']}" for each in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise Problem(422, "invalid_body", said + more, errors=found[:100]) from None


def _entry(error: Any) -> dict[str, str]:
    """``pointer`` (RFC 6901) into the body. What stood there is not repeated."""
    steps = [step for step in error["loc"] if not _of_union(step)]
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')[:100]}" for step in steps)
    said = error["msg"][:1].lower() + error["msg"][1:]
    return {"pointer": pointer, "message": _MESSAGES.get(error["type"], said)}


def _of_union(step: Any) -> bool:
    return isinstance(step, str) and step.startswith(("function-", "constrained-", "nullable"))


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not taken here",
    "string_type": "must be a text",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
}
