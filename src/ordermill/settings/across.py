"""What concerns more than one value of the file.

Reads the plain values, so that it speaks even where something else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ordermill.settings.fields import is_loopback
from ordermill.settings.findings import Where, shown, suggestion
from ordermill.settings.models import Admin, Api

Chosen = Mapping[str, tuple[Any, str]]  # by handle: the options, the shop key
Problem = tuple[Where, str]


def problems(values: Mapping[str, Any], chosen: Chosen) -> Iterator[Problem]:
    """Every problem with the place it is told at."""
    yield from _same_shops(chosen)
    yield from _references(values)
    yield from _repeated_keys(values)
    yield from _addresses(values)


def _same_shops(chosen: Chosen) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for handle, (_, shop) in chosen.items():
        if shop in first:
            other = shown(first[shop])
            yield ("integrations", handle), f"is the same shop as integration {other}"
        first.setdefault(shop, handle)


def _references(values: Mapping[str, Any]) -> Iterator[Problem]:
    entities = _mapping(values.get("entities"))
    known = [shown(handle) for handle in entities]
    for handle, one in _mapping(values.get("integrations")).items():
        entity = _mapping(one).get("entity")
        if isinstance(entity, str) and entity not in entities:
            where: Where = ("integrations", handle, "entity")
            yield where, f"no such entity; {suggestion(entity, known)}"
        if handle.removeprefix("manual-") in entities and handle.startswith("manual-"):
            yield ("integrations", handle), "is the handle of the entity's manual orders"
    for at, key in enumerate(_sequence(values.get("keys"))):
        for inner, entity in enumerate(_sequence(_mapping(key).get("entities"))):
            if isinstance(entity, str) and entity not in entities:
                yield (
                    ("keys", at, "entities", inner),
                    f"no such entity; {suggestion(entity, known)}",
                )


def _repeated_keys(values: Mapping[str, Any]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for at, key in enumerate(_sequence(values.get("keys"))):
        for name in ("name", "key"):
            value = _mapping(key).get(name)
            if not isinstance(value, str) or not value:
                continue
            first = seen.setdefault((name, value), at)
            if first != at:
                yield ("keys", at, name), f"is the same as keys.{first}.{name}"


def _addresses(values: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        api = Api.model_validate(values.get("api") or {})
        admin = Admin.model_validate(values.get("admin") or {})
    except ValidationError:
        return  # told already
    if admin.token is None and not is_loopback(admin.host):
        yield ("admin", "host"), "is not loopback, so admin.token is required"
    if admin.port == api.port != 0 and admin.host == api.host:
        yield ("admin", "port"), "is the port of the api too; choose another"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
