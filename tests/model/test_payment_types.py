"""What a gateway's name means as a payment type."""

from __future__ import annotations

import pytest

from ordermill.model.payments import payment_type

TYPES = {
    "bacs": "bank_transfer", "bank_deposit": "bank_transfer", "Bank Deposit": "bank_transfer",
    "bank transfer": "bank_transfer", "cod": "cash", "Cash on Delivery (COD)": "cash",
    "cash": "cash", "cheque": "check", "gift_card": "coupon", "Gift Card": "coupon",
    "ppcp": "paypal", "ppcp-gateway": "paypal", "paypal": "paypal", "PayPal Express": "paypal",
    "stripe": "card", "stripe_cc": "card", "Stripe": "card", "shopify_payments": "card",
    "Shopify Payments": "card", "woocommerce_payments": "card",
    "woocommerce_payments_giropay": "card", "bogus": "other", "": "other",
}  # fmt: skip


@pytest.mark.parametrize(("gateway", "kind"), TYPES.items())
def test_a_gateway_is_a_payment_type(gateway: str, kind: str) -> None:
    assert payment_type(gateway, None) == kind


@pytest.mark.parametrize("gateway", ["bogus", "", None])
def test_a_gateway_that_is_not_known_is_the_integrations_default(gateway: str | None) -> None:
    assert payment_type(gateway, "bank_transfer") == "bank_transfer"
