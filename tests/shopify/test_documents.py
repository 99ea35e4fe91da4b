"""Every document this package sends is one that the Admin schema takes."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from ordermill_shopify.documents import bulk_query, document, entry_fields

DATA = Path(__file__).parent.parent / "data" / "shopify"
NAMES = sorted(
    path.name.removesuffix(".graphql")
    for path in resources.files("ordermill_shopify").joinpath("queries").iterdir()
    if path.name not in ("fragments.graphql", "bulk_orders.graphql")
)


@cache
def schema() -> GraphQLSchema:
    # The schema itself breaks a rule of graphql-core (a deprecated field of an interface).
    return build_schema((DATA / "admin-2026-10.graphql").read_text("utf-8"), assume_valid=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_valid_against_the_admin_schema(name: str) -> None:
    assert validate(schema(), parse(document(name))) == []


def test_the_bulk_query_is_valid_without_variables() -> None:
    text = bulk_query("created_at:>='2026-01-01T00:00:00Z'", pii=True, b2b=False)
    assert "$" not in text
    assert validate(schema(), parse(text)) == []


def test_nothing_that_must_not_be_kept_is_ever_asked_for() -> None:
    everything = " ".join(document(name) for name in NAMES) + bulk_query("", pii=True, b2b=True)
    for name in (
        "clientIp",
        "userAgent",
        "receiptJson",
        "accountNumber",
        "authorizationCode",
        "checkoutToken",
        "cartToken",
        "statusPageUrl",
        "landingPageUrl",
        "referrerUrl",
    ):
        assert name not in everything


def test_the_index_asks_only_for_what_costs_nothing() -> None:
    assert "updatedAt" in entry_fields()
    assert not {"transactions", "lineItems", "refunds"} & set(entry_fields())
