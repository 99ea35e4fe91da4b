"""Runs one GraphQL request: reads it, prices it, lets the bucket pay for it, answers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLNonNull

from ordermill.simulator.ledger import Ledger
from ordermill.simulator.shopify import bulk_rules, cost, document, paging, versions
from ordermill.simulator.shopify.bulk import Bulk, Exported, Options, export
from ordermill.simulator.shopify.document import QueryError, operation
from ordermill.simulator.shopify.execute import Run
from ordermill.simulator.shopify.plan import Field, Plan, compile_operation
from ordermill.simulator.shopify.roots import Args, Asked, Roots
from ordermill.simulator.shopify.shop import App, access_denied
from ordermill.simulator.shopify.throttle import Bucket
from ordermill.simulator.shopify.values import number_of
from ordermill.simulator.shopify.webhooks import Subscriptions

DEAREST = 1000
_LIMITS = "https://shopify.dev/api/usage/rate-limits"
_ORDERS = frozenset({"orders", "ordersCount", "order", "refund"})
_SINCE = {
    ("WebhookSubscription", "name"): "2026-04",
    ("LineItem", "priceAfterAllDiscountsBeforeTaxesSet"): "2026-07",
    ("Order", "cartToken"): "2026-07",
    ("Order", "checkoutToken"): "2026-07",
}

Body = dict[str, Any]


class Engine:
    """The GraphQL side of one shop for one app. ``base_url``: where its files are fetched from."""

    def __init__(
        self, ledger: Ledger, app: App, options: Options, supported: tuple[str, ...]
    ) -> None:
        self.app = app
        self.base_url = "http://127.0.0.1"
        self.bucket = Bucket(app.size, ledger.clock.now)
        self.bulk = Bulk(
            options, ledger.clock.now, self._export, lambda n: f"{self.base_url}/bulk/{n}.jsonl"
        )
        self.subscriptions = Subscriptions(ledger.clock.now, lambda: supported[-1])
        self._roots = Roots(
            ledger, app, self.bulk, self.subscriptions, self._start_bulk, supported
        )  # fmt: skip

    def answer(self, text: str, variables: Args, name: str | None, version: str) -> Body:
        """The body of the answer, whatever comes of the request."""
        try:
            asked_for = operation(text, name)
            plan = compile_operation(asked_for, asked_for.variables(variables))
            _check_version(plan.fields, version)
        except QueryError as error:
            return {"errors": error.errors}
        wanted = cost.requested(plan)
        if wanted > DEAREST:
            return _too_dear(wanted)
        if not self.bucket.take(wanted):
            return self.throttled(wanted)
        return self._run(plan, wanted, Asked(version))

    def throttled(self, wanted: int) -> Body:
        """What is said where the points do not suffice."""
        extensions = {"code": "THROTTLED", "documentation": _LIMITS}
        return {
            "errors": [{"message": "Throttled", "extensions": extensions}],
            "extensions": {"cost": self._cost(wanted, None)},
        }

    def _cost(self, wanted: int, used: int | None) -> Body:
        return {
            "requestedQueryCost": wanted,
            "actualQueryCost": used,
            "throttleStatus": self.bucket.status(),
        }

    def _run(self, plan: Plan, wanted: int, asked: Asked) -> Body:
        run = Run(denied=self.app.denied(), filters=_FILTERS)
        try:
            data, errors = self._data(plan, run, asked)
        except QueryError as error:
            self.bucket.give_back(wanted)
            return {"errors": error.errors}
        used = 0 if data is None else cost.actual(plan, data)
        self.bucket.give_back(max(wanted - used, 0))
        body: Body = {"data": data, "extensions": {"cost": self._cost(wanted, used)}}
        if errors:
            body["errors"] = errors
        if asked.searches:
            body["extensions"]["search"] = asked.searches
        return body

    def _data(self, plan: Plan, run: Run, asked: Asked) -> tuple[Body | None, list[Body]]:
        """``data`` is None where a field that cannot be null is denied at the root."""
        refused = [] if "read_orders" in self.app.scopes else list(_refusals(plan))
        if any(not _nullable(f) for f, _ in refused):
            return None, [error for _, error in refused]
        denied = {f.key for f, _ in refused}

        def resolve(f: Field) -> Any:
            return None if f.key in denied else self._roots.value(f.name, f.args, asked)

        return run.root(plan, resolve), [error for _, error in refused] + run.errors

    # Bulk operations

    def _start_bulk(self, args: Args) -> Body:
        text = args["query"]
        try:
            inner = operation(text)
            refused = bulk_rules.refusal(inner, compile_operation(inner, {}))
        except QueryError as error:
            refused = f"Invalid bulk query: {error}"
        if refused is not None:
            invalid = {"code": "INVALID", "field": ["query"], "message": refused}
            return {"bulkOperation": None, "userErrors": [invalid]}
        job, errors = self.bulk.start(text, grouped=args["groupObjects"])
        shown = None if job is None else self.bulk.job(job.number)
        return {"bulkOperation": shown, "userErrors": errors}

    def _export(self, text: str, grouped: bool) -> Exported:
        plan = compile_operation(operation(text), {})
        run = Run(
            denied=self.app.denied(), filters=_FILTERS,
            pager=lambda items, args, name: paging.everything(items),
        )  # fmt: skip
        data, _ = self._data(plan, run, Asked(versions.SUPPORTED[-1], in_bulk=True))
        return Exported([], 0) if data is None else export(plan, data, grouped=grouped)


def _too_dear(wanted: int) -> Body:
    message = f"Query cost is {wanted}, which exceeds the single query max cost limit ({DEAREST})."
    return {
        "errors": [
            {
                "message": message,
                "extensions": {
                    "code": "MAX_COST_EXCEEDED", "cost": wanted, "maxCost": DEAREST,
                    "documentation": _LIMITS,
                },
            }
        ]
    }  # fmt: skip


def _refusals(plan: Plan) -> Iterator[tuple[Field, Body]]:
    """The root fields that show orders, each with the error of an app that may not read them."""
    for f in plan.fields:
        ids = f.args.get("ids", [f.args.get("id") or ""])
        by_id = f.name in ("node", "nodes") and any(number_of(i, "Order") for i in ids)
        if f.name in _ORDERS or by_id:
            yield (
                f,
                {
                    "message": access_denied(f.name, "orders"),
                    "path": [f.key],
                    "extensions": {"code": "ACCESS_DENIED"},
                },
            )


def _nullable(f: Field) -> bool:
    root = document.schema().query_type
    return root is None or not isinstance(root.fields[f.name].type, GraphQLNonNull)


def _check_version(fields: tuple[Field, ...], version: str) -> None:
    """Refuse what this version does not have yet."""
    for f in fields:
        if version < _SINCE.get((f.owner, f.name), ""):
            raise QueryError.of(
                f"Field '{f.name}' doesn't exist on type '{f.owner}'", "undefinedField",
                typeName=f.owner, fieldName=f.name,
            )  # fmt: skip
        for selected in f.select.values():
            _check_version(selected, version)


def _present_freight(value: Any, args: Mapping[str, Any]) -> Any:
    return value if args.get("includeRemovals") else [v for v in value if not v["isRemoved"]]


def _localized(value: Any, args: Mapping[str, Any]) -> Any:
    countries, purposes = args.get("countryCodes"), args.get("purposes")
    return [
        each for each in value
        if (not countries or each["countryCode"] in countries)
        and (not purposes or each["purpose"] in purposes)
    ]  # fmt: skip


_FILTERS = {
    ("Order", "shippingLines"): _present_freight,
    ("Order", "localizedFields"): _localized,
}
