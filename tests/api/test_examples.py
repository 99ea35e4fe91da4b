"""The published examples, field for field: each call on an order in the state it shows."""

from __future__ import annotations

from typing import Any

from api.asked import EXAMPLES, Api

# What differs from call to call: ids and times, and what follows from the example's own order.
OURS = {"id", "entity_id", "order_integration_id", "invoice_id", "created_at", "updated_at"}
TIMES = {"processed_at", "cancelled_at"}


def same(answer: Any, example: dict[str, Any], *, but: tuple[str, ...] = ()) -> bool:
    """Equal in every attribute but ids and times, which must be there where the example's are."""
    body = answer.json()
    assert list(body) == list(example)
    for name, value in example.items():
        if name in OURS | TIMES:
            assert (body[name] is None) == (value is None), name
        elif name not in but:
            assert body[name] == value, name
    return True


def example_order(api: Api, **other: Any) -> dict[str, Any]:
    manual = next(
        each for each in api.get("/order-integrations").json()["data"] if each["source"] == "manual"
    )
    body = EXAMPLES["create_request"] | {"order_integration_id": manual["id"]} | other
    answer = api.post("/orders", body)
    assert answer.status_code == 201
    assert same(answer, EXAMPLES["create_response"])
    made: dict[str, Any] = answer.json()
    return made


def test_the_published_calls_give_the_published_answers(api: Api) -> None:
    made = example_order(api)
    path = f"/orders/{made['id']}"
    assert same(api.get(path), EXAMPLES["get_response"])
    listed = api.get("/orders").json()
    assert listed["data"] == [made]
    assert listed["pagination"] == EXAMPLES["list_response"]["pagination"]
    processed = api.post(f"{path}/process")
    assert processed.status_code == 200, processed.text
    assert same(processed, EXAMPLES["process_response"], but=("customer_id",))
    changed = {"items": [EXAMPLES["create_request"]["items"][0] | {"name": "Widget", "price": 49,
               "gross_price": 59.78, "total": 98, "total_with_tax": 119.56}], "total": 98,
               "total_with_tax": 119.56}  # fmt: skip
    assert api.patch(path, changed).json()["items_changed_after_processing"] is True
    reissued = api.post(f"{path}/reissue")
    assert reissued.status_code == 200, reissued.text
    ours = ("customer_id", *changed)
    assert same(reissued, EXAMPLES["reissue_response"], but=ours)
    assert reissued.json()["invoice_id"] != processed.json()["invoice_id"]


def test_the_published_update_and_cancellation(api: Api) -> None:
    made = example_order(api)
    path = f"/orders/{made['id']}"
    updated = api.patch(path, EXAMPLES["update_request"])
    # The published answer shows the order as it was before.
    assert same(updated, EXAMPLES["update_response"] | EXAMPLES["update_request"])
    cleared = api.patch(path, {"customer_name": None, "customer_email": None})
    assert same(cleared, EXAMPLES["update_response"])
    assert same(api.post(f"{path}/cancel"), EXAMPLES["cancel_response"])
