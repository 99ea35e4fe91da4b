"""An order as the Admin API answers it, made by hand, and a connector that no network reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from ordermill.connector.base import Context, Unobserved
from ordermill.model.order import Order
from ordermill.simulator.clock import ManualClock
from ordermill_shopify.connector import ShopifyConnector
from ordermill_shopify.normalize import normalize
from ordermill_shopify.options import Options
from ordermill_shopify.raws import raw_order

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
Node = dict[str, Any]


def bag(amount: str, currency: str = "EUR", shop: tuple[str, str] | None = None) -> Node:
    own = shop or (amount, currency)
    return {
        "shopMoney": {"amount": own[0], "currencyCode": own[1]},
        "presentmentMoney": {"amount": amount, "currencyCode": currency},
    }


def tax(amount: str, rate: float | None = 0.22, title: str = "VAT") -> Node:
    percentage = None if rate is None else round(rate * 100, 4)
    return {"title": title, "rate": rate, "ratePercentage": percentage, "channelLiable": False,
            "priceSet": bag(amount)}  # fmt: skip


def line(number: int = 11, **other: Any) -> Node:
    """Two units of 10.00 net at 22 %."""
    return {
        "id": f"gid://shopify/LineItem/{number}", "title": "Cup", "variantTitle": None,
        "name": "Cup - Blue", "sku": "CUP", "isGiftCard": False,
        "quantity": 2, "currentQuantity": 2, "originalUnitPriceSet": bag("10.0"),
        "originalTotalSet": bag("20.0"), "taxLines": [tax("4.4")], "discountAllocations": [],
    } | other  # fmt: skip


def shipping(**other: Any) -> Node:
    """5.00 net at 22 %."""
    return {
        "id": "gid://shopify/ShippingLine/21", "title": "Post", "code": "post", "isRemoved": False,
        "originalPriceSet": bag("5.0"), "discountedPriceSet": bag("5.0"),
        "taxLines": [tax("1.1")], "discountAllocations": [],
    } | other  # fmt: skip


def paid(amount: str = "30.5", kind: str = "SALE", **other: Any) -> Node:
    return {
        "id": "gid://shopify/OrderTransaction/31", "kind": kind, "status": "SUCCESS",
        "test": False, "gateway": "shopify_payments", "formattedGateway": "Shopify Payments",
        "createdAt": "2026-11-20T10:00:01Z", "processedAt": "2026-11-20T10:00:02Z",
        "amountSet": bag(amount), "amountRoundingSet": None,
    } | other  # fmt: skip


def page_of(*nodes: Node, end: str | None = None) -> Node:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": end is not None, "endCursor": end}}


def order(**other: Any) -> Node:
    """30.50 EUR with 5.50 of tax: two cups and the post, paid by card."""
    total, nothing = bag("30.5"), bag("0.0")
    return {
        "id": "gid://shopify/Order/1001", "legacyResourceId": "1001", "name": "#1001",
        "createdAt": "2026-11-20T10:00:00Z", "processedAt": "2026-11-20T10:00:00Z",
        "updatedAt": "2026-11-20T10:05:00Z", "cancelledAt": None, "cancelReason": None,
        "closedAt": None, "confirmed": True, "test": False, "edited": False,
        "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED",
        "returnStatus": "NO_RETURN", "taxesIncluded": False, "taxExempt": False,
        "estimatedTaxes": False, "dutiesIncluded": False,
        "currencyCode": "EUR", "presentmentCurrencyCode": "EUR", "customerLocale": "en",
        "sourceName": "web", "sourceIdentifier": None, "confirmationNumber": "ABC",
        "poNumber": None, "paymentGatewayNames": ["shopify_payments"], "discountCodes": [],
        "tags": ["new"], "note": None,
        "originalTotalPriceSet": total, "currentSubtotalPriceSet": bag("20.0"),
        "currentTotalPriceSet": total, "currentTotalTaxSet": bag("5.5"),
        "currentTotalDiscountsSet": nothing, "currentShippingPriceSet": bag("5.0"),
        "currentTotalDutiesSet": None, "currentTotalAdditionalFeesSet": None,
        "totalTipReceivedSet": nothing, "totalReceivedSet": total, "totalRefundedSet": nothing,
        "totalOutstandingSet": nothing, "refundDiscrepancySet": nothing,
        "customAttributes": [], "currentTaxLines": [tax("5.5")], "additionalFees": [],
        "transactions": [paid()], "email": "ann@example.com", "phone": None,
        "billingAddress": {
            "firstName": "Ann", "lastName": "Lee", "name": "Ann Lee", "company": None,
            "address1": "Street 1", "address2": None, "city": "Ljubljana", "zip": "1000",
            "province": None, "provinceCode": None, "country": "Slovenia",
            "countryCodeV2": "SI", "phone": "+386 1",
        },
        "shippingAddress": None,
        "customer": {"id": "gid://shopify/Customer/7", "displayName": "Ann Lee"},
        "purchasingEntity": None, "localizedFields": page_of(), "lineItems": page_of(line()),
        "shippingLines": page_of(shipping()), "refunds": [],
    } | other  # fmt: skip


def normalized(node: Node, *, presentment: bool = True) -> Order:
    return normalize(raw_order(node), presentment=presentment)


def cost(requested: float = 100, used: float = 50, available: float = 1900) -> Node:
    return {
        "cost": {
            "requestedQueryCost": requested, "actualQueryCost": used,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": available,
                               "restoreRate": 100.0},
        }
    }  # fmt: skip


Asked = tuple[str, dict[str, Any]]


class Shop:
    """Answers what ``reply`` says, given the document's name and the variables; keeps a list."""

    def __init__(self, reply: Callable[[str, dict[str, Any]], Any]) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        if not request.url.path.endswith("/graphql.json"):
            answer = self.reply(request.url.path, {})
        else:
            body = json.loads(request.content)
            name = body["query"].split("(")[0].split("{")[0].split()[1]
            self.asked.append((name, body["variables"]))
            answer = self.reply(name, body["variables"])
        if isinstance(answer, httpx.Response):
            return answer
        found = answer if "data" in answer or "errors" in answer else {"data": answer}
        return httpx.Response(
            200,
            json={"extensions": cost()} | found,
            headers={"X-Shopify-API-Version": "2026-10"},
        )


def connected(
    reply: Callable[[str, dict[str, Any]], Any], *, page_size: int = 100, **options: Any
) -> tuple[ShopifyConnector, Shop, ManualClock]:
    clock = ManualClock(NOW)
    shop = Shop(reply)
    context = Context("shop", clock.now, clock.sleep, Unobserved(), page_size)
    given = {"shop_domain": "acme.myshopify.com"} | (options or {"access_token": "shpat_1"})
    connector = ShopifyConnector(Options.model_validate(given), context, httpx.MockTransport(shop))
    return connector, shop, clock
