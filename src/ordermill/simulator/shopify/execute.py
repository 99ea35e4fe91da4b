"""Runs a compiled operation over plain dicts, depth first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ordermill.simulator.shopify import paging
from ordermill.simulator.shopify.paging import Page
from ordermill.simulator.shopify.plan import Field, Kind, Plan, Selections

Path = tuple[str | int, ...]
Pager = Callable[[Sequence[Any], Mapping[str, Any], str], Page]


@dataclass(slots=True)
class Run:
    """One execution. ``denied`` maps (type, field) to why it is null; each occurrence is added to
    ``errors`` with its path, the rest of the answer stays. ``filters`` narrow a list by its
    arguments before it is paged."""

    denied: Mapping[tuple[str, str], str] = field(default_factory=dict)
    filters: Mapping[tuple[str, str], Callable[[Any, Mapping[str, Any]], Any]] = field(
        default_factory=dict
    )
    pager: Pager = paging.of_list
    errors: list[dict[str, Any]] = field(default_factory=list)
    _bags: dict[tuple[int, int], tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    def root(self, plan: Plan, resolve: Callable[[Field], Any]) -> dict[str, Any]:
        """The answer's ``data``; ``resolve`` gives a root field's value."""
        return {f.key: self._shape(f, resolve(f), (f.key,)) for f in plan.fields}

    def object(self, select: Selections, value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The selected fields of one object."""
        if len(select) == 1:
            (fields,) = select.values()
        else:
            fields = select[value["__typename"]]
        out: dict[str, Any] = {}
        for f in fields:
            if self.denied and (f.owner, f.name) in self.denied:
                self._refuse(f, (*path, f.key))
                out[f.key] = None
            elif f.kind is Kind.LEAF:
                out[f.key] = f.owner if f.name == "__typename" else value[f.name]
            else:
                out[f.key] = self._shape(f, value[f.name], (*path, f.key))
        return out

    def _shape(self, f: Field, value: Any, path: Path) -> Any:
        if value is None or f.kind is Kind.LEAF:
            return value
        narrow = self.filters.get((f.owner, f.name))
        if narrow is not None:
            value = narrow(value, f.args)
        if f.type == "MoneyBag":
            return self._bag(f.select, value, path)
        if f.kind is Kind.OBJECT:
            return self.object(f.select, value, path)
        if f.kind is Kind.LIST:
            return self._list(f.select, value[: f.args.get("first")], path)
        page = value if isinstance(value, Page) else self.pager(value, f.args, f.name)
        return self._connection(f, page, path)

    def _bag(self, select: Selections, bag: Any, path: Path) -> dict[str, Any]:
        """Half of a page is amounts, and an order's equal amounts are one bag: made once."""
        key = (id(select), id(bag))
        if key not in self._bags:
            self._bags[key] = (bag, self.object(select, bag, path))
        return self._bags[key][1]

    def _list(self, select: Selections, values: Sequence[Any], path: Path) -> list[Any]:
        return [
            None if value is None else self.object(select, value, (*path, at))
            for at, value in enumerate(values)
        ]

    def _connection(self, f: Field, page: Page, path: Path) -> dict[str, Any]:
        source: dict[str, Any] = {}
        out: dict[str, Any] = {}
        for inner in f.select[f.type]:
            if inner.kind is Kind.LEAF:
                out[inner.key] = f.type
                continue
            if inner.name not in source:
                source[inner.name] = _part(inner.name, page)
            out[inner.key] = self._shape(inner, source[inner.name], (*path, inner.key))
        return out

    def _refuse(self, f: Field, path: Path) -> None:
        self.errors.append(
            {
                "message": self.denied[(f.owner, f.name)],
                "path": list(path),
                "extensions": {"code": "ACCESS_DENIED"},
            }
        )


def _part(name: str, page: Page) -> Any:
    if name == "nodes":
        return page.nodes
    if name == "pageInfo":
        return page.info()
    return [{"node": node, "cursor": page.cursor_of(at)} for at, node in enumerate(page.nodes)]
