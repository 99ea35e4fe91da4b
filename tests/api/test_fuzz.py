"""Calls that schemathesis makes up from the OpenAPI document: no 5xx, nothing undocumented.

A short run here; ORDERMILL_FUZZ names how many cases each operation gets (`make check`: 200).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.asked import Api, key_of, made_api
from ordermill.api.routes import ROUTES
from ordermill.store.database import Database
from shops import Stored, an_entity, an_integration

CASES = int(os.environ.get("ORDERMILL_FUZZ", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def fuzzed(sqlite_url: Callable[..., str], clock: Callable[[], datetime]) -> Iterator[Api]:
    """The app over a store of one entity, which a key reaches without naming it."""
    database = Database.open(sqlite_url())
    Stored(database, clock).configure(an_integration(), entities=(an_entity("acme"),))
    yield made_api(database, clock).as_("boss")
    database.close()


def test_whatever_is_sent_is_answered_as_documented(fuzzed: Api, subtests: pytest.Subtests) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", fuzzed.app)
    made = fuzzed.made(payment_status="paid")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == len(ROUTES) + 1  # the receiver of webhooks
    for operation in operations:
        with subtests.test(operation.label):
            ask(operation, made["id"])


def ask(operation: Any, order_id: str) -> None:
    """Half of the calls of an order find one."""

    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(
        max_examples=CASES, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def answered(case: Any, known: bool) -> None:
        if known and case.path_parameters and operation.path.startswith("/orders"):
            case.path_parameters["id"] = order_id
        headers = {"Authorization": f"Bearer {key_of('boss')}"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    answered()
