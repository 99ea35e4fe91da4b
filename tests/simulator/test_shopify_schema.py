"""Every field that the Admin schema gives an order can be asked for, and has its type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from ordermill.simulator.shopify import shop as shops
from ordermill.simulator.shopify.document import schema
from ordermill.simulator.shopify.order import OrderNode
from simulator.books import START, a_ledger, by_hand, lived

_SCALARS: dict[str, Any] = {
    "Boolean": lambda v: isinstance(v, bool),
    "Int": lambda v: type(v) is int,
    "Float": lambda v: type(v) is float,
    "ID": lambda v: v.startswith("gid://shopify/"),
    "UnsignedInt64": lambda v: isinstance(v, str) and v.isdigit(),
    "DateTime": lambda v: len(v) == 20 and v.endswith("Z"),
    "Decimal": lambda v: isinstance(v, str) and "." in v and Decimal(v).is_finite(),
    "Money": lambda v: isinstance(v, str) and Decimal(v).is_finite(),
}


class Checker:
    """Walks a node by the schema and notes what does not fit."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.values = 0
        self._seen: set[int] = set()

    def check(self, type_: Any, value: Any, path: str) -> None:
        if isinstance(type_, GraphQLNonNull):
            if value is None:
                self.faults.add(f"{path} is null")
            type_ = type_.of_type
        if value is None:
            return
        if isinstance(type_, GraphQLList):
            for each in value:
                self.check(type_.of_type, each, path)
        elif is_leaf_type(type_):
            self._leaf(type_, value, path)
        else:
            self._object(type_, value, path)

    def _leaf(self, type_: Any, value: Any, path: str) -> None:
        self.values += 1
        if isinstance(type_, GraphQLEnumType):
            fits = value in type_.values
        else:
            fits = _SCALARS.get(type_.name, lambda v: isinstance(v, str))(value)
        if not fits:
            self.faults.add(f"{path} is no {type_.name}: {value!r}")

    def _object(self, type_: Any, value: Any, path: str) -> None:
        if type_.name.endswith("Connection"):
            node = type_.fields["nodes"].type
            self.check(node, value, path)
            return
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if is_abstract_type(type_):
            type_ = schema().type_map[value["__typename"]]
        assert isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items():
            at = f"{type_.name}.{name}"
            try:
                found = value[name]
            except KeyError:
                self.faults.add(f"{at} is missing")
                continue
            self.check(field.type, found, at)


@pytest.mark.parametrize("included", [True, False])
def test_every_field_of_every_kind_of_order_has_its_type(included: bool) -> None:
    ledger = a_ledger(included=included)
    by_hand(ledger)
    lived(ledger, 40, 100)
    checker, nodes = Checker(), [OrderNode(order) for order in ledger.orders()]
    for node in nodes:
        checker.check(schema().type_map["Order"], node, "Order")
    assert checker.faults == set()
    assert checker.values > 300 * len(nodes)


def test_the_shop_has_every_field_too() -> None:
    checker = Checker()
    checker.check(schema().type_map["Shop"], shops.shop(a_ledger().shop, START), "Shop")
    installed = shops.installation(shops.SCOPES)
    checker.check(schema().type_map["AppInstallation"], installed, "AppInstallation")
    assert checker.faults == set()


def test_amounts_are_written_as_shopify_writes_them() -> None:
    """Decimal strings without trailing zeros but with a decimal; yen have none."""
    ledger = a_ledger()
    by_hand(ledger)
    amounts = {
        bag["presentmentMoney"]["currencyCode"]: bag["presentmentMoney"]["amount"]
        for bag in (OrderNode(order)["totalTaxSet"] for order in ledger.orders())
    }
    assert {"EUR", "USD", "JPY", "KWD"} <= amounts.keys()
    assert amounts["JPY"].endswith(".0")
    assert get_named_type(schema().type_map["MoneyV2"].fields["amount"].type).name == "Decimal"
